/*
 * Removing versions that nobody can read. A commit that supersedes something leaves a row in the
 * garbage queue: its timestamp T, and the logical keys it wrote over, all of one tenant. Once T is
 * behind that tenant's horizon, every open and future snapshot of it reads version T or a newer
 * one, so all versions before T may go, and T itself if it is a tombstone.
 *
 * A snapshot that is held keeps the versions of its tenant, and of no other. So the queue is not
 * emptied in its order: rows that are kept stay behind, and the rest of the queue must not wait
 * for them, nor each look go over all of them again. The front goes on over what is new; what was
 * kept is gone over once more when a hold has ended, a part of it in each look.
 *
 * Only the flusher removes, and only from the backend, so what is gathered here by a reader of the
 * backend is still there when the batch that removes it is written.
 */
#include "store/local.h"

#include "base/clock.h"

#include <stdlib.h>

/* One flush gathers at most this much; the rest waits for the next. */
#define GARBAGE_BYTES_MAX ((size_t)64 << 20)

/*
 * Rows of the queue that one look passes over at most, as they are kept: some milliseconds. A flush
 * that brings more passes over more, so that no holder writes faster than the front goes on.
 */
#define KEPT_ROWS_MAX 16384

/* -- Horizons -------------------------------------------------------------------------------- */

/* That of a tenant that holds a snapshot. */
struct horizon {
    uint32_t tenant;
    uint64_t ts;
};

/* `others` is that of everybody else; none is behind it. */
struct horizons {
    uint64_t others;
    struct horizon *held; /* by tenant, of each the oldest first */
    size_t count;
};

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * Behind the window, and behind every open snapshot; but a transaction that is open for twice the
 * window loses its snapshot rather than keep everything for ever. Never behind what is visible,
 * however long ago that was committed: who begins now reads it. With the lock of the open list.
 */
static uint64_t horizon_of_others(const struct local *store)
{
    const uint64_t wall = clock_wall_ns();
    const uint64_t visible = atomic_load(&store->visible_ts);
    const uint64_t now = wall > visible ? wall : visible;
    const uint64_t window = store->window_ns;
    const uint64_t aged = now > window ? now - window : 0;
    const uint64_t expired = now > 2 * window ? now - 2 * window : 0;
    uint64_t oldest = store->open.first != NULL ? store->open.first->snapshot : visible;
    if (oldest < expired) {
        oldest = expired;
    }
    return lesser(visible, lesser(aged, oldest));
}

static int compare_horizons(const void *a, const void *b)
{
    const struct horizon *left = a;
    const struct horizon *right = b;
    if (left->tenant != right->tenant) {
        return left->tenant < right->tenant ? -1 : 1;
    }
    return (left->ts > right->ts) - (left->ts < right->ts);
}

static uint64_t horizon_of(const struct horizons *horizons, uint32_t tenant)
{
    size_t low = 0;
    size_t high = horizons->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (horizons->held[middle].tenant < tenant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool holds = low < horizons->count && horizons->held[low].tenant == tenant;
    return holds ? horizons->held[low].ts : horizons->others;
}

/* With the lock of the open list. */
static cordon_error *find_horizons(
    struct local *store, struct arena *arena, struct horizons *horizons)
{
    size_t count = 0;
    horizons->others = horizon_of_others(store);
    for (const struct hold *hold = store->holds; hold != NULL; hold = hold->next) {
        count++;
    }
    if (count == 0) {
        return NULL;
    }
    horizons->held = arena_alloc(arena, count * sizeof horizons->held[0]);
    if (horizons->held == NULL) {
        return error_no_memory();
    }
    for (const struct hold *hold = store->holds; hold != NULL; hold = hold->next) {
        horizons->held[horizons->count++] =
            (struct horizon){hold->tenant, lesser(hold->snapshot, horizons->others)};
    }
    qsort(horizons->held, horizons->count, sizeof horizons->held[0], compare_horizons);
    return NULL;
}

/* Who is open and has its snapshot behind the horizon of its tenant. With the same lock. */
static void note_lost(struct local *store, const struct horizons *horizons)
{
    for (struct local_txn *txn = store->open.first; txn != NULL && txn->snapshot < horizons->others;
         txn = txn->newer) {
        if (txn->snapshot < horizon_of(horizons, txn->tenant)) {
            atomic_store(&txn->is_lost, true);
        }
    }
}

/*
 * Transactions look whether they have lost their snapshot after they have read, so they are told
 * before anything is removed. Who begins later begins on what is visible, or on what is held: both
 * are ahead of what is found here.
 */
static cordon_error *move_horizons(
    struct local *store, struct arena *arena, struct horizons *horizons, uint64_t *out_ended)
{
    (void)pthread_mutex_lock(&store->open.lock);
    local_holds_end(store, clock_monotonic_ns());
    *out_ended = store->holds_ended;
    cordon_error *error = find_horizons(store, arena, horizons);
    if (error == NULL) {
        note_lost(store, horizons);
    }
    (void)pthread_mutex_unlock(&store->open.lock);
    return error;
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
    struct horizons horizons;
    size_t count_max;
    size_t kept_max;
    size_t kept_left; /* rows that may still be passed over */
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
        struct victim *known = node->item;
        known->ts = ts > known->ts ? ts : known->ts;
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

/*
 * Whose versions a row lists, by its first key. Not checked, as that would have to read the whole
 * of a row that is kept: where it is wrong, the row is kept for longer, or found out when it is
 * read.
 */
static uint32_t tenant_of(const struct kv_row *row)
{
    enum { AT = LAYOUT_SEAL_BYTES + 2 };
    return row->value.size < AT + 4 ? 0 : layout_load32(row->value.data + AT);
}

/* Its keys are seen to, and it is dead itself after that. */
static cordon_error *take_row(struct gathering *gathering, const struct kv_row *row, uint64_t ts)
{
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    TRY(layout_open(row->key, row->value, &kind, &body));
    TRY(add_victims(gathering, body, ts));
    return add_dead(gathering->garbage, row->key);
}

/* A walk over a part of the queue. */
struct part {
    uint64_t at_ts; /* of the last row that was seen to; 0: of none */
    uint64_t last_ts;
    bool has_kept;
    bool has_ended; /* there is none behind `at_ts` up to `last_ts` */
    bool is_last;   /* nor any at all */
};

/* The rows that are due from behind where the part stands, oldest first. */
static cordon_error *read_part(struct gathering *gathering, struct part *part)
{
    struct kv_reader *reader = gathering->reader;
    struct layout_key from;
    struct kv_row row = {0};
    bool found = false;
    layout_garbage(&from, part->at_ts + 1);
    TRY(reader->ops->seek(reader, layout_slice(&from), &found, &row));
    while (gathering->victims.count < gathering->count_max && gathering->kept_left > 0) {
        part->is_last = !found || !is_queue_row(row.key);
        const uint64_t ts =
            part->is_last ? UINT64_MAX : layout_load64(row.key.data + LAYOUT_PREFIX_BYTES);
        part->has_ended = ts > part->last_ts;
        if (part->has_ended) {
            return NULL;
        }
        if (ts > horizon_of(&gathering->horizons, tenant_of(&row))) {
            part->has_kept = true;
            gathering->kept_left--;
        } else {
            TRY(take_row(gathering, &row, ts));
        }
        part->at_ts = ts;
        TRY(reader->ops->next(reader, &found, &row));
    }
    return NULL;
}

/* What nobody has looked at yet. */
static cordon_error *read_front(struct gathering *gathering, struct queue_place *queue)
{
    struct part part = {.at_ts = queue->front_ts, .last_ts = gathering->horizons.others};
    gathering->kept_left = gathering->kept_max;
    TRY(read_part(gathering, &part));
    queue->front_ts = part.at_ts;
    queue->has_kept = queue->has_kept || part.has_kept;
    gathering->garbage->queue_ended = part.is_last && !queue->has_kept;
    return NULL;
}

/*
 * What was kept, where a hold has ended since it was looked at. The horizon of others may have gone
 * back meanwhile, as for who has begun on a hold that has ended: then the lap waits for it, as what
 * lies between is nobody's hold's, and no hold that ends would say that it is due.
 */
static cordon_error *read_kept(
    struct gathering *gathering, struct queue_place *queue, uint64_t ended)
{
    if (!queue->in_lap) {
        if (!queue->has_kept || queue->lap_ended == ended) {
            return NULL;
        }
        queue->in_lap = true;
        queue->lap_has_kept = false;
        queue->lap_ts = 0;
        queue->lap_ended = ended;
    }
    struct part part = {
        .at_ts = queue->lap_ts,
        .last_ts = lesser(queue->front_ts, gathering->horizons.others),
    };
    gathering->kept_left = gathering->kept_max;
    TRY(read_part(gathering, &part));
    queue->lap_ts = part.at_ts;
    queue->lap_has_kept = queue->lap_has_kept || part.has_kept;
    if (part.has_ended && part.last_ts == queue->front_ts) {
        queue->in_lap = false;
        queue->has_kept = queue->lap_has_kept;
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

static cordon_error *gather(struct local *store, struct gathering *gathering)
{
    struct garbage *garbage = gathering->garbage;
    uint64_t ended = 0;
    garbage->queue = store->queue;
    TRY(move_horizons(store, &garbage->arena, &gathering->horizons, &ended));
    TRY(read_front(gathering, &garbage->queue));
    TRY(read_kept(gathering, &garbage->queue, ended));
    for (const struct skip_node *node = skip_first(&gathering->victims); node != NULL;
         node = skip_next(node)) {
        TRY(read_versions(gathering, node->key, ((const struct victim *)node->item)->ts));
    }
    garbage->was_looked_for = true;
    return NULL;
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
        .count_max = count_max,
        .kept_max = count_max > KEPT_ROWS_MAX ? count_max : KEPT_ROWS_MAX,
    };
    return gather(store, &gathering);
}

void local_garbage_removed(struct local *store, const struct garbage *garbage)
{
    if (garbage->was_looked_for) {
        store->queue = garbage->queue;
        if (garbage->queue_ended) {
            atomic_store(&store->garbage_waits, false);
        }
    }
}
