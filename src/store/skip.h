/*
 * An ordered map of byte keys: a skip list whose nodes belong to whoever inserts them.
 *
 * One writer at a time; any number of readers beside it, without a lock, as long as nothing is
 * removed meanwhile (a reader may stand on the removed node). The maps of one transaction and of
 * the memory backend do remove, under their own locks.
 */
#ifndef STORE_SKIP_H
#define STORE_SKIP_H

#include "base/slice.h"

#include <stdatomic.h>

struct arena;

/* Four children a level: room for 4^12 nodes before searches get longer than logarithmic. */
#define SKIP_HEIGHT_MAX 12

struct skip_node;
typedef _Atomic(struct skip_node *) skip_link;

/*
 * The first bytes of a key as numbers, most significant first, zeros behind a short one: what a
 * search compares, most often, without touching the key. So many hold all that the keys of one
 * table have in common, and several bytes of what they differ in (docs/layout.md).
 */
#define SKIP_HEAD_WORDS 3

struct skip_head {
    uint64_t words[SKIP_HEAD_WORDS];
};

/*
 * Key and payload are set by the owner before the insert, which sets the head; the key stays as it
 * is from then on.
 */
struct skip_node {
    struct skip_head head;
    struct slice key;
    union {
        struct slice value;
        void *item;
    };
    uint32_t height;
    skip_link next[];
};

struct skip {
    skip_link head[SKIP_HEIGHT_MAX];
    _Atomic uint32_t height; /* of the tallest node ever */
    size_t count;
};

/* An empty map is all zeros. */
static inline void skip_init(struct skip *list)
{
    *list = (struct skip){0};
}

/* The height for a new node, from 64 random bits. */
uint32_t skip_height(uint64_t random);

/* Bytes of a node of that height. */
size_t skip_node_bytes(uint32_t height);

/* 64 random-looking bits; `state` starts as anything but 0. Only for heights: not unguessable. */
uint64_t skip_random(uint64_t *state);

/*
 * Bits for the height of a node in what a transaction holds: the same each time for the same key
 * and seed, as its memory counts for the run, and a run must come out the same each time. Who does
 * not know the seed can't choose keys that get low nodes alone, of which a list would be walked
 * from one end to the other.
 */
uint64_t skip_key_bits(struct slice key, uint64_t seed);

/* A node in `arena` with room for a key of `key_bytes` behind it, which the caller fills before
 * the insert. NULL when the arena has no room. */
struct skip_node *skip_node_in_arena(
    struct arena *arena, uint64_t random, size_t key_bytes, uint8_t **out_key);

/* Links a node. No node with an equal key may be there. */
void skip_insert(struct skip *list, struct skip_node *node);

/* Changes the key of a node that is in the list, which must keep its place. */
void skip_rekey(struct skip_node *node, struct slice key);

/* Unlinks a node that is in the list; it stays the caller's. No reader may be at work. */
void skip_remove(struct skip *list, struct skip_node *node);

/* The node with exactly this key, or NULL. */
struct skip_node *skip_find(const struct skip *list, struct slice key);

/* The first node with a key >= `key`, or NULL. */
struct skip_node *skip_seek(const struct skip *list, struct slice key);

/* The last node with a key < `key` (<= if `inclusive`), or NULL. */
struct skip_node *skip_seek_before(const struct skip *list, struct slice key, bool inclusive);

struct skip_node *skip_first(const struct skip *list);

/* The neighbour in ascending order, or NULL. */
static inline struct skip_node *skip_next(const struct skip_node *node)
{
    return atomic_load_explicit(&node->next[0], memory_order_acquire);
}

#endif
