/*
 * Calls: functions that do next to nothing but call themselves, Fibonacci's rabbits by plain
 * recursion. The compiler is kept from making one of the two calls a loop.
 */
#include "cordon.h"

enum { MONTHS = 30, RABBITS = 832040 };

__attribute__((noinline, disable_tail_calls)) static uint32_t rabbits(uint32_t month)
{
    return month < 2 ? month : rabbits(month - 1) + rabbits(month - 2);
}

cordon_value *count_rabbits(void)
{
    const uint32_t count = rabbits(MONTHS);
    if (count != RABBITS) {
        cordon_fail("there are other rabbits than Fibonacci counted");
    }
    return cordon_number(count);
}
