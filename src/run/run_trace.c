/*
 * What the stack of a failed run is called in its sources; see state.h.
 *
 * The module's debug information is hostile and can be megabytes, so it is read once the guest has
 * gone and its memory is given back, on a compute thread, and for a stack that was not seen
 * before. The module's bytes come from the store, where they were deployed to, by a transaction
 * apart: what a trace reads is no part of what the run depended on.
 *
 * It is the host's work, but the guest's doing, and up to 100 ms of it: it holds a permit like any
 * turn of a guest, the memory of the process pays for the module's bytes, and all new stacks
 * together have a share of one processor (trace_purse).
 *
 * Nothing here fails the run. Where the bytes are gone, as the functions were replaced meanwhile,
 * or memory or the share is used up, the frames stay as they were: with the names that are kept in
 * memory.
 */
#include "base/clock.h"
#include "run/frames.h"
#include "run/state.h"

/* A store that takes longer to answer is not worth waiting for. */
#define WAIT_NS_MAX ((uint64_t)2000000000)

bool run_needs_trace(struct run *run)
{
    struct outcome *outcome = &run->outcome;
    const struct deployed_module *module = run->function->module;
    if (outcome->frame_count == 0 || !module->has_debug || run->untraced) {
        return false;
    }
    struct trace_cache *traces = &run->runner->traces;
    run->trace_key = trace_key_of(outcome, module->hash);
    if (trace_cache_get(traces, &run->trace_key, outcome)) {
        return false;
    }
    const uint64_t now = clock_monotonic_ns();
    if (!trace_cache_has_time(traces, now) ||
        !run_takes_memory(run, FRAMES_WORK_BYTES + module->size)) {
        counter_add(run->runner->metrics.untraced, 1);
        return false;
    }
    (void)run_clock_switch(run->clock, CLOCK_STOPPED, now); /* it is not the function's work */
    run->trace_until_ns = now + WAIT_NS_MAX;
    return true;
}

/* The bytes, borrowed from the deployment or the transaction; empty: they are gone. */
static cordon_error *find_module(
    struct run *run, enum store_step *out_step, struct slice *out_bytes)
{
    const struct deployed_module *module = run->function->module;
    *out_bytes = module->bytes;
    if (module->bytes.size > 0) {
        return NULL;
    }
    if (run->trace_txn == NULL) {
        const struct store_wake wake = {run_wake, run};
        TRY(store_begin(run->runner->options.store, run->tenant, wake, &run->trace_txn));
    }
    bool found = false;
    struct deployment_key key;
    return store_row_get(
        run->trace_txn, KEYSPACE_MODULE, deployment_module_key(&key, module->hash), out_step,
        &found, out_bytes);
}

/* Whether the run has the permit for that work; else it has asked for one. */
static bool has_permit(struct run *run)
{
    if (!run->permit_asked && !atomic_load(&run->permit.has_permit)) {
        run->permit_asked = true;
        if (run_ask_permit(run, PERMIT_SLEPT) == PERMIT_HELD) {
            run_begin_turn(run, clock_monotonic_ns());
        }
    }
    return atomic_load(&run->permit.has_permit);
}

static bool has_lines(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->frame_count; i++) {
        if (outcome->frames[i].line > 0) {
            return true;
        }
    }
    return false;
}

/* False: not a single line was found, or there was no memory. */
static bool resolve(struct run *run, struct slice module)
{
    struct trace_cache *traces = &run->runner->traces;
    const uint64_t began_ns = clock_thread_cpu_ns();
    const bool is_resolved = frames_resolve(&run->outcome, module);
    if (is_resolved) {
        trace_cache_put(traces, &run->trace_key, &run->outcome);
    }
    trace_cache_spend(traces, clock_thread_cpu_ns() - began_ns);
    return is_resolved && has_lines(&run->outcome);
}

static enum next leave_trace(struct run *run, bool is_traced)
{
    store_end(&run->trace_txn);
    if (!is_traced) {
        counter_add(run->runner->metrics.untraced, 1);
    }
    run_gives_memory(run, FRAMES_WORK_BYTES + run->function->module->size);
    run_leave_permit(run);
    return run_leave_failed(run);
}

enum next step_trace(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct slice module = {NULL, 0};
    if (atomic_load(&run->cancelled) || clock_monotonic_ns() >= run->trace_until_ns) {
        return leave_trace(run, false);
    }
    cordon_error *error = find_module(run, &step, &module);
    if (error != NULL) {
        cordon_error_free(error); /* of a store that fails the run's own end will tell */
        return leave_trace(run, false);
    }
    if (step == STORE_PENDING || (module.size > 0 && !has_permit(run))) {
        run->wake_at_ns = run->trace_until_ns;
        return NEXT_WAIT;
    }
    return leave_trace(run, module.size > 0 && resolve(run, module));
}
