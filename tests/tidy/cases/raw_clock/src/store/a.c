/* Clocks are in base. */
long f(void)
{
    return time(NULL);
}
