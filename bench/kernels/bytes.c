/*
 * Bytes: short loops of loads and stores that stride through a table of 64 KiB, the sieve of
 * Eratosthenes. There are 6,542 primes below 2^16.
 */
#include "cordon.h"

enum { NUMBERS = 1 << 16, PRIMES = 6542, ROUNDS = 60 };

static uint8_t crossed_out[NUMBERS];

static void sieve(void)
{
    for (uint32_t i = 0; i < NUMBERS; i++) {
        crossed_out[i] = i < 2;
    }
    for (uint32_t i = 2; i * i < NUMBERS; i++) {
        if (!crossed_out[i]) {
            for (uint32_t multiple = i * i; multiple < NUMBERS; multiple += i) {
                crossed_out[multiple] = 1;
            }
        }
    }
}

cordon_value *count_primes(void)
{
    uint32_t primes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        sieve();
        for (uint32_t i = 0; i < NUMBERS; i++) {
            primes += !crossed_out[i];
        }
    }
    if (primes != PRIMES * ROUNDS) {
        cordon_fail("the sieve counts other primes than there are");
    }
    return cordon_number(primes);
}
