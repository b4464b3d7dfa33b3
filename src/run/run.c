/*
 * The state machine of a run. Each step function does one thing and says what comes next; none
 * blocks. Whatever the order in which things go wrong, a run ends through finish(), which gives
 * back permit, instance, memory and transaction, and leaves an outcome behind.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "run/check.h"
#include "run/internal.h"
#include "run/record.h"
#include "run/report.h"
#include "run/resolve.h"
#include "run/result.h"

/* Retries after a conflict, and the wait before them, doubled each time, times a random share. */
#define CONFLICT_RETRIES_MAX 4
#define BACKOFF_FIRST_NS ((uint64_t)2000000)
#define BACKOFF_LAST_NS ((uint64_t)200000000)

/* A fresh run that got no permit for this long is turned away (Convex waits 5 s). */
#define QUEUE_WAIT_NS ((uint64_t)5000000000)

/* Below this the arguments of every slot together are small. */
#define REQUEST_BYTES_COUNTED ((uint64_t)16 << 10)

/* A slice on a loop thread may not be followed by another if it touched this much. */
#define HEAVY_BYTES ((uint64_t)16 << 20)

enum stage {
    STAGE_ADMIT,   /* wants a permit */
    STAGE_BEGIN,   /* begins its transaction */
    STAGE_EARLIER, /* looks whether an idempotent call was answered before */
    STAGE_ARGS,    /* holds the arguments against the function's validator */
    STAGE_GUEST,   /* the guest runs or waits for a host call */
    STAGE_RESULT,  /* holds the result against the function's validator */
    STAGE_COMMIT,  /* writes are on their way */
    STAGE_SETTLE,  /* it failed: the record of that, and what it has read, become durable */
    STAGE_BACKOFF, /* lost a conflict, waits before it runs again */
    STAGE_DONE,
};

/* What a step says: go on at once, come back later on any thread, or wait. */
enum next { NEXT_STEP, NEXT_READY, NEXT_WAIT };

struct run {
    struct runner *runner;
    struct deployment *deployment;            /* NULL if there was none */
    const struct deployed_function *function; /* NULL if none was found */
    struct arena arena;                       /* the request's texts */
    struct call_args args;
    struct value result; /* of a guest that returned, until it is checked */
    struct checker checker;
    struct slice idempotency_key;
    struct slice request_id;
    struct slice path;
    struct limit_changes lower;
    bool has_lower;
    uint32_t tenant;
    enum stage stage;
    struct budget budget;
    struct run_clock clock;
    struct host host;
    bool has_host;
    struct engine_call *call;
    struct store_txn *txn;
    bool submitted; /* the transaction's commit was begun */
    struct outcome outcome;
    struct store_wake wake;
    atomic_bool woken;
    atomic_bool cancelled;
    struct permit_waiter permit;
    bool had_permit;
    bool permit_asked; /* by a run that waited and wants to go on */
    bool had_turn;     /* waits for nothing but another turn */
    bool has_slot;
    uint64_t request_taken; /* memory for the request's texts */
    uint64_t memory_taken;  /* memory for the guest */
    uint64_t memory_at_poll; /* guest memory when this poll began */
    uint64_t started_ns;
    uint64_t wake_at_ns; /* 0: not waiting */
    uint64_t backoff_until_ns;
    uint64_t time_ns;
    uint8_t seed[RANDOM_SEED_BYTES];
    uint32_t attempts;
};

/* -- Waking and waiting --------------------------------------------------------------------- */

static void wake_run(void *arg)
{
    struct run *run = arg;
    atomic_store(&run->woken, true);
    run->wake.call(run->wake.arg);
}

static void permit_granted(struct permit_waiter *waiter)
{
    struct run *run = (struct run *)(void *)((char *)waiter - offsetof(struct run, permit));
    wake_run(run);
}

static bool is_transactional(const struct run *run)
{
    return run->function->metadata->kind != CORDON_ACTION;
}

/* While nothing of a run executes, its waiting is the host's time; an action's is its own. */
static enum run_clock_account idle_account(const struct run *run)
{
    const bool own = run->host.running && !is_transactional(run);
    return own ? CLOCK_USER : CLOCK_SYSTEM;
}

/* When the clock that runs while this run waits will be at its limit. */
static uint64_t limit_at_ns(const struct run *run, uint64_t now_ns)
{
    const enum run_clock_account account = idle_account(run);
    const cordon_limit limit =
        account == CLOCK_USER ? CORDON_LIMIT_USER_TIME_MS : CORDON_LIMIT_SYSTEM_TIME_MS;
    const uint64_t spent = run_clock_spent_ns(&run->clock, account, now_ns);
    const uint64_t allowed_ms = run->budget.allowed[limit];
    if (allowed_ms > UINT64_MAX / 1000000 - 1) {
        return UINT64_MAX;
    }
    const uint64_t allowed = allowed_ms * 1000000;
    return spent >= allowed ? now_ns : now_ns + (allowed - spent);
}

static bool takes_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    if (!runner_take_memory(run->runner, bytes)) {
        return false;
    }
    run->memory_taken += bytes;
    return true;
}

static void gives_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    CORDON_ASSERT(run->memory_taken >= bytes);
    run->memory_taken -= bytes;
    runner_give_memory(run->runner, bytes);
}

static void leave_permit(struct run *run)
{
    run->permit_asked = false;
    permits_give(&run->runner->permits, &run->permit);
}

/* -- Endings -------------------------------------------------------------------------------- */

/* Ends guest and host; what the outcome needs was copied before. */
static void end_guest(struct run *run)
{
    engine_call_free(run->call);
    run->call = NULL;
    if (run->has_host) {
        host_done(&run->host);
        run->has_host = false;
    }
    if (run->memory_taken > 0) {
        gives_memory(run, run->memory_taken);
    }
    leave_permit(run);
}

static enum next finish(struct run *run)
{
    end_guest(run);
    store_end(&run->txn);
    const uint64_t now = clock_monotonic_ns();
    (void)run_clock_switch(&run->clock, CLOCK_STOPPED, now);
    struct outcome *outcome = &run->outcome;
    outcome->user_time_ns = run->clock.spent_ns[CLOCK_USER];
    outcome->system_time_ns = run->clock.spent_ns[CLOCK_SYSTEM];
    outcome->wall_time_ns = now - run->started_ns;
    memcpy(outcome->used, run->budget.used, sizeof outcome->used);
    outcome->used[CORDON_LIMIT_USER_TIME_MS] = outcome->user_time_ns / 1000000;
    outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] = outcome->system_time_ns / 1000000;
    outcome->retries = run->attempts > 0 ? run->attempts - 1 : 0;
    if (run->has_slot) {
        run->has_slot = false;
        (void)atomic_fetch_sub(&run->runner->slots_used, 1);
    }
    run->stage = STAGE_DONE;
    run_metrics_count(&run->runner->metrics, outcome);
    run_report(run->runner->options.log, outcome, run->path, run->request_id);
    return NEXT_STEP;
}

/* Ends a run that has no guest yet, with words of ours. */
static enum next finish_with(struct run *run, cordon_outcome_code code, struct slice message)
{
    run->outcome.code = code;
    run->outcome.message = arena_copy(&run->outcome.arena, message);
    return finish(run);
}

static enum next finish_error(struct run *run, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    const cordon_outcome_code code = cordon_error_get_code(owned) == CORDON_E_OVERLOADED
                                         ? CORDON_OUTCOME_OVERLOADED
                                         : CORDON_OUTCOME_INTERNAL;
    outcome_done(&run->outcome); /* a half-made one */
    const cordon_kind kind = run->outcome.kind;
    outcome_init(&run->outcome);
    run->outcome.kind = kind;
    return finish_with(run, code, slice_str(cordon_error_get_message(owned)));
}

/* -- Steps ---------------------------------------------------------------------------------- */

static enum next admit(struct run *run)
{
    const uint64_t now = clock_monotonic_ns();
    if (atomic_load(&run->cancelled)) {
        return finish_with(run, CORDON_OUTCOME_CANCELLED, SLICE("The call was cancelled."));
    }
    if (!atomic_load(&run->permit.has_permit)) {
        if (!run->had_permit && now - run->started_ns > QUEUE_WAIT_NS) {
            return finish_with(
                run, CORDON_OUTCOME_OVERLOADED,
                SLICE("Too many concurrent requests: no turn came within 5 seconds. Nothing was "
                      "run; a retry is safe."));
        }
        enum permit_answer answer = PERMIT_QUEUED;
        if (!run->permit_asked) {
            answer = permits_take(&run->runner->permits, &run->permit, run->had_permit);
            run->permit_asked = answer == PERMIT_QUEUED;
        }
        if (answer == PERMIT_REFUSED) {
            return finish_with(
                run, CORDON_OUTCOME_OVERLOADED,
                SLICE("Too many concurrent requests in a short period of time. Nothing was run; "
                      "a retry is safe."));
        }
        if (answer == PERMIT_QUEUED) {
            run->wake_at_ns =
                run->had_permit ? limit_at_ns(run, now) : run->started_ns + QUEUE_WAIT_NS + 1000000;
            return NEXT_WAIT;
        }
    }
    run->had_permit = true;
    (void)run_clock_switch(&run->clock, CLOCK_SYSTEM, now);
    run->stage = STAGE_BEGIN;
    return NEXT_STEP;
}

/* The key of an idempotent mutation's record: bound to nothing a client could confuse. */
static struct slice session_key(const struct run *run, uint8_t out_hash[SHA256_BYTES])
{
    hash_sha256(&run->idempotency_key, 1, out_hash);
    return slice_of(out_hash, SHA256_BYTES);
}

/* -- Before the guest ----------------------------------------------------------------------- */

static void reset_budget(struct run *run)
{
    budget_init(&run->budget, run->function->metadata->kind, &run->runner->options.limits);
    if (run->has_lower) {
        budget_lower(&run->budget, &run->lower);
    }
    run->budget.used[CORDON_LIMIT_ARGS_BYTES] = run->args.json.size;
}

static cordon_error *begin_txn(struct run *run)
{
    const struct store_wake wake = {wake_run, run};
    TRY(store_begin(run->runner->options.store, run->tenant, wake, &run->txn));
    run->checker = (struct checker){.txn = run->txn, .arena = &run->arena};
    run->submitted = false;
    return NULL;
}

static enum next wait_for_store(struct run *run)
{
    run->wake_at_ns = limit_at_ns(run, clock_monotonic_ns());
    return NEXT_WAIT;
}

static enum next begin(struct run *run)
{
    reset_budget(run);
    run->attempts++;
    if (!budget_charge(&run->budget, CORDON_LIMIT_CALL_DEPTH, 1)) {
        outcome_set_limit(&run->outcome, CORDON_LIMIT_CALL_DEPTH, 1, 0);
        return finish(run);
    }
    const bool checks = run->args.object.kind != VALUE_UNDEFINED;
    if (is_transactional(run) || checks) {
        cordon_error *error = begin_txn(run);
        if (error != NULL) {
            return finish_error(run, error);
        }
    }
    const bool idempotent =
        run->idempotency_key.size > 0 && run->function->metadata->kind == CORDON_MUTATION;
    run->stage = idempotent ? STAGE_EARLIER : STAGE_ARGS;
    return NEXT_STEP;
}

/* Answers from the record of an earlier call with the same key, if there is one. */
static cordon_error *find_earlier(struct run *run, enum store_step *out_step, bool *out_found)
{
    uint8_t hash[SHA256_BYTES];
    struct slice record;
    TRY(store_row_get(
        run->txn, KEYSPACE_SESSION, session_key(run, hash), out_step, out_found, &record));
    if (*out_step == STORE_PENDING || !*out_found) {
        return NULL;
    }
    bool same = false;
    struct slice value = {0};
    TRY(record_session_read(record, run->function, run->args.json, &same, &value));
    if (same) {
        run->outcome.code = CORDON_OUTCOME_SUCCESS;
        run->outcome.value = arena_copy(&run->outcome.arena, value);
    } else {
        outcome_set(
            &run->outcome, CORDON_OUTCOME_INVALID_ARGUMENTS,
            "This idempotency key was used before for another function or other arguments. Use a "
            "new key for each call.");
    }
    return NULL;
}

static enum next earlier(struct run *run)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    cordon_error *error = find_earlier(run, &step, &found);
    if (error != NULL) {
        return finish_error(run, error);
    }
    if (step == STORE_PENDING) {
        return wait_for_store(run);
    }
    run->stage = found ? STAGE_SETTLE : STAGE_ARGS; /* repeat it only once it is durable */
    return NEXT_STEP;
}

/* Checks a value; on a mismatch the outcome says so with `code` and `prefix`. */
static cordon_error *check(
    struct run *run,
    const struct validator *validator,
    const struct value *value,
    cordon_outcome_code code,
    const char *prefix,
    enum check_verdict *out_verdict)
{
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, (size_t)1 << 20);
    TRY(buffer_append(&words, slice_str(prefix)));
    TRY(check_value(&run->checker, validator, value, &words, out_verdict));
    if (*out_verdict == CHECK_BAD) {
        run->outcome.code = code;
        run->outcome.message = arena_copy(&run->outcome.arena, buffer_slice(&words));
    }
    return NULL;
}

static cordon_error *start_guest(struct run *run)
{
    const struct deployed_function *function = run->function;
    const cordon_kind kind = function->metadata->kind;
    struct host_options options = {
        .kind = kind,
        .budget = &run->budget,
        .clock = &run->clock,
        .txn = run->txn,
        .args = run->args.json,
        .memory = {.take = takes_memory, .give = gives_memory, .owner = run},
        .cancelled = &run->cancelled,
        .time_ns = run->time_ns,
        .import_time_ns = run->deployment->time_ms * 1000000,
        .real_clock = kind == CORDON_ACTION,
        .started_ns = run->started_ns,
    };
    memcpy(options.seed, run->seed, sizeof options.seed);
    memcpy(
        options.import_seed, kind == CORDON_ACTION ? run->seed : function->module->import_seed,
        sizeof options.import_seed);
    host_init(&run->host, &options);
    run->has_host = true;
    const struct engine_call_options call = {
        .module = function->module->engine_module,
        .kind = kind,
        .export_name = function->metadata->export_name,
        .has_initialize = function->module->has_initialize,
        .fuel = run->budget.allowed[CORDON_LIMIT_FUEL],
        .memory_bytes = run->budget.allowed[CORDON_LIMIT_MEMORY_BYTES],
        .table_elements = run->budget.allowed[CORDON_LIMIT_TABLE_ELEMENTS],
        .run = &run->host,
        .on_running = host_on_running,
        .may_grow = host_may_grow,
    };
    return engine_call_new(&call, &run->call);
}

static enum next args(struct run *run)
{
    enum check_verdict verdict = CHECK_GOOD;
    cordon_error *error = NULL;
    if (run->args.object.kind != VALUE_UNDEFINED) {
        error = check(
            run, run->function->metadata->args, &run->args.object, CORDON_OUTCOME_INVALID_ARGUMENTS,
            "ArgumentValidationError: ", &verdict);
    }
    if (error == NULL && verdict == CHECK_PENDING) {
        return wait_for_store(run);
    }
    if (error == NULL && verdict == CHECK_BAD) {
        run->stage = STAGE_SETTLE;
        return NEXT_STEP;
    }
    if (error == NULL && !is_transactional(run)) {
        store_end(&run->txn); /* it was for the check alone */
    }
    if (error == NULL) {
        error = start_guest(run);
    }
    if (error != NULL) {
        return finish_error(run, error);
    }
    run->stage = STAGE_GUEST;
    return NEXT_STEP;
}

/* -- The guest ------------------------------------------------------------------------------ */

/* What comes after a guest that ended: nothing of it is left but the outcome. */
static enum next leave_guest(struct run *run)
{
    end_guest(run);
    if (run->outcome.code == CORDON_OUTCOME_SUCCESS) {
        run->stage = STAGE_RESULT;
        return NEXT_STEP;
    }
    if (!is_transactional(run)) {
        return finish(run);
    }
    if (run->function->metadata->kind == CORDON_MUTATION) {
        store_end(&run->txn); /* its writes are gone; settle() begins anew for the record */
    }
    run->stage = STAGE_SETTLE;
    return NEXT_STEP;
}

/* Copies the guest's side of the story into the outcome, then lets go of the guest. */
static enum next guest_ended(struct run *run, bool returned)
{
    run->budget.used[CORDON_LIMIT_FUEL] = engine_call_fuel_used(run->call);
    run->budget.used[CORDON_LIMIT_MEMORY_BYTES] = engine_call_memory_bytes(run->call);
    run->budget.used[CORDON_LIMIT_LOG_LINES] = run->host.log.count;
    result_collect(&run->outcome, &run->host, run->call, returned, &run->arena, &run->result);
    return leave_guest(run);
}

/* The guest could go on; whoever waits for a permit comes first. */
static enum next end_turn(struct run *run, uint64_t now_ns)
{
    if (permits_yield(&run->runner->permits, &run->permit)) {
        return NEXT_READY;
    }
    run->permit_asked = true;
    run->had_turn = true;
    (void)run_clock_switch(&run->clock, idle_account(run), now_ns);
    run->wake_at_ns = limit_at_ns(run, now_ns);
    return NEXT_WAIT;
}

/* One slice of the guest, or the end of its wait. */
static enum next guest(struct run *run, uint64_t until_ns)
{
    uint64_t now = clock_monotonic_ns();
    if (!host_look(&run->host, now)) {
        return guest_ended(run, false);
    }
    const bool own = run->host.running || is_transactional(run);
    (void)run_clock_switch(&run->clock, own ? CLOCK_USER : CLOCK_SYSTEM, now);
    for (;;) {
        const enum engine_state state = engine_call_poll(run->call);
        if (state == ENGINE_RETURNED) {
            return guest_ended(run, true);
        }
        if (state == ENGINE_ENDED) {
            return guest_ended(run, false);
        }
        now = clock_monotonic_ns();
        if (!host_look(&run->host, now)) {
            return guest_ended(run, false);
        }
        if (state == ENGINE_WAITING) {
            (void)run_clock_switch(&run->clock, idle_account(run), now);
            run->wake_at_ns = limit_at_ns(run, now);
            leave_permit(run);
            return NEXT_WAIT;
        }
        if (now >= until_ns || run_is_heavy(run)) {
            return end_turn(run, now);
        }
    }
}

/* -- After the guest ------------------------------------------------------------------------ */

static enum next result(struct run *run)
{
    const struct validator *validator = run->function->metadata->returns;
    enum check_verdict verdict = CHECK_GOOD;
    cordon_error *error = NULL;
    if (!validator_is_any(validator)) {
        if (run->txn == NULL) {
            error = begin_txn(run);
        }
        if (error == NULL) {
            error = check(
                run, validator, &run->result, CORDON_OUTCOME_INVALID_RETURN,
                "ReturnsValidationError: ", &verdict);
        }
    }
    if (error != NULL) {
        return finish_error(run, error);
    }
    if (verdict == CHECK_PENDING) {
        return wait_for_store(run);
    }
    if (verdict == CHECK_BAD) {
        run->outcome.value = (struct slice){0};
        return leave_guest(run);
    }
    if (!is_transactional(run)) {
        return finish(run);
    }
    run->stage = STAGE_COMMIT;
    return NEXT_STEP;
}

static enum next conflict(struct run *run, const struct store_commit_result *result)
{
    counter_add(run->runner->metrics.conflicts, 1);
    if (run->attempts > CONFLICT_RETRIES_MAX) {
        cordon_error *error = result_set_conflict(&run->outcome, run->txn, run->function, result);
        if (error != NULL) {
            return finish_error(run, error);
        }
        return finish(run);
    }
    store_end(&run->txn);
    outcome_done(&run->outcome);
    outcome_init(&run->outcome);
    run->outcome.kind = run->function->metadata->kind;
    uint64_t wait = BACKOFF_FIRST_NS << (run->attempts - 1);
    if (wait > BACKOFF_LAST_NS) {
        wait = BACKOFF_LAST_NS;
    }
    uint32_t share = 0;
    random_pool_fill(&run->runner->seeds, &share, sizeof share);
    run->backoff_until_ns = clock_monotonic_ns() + wait * share / UINT32_MAX;
    run->stage = STAGE_BACKOFF;
    return NEXT_STEP;
}

/* What goes into the commit beside what the guest wrote, at the first of its calls. */
static cordon_error *add_records(struct run *run, bool with_session, struct buffer *audit)
{
    TRY(record_audit(audit, &run->outcome, run->function, run->args.json, run->request_id));
    if (!with_session || run->idempotency_key.size == 0) {
        return NULL;
    }
    uint8_t hash[SHA256_BYTES];
    return record_session_put(
        run->txn, session_key(run, hash), run->function, run->args.json, run->outcome.value);
}

/*
 * Commits, or goes on with that. The store keeps what it was given by the first call, and takes no
 * writes from then on.
 */
static cordon_error *submit(
    struct run *run,
    bool is_recorded,
    bool with_session,
    enum store_step *out_step,
    struct store_commit_result *out_result)
{
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, 65536);
    if (is_recorded && !run->submitted) {
        TRY(add_records(run, with_session, &audit));
    }
    run->submitted = true;
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return store_commit(run->txn, &facts, out_step, out_result);
}

/* Makes writes visible and durable, with the audit record of a mutation in the same commit. */
static enum next commit(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    const bool is_mutation = run->function->metadata->kind == CORDON_MUTATION;
    cordon_error *error = submit(run, is_mutation, true, &step, &result);
    if (error != NULL) {
        return finish_error(run, error);
    }
    if (step == STORE_PENDING) {
        run->wake_at_ns = UINT64_MAX; /* what is on its way to the disk is waited for */
        return NEXT_WAIT;
    }
    if (result.conflict) {
        return conflict(run, &result);
    }
    run->outcome.ts = result.ts;
    return finish(run);
}

/*
 * After a failure, or an answer found: nothing of the run's own is written but, for a mutation that
 * failed, its record; the answer waits until what it was based on is durable.
 */
static enum next settle(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    cordon_error *error = NULL;
    if (run->txn == NULL) {
        error = begin_txn(run);
    }
    const bool ran = run->outcome.code != CORDON_OUTCOME_SUCCESS &&
                     run->outcome.code != CORDON_OUTCOME_INVALID_ARGUMENTS;
    if (error == NULL) {
        const bool is_mutation = run->function->metadata->kind == CORDON_MUTATION;
        error = submit(run, is_mutation && ran, false, &step, &result);
    }
    if (error != NULL) {
        return finish_error(run, error);
    }
    if (step == STORE_PENDING) {
        run->wake_at_ns = UINT64_MAX;
        return NEXT_WAIT;
    }
    run->outcome.ts = result.ts;
    return finish(run);
}

static enum next back_off(struct run *run)
{
    if (atomic_load(&run->cancelled)) {
        return finish_with(run, CORDON_OUTCOME_CANCELLED, SLICE("The call was cancelled."));
    }
    if (clock_monotonic_ns() < run->backoff_until_ns) {
        run->wake_at_ns = run->backoff_until_ns;
        return NEXT_WAIT;
    }
    run->stage = STAGE_ADMIT;
    return NEXT_STEP;
}

static enum next step(struct run *run, uint64_t until_ns)
{
    switch (run->stage) {
    case STAGE_ADMIT:
        return admit(run);
    case STAGE_BEGIN:
        return begin(run);
    case STAGE_EARLIER:
        return earlier(run);
    case STAGE_ARGS:
        return args(run);
    case STAGE_GUEST:
        return guest(run, until_ns);
    case STAGE_RESULT:
        return result(run);
    case STAGE_COMMIT:
        return commit(run);
    case STAGE_SETTLE:
        return settle(run);
    case STAGE_BACKOFF:
        return back_off(run);
    case STAGE_DONE:
        break;
    }
    return NEXT_READY;
}

/*
 * A run that waits is polled again only after its wake, at its time, or when it is cancelled; one
 * that gave its permit back while it waited needs another before its guest goes on.
 */
static bool may_go_on(struct run *run)
{
    if (run->wake_at_ns == 0) {
        return true;
    }
    const bool due = atomic_exchange(&run->woken, false) || atomic_load(&run->cancelled) ||
                     clock_monotonic_ns() >= run->wake_at_ns;
    if (!due) {
        return false;
    }
    if (run->stage != STAGE_GUEST || atomic_load(&run->permit.has_permit)) {
        return true;
    }
    if (!run->permit_asked) {
        run->permit_asked = true;
        if (permits_take(&run->runner->permits, &run->permit, true) == PERMIT_HELD) {
            return true;
        }
    }
    /* Queued. Its limits hold while it waits: past one of them it goes on, to its end. */
    return atomic_load(&run->permit.has_permit) || !host_look(&run->host, clock_monotonic_ns());
}

enum run_state run_poll(struct run *run, uint64_t until_ns)
{
    if (run->stage == STAGE_DONE) {
        return RUN_DONE;
    }
    if (!may_go_on(run)) {
        return RUN_WAITING;
    }
    run->memory_at_poll = run->memory_taken;
    run->had_turn = false;
    for (;;) {
        run->wake_at_ns = 0;
        atomic_store(&run->woken, false);
        const enum next next = step(run, until_ns);
        if (run->stage == STAGE_DONE) {
            return RUN_DONE;
        }
        if (next == NEXT_STEP) {
            continue;
        }
        if (run->clock.account != CLOCK_STOPPED) {
            (void)run_clock_switch(&run->clock, idle_account(run), clock_monotonic_ns());
        }
        return next == NEXT_READY ? RUN_READY : RUN_WAITING;
    }
}

/* -- Life ----------------------------------------------------------------------------------- */

static struct slice copy_text(struct run *run, struct slice text)
{
    return text.size == 0 ? slice_of(NULL, 0) : arena_copy(&run->arena, text);
}

/* Copies the request; false when memory is out. */
static bool copy_request(struct run *run, const struct run_request *request)
{
    run->path = copy_text(run, request->path);
    run->request_id = copy_text(run, request->request_id);
    run->idempotency_key = copy_text(run, request->idempotency_key);
    if (request->lower != NULL) {
        run->lower = *request->lower;
        run->has_lower = true;
    }
    if (request->seed != NULL) {
        memcpy(run->seed, request->seed, sizeof run->seed);
    } else {
        random_pool_fill(&run->runner->seeds, run->seed, sizeof run->seed);
    }
    run->time_ns = request->has_time ? request->time_ns : clock_wall_ns();
    return (request->path.size == 0 || run->path.data != NULL) &&
           (request->request_id.size == 0 || run->request_id.data != NULL) &&
           (request->idempotency_key.size == 0 || run->idempotency_key.data != NULL);
}

/* A slot, or an outcome that says there is none. */
static void take_slot(struct run *run)
{
    struct runner *runner = run->runner;
    if (atomic_fetch_add(&runner->slots_used, 1) < runner->options.slots) {
        run->has_slot = true;
        return;
    }
    (void)atomic_fetch_sub(&runner->slots_used, 1);
    (void)finish_with(
        run, CORDON_OUTCOME_OVERLOADED,
        SLICE("Too many concurrent requests: every slot is in use. Nothing was run; a retry is "
              "safe."));
}

/* Large arguments count against the memory of the process from here to the run's end. */
static void charge_request(struct run *run)
{
    const uint64_t bytes = arena_bytes(&run->arena);
    if (bytes < REQUEST_BYTES_COUNTED) {
        return;
    }
    if (runner_take_memory(run->runner, bytes)) {
        run->request_taken = bytes;
        return;
    }
    (void)finish_with(
        run, CORDON_OUTCOME_OVERLOADED,
        SLICE("The server has no memory for these arguments now. Nothing was run; a retry is "
              "safe."));
}

/* Finds the function and checks the call against it; a call that can't be made is done at once. */
static void resolve(struct run *run, const struct run_request *request)
{
    run->deployment = runner_current(run->runner, run->tenant);
    const struct deployed_function *function =
        run->deployment == NULL ? NULL : deployment_find(run->deployment, request->path);
    if (!resolve_function(&run->outcome, request, function)) {
        (void)finish(run);
        return;
    }
    CORDON_ASSERT(function != NULL); /* what was resolved exists */
    run->function = function;
    run->outcome.kind = function->metadata->kind;
    reset_budget(run);
    if (!resolve_args(
            &run->outcome, &run->budget, function, request->args, &run->arena, &run->args)) {
        (void)finish(run);
        return;
    }
    charge_request(run);
}

cordon_error *run_new(
    struct runner *runner,
    const struct run_request *request,
    struct store_wake wake,
    struct run **out_run)
{
    struct run *run = MEM_NEW(struct run);
    if (run == NULL) {
        return error_no_memory();
    }
    run->runner = runner;
    run->wake = wake;
    run->permit.granted = permit_granted;
    run->tenant = request->tenant;
    run->started_ns = clock_monotonic_ns();
    outcome_init(&run->outcome);
    run->outcome.kind = request->any_kind ? CORDON_QUERY : request->kind;
    arena_init(&run->arena, SIZE_MAX);
    if (!copy_request(run, request)) {
        arena_done(&run->arena);
        mem_free(run);
        return error_no_memory();
    }
    take_slot(run);
    if (run->stage != STAGE_DONE) {
        resolve(run, request);
    }
    *out_run = run;
    return NULL;
}

uint64_t run_wake_at_ns(const struct run *run)
{
    return run->wake_at_ns;
}

void run_cancel(struct run *run)
{
    atomic_store(&run->cancelled, true);
    wake_run(run);
}

bool run_is_heavy(const struct run *run)
{
    return run->memory_taken > run->memory_at_poll &&
           run->memory_taken - run->memory_at_poll >= HEAVY_BYTES;
}

bool run_had_turn(const struct run *run)
{
    return run->had_turn;
}

const struct outcome *run_outcome(const struct run *run)
{
    return run->stage == STAGE_DONE ? &run->outcome : NULL;
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    if (run->stage != STAGE_DONE) {
        run->outcome.code = CORDON_OUTCOME_CANCELLED;
        (void)finish(run);
    }
    if (run->deployment != NULL) {
        deployment_unref(run->deployment);
    }
    if (run->request_taken > 0) {
        runner_give_memory(run->runner, run->request_taken);
    }
    outcome_done(&run->outcome);
    arena_done(&run->arena);
    mem_free(run);
}
