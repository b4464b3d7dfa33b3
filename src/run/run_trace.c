/*
 * What the stack of a failed run is called in its sources; see state.h.
 *
 * The module's debug information is hostile and can be megabytes, so it is read once the guest has
 * gone and its memory is given back, on a compute thread, and for a stack that was not seen before.
 * The module's bytes come from the store, where they were deployed to, by a transaction apart: what
 * a trace reads is no part of what the run depended on.
 *
 * Nothing here fails the run. Where the bytes are gone, as the functions were replaced meanwhile,
 * or memory is out, the frames stay as they were: with the names that are kept in memory.
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
    if (outcome->frame_count == 0 || !module->has_debug) {
        return false;
    }
    run->trace_key = trace_key_of(outcome, module->hash);
    if (trace_cache_get(&run->runner->traces, &run->trace_key, outcome)) {
        return false;
    }
    const uint64_t now = clock_monotonic_ns();
    (void)run_clock_switch(&run->clock, CLOCK_STOPPED, now); /* it is not the function's work */
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

static void resolve(struct run *run, struct slice module)
{
    if (module.size == 0 || !runner_take_memory(run->runner, FRAMES_WORK_BYTES)) {
        return;
    }
    const bool resolved = frames_resolve(&run->outcome, module);
    runner_give_memory(run->runner, FRAMES_WORK_BYTES);
    if (resolved) {
        trace_cache_put(&run->runner->traces, &run->trace_key, &run->outcome);
    }
}

enum next step_trace(struct run *run)
{
    enum store_step step = STORE_DONE;
    struct slice module = {NULL, 0};
    const bool has_time =
        !atomic_load(&run->cancelled) && clock_monotonic_ns() < run->trace_until_ns;
    cordon_error *error = has_time ? find_module(run, &step, &module) : NULL;
    if (error == NULL && step == STORE_PENDING) {
        run->wake_at_ns = run->trace_until_ns;
        return NEXT_WAIT;
    }
    if (error == NULL) {
        resolve(run, module);
    }
    cordon_error_free(error); /* of a store that fails the run's own end will tell */
    store_end(&run->trace_txn);
    return run_leave_failed(run);
}
