/*
 * The one place that allocates. Everything of ours goes through these four, so that fault
 * injection can fail the nth allocation and a leak shows up in one counter. Raw malloc outside
 * base/ is refused by tools/tidy.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* As malloc, zeroed; NULL when memory is out. */
void *mem_new(size_t size);

/* As calloc for `count` items; NULL on overflow or when memory is out. */
void *mem_new_array(size_t count, size_t item_size);

/* As realloc. */
void *mem_realloc(void *block, size_t size);

/* As free; NULL is accepted. */
void mem_free(void *block);

/* A copy of the bytes with a NUL behind them (not counted); NULL when memory is out. */
char *mem_copy_string(struct slice bytes);

/*
 * Fault injection for tests: the nth allocation from now on (1 is the next) and none after it
 * fails. 0 switches it off. Returns how many allocations were made since the last call.
 * Process-wide.
 */
uint64_t mem_fail_nth(uint64_t nth);

/* The same, but all after it fail too, until mem_fail_nth(0). */
void mem_fail_from(uint64_t nth);

#define MEM_NEW(type) ((type *)mem_new(sizeof(type)))

#endif
