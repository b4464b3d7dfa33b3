/* The allocator is in base. */
void f(void *p)
{
    free(p);
}
