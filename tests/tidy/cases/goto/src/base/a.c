/* Clean-up is not the function's business. */
void f(void)
{
    goto out;
out:;
}
