/*
 * Removing the oldest audit records of a tenant. They have no versions and nobody conflicts over
 * them, so what is in the backend goes at once, some thousand in one of its transactions. The last
 * record that is there stays, whatever is asked for: the chain goes on from it after a start.
 */
#include "store/local.h"

enum {
    PRUNE_ROWS = 4096,
    PRUNE_BYTES_MAX = 1 << 20, /* of their keys */
};

static cordon_error *add_dead(struct garbage *garbage, const struct layout_key *key)
{
    struct dead_key *dead = arena_alloc(&garbage->arena, sizeof *dead);
    const struct slice copy = arena_copy(&garbage->arena, layout_slice(key));
    if (dead == NULL || copy.data == NULL) {
        return error_no_memory();
    }
    *dead = (struct dead_key){.next = garbage->first, .key = copy};
    garbage->first = dead;
    garbage->count++;
    return NULL;
}

/* Each that has one behind it. `*out_reached`: there are as many as may be, or all there are. */
static cordon_error *gather(
    struct kv_reader *reader,
    uint32_t tenant,
    uint64_t before,
    struct garbage *garbage,
    bool *out_reached)
{
    struct layout_key from;
    struct layout_key last = {.size = 0};
    struct kv_row row = {0};
    bool found = false;
    layout_audit(&from, tenant, 0);
    const struct slice prefix = slice_of(from.bytes, LAYOUT_PREFIX_BYTES);
    TRY(reader->ops->seek(reader, layout_slice(&from), &found, &row));
    while (found && row.key.size == from.size && slice_starts_with(row.key, prefix)) {
        if (last.size > 0) {
            TRY(add_dead(garbage, &last));
        }
        if (layout_audit_sequence(row.key) >= before || garbage->count == PRUNE_ROWS) {
            *out_reached = true;
            return NULL;
        }
        layout_set(&last, row.key);
        TRY(reader->ops->next(reader, &found, &row));
    }
    *out_reached = false;
    return NULL;
}

static void garbage_done(struct garbage *garbage)
{
    arena_done(&garbage->arena);
}

/* With flush_lock held: nobody else removes rows meanwhile. */
static cordon_error *prune_locked(
    struct local *store,
    uint32_t tenant,
    uint64_t before,
    struct garbage *garbage,
    bool *out_reached)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    TRY(store->kv->ops->reader_open(store->kv, &reader));
    TRY(gather(reader, tenant, before, garbage, out_reached));
    kv_reader_closep(&reader);
    return garbage->count == 0 ? NULL : local_discard(store, garbage);
}

static cordon_error *prune(
    struct local *store, uint32_t tenant, uint64_t before, bool *out_reached, bool *out_more)
{
    CORDON_CLEANUP(garbage_done) struct garbage garbage = {0};
    arena_init(&garbage.arena, PRUNE_BYTES_MAX);
    (void)pthread_mutex_lock(&store->flush_lock);
    cordon_error *error = prune_locked(store, tenant, before, &garbage, out_reached);
    (void)pthread_mutex_unlock(&store->flush_lock);
    *out_more = garbage.count == PRUNE_ROWS;
    return error;
}

/* Where the backend has none that is to stay, others may be in the memtable alone. */
cordon_error *local_audit_prune(
    struct store *base, uint32_t tenant, uint64_t before, bool *out_more)
{
    struct local *store = (struct local *)base;
    bool reached = false;
    bool more = false;
    TRY(prune(store, tenant, before, &reached, &more));
    if (!reached) {
        TRY(local_settle(store));
        TRY(prune(store, tenant, before, &reached, &more));
    }
    *out_more = more;
    return NULL;
}
