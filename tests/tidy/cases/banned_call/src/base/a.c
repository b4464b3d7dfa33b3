/* A call that is banned even in base. */
void f(char *to, const char *from)
{
    strcpy(to, from);
}
