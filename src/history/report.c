/* Counting and telling anomalies; see report.h. */
#include "history/report.h"

#include <inttypes.h>

/* Of a transaction that did more, or a list that is longer, the middle is left out and counted. */
enum { OPS_SHOWN = 24, ITEMS_SHOWN = 12 };

#define ARENA_BYTES_MAX ((size_t)16 << 20)

const char *history_anomaly_name(enum history_anomaly anomaly)
{
    static const char *const names[] = {
#define HISTORY_ANOMALY_NAME(name, text, meaning) text,
        HISTORY_ANOMALIES(HISTORY_ANOMALY_NAME)
#undef HISTORY_ANOMALY_NAME
    };
    return names[anomaly];
}

const char *history_anomaly_meaning(enum history_anomaly anomaly)
{
    static const char *const meanings[] = {
#define HISTORY_ANOMALY_MEANING(name, text, meaning) meaning,
        HISTORY_ANOMALIES(HISTORY_ANOMALY_MEANING)
#undef HISTORY_ANOMALY_MEANING
    };
    return meanings[anomaly];
}

void report_init(struct history_report *report)
{
    *report = (struct history_report){0};
    arena_init(&report->arena, ARENA_BYTES_MAX);
}

void report_done(struct history_report *report)
{
    arena_done(&report->arena);
    report->finding_count = 0;
}

uint64_t report_total(const struct history_report *report)
{
    uint64_t total = 0;
    for (size_t i = 0; i < HISTORY_ANOMALY_COUNT; i++) {
        total += report->counts[i];
    }
    return total;
}

bool report_counts(struct history_report *report, enum history_anomaly anomaly)
{
    report->counts[anomaly]++;
    return report->counts[anomaly] <= REPORT_TOLD_MAX;
}

cordon_error *report_tell(
    struct history_report *report,
    enum history_anomaly anomaly,
    struct slice text,
    const uint32_t *txns,
    size_t txn_count)
{
    const struct slice words = arena_copy(&report->arena, text);
    uint32_t *const copies = arena_alloc(&report->arena, txn_count * sizeof *copies);
    if (words.data == NULL || copies == NULL) {
        return arena_error(&report->arena);
    }
    memcpy(copies, txns, txn_count * sizeof *txns);
    report->findings[report->finding_count] = (struct history_finding){
        .anomaly = anomaly, .text = words, .txns = copies, .txn_count = txn_count};
    report->finding_count++;
    return NULL;
}

static cordon_error *write_list(
    struct buffer *out, const struct history *history, const struct history_op *op)
{
    TRY(buffer_printf(out, "list %" PRIu64 ":", op->key));
    for (size_t i = 0; i < op->count; i++) {
        if (op->count > ITEMS_SHOWN && i == ITEMS_SHOWN / 2) {
            const size_t left_out = op->count - ITEMS_SHOWN;
            TRY(buffer_printf(out, " (%zu more)", left_out));
            i += left_out;
        }
        TRY(buffer_printf(out, " %" PRIu64, history->items[op->first + i]));
    }
    return op->count == 0 ? buffer_printf(out, " empty") : NULL;
}

static cordon_error *write_op(
    struct buffer *out, const struct history *history, const struct history_op *op)
{
    switch (op->kind) {
    case HISTORY_APPEND:
        return buffer_printf(out, "append %" PRIu64 " to %" PRIu64, op->value, op->key);
    case HISTORY_WRITE:
        return buffer_printf(out, "write %" PRIu64 " to %" PRIu64, op->value, op->key);
    case HISTORY_READ:
        return op->found ? buffer_printf(out, "read %" PRIu64 ": %" PRIu64, op->key, op->value)
                         : buffer_printf(out, "read %" PRIu64 ": nothing", op->key);
    case HISTORY_LIST:
        return write_list(out, history, op);
    case HISTORY_REMOVE:
        return buffer_printf(out, "remove %" PRIu64, op->key);
    case HISTORY_MISS:
        return buffer_printf(out, "miss %" PRIu64 " in group %" PRIu64, op->key, op->value);
    case HISTORY_UNDONE:
        return buffer_printf(out, "undo %" PRIu64 " to %" PRIu64, op->value, op->key);
    }
    return NULL;
}

static const char *status_name(enum history_status status)
{
    switch (status) {
    case HISTORY_COMMITTED:
        return "committed";
    case HISTORY_ABORTED:
        return "aborted";
    case HISTORY_UNKNOWN:
        return "outcome unknown";
    }
    return "";
}

cordon_error *report_write_txn(struct buffer *out, const struct history *history, uint32_t number)
{
    const struct history_txn *const txn = &history->txns[number];
    TRY(buffer_printf(
        out, "T%" PRIu64 " (process %" PRIu64 ", %s): ", (uint64_t)number + 1, txn->process,
        status_name(txn->status)));
    for (size_t i = 0; i < txn->count; i++) {
        if (txn->count > OPS_SHOWN && i == OPS_SHOWN / 2) {
            const size_t left_out = txn->count - OPS_SHOWN;
            TRY(buffer_printf(out, ", %zu more", left_out));
            i += left_out;
        }
        TRY(buffer_append(out, i == 0 ? SLICE("") : SLICE(", ")));
        TRY(write_op(out, history, &history->ops[txn->first + i]));
    }
    return NULL;
}
