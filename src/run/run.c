/*
 * A run's life: how it is made, polled and ended. Whatever the order in which things go wrong, it
 * ends through run_finish(), which gives back permit, instance, memory and transaction, and leaves
 * an outcome behind.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "run/execution.h"
#include "run/record/recorder.h"
#include "run/report.h"
#include "run/state.h"
#include "run/warnings.h"

/*
 * A run that got no first turn for this long is turned away, congested or not. (Convex's backend
 * waits 5 s.)
 */
#define FIRST_TURN_NS ((uint64_t)5000000000)

/* A slice on a loop thread may not be followed by another if it touched this much. */
#define HEAVY_BYTES ((uint64_t)16 << 20)

/* -- Waking and waiting --------------------------------------------------------------------- */

void run_wake(void *arg)
{
    struct run *run = arg;
    atomic_store(&run->woken_at_ns, clock_monotonic_ns());
    run->wake.call(run->wake.arg);
}

static void permit_granted(struct permit_waiter *waiter)
{
    struct run *run = (struct run *)(void *)((char *)waiter - offsetof(struct run, permit));
    if (atomic_load(&waiter->has_permit)) { /* or else it was turned away */
        run_count_permit(run, clock_monotonic_ns());
    }
    run_wake(run);
}

static void nest_granted(struct permit_waiter *waiter)
{
    struct run *run = (struct run *)(void *)((char *)waiter - offsetof(struct run, nest));
    run_wake(run);
}

bool run_is_transactional(const struct run *run)
{
    return run->function->metadata->kind != CORDON_ACTION;
}

enum run_clock_account run_idle_account(const struct run *run)
{
    if ((run->permit_asked && !atomic_load(&run->permit.has_permit)) ||
        (run->nest_asked && !atomic_load(&run->nest.has_permit))) {
        return CLOCK_QUEUED;
    }
    const bool own = run->host.running && !run_is_transactional(run);
    return own ? CLOCK_USER : CLOCK_SYSTEM;
}

static uint64_t time_after(uint64_t at_ns, uint64_t ns)
{
    return ns > UINT64_MAX - at_ns ? UINT64_MAX : at_ns + ns;
}

/* What an account may spend before the run is ended. */
static uint64_t account_allows_ns(const struct run *run, enum run_clock_account account)
{
    if (account == CLOCK_QUEUED) {
        return run_turns_ns(run);
    }
    const cordon_limit limit =
        account == CLOCK_USER ? CORDON_LIMIT_USER_TIME_MS : CORDON_LIMIT_SYSTEM_TIME_MS;
    const uint64_t ms = run->budget->allowed[limit];
    return ms > UINT64_MAX / 1000000 ? UINT64_MAX : ms * 1000000;
}

uint64_t run_limit_at_ns(const struct run *run, uint64_t now_ns)
{
    const enum run_clock_account account = run_idle_account(run);
    const uint64_t spent = run_clock_spent_ns(run->clock, account, now_ns);
    const uint64_t allowed = account_allows_ns(run, account);
    return spent >= allowed ? now_ns : time_after(now_ns, allowed - spent);
}

uint64_t run_turns_ns(const struct run *run)
{
    return run->had_permit ? run->runner->options.turns_ns : FIRST_TURN_NS;
}

enum next run_wait_for_store(struct run *run)
{
    run->wake_at_ns = run_limit_at_ns(run, clock_monotonic_ns());
    return NEXT_WAIT;
}

void run_begin_turn(struct run *run, uint64_t now_ns)
{
    run->is_turn_measured = run->permit.spent_ns > 0 || run->was_asked;
    run->turn_began_ns = run->is_turn_measured ? clock_thread_cpu_ns() : now_ns;
}

void run_note_turn(struct run *run)
{
    if (run->turn_began_ns != 0) {
        const uint64_t now_ns =
            run->is_turn_measured ? clock_thread_cpu_ns() : clock_monotonic_ns();
        run->permit.unpaid_ns += now_ns - run->turn_began_ns;
        run->turn_began_ns = 0;
    }
}

void run_leave_permit(struct run *run)
{
    if (run_is_inner(run)) {
        return; /* it is its caller's */
    }
    run->permit_asked = false;
    if (atomic_load(&run->permit.has_permit)) {
        run_count_gave(run, atomic_load(&run->permit_since_ns), clock_monotonic_ns());
    }
    run_note_turn(run);
    permits_give(&run->runner->permits, &run->permit);
}

enum permit_answer run_ask_permit(struct run *run, enum permit_claim claim)
{
    const uint64_t now_ns = clock_monotonic_ns();
    run_count_asking(run, now_ns);
    const enum permit_answer answer = permits_take(&run->runner->permits, &run->permit, claim);
    if (answer == PERMIT_HELD) {
        run_count_permit(run, now_ns);
    }
    return answer;
}

bool run_take_permit(struct run *run)
{
    const bool slept = run->host.operation.sleeps_until_ns != 0;
    run->permit_asked = true;
    if (run_ask_permit(run, slept ? PERMIT_SLEPT : PERMIT_AGAIN) != PERMIT_HELD) {
        return false;
    }
    run_begin_turn(run, clock_monotonic_ns());
    return true;
}

/* -- Memory --------------------------------------------------------------------------------- */

/* A probe's is its own: that tenants have all there is says nothing of the server's health. */
static bool take_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    struct runner *runner = run->runner;
    return run->is_probe ||
           shared_take(
               &runner->memory, &run->usage->memory, bytes, atomic_load(&runner->share_percent));
}

void run_give_tenant_memory(struct run *run, uint64_t bytes)
{
    if (!run->is_probe) {
        shared_give(&run->runner->memory, &run->usage->memory, bytes);
    }
}

static void give_memory(void *owner, uint64_t bytes)
{
    run_give_tenant_memory(owner, bytes);
}

struct account_source run_tenant_memory(struct run *run)
{
    return (struct account_source){take_memory, give_memory, run};
}

static bool take_process_memory(void *runner, uint64_t bytes)
{
    return runner_take_memory(runner, bytes);
}

static void give_process_memory(void *runner, uint64_t bytes)
{
    runner_give_memory(runner, bytes);
}

struct account_source run_process_memory(struct runner *runner)
{
    return (struct account_source){take_process_memory, give_process_memory, runner};
}

bool run_takes_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    if (!take_memory(run, bytes)) {
        return false;
    }
    run->memory_taken += bytes;
    return true;
}

void run_gives_memory(void *owner, uint64_t bytes)
{
    struct run *run = owner;
    CORDON_ASSERT(run->memory_taken >= bytes);
    run->memory_taken -= bytes;
    run_give_tenant_memory(run, bytes);
}

/* -- Endings -------------------------------------------------------------------------------- */

/* Gives back all memory but what the result holds; what the account took in advance goes last. */
static void settle_memory(struct run *run)
{
    if (run->account.held == 0) {
        run->account.taken = 0;
    }
    if (run->memory_taken > run->account.taken) {
        run_gives_memory(run, run->memory_taken - run->account.taken);
    }
}

static void end_instance(struct run *run)
{
    if (run->call == NULL) {
        return;
    }
    const uint64_t began_ns = clock_monotonic_ns();
    engine_call_free(run->call);
    run->call = NULL;
    if (run->counts != NULL) {
        histogram_observe_ns(run->runner->metrics.destroy, clock_monotonic_ns() - began_ns);
        gauge_add(run->counts->allocated, -1);
    }
}

void run_end_guest(struct run *run)
{
    run_end_child(run);
    end_instance(run);
    if (run->has_host) {
        host_done(&run->host);
        run->has_host = false;
    }
    settle_memory(run);
    run_leave_permit(run);
    if (run->nest_asked) {
        run->nest_asked = false;
        permits_give(&run->runner->nests, &run->nest);
    }
}

void run_end_result(struct run *run)
{
    arena_done(&run->result_arena);
    settle_memory(run);
}

/* An outcome whose words had no room in memory says at least that. */
static void keep_words(struct outcome *outcome)
{
    if (outcome->code != CORDON_OUTCOME_SUCCESS && outcome->message.data == NULL) {
        outcome->message = SLICE("The server is out of memory, and the words that belong here had "
                                 "no room. Try again later.");
    }
}

/* What a tenant has of the slots of that sort. */
static atomic_ullong *own_slots(const struct run *run, const struct shared *slots)
{
    return slots == &run->runner->slots ? &run->usage->slots : &run->usage->nested_slots;
}

static void give_slot(struct run *run)
{
    if (run->slot != NULL) {
        shared_give(run->slot, own_slots(run, run->slot), 1);
        run->slot = NULL;
    }
}

static void report(const struct run *run)
{
    const struct run_report report = {
        .outcome = &run->outcome,
        .allowed = run->function == NULL ? NULL : run->budget->allowed,
        .env = run->env,
        .tenant = run->home == NULL ? slice_of(NULL, 0) : slice_str(run->home->name),
        .path = run->path,
        .request_id = run->request_id,
        .user = slice_str(run->identity.hash),
        .traceparent = run->traceparent,
    };
    run_report(run->runner->options.log, &report);
}

enum next run_finish(struct run *run)
{
    run_end_guest(run);
    run_end_result(run);
    if (run_is_inner(run)) {
        CORDON_ASSERT(run->account.held == 0);
        keep_words(&run->outcome);
        run->txn = NULL; /* its caller's */
        run->stage = STAGE_DONE;
        return NEXT_STEP;
    }
    CORDON_ASSERT(run->account.held == 0); /* whatever was charged was given back */
    store_end(&run->txn);
    store_end(&run->lost);
    store_end(&run->reserved);
    store_end(&run->trace_txn);
    const uint64_t now = clock_monotonic_ns();
    (void)run_clock_switch(run->clock, CLOCK_STOPPED, now);
    struct outcome *outcome = &run->outcome;
    keep_words(outcome);
    outcome->user_time_ns = run->clock->spent_ns[CLOCK_USER];
    outcome->system_time_ns = run->clock->spent_ns[CLOCK_SYSTEM];
    outcome->queued_time_ns = run->clock->spent_ns[CLOCK_QUEUED];
    outcome->wall_time_ns = now - run->started_ns;
    memcpy(outcome->used, run->budget->used, sizeof outcome->used);
    outcome->used[CORDON_LIMIT_USER_TIME_MS] = outcome->user_time_ns / 1000000;
    outcome->used[CORDON_LIMIT_SYSTEM_TIME_MS] = outcome->system_time_ns / 1000000;
    warnings_add(outcome, run->budget);
    outcome->retries = run->attempts > 0 ? run->attempts - 1 : 0;
    give_slot(run);
    run->stage = STAGE_DONE;
    run_count_end(run);
    if (!run_is_replay(run) && !run->is_probe) { /* which nobody has called */
        report(run);
        if (outcome->code == CORDON_OUTCOME_CAPABILITY_DENIED && run->home != NULL) {
            tenant_note_denied(run->home, run->path, outcome->message);
        }
        if (run->home != NULL) {
            execution_keep(
                &run->home->executions, outcome, run->told_lines, run->path, run->request_id);
        }
    }
    return NEXT_STEP;
}

enum next run_finish_with(struct run *run, cordon_outcome_code code, struct slice message)
{
    run->outcome.code = code;
    run->outcome.message = arena_copy(&run->outcome.arena, message);
    return run_finish(run);
}

static cordon_outcome_code outcome_of(cordon_error_code code)
{
    return code == CORDON_E_OVERLOADED  ? CORDON_OUTCOME_OVERLOADED
           : code == CORDON_E_CONFLICT  ? CORDON_OUTCOME_CONFLICT
           : code == CORDON_E_DISK_FULL ? CORDON_OUTCOME_DISK_FULL
                                        : CORDON_OUTCOME_INTERNAL;
}

enum next run_finish_error(struct run *run, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    const cordon_outcome_code code = outcome_of(cordon_error_get_code(owned));
    outcome_done(&run->outcome); /* a half-made one */
    const cordon_kind kind = run->outcome.kind;
    outcome_init(&run->outcome);
    run->outcome.kind = kind;
    if (code == CORDON_OUTCOME_OVERLOADED) {
        outcome_set_overloaded(&run->outcome, SLICE("The server has no memory for this call now."));
        return run_finish(run);
    }
    return run_finish_with(run, code, slice_str(cordon_error_get_message(owned)));
}

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

static bool take_slot_of(struct run *run, struct shared *slots)
{
    const uint32_t percent = atomic_load(&run->runner->share_percent);
    if (!shared_take(slots, own_slots(run, slots), 1, percent)) {
        return false;
    }
    run->slot = slots;
    return true;
}

/* A slot, or an outcome that says there is none. Calls of actions have some for themselves. */
static void take_slot(struct run *run)
{
    struct runner *runner = run->runner;
    if (run->background || run->is_probe ||
        (run->depth > 1 && take_slot_of(run, &runner->nested_slots)) ||
        take_slot_of(run, &runner->slots)) {
        return;
    }
    (void)run_refuse(run, RUN_REJECTED_NO_SLOT);
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

/*
 * A large request counts against the memory of the process until the run is freed. The first lump
 * comes with the slot and is asked of nobody: those of all slots together are small.
 */
static void open_request(struct run *run)
{
    const struct account_source memory = run_tenant_memory(run);
    account_init(&run->request, UINT64_MAX, &memory);
    run->request.taken = ACCOUNT_LUMP_BYTES;
    arena_init_charged(&run->arena, &run->request);
}

static void give_request_memory(struct run *run)
{
    if (run->request.source.give != NULL && run->request.taken > ACCOUNT_LUMP_BYTES) {
        run_give_tenant_memory(run, run->request.taken - ACCOUNT_LUMP_BYTES);
    }
}

static void close_request(struct run *run)
{
    arena_done(&run->arena);
    give_request_memory(run);
}

void run_leave_memory(struct run *run)
{
    give_request_memory(run);
    account_leave_source(&run->request);
    run_tape_leave_memory(run);
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
    run->permit.granted = permit_granted;
    run->nest.granted = nest_granted;
    run->tenant = request->tenant;
    run->waited_ns = UINT64_MAX;
    struct tenant *home = tenants_find(&runner->tenants, request->tenant);
    run->home = tenant_enter(home) ? home : NULL;
    run->usage = run->home != NULL ? &run->home->usage : &runner->strangers;
    run->permit.tenant = &run->usage->permits;
    run->nest.tenant = &run->usage->nests;
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
    open_request(run);
    cordon_error *error = run_tape_new(run, request);
    if (error == NULL && !copy_request(run, request)) {
        error = arena_error(&run->arena);
    }
    if (error != NULL) {
        run_tape_free(run);
        close_request(run);
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
        take_slot(run);
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
    close_request(run);
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
