/*
 * The life of slots: cancelling a call anywhere, polling it from many threads, a full pool, and
 * that every slot comes back, and comes back clean.
 */
#include "unit/engine_world.h"

#include <pthread.h>
#include <stdatomic.h>

/* -- Cancelling, threads, slots ------------------------------------------------------------- */

/* Where a call stands after some polls; then it is freed there. */
static void test_cancel_anywhere(void **state)
{
    (void)state;
    static const char spin[] = "(loop $l (br $l))";
    static const char wait[] = "(drop (call $wait (i32.const 0)))";
    static const struct {
        const char *start;
        const char *initialize;
        const char *function;
        unsigned polls;
        enum engine_state state;
        enum engine_phase phase;
    } cases[] = {
        {"", "", "", 0, ENGINE_YIELDED, ENGINE_IMPORTING},
        {spin, "", "", 1, ENGINE_YIELDED, ENGINE_IMPORTING},
        {spin, "", "", 9, ENGINE_YIELDED, ENGINE_IMPORTING},
        {wait, "", "", 1, ENGINE_WAITING, ENGINE_IMPORTING},
        {"", spin, "", 3, ENGINE_YIELDED, ENGINE_IMPORTING},
        {"", wait, "", 2, ENGINE_WAITING, ENGINE_IMPORTING},
        {"", "", spin, 3, ENGINE_YIELDED, ENGINE_RUNNING},
        {"", "", wait, 5, ENGINE_WAITING, ENGINE_RUNNING},
        {"", "", "", 1, ENGINE_RETURNED, ENGINE_RUNNING},
        {"unreachable", "", "", 1, ENGINE_ENDED, ENGINE_IMPORTING},
        {"", "", "(call $stop_later)", 1, ENGINE_WAITING, ENGINE_RUNNING},
    };
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        (void)snprintf(
            text, sizeof text,
            MODULE("(memory (export \"memory\") 3) (func $s %s) (start $s)"
                   "(func (export \"_initialize\") %s) (func (export \"f\") %s)"),
            cases[i].start, cases[i].initialize, cases[i].function);
        struct engine_module *module = load(engine, text);
        struct host host = {.waits = 100};
        struct engine_call_options options = call_options(module, &host);
        options.has_initialize = true;
        struct engine_call *call = begin(&options);
        for (unsigned poll = 0; poll < cases[i].polls; poll++) {
            assert_int_equal(engine_call_poll(call), cases[i].state);
        }
        assert_int_equal(engine_call_phase(call), cases[i].phase);
        engine_call_free(call);
        engine_module_unref(module);
        assert_nothing_left(engine);
    }
    engine_call_free(NULL);
    engine_module_unref(NULL);
    engine_free(engine);
}

struct baton {
    struct engine_call *call;
    enum engine_state state;
};

static void *poll_once(void *arg)
{
    struct baton *baton = arg;
    baton->state = engine_call_poll(baton->call);
    return NULL;
}

/* Every poll of one call from another thread, through yields, waits and a trap. */
static void test_polled_from_many_threads(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(memory (export \"memory\") 1) (func (export \"f\") (local $i i32)" TURNS(
            200,
            "(call $charge (i64.const 20000)) (drop (call $wait (i32.const 0)))") "(call $note "
                                                                                  "(call $size)) "
                                                                                  "unreachable)");
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    struct host host = {.waits = 1};
    const struct engine_call_options options = call_options(module, &host);
    const struct result alone = run(&options);
    host = (struct host){.waits = 1};
    struct baton baton = {begin(&options), ENGINE_YIELDED};
    unsigned polls = 0;
    while (baton.state != ENGINE_ENDED) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, poll_once, &baton), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        polls++;
    }
    assert_true(polls > 250);
    assert_int_equal(engine_call_end(baton.call), ENGINE_END_TRAP);
    assert_int_equal(host.notes[0], PAGE);
    assert_int_equal(engine_call_fuel_used(baton.call), alone.fuel);
    engine_call_free(baton.call);
    engine_module_unref(module);
    close_engine(engine);
}

struct crowd {
    struct engine_module *module;
    size_t runs;
    _Atomic size_t returned;
    _Atomic size_t full;
};

static void *run_many(void *arg)
{
    struct crowd *crowd = arg;
    for (size_t i = 0; i < crowd->runs; i++) {
        struct host host = {.waits = i % 2 == 0 ? 1 : 0};
        struct engine_call_options options = call_options(crowd->module, &host);
        options.kind = (cordon_kind)(i % KIND_COUNT);
        struct engine_call *call = NULL;
        cordon_error *error = engine_call_new(&options, &call);
        if (error != NULL) {
            cordon_error_free(error);
            continue;
        }
        enum engine_state state = engine_call_poll(call);
        while (i % 5 != 0 && (state == ENGINE_YIELDED || state == ENGINE_WAITING)) {
            state = engine_call_poll(call);
        }
        if (state == ENGINE_RETURNED) {
            crowd->returned++;
        } else if (state == ENGINE_ENDED && engine_call_end(call) == ENGINE_END_POOL_FULL) {
            crowd->full++;
        }
        engine_call_free(call);
    }
    return NULL;
}

/* Several threads, one engine and module, fewer slots than threads; one run in ten is dropped. */
static void test_many_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static const char *const text =
        MODULE("(memory (export \"memory\") 1) (func (export \"f\") (local $i i32)"
               "(i32.store (i32.const 8) (i32.const 1)) (drop (call $fill (i32.const 0) (i32.const "
               "60000)))"
               "(drop (call $wait (i32.const 0)))" TURNS(20000, "") ")");
    struct engine *engine = engine_for(3);
    struct crowd crowd = {.module = load(engine, text), .runs = test_size(500)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &crowd), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_true(crowd.returned > 0);
    assert_true(crowd.returned + crowd.full <= THREADS * crowd.runs);
    engine_module_unref(crowd.module);
    close_engine(engine);
}

static void test_pool_full(void **state)
{
    (void)state;
    enum { SLOTS = 3 };
    struct engine *engine = engine_for(SLOTS);
    struct engine_module *module = load(
        engine, MODULE("(memory (export \"memory\") 1) (table 5 funcref)"
                       "(func (export \"f\") (drop (call $wait (i32.const 0))))"));
    struct host hosts[SLOTS + 1];
    struct engine_call *calls[SLOTS + 1];
    for (size_t i = 0; i <= SLOTS; i++) {
        hosts[i] = (struct host){.waits = 3};
        const struct engine_call_options options = call_options(module, &hosts[i]);
        calls[i] = begin(&options);
        assert_int_equal(engine_call_poll(calls[i]), i < SLOTS ? ENGINE_WAITING : ENGINE_ENDED);
    }
    assert_int_equal(engine_call_end(calls[SLOTS]), ENGINE_END_POOL_FULL);
    engine_call_free(calls[SLOTS]);
    assert_int_equal(engine_get_counts(engine).instances, SLOTS);

    engine_call_free(calls[0]);
    const struct engine_call_options options = call_options(module, &hosts[0]);
    assert_int_equal(run(&options).state, ENGINE_RETURNED);
    for (size_t i = 1; i < SLOTS; i++) {
        assert_int_equal(finish(calls[i], NULL, NULL), ENGINE_RETURNED);
        engine_call_free(calls[i]);
    }
    engine_module_unref(module);
    close_engine(engine);
}

/*
 * One slot, used by a guest that fills all of its memory, its table and its globals, then by others
 * that look for anything but zero. Data of 40 pages puts the copy-on-write image far past what is
 * reset by copying.
 */
static void check_slot_is_clean(struct engine *engine)
{
    static const char dirty[] =
        "(memory (export \"memory\") 30) (table $t 100 funcref) (elem $all func $x $x $x) (func $x)"
        "(global $n (mut i64) (i64.const 3)) (global $v (mut v128) (v128.const i64x2 3 3))"
        "(global $f (mut funcref) (ref.null func))"
        "(func (export \"f\") (drop (memory.grow (i32.const 20)))"
        "  (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 3276800))"
        "  (global.set $n (i64.const -1)) (global.set $v (v128.const i64x2 -1 -1))"
        "  (table.init $t $all (i32.const 0) (i32.const 0) (i32.const 3))"
        "  (table.copy (i32.const 50) (i32.const 0) (i32.const 3))"
        "  (global.set $f (table.get $t (i32.const 50))))";
    static const char look[] =
        "(memory (export \"memory\") 50) (table $t 100 funcref) %s"
        "(global $n (mut i64) (i64.const 0)) (global $v (mut v128) (v128.const i64x2 0 0))"
        "(global $f (mut funcref) (ref.null func))"
        "(func (export \"f\") (local $i i32) (local $sum i64)"
        "  (local.set $sum (i64.or (global.get $n) (i64.extend_i32_u (i32.or"
        "    (v128.any_true (global.get $v)) (i32.eqz (ref.is_null (global.get $f)))))))"
        "  (loop $l (local.set $sum (i64.or (local.get $sum) (i64.load (local.get $i))))"
        "    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8)))"
        "                        (i32.const 3276800))))"
        "  (local.set $i (i32.const 0))"
        "  (loop $l (if (i32.eqz (ref.is_null (table.get $t (local.get $i))))"
        "             (then (local.set $sum (i64.const 1))))"
        "    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))"
        "                        (i32.const 100))))"
        "  (call $note (local.get $sum)))";
    static const char *const data[] = {
        "",
        "(data (i32.const 4) \"\\00\\00\\00\\00\")",
        "(data (i32.const 2600000) \"\\00\\00\\00\\00\")",
    };
    char text[8192];
    (void)snprintf(text, sizeof text, "(module %s %s)", IMPORTS, dirty);
    struct engine_module *filler = load(engine, text);
    for (size_t i = 0; i < COUNT(data); i++) {
        char body[4096];
        (void)snprintf(body, sizeof body, look, data[i]);
        (void)snprintf(text, sizeof text, "(module %s %s)", IMPORTS, body);
        struct engine_module *looker = load(engine, text);
        for (int turn = 0; turn < 4; turn++) {
            struct host host = {0};
            struct engine_call_options options = call_options(filler, &host);
            assert_int_equal(run(&options).state, ENGINE_RETURNED);
            options = call_options(looker, &host);
            assert_int_equal(run(&options).state, ENGINE_RETURNED);
            assert_int_equal(host.note_count, 1);
            assert_int_equal(host.notes[0], 0);
        }
        engine_module_unref(looker);
    }
    engine_module_unref(filler);
}

static void test_slots_come_back_clean(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    check_slot_is_clean(engine);
    close_engine(engine);
}

/* The same by page scan, where the machine may do that: no swap, Linux 6.7. */
static void test_slots_come_back_clean_by_page_scan(void **state)
{
    (void)state;
    struct engine_options options = options_for(1);
    options.reset_by_page_scan = true;
    struct engine *engine = NULL;
    cordon_error *error = engine_new(&options, &engine);
    if (error != NULL) {
        cordon_error_free(error);
        skip();
    }
    engine_signals_restore();
    check_slot_is_clean(engine);
    close_engine(engine);
}

/* A module's own data is fresh in every instance, and one instance does not see another's. */
static void test_data_is_fresh(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(memory (export \"memory\") 8) (data (i32.const 1000) \"\\07\")"
               "(data (i32.const 400000) \"\\08\") (global $g (mut i32) (i32.const 5))"
               "(func (export \"f\")"
               "  (call $note (i64.extend_i32_u (i32.load8_u (i32.const 1000))))"
               "  (call $note (i64.extend_i32_u (i32.load8_u (i32.const 400000))))"
               "  (call $note (i64.extend_i32_u (global.get $g)))"
               "  (i32.store8 (i32.const 1000) (i32.const 99)) (i32.store8 (i32.const 400000) "
               "(i32.const 99))"
               "  (global.set $g (i32.const 99)))");
    static const int64_t expected[] = {7, 8, 5};
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    for (int i = 0; i < 3; i++) {
        struct host host = {0};
        const struct engine_call_options options = call_options(module, &host);
        assert_int_equal(run(&options).state, ENGINE_RETURNED);
        assert_memory_equal(host.notes, expected, sizeof expected);
    }
    engine_module_unref(module);
    close_engine(engine);
}

static void test_aborted_runs_leave_nothing(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(memory (export \"memory\") 2) (func (export \"f\") (local $i i32)"
               "(drop (call $wait (i32.const 0)))" TURNS(30000, "") "unreachable)");
    struct engine *engine = engine_for(4);
    struct engine_module *module = load(engine, text);
    const size_t runs = test_size(10000);
    for (size_t i = 0; i < runs; i++) {
        struct host host = {.waits = 1};
        const struct engine_call_options options = call_options(module, &host);
        struct engine_call *call = begin(&options);
        for (size_t poll = 0; poll < i % 6; poll++) {
            (void)engine_call_poll(call);
        }
        engine_call_free(call);
    }
    engine_module_unref(module);
    close_engine(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_anywhere),
        cmocka_unit_test(test_polled_from_many_threads),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_pool_full),
        cmocka_unit_test(test_slots_come_back_clean),
        cmocka_unit_test(test_slots_come_back_clean_by_page_scan),
        cmocka_unit_test(test_data_is_fresh),
        cmocka_unit_test(test_aborted_runs_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
