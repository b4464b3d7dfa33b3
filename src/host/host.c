/*
 * Life of the host's side of a run, its stop reasons and its two accounts: time and bytes.
 */
#include "host/host.h"

#include "base/clock.h"
#include "host/functions.h"
#include "host/operations.h"

#include <stdarg.h>
#include <stdio.h>

/* The host's own words are cut here; the guest's are cut by `error_bytes`. */
#define STOP_MESSAGE_BYTES_MAX 4096

/* The first stop's words, and those of a second one that nobody will read. */
#define WORDS_BYTES_MAX ((size_t)4 * STOP_MESSAGE_BYTES_MAX)

/* Streams of one seed; in an action the import phase has the run's. */
enum { STREAM_GUEST = 0, STREAM_IDS = 1, STREAM_IMPORT = 2 };

void host_init(struct host *host, const struct host_options *options)
{
    const struct budget *budget = options->budget;
    *host = (struct host){.options = *options};
    host->short_calls = (uint32_t)options->started_ns; /* not each first one of a run */
    arena_init(&host->words, WORDS_BYTES_MAX);
    arena_init_charged(&host->arena, options->account);
    buffer_init_charged(&host->reply, SIZE_MAX, options->account);
    buffer_init_charged(&host->fetched, SIZE_MAX, options->account);
    buffer_init_charged(
        &host->output, (size_t)budget->allowed[CORDON_LIMIT_RESULT_BYTES], options->account);
    log_lines_init(
        &host->log, &host->arena, budget->allowed[CORDON_LIMIT_LOG_LINES],
        budget->allowed[CORDON_LIMIT_LOG_LINE_BYTES]);
    random_stream_init(&host->random, options->import_seed, STREAM_IMPORT);
    random_stream_init(&host->ids, options->seed, STREAM_IDS);
}

void host_nested_done(struct host *host)
{
    buffer_done(&host->nested.args);
    host->nested = (struct host_nested){.state = NESTED_NONE};
}

void host_done(struct host *host)
{
    db_close_queries(host);
    host_nested_done(host);
    host_function_call_done(host);
    json_freep(&host->waiting_args);
    json_freep(&host->spare_args);
    log_lines_done(&host->log);
    buffer_done(&host->fetched);
    buffer_done(&host->reply);
    buffer_done(&host->output);
    arena_done(&host->arena);
    arena_done(&host->words);
    account_release(host->options.account, host->polled);
    host->polled = 0;
}

void host_on_running(void *run)
{
    struct host *host = run;
    host->running = true;
    random_stream_init(&host->random, host->options.seed, STREAM_GUEST);
    if (host->options.kind == CORDON_ACTION) {
        /* Loading and initialising an action was the host's time; from here on it is its own. */
        (void)run_clock_switch(host->options.clock, CLOCK_USER, clock_monotonic_ns());
    }
}

/* The first growth is that of the memory itself, before anything of the guest runs. */
bool host_may_grow(void *run, uint64_t more)
{
    struct host *host = run;
    return account_take_beside(host->options.account, more) &&
           (host->polled > 0 || host_account(host));
}

static enum engine_answer stop_with(
    struct host *host, cordon_outcome_code code, struct slice message)
{
    if (host->stop.code == CORDON_OUTCOME_SUCCESS) {
        host->stop.code = code;
        host->stop.message = message;
    }
    return ENGINE_STOP;
}

enum engine_answer host_stop(struct host *host, cordon_outcome_code code, const char *format, ...)
{
    char text[STOP_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const size_t kept = size < 0                         ? 0
                        : (size_t)size < sizeof text - 1 ? (size_t)size
                                                         : sizeof text - 1;
    const struct slice words = arena_copy(&host->words, slice_of(text, kept));
    return stop_with(
        host, code, words.data != NULL ? words : SLICE("The process is out of memory."));
}

enum engine_answer host_stop_limit(struct host *host, cordon_limit limit, uint64_t used)
{
    budget_trip(host->options.budget, limit, used);
    if (host->stop.code == CORDON_OUTCOME_SUCCESS) {
        host->stop.code = CORDON_OUTCOME_LIMIT;
        host->stop.limit = host->options.budget->tripped_limit;
    }
    return ENGINE_STOP;
}

/* Other things may be too large, too; the account is full only once it has refused something. */
static bool account_is_full(const struct host *host, const cordon_error *error)
{
    return cordon_error_get_code(error) == CORDON_E_TOO_LARGE &&
           host->options.account->refusal == ACCOUNT_FULL;
}

bool host_lacks_memory(const struct host *host, const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    return code == CORDON_E_NO_MEMORY || code == CORDON_E_OVERLOADED ||
           account_is_full(host, error);
}

enum engine_answer host_stop_error(struct host *host, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    const cordon_error_code code = cordon_error_get_code(owned);
    if (account_is_full(host, owned)) {
        return host_stop_limit(host, CORDON_LIMIT_HOST_BYTES, host->options.account->wanted);
    }
    if (code == CORDON_E_OVERLOADED) {
        return host_stop(
            host, CORDON_OUTCOME_OVERLOADED, "The server has no memory for this call now.");
    }
    if (code == CORDON_E_CONFLICT) { /* what the run sees is no longer kept */
        return host_stop(
            host, CORDON_OUTCOME_CONFLICT,
            "The function ran for so long that what it had read is no longer kept. Nothing was "
            "written. A retry is safe.");
    }
    return host_stop(host, CORDON_OUTCOME_INTERNAL, "%s", cordon_error_get_message(owned));
}

/* -- Time ---------------------------------------------------------------------------------- */

/*
 * A number that a run can't compute: taken now and written to the tape, or played from it. A
 * replay that has left its record is told when it asks the store or ends.
 */
static uint64_t learn(
    struct host *host,
    enum tape_op op,
    uint64_t which,
    uint64_t (*now)(const struct host *host, uint64_t which))
{
    const struct tape_question question = {.op = op, .number = {which}};
    struct tape_answer answer = {0};
    if (host->options.player != NULL) {
        cordon_error_free(tape_play(host->options.player, &question, &answer));
        return answer.number;
    }
    answer.number = now(host, which);
    if (host->options.tape != NULL) {
        tape_write(host->options.tape, &question, &answer, NULL);
    }
    return answer.number;
}

static uint64_t real_time_ns(const struct host *host, uint64_t which)
{
    (void)which;
    return host->options.time_ns + (clock_monotonic_ns() - host->options.started_ns);
}

uint64_t host_time_ns(struct host *host)
{
    const struct host_options *options = &host->options;
    if (options->real_clock) {
        return learn(host, TAPE_CLOCK, 0, real_time_ns);
    }
    return host->running ? options->time_ns : options->import_time_ns;
}

static uint64_t left_ms(const struct host *host, uint64_t which)
{
    const cordon_limit limit = (cordon_limit)which;
    const enum run_clock_account account =
        limit == CORDON_LIMIT_USER_TIME_MS ? CLOCK_USER : CLOCK_SYSTEM;
    const uint64_t spent =
        run_clock_spent_ns(host->options.clock, account, clock_monotonic_ns()) / 1000000;
    const uint64_t allowed = host->options.budget->allowed[limit];
    return spent >= allowed ? 0 : allowed - spent;
}

uint64_t host_time_left_ms(struct host *host, cordon_limit limit)
{
    return learn(host, TAPE_TIME_LEFT, limit, left_ms);
}

static void stop_cancelled(struct host *host)
{
    (void)host_stop(host, CORDON_OUTCOME_CANCELLED, "The call was cancelled.");
}

/* -- Replays -------------------------------------------------------------------------------- */

static void cut(struct host *host)
{
    const struct host_cut *where = host->options.cut;
    if (where->code == CORDON_OUTCOME_CANCELLED) {
        stop_cancelled(host);
    } else {
        (void)host_stop_limit(host, where->limit, where->used);
    }
}

/* In place of the clock and of who waits: where the recorded run was stopped. */
static bool look_at_record(struct host *host)
{
    const struct host_cut *where = host->options.cut;
    if (!where->is_set || where->waiting || where->place.yields != host->place.yields ||
        where->place.looks != host->place.looks) {
        return true;
    }
    cut(host);
    return false;
}

void host_replay_waits(struct host *host)
{
    if (host->options.cut->is_set && host->options.cut->waiting) {
        cut(host);
    } else {
        (void)host_stop_error(host, tape_diverge(host->options.player, "it waits for an answer"));
    }
}

struct host_cut host_get_cut(const struct host *host)
{
    const bool by_time = host->stop.code == CORDON_OUTCOME_LIMIT && limit_is_time(host->stop.limit);
    return (struct host_cut){
        .is_set = by_time || host->stop.code == CORDON_OUTCOME_CANCELLED,
        .waiting = host->waiting != NULL,
        .code = host->stop.code,
        .limit = host->stop.limit,
        .used = by_time ? host->options.budget->tripped_used : 0,
        .place = host->place,
    };
}

/* -- Looking -------------------------------------------------------------------------------- */

bool host_yielded(struct host *host, uint64_t now_ns)
{
    host->fuel_since_look = 0;
    host->place.yields++;
    return host_look(host, now_ns);
}

bool host_look(struct host *host, uint64_t now_ns)
{
    if (host->options.player != NULL) {
        return look_at_record(host);
    }
    if (atomic_load_explicit(host->options.cancelled, memory_order_relaxed)) {
        stop_cancelled(host);
        return false;
    }
    struct budget *budget = host->options.budget;
    const struct run_clock *clock = host->options.clock;
    static const struct {
        cordon_limit limit;
        enum run_clock_account account;
    } accounts[] = {
        {CORDON_LIMIT_USER_TIME_MS, CLOCK_USER},
        {CORDON_LIMIT_SYSTEM_TIME_MS, CLOCK_SYSTEM},
    };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        const uint64_t spent_ms = run_clock_spent_ns(clock, accounts[i].account, now_ns) / 1000000;
        if (spent_ms >= budget->allowed[accounts[i].limit]) {
            (void)host_stop_limit(host, accounts[i].limit, spent_ms);
            return false;
        }
    }
    if (run_clock_spent_ns(clock, CLOCK_QUEUED, now_ns) >= host->options.turns_ns) {
        (void)host_stop(host, CORDON_OUTCOME_OVERLOADED, HOST_NO_TURN);
        return false;
    }
    return true;
}

/* -- Bytes ---------------------------------------------------------------------------------- */

bool host_account(struct host *host)
{
    const struct host_options *options = &host->options;
    const uint64_t polled =
        options->args.size + (options->txn == NULL ? 0 : store_txn_bytes(options->txn));
    if (polled == host->polled) {
        return true;
    }
    if (polled < host->polled) {
        account_release(options->account, host->polled - polled);
    } else if (!account_charge(options->account, polled - host->polled)) {
        (void)host_stop_error(host, account_error(options->account));
        return false;
    }
    host->polled = polled;
    return true;
}

struct slice host_limit_message(
    struct arena *arena, cordon_limit limit, uint64_t used, uint64_t allowed)
{
    const cordon_limit_info *info = cordon_limit_get_info(limit);
    const char *change =
        info->scope != CORDON_SCOPE_RUN ? "change the operator's setting"
        : limit == CORDON_LIMIT_ARGS_BYTES
            ? "pass less, or raise the limit in the operator's settings"
            : "make the function use less, or raise the limit in the operator's settings";
    char text[768];
    int size = 0;
    if (limit == CORDON_LIMIT_USER_TIME_MS) {
        size = snprintf(
            text, sizeof text,
            "Function execution timed out (maximum duration: %llums). Limit %s: used %llu %s, "
            "allowed %llu; %s.",
            (unsigned long long)allowed, info->name, (unsigned long long)used, info->unit,
            (unsigned long long)allowed, change);
    } else if (limit == CORDON_LIMIT_SYSTEM_TIME_MS) {
        size = snprintf(
            text, sizeof text,
            "Your request timed out performing too many system operations. Limit %s: used %llu "
            "%s, allowed %llu; %s.",
            info->name, (unsigned long long)used, info->unit, (unsigned long long)allowed, change);
    } else {
        size = snprintf(
            text, sizeof text, "%s: limit %s (%s) used %llu %s, allowed %llu; %s.", info->code,
            info->name, info->text, (unsigned long long)used, info->unit,
            (unsigned long long)allowed, change);
    }
    return arena_copy(arena, slice_of(text, size < 0 ? 0 : (size_t)size));
}
