/*
 * Merged intervals in a skip list by their low end. Intervals are half-open, so a single key k is
 * [k, k 00) and neighbours touch exactly when one ends where the other begins.
 *
 * Both ends of an interval keep spare room, because a scan moves one of them at every step: an
 * ascending one the high end, a descending one the low end. Moving the low end in place is sound,
 * as nothing lies between it and the place it moves to.
 */
#include "store/readset.h"

struct interval {
    struct skip_node *node; /* its key is the low end */
    uint8_t *low;           /* the bytes behind node->key */
    size_t low_capacity;
    uint8_t *high;
    size_t high_size;
    size_t high_capacity;
};

enum { END_BYTES_MIN = 48, KEY_BYTES_MAX = 511 };

void readset_init(struct readset *set, struct arena *arena)
{
    *set = (struct readset){.arena = arena};
}

size_t readset_count(const struct readset *set)
{
    return set->intervals.count;
}

static struct slice high_of(const struct interval *interval)
{
    return slice_of(interval->high, interval->high_size);
}

/* Puts `bytes` into an end of an interval, moving it if it has grown out of its room. */
static cordon_error *set_end(
    struct readset *set, struct slice bytes, uint8_t **end, size_t *capacity)
{
    if (bytes.size > *capacity) {
        const size_t room = bytes.size < END_BYTES_MIN ? END_BYTES_MIN : bytes.size;
        uint8_t *moved = arena_alloc(set->arena, room);
        if (moved == NULL) {
            return error_no_memory();
        }
        *end = moved;
        *capacity = room;
    }
    memmove(*end, bytes.data, bytes.size);
    return NULL;
}

static cordon_error *set_low(struct readset *set, struct interval *interval, struct slice low)
{
    TRY(set_end(set, low, &interval->low, &interval->low_capacity));
    skip_rekey(interval->node, slice_of(interval->low, low.size));
    return NULL;
}

static cordon_error *set_high(struct readset *set, struct interval *interval, struct slice high)
{
    TRY(set_end(set, high, &interval->high, &interval->high_capacity));
    interval->high_size = high.size;
    return NULL;
}

static cordon_error *insert(
    struct readset *set, struct slice low, struct slice high, struct interval **out_interval)
{
    struct interval *interval = arena_alloc(set->arena, sizeof *interval);
    uint8_t *no_key = NULL;
    struct skip_node *node =
        skip_node_in_arena(set->arena, skip_key_bits(low, set->seed), 0, &no_key);
    if (interval == NULL || node == NULL) {
        return error_no_memory();
    }
    interval->node = node;
    node->item = interval;
    TRY(set_low(set, interval, low));
    TRY(set_high(set, interval, high));
    skip_insert(&set->intervals, node);
    *out_interval = interval;
    return NULL;
}

/* Takes in the intervals that `interval` has grown over. */
static cordon_error *swallow(struct readset *set, struct interval *interval)
{
    for (;;) {
        struct skip_node *node = skip_next(interval->node);
        if (node == NULL || slice_compare(node->key, high_of(interval)) > 0) {
            return NULL;
        }
        const struct interval *next = node->item;
        if (slice_compare(high_of(next), high_of(interval)) > 0) {
            TRY(set_high(set, interval, high_of(next)));
        }
        skip_remove(&set->intervals, node);
    }
}

static bool holds(const struct interval *interval, struct slice low, struct slice high)
{
    return slice_compare(interval->node->key, low) <= 0 &&
           slice_compare(high, high_of(interval)) <= 0;
}

/* Whether it begins at or before `at`, and does not end before it; then no other one does. */
static bool touches(const struct interval *interval, struct slice at)
{
    return interval != NULL && slice_compare(interval->node->key, at) <= 0 &&
           slice_compare(at, high_of(interval)) <= 0;
}

cordon_error *readset_add(struct readset *set, struct slice low, struct slice high)
{
    if (set->recent != NULL && holds(set->recent, low, high)) {
        return NULL;
    }
    struct interval *interval = NULL;
    struct skip_node *before = touches(set->recent, low)
                                   ? set->recent->node
                                   : skip_seek_before(&set->intervals, low, true);
    struct skip_node *after = before == NULL ? skip_first(&set->intervals) : skip_next(before);
    if (before != NULL && slice_compare(low, high_of(before->item)) <= 0) {
        interval = before->item;
    } else if (after != NULL && slice_compare(after->key, high) <= 0) {
        interval = after->item;
        TRY(set_low(set, interval, low));
    } else {
        TRY(insert(set, low, high, &interval));
    }
    if (slice_compare(high, high_of(interval)) > 0) {
        TRY(set_high(set, interval, high));
    }
    set->recent = interval;
    return swallow(set, interval);
}

cordon_error *readset_add_key(struct readset *set, struct slice key)
{
    uint8_t high[KEY_BYTES_MAX + 1];
    CORDON_ASSERT(key.size <= KEY_BYTES_MAX);
    memcpy(high, key.data, key.size);
    high[key.size] = 0;
    return readset_add(set, key, slice_of(high, key.size + 1));
}

bool readset_covers(const struct readset *set, struct slice key)
{
    const struct skip_node *node = skip_seek_before(&set->intervals, key, true);
    return node != NULL && slice_compare(key, high_of(node->item)) < 0;
}
