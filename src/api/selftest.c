/*
 * What cordon/selftest.h promises. Transactions are made and checked in rounds, each with keys of
 * its own, so that memory is bounded however long it goes on. After each round the store is closed
 * and opened again where that means something, and everything the round wrote is read once more.
 */
#include <cordon/selftest.h>

#include "api/api.h"

#include "base/clock.h"
#include "base/memory.h"
#include "history/check.h"
#include "history/lines.h"
#include "selftest/workload.h"

#define TRANSACTIONS_DEFAULT 100000
#define THREADS_DEFAULT 8
#define ROUND_TRANSACTIONS 10000
#define HISTORY_BYTES_MAX ((uint64_t)2 << 30)
#define CHECK_BYTES_MAX ((uint64_t)8 << 30)
#define LINES_BYTES_MAX ((size_t)2 << 30)
#define NS_PER_MS 1000000
#define NS_PER_S ((uint64_t)1000000000)

struct cordon_selftest {
    cordon_selftest_summary summary;
    struct history_report report;
    struct history history;
    struct buffer lines; /* of the history in which something was found */
};

/* What goes on from round to round. */
struct rounds {
    const cordon_selftest_options *options;
    cordon_selftest *selftest;
    struct store *store;
    uint64_t number;
    uint64_t next_key;
    uint64_t until_ns;
    uint64_t work_ns;
    uint64_t check_ns;
    uint64_t told_ns;
};

static void selftest_freep(cordon_selftest **selftest)
{
    cordon_selftest_free(*selftest);
    *selftest = NULL;
}

static cordon_error *new_selftest(cordon_selftest **out_selftest)
{
    cordon_selftest *const selftest = MEM_NEW(struct cordon_selftest);
    if (selftest == NULL) {
        return error_no_memory();
    }
    report_init(&selftest->report);
    history_init(&selftest->history, HISTORY_BYTES_MAX);
    buffer_init(&selftest->lines, LINES_BYTES_MAX);
    *out_selftest = selftest;
    return NULL;
}

void cordon_selftest_free(cordon_selftest *selftest)
{
    if (selftest != NULL) {
        report_done(&selftest->report);
        history_done(&selftest->history);
        buffer_done(&selftest->lines);
        mem_free(selftest);
    }
}

/* -- Options ----------------------------------------------------------------------------------- */

/* What the caller passes, completed with defaults. */
static cordon_error *read_options(
    const cordon_selftest_options *given, cordon_selftest_options *out_options)
{
    cordon_selftest_options options;
    TRY(api_take_struct(given, "options", "cordon_selftest_options", sizeof options, &options));
    options.transactions = options.transactions == 0 ? TRANSACTIONS_DEFAULT : options.transactions;
    options.threads = options.threads == 0 ? THREADS_DEFAULT : options.threads;
    if (options.threads > WORKLOAD_THREADS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "%u threads are too many: at most %d", (unsigned)options.threads,
            WORKLOAD_THREADS_MAX);
    }
    if (options.data_folder != NULL && store_is_there(options.data_folder)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the data folder has a store already; name a new folder, as a "
                              "selftest writes to no other");
    }
    *out_options = options;
    return NULL;
}

static cordon_error *open_store(struct rounds *rounds)
{
    const struct store_options options = {.flusher_thread = true};
    const char *const folder = rounds->options->data_folder;
    return folder == NULL ? store_open_memory(&options, &rounds->store)
                          : store_open_lmdb(folder, &options, &rounds->store);
}

static void rounds_done(struct rounds *rounds)
{
    store_close(rounds->store);
    rounds->store = NULL;
}

/* -- Rounds ------------------------------------------------------------------------------------ */

static cordon_error *reopen(struct rounds *rounds)
{
    if (rounds->options->data_folder == NULL) {
        return NULL;
    }
    rounds_done(rounds);
    return open_store(rounds);
}

static uint64_t fewer(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static cordon_error *work(struct rounds *rounds)
{
    cordon_selftest *const selftest = rounds->selftest;
    const uint64_t left = rounds->options->transactions - selftest->summary.transactions;
    const uint64_t begun_ns = clock_monotonic_ns();
    const uint64_t first_key = rounds->next_key;
    struct workload workload = {
        .store = rounds->store,
        .seed = rounds->options->seed + rounds->number,
        .threads = rounds->options->threads,
        .txns = fewer(left, ROUND_TRANSACTIONS),
        .until_ns = rounds->until_ns,
        .generation = 2 * rounds->number,
        .first_key = first_key,
        .history_bytes = HISTORY_BYTES_MAX,
    };
    TRY(workload_run(&workload, &selftest->history, &rounds->next_key));
    rounds->work_ns += clock_monotonic_ns() - begun_ns;
    selftest->summary.transactions += workload.counts.committed;
    selftest->summary.conflicts += workload.counts.conflicts;
    selftest->summary.reserved += workload.counts.reserved;
    TRY(reopen(rounds));
    return workload_read_all(
        rounds->store, &selftest->history, (workload.generation + 1) * WORKLOAD_THREADS_MAX,
        first_key, rounds->next_key);
}

static cordon_error *write_history(cordon_selftest *selftest)
{
    for (size_t i = 0; i < selftest->history.txn_count; i++) {
        TRY(history_write_line(&selftest->lines, &selftest->history, i));
    }
    return NULL;
}

static cordon_error *check(struct rounds *rounds)
{
    cordon_selftest *const selftest = rounds->selftest;
    const uint64_t begun_ns = clock_monotonic_ns();
    TRY(history_check(&selftest->history, CHECK_BYTES_MAX, &selftest->report));
    rounds->check_ns += clock_monotonic_ns() - begun_ns;
    selftest->summary.anomalies = report_total(&selftest->report);
    return selftest->summary.anomalies == 0 ? NULL : write_history(selftest);
}

static void tell_progress(struct rounds *rounds)
{
    const uint64_t now_ns = clock_monotonic_ns();
    rounds->selftest->summary.work_ms = rounds->work_ns / NS_PER_MS;
    rounds->selftest->summary.check_ms = rounds->check_ns / NS_PER_MS;
    if (rounds->options->progress != NULL && now_ns - rounds->told_ns >= NS_PER_S) {
        rounds->told_ns = now_ns;
        rounds->options->progress(rounds->options->arg, &rounds->selftest->summary);
    }
}

static bool is_over(const struct rounds *rounds)
{
    const cordon_selftest_summary *const summary = &rounds->selftest->summary;
    return summary->transactions >= rounds->options->transactions || summary->anomalies > 0 ||
           clock_monotonic_ns() >= rounds->until_ns;
}

static cordon_error *run_rounds(struct rounds *rounds)
{
    TRY(open_store(rounds));
    TRY(recorded_prepare(rounds->store));
    do {
        history_clear(&rounds->selftest->history);
        TRY(work(rounds));
        TRY(check(rounds));
        tell_progress(rounds);
        rounds->number++;
    } while (!is_over(rounds));
    return NULL;
}

cordon_error *cordon_selftest_run(
    const cordon_selftest_options *given, cordon_selftest **out_selftest)
{
    TRY(api_need(out_selftest, "out_selftest"));
    cordon_selftest_options options;
    CORDON_CLEANUP(selftest_freep) cordon_selftest *selftest = NULL;
    TRY(read_options(given, &options));
    TRY(new_selftest(&selftest));
    CORDON_CLEANUP(rounds_done) struct rounds rounds = {
        .options = &options,
        .selftest = selftest,
        .until_ns =
            options.seconds == 0 ? UINT64_MAX : clock_deadline_ns((uint64_t)options.seconds * 1000),
        .told_ns = clock_monotonic_ns(),
    };
    TRY(run_rounds(&rounds));
    *out_selftest = CORDON_TAKE(selftest);
    return NULL;
}

cordon_error *cordon_selftest_check(const char *lines, size_t size, cordon_selftest **out_selftest)
{
    TRY(api_need_items(lines, size, "lines"));
    TRY(api_need(out_selftest, "out_selftest"));
    CORDON_CLEANUP(selftest_freep) cordon_selftest *selftest = NULL;
    TRY(new_selftest(&selftest));
    TRY(history_read_lines(&selftest->history, slice_of(lines, size)));
    TRY(history_check(&selftest->history, CHECK_BYTES_MAX, &selftest->report));
    selftest->summary.transactions = selftest->report.checked;
    selftest->summary.anomalies = report_total(&selftest->report);
    *out_selftest = CORDON_TAKE(selftest);
    return NULL;
}

/* -- Questions --------------------------------------------------------------------------------- */

cordon_selftest_summary cordon_selftest_get_summary(const cordon_selftest *selftest)
{
    return selftest->summary;
}

bool cordon_selftest_get_anomaly(
    const cordon_selftest *selftest, size_t index, cordon_selftest_anomaly *out_anomaly)
{
    if (index >= HISTORY_ANOMALY_COUNT) {
        return false;
    }
    const enum history_anomaly anomaly = (enum history_anomaly)index;
    *out_anomaly = (cordon_selftest_anomaly){
        .name = history_anomaly_name(anomaly),
        .meaning = history_anomaly_meaning(anomaly),
        .count = selftest->report.counts[index],
    };
    return true;
}

/* The texts of a report have a NUL behind them, as all copies in arenas have. */
const char *cordon_selftest_get_finding(const cordon_selftest *selftest, size_t index)
{
    return index < selftest->report.finding_count
               ? (const char *)selftest->report.findings[index].text.data
               : NULL;
}

const char *cordon_selftest_get_history(const cordon_selftest *selftest, size_t *out_size)
{
    if (selftest->lines.size == 0) {
        return NULL;
    }
    *out_size = selftest->lines.size;
    return (const char *)selftest->lines.data;
}
