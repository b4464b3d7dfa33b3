/*
 * The end of every run, whatever went wrong and in which order: run_finish() gives back permit,
 * instance, memory and transaction, and leaves an outcome behind.
 */
#include "base/clock.h"
#include "run/execution.h"
#include "run/report.h"
#include "run/state.h"
#include "run/warnings.h"

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
    run_settle_memory(run);
    run_leave_permit(run);
    if (run->nest_asked) {
        run->nest_asked = false;
        permits_give(&run->runner->nests, &run->nest);
    }
}

void run_end_result(struct run *run)
{
    arena_done(&run->result_arena);
    run_settle_memory(run);
}

/* An outcome whose words had no room in memory says at least that. */
static void keep_words(struct outcome *outcome)
{
    if (outcome->code != CORDON_OUTCOME_SUCCESS && outcome->message.data == NULL) {
        outcome->message = SLICE("The server is out of memory, and the words that belong here had "
                                 "no room. Try again later.");
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
    run_give_slot(run);
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
