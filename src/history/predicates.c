/*
 * Versions that vague reads missed; see predicates.h. Every register's versions are sorted by their
 * timestamps, those without one first, and each read looks for its place among them.
 */
#include "history/predicates.h"

#include "history/grow.h"

#include <stdlib.h>

/* What a transaction left in a register. */
struct left {
    uint32_t key;
    uint32_t version;
    uint64_t ts; /* 0: none is known, and the transaction may not have taken place */
};

static int compare_left(const void *a, const void *b)
{
    const struct left *const first = a;
    const struct left *const second = b;
    if (first->key != second->key) {
        return first->key > second->key ? 1 : -1;
    }
    return (first->ts > second->ts) - (first->ts < second->ts);
}

static size_t collect(const struct ledger *ledger, struct left *left)
{
    size_t count = 0;
    for (uint32_t i = 0; i < ledger->version_count; i++) {
        const struct ledger_version *const version = &ledger->versions[i];
        if (version->writer == LEDGER_NONE || version->kind == LEDGER_UNDONE ||
            !ledger_is_last(version) || ledger->keys[version->key].is_list) {
            continue;
        }
        const struct history_txn *const txn = &ledger->history->txns[version->writer];
        if (txn->status != HISTORY_ABORTED) {
            left[count++] = (struct left){version->key, i, txn->ts};
        }
    }
    if (count > 1) {
        qsort(left, count, sizeof *left, compare_left);
    }
    return count;
}

/* The first place of a key at which the timestamp is not below `ts`. */
static size_t find_place(const struct left *left, size_t count, uint32_t key, uint64_t ts)
{
    const struct left wanted = {.key = key, .ts = ts};
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_left(&left[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static cordon_error *judge(
    const struct ledger *ledger,
    struct graph *graph,
    const struct left *left,
    size_t count,
    const struct ledger_vague *vague)
{
    const struct history *const history = ledger->history;
    const struct history_txn *const txn = &history->txns[vague->txn];
    const struct history_op *const op = &history->ops[vague->op];
    /* Who only reads follows the writer with that timestamp. */
    const uint64_t before = txn->ts + !history_txn_writes(history, txn);
    if (txn->ts == 0) {
        return NULL;
    }
    const size_t place = find_place(left, count, vague->key, before);
    const struct left *const newest = place == 0 ? NULL : &left[place - 1];
    if (newest == NULL || newest->key != vague->key || newest->ts == 0 ||
        ledger_fits(op, &ledger->versions[newest->version])) {
        return NULL;
    }
    for (size_t i = find_place(left, count, vague->key, 0);
         i < count && left[i].key == vague->key && left[i].ts == 0; i++) {
        if (ledger_fits(op, &ledger->versions[left[i].version])) {
            return NULL;
        }
    }
    const struct ledger_version *const missed = &ledger->versions[newest->version];
    return graph_add(graph, vague->txn, missed->writer, GRAPH_MISS, newest->version);
}

cordon_error *predicates_order(const struct ledger *ledger, struct graph *graph)
{
    struct left *left = NULL;
    const size_t room = ledger->vague_count == 0 ? 0 : ledger->version_count;
    cordon_error *error = NULL;
    TRY(GROW_EXACT(ledger->account, &left, room));
    const size_t count = room == 0 ? 0 : collect(ledger, left);
    for (size_t i = 0; error == NULL && i < ledger->vague_count; i++) {
        error = judge(ledger, graph, left, count, &ledger->vagues[i]);
    }
    GROW_FREE(ledger->account, left, room);
    return error;
}
