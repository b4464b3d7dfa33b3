/*
 * What a burst of calls leaves in free slots goes to the system, and nothing else does: not while
 * the burst lasts, not after a few calls, and no byte of a call that runs meanwhile.
 */
#include "unit/engine_world.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a reset leaves of a slot's memory, and calls that are no burst; see engine_trim(). */
#define KEPT_BYTES ((size_t)128 << 10)
enum { FEW = 8, MOST = 150 };

/* Goes 100 KiB deep into its stack, waits, says what its data and the end of its memory are. */
static const char deep[] =
    MODULE("(memory (export \"memory\") 2) (data (i32.const 70000) \"\\07\")"
           "(func $down (param i32) (result i64) (local i64 i64 i64 i64 i64 i64)"
           "  (if (result i64) (local.get 0)"
           "    (then (i64.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i64.const 1)))"
           "    (else (i64.const 0))))"
           "(func (export \"f\")"
           "  (i64.store (i32.const 131064) (call $down (i32.const 2000)))"
           "  (drop (call $wait (i32.const 0)))"
           "  (call $note (i64.load8_u (i32.const 70000)))"
           "  (call $note (i64.load (i32.const 131064)))"
           "  (call $note (i64.load (i32.const 65536)))"
           "  (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 131072)))");

struct party {
    struct engine_call *calls[MOST];
    struct host hosts[MOST];
    size_t count;
};

/* So many calls that wait at one time. */
static void arrive(struct party *party, struct engine_module *module, size_t count)
{
    party->count = count;
    for (size_t i = 0; i < count; i++) {
        party->hosts[i] = (struct host){.waits = 1};
        const struct engine_call_options options = call_options(module, &party->hosts[i]);
        party->calls[i] = begin(&options);
        assert_int_equal(engine_call_poll(party->calls[i]), ENGINE_WAITING);
    }
}

static void leave(struct party *party)
{
    static const int64_t expected[] = {7, 2000, 0};
    for (size_t i = 0; i < party->count; i++) {
        assert_int_equal(finish(party->calls[i], NULL, NULL), ENGINE_RETURNED);
        assert_memory_equal(party->hosts[i].notes, expected, sizeof expected);
        engine_call_free(party->calls[i]);
    }
}

static size_t trim(struct engine *engine)
{
    size_t bytes = 0;
    expect_ok(engine_trim(engine, NULL, &bytes));
    return bytes;
}

static void test_a_burst_is_given_back(void **state)
{
    (void)state;
    struct engine *engine = engine_for(200); /* from 128 on the pool has its slots in parts */
    struct engine_module *module = load(engine, deep);
    const size_t most = engine_slots(engine) < MOST ? engine_slots(engine) : MOST;
    struct party party;
    for (int turn = 0; turn < 3; turn++) {
        arrive(&party, module, most);
        leave(&party);
        /* The slots of the second turn are those of the first, or others: all are looked at. */
        size_t bytes = 0;
        size_t looks = 0;
        for (size_t last = trim(engine); last > 0; last = trim(engine)) {
            bytes += last;
            looks++;
        }
        assert_true(bytes >= most * (KEPT_BYTES + ((size_t)64 << 10)));
        assert_true(looks <= 4); /* then nothing is left, and it is not looked for any more */
    }
    engine_module_unref(module);
    close_engine(engine);
}

static void test_few_calls_are_no_burst(void **state)
{
    (void)state;
    struct engine *engine = engine_for(32);
    struct engine_module *module = load(engine, deep);
    struct party party;
    struct party other;
    arrive(&party, module, FEW);
    assert_int_equal(trim(engine), 0);
    leave(&party);
    assert_int_equal(trim(engine), 0);

    arrive(&party, module, FEW + 1);
    assert_int_equal(trim(engine), 0); /* it is not over */
    leave(&party);
    arrive(&other, module, FEW);
    assert_true(trim(engine) >= KEPT_BYTES); /* of the one slot that is free */
    leave(&other);
    assert_int_equal(trim(engine), 0);
    engine_module_unref(module);
    close_engine(engine);
}

struct walker {
    struct engine_module *module;
    atomic_bool *ends;
    size_t runs;
};

/*
 * Writes all of its memory, yields many times, and looks whether it is still what it wrote. The
 * call that comes first is where ThreadSanitizer is told that the slot was another's (call.c).
 */
static const char writer[] = MODULE(
    "(memory (export \"memory\") 2)"
    "(func (export \"f\") (local $i i32) (local $bad i64)"
    "  (drop (call $size))"
    "  (memory.fill (i32.const 0) (i32.const 0x5a) (i32.const 131072))"
    "  (drop (call $wait (i32.const 0)))" TURNS(
        60000, "") "  (loop $l"
                   "    (local.set $bad (i64.or (local.get $bad) (i64.xor (i64.load (local.get $i))"
                   "      (i64.const 0x5a5a5a5a5a5a5a5a))))"
                   "    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8)))"
                   "      (i32.const 131072))))"
                   "  (call $note (local.get $bad)))");

static void *walk(void *arg)
{
    struct walker *walker = arg;
    while (!atomic_load(walker->ends)) {
        struct host host = {.waits = 3};
        const struct engine_call_options options = call_options(walker->module, &host);
        struct engine_call *call = begin(&options);
        assert_int_equal(finish(call, NULL, NULL), ENGINE_RETURNED);
        assert_int_equal(host.notes[0], 0);
        engine_call_free(call);
        walker->runs++;
    }
    return NULL;
}

static void test_calls_go_on_meanwhile(void **state)
{
    (void)state;
    enum { WALKERS = 3 };
    struct engine *engine = engine_for(200);
    struct engine_module *module = load(engine, deep);
    struct engine_module *other = load(engine, writer);
    atomic_bool ends = false;
    struct walker walkers[WALKERS];
    pthread_t threads[WALKERS];
    for (size_t i = 0; i < WALKERS; i++) {
        walkers[i] = (struct walker){.module = other, .ends = &ends};
        assert_int_equal(pthread_create(&threads[i], NULL, walk, &walkers[i]), 0);
    }
    size_t bytes = 0;
    const size_t turns = test_size(50);
    for (size_t i = 0; i < turns; i++) {
        struct party party;
        arrive(&party, module, 30);
        leave(&party);
        bytes += trim(engine);
    }
    atomic_store(&ends, true);
    for (size_t i = 0; i < WALKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(walkers[i].runs > 0);
    }
    assert_true(bytes >= turns * KEPT_BYTES);
    engine_module_unref(module);
    engine_module_unref(other);
    close_engine(engine);
}

/* Has its table's second function at both places, waits, says what the one at the first gives. */
static const char indirect[] =
    MODULE("(type $t (func (result i64))) (table 2 funcref) (elem (i32.const 0) $a $b)"
           "(func $a (result i64) (i64.const 1)) (func $b (result i64) (i64.const 2))"
           "(func (export \"f\")"
           "  (table.copy (i32.const 0) (i32.const 1) (i32.const 1))"
           "  (drop (call $wait (i32.const 0)))"
           "  (call $note (call_indirect (type $t) (i32.const 0))))");

/* The system maps the stacks below the tables: behind the last one is the first one's table. */
static void test_nothing_behind_the_last_stack_goes(void **state)
{
    (void)state;
    enum { SLOTS = 64 };
    struct engine *engine = engine_for(SLOTS);
    struct engine_module *module = load(engine, deep);
    struct engine_module *other = load(engine, indirect);
    struct party first;
    struct party rest;
    arrive(&first, other, FEW);
    arrive(&rest, module, SLOTS - FEW);
    leave(&rest);
    assert_true(trim(engine) > 0);
    for (size_t i = 0; i < FEW; i++) {
        assert_int_equal(finish(first.calls[i], NULL, NULL), ENGINE_RETURNED);
        assert_int_equal(first.hosts[i].notes[0], 2);
        engine_call_free(first.calls[i]);
    }
    engine_module_unref(module);
    engine_module_unref(other);
    close_engine(engine);
}

/* Whose size is no number of whole pages, as a limit may be. */
static void test_stacks_of_any_size_go(void **state)
{
    (void)state;
    struct engine_options options = options_for(32);
    options.stack_bytes = (256 << 10) + 100;
    struct engine *engine = engine_with(&options);
    struct engine_module *module = load(engine, deep);
    struct party party;
    arrive(&party, module, 2 * FEW);
    leave(&party);
    assert_true(trim(engine) >= (size_t)2 * FEW * (KEPT_BYTES + ((size_t)64 << 10)));
    engine_module_unref(module);
    close_engine(engine);
}

/* A thread, and those that it starts, for which mincore() fails: some lists of calls lack it. */
static void forbid_mincore(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mincore, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = COUNT(code), .filter = code};
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    /* A number of the kernel's. NOLINTNEXTLINE(cert-err34-c) */
    assert_int_equal(fscanf(file, "%*u %zu", &pages), 1);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void *trim_without_mincore(void *arg)
{
    struct engine *engine = engine_for(32);
    struct engine_module *module = load(engine, deep);
    struct party party;
    forbid_mincore();
    arrive(&party, module, 30);
    leave(&party);
    const size_t before = resident_bytes();
    assert_int_equal(trim(engine), 0); /* it can't be told */
    const size_t after = resident_bytes();
    *(size_t *)arg = before > after ? before - after : 0;
    assert_int_equal(trim(engine), 0);
    engine_module_unref(module);
    close_engine(engine);
    return NULL;
}

static void test_without_mincore_it_goes_all_the_same(void **state)
{
    (void)state;
    size_t gone = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, trim_without_mincore, &gone), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(gone >= 30 * KEPT_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_is_given_back),
        cmocka_unit_test(test_few_calls_are_no_burst),
        cmocka_unit_test(test_calls_go_on_meanwhile),
        cmocka_unit_test(test_nothing_behind_the_last_stack_goes),
        cmocka_unit_test(test_stacks_of_any_size_go),
        cmocka_unit_test(test_without_mincore_it_goes_all_the_same),
    };
    return cmocka_run_group_tests_name("engine/trim", tests, NULL, NULL);
}
