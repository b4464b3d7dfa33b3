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

cordon_value *deep_arrays(void)
{
    const int size = (int)attack_size();
    volatile char *local = __builtin_alloca(size);
    local[0] = 1;
    local[size - 1] = 1;
    return cordon_number(guard == 7 ? size : -1);
}
