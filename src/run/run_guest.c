/* The guest's turns, and what is left when it has ended: see state.h. */
#include "base/clock.h"
#include "host/functions.h"
#include "run/frames.h"
#include "run/result.h"
#include "run/state.h"

/* Reading a result up to this size takes a fraction of a millisecond. */
#define SHORT_RESULT_BYTES ((size_t)64 << 10)

enum next run_leave_guest(struct run *run)
{
    run_end_guest(run);
    if (run->outcome.code == CORDON_OUTCOME_SUCCESS) {
        run->stage = STAGE_RESULT;
        return NEXT_STEP;
    }
    if (!run_is_inner(run) && run_needs_trace(run)) {
        run->stage = STAGE_TRACE;
        return NEXT_READY;
    }
    return run_leave_failed(run);
}

enum next run_leave_failed(struct run *run)
{
    if (!run_is_transactional(run) || run_is_inner(run)) {
        return run_finish(run);
    }
    if (run->function->metadata->kind == CORDON_MUTATION) {
        store_end(&run->txn); /* its writes are gone; settle() begins anew for the record */
    }
    run->stage = STAGE_SETTLE;
    return NEXT_STEP;
}

/* What the guest used; an inner call's fuel is charged to its caller's guest. */
static void count_use(struct run *run)
{
    uint64_t *used = run->budget->used;
    const uint64_t memory = run_memory_of_callers(run) + engine_call_memory_bytes(run->call);
    const uint64_t elements = engine_call_table_elements(run->call);
    run->fuel_used = engine_call_fuel_used(run->call);
    if (!run_is_inner(run)) {
        used[CORDON_LIMIT_FUEL] = run->fuel_used;
        used[CORDON_LIMIT_LOG_LINES] = run->host.log.count;
    }
    if (memory > used[CORDON_LIMIT_MEMORY_BYTES]) {
        used[CORDON_LIMIT_MEMORY_BYTES] = memory;
    }
    if (elements > used[CORDON_LIMIT_TABLE_ELEMENTS]) {
        used[CORDON_LIMIT_TABLE_ELEMENTS] = elements;
    }
}

/* Copies the guest's side of the story into the outcome, then lets go of the guest. */
static enum next guest_ended(struct run *run, bool returned)
{
    count_use(run);
    result_collect(
        &run->outcome, &run->host, run->call, returned, &run->result_arena, &run->result);
    run_count_guest(run);
    if (run->outcome.code != CORDON_OUTCOME_SUCCESS && !returned) {
        frames_copy(&run->outcome, run->call, &run->function->module->names);
    }
    if (run_is_inner(run)) {
        run_tell_caller(run);
        return run_leave_guest(run);
    }
    run->budget->used[CORDON_LIMIT_HOST_BYTES] = run->account.peak;
    run_tape_end(run);
    return run_leave_guest(run);
}

/* Reading a long result takes long, and belongs on a compute thread: so this poll ends before. */
static enum next leave_turn(struct run *run, bool returned)
{
    const bool has_result = returned || run->host.stop.exited_well;
    if (!has_result || run->host.output.size <= SHORT_RESULT_BYTES) {
        return guest_ended(run, returned);
    }
    run->returned = returned;
    run->stage = STAGE_RETURNED;
    return NEXT_READY;
}

enum next step_returned(struct run *run)
{
    (void)run_clock_switch(run->clock, CLOCK_USER, clock_monotonic_ns());
    return guest_ended(run, run->returned);
}

/* The guest waits, for a wake or for a time it chose, and for its limit at the latest. */
static enum next wait_for_call(struct run *run, uint64_t now_ns)
{
    (void)run_clock_switch(run->clock, run_idle_account(run), now_ns);
    const uint64_t limit_ns = run_limit_at_ns(run, now_ns);
    const uint64_t chosen_ns = run->host.operation.sleeps_until_ns;
    run->wake_at_ns = chosen_ns != 0 && chosen_ns < limit_ns ? chosen_ns : limit_ns;
    run_leave_permit(run);
    return NEXT_WAIT;
}

/* The guest waits: for a call of another function, which is made now, or for the world. */
static enum next guest_waits(struct run *run, uint64_t now_ns)
{
    const struct host_nested *nested = &run->host.nested;
    const bool calls = nested->state == NESTED_WANTED;
    if (calls && nested->inner) {
        return run_begin_child(run);
    }
    if (run_is_replay(run)) {
        host_replay_waits(&run->host);
        return guest_ended(run, false);
    }
    const enum next next = wait_for_call(run, now_ns);
    return calls ? run_begin_child(run) : next;
}

/* The guest could go on; whoever waits for a permit comes first. */
enum next run_end_turn(struct run *run, uint64_t now_ns)
{
    if (run_is_inner(run)) {
        return NEXT_READY; /* its caller passes the turn on */
    }
    const uint64_t since_ns = atomic_load(&run->permit_since_ns);
    run_count_asking(run, now_ns);
    run_note_turn(run);
    if (run->background || permits_yield(&run->runner->permits, &run->permit)) {
        return NEXT_READY;
    }
    run_count_gave(run, since_ns, now_ns);
    run->permit_asked = true;
    run->had_turn = true;
    (void)run_clock_switch(run->clock, run_idle_account(run), now_ns);
    run->wake_at_ns = run_limit_at_ns(run, now_ns);
    return NEXT_WAIT;
}

/* Asks the embedding program, if the guest waits for it: whether it answered. The time is ours. */
static bool ask_program(struct run *run)
{
    if (run->host.function_call == NULL) {
        return false;
    }
    const enum run_clock_account paying =
        run_clock_switch(run->clock, CLOCK_SYSTEM, clock_monotonic_ns());
    const bool answered = host_ask_function(&run->host);
    (void)run_clock_switch(run->clock, paying, clock_monotonic_ns());
    return answered;
}

/* Whether what the program answered comes too late, as it took the time that it took. */
static bool is_too_late(struct run *run, uint64_t *out_now_ns)
{
    *out_now_ns = clock_monotonic_ns();
    return !host_look(&run->host, *out_now_ns);
}

/*
 * Whether the guest has no further turn. One whose call inside the transaction has just ended is
 * where it was when it made the call, which a replay passes without a look: the next look is in
 * its turn.
 */
static bool must_end(struct run *run, uint64_t now_ns)
{
    const struct host *host = &run->host;
    if (host->nested.state == NESTED_DONE && host->nested.inner) {
        return false; /* if the call has ended it, it ends when the call is paid for */
    }
    return host->stop.code != CORDON_OUTCOME_SUCCESS || !host_look(&run->host, now_ns);
}

/* Whether a guest that has left its turn may have another. One that calls is looked at there. */
static bool may_go_on(struct run *run, enum engine_state state, uint64_t now_ns)
{
    const struct host_nested *nested = &run->host.nested;
    if (state == ENGINE_WAITING) {
        return (nested->state == NESTED_WANTED && nested->inner) || host_look(&run->host, now_ns);
    }
    return host_yielded(&run->host, now_ns);
}

/* One slice of the guest, or the end of its wait. */
enum next step_guest(struct run *run, uint64_t until_ns)
{
    if (run->child != NULL) {
        const enum next next = run_poll_child(run, until_ns);
        if (next != NEXT_STEP || run->stage != STAGE_GUEST) {
            return next; /* it waits, or what failed around the call has ended the run */
        }
    }
    uint64_t now = clock_monotonic_ns();
    if (must_end(run, now)) {
        return guest_ended(run, false);
    }
    const bool own = run->host.running || run_is_transactional(run);
    (void)run_clock_switch(run->clock, own ? CLOCK_USER : CLOCK_SYSTEM, now);
    for (;;) {
        const enum engine_state state = engine_call_poll(run->call);
        if (run->host.nested.state == NESTED_NONE) {
            run_end_child(run); /* the guest has its outcome */
        }
        if (state == ENGINE_RETURNED || state == ENGINE_ENDED) {
            return leave_turn(run, state == ENGINE_RETURNED);
        }
        now = clock_monotonic_ns();
        if (!may_go_on(run, state, now)) {
            return guest_ended(run, false);
        }
        if (state == ENGINE_WAITING && !ask_program(run)) {
            return guest_waits(run, now);
        }
        if (state == ENGINE_WAITING && is_too_late(run, &now)) {
            return guest_ended(run, false);
        }
        if (now >= until_ns || run_is_heavy(run) || permits_are_wanted(&run->runner->permits)) {
            return run_end_turn(run, now);
        }
    }
}
