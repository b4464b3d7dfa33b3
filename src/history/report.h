/*
 * What a check has found: how often each anomaly is there, and of each the first few in words that
 * name transactions, keys and the reasons for each step. T1 is the first transaction of a history.
 */
#ifndef HISTORY_REPORT_H
#define HISTORY_REPORT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "history/history.h"

/*
 * Number, name, meaning. The first six are Adya's phenomena; of a cycle that holds only with real
 * time or with the store's own timestamps, which is no anomaly under plain serializability, the
 * name says so. The last four say that there is no order of versions, or none that the reader
 * itself would agree to.
 */
#define HISTORY_ANOMALIES(X)                                                                       \
    X(G0, "G0", "a cycle of writes over writes")                                                   \
    X(G1A, "G1a", "what an aborted transaction wrote was read, or what a savepoint took back")     \
    X(G1B, "G1b", "what a transaction wrote over later itself was read")                           \
    X(G1C, "G1c", "a cycle of writes and of reads of what was written")                            \
    X(G_SINGLE, "G-single", "a cycle with one read of what was written over")                      \
    X(G2, "G2", "a cycle with several reads of what was written over")                             \
    X(G0_REAL_TIME, "G0-realtime", "G0, counting what was answered before another began")          \
    X(G1C_REAL_TIME, "G1c-realtime", "G1c, counting what was answered before another began")       \
    X(G_SINGLE_REAL_TIME, "G-single-realtime",                                                     \
      "G-single, counting what was answered before another began: a stale read, a lost write")     \
    X(G2_REAL_TIME, "G2-realtime", "G2, counting what was answered before another began")          \
    X(G0_TIMESTAMP, "G0-timestamp", "G0, counting the order of timestamps")                        \
    X(G1C_TIMESTAMP, "G1c-timestamp", "G1c, counting the order of timestamps")                     \
    X(G_SINGLE_TIMESTAMP, "G-single-timestamp", "G-single, counting the order of timestamps")      \
    X(G2_TIMESTAMP, "G2-timestamp", "G2, counting the order of timestamps")                        \
    X(INTERNAL, "internal", "a transaction does not see what it wrote itself")                     \
    X(UNWRITTEN, "unwritten", "a value was read that nobody wrote")                                \
    X(DUPLICATE, "duplicate", "a list has what was appended once twice")                           \
    X(INCOMPATIBLE, "incompatible-order",                                                          \
      "two reads of one list of which neither began as the other")

enum history_anomaly {
#define HISTORY_ANOMALY_ENUM(name, text, meaning) HISTORY_##name,
    HISTORY_ANOMALIES(HISTORY_ANOMALY_ENUM)
#undef HISTORY_ANOMALY_ENUM
        HISTORY_ANOMALY_COUNT
};

/* Static. */
const char *history_anomaly_name(enum history_anomaly anomaly);
const char *history_anomaly_meaning(enum history_anomaly anomaly);

/* Of each anomaly so many are told in words; all are counted. */
enum { REPORT_TOLD_MAX = 5 };

struct history_finding {
    enum history_anomaly anomaly;
    struct slice text; /* lines, without the last line break */
    const uint32_t
        *txns; /* those concerned, by their places in the history; a cycle in its order */
    size_t txn_count;
};

struct history_report {
    uint64_t counts[HISTORY_ANOMALY_COUNT];
    struct history_finding findings[HISTORY_ANOMALY_COUNT * REPORT_TOLD_MAX];
    size_t finding_count;
    uint64_t checked; /* transactions that took place: committed ones, and unknown ones seen */
    uint64_t edges;   /* between them */
    struct arena arena;
};

void report_init(struct history_report *report);
void report_done(struct history_report *report);

#define CORDON_CLEANUP_REPORT CORDON_CLEANUP(report_done)

/* All anomalies of it. */
uint64_t report_total(const struct history_report *report);

/* Whether the next finding of this kind is to be told in words. It is counted either way. */
bool report_counts(struct history_report *report, enum history_anomaly anomaly);

/* Adds the words to one that is told; both are copied. Errors: those of arena_error(). */
CORDON_MUST_USE cordon_error *report_tell(
    struct history_report *report,
    enum history_anomaly anomaly,
    struct slice text,
    const uint32_t *txns,
    size_t txn_count);

/* One transaction in a line, such as `T3 (process 1, committed): append 5 to 7, list 7: 4 5`. */
CORDON_MUST_USE cordon_error *report_write_txn(
    struct buffer *out, const struct history *history, uint32_t txn);

#endif
