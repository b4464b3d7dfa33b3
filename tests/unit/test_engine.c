/*
 * What ends a call and how it is called, imports of every type that answer, wait, stop and are
 * denied, phases, frames, and which engines and modules there can be.
 */
#include "unit/engine_world.h"

#include "engine/config.h"
#include "engine/native.h"

#include <fcntl.h>

/* -- How calls end -------------------------------------------------------------------------- */

struct end_case {
    const char *name;
    const char *code; /* of one function */
    enum engine_end end;
    const char *text;
};

static const struct end_case end_cases[] = {
    {"unreachable", "unreachable", ENGINE_END_TRAP, "unreachable code was reached"},
    {"division by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", ENGINE_END_TRAP,
     "integer division by zero"},
    {"overflow", "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", ENGINE_END_TRAP,
     "integer overflow"},
    {"conversion of nan", "(drop (i32.trunc_f32_s (f32.const nan)))", ENGINE_END_TRAP,
     "a float was converted to an integer that cannot hold it"},
    {"load out of bounds", "(drop (i32.load (i32.const 65533)))", ENGINE_END_TRAP,
     "memory was accessed out of bounds"},
    {"load at the far end", "(drop (i32.load offset=0xffffffff (i32.const -1)))", ENGINE_END_TRAP,
     "memory was accessed out of bounds"},
    {"fill out of bounds", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65537))",
     ENGINE_END_TRAP, "memory was accessed out of bounds"},
    {"table out of bounds", "(drop (table.get 0 (i32.const 9)))", ENGINE_END_TRAP,
     "a table was accessed out of bounds"},
    {"call of nothing", "(call_indirect (type $void) (i32.const 1))", ENGINE_END_TRAP,
     "an empty table element was called"},
    {"call by another type", "(call_indirect (type $other) (i32.const 0) (i32.const 0))",
     ENGINE_END_TRAP, "a function was called by a pointer of another type"},
    {"endless recursion", "(call $deep)", ENGINE_END_STACK_OVERFLOW, "the stack overflowed"},
    {"endless loop", "(loop $l (br $l))", ENGINE_END_OUT_OF_FUEL, "the fuel ran out"},
    {"stop", "(call $stop)", ENGINE_END_STOPPED, NULL},
    {"stop of a waiting import", "(call $stop_async)", ENGINE_END_STOPPED, NULL},
    {"stop after a wait", "(call $stop_later)", ENGINE_END_STOPPED, NULL},
    {"denied", "(drop (call $write (i32.const 0)))", ENGINE_END_STOPPED, NULL},
    {"denied, would wait", "(drop (call $write_async (i32.const 0)))", ENGINE_END_STOPPED, NULL},
    {"refused charge", "(call $charge (i64.const 100000000000))", ENGINE_END_OUT_OF_FUEL, NULL},
    {"refused charge, overlooked", "(call $charge_deaf (i64.const 100000000000))",
     ENGINE_END_OUT_OF_FUEL, NULL},
};

/* Where the code stands: in the function, in the start section, in `_initialize`. */
static const struct {
    const char *before;
    const char *after;
} places[] = {
    {"(func (export \"f\") ", ")"},
    {"(func (export \"f\")) (func $s ", ") (start $s)"},
    {"(func (export \"f\")) (func (export \"_initialize\") ", ")"},
};

static void check_end(struct engine *engine, const struct end_case *each, size_t place)
{
    char text[4096];
    (void)snprintf(
        text, sizeof text,
        MODULE("(type $void (func)) (type $other (func (param i32)))"
               "(memory (export \"memory\") 1) (table 2 funcref) (elem (i32.const 0) $deep)"
               "(func $deep (call $deep)) %s%s%s"),
        places[place].before, each->code, places[place].after);
    struct engine_module *module = load(engine, text);
    struct host host = {.waits = 2};
    struct engine_call_options options = call_options(module, &host);
    options.has_initialize = place == 2;
    options.fuel = 3000000;
    const struct result first = run(&options);
    host = (struct host){.waits = 0};
    const struct result second = run(&options);
    engine_module_unref(module);

    if (first.state != ENGINE_ENDED || first.end != each->end) {
        fail_msg("%s in place %zu: state %d, end %d", each->name, place, first.state, first.end);
    }
    if (each->text != NULL) {
        assert_string_equal(first.text, each->text);
    }
    /* The function itself begins only in the first place. */
    assert_int_equal(host.running, place == 0);
    /* Equal fuel on every repeat, whatever waited, and never more than granted. */
    assert_int_equal(first.fuel, second.fuel);
    assert_true(first.fuel <= options.fuel);
    if (each->end == ENGINE_END_OUT_OF_FUEL) {
        assert_int_equal(first.fuel, options.fuel);
    }
}

static void test_ends(void **state)
{
    (void)state;
    struct engine *engine = engine_for(2);
    for (size_t i = 0; i < COUNT(end_cases); i++) {
        for (size_t place = 0; place < COUNT(places); place++) {
            check_end(engine, &end_cases[i], place);
        }
    }
    close_engine(engine);
}

static void test_missing_export_is_our_fault(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    static const char *const texts[] = {
        "(module (func (export \"g\")))",
        "(module (global (export \"f\") i32 (i32.const 0)))",
        "(module (func (export \"f\") (param i32)))",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct host host = {0};
        const struct result result = run_text(engine, texts[i], &host);
        assert_int_equal(result.state, ENGINE_ENDED);
        assert_int_equal(result.end, ENGINE_END_INTERNAL);
    }
    close_engine(engine);
}

/* -- Imports -------------------------------------------------------------------------------- */

static void test_types_of_imports(void **state)
{
    (void)state;
    static const char *const text = MODULE(
        "(func (export \"f\")"
        "(call $note (i64.trunc_f64_s (call $mix (i32.const -5) (i64.const -6000000000)"
        "                              (f32.const 2.5) (f64.const 1.5))))"
        "(call $note (i64.trunc_f64_s (call $mix_async (i32.const -5) (i64.const -6000000000)"
        "                              (f32.const 2.5) (f64.const 1.5))))"
        "(call $note (i64.trunc_f32_s (call $half (f32.const -84))))"
        "(call $note (i64.trunc_f32_s (call $half_async (f32.const -84))))"
        "(call $note (i64.extend_i32_s (call $wait (i32.const -43)))))");
    static const int64_t expected[] = {-6000000001, -6000000001, -42, -42, -42};
    struct engine *engine = engine_for(1);
    struct host host = {0};
    assert_int_equal(run_text(engine, text, &host).state, ENGINE_RETURNED);
    assert_int_equal(host.note_count, 5);
    assert_memory_equal(host.notes, expected, sizeof expected);
    close_engine(engine);
}

static void test_waiting(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(func (export \"f\") (call $note (i64.extend_i32_s (call $wait (i32.const 41)))))");
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    for (unsigned waits = 0; waits < 4; waits++) {
        struct host host = {.waits = waits};
        const struct engine_call_options options = call_options(module, &host);
        const struct result result = run(&options);
        assert_int_equal(result.state, ENGINE_RETURNED);
        assert_int_equal(result.waits, waits); /* one poll asks once */
        assert_int_equal(result.yields, 0);
        assert_int_equal(host.notes[0], 42);
    }
    engine_module_unref(module);
    close_engine(engine);
}

static void test_kinds(void **state)
{
    (void)state;
    static const char *const texts[] = {
        MODULE("(func (export \"f\") (drop (call $write (i32.const 1))))"),
        MODULE("(func (export \"f\") (drop (call $write_async (i32.const 1))))"),
    };
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct engine_module *module = load(engine, texts[i]);
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            struct host host = {.waits = 1};
            struct engine_call_options options = call_options(module, &host);
            options.kind = (cordon_kind)kind;
            if (i == 0) {
                host.waits = 0;
            }
            const struct result result = run(&options);
            const bool allowed = kind == CORDON_MUTATION;
            assert_int_equal(result.state, allowed ? ENGINE_RETURNED : ENGINE_ENDED);
            assert_int_equal(host.denied, !allowed);
            if (!allowed) {
                assert_int_equal(result.end, ENGINE_END_STOPPED);
                assert_string_equal(host.denied_name, i == 0 ? "write" : "write_async");
            }
        }
        engine_module_unref(module);
    }
    close_engine(engine);
}

static void test_phases(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(func $s (call $phase)) (start $s) (func (export \"_initialize\") (call $phase))"
               "(func (export \"f\") (call $phase))");
    static const int64_t expected[] = {ENGINE_IMPORTING, ENGINE_IMPORTING, ENGINE_RUNNING};
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);
    options.has_initialize = true;
    assert_int_equal(run(&options).state, ENGINE_RETURNED);
    assert_int_equal(host.note_count, 3);
    assert_memory_equal(host.notes, expected, sizeof expected);
    assert_int_equal(host.running, 1);
    engine_module_unref(module);
    close_engine(engine);
}

/* -- Frames --------------------------------------------------------------------------------- */

static void test_frames(void **state)
{
    (void)state;
    static const char *const text =
        MODULE("(func $inner (unreachable)) (func $middle (call $inner)) (func (export \"f\") "
               "(call $middle))"
               "(func $down (param i32) (if (i32.eqz (local.get 0)) (then unreachable))"
               "  (call $down (i32.sub (local.get 0) (i32.const 1))))"
               "(func $deep (export \"deep\") (call $down (i32.const 200)))"
               "(func $stopper (export \"stopper\") (call $stop))");
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, text);
    struct host host = {0};
    struct engine_call_options options = call_options(module, &host);

    struct engine_call *call = begin(&options);
    assert_int_equal(finish(call, NULL, NULL), ENGINE_ENDED);
    size_t count = 0;
    const struct engine_frame *frames = engine_call_frames(call, &count);
    assert_int_equal(count, 3);
    const uint32_t inner = frames[0].function_index; /* then: middle, f, down, deep, stopper */
    assert_int_equal(frames[1].function_index, inner + 1);
    assert_int_equal(frames[2].function_index, inner + 2);
    assert_true(frames[0].module_offset < frames[1].module_offset);
    assert_true(frames[1].module_offset < frames[2].module_offset);
    engine_call_free(call);

    options.export_name = SLICE("deep");
    call = begin(&options);
    assert_int_equal(finish(call, NULL, NULL), ENGINE_ENDED);
    frames = engine_call_frames(call, &count);
    assert_int_equal(count, ENGINE_FRAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(frames[i].function_index, inner + 3);
    }
    engine_call_free(call);

    options.export_name = SLICE("stopper");
    call = begin(&options);
    assert_int_equal(finish(call, NULL, NULL), ENGINE_ENDED);
    frames = engine_call_frames(call, &count);
    assert_int_equal(count, 1);
    assert_int_equal(frames[0].function_index, inner + 5);
    engine_call_free(call);

    engine_module_unref(module);
    close_engine(engine);
}

/* -- Engines and modules -------------------------------------------------------------------- */

static const struct engine_import twice[] = {
    ROW("a", "i", "", ALL, false, do_note), ROW("a", "i", "", ALL, false, do_note)};
static const struct engine_import odd[] = {ROW("a", "x", "", ALL, false, do_note)};
static const struct engine_import odd_result[] = {ROW("a", "", "ii", ALL, false, do_note)};
static const struct engine_import wide[] = {ROW("a", "iiiiiiiiiiiiiiiii", "", ALL, false, do_note)};

/* Fields that are not 0 take the place of those of options_for(). */
static const struct {
    const struct engine_import *imports;
    size_t import_count;
    uint64_t memory;
    uint64_t table;
    uint64_t stack;
    uint32_t instances;
    const char *words;
} option_cases[] = {
    {.imports = twice, .import_count = 2, .words = "'t' 'a' must stand in the table once"},
    {.imports = odd, .import_count = 1, .words = "'t' 'a' has a signature"},
    {.imports = odd_result, .import_count = 1, .words = "'t' 'a' has a signature"},
    {.imports = wide, .import_count = 1, .words = "'t' 'a' has a signature"},
    {.instances = UINT32_MAX, .words = "4294967295 instances cannot be"},
    {.memory = (uint64_t)4 << 30, .words = "memory_bytes of 4294967296"},
    {.stack = 100, .words = "stack_bytes of 100"},
    {.stack = (uint64_t)1 << 40, .words = "stack_bytes of 1099511627776"},
    {.table = UINT64_MAX, .words = "table_elements of 18446744073709551615"},
};

static void test_options_that_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(option_cases); i++) {
        struct engine_options options = options_for(1);
        if (option_cases[i].imports != NULL) {
            options.imports = option_cases[i].imports;
            options.import_count = option_cases[i].import_count;
        }
        options.memory_bytes_max =
            option_cases[i].memory == 0 ? MEMORY_MAX : option_cases[i].memory;
        options.table_elements_max =
            option_cases[i].table == 0 ? options.table_elements_max : option_cases[i].table;
        options.stack_bytes = option_cases[i].stack == 0 ? 256 << 10 : option_cases[i].stack;
        options.instances_max = option_cases[i].instances == 0 ? 1 : option_cases[i].instances;
        struct engine *engine = NULL;
        expect_error(engine_new(&options, &engine), CORDON_E_INVALID, option_cases[i].words);
        assert_null(engine);
    }
    struct engine_options none = options_for(0);
    struct engine *engine = NULL;
    expect_error(engine_new(&none, &engine), CORDON_E_INVALID, "0 instances cannot be");
    engine_free(NULL);
}

static void test_calls_that_cannot_be(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct engine_module *module = load(engine, "(module (func (export \"f\")))");
    struct host host = {0};
    struct engine_call *call = NULL;
    struct engine_call_options options = call_options(module, &host);
    options.memory_bytes = MEMORY_MAX + 1;
    expect_error(engine_call_new(&options, &call), CORDON_E_INVALID, "higher");
    options = call_options(module, &host);
    options.table_elements = 10001;
    expect_error(engine_call_new(&options, &call), CORDON_E_INVALID, "higher");
    engine_module_unref(module);
    close_engine(engine);
}

/* The pool can be as large as a server needs; it is address space, not memory. */
static void test_large_pool(void **state)
{
    (void)state;
    struct engine *engine = engine_for(2000);
    struct engine_module *module = load(engine, "(module (func (export \"f\")))");
    struct host host = {0};
    const struct engine_call_options options = call_options(module, &host);
    assert_int_equal(run(&options).state, ENGINE_RETURNED);
    engine_module_unref(module);
    close_engine(engine);
}

static void test_fingerprint(void **state)
{
    (void)state;
    struct engine *one = engine_for(1);
    struct engine_options options = options_for(7);
    options.memory_bytes_max = 5 * PAGE;
    options.stack_bytes = 1 << 20;
    struct engine *two = engine_with(&options);
    /* Limits of a process change no artifact; machine code goes from one to the other. */
    assert_memory_equal(engine_fingerprint(one), engine_fingerprint(two), 32);
    struct slice artifact = {0};
    expect_ok(try_compile("(module (func (export \"f\")))", &artifact));
    struct engine_module *module = NULL;
    expect_ok(engine_module_load_bytes(two, artifact, &module));
    assert_true(engine_module_bytes(module) > 0);
    assert_ptr_equal(engine_module_ref(module), module);
    engine_module_unref(module);
    engine_module_unref(module);
    mem_free((void *)(uintptr_t)artifact.data);
    close_engine(one);
    close_engine(two);
}

#define V128 "(v128.const i32x4 1 2 3 4)"
#define BODY(code) "(module (memory 1) (func $f (export \"f\") " code "))"
#define ALSO(part) "(module " part " (func (export \"f\")))"

/* WebAssembly 2.0 without externref, with extended constants; and each proposal beyond it. */
static const struct {
    const char *text;
    const char *refusal; /* NULL: admitted */
} feature_cases[] = {
    {BODY("(drop (i32x4.add " V128 V128 "))"), NULL},
    {BODY("(drop (i32.extend8_s (i32.const 200)))"), NULL},
    {BODY("(drop (i32.trunc_sat_f64_s (f64.const nan)))"), NULL},
    {BODY("(memory.copy (i32.const 0) (i32.const 1) (i32.const 2))"), NULL},
    {ALSO("(func (result i32 i64) (i32.const 1) (i64.const 2))"), NULL},
    {ALSO("(global i32 (i32.add (i32.const 1) (i32.const 2)))"), NULL},
    {BODY("(return_call $f)"), "tail calls support is not enabled"},
    {BODY("(drop (i32x4.relaxed_trunc_f32x4_s " V128 "))"), "relaxed SIMD support is not enabled"},
    {ALSO("(memory 1 1 shared)"), "threads must be enabled"},
    {ALSO("(memory i64 1)"), "memory64 must be enabled"},
    {ALSO("(memory 1) (memory 1)"), "multiple memories"},
    {ALSO("(table 1 externref)"), "gc types are disallowed"},
    {ALSO("(tag $t)"), "exceptions"},
};

static void test_features(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(feature_cases); i++) {
        struct engine_module *module = NULL;
        cordon_error *error = try_load(engine, feature_cases[i].text, &module);
        if (feature_cases[i].refusal == NULL) {
            expect_ok(error);
        } else {
            expect_error(error, CORDON_E_MODULE_REFUSED, feature_cases[i].refusal);
        }
        engine_module_unref(module);
    }
    close_engine(engine);
}

static void test_modules_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {ALSO("(import \"t\" \"nothing\" (func))"), "not offered"},
        {ALSO("(import \"t\" \"note\" (func (param i32)))"), "not offered"},
        {ALSO("(import \"t\" \"note\" (global i32))"), "not offered"},
        {ALSO("(memory 1041)"), "does not fit"}, /* a slot has 64 MiB and the headroom */
        {ALSO("(table 20000 funcref)"), "does not fit"},
        {ALSO("(table 1 funcref) (table 1 funcref)"), "does not fit"},
    };
    struct engine *engine = engine_for(1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct engine_module *module = NULL;
        expect_error(
            try_load(engine, cases[i].text, &module), CORDON_E_MODULE_REFUSED, cases[i].words);
        assert_null(module);
    }
    close_engine(engine);
}

/* What runs guests makes no machine code, whoever should ask it to; what compiles does. */
static void test_no_compiler(void **state)
{
    (void)state;
    const struct slice wasm = wat_compile("(module (func (export \"f\")))");
    const struct engine_options options = options_for(1);
    wasm_engine_t *running = NULL;
    wasm_engine_t *compiling = NULL;
    uint32_t slots = 0;
    wasm_byte_vec_t artifact = {0};
    wasm_name_t words = {0};
    expect_ok(config_engine_for_running(&options, &running, &slots));
    wasmtime_error_t *error = cordon_native_precompile(running, wasm.data, wasm.size, &artifact);
    assert_non_null(error);
    wasmtime_error_message(error, &words);
    assert_non_null(memmem(words.data, words.size, "compiler", strlen("compiler")));
    wasm_name_delete(&words);
    wasmtime_error_delete(error);
    expect_ok(config_engine_for_compiling(&compiling));
    assert_null(cordon_native_precompile(compiling, wasm.data, wasm.size, &artifact));
    assert_true(artifact.size > 0);
    wasm_byte_vec_delete(&artifact);
    wasm_engine_delete(running);
    wasm_engine_delete(compiling);
    mem_free((void *)(uintptr_t)wasm.data);
}

static void test_loading_from_a_file(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct slice artifact = {0};
    expect_ok(try_compile("(module (func (export \"f\")))", &artifact));
    const int fd = memfd_create("artifact", MFD_ALLOW_SEALING);
    struct engine_module *module = NULL;
    expect_error(engine_module_load(engine, fd, &module), CORDON_E_INVALID, "sealed");
    assert_int_equal(write(fd, artifact.data, artifact.size), (ssize_t)artifact.size);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
    expect_error(engine_module_load(engine, fd, &module), CORDON_E_INVALID, "sealed");
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    expect_ok(engine_module_load(engine, fd, &module));
    struct host host = {0};
    const struct engine_call_options options = call_options(module, &host);
    (void)close(fd);
    assert_int_equal(run(&options).state, ENGINE_RETURNED);
    engine_module_unref(module);
    mem_free((void *)(uintptr_t)artifact.data);

    const int empty = memfd_create("artifact", MFD_ALLOW_SEALING);
    assert_int_equal(fcntl(empty, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    expect_error(engine_module_load(engine, empty, &module), CORDON_E_INVALID, "empty");
    (void)close(empty);
    expect_error(engine_module_load(engine, -1, &module), CORDON_E_INVALID, "sealed");
    expect_error(
        engine_module_load_bytes(engine, SLICE("no machine code"), &module),
        CORDON_E_MODULE_REFUSED, "does not fit");
    close_engine(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_missing_export_is_our_fault),
        cmocka_unit_test(test_types_of_imports),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_options_that_cannot_be),
        cmocka_unit_test(test_calls_that_cannot_be),
        cmocka_unit_test(test_large_pool),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_no_compiler),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_modules_that_do_not_fit),
        cmocka_unit_test(test_loading_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
