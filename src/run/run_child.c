/*
 * Calls of other functions, which the guest waits for. Whoever polls the run polls them.
 *
 * An action's call is a run of its own, with its own transaction, permit and limits. The action's
 * clock goes on meanwhile, its permit is given back, and what ends the action ends the call.
 *
 * A query's or mutation's call is an *inner* run: inside the transaction of its caller, whose
 * budget, clock and permit it uses; its fuel is charged to the caller's guest. If it fails, what
 * it wrote is undone and the caller may go on. What is no fault of the call alone (time, fuel,
 * cancellation, the machine) ends the caller too.
 */
#include "base/clock.h"
#include "run/state.h"

void run_end_child(struct run *run)
{
    run_free(run->child);
    run->child = NULL;
}

/* -- Inner runs ----------------------------------------------------------------------------- */

void run_enter_inner(struct run *run)
{
    run->txn = run->caller->txn;
    run->checker = (struct checker){.txn = run->txn, .arena = &run->arena};
    run->attempts = run->caller->attempts;
    run->stage = STAGE_ARGS;
}

void run_share_host(struct run *run)
{
    run->host.last_creation_time = run->caller->host.last_creation_time;
}

void run_tell_caller(struct run *run)
{
    struct host *caller = &run->caller->host;
    caller->last_creation_time = run->host.last_creation_time;
    cordon_error_free(log_lines_take(&caller->log, &run->host.log)); /* what fits is kept */
    run_tape_end_inner(run);
}

uint64_t run_memory_of_callers(const struct run *run)
{
    uint64_t bytes = 0;
    for (const struct run *caller = run->caller; caller != NULL; caller = caller->caller) {
        bytes += engine_call_memory_bytes(caller->call);
    }
    return bytes;
}

uint64_t run_memory_left(const struct run *run)
{
    const uint64_t allowed = run->budget->allowed[CORDON_LIMIT_MEMORY_BYTES];
    const uint64_t used = run_memory_of_callers(run);
    return used < allowed ? allowed - used : 0;
}

uint64_t run_host_bytes_left(const struct run *run)
{
    uint64_t left = run->budget->allowed[CORDON_LIMIT_HOST_BYTES];
    for (const struct run *caller = run->caller; caller != NULL; caller = caller->caller) {
        const uint64_t held = caller->account.held;
        left -= held < left ? held : left;
    }
    return left;
}

/* How things stand, before an inner call; its depth counts as long as it lasts. */
static cordon_error *save_point(struct run *run, bool *out_has_depth)
{
    const struct budget *budget = run->budget;
    run->inner = (struct inner_call){
        .tripped = budget->tripped,
        .tripped_limit = budget->tripped_limit,
        .tripped_used = budget->tripped_used,
    };
    *out_has_depth = budget_charge(run->budget, CORDON_LIMIT_CALL_DEPTH, 1);
    return *out_has_depth ? store_savepoint(run->txn, &run->inner.savepoint) : NULL;
}

/* Whether the failure of an inner call is its own, so that the caller may go on. */
static bool is_its_own(const struct outcome *outcome)
{
    switch (outcome->code) {
    case CORDON_OUTCOME_SUCCESS:
    case CORDON_OUTCOME_FAILED:
    case CORDON_OUTCOME_TRAPPED:
    case CORDON_OUTCOME_CAPABILITY_DENIED:
    case CORDON_OUTCOME_INVALID_HOST_CALL:
    case CORDON_OUTCOME_INVALID_ARGUMENTS:
    case CORDON_OUTCOME_INVALID_RETURN:
    case CORDON_OUTCOME_FUNCTION_NOT_FOUND:
        return true;
    case CORDON_OUTCOME_LIMIT:
        return !limit_is_time(outcome->limit) && outcome->limit != CORDON_LIMIT_FUEL;
    case CORDON_OUTCOME_MODULE_REFUSED:
    case CORDON_OUTCOME_CANCELLED:
    case CORDON_OUTCOME_CONFLICT:
    case CORDON_OUTCOME_OVERLOADED:
    case CORDON_OUTCOME_DISK_FULL:
    case CORDON_OUTCOME_INTERNAL:
        return false;
    }
    return false;
}

/* Ends the caller for what ended its call. */
static void stop_too(struct run *run, const struct outcome *outcome)
{
    if (outcome->code == CORDON_OUTCOME_LIMIT) {
        (void)host_stop_limit(&run->host, outcome->limit, outcome->limit_used);
    } else if (outcome->code == CORDON_OUTCOME_OVERLOADED) {
        (void)host_stop(
            &run->host, outcome->code, "%.*s", SLICE_FMT(outcome_overloaded_by(outcome)));
    } else {
        (void)host_stop(&run->host, outcome->code, "%.*s", SLICE_FMT(outcome->message));
    }
}

/* An inner call is over: undone if it failed, and forgotten by the budget if that was its own. */
static cordon_error *leave_inner(struct run *run, const struct outcome *outcome)
{
    struct budget *budget = run->budget;
    budget->used[CORDON_LIMIT_CALL_DEPTH]--;
    if (outcome->code == CORDON_OUTCOME_SUCCESS) {
        return NULL;
    }
    if (!is_its_own(outcome)) {
        stop_too(run, outcome);
        return NULL;
    }
    budget->tripped = run->inner.tripped;
    budget->tripped_limit = run->inner.tripped_limit;
    budget->tripped_used = run->inner.tripped_used;
    return store_rollback(run->txn, run->inner.savepoint);
}

/* -- Both ----------------------------------------------------------------------------------- */

/* The outcome, for the guest; borrowed from the child, which lives until the guest has read it. */
static void tell(struct run *run, const struct outcome *outcome)
{
    struct host_nested *nested = &run->host.nested;
    nested->good = outcome->code == CORDON_OUTCOME_SUCCESS;
    nested->value = outcome->value.size > 0 ? outcome->value : SLICE("null");
    nested->code = outcome_code_name(outcome);
    nested->message = outcome->message;
    nested->data = outcome->data;
    nested->fuel_used = nested->inner ? run->child->fuel_used : 0;
    nested->state = NESTED_DONE;
}

static cordon_error *make_child(struct run *run)
{
    run_end_child(run); /* a guest that calls again at once has read the last outcome */
    const struct host_nested *nested = &run->host.nested;
    uint8_t seed[RANDOM_SEED_BYTES];
    random_stream_fill(&run->host.ids, seed, sizeof seed);
    const struct run_request request = {
        .tenant = run->tenant,
        .path = nested->path,
        .args = buffer_slice(&nested->args),
        .caller = CALLER_ADMIN, /* functions may call internal ones */
        .kind = nested->kind,
        .lower = run->has_lower ? &run->lower : NULL,
        .seed = seed,
        .has_time = nested->inner,
        .time_ns = run->time_ns,
        .request_id = run->request_id,
        .traceparent = run->traceparent,
        .identity = run->identity,
        .actor = run->actor,
        .parent = run,
        .inner = nested->inner,
        .fuel = nested->fuel,
    };
    return run_new(run->runner, &request, (struct store_wake){run_wake, run}, &run->child);
}

/*
 * The first call inside a transaction takes the instances for all that come, as deep as can be: so
 * whoever has them waits for nobody's, and who waits for them holds none that others wait for. A
 * replay in the background has its own. False: it is queued.
 */
static bool take_nest(struct run *run)
{
    if (run_is_inner(run) || run->background || atomic_load(&run->nest.has_permit)) {
        return true;
    }
    if (run->nest_asked) {
        return false;
    }
    run->nest_asked = true;
    return permits_take(&run->runner->nests, &run->nest, PERMIT_AGAIN) == PERMIT_HELD;
}

static enum next wait_for_nest(struct run *run)
{
    const uint64_t now_ns = clock_monotonic_ns();
    run_leave_permit(run);
    (void)run_clock_switch(run->clock, run_idle_account(run), now_ns);
    run->wake_at_ns = run_limit_at_ns(run, now_ns);
    return NEXT_WAIT;
}

enum next run_begin_child(struct run *run)
{
    if (run->host.nested.inner && !take_nest(run)) {
        return wait_for_nest(run);
    }
    bool has_depth = true;
    cordon_error *error = run->host.nested.inner ? save_point(run, &has_depth) : NULL;
    if (error == NULL && !has_depth) {
        struct host_nested *nested = &run->host.nested;
        const uint64_t allowed = run->budget->allowed[CORDON_LIMIT_CALL_DEPTH];
        run->budget->tripped = run->inner.tripped;
        nested->code = cordon_limit_get_info(CORDON_LIMIT_CALL_DEPTH)->code;
        nested->message =
            host_limit_message(&run->host.words, CORDON_LIMIT_CALL_DEPTH, allowed + 1, allowed);
        nested->state = NESTED_DONE;
        return NEXT_STEP;
    }
    if (error == NULL) {
        error = make_child(run);
    }
    return error == NULL ? NEXT_STEP : run_finish_error(run, error);
}

/* The run waits as long as its call does, and not past its own limit. */
static enum next wait_for_child(struct run *run, uint64_t now_ns)
{
    const uint64_t limit_ns = run_limit_at_ns(run, now_ns);
    const uint64_t child_ns = run_wake_at_ns(run->child);
    run_leave_permit(run);
    run->wake_at_ns = child_ns < limit_ns ? child_ns : limit_ns;
    return NEXT_WAIT;
}

/* A guest that can go on needs its permit back. */
static enum next take_permit_back(struct run *run, uint64_t now_ns)
{
    if (run_is_inner(run) || atomic_load(&run->permit.has_permit) ||
        (!run->permit_asked && run_take_permit(run))) {
        return NEXT_STEP;
    }
    run->wake_at_ns = run_limit_at_ns(run, now_ns);
    return NEXT_WAIT;
}

/* Whether the guest of an inner call is at work, or waits: it is looked at in its turns. */
static bool has_guest(const struct run *child)
{
    return run_is_inner(child) && child->stage == STAGE_GUEST;
}

bool run_look(struct run *run, uint64_t now_ns)
{
    while (run->child != NULL && has_guest(run->child)) {
        run = run->child;
    }
    return host_look(&run->host, now_ns);
}

/*
 * Whether the caller is looked at now. Of an inner call only while it waits for the store without
 * a guest: whatever else it does is short, and the look at its guest is the first of many.
 */
static bool is_looked_at(const struct run *run)
{
    if (!run->host.nested.inner) {
        return true;
    }
    const bool is_done = run->host.nested.state == NESTED_DONE;
    return !is_done && run->child->stage != STAGE_GUEST && run->child->wake_at_ns != 0;
}

/* A replay has come to where the recorded run was stopped as the store had not answered. */
static enum next end_waiting(struct run *run)
{
    host_replay_waits(&run->host);
    run_end_child(run);
    return NEXT_STEP;
}

/* Polls an inner call; what wakes it wakes its caller, who asks whether it may go on. */
static enum run_state poll_inner(struct run *run, uint64_t until_ns, uint64_t now_ns)
{
    atomic_store(&run->child->woken_at_ns, now_ns);
    return run_poll(run->child, until_ns);
}

static enum run_state poll_other(struct run *run, uint64_t until_ns, uint64_t now_ns)
{
    (void)run_clock_switch(run->clock, run_idle_account(run), now_ns);
    return run_poll(run->child, until_ns);
}

/* The child is done: its outcome goes to the guest. */
static enum next end_call(struct run *run, uint64_t now_ns)
{
    const struct outcome *outcome = run_outcome(run->child);
    run_count_call(run);
    tell(run, outcome);
    if (!run_is_inner(run->child)) {
        run->permit.spent_ns = run->child->permit.spent_ns;
    }
    cordon_error *error = run_is_inner(run->child) ? leave_inner(run, outcome) : NULL;
    return error == NULL ? take_permit_back(run, now_ns) : run_finish_error(run, error);
}

enum next run_poll_child(struct run *run, uint64_t until_ns)
{
    uint64_t now = clock_monotonic_ns();
    if (is_looked_at(run) && !host_look(&run->host, now)) {
        run_end_child(run);
        return NEXT_STEP; /* the guest's next turn is its end */
    }
    if (run->host.nested.state == NESTED_DONE) {
        return take_permit_back(run, now);
    }
    const bool inner = run_is_inner(run->child);
    const enum run_state state =
        inner ? poll_inner(run, until_ns, now) : poll_other(run, until_ns, now);
    now = clock_monotonic_ns();
    switch (state) {
    case RUN_READY:
        return inner ? run_end_turn(run, now) : NEXT_READY;
    case RUN_WAITING:
        return run_is_replay(run) ? end_waiting(run) : wait_for_child(run, now);
    case RUN_DONE:
        break;
    }
    return end_call(run, now);
}
