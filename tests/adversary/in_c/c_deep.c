/*
 * The stack that a C compiler keeps in linear memory, below all else: calls with a local array
 * each, and one array of so many bytes. What is too deep must trap, and not write over what lies
 * beside it.
 */
#include "attacks.h"

static double guard = 7;

static __attribute__((noinline)) double call(double n)
{
    volatile char local[256];
    local[(int)n % 256] = 1;
    return n > 0 ? call(n - 1) + local[(int)n % 256] : 0;
}

cordon_value *deep_calls(void)
{
    const double depth = call(attack_size());
    return cordon_number(guard == 7 ? depth : -1);
}

/* Recursion that keeps its few values in registers and on the engine's stack. */
static __attribute__((noinline)) double walk(double left, double right, int levels)
{
    return levels == 0 ? left : walk(right, left + levels, levels - 1) * 0.5 + right - levels;
}

cordon_value *deep_walk(void)
{
    const int levels = (int)attack_size();
    return cordon_number(walk(1, 2, levels) > 1e300 ? -1 : levels);
}

cordon_value *deep_arrays(void)
{
    const int size = (int)attack_size();
    volatile char *local = __builtin_alloca(size);
    local[0] = 1;
    local[size - 1] = 1;
    return cordon_number(guard == 7 ? size : -1);
}
