/*
 * How much a test does. Suites take their size from one number, the environment variable
 * CORDON_TEST_SIZE, a percentage: 100 in `make test`, less under slow sanitizers, 2000 in
 * `make check-long`. A test says what it does at 100 and asks here for what it shall do now.
 */
#ifndef SUPPORT_SIZE_H
#define SUPPORT_SIZE_H

#include <stddef.h>
#include <stdlib.h>

/* `at_100` scaled to this run, never below 1. A missing or unreadable number counts as 100. */
static inline size_t test_size(size_t at_100)
{
    const char *text = getenv("CORDON_TEST_SIZE");
    const unsigned long percent = text == NULL ? 100 : strtoul(text, NULL, 10);
    const size_t size = at_100 * (percent == 0 ? 100 : percent) / 100;
    return size == 0 ? 1 : size;
}

#endif
