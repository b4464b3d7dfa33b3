/* When a run may work: what wakes it, whose time passes meanwhile, and its permits. */
#include "base/clock.h"
#include "run/state.h"

/*
 * A run that got no first turn for this long is turned away, congested or not. (Convex's backend
 * waits 5 s.)
 */
#define FIRST_TURN_NS ((uint64_t)5000000000)

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

void run_init_permits(struct run *run)
{
    run->permit.granted = permit_granted;
    run->permit.tenant = &run->usage->permits;
    run->nest.granted = nest_granted;
    run->nest.tenant = &run->usage->nests;
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
