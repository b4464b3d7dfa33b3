/*
 * Permits on a clock of the test's own: who is next, who is turned away, what a tenant has of the
 * processors beside others, and that nothing is lost.
 */
#include "run/permits/permits.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS ((uint64_t)1000000)
#define TURN_NS (5 * MS)
#define SHORT_NS (20 * MS)
#define TARGET_NS (200 * MS)
#define INTERVAL_NS (2000 * MS)

static uint64_t now_ns;

static uint64_t test_clock(void)
{
    return now_ns;
}

static struct permit_waiter *told[64];
static size_t told_count;

static void note(struct permit_waiter *waiter)
{
    told[told_count++ % 64] = waiter;
}

static atomic_uint percent;
static struct permits permits;
static struct permit_tenant tenants[16];

static void open_permits(uint32_t total, uint32_t long_max, uint32_t waiting_max)
{
    const struct permits_options options = {
        .total = total,
        .long_max = long_max,
        .waiting_max = waiting_max,
        .turn_ns = TURN_NS,
        .short_ns = SHORT_NS,
        .codel = {.target_ns = TARGET_NS, .interval_ns = INTERVAL_NS},
        .share_percent = &percent,
        .read_ns = test_clock,
    };
    now_ns = 1000 * INTERVAL_NS;
    told_count = 0;
    atomic_store(&percent, 100);
    memset(tenants, 0, sizeof tenants);
    permits_init(&permits, &options);
}

/* Everything is given back. */
static void close_permits(void)
{
    const struct permit_counts counts = permits_count(&permits);
    assert_int_equal(counts.used, 0);
    assert_int_equal(counts.waiting, 0);
    assert_int_equal(permits.used_long, 0);
    assert_int_equal(permits.fresh, 0);
    assert_null(permits.tenants);
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        assert_int_equal(tenants[i].fair.used, 0);
        assert_int_equal(tenants[i].waiting, 0);
        assert_int_equal(tenants[i].fresh, 0);
    }
    permits_done(&permits);
}

static struct permit_waiter of(size_t tenant, cordon_kind kind)
{
    return (struct permit_waiter){.granted = note, .tenant = &tenants[tenant], .kind = kind};
}

static struct permit_waiter query(void)
{
    return of(0, CORDON_QUERY);
}

/* One that had so much processor time before. */
static struct permit_waiter long_one(size_t tenant)
{
    struct permit_waiter waiter = of(tenant, CORDON_QUERY);
    waiter.spent_ns = SHORT_NS;
    return waiter;
}

static bool has(struct permit_waiter *waiter)
{
    return atomic_load(&waiter->has_permit);
}

static enum permit_answer take(struct permit_waiter *waiter)
{
    return permits_take(&permits, waiter, PERMIT_FRESH);
}

/* The end of a turn that took so much processor time. */
static bool end_turn(struct permit_waiter *waiter, uint64_t cpu_ns)
{
    waiter->unpaid_ns += cpu_ns;
    return permits_yield(&permits, waiter);
}

static void give(struct permit_waiter *waiter)
{
    permits_give(&permits, waiter);
}

static void no_more_run_than_there_are_permits(void **state)
{
    (void)state;
    struct permit_waiter waiters[3] = {query(), query(), query()};
    open_permits(2, 2, 10);
    assert_int_equal(take(&waiters[0]), PERMIT_HELD);
    assert_int_equal(take(&waiters[1]), PERMIT_HELD);
    assert_int_equal(take(&waiters[2]), PERMIT_QUEUED);
    assert_int_equal(told_count, 0);
    give(&waiters[0]);
    assert_int_equal(told_count, 1);
    assert_ptr_equal(told[0], &waiters[2]);
    assert_true(has(&waiters[2]));
    give(&waiters[1]);
    give(&waiters[2]);
    give(&waiters[2]); /* twice does nothing */
    close_permits();
}

/* What has begun comes first; then in turns what has not, and what slept or computes for long. */
static void what_has_begun_is_finished_first(void **state)
{
    (void)state;
    struct permit_waiter holder = query();
    struct permit_waiter fresh[2] = {query(), query()};
    struct permit_waiter slept = query();
    struct permit_waiter late = long_one(0);
    struct permit_waiter again = query();
    open_permits(1, 1, 10);
    assert_int_equal(take(&holder), PERMIT_HELD);
    assert_int_equal(take(&fresh[0]), PERMIT_QUEUED);
    assert_int_equal(take(&fresh[1]), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &slept, PERMIT_SLEPT), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &late, PERMIT_AGAIN), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &again, PERMIT_AGAIN), PERMIT_QUEUED);
    struct permit_waiter *const order[] = {&again, &fresh[0], &slept, &fresh[1], &late};
    give(&holder);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(told_count, i + 1);
        assert_ptr_equal(told[i], order[i]);
        give(order[i]);
    }
    close_permits();
}

static void a_full_queue_refuses_the_fresh_only(void **state)
{
    (void)state;
    struct permit_waiter holder = query();
    struct permit_waiter waiters[4] = {query(), query(), query(), query()};
    open_permits(1, 1, 1);
    assert_int_equal(take(&holder), PERMIT_HELD);
    assert_int_equal(take(&waiters[0]), PERMIT_QUEUED);
    assert_int_equal(take(&waiters[1]), PERMIT_REFUSED);
    assert_int_equal(permits_take(&permits, &waiters[2], PERMIT_AGAIN), PERMIT_QUEUED);
    assert_int_equal(permits_take(&permits, &waiters[3], PERMIT_SLEPT), PERMIT_QUEUED);
    assert_int_equal(permits_count(&permits).refused, 1);
    give(&waiters[0]); /* leaves the queue */
    give(&waiters[2]);
    give(&waiters[3]);
    give(&waiters[1]); /* was never in */
    assert_int_equal(permits_count(&permits).waiting, 0);
    give(&holder);
    close_permits();
}

/* However many calls a tenant has, there is room in the queue for another's. */
static void a_tenant_leaves_room_in_the_queue(void **state)
{
    (void)state;
    enum { ROOM = 100 };
    static struct permit_waiter waiters[3][ROOM];
    struct permit_waiter holder = query();
    open_permits(1, 1, ROOM);
    atomic_store(&percent, 75);
    assert_int_equal(take(&holder), PERMIT_HELD);
    size_t queued[3] = {0};
    for (size_t tenant = 0; tenant < 3; tenant++) {
        for (size_t i = 0; i < ROOM; i++) {
            waiters[tenant][i] = of(tenant, CORDON_ACTION);
            queued[tenant] += take(&waiters[tenant][i]) == PERMIT_QUEUED ? 1 : 0;
        }
    }
    assert_int_equal(queued[0], 75);
    assert_int_equal(queued[1], 18); /* three quarters of the rest */
    assert_int_equal(queued[2], 5);
    for (size_t tenant = 0; tenant < 3; tenant++) {
        for (size_t i = 0; i < ROOM; i++) {
            give(&waiters[tenant][i]);
        }
    }
    give(&holder);
    close_permits();
}

/* A short run is not interrupted for others of its tenant; a long one is, at each turn. */
static void short_runs_are_finished_and_long_ones_take_turns(void **state)
{
    (void)state;
    struct permit_waiter busy[2] = {query(), query()};
    struct permit_waiter fresh = query();
    open_permits(1, 1, 10);
    assert_int_equal(take(&busy[0]), PERMIT_HELD);
    assert_int_equal(take(&busy[1]), PERMIT_QUEUED);
    for (int turns = 0; turns < 3; turns++) {
        assert_true(end_turn(&busy[0], TURN_NS));
    }
    assert_false(end_turn(&busy[0], TURN_NS)); /* it had as much as a short one has */
    assert_true(has(&busy[1]));
    for (int turns = 0; turns < 3; turns++) {
        assert_true(end_turn(&busy[1], TURN_NS));
    }
    assert_int_equal(take(&fresh), PERMIT_QUEUED);
    assert_false(
        end_turn(&busy[1], TURN_NS)); /* it goes on after the first; the fresh one is due */
    struct permit_waiter *at = &busy[0];
    assert_true(has(&fresh) || has(at));
    for (int turns = 0; turns < 2 && !has(&fresh); turns++) {
        assert_false(end_turn(at, TURN_NS));
        at = at == &busy[0] ? &busy[1] : &busy[0];
    }
    assert_true(has(&fresh));
    give(&fresh);
    for (int turns = 0; turns < 6; turns++) { /* alone with each other they go on in turns */
        at = has(&busy[0]) ? &busy[0] : &busy[1];
        assert_false(end_turn(at, TURN_NS));
        assert_int_equal(permits_count(&permits).used, 1);
    }
    give(&busy[0]);
    assert_true(end_turn(&busy[1], TURN_NS)); /* nobody else is there */
    give(&busy[1]);
    close_permits();
}

/* Long runs take as many permits as there are processors; who is short finds one at once. */
static void long_runs_leave_permits_for_short_ones(void **state)
{
    (void)state;
    enum { LONG = 6 };
    struct permit_waiter busy[LONG];
    struct permit_waiter fresh[2] = {query(), query()};
    open_permits(4, 2, 10);
    for (size_t i = 0; i < LONG; i++) {
        busy[i] = long_one(0);
        (void)permits_take(&permits, &busy[i], PERMIT_AGAIN);
    }
    assert_int_equal(permits_count(&permits).used, 2);
    assert_int_equal(take(&fresh[0]), PERMIT_HELD);
    assert_int_equal(take(&fresh[1]), PERMIT_HELD);
    assert_int_equal(permits_count(&permits).used, 4);
    give(&fresh[0]);
    give(&fresh[1]);
    assert_int_equal(permits_count(&permits).used, 2);
    for (size_t i = 0; i < LONG; i++) {
        give(&busy[i]);
    }
    close_permits();
}

/*
 * All permits are another tenant's, and more of it wait: who runs is told, gives its permit up at
 * the end of its slice, and the newcomer has it. So it waits for one slice.
 */
static void a_tenant_without_a_permit_waits_for_a_slice(void **state)
{
    (void)state;
    enum { HELD = 4, RUNS = 16, SLICE_NS = 20000 };
    struct permit_waiter greedy[RUNS];
    open_permits(HELD, 2, 100);
    for (size_t i = 0; i < RUNS; i++) {
        greedy[i] = query();
        (void)take(&greedy[i]);
    }
    assert_false(permits_are_wanted(&permits)); /* of one's own nobody is interrupted */
    assert_true(end_turn(&greedy[0], TURN_NS));
    struct permit_waiter newcomer = of(1, CORDON_QUERY);
    assert_int_equal(take(&newcomer), PERMIT_QUEUED);
    size_t slices = 0;
    for (size_t i = 0; !has(&newcomer); i++) {
        assert_true(permits_are_wanted(&permits));
        now_ns += SLICE_NS;
        slices++;
        assert_false(end_turn(&greedy[i], SLICE_NS));
    }
    assert_int_equal(slices, 1);
    assert_false(permits_are_wanted(&permits));
    give(&newcomer);
    assert_true(has(&greedy[0])); /* who was interrupted goes on first */
    for (size_t i = 0; i < RUNS; i++) {
        give(&greedy[i]);
    }
    close_permits();
}

/* The same between the kinds of one tenant. */
static void a_kind_without_a_permit_waits_for_a_slice(void **state)
{
    (void)state;
    struct permit_waiter actions[8];
    open_permits(2, 2, 100);
    for (size_t i = 0; i < 8; i++) {
        actions[i] = of(0, CORDON_ACTION);
        (void)take(&actions[i]);
    }
    struct permit_waiter newcomer = of(0, CORDON_QUERY);
    assert_int_equal(take(&newcomer), PERMIT_QUEUED);
    assert_true(permits_are_wanted(&permits));
    assert_false(end_turn(&actions[1], 20000));
    assert_true(has(&newcomer));
    give(&newcomer);
    for (size_t i = 0; i < 8; i++) {
        give(&actions[i]);
    }
    close_permits();
}

/* -- Shares of the processors ----------------------------------------------------------------- */

static uint64_t draw(struct random_stream *random, uint64_t most)
{
    uint64_t number = 0;
    random_stream_fill(random, &number, sizeof number);
    return number % most;
}

enum { TENANTS = 5, RUNS_MAX = 40, ALL_RUNS = 200, TURNS = 4000, WORLDS = 40 };

/* Tenants of any weight, each with as many runs without end as it likes. */
struct crowd {
    uint32_t processors;
    struct permit_waiter runs[ALL_RUNS]; /* of each tenant, the first `counts` */
    size_t counts[TENANTS];
    uint32_t weights[TENANTS];
    uint64_t had_ns[TENANTS];
};

static void gather(struct crowd *crowd, struct random_stream *random)
{
    *crowd = (struct crowd){.processors = 1 + (uint32_t)draw(random, 4)};
    open_permits(2 * crowd->processors, crowd->processors, 1000);
    for (size_t i = 0; i < TENANTS; i++) {
        crowd->weights[i] = 50 + (uint32_t)draw(random, 400);
        crowd->counts[i] = crowd->processors + draw(random, RUNS_MAX - crowd->processors);
        permits_set_weight(&permits, &tenants[i], crowd->weights[i]);
        for (size_t run = 0; run < crowd->counts[i]; run++) {
            struct permit_waiter *waiter = &crowd->runs[i * RUNS_MAX + run];
            *waiter = long_one(i);
            (void)permits_take(&permits, waiter, PERMIT_AGAIN);
        }
    }
}

static void dismiss(struct crowd *crowd)
{
    for (size_t i = 0; i < TENANTS; i++) {
        for (size_t run = 0; run < crowd->counts[i]; run++) {
            give(&crowd->runs[i * RUNS_MAX + run]);
        }
    }
    close_permits();
}

/* One of those that are at work ends its turn, which was as long as it likes. */
static void let_one_end_its_turn(struct crowd *crowd, struct random_stream *random)
{
    size_t nth = draw(random, crowd->processors);
    size_t at = 0;
    while (crowd->runs[at].tenant == NULL || !has(&crowd->runs[at]) || nth-- > 0) {
        at++;
        assert_true(at < ALL_RUNS);
    }
    const uint64_t cpu_ns = 1 + draw(random, TURN_NS);
    crowd->had_ns[at / RUNS_MAX] += cpu_ns;
    (void)end_turn(&crowd->runs[at], cpu_ns);
}

/* No tenant had more than another, each for its weight, but for what docs/fairness.md derives. */
static void assert_fair(const struct crowd *crowd)
{
    const uint64_t turns_ns = (crowd->processors + 1) * TURN_NS * FAIR_WEIGHT;
    for (size_t i = 0; i < TENANTS; i++) {
        for (size_t j = 0; j < TENANTS; j++) {
            const uint64_t mine_ns = crowd->had_ns[i] * FAIR_WEIGHT / crowd->weights[i];
            const uint64_t theirs_ns = crowd->had_ns[j] * FAIR_WEIGHT / crowd->weights[j];
            const uint64_t bound_ns = turns_ns / crowd->weights[i] + turns_ns / crowd->weights[j];
            assert_true(mine_ns <= theirs_ns + bound_ns);
        }
    }
}

static void tenants_share_by_weight_however_many_runs_they_have(void **state)
{
    (void)state;
    static struct crowd crowd;
    for (int world = 0; world < WORLDS; world++) {
        const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)world};
        struct random_stream random;
        random_stream_init(&random, seed, 0);
        gather(&crowd, &random);
        for (size_t turn = 0; turn < TURNS; turn++) {
            assert_int_equal(permits_count(&permits).used, crowd.processors); /* none is idle */
            let_one_end_its_turn(&crowd, &random);
            assert_fair(&crowd);
        }
        dismiss(&crowd);
    }
}

/* Who was away for an hour is not owed an hour. */
static void nobody_saves_time_up(void **state)
{
    (void)state;
    struct permit_waiter busy = long_one(0);
    struct permit_waiter back[2] = {long_one(1), long_one(1)};
    open_permits(2, 1, 10);
    (void)permits_take(&permits, &back[0], PERMIT_AGAIN); /* it was here before */
    give(&back[0]);
    (void)permits_take(&permits, &busy, PERMIT_AGAIN);
    for (int turns = 0; turns < 1000; turns++) {
        (void)end_turn(&busy, TURN_NS);
    }
    (void)permits_take(&permits, &back[0], PERMIT_AGAIN);
    (void)permits_take(&permits, &back[1], PERMIT_AGAIN);
    int had[2] = {0};
    for (int turns = 0; turns < 100; turns++) {
        struct permit_waiter *at = has(&busy) ? &busy : has(&back[0]) ? &back[0] : &back[1];
        had[at == &busy ? 0 : 1]++;
        (void)end_turn(at, TURN_NS);
    }
    assert_in_range(had[0], 48, 52);
    give(&busy);
    give(&back[0]);
    give(&back[1]);
    close_permits();
}

/* -- Congestion ------------------------------------------------------------------------------- */

/* A queue that stands: the oldest are turned away, the newest is next, until it is empty. */
static void a_congested_queue_serves_the_newest(void **state)
{
    (void)state;
    struct permit_waiter holder = query();
    struct permit_waiter old[2] = {query(), query()};
    struct permit_waiter young[3] = {query(), query(), query()};
    open_permits(1, 1, 10);
    assert_int_equal(take(&holder), PERMIT_HELD);
    assert_int_equal(take(&old[0]), PERMIT_QUEUED);
    now_ns += TARGET_NS + 1;
    assert_int_equal(take(&old[1]), PERMIT_QUEUED); /* from now on it is above its target */
    now_ns += INTERVAL_NS - 1;
    assert_int_equal(take(&young[0]), PERMIT_QUEUED);
    assert_int_equal(permits_count(&permits).expired, 0);
    now_ns += 1;
    assert_int_equal(take(&young[1]), PERMIT_QUEUED);
    assert_int_equal(permits_count(&permits).expired, 2);
    assert_int_equal(told_count, 2);
    assert_true(atomic_load(&old[0].expired) && atomic_load(&old[1].expired));
    assert_false(has(&old[0]) || has(&old[1]));
    give(&holder);
    assert_true(has(&young[1])); /* the newest */
    give(&young[1]);
    assert_true(has(&young[0]));
    assert_int_equal(take(&young[2]), PERMIT_QUEUED); /* it was empty: first come, first served */
    assert_int_equal(take(&old[0]), PERMIT_QUEUED);
    give(&young[0]);
    assert_true(has(&young[2]));
    give(&young[2]);
    give(&old[0]);
    close_permits();
}

/* One tenant's congestion is none of another's. */
static void each_queue_has_its_own_congestion(void **state)
{
    (void)state;
    struct permit_waiter holder = query();
    struct permit_waiter mine = query();
    struct permit_waiter theirs = of(1, CORDON_QUERY);
    open_permits(1, 1, 10);
    assert_int_equal(take(&holder), PERMIT_HELD);
    assert_int_equal(take(&mine), PERMIT_QUEUED);
    now_ns += TARGET_NS + 1;
    assert_true(end_turn(&holder, 0));
    (void)permits_take(&permits, &theirs, PERMIT_FRESH);
    now_ns += INTERVAL_NS;
    struct permit_waiter more = query();
    assert_int_equal(take(&more), PERMIT_QUEUED);
    assert_true(atomic_load(&mine.expired));
    assert_false(atomic_load(&theirs.expired));
    give(&theirs);
    give(&more);
    give(&holder);
    close_permits();
}

enum { CALLS = 60000, SERVICE_MS = 10, WARM_UP_MS = 3000 };

/* Processors that take a call each that has a permit, and work on it for 10 ms. */
struct service {
    struct permit_waiter *at_work[2];
    uint64_t done_at_ns[2];
    size_t finished;
    uint64_t longest_wait_ns; /* of calls that were let in after the beginning */
};

static void finish_calls(struct service *service)
{
    for (size_t i = 0; i < 2; i++) {
        struct permit_waiter *call = service->at_work[i];
        if (call != NULL && service->done_at_ns[i] <= now_ns) {
            service->at_work[i] = NULL;
            service->finished++;
            call->unpaid_ns = SERVICE_MS * MS;
            give(call);
        }
    }
}

/* Takes the call if it was given a permit just now. */
static void begin_call(
    struct service *service, struct permit_waiter *call, uint64_t waited_ns, bool is_warm)
{
    if (!has(call) || call == service->at_work[0] || call == service->at_work[1]) {
        return;
    }
    const size_t place = service->at_work[0] == NULL ? 0 : 1;
    assert_null(service->at_work[place]);
    service->at_work[place] = call;
    service->done_at_ns[place] = now_ns + SERVICE_MS * MS;
    if (is_warm && waited_ns > service->longest_wait_ns) {
        service->longest_wait_ns = waited_ns;
    }
}

/*
 * Ten times as many calls as there is time for, of 10 ms each, for half a minute: the processors
 * are never idle, all that was begun is finished, and who was let in has waited for no longer than
 * the target once the queue is known to be congested.
 */
static void ten_times_too_much_is_served_without_delay(void **state)
{
    (void)state;
    static struct permit_waiter calls[CALLS];
    static uint64_t arrived_ns[CALLS];
    struct service service = {0};
    open_permits(2, 2, 2000);
    const uint64_t began_ns = now_ns;
    for (size_t arrived = 0; arrived < CALLS; arrived++) {
        now_ns += MS / 2; /* two come in a millisecond; a fifth of one can be done */
        calls[arrived] = query();
        arrived_ns[arrived] = now_ns;
        (void)take(&calls[arrived]);
        finish_calls(&service);
        const bool is_warm = now_ns - began_ns > WARM_UP_MS * MS;
        for (size_t i = arrived > 6000 ? arrived - 6000 : 0; i <= arrived; i++) {
            begin_call(&service, &calls[i], now_ns - arrived_ns[i], is_warm);
        }
    }
    const uint64_t took_ms = (now_ns - began_ns) / MS;
    assert_true(service.finished * SERVICE_MS * 100 >= took_ms * 2 * 95);
    assert_in_range(service.longest_wait_ns, 0, TARGET_NS);
    assert_true(permits_count(&permits).expired > CALLS / 2);
    for (size_t i = 0; i < CALLS; i++) {
        give(&calls[i]);
    }
    close_permits();
}

/* -- What is held for long -------------------------------------------------------------------- */

static void who_keeps_what_he_has_keeps_to_his_share(void **state)
{
    (void)state;
    enum { TOTAL = 8 };
    struct permit_waiter greedy[TOTAL];
    struct permit_waiter other = of(1, CORDON_MUTATION);
    open_permits(TOTAL, TOTAL, 10);
    permits.options.is_shared = true;
    atomic_store(&percent, 75);
    for (size_t i = 0; i < TOTAL; i++) {
        greedy[i] = of(0, CORDON_MUTATION);
        (void)permits_take(&permits, &greedy[i], PERMIT_AGAIN);
    }
    assert_int_equal(permits_count(&permits).used, 6);
    assert_int_equal(permits_take(&permits, &other, PERMIT_AGAIN), PERMIT_HELD);
    give(&greedy[0]);
    assert_int_equal(permits_count(&permits).used, 6); /* a share of what the other has left */
    give(&greedy[1]);
    assert_int_equal(permits_count(&permits).used, 6);
    assert_true(has(&greedy[6]));
    give(&other);
    for (size_t i = 0; i < TOTAL; i++) {
        give(&greedy[i]);
    }
    close_permits();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_run_than_there_are_permits),
        cmocka_unit_test(what_has_begun_is_finished_first),
        cmocka_unit_test(a_full_queue_refuses_the_fresh_only),
        cmocka_unit_test(a_tenant_leaves_room_in_the_queue),
        cmocka_unit_test(short_runs_are_finished_and_long_ones_take_turns),
        cmocka_unit_test(long_runs_leave_permits_for_short_ones),
        cmocka_unit_test(a_tenant_without_a_permit_waits_for_a_slice),
        cmocka_unit_test(a_kind_without_a_permit_waits_for_a_slice),
        cmocka_unit_test(tenants_share_by_weight_however_many_runs_they_have),
        cmocka_unit_test(nobody_saves_time_up),
        cmocka_unit_test(a_congested_queue_serves_the_newest),
        cmocka_unit_test(each_queue_has_its_own_congestion),
        cmocka_unit_test(ten_times_too_much_is_served_without_delay),
        cmocka_unit_test(who_keeps_what_he_has_keeps_to_his_share),
    };
    return cmocka_run_group_tests_name("permits", tests, NULL, NULL);
}
