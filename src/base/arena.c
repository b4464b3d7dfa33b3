/* The bump arena: blocks of doubling size, the newest in front. */
#include "base/arena.h"

#include <stdalign.h>

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes behind this header */
    alignas(max_align_t) uint8_t bytes[];
};

/* What a short request needs, and no more than the allocator keeps at hand for each thread (glibc:
 * 1,032 bytes). */
#define BLOCK_BYTES_FIRST ((size_t)1024 - sizeof(struct arena_block))
#define BLOCK_BYTES_MAX ((size_t)1 << 20)

static void free_blocks(struct arena *arena, struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->older;
        account_free(arena->account, block, block->size + sizeof *block);
        block = older;
    }
}

void arena_done(struct arena *arena)
{
    if (arena->blocks == NULL) {
        return;
    }
    free_blocks(arena, arena->blocks);
    *arena = (struct arena){.bytes_max = arena->bytes_max, .account = arena->account};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;
    if (kept == NULL) {
        return;
    }
    if (kept->size > BLOCK_BYTES_MAX) { /* a giant would be held for ever */
        arena_done(arena);
        return;
    }
    free_blocks(arena, kept->older);
    kept->older = NULL;
    arena->next = kept->bytes;
    arena->end = kept->bytes + kept->size;
    arena->bytes = kept->size + sizeof *kept;
}

static bool add_block(struct arena *arena, size_t at_least)
{
    size_t size = arena->blocks == NULL ? BLOCK_BYTES_FIRST : arena->blocks->size * 2;
    if (size > BLOCK_BYTES_MAX) {
        size = BLOCK_BYTES_MAX;
    }
    if (size < at_least) {
        size = at_least;
    }
    const size_t whole = size + sizeof(struct arena_block);
    arena->full = whole > arena->bytes_max || arena->bytes > arena->bytes_max - whole;
    if (arena->full) {
        return false;
    }
    struct arena_block *block = account_realloc(arena->account, NULL, 0, whole);
    if (block == NULL) {
        return false;
    }
    block->older = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->next = block->bytes;
    arena->end = block->bytes + size;
    arena->bytes += whole;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t rounded = (size + align - 1) & ~(align - 1);
    if ((size_t)(arena->end - arena->next) < rounded && !add_block(arena, rounded)) {
        return NULL;
    }
    uint8_t *memory = arena->next;
    arena->next += rounded;
    memset(memory, 0, rounded);
    return memory;
}

cordon_error *arena_error(const struct arena *arena)
{
    return arena->full
               ? cordon_error_new(
                     CORDON_E_TOO_LARGE,
                     "this takes more than the %zu bytes of memory that it may; make it smaller",
                     arena->bytes_max)
               : account_error(arena->account);
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    uint8_t *copy = arena_alloc(arena, bytes.size + 1);
    if (copy == NULL) {
        return (struct slice){0};
    }
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return slice_of(copy, bytes.size);
}
