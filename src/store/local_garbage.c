/*
 * Removing versions that nobody can read. A commit that supersedes something leaves a row in the
 * garbage queue: its timestamp T, and the logical keys it wrote over. Once T is behind the
 * horizon, every open and future snapshot reads version T or a newer one, so all versions before T
 * may go, and T itself if it is a tombstone.
 *
 * Only the flusher removes, and only from the backend, so what is gathered here by a reader of the
 * backend is still there when the batch that removes it is written.
 */
#include "store/local.h"

#include "base/clock.h"

/* One flush gathers at most this much; the rest waits for the next. */
#define GARBAGE_BYTES_MAX ((size_t)64 << 20)

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * Behind the window, and behind every open snapshot; but a transaction that is open for twice the
 * window loses its snapshot rather than keep everything for ever. Never behind one that is held,
 * nor behind what is visible, however long ago that was committed: who begins now reads it.
 */
static uint64_t horizon_now(struct local *store)
{
    const uint64_t wall = clock_wall_ns();
    const uint64_t visible = atomic_load(&store->visible_ts);
    const uint64_t now = wall > visible ? wall : visible;
    const uint64_t window = store->window_ns;
    const uint64_t aged = now > window ? now - window : 0;
    const uint64_t expired = now > 2 * window ? now - 2 * window : 0;
    uint64_t oldest = local_oldest_snapshot(store);
    if (oldest < expired) {
        oldest = expired;
    }
    return lesser(lesser(visible, local_oldest_hold(store)), lesser(aged, oldest));
}

/* -- The queue ------------------------------------------------------------------------------- */

/* A key of the queue, once however often it stands there, with the newest time that is due. */
struct victim {
    uint64_t ts;
};

struct gathering {
    struct kv_reader *reader;
    struct garbage *garbage;
    struct skip victims; /* by logical key; the item is a struct victim */
    uint64_t random;
    uint64_t horizon;
    size_t count_max;
    bool queue_ended;
};

static cordon_error *add_dead(struct garbage *garbage, struct slice key)
{
    struct dead_key *dead = arena_alloc(&garbage->arena, sizeof *dead);
    const struct slice copy = arena_copy(&garbage->arena, key);
    if (dead == NULL || copy.data == NULL) {
        return error_no_memory();
    }
    *dead = (struct dead_key){.next = garbage->first, .key = copy};
    garbage->first = dead;
    garbage->count++;
    return NULL;
}

static cordon_error *add_victim(struct gathering *gathering, struct slice logical, uint64_t ts)
{
    struct arena *arena = &gathering->garbage->arena;
    struct skip_node *node = skip_find(&gathering->victims, logical);
    if (node != NULL) {
        ((struct victim *)node->item)->ts = ts; /* the queue is in order of time */
        return NULL;
    }
    uint8_t *key = NULL;
    struct victim *victim = arena_alloc(arena, sizeof *victim);
    node = skip_node_in_arena(arena, skip_random(&gathering->random), logical.size, &key);
    if (victim == NULL || node == NULL) {
        return error_no_memory();
    }
    victim->ts = ts;
    memcpy(key, logical.data, logical.size);
    node->item = victim;
    skip_insert(&gathering->victims, node);
    return NULL;
}

/* The body of a queue row: two bytes of size and a logical key, repeated. */
static cordon_error *add_victims(struct gathering *gathering, struct slice body, uint64_t ts)
{
    while (body.size > 0) {
        const size_t size = body.size < 2 ? SIZE_MAX : (size_t)body.data[0] << 8 | body.data[1];
        if (body.size < 2 || size > body.size - 2 || size == 0 ||
            size + LAYOUT_TS_BYTES > LAYOUT_KEY_BYTES_MAX) {
            return cordon_error_new(
                CORDON_E_STORE,
                "the garbage queue is malformed; restore the data folder from a backup");
        }
        TRY(add_victim(gathering, slice_of(body.data + 2, size), ts));
        body = slice_from(body, 2 + size);
    }
    return NULL;
}

static bool is_queue_row(struct slice key)
{
    struct layout_key first;
    layout_garbage(&first, 0);
    return key.size == first.size &&
           slice_starts_with(key, slice_of(first.bytes, LAYOUT_PREFIX_BYTES));
}

/* The rows that are due, oldest first; they are dead themselves once their keys are seen to. */
static cordon_error *read_queue(struct gathering *gathering)
{
    struct kv_reader *reader = gathering->reader;
    struct layout_key from;
    struct kv_row row = {0};
    bool found = false;
    layout_garbage(&from, 0);
    TRY(reader->ops->seek(reader, layout_slice(&from), &found, &row));
    gathering->queue_ended = !found || !is_queue_row(row.key);
    while (found && is_queue_row(row.key) && gathering->victims.count < gathering->count_max) {
        const uint64_t ts = layout_load64(row.key.data + LAYOUT_PREFIX_BYTES);
        if (ts > gathering->horizon) {
            return NULL;
        }
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        TRY(layout_open(row.key, row.value, &kind, &body));
        TRY(add_victims(gathering, body, ts));
        TRY(add_dead(gathering->garbage, row.key));
        TRY(reader->ops->next(reader, &found, &row));
    }
    return NULL;
}

/* -- The versions ---------------------------------------------------------------------------- */

/* All versions before `ts`, and the one at `ts` if it is a tombstone. */
static cordon_error *read_versions(struct gathering *gathering, struct slice logical, uint64_t ts)
{
    struct kv_reader *reader = gathering->reader;
    struct layout_key key;
    layout_set(&key, logical);
    layout_append_ts(&key, ts);
    struct kv_row row = {0};
    bool found = false;
    TRY(reader->ops->seek(reader, layout_slice(&key), &found, &row));
    while (found && row.key.size == key.size && slice_starts_with(row.key, logical)) {
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        if (layout_ts(row.key) == ts) {
            struct slice body = {0};
            TRY(layout_open(row.key, row.value, &kind, &body));
        }
        if (kind == LAYOUT_TOMBSTONE || layout_ts(row.key) < ts) {
            TRY(add_dead(gathering->garbage, row.key));
        }
        TRY(reader->ops->next(reader, &found, &row));
    }
    return NULL;
}

static cordon_error *gather(struct gathering *gathering)
{
    TRY(read_queue(gathering));
    for (const struct skip_node *node = skip_first(&gathering->victims); node != NULL;
         node = skip_next(node)) {
        TRY(read_versions(gathering, node->key, ((const struct victim *)node->item)->ts));
    }
    return NULL;
}

/* Readers check the horizon after they have read, so it moves before anything is removed. */
static uint64_t move_horizon(struct local *store)
{
    const uint64_t horizon = horizon_now(store);
    if (horizon > atomic_load(&store->horizon_ts)) {
        atomic_store(&store->horizon_ts, horizon);
    }
    return horizon;
}

cordon_error *local_garbage_gather(
    struct local *store, size_t count_max, struct garbage *out_garbage)
{
    arena_init(&out_garbage->arena, GARBAGE_BYTES_MAX);
    if (!atomic_load(&store->garbage_waits)) {
        return NULL;
    }
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    TRY(store->kv->ops->reader_open(store->kv, &reader));
    struct gathering gathering = {
        .reader = reader,
        .garbage = out_garbage,
        .random = 1,
        .horizon = move_horizon(store),
        .count_max = count_max,
    };
    TRY(gather(&gathering));
    if (gathering.queue_ended) {
        atomic_store(&store->garbage_waits, false);
    }
    return NULL;
}
