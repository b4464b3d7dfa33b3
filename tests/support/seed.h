/*
 * The seed of a test that draws its cases: the environment variable CORDON_TEST_SEED, or one that
 * is drawn. Either is printed in the form in which it can be given again.
 */
#ifndef SUPPORT_SEED_H
#define SUPPORT_SEED_H

#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* To be asked once, before anything is drawn. A drawn one has 48 bits: tests may add to it. */
static inline uint64_t test_seed(void)
{
    const char *const text = getenv("CORDON_TEST_SEED");
    uint64_t seed = 0;
    random_system(&seed, sizeof seed);
    seed = text == NULL ? seed >> 16 : strtoull(text, NULL, 10);
    (void)printf("CORDON_TEST_SEED=%" PRIu64 "\n", seed);
    (void)fflush(stdout);
    return seed;
}

#endif
