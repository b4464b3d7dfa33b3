/* Two files with functions of their own, inlined ones, and one that the linker leaves out. */
#include "list.h"

int sum(int count);

int never_called(int index)
{
    return get(index) + get(index + 1);
}

static __attribute__((noinline)) int divide(int a, int b)
{
    return a / b;
}

__attribute__((export_name("run"))) int run(int count)
{
    int last = get(count - 1);
    return divide(sum(count), last) + get(last);
}
