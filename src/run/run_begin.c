/* From the request to the guest: see state.h. */
#include "base/clock.h"
#include "base/hash.h"
#include "run/state.h"

/* Tells what is drawn from a run's seed for its transaction from all else that is. */
#define HEIGHTS UINT64_C(0x68656967687473)

enum next run_refuse(struct run *run, enum run_rejection why)
{
    static const char slots[] = "There are no available workers to process the request. Nothing "
                                "was run; a retry is safe.";
    static const char queue[] =
        "Too many concurrent requests in a short period of time. Spread out your requests out over "
        "time or throttle them to avoid errors. Nothing was run; a retry is safe.";
    run->outcome.rejection = why;
    return run_finish_with(
        run, CORDON_OUTCOME_OVERLOADED, slice_str(why == RUN_REJECTED_NO_SLOT ? slots : queue));
}

/* It waited for a turn as long as it may. */
static enum next turn_away(struct run *run)
{
    if (run->had_permit) {
        outcome_set_overloaded(&run->outcome, SLICE(HOST_NO_TURN));
        return run_finish(run);
    }
    return run_refuse(
        run, atomic_load(&run->permit.expired) ? RUN_REJECTED_EXPIRED : RUN_REJECTED_NO_TURN);
}

/* Whether the run has a permit, or has asked for one; if not, it is turned away. */
static bool ask_for_permit(struct run *run)
{
    if (run->permit_asked) {
        return true;
    }
    const bool has_begun = run->had_permit || run->depth > 1; /* its caller has */
    const enum permit_claim claim = has_begun || run->is_probe ? PERMIT_AGAIN : PERMIT_FRESH;
    const enum permit_answer answer = run_ask_permit(run, claim);
    run->permit_asked = answer == PERMIT_QUEUED;
    return answer != PERMIT_REFUSED;
}

enum next step_admit(struct run *run)
{
    const uint64_t now = clock_monotonic_ns();
    run_count_attempt(run, now);
    if (atomic_load(&run->cancelled)) {
        return run_finish_with(run, CORDON_OUTCOME_CANCELLED, SLICE("The call was cancelled."));
    }
    if (!run->background && !atomic_load(&run->permit.has_permit)) {
        if (atomic_load(&run->permit.expired) ||
            run_clock_spent_ns(run->clock, CLOCK_QUEUED, now) >= run_turns_ns(run)) {
            return turn_away(run);
        }
        if (!ask_for_permit(run)) {
            return run_refuse(run, RUN_REJECTED_QUEUE_FULL);
        }
        if (!atomic_load(&run->permit.has_permit)) {
            (void)run_clock_switch(run->clock, CLOCK_QUEUED, now);
            run->wake_at_ns = run_limit_at_ns(run, now);
            return NEXT_WAIT;
        }
    }
    run->had_permit = true;
    run_count_running(run, now);
    run_begin_turn(run, now);
    (void)run_clock_switch(run->clock, CLOCK_SYSTEM, now);
    run->stage = STAGE_BEGIN;
    return NEXT_STEP;
}

void run_reset_budget(struct run *run)
{
    runner_init_budget(run->runner, run->function->metadata->kind, run->budget);
    if (run->home != NULL) {
        tenant_lower(run->home, run->budget);
    }
    if (run_is_replay(run)) {
        memcpy(run->budget->allowed, run->taped->replay->allowed, sizeof run->budget->allowed);
    }
    const struct limit_changes *own = run->function->metadata->limits;
    if (own != NULL) {
        budget_lower(run->budget, own);
    }
    if (run->has_lower) {
        budget_lower(run->budget, &run->lower);
    }
}

/* A transaction that is recorded, or one that is played. */
static cordon_error *begin_store_txn(struct run *run)
{
    if (run_is_replay(run)) {
        return store_replay(&run->taped->player, &run->txn);
    }
    const struct store_wake wake = {run_wake, run};
    struct store_txn *txn = CORDON_TAKE(run->reserved);
    if (txn == NULL) {
        TRY(store_begin(run->runner->options.store, run->tenant, wake, &txn));
    }
    /* Functions see what random numbers the seed gives, and never the seed. */
    store_txn_seed(txn, hash_fast(slice_of(run->seed, sizeof run->seed), HEIGHTS));
    if (run->taped == NULL) {
        run->txn = txn;
        return NULL;
    }
    return store_record(&txn, &run->taped->tape, &run->txn);
}

cordon_error *run_begin_txn(struct run *run)
{
    const uint64_t began_ns = clock_monotonic_ns();
    TRY(begin_store_txn(run));
    if (run->counts != NULL) {
        histogram_observe_ns(run->runner->metrics.begin_txn, clock_monotonic_ns() - began_ns);
    }
    run->checker = (struct checker){.txn = run->txn, .arena = &run->arena};
    run->submitted = false;
    return NULL;
}

/* Another reserved run comes first, for a second at most: no permit is held meanwhile. */
static enum next wait_for_reservation(struct run *run)
{
    run_leave_permit(run);
    run->backoff_until_ns = clock_deadline_ns(STORE_LATER_MS);
    run->stage = STAGE_BACKOFF;
    return NEXT_STEP;
}

enum next step_begin(struct run *run)
{
    if (run->lost != NULL) {
        enum store_step step = STORE_DONE;
        cordon_error *error = store_begin_reserved(&run->lost, &step, &run->reserved);
        if (error != NULL) {
            return run_finish_error(run, error);
        }
        if (step == STORE_LATER) {
            return wait_for_reservation(run);
        }
    }
    if (run->attempts > 0) { /* a fresh one for each attempt; the first has it from run_new() */
        run_reset_budget(run);
    }
    run->attempts++;
    run->budget->used[CORDON_LIMIT_ARGS_BYTES] = run->args.json.size;
    run_tape_begin(run);
    if (!budget_charge(run->budget, CORDON_LIMIT_CALL_DEPTH, run->depth)) {
        outcome_set_limit(
            &run->outcome, CORDON_LIMIT_CALL_DEPTH, run->depth,
            run->budget->allowed[CORDON_LIMIT_CALL_DEPTH]);
        return run_finish(run);
    }
    const bool checks = run->args.object.kind != VALUE_UNDEFINED;
    if (run_is_transactional(run) || checks) {
        cordon_error *error = run_begin_txn(run);
        if (error != NULL) {
            return run_finish_error(run, error);
        }
    }
    const bool idempotent =
        run->idempotency_key.size > 0 && run->function->metadata->kind == CORDON_MUTATION;
    run->stage = idempotent ? STAGE_EARLIER : STAGE_ARGS;
    return NEXT_STEP;
}

static struct slice role_of(enum run_caller caller)
{
    switch (caller) {
    case CALLER_PUBLIC:
        return SLICE("public");
    case CALLER_ADMIN:
        break;
    }
    return SLICE("admin");
}

struct session_call run_session_call(const struct run *run)
{
    return (struct session_call){
        .role = role_of(run->asked_by),
        .user = run->identity.token,
        .path = run->function->metadata->path.text,
        .args = run->args.json,
    };
}

struct audited_call run_audited_call(const struct run *run)
{
    return (struct audited_call){
        .function = run->function,
        .args = run->args.json,
        .request_id = run->request_id,
        .user = run->identity.token,
        .actor = run->actor,
    };
}

/* Answers from the record of an earlier call with the same key, if there is one. */
static cordon_error *find_earlier(struct run *run, enum store_step *out_step, bool *out_found)
{
    uint8_t key[SHA256_BYTES];
    struct slice record;
    session_key(run->idempotency_key, key);
    TRY(store_row_get(
        run->txn, KEYSPACE_SESSION, slice_of(key, sizeof key), out_step, out_found, &record));
    if (*out_step == STORE_PENDING || !*out_found) {
        return NULL;
    }
    bool same = false;
    struct slice value = {0};
    const struct session_call call = run_session_call(run);
    TRY(session_read(record, &call, &same, &value));
    if (same) {
        run->outcome.value = arena_copy(&run->outcome.arena, value);
        if (run->outcome.value.data == NULL) {
            return arena_error(&run->outcome.arena);
        }
        run->outcome.code = CORDON_OUTCOME_SUCCESS;
    } else {
        outcome_set(
            &run->outcome, CORDON_OUTCOME_INVALID_ARGUMENTS,
            "This idempotency key was used before for another function or other arguments, or by "
            "somebody else. Use a new key for each call.");
    }
    return NULL;
}

enum next step_earlier(struct run *run)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    cordon_error *error = find_earlier(run, &step, &found);
    if (error != NULL) {
        return run_finish_error(run, error);
    }
    if (step == STORE_PENDING) {
        return run_wait_for_store(run);
    }
    if (found && run->taped != NULL) {
        run->taped->unfit = true;
    }
    run->stage = found ? STAGE_SETTLE : STAGE_ARGS; /* repeat it only once it is durable */
    return NEXT_STEP;
}

cordon_error *run_check(
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
    cordon_error *error = check_value(&run->checker, validator, value, &words, out_verdict);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_TOO_LARGE) {
        /* The caller's value and the function's validator made so much of it. */
        CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
        TRY(buffer_printf(
            &words, "%s; use fewer unions inside each other, or smaller values",
            cordon_error_get_message(owned)));
        *out_verdict = CHECK_BAD;
        error = NULL;
    }
    TRY(error);
    if (*out_verdict == CHECK_BAD) {
        run->outcome.code = code;
        run->outcome.message = arena_copy(&run->outcome.arena, buffer_slice(&words));
    }
    return NULL;
}

/* How the module began when it was recorded; one that was not there is another run. */
static void replay_module(struct run *run, struct host_options *options)
{
    const struct recorded_module *module =
        recording_find_module(run->taped->replay, run->function->module->hash);
    if (module == NULL) {
        cordon_error_free(tape_diverge(
            &run->taped->player, "it calls a function of a module that the record does not have"));
        return;
    }
    memcpy(options->import_seed, module->import_seed, sizeof options->import_seed);
}

static void add_tape(struct run *run, struct host_options *options)
{
    const struct recording *replay = run->taped->replay;
    if (replay == NULL) {
        options->tape = &run->taped->tape;
        return;
    }
    static const struct host_cut never = {.is_set = false};
    options->player = &run->taped->player;
    options->cut = run->call_number == replay->cut_call ? &replay->cut : &never;
    options->import_time_ns = replay->import_time_ns;
    replay_module(run, options);
}

static cordon_error *start_guest(struct run *run)
{
    const struct deployed_function *function = run->function;
    const cordon_kind kind = function->metadata->kind;
    struct host_options options = {
        .kind = kind,
        .budget = run->budget,
        .clock = run->clock,
        .txn = run->txn,
        .args = run->args.json,
        .account = &run->account,
        .cancelled = run_is_inner(run) ? run->caller->host.options.cancelled : &run->cancelled,
        .time_ns = run->time_ns,
        .import_time_ns = run->deployment->time_ms * 1000000,
        .real_clock = kind == CORDON_ACTION,
        .started_ns = run->started_ns,
        .turns_ns = run->runner->options.turns_ns,
        .cursor_key = run->deployment->cursor_key,
        .tenant = run->tenant,
        .env = run->env,
        .metrics = run->counts == NULL ? NULL : &run->runner->metrics.host,
        .identity = run->identity.json,
        .wake = {run_wake, run},
    };
    memcpy(options.seed, run->seed, sizeof options.seed);
    memcpy(
        options.import_seed, kind == CORDON_ACTION ? run->seed : function->module->import_seed,
        sizeof options.import_seed);
    if (run->taped != NULL) {
        add_tape(run, &options);
    }
    const struct account_source memory = {run_takes_memory, run_gives_memory, run};
    account_init(&run->account, run_host_bytes_left(run), &memory);
    arena_init_charged(&run->result_arena, &run->account);
    host_init(&run->host, &options);
    run->has_host = true;
    if (run_is_inner(run)) {
        run_share_host(run);
    }
    const struct engine_call_options call = {
        .module = function->module->engine_module,
        .kind = kind,
        .export_name = function->metadata->export_name,
        .has_initialize = function->module->has_initialize,
        .fuel = run_is_inner(run) ? run->fuel_granted : run->budget->allowed[CORDON_LIMIT_FUEL],
        .loading_fuel = function->module->loading_fuel,
        .fuel_stop = run->taped == NULL || run_is_inner(run) ? 0 : run->taped->fuel_stop,
        .memory_bytes = run_memory_left(run),
        .table_elements = run->budget->allowed[CORDON_LIMIT_TABLE_ELEMENTS],
        .run = &run->host,
        .on_running = host_on_running,
        .may_grow = host_may_grow,
    };
    const uint64_t began_ns = clock_monotonic_ns();
    TRY(engine_call_new(&call, &run->call));
    run->create_ns = clock_monotonic_ns() - began_ns;
    if (run->counts != NULL) {
        gauge_add(run->counts->allocated, 1);
    }
    return NULL;
}

enum next step_args(struct run *run)
{
    enum check_verdict verdict = CHECK_GOOD;
    cordon_error *error = NULL;
    if (run->args.object.kind != VALUE_UNDEFINED) {
        error = run_check(
            run, run->function->metadata->args, &run->args.object, CORDON_OUTCOME_INVALID_ARGUMENTS,
            "ArgumentValidationError: ", &verdict);
    }
    if (error == NULL && verdict == CHECK_PENDING) {
        return run_wait_for_store(run);
    }
    if (error == NULL && verdict == CHECK_BAD && run_is_inner(run)) {
        return run_finish(run);
    }
    if (error == NULL && verdict == CHECK_BAD) {
        run->stage = STAGE_SETTLE;
        return NEXT_STEP;
    }
    if (error == NULL && !run_is_transactional(run)) {
        store_end(&run->txn); /* it was for the check alone */
    }
    if (error == NULL) {
        error = start_guest(run);
    }
    if (error != NULL) {
        return run_finish_error(run, error);
    }
    run->stage = STAGE_GUEST;
    return NEXT_STEP;
}
