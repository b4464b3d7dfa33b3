/*
 * What the metrics are told of a run on its way: see state.h. Replays and probes, which nobody has
 * called, are not counted; a call inside the transaction of another run is only as an instance.
 */
#include "base/clock.h"
#include "run/state.h"

static struct run_metrics *metrics_of(const struct run *run)
{
    return &run->runner->metrics;
}

static struct gauge *outstanding_of(const struct run *run)
{
    return metrics_of(run)->outstanding[run->outcome.kind][run->outstanding];
}

void run_count_waiting(struct run *run)
{
    if (run->counts != NULL) {
        run->is_outstanding = true;
        run->outstanding = RUN_IS_WAITING;
        gauge_add(outstanding_of(run), 1);
    }
}

void run_count_attempt(struct run *run, uint64_t now_ns)
{
    if (run->attempt_since_ns == 0) {
        run->attempt_since_ns = now_ns;
    }
}

void run_count_running(struct run *run, uint64_t now_ns)
{
    if (run->is_outstanding && run->outstanding == RUN_IS_WAITING) {
        run->waited_ns = now_ns - run->started_ns;
        gauge_add(outstanding_of(run), -1);
        run->outstanding = RUN_IS_RUNNING;
        gauge_add(outstanding_of(run), 1);
        gauge_add(run->counts->running, 1);
    }
}

void run_count_asking(struct run *run, uint64_t now_ns)
{
    atomic_store(&run->permit_asked_ns, now_ns);
}

void run_count_permit(struct run *run, uint64_t now_ns)
{
    const uint64_t asked_ns = atomic_load(&run->permit_asked_ns);
    atomic_store(&run->permit_since_ns, now_ns);
    if (run->counts != NULL) {
        histogram_observe_ns(metrics_of(run)->acquire, now_ns > asked_ns ? now_ns - asked_ns : 0);
    }
}

void run_count_gave(struct run *run, uint64_t since_ns, uint64_t now_ns)
{
    run->permit_held_ns += now_ns > since_ns ? now_ns - since_ns : 0;
}

void run_count_guest(struct run *run)
{
    const cordon_kind kind = run->function->metadata->kind;
    const struct engine_timing timing = engine_call_timing(run->call);
    if (run->counts == NULL) {
        return;
    }
    run->observed_identity = run->host.observed_identity;
    run_metrics_count_instance(metrics_of(run), kind, run->outcome.code, run->create_ns, &timing);
    if (!run_is_inner(run) && run->attempt_since_ns != 0) {
        histogram_observe_ns(
            metrics_of(run)->service[kind][run_status_of(run->outcome.code)],
            clock_monotonic_ns() - run->attempt_since_ns);
        run->attempt_since_ns = 0;
    }
}

void run_count_call(struct run *run)
{
    const struct run *const child = run->child;
    if (run->counts != NULL) {
        counter_add(
            metrics_of(run)->calls[run->outcome.kind][run->host.nested.kind]
                                  [run->host.observed_identity][child->observed_identity],
            1);
    }
}

static void count_for_tenant(const struct run *run)
{
    const struct outcome *outcome = &run->outcome;
    const struct tenant_metrics *counts = run->counts;
    const bool good = outcome->code == CORDON_OUTCOME_SUCCESS;
    histogram_observe_ns(counts->runs[outcome->kind], outcome->wall_time_ns);
    counter_add(good ? counts->succeeded : counts->failed, 1);
    counter_add(counts->fuel, outcome->used[CORDON_LIMIT_FUEL]);
    counter_add(counts->user_ns, outcome->user_time_ns);
    if (run->had_permit) {
        histogram_observe_ns(counts->held, run->permit_held_ns);
    }
}

void run_count_end(struct run *run)
{
    if (run->is_outstanding) {
        run->is_outstanding = false;
        gauge_add(outstanding_of(run), -1);
        if (run->outstanding == RUN_IS_RUNNING) {
            gauge_add(run->counts->running, -1);
        }
    }
    if (run->counts != NULL) {
        run_metrics_count(metrics_of(run), &run->outcome, run->waited_ns);
        count_for_tenant(run);
    }
}
