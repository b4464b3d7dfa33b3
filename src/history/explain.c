/* Names and words for cycles; see explain.h. */
#include "history/explain.h"

#include "history/grow.h"

#include <inttypes.h>

/* Of a longer cycle the middle is counted and left out of the words. */
enum { STEPS_SHOWN = 16 };

#define TEXT_BYTES_MAX ((size_t)256 << 10)

cordon_error *cycle_add(struct cycle *cycle, struct account *account, const struct graph_edge *edge)
{
    TRY(GROW(account, &cycle->edges, &cycle->capacity, cycle->count, 1));
    cycle->edges[cycle->count] = *edge;
    cycle->count++;
    return NULL;
}

void cycle_reverse(struct cycle *cycle)
{
    for (size_t i = 0; i < cycle->count / 2; i++) {
        const struct graph_edge edge = cycle->edges[i];
        cycle->edges[i] = cycle->edges[cycle->count - 1 - i];
        cycle->edges[cycle->count - 1 - i] = edge;
    }
}

void cycle_done(struct cycle *cycle, struct account *account)
{
    account_free(account, cycle->edges, cycle->capacity * sizeof *cycle->edges);
    *cycle = (struct cycle){0};
}

/*
 * Two transactions that read one version and both wrote over it. Which of them was first may not be
 * known, but either way the other read what was written over: one step of the two is then a write
 * over a write.
 */
static bool is_lost_update(const struct cycle *cycle)
{
    return cycle->count == 2 && cycle->edges[0].about == cycle->edges[1].about;
}

/* The four cycles, of the plain kind, with real time, and with timestamps. */
static const enum history_anomaly cycle_anomalies[3][4] = {
    {HISTORY_G0, HISTORY_G1C, HISTORY_G_SINGLE, HISTORY_G2},
    {HISTORY_G0_REAL_TIME, HISTORY_G1C_REAL_TIME, HISTORY_G_SINGLE_REAL_TIME, HISTORY_G2_REAL_TIME},
    {HISTORY_G0_TIMESTAMP, HISTORY_G1C_TIMESTAMP, HISTORY_G_SINGLE_TIMESTAMP, HISTORY_G2_TIMESTAMP},
};

enum history_anomaly cycle_anomaly(const struct cycle *cycle)
{
    size_t antis = 0;
    unsigned kinds = 0;
    for (size_t i = 0; i < cycle->count; i++) {
        kinds |= (unsigned)cycle->edges[i].kind;
        antis += ((unsigned)cycle->edges[i].kind & GRAPH_ANTI) != 0;
    }
    const enum history_anomaly *const of_order = cycle_anomalies
        [(kinds & GRAPH_TIMESTAMP) != 0   ? 2
         : (kinds & GRAPH_REAL_TIME) != 0 ? 1
                                          : 0];
    if (antis > 0) {
        return antis == 1 || is_lost_update(cycle) ? of_order[2] : of_order[3];
    }
    return (kinds & GRAPH_WR) != 0 ? of_order[1] : of_order[0];
}

/* -- Words ------------------------------------------------------------------------------------- */

/* What a transaction that wrote to a key did first there. */
static const struct history_op *first_write(
    const struct ledger *ledger, uint32_t number, uint32_t key)
{
    const struct history *const history = ledger->history;
    size_t at = history->txns[number].first;
    while (!history_op_writes(&history->ops[at]) || ledger->key_of[at] != key) {
        at++;
    }
    return &history->ops[at];
}

/* Such as "the 5 that T2 wrote". */
static cordon_error *write_written(
    struct buffer *out, const struct ledger *ledger, uint32_t number, uint32_t key)
{
    const struct history_op *const op = first_write(ledger, number, key);
    if (op->kind == HISTORY_REMOVE) {
        return buffer_printf(out, "the removal by T%" PRIu32, number + 1);
    }
    return buffer_printf(
        out, "the %" PRIu64 " that T%" PRIu32 " %s", op->value, number + 1,
        op->kind == HISTORY_APPEND ? "appended" : "wrote");
}

/* What was read of a version, such as "list 3 up to 7" or "register 4 as 5". */
static cordon_error *write_version(
    struct buffer *out, const struct ledger_key *key, const struct ledger_version *version)
{
    const char *const kind = key->is_list ? "list" : "register";
    if (version->writer == LEDGER_NONE) {
        return buffer_printf(out, "%s %" PRIu64 " empty", kind, key->name);
    }
    return buffer_printf(
        out, "%s %" PRIu64 " %s %" PRIu64, kind, key->name, key->is_list ? "up to" : "as",
        version->value);
}

static cordon_error *write_anti_step(
    struct buffer *out, const struct ledger *ledger, const struct graph_edge *edge, uint32_t to)
{
    const struct ledger_version *const version = &ledger->versions[edge->about];
    const struct ledger_key *const key = &ledger->keys[version->key];
    if (edge->kind == GRAPH_MISS) {
        TRY(buffer_printf(
            out, "T%" PRIu32 " did not find in register %" PRIu64 " ", edge->from + 1, key->name));
        TRY(write_written(out, ledger, to, version->key));
        return buffer_append(out, SLICE(" before, by its timestamp [rw, predicate, timestamp]"));
    }
    TRY(buffer_printf(out, "T%" PRIu32 " read ", edge->from + 1));
    TRY(write_version(out, key, version));
    TRY(buffer_append(out, SLICE(", without ")));
    TRY(write_written(out, ledger, to, version->key));
    if (edge->kind == GRAPH_RW_RT) {
        return buffer_printf(
            out, " after T%" PRIu32 " was answered, which wrote that [rw, real time]",
            version->writer + 1);
    }
    return buffer_append(
        out, edge->kind == GRAPH_RW_TS ? SLICE(" later, by its timestamp [rw, timestamp]")
                                       : SLICE(" [rw]"));
}

static cordon_error *write_step(
    struct buffer *out, const struct ledger *ledger, const struct graph_edge *edge, uint32_t to)
{
    if (edge->kind == GRAPH_RT) {
        return buffer_printf(
            out, "T%" PRIu32 " was answered before T%" PRIu32 " began [real time]", edge->from + 1,
            to + 1);
    }
    if (edge->kind == GRAPH_TS) {
        return buffer_printf(
            out, "T%" PRIu32 " stands before T%" PRIu32 " by its timestamp [timestamp]",
            edge->from + 1, to + 1);
    }
    if (((unsigned)edge->kind & GRAPH_ANTI) != 0) {
        return write_anti_step(out, ledger, edge, to);
    }
    const struct ledger_version *const version = &ledger->versions[edge->about];
    const struct ledger_key *const key = &ledger->keys[version->key];
    TRY(buffer_printf(
        out, "T%" PRIu32 " %s %" PRIu64 " to %s %" PRIu64, edge->from + 1,
        key->is_list ? "appended" : "wrote", version->value, key->is_list ? "list" : "register",
        key->name));
    return edge->kind == GRAPH_WR ? buffer_printf(out, ", which T%" PRIu32 " read [wr]", to + 1)
                                  : buffer_printf(
                                        out, ", before T%" PRIu32 " %s %" PRIu64 " [ww]", to + 1,
                                        key->is_list ? "appended" : "wrote",
                                        first_write(ledger, to, version->key)->value);
}

static uint32_t next_txn(const struct cycle *cycle, size_t step)
{
    return cycle->edges[(step + 1) % cycle->count].from;
}

/* Which steps of a long cycle have words. */
static bool is_shown(const struct cycle *cycle, size_t step)
{
    return cycle->count <= STEPS_SHOWN || step < STEPS_SHOWN / 2 ||
           step >= cycle->count - STEPS_SHOWN / 2;
}

static cordon_error *write_cycle(
    struct buffer *out, const struct ledger *ledger, const struct cycle *cycle)
{
    TRY(buffer_printf(
        out, "%s: a cycle of %zu transactions, each of which must come before the next:",
        history_anomaly_name(cycle_anomaly(cycle)), cycle->count));
    for (size_t i = 0; i < cycle->count; i++) {
        if (is_shown(cycle, i)) {
            TRY(buffer_append(out, SLICE("\n  ")));
            TRY(write_step(out, ledger, &cycle->edges[i], next_txn(cycle, i)));
        } else if (i == STEPS_SHOWN / 2) {
            TRY(buffer_printf(out, "\n  (%zu more steps)", cycle->count - STEPS_SHOWN));
        }
    }
    for (size_t i = 0; i < cycle->count; i++) {
        if (is_shown(cycle, i)) {
            TRY(buffer_append(out, SLICE("\n    ")));
            TRY(report_write_txn(out, ledger->history, cycle->edges[i].from));
        }
    }
    return NULL;
}

cordon_error *explain_cycle(
    const struct ledger *ledger, const struct cycle *cycle, struct history_report *report)
{
    const enum history_anomaly anomaly = cycle_anomaly(cycle);
    if (!report_counts(report, anomaly)) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    TRY(write_cycle(&text, ledger, cycle));
    struct account *const account = ledger->account;
    uint32_t *txns = NULL;
    TRY(GROW_EXACT(account, &txns, cycle->count));
    for (size_t i = 0; i < cycle->count; i++) {
        txns[i] = cycle->edges[i].from;
    }
    cordon_error *const error =
        report_tell(report, anomaly, buffer_slice(&text), txns, cycle->count);
    GROW_FREE(account, txns, cycle->count);
    return error;
}
