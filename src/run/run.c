/* A run's life: how it is made, polled, asked about and freed. */
#include "base/clock.h"
#include "base/memory.h"
#include "run/record/recorder.h"
#include "run/state.h"

/* A slice on a loop thread may not be followed by another if it touched this much. */
#define HEAVY_BYTES ((uint64_t)16 << 20)

/* -- Polling -------------------------------------------------------------------------------- */

static enum next step(struct run *run, uint64_t until_ns)
{
    switch (run->stage) {
    case STAGE_ADMIT:
        return step_admit(run);
    case STAGE_BEGIN:
        return step_begin(run);
    case STAGE_EARLIER:
        return step_earlier(run);
    case STAGE_ARGS:
        return step_args(run);
    case STAGE_GUEST:
        return step_guest(run, until_ns);
    case STAGE_RETURNED:
        return step_returned(run);
    case STAGE_TRACE:
        return step_trace(run);
    case STAGE_RESULT:
        return step_result(run);
    case STAGE_COMMIT:
        return step_commit(run);
    case STAGE_SETTLE:
        return step_settle(run);
    case STAGE_BACKOFF:
        return step_back_off(run);
    case STAGE_DONE:
        break;
    }
    return NEXT_READY;
}

/*
 * Whether a run that waits may be polled again: after its wake, at its time, or when it is
 * cancelled. From then on it waited for a thread, and neighbours of it are to blame.
 */
static bool is_due(struct run *run, uint64_t now_ns)
{
    const uint64_t woken_at_ns = atomic_exchange(&run->woken_at_ns, 0);
    if (woken_at_ns == 0 && now_ns < run->wake_at_ns && !atomic_load(&run->cancelled)) {
        return false;
    }
    if (run->clock->account != CLOCK_STOPPED) {
        const uint64_t due_ns = woken_at_ns != 0 ? woken_at_ns : run->wake_at_ns;
        (void)run_clock_switch(run->clock, CLOCK_QUEUED, due_ns < now_ns ? due_ns : now_ns);
    }
    return true;
}

/* A run that gave its permit back while it waited needs another before its guest goes on. */
static bool may_go_on(struct run *run)
{
    if (run->wake_at_ns == 0) {
        return true;
    }
    const uint64_t now = clock_monotonic_ns();
    if (!is_due(run, now)) {
        return false;
    }
    const bool calls =
        run->child != NULL && !run_is_inner(run->child) && run->host.nested.state == NESTED_WANTED;
    if (run->stage != STAGE_GUEST || calls || run_is_inner(run) ||
        atomic_load(&run->permit.has_permit)) {
        return true;
    }
    if (!run->permit_asked && run_take_permit(run)) {
        return true;
    }
    /* Queued. Its limits hold while it waits: past one of them it goes on, to its end. */
    run->wake_at_ns = run_limit_at_ns(run, now);
    return atomic_load(&run->permit.has_permit) || !run_look(run, now);
}

/* Whoever kept the run waiting pays no longer; a guest's turn says itself who does. */
static void end_wait(struct run *run)
{
    if (run->clock->account == CLOCK_QUEUED && run->stage != STAGE_ADMIT &&
        run->stage != STAGE_GUEST) {
        (void)run_clock_switch(run->clock, run_idle_account(run), clock_monotonic_ns());
    }
}

/* Not done; from here on others are to blame for how long it takes. */
static enum run_state leave_poll(struct run *run, enum next next)
{
    run_note_turn(run);
    const uint64_t now_ns = clock_monotonic_ns();
    if (run->clock->account != CLOCK_STOPPED) {
        const enum run_clock_account account =
            next == NEXT_READY ? CLOCK_QUEUED : run_idle_account(run);
        (void)run_clock_switch(run->clock, account, now_ns);
    }
    (void)run_tell_lines(run, now_ns);
    return next == NEXT_READY ? RUN_READY : RUN_WAITING;
}

enum run_state run_poll(struct run *run, uint64_t until_ns)
{
    if (run->stage == STAGE_DONE) {
        return RUN_DONE;
    }
    if (!may_go_on(run)) {
        return RUN_WAITING;
    }
    end_wait(run);
    run->memory_at_poll = run->memory_taken;
    run->had_turn = false;
    if (atomic_load(&run->permit.has_permit)) {
        run_begin_turn(run, clock_monotonic_ns());
    }
    for (;;) {
        run->wake_at_ns = 0;
        atomic_store(&run->woken_at_ns, 0);
        const enum next next = step(run, until_ns);
        if (run->stage == STAGE_DONE) {
            return RUN_DONE;
        }
        if (next != NEXT_STEP) {
            return leave_poll(run, next);
        }
    }
}

enum run_state run_ask(struct run *run)
{
    if (run->stage == STAGE_ADMIT) {
        run->wake_at_ns = 0;
        run->was_asked = true;
        const enum next next = step_admit(run);
        if (run->stage != STAGE_DONE) {
            return leave_poll(run, next == NEXT_WAIT ? NEXT_WAIT : NEXT_READY);
        }
    }
    return run->stage == STAGE_DONE ? RUN_DONE : RUN_READY;
}

/* -- Life ----------------------------------------------------------------------------------- */

static struct slice copy_text(struct run *run, struct slice text)
{
    return text.size == 0 ? slice_of(NULL, 0) : arena_copy(&run->arena, text);
}

/* Its id of the request is the run's own, if it has one. */
static bool copy_actor(struct run *run, const struct audit_actor *actor)
{
    if (actor == NULL) {
        return true;
    }
    struct audit_actor *copy = arena_alloc(&run->arena, sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    *copy = *actor;
    copy->request_id[0] = '\0';
    run->actor = copy;
    return true;
}

/* Copies the request; false when memory is out. */
static bool copy_request(struct run *run, const struct run_request *request)
{
    run->path = copy_text(run, request->path);
    run->request_id = copy_text(run, request->request_id);
    run->traceparent = copy_text(run, request->traceparent);
    run->idempotency_key = copy_text(run, request->idempotency_key);
    run->identity = request->identity;
    run->identity.token = copy_text(run, request->identity.token);
    run->identity.json = copy_text(run, request->identity.json);
    run->asked_by = request->caller;
    run->untraced = request->untraced;
    run->background = request->background;
    run->is_probe = request->is_probe;
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
    return copy_actor(run, request->actor) && (request->path.size == 0 || run->path.data != NULL) &&
           (request->request_id.size == 0 || run->request_id.data != NULL) &&
           (request->traceparent.size == 0 || run->traceparent.data != NULL) &&
           (request->identity.token.size == 0 || run->identity.token.data != NULL) &&
           (request->identity.json.size == 0 || run->identity.json.data != NULL) &&
           (request->idempotency_key.size == 0 || run->idempotency_key.data != NULL);
}

/* Finds the function and checks the call against it; a call that can't be made is done at once. */
static void resolve(struct run *run, const struct run_request *request)
{
    struct deployment *given =
        request->parent == NULL ? request->deployment : request->parent->deployment;
    run->deployment = given != NULL       ? deployment_ref(given)
                      : run->home != NULL ? tenant_deployment(run->home)
                                          : NULL;
    run->env = request->parent != NULL ? env_vars_ref(request->parent->env)
               : run->home != NULL     ? tenant_env(run->home)
                                       : NULL;
    const struct deployed_function *function =
        run->deployment == NULL ? NULL : deployment_find(run->deployment, request->path);
    if (function != NULL && run_is_inner(run)) {
        run_tape_add_module(run, function->module); /* it decides what comes of the call */
    }
    if (!resolve_function(&run->outcome, request, function)) {
        (void)run_finish(run);
        return;
    }
    CORDON_ASSERT(function != NULL); /* what was resolved exists */
    run->function = function;
    run->outcome.kind = function->metadata->kind;
    if (!run_is_inner(run)) {
        run->permit.kind = run->nest.kind = run->outcome.kind;
        run_reset_budget(run);
    }
    if (!resolve_args(
            &run->outcome, run->budget, function, request->args, &run->arena, &run->args)) {
        (void)run_finish(run);
        return;
    }
    run_tape_choose(run);
}

static void leave_home(struct run *run)
{
    if (run->home != NULL) {
        tenant_leave(run->home);
    }
}

/* A call from outside, one that an action makes, or as deep again as a recorded one. */
static uint64_t depth_of(const struct run_request *request)
{
    if (request->replay != NULL) {
        return request->replay->depth;
    }
    return request->parent == NULL ? 1 : request->parent->depth + 1;
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
    run->tenant = request->tenant;
    run->waited_ns = UINT64_MAX;
    struct tenant *home = tenants_find(&runner->tenants, request->tenant);
    run->home = tenant_enter(home) ? home : NULL;
    run->usage = run->home != NULL ? &run->home->usage : &runner->strangers;
    run_init_permits(run);
    if (request->parent != NULL && !request->inner) {
        run->permit.spent_ns = request->parent->permit.spent_ns; /* calls are no way to the front */
    }
    run->depth = depth_of(request);
    run->caller = request->inner ? request->parent : NULL;
    run->budget = run_is_inner(run) ? run->caller->budget : &run->own_budget;
    run->clock = run_is_inner(run) ? run->caller->clock : &run->own_clock;
    run->fuel_granted = request->fuel;
    run->started_ns = clock_monotonic_ns();
    outcome_init(&run->outcome);
    run->outcome.kind = request->any_kind ? CORDON_QUERY : request->kind;
    run_open_request(run);
    cordon_error *error = run_tape_new(run, request);
    if (error == NULL && !copy_request(run, request)) {
        error = arena_error(&run->arena);
    }
    if (error != NULL) {
        run_tape_free(run);
        run_close_request(run);
        leave_home(run);
        mem_free(run);
        return error;
    }
    if (!run_is_replay(run) && !run->is_probe) {
        struct tenant_metrics_table *const all = &runner->metrics.tenants;
        run->counts = run->home != NULL ? tenant_metrics_of(all, run->tenant)
                                        : tenant_metrics_of_removed(all);
    }
    if (!run_is_inner(run)) {
        run_take_slot(run);
    }
    if (run->stage != STAGE_DONE) {
        resolve(run, request);
    }
    if (run->stage != STAGE_DONE && run_is_inner(run)) {
        run_enter_inner(run);
    } else if (run->stage != STAGE_DONE) {
        run_count_waiting(run);
    }
    *out_run = run;
    return NULL;
}

uint64_t run_wake_at_ns(const struct run *run)
{
    return run->wake_at_ns;
}

uint64_t run_sleeps_until_ns(const struct run *run)
{
    if (run->child != NULL) {
        return run_sleeps_until_ns(run->child);
    }
    return run->has_host ? run->host.operation.sleeps_until_ns : 0;
}

bool run_is_queued(const struct run *run)
{
    return run->permit_asked && !atomic_load(&run->permit.has_permit);
}

uint32_t run_tenant(const struct run *run)
{
    return run->tenant;
}

void run_cancel(struct run *run)
{
    atomic_store(&run->cancelled, true);
    run_wake(run);
}

bool run_is_heavy(const struct run *run)
{
    return run->memory_taken > run->memory_at_poll &&
           run->memory_taken - run->memory_at_poll >= HEAVY_BYTES;
}

bool run_had_turn(const struct run *run)
{
    return run->had_turn || run->stage == STAGE_TRACE ||
           (run->child != NULL && run_had_turn(run->child));
}

const struct outcome *run_outcome(const struct run *run)
{
    return run->stage == STAGE_DONE ? &run->outcome : NULL;
}

void run_dispose(struct run *run)
{
    if (run->deployment != NULL) {
        deployment_unref(run->deployment);
    }
    env_vars_unref(run->env);
    run_tape_free(run);
    outcome_done(&run->outcome);
    run_close_request(run);
    leave_home(run);
    mem_free(run);
}

void run_free(struct run *run)
{
    if (run == NULL) {
        return;
    }
    const bool is_done = run->stage == STAGE_DONE;
    if (!is_done) {
        run->outcome.code = CORDON_OUTCOME_CANCELLED;
        (void)run_finish(run);
    }
    if (is_done && !run_is_inner(run) && run->taped != NULL && run->taped->purposes != 0) {
        recorder_take(run->runner->recorder, run);
    } else {
        run_dispose(run);
    }
}
