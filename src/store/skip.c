/*
 * The skip list. Chosen over a balanced tree because an insert changes only links that readers
 * follow one at a time: a node is published by one release store per level, bottom first, so a
 * reader without a lock sees either the old list or the new one, never a torn one.
 */
#include "store/skip.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"

#include <endian.h>

uint32_t skip_height(uint64_t random)
{
    uint32_t height = 1;
    while (height < SKIP_HEIGHT_MAX && (random & 3) == 0) {
        height++;
        random >>= 2;
    }
    return height;
}

size_t skip_node_bytes(uint32_t height)
{
    return sizeof(struct skip_node) + height * sizeof(skip_link);
}

/* xorshift64* by Marsaglia and Vigna. */
uint64_t skip_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (x * 0x2545f4914f6cdd1du) >> 8; /* the low bits are the weak ones */
}

uint64_t skip_key_bits(struct slice key, uint64_t seed)
{
    return hash_fast(key, seed);
}

struct skip_node *skip_node_in_arena(
    struct arena *arena, uint64_t random, size_t key_bytes, uint8_t **out_key)
{
    const uint32_t height = skip_height(random);
    const size_t bytes = skip_node_bytes(height);
    struct skip_node *node = arena_alloc(arena, bytes + key_bytes);
    if (node == NULL) {
        return NULL;
    }
    uint8_t *key = (uint8_t *)node + bytes;
    node->height = height;
    node->key = slice_of(key, key_bytes);
    *out_key = key;
    return node;
}

static struct skip_head head_of(struct slice key)
{
    uint8_t bytes[sizeof(struct skip_head)] = {0};
    struct skip_head head;
    if (key.size > 0) {
        memcpy(bytes, key.data, key.size < sizeof bytes ? key.size : sizeof bytes);
    }
    for (size_t i = 0; i < SKIP_HEAD_WORDS; i++) {
        uint64_t word = 0;
        memcpy(&word, bytes + i * sizeof word, sizeof word);
        head.words[i] = be64toh(word);
    }
    return head;
}

/* What is looked for. */
struct wanted {
    struct slice key;
    struct skip_head head;
    bool inclusive; /* a node equal to it counts as before it */
};

/* Whether `node` comes before it. Heads that differ say so, as a prefix comes before what is
 * longer; heads that are equal say nothing, as zeros may be of the key or behind it. */
static inline bool precedes(const struct skip_node *node, const struct wanted *wanted)
{
    for (size_t i = 0; i < SKIP_HEAD_WORDS; i++) {
        if (node->head.words[i] != wanted->head.words[i]) {
            return node->head.words[i] < wanted->head.words[i];
        }
    }
    const int order = slice_compare(node->key, wanted->key);
    return order < 0 || (wanted->inclusive && order == 0);
}

/* Where a key belongs: the neighbours, and for the writer the link to change at each level. */
struct place {
    struct skip_node *before; /* the last node before the key, or NULL */
    struct skip_node *after;  /* the one that followed it when we looked, or NULL */
};

/*
 * Walks down to the place of `key`; a node equal to it counts as before it if `inclusive`. `after`
 * is the very node that was compared: reading the link a second time could meet a newcomer that
 * sorts before the key.
 */
static struct place descend(
    const struct skip *list, struct slice key, bool inclusive, const skip_link **out_before)
{
    uint32_t level = atomic_load_explicit(&list->height, memory_order_acquire);
    if (level == 0) { /* empty, as what a run that only reads has written */
        return (struct place){.before = NULL};
    }
    const struct wanted wanted = {.key = key, .head = head_of(key), .inclusive = inclusive};
    struct skip_node *at = NULL;
    const skip_link *links = list->head;
    struct skip_node *too_far = NULL; /* already compared, one level up */
    while (level-- > 0) {
        for (;;) {
            struct skip_node *next = atomic_load_explicit(&links[level], memory_order_acquire);
            if (next == NULL || next == too_far || !precedes(next, &wanted)) {
                too_far = next;
                break;
            }
            at = next;
            links = next->next;
        }
        if (out_before != NULL) {
            out_before[level] = &links[level];
        }
    }
    return (struct place){.before = at, .after = too_far};
}

static skip_link *writable(const skip_link *link)
{
    return (skip_link *)(uintptr_t)link; /* only the writer asks, and it owns the list */
}

void skip_insert(struct skip *list, struct skip_node *node)
{
    const skip_link *before[SKIP_HEIGHT_MAX];
    for (uint32_t level = 0; level < SKIP_HEIGHT_MAX; level++) {
        before[level] = &list->head[level];
    }
    node->head = head_of(node->key);
    const struct skip_node *after = descend(list, node->key, false, before).after;
    CORDON_ASSERT(after == NULL || slice_compare(after->key, node->key) != 0);

    for (uint32_t level = 0; level < node->height; level++) {
        struct skip_node *next = atomic_load_explicit(before[level], memory_order_relaxed);
        atomic_store_explicit(&node->next[level], next, memory_order_relaxed);
    }
    for (uint32_t level = 0; level < node->height; level++) {
        atomic_store_explicit(writable(before[level]), node, memory_order_release);
    }
    if (node->height > atomic_load_explicit(&list->height, memory_order_relaxed)) {
        atomic_store_explicit(&list->height, node->height, memory_order_release);
    }
    list->count++;
}

void skip_rekey(struct skip_node *node, struct slice key)
{
    node->key = key;
    node->head = head_of(key);
}

void skip_remove(struct skip *list, struct skip_node *node)
{
    const skip_link *before[SKIP_HEIGHT_MAX];
    const struct skip_node *found = descend(list, node->key, false, before).after;
    CORDON_ASSERT(found == node);
    for (uint32_t level = 0; level < node->height; level++) {
        struct skip_node *next = atomic_load_explicit(&node->next[level], memory_order_relaxed);
        atomic_store_explicit(writable(before[level]), next, memory_order_relaxed);
    }
    list->count--;
}

struct skip_node *skip_first(const struct skip *list)
{
    return atomic_load_explicit(&list->head[0], memory_order_acquire);
}

struct skip_node *skip_seek_before(const struct skip *list, struct slice key, bool inclusive)
{
    return descend(list, key, inclusive, NULL).before;
}

struct skip_node *skip_seek(const struct skip *list, struct slice key)
{
    return descend(list, key, false, NULL).after;
}

struct skip_node *skip_find(const struct skip *list, struct slice key)
{
    struct skip_node *node = skip_seek(list, key);
    return node != NULL && slice_equal(node->key, key) ? node : NULL;
}
