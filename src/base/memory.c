/* Allocation with a test hook; see memory.h. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t fail_at;
static _Atomic bool fails_on; /* and so do all after it */
static _Atomic uint64_t counted;
static _Atomic bool counting;

/* Off the hot path: one relaxed load when no test asks for faults. */
static bool fails(void)
{
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) {
        return false;
    }
    const uint64_t n = atomic_fetch_add(&counted, 1) + 1;
    const uint64_t at = atomic_load(&fail_at);
    return n == at || (atomic_load(&fails_on) && n > at);
}

void *mem_new(size_t size)
{
    return fails() ? NULL : calloc(1, size);
}

void *mem_new_array(size_t count, size_t item_size)
{
    return fails() ? NULL : calloc(count, item_size);
}

void *mem_realloc(void *block, size_t size)
{
    return fails() ? NULL : realloc(block, size);
}

void mem_free(void *block)
{
    free(block);
}

char *mem_copy_string(struct slice bytes)
{
    char *copy = mem_new(bytes.size + 1);
    if (copy != NULL && bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return copy;
}

static uint64_t set_faults(uint64_t nth, bool on)
{
    const uint64_t before = atomic_exchange(&counted, 0);
    atomic_store(&fails_on, on);
    atomic_store(&fail_at, nth);
    atomic_store(&counting, true);
    return before;
}

uint64_t mem_fail_nth(uint64_t nth)
{
    return set_faults(nth, false);
}

void mem_fail_from(uint64_t nth)
{
    (void)set_faults(nth, true);
}
