/*
 * The limits of a call: fuel to the unit and equal on every repeat, slices that bound guest and
 * host alike, memory and tables to the byte and element, the headroom.
 */
#include "unit/engine_world.h"

/* -- Fuel ----------------------------------------------------------------------------------- */

struct fuel_case {
    const char *name;
    const char *code;
};

static const struct fuel_case fuel_cases[] = {
    {"nothing", ""},
    {"straight", "(drop (i32.add (i32.const 1) (i32.const 2)))"},
    {"short loop", TURNS(10, "")},
    {"many slices", TURNS(100000, "")},
    {"calls", TURNS(5000, "(call $leaf)")},
    {"fill", "(memory.fill (i32.const 0) (i32.const 7) (i32.const 60000))"},
    {"fills", TURNS(50, "(memory.fill (i32.const 0) (i32.const 7) (i32.const 60000))")},
    {"host calls", TURNS(3000, "(drop (call $size))")},
    {"small charges", TURNS(3000, "(call $charge (i64.const 17))")},
    {"large charges", TURNS(100, "(call $charge (i64.const 60001))")},
    {"charge at the end", TURNS(100, "") "(call $charge (i64.const 1000))"},
    {"charge, then work", "(call $charge (i64.const 49000))" TURNS(30000, "")},
    {"grows", TURNS(40, "(drop (memory.grow (i32.const 3)))")},
    {"grows at the end", TURNS(100, "") "(drop (memory.grow (i32.const 100)))"},
    {"grows, then calls",
     "(drop (memory.grow (i32.const 100)))" TURNS(3000, "(drop (call $size))")},
    {"waits", TURNS(
                  20,
                  "(drop (call $wait (i32.const 1)))"
                  "(call $charge (i64.const 9000))")},
};

/* Runs with just enough, with one unit less, and with waits in between: the unit decides. */
static void check_fuel(struct engine *engine, const struct fuel_case *each)
{
    char text[4096];
    (void)snprintf(
        text, sizeof text,
        MODULE("(memory (export \"memory\") 1) (func $leaf) (func (export \"f\") (local $i i32) "
               "%s)"),
        each->code);
    struct engine_module *module = load(engine, text);
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    const uint64_t used = run(&options).fuel;
    assert_true(used > 0);
    for (unsigned waits = 0; waits < 3; waits++) {
        host.waits = waits;
        options.fuel = used;
        const struct result enough = run(&options);
        if (enough.state != ENGINE_RETURNED || enough.fuel != used) {
            fail_msg("%s: %" PRIu64 " used, not enough when granted", each->name, used);
        }
        options.fuel = used - 1;
        const struct result little = run(&options);
        if (little.state != ENGINE_ENDED || little.end != ENGINE_END_OUT_OF_FUEL) {
            fail_msg("%s: succeeds with %" PRIu64 " of %" PRIu64, each->name, used - 1, used);
        }
        assert_int_equal(little.fuel, used - 1);
    }
    engine_module_unref(module);
}

static void test_fuel_decides_to_the_unit(void **state)
{
    (void)state;
    struct engine *engine = engine_for(2);
    for (size_t i = 0; i < COUNT(fuel_cases); i++) {
        check_fuel(engine, &fuel_cases[i]);
    }
    close_engine(engine);
}

/* A page has its price where memory grows; not in what it begins with, nor where it may not. */
static void test_growth_has_a_price(void **state)
{
    (void)state;
    static const struct {
        const char *memory;
        const char *pages;
        uint64_t paid;
    } cases[] = {
        {"0", "0", 0}, {"1", "0", 0}, {"9", "0", 0},  {"0", "1", 1},
        {"1", "1", 1}, {"1", "9", 9}, {"1", "10", 0}, {"1 5", "5", 0},
    };
    struct engine *engine = engine_for(1);
    uint64_t without = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        (void)snprintf(
            text, sizeof text,
            MODULE("(memory (export \"memory\") %s) (func (export \"f\")"
                   "(drop (memory.grow (i32.const %s))))"),
            cases[i].memory, cases[i].pages);
        struct engine_module *module = load(engine, text);
        struct host host = {0};
        struct engine_call_options options = call_options(module, &host);
        options.memory_bytes = 10 * PAGE;
        const struct result result = run(&options);
        assert_int_equal(result.state, ENGINE_RETURNED);
        without = i == 0 ? result.fuel : without;
        assert_int_equal(result.fuel, without + cases[i].paid * ENGINE_PAGE_FUEL);
        engine_module_unref(module);
    }
    close_engine(engine);
}

/* Growth of a table is paid by the element, what it begins with is not. */
static void test_price_of_elements(void **state)
{
    (void)state;
    static const struct {
        uint32_t elements;
        uint32_t more;
        uint64_t paid;
    } cases[] = {{0, 0, 0}, {9, 0, 0}, {0, 1, 1}, {9, 1, 1}, {0, 20, 20}, {1, 20, 0}};
    struct engine *engine = engine_for(1);
    uint64_t without = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        (void)snprintf(
            text, sizeof text,
            MODULE("(table $t %u funcref) (func (export \"f\")"
                   "(drop (table.grow $t (ref.null func) (i32.const %u))))"),
            cases[i].elements, cases[i].more);
        struct engine_module *module = load(engine, text);
        struct host host = {0};
        struct engine_call_options options = call_options(module, &host);
        options.table_elements = 20;
        const struct result result = run(&options);
        assert_int_equal(result.state, ENGINE_RETURNED);
        without = i == 0 ? result.fuel : without;
        const uint64_t filled = cases[i].more; /* the engine's own, in vain or not */
        assert_int_equal(result.fuel, without + filled + cases[i].paid * ENGINE_ELEMENT_FUEL);
        engine_module_unref(module);
    }
    close_engine(engine);
}

/* What an instance takes to make is paid first: with less, not even its start section runs. */
static void test_price_of_loading(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(
        engine, MODULE("(func $start (call $note (i64.const 7))) (start $start)"
                       "(func (export \"f\"))"));
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    const uint64_t without = run(&options).fuel;
    options.loading_fuel = 60000; /* more than a slice */
    options.fuel = without + 60000;
    const struct result paid = run(&options);
    assert_int_equal(paid.state, ENGINE_RETURNED);
    assert_int_equal(paid.fuel, without + 60000);
    options.fuel = 59999;
    const size_t notes = host.note_count;
    assert_int_equal(run(&options).end, ENGINE_END_OUT_OF_FUEL);
    assert_int_equal(host.note_count, notes);
    engine_module_unref(module);
    close_engine(engine);
}

static void test_fuel_of_nothing_and_of_all(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module =
        load(engine, MODULE("(func (export \"f\") (call $note (call $left)))"));
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    options.fuel = 0;
    assert_int_equal(run(&options).end, ENGINE_END_OUT_OF_FUEL);
    options.fuel = UINT64_MAX;
    const struct result result = run(&options);
    assert_int_equal(result.state, ENGINE_RETURNED);
    assert_true(result.fuel < 10);
    assert_true(host.notes[0] > (int64_t)1 << 60);
    engine_module_unref(module);
    close_engine(engine);
}

/* What a handler sees as left is what the end will say, charges included. */
static void test_left_and_used_agree(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(
        engine, MODULE("(func (export \"f\") (call $charge (i64.const 70000))"
                       "(call $note (call $left)) (call $charge (i64.const 5))"
                       "(call $note (call $left)))"));
    struct host host = {0};
    const struct engine_call_options options = call_options(module, &host);
    const struct result result = run(&options);
    assert_int_equal(result.state, ENGINE_RETURNED);
    /* Between the two: the charge, and what the guest itself did. */
    const int64_t between = host.notes[0] - host.notes[1];
    assert_true(between >= 5 && between < 20);
    assert_true((uint64_t)host.notes[1] >= FUEL - result.fuel);
    assert_true((uint64_t)host.notes[1] - (FUEL - result.fuel) < 10);
    engine_module_unref(module);
    close_engine(engine);
}

/* A slice bounds the guest's work and the host's alike. */
static void test_slices(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        unsigned yields_min;
        unsigned yields_max;
    } cases[] = {
        {TURNS(10, ""), 0, 0},
        {TURNS(1000000, ""), 90, 110},                             /* about 5 a turn */
        {TURNS(100, "(call $charge (i64.const 50000))"), 99, 101}, /* one each */
        {TURNS(1000, "(call $charge (i64.const 5000))"), 99, 110}, /* one in ten */
        {TURNS(
             1000, "(call $charge (i64.const 5000))"
                   "(drop (call $wait (i32.const 0)))"),
         99, 110},
        {"(memory.fill (i32.const 0) (i32.const 0) (i32.const 60000))", 1, 1},
    };
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[4096];
        (void)snprintf(
            text, sizeof text,
            MODULE("(memory (export \"memory\") 1) (func (export \"f\") (local $i i32) %s)"),
            cases[i].code);
        struct host host = {0};
        const struct result result = run_text(engine, text, &host);
        assert_int_equal(result.state, ENGINE_RETURNED);
        if (result.yields < cases[i].yields_min || result.yields > cases[i].yields_max) {
            fail_msg("case %zu: %u yields", i, result.yields);
        }
    }
    close_engine(engine);
}

/* Where a trap falls within a slice must not depend on who waited before. */
static void test_fuel_after_trap_does_not_depend_on_waits(void **state)
{
    (void)state;
    static const char *const text = MODULE(
        "(func (export \"f\") (local $i i32)" TURNS(
            7, "(drop (call $wait (i32.const 0))) (call $charge (i64.const 12345))")
            TURNS(40000, "(if (i32.eq (local.get $i) (i32.const 77)) (then unreachable))") ")");
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    struct host host = {0};
    const struct engine_call_options options = call_options(module, &host);
    const struct result first = run(&options);
    assert_int_equal(first.end, ENGINE_END_TRAP);
    for (unsigned waits = 1; waits < 5; waits++) {
        host = (struct host){.waits = waits};
        const struct result again = run(&options);
        assert_int_equal(again.waits, 7 * waits);
        assert_int_equal(again.end, ENGINE_END_TRAP);
        assert_int_equal(again.fuel, first.fuel);
    }
    engine_module_unref(module);
    close_engine(engine);
}

/* -- Memory --------------------------------------------------------------------------------- */

/* Sizes are in pages; `told` is what the guest notes in turn. */
struct grow_case {
    const char *name;
    const char *memory; /* its declaration */
    uint64_t limit;
    const char *code;
    const char *told;
    uint64_t end;    /* size at the end */
    uint64_t wanted; /* by the first refused growth; 0 if none was refused */
};

#define GROW(pages) "(call $note (i64.extend_i32_s (memory.grow (i32.const " #pages "))))"
#define SEEN "(call $note (i64.shr_u (call $size) (i64.const 16)))"

static const struct grow_case grow_cases[] = {
    {"inside", "1", 2, GROW(1) SEEN, "1 2", 2, 0},
    {"by nothing", "2", 2, GROW(0), "2", 2, 0},
    {"one past", "1", 2, GROW(2) SEEN, "-1 1", 1, 3},
    {"headroom, all of it", "2", 2, GROW(1) GROW(16) SEEN, "-1 2 18", 18, 3},
    {"headroom, no more", "2", 2, GROW(1) GROW(17) GROW(16) GROW(1), "-1 -1 2 -1", 18, 3},
    {"first refusal stands", "1", 1, GROW(5) GROW(30), "-1 -1", 1, 6},
    {"own maximum is lower", "1 2", 9, GROW(2) GROW(1), "-1 1", 2, 0},
    {"own maximum is higher", "1 9", 2, GROW(5) GROW(1), "-1 1", 2, 6},
    {"four gigabytes", "1", 2, GROW(65535) GROW(1), "-1 1", 2, 65536},
    {"absurd", "1", 2, GROW(-1) GROW(1), "-1 1", 2, (uint64_t)1 << 32},
    {"all there is", "1", 1024, GROW(1023) GROW(1), "1 -1", 1024, 1025},
};

/* What the guest has noted, as words. */
static const char *told(const struct host *host)
{
    static char text[NOTES_MAX * 24];
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < host->note_count; i++) {
        size += (size_t)snprintf(
            text + size, sizeof text - size, "%s%" PRId64, i == 0 ? "" : " ", host->notes[i]);
    }
    return text;
}

static void check_grow(struct engine *engine, const struct grow_case *each)
{
    char text[4096];
    (void)snprintf(
        text, sizeof text, MODULE("(memory (export \"memory\") %s) (func (export \"f\") %s)"),
        each->memory, each->code);
    struct engine_module *module = load(engine, text);
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    options.memory_bytes = each->limit * PAGE;
    const struct result result = run(&options);
    engine_module_unref(module);
    print_message("  %s\n", each->name);
    assert_int_equal(result.state, ENGINE_RETURNED);
    assert_string_equal(told(&host), each->told);
    assert_int_equal(result.memory, each->end * PAGE);
    assert_int_equal(host.grown, each->end * PAGE);
    assert_int_equal(result.refused.happened, each->wanted > 0);
    assert_int_equal(result.refused.wanted, each->wanted * PAGE);
    assert_false(result.refused.is_table);
}

static void test_memory_limit(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(grow_cases); i++) {
        check_grow(engine, &grow_cases[i]);
    }
    close_engine(engine);
}

/* A limit that is no whole number of pages is not rounded up. */
static void test_memory_limit_is_to_the_byte(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module =
        load(engine, MODULE("(memory (export \"memory\") 1) (func (export \"f\")" GROW(1) ")"));
    for (uint64_t missing = 0; missing < 2; missing++) {
        struct host host = {0};
        struct engine_call_options options = call_options(module, &host);
        options.memory_bytes = 2 * PAGE - missing;
        assert_int_equal(run(&options).refused.happened, missing == 1);
        assert_string_equal(told(&host), missing == 1 ? "-1" : "1");
    }
    engine_module_unref(module);
    close_engine(engine);
}

static void test_initial_sizes_over_the_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_table;
        uint64_t wanted;
        const char *words;
    } cases[] = {
        {"(module (memory (export \"memory\") 4) (func (export \"f\")))", false, 4 * PAGE,
         "the initial size of the memory is over the limit"},
        {"(module (table 101 funcref) (func (export \"f\")))", true, 101,
         "the initial size of a table is over the limit"},
    };
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct engine_module *module = load(engine, cases[i].text);
        struct host host = {0};
        struct engine_call_options options = call_options(module, &host);
        options.memory_bytes = 4 * PAGE - 1;
        options.table_elements = 100;
        const struct result over = run(&options);
        assert_int_equal(over.state, ENGINE_ENDED);
        assert_int_equal(over.end, ENGINE_END_TRAP);
        assert_string_equal(over.text, cases[i].words);
        assert_true(over.refused.happened);
        assert_int_equal(over.refused.is_table, cases[i].is_table);
        assert_int_equal(over.refused.wanted, cases[i].wanted);
        options.memory_bytes = 4 * PAGE;
        options.table_elements = 101;
        assert_int_equal(run(&options).state, ENGINE_RETURNED);
        engine_module_unref(module);
    }
    close_engine(engine);
}

static void test_table_limit(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(
        engine,
        MODULE(
            "(table $t 10 funcref) (func (export \"f\")"
            "(call $note (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 5))))"
            "(call $note (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 6))))"
            "(call $note (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 5))))"
            "(call $note (i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 9000)))))"));
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    options.table_elements = 20;
    const struct result result = run(&options);
    assert_int_equal(result.state, ENGINE_RETURNED);
    assert_string_equal(told(&host), "10 -1 15 -1");
    assert_true(result.refused.happened);
    assert_true(result.refused.is_table);
    assert_int_equal(result.refused.wanted, 21);
    engine_module_unref(module);
    close_engine(engine);
}

static void test_no_host_memory(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module =
        load(engine, MODULE("(memory (export \"memory\") 2) (func (export \"f\")" GROW(3) ")"));
    for (uint64_t pages = 1; pages <= 5; pages++) {
        struct host host = {.grow_max = pages * PAGE};
        const struct engine_call_options options = call_options(module, &host);
        const struct result result = run(&options);
        assert_int_equal(result.state, pages < 5 ? ENGINE_ENDED : ENGINE_RETURNED);
        if (pages < 5) {
            assert_int_equal(result.end, ENGINE_END_NO_HOST_MEMORY);
        }
        assert_int_equal(host.running, pages >= 2);
        assert_false(result.refused.happened);
    }
    engine_module_unref(module);
    close_engine(engine);
}

/* What a handler sees of memory: to the last byte and no further, also during the start section. */
static void test_guest_memory(void **state)
{
    (void)state;
    static const char *const text = MODULE(
        "(memory (export \"memory\") 1)"
        "(func $try (param i32 i32) (call $note (i64.extend_i32_u"
        "  (i32.add (i32.mul (i32.const 2) (call $fill_async (local.get 0) (local.get 1)))"
        "           (call $fill (local.get 0) (local.get 1))))))"
        "(func $s (call $try (i32.const 65535) (i32.const 1))) (start $s)"
        "(func (export \"f\")"
        "  (call $try (i32.const 65536) (i32.const 0)) (call $try (i32.const 65536) (i32.const 1))"
        "  (call $try (i32.const 0) (i32.const 65536)) (call $try (i32.const 1) (i32.const 65536))"
        "  (call $try (i32.const -1) (i32.const -1)) (call $try (i32.const -1) (i32.const 2))"
        "  (drop (memory.grow (i32.const 1))) (call $try (i32.const 65536) (i32.const 65536))"
        "  (call $note (i64.extend_i32_u (i32.load8_u (i32.const 131071))))"
        "  (call $note (call $size)))");
    static const int64_t expected[] = {3, 3, 0, 3, 0, 0, 0, 3, 0x5a, 2 * PAGE};
    struct engine *engine = engine_for(1);
    struct host host = {0};
    assert_int_equal(run_text(engine, text, &host).state, ENGINE_RETURNED);
    assert_int_equal(host.note_count, COUNT(expected));
    assert_memory_equal(host.notes, expected, sizeof expected);

    /* No memory, or none by that name: a size of 0. */
    static const char *const without[] = {
        MODULE("(func (export \"f\") (call $note (call $size)))"),
        MODULE("(memory (export \"other\") 1) (func (export \"f\") (call $note (call $size)))"),
        MODULE("(global (export \"memory\") i32 (i32.const 0)) (memory 1)"
               "(func (export \"f\") (call $note (call $size)))"),
    };
    for (size_t i = 0; i < COUNT(without); i++) {
        host = (struct host){0};
        assert_int_equal(run_text(engine, without[i], &host).state, ENGINE_RETURNED);
        assert_int_equal(host.notes[0], 0);
    }
    close_engine(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuel_decides_to_the_unit),
        cmocka_unit_test(test_growth_has_a_price),
        cmocka_unit_test(test_price_of_elements),
        cmocka_unit_test(test_price_of_loading),
        cmocka_unit_test(test_fuel_of_nothing_and_of_all),
        cmocka_unit_test(test_left_and_used_agree),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_fuel_after_trap_does_not_depend_on_waits),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_memory_limit_is_to_the_byte),
        cmocka_unit_test(test_initial_sizes_over_the_limit),
        cmocka_unit_test(test_table_limit),
        cmocka_unit_test(test_no_host_memory),
        cmocka_unit_test(test_guest_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
