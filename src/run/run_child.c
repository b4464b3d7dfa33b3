/*
 * Calls of other functions by an action: each is a run of its own, with its own transaction,
 * permit and limits, made of the same deployment. Whoever polls the action polls it. The action's
 * own clock goes on meanwhile, its permit is given back, and what ends the action ends the call.
 */
#include "base/clock.h"
#include "run/state.h"

void run_end_child(struct run *run)
{
    run_free(run->child);
    run->child = NULL;
}

/* The outcome, for the guest; borrowed from the child, which lives until the guest has read it. */
static void tell(struct run *run, const struct outcome *outcome)
{
    struct host_nested *nested = &run->host.nested;
    nested->good = outcome->code == CORDON_OUTCOME_SUCCESS;
    nested->value = outcome->value.size > 0 ? outcome->value : SLICE("null");
    nested->code = outcome_code_name(outcome);
    nested->message = outcome->message;
    nested->data = outcome->data;
    nested->state = NESTED_DONE;
}

enum next run_begin_child(struct run *run)
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
        .request_id = run->request_id,
        .parent = run,
    };
    cordon_error *error =
        run_new(run->runner, &request, (struct store_wake){run_wake, run}, &run->child);
    return error == NULL ? NEXT_STEP : run_finish_error(run, error);
}

/* The action waits as long as its call does, and not past its own limit. */
static enum next wait_for_child(struct run *run, uint64_t now_ns)
{
    const uint64_t limit_ns = run_limit_at_ns(run, now_ns);
    const uint64_t child_ns = run_wake_at_ns(run->child);
    run->wake_at_ns = child_ns < limit_ns ? child_ns : limit_ns;
    return NEXT_WAIT;
}

/* A guest that can go on needs its permit back. */
static enum next take_permit_back(struct run *run, uint64_t now_ns)
{
    if (atomic_load(&run->permit.has_permit) || (!run->permit_asked && run_take_permit(run))) {
        return NEXT_STEP;
    }
    run->wake_at_ns = run_limit_at_ns(run, now_ns);
    return NEXT_WAIT;
}

enum next run_poll_child(struct run *run, uint64_t until_ns)
{
    uint64_t now = clock_monotonic_ns();
    if (!host_look(&run->host, now)) {
        run_end_child(run);
        return NEXT_STEP; /* the guest's next turn is its end */
    }
    if (run->host.nested.state == NESTED_WANTED) {
        (void)run_clock_switch(&run->clock, run_idle_account(run), now);
        const enum run_state state = run_poll(run->child, until_ns);
        now = clock_monotonic_ns();
        if (state == RUN_READY) {
            return NEXT_READY;
        }
        if (state == RUN_WAITING) {
            return wait_for_child(run, now);
        }
        tell(run, run_outcome(run->child));
    }
    return take_permit_back(run, now);
}
