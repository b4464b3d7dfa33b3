/* Two. */
#include "base/parts.h"

int parts_two(
    int a)
{
    return a;
}

int *parts_three(void)
{
    return 0;
}
