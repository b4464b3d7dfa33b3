/*
 * The module reader: what it finds in well-formed modules, and that each malformed form is refused
 * with words that say what and where.
 */
#include "base/memory.h"
#include "unit/wasm_build.h"
#include "wasm/blank.h"
#include "wasm/reader.h"
#include "wasm/refusal.h"

#include <cordon/limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* Reads; on success the facts are good until `arena` is freed. */
static cordon_error *read_module(
    struct slice wasm, struct arena *arena, const struct wasm_module **out_module)
{
    arena_init(arena, ARENA_BYTES);
    return wasm_read(wasm, &wasm_limits_default, arena, out_module);
}

static void assert_reads(const char *label, struct slice wasm)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *module = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = read_module(wasm, &arena, &module);
    if (error != NULL) {
        fail_msg("%s\n%s", label, cordon_error_get_message(error));
    }
    assert_non_null(module);
}

/* Refused, with a text that has these words and the parts every refusal has. */
static void assert_refused(
    const char *label, struct slice wasm, const char *words, const struct wasm_limits *limits)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_read(wasm, limits, &arena, &module);
    if (error == NULL) {
        fail_msg("%s\naccepted, but expected: %s", label, words);
        return;
    }
    const char *text = cordon_error_get_message(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    if (strstr(text, words) == NULL) {
        fail_msg("%s\nexpected: %s\ngot: %s", label, words, text);
    }
    assert_null(module);
    assert_non_null(strstr(text, "at byte "));
    assert_int_equal(text[strlen(text) - 1], '.');
}

/* Everything at once: each section, each kind of definition. */
static void build_rich(struct build *b)
{
    build_init(b);
    build_import(b, "convex/core", "log", "ii", "I");
    build_import_global(b, "env", "base", 'i', false);
    const uint32_t first = build_function(b, "messages:list", "", "", NO_CODE);
    const uint32_t second =
        build_function_locals(b, NULL, "iIfFV", "i", "iiI", CODE(OP_I32_CONST, 7, OP_UNREACHABLE));
    build_table(b, 2, 10);
    build_memory(b, "memory", 1, 16);
    build_global(b, true, 65536);
    build_start(b, first);
    build_elements(b, 1, (uint32_t[]){second}, 1);
    build_data_count(b, 1);
    build_data(b, 1024, SLICE("hello"));
    build_name(b, second, "helper");
    build_custom(b, ".debug_info", SLICE("x"));
    build_custom(b, ".debug_info", SLICE("yy"));
}

static void test_facts(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *m = NULL;
    assert_null(read_module(build_finish(&b), &arena, &m));

    assert_int_equal(m->type_count, 3);
    assert_int_equal(m->import_count, 2);
    assert_true(slice_equal(m->imports[0].module, SLICE("convex/core")));
    assert_true(slice_equal(m->imports[0].name, SLICE("log")));
    assert_int_equal(m->imports[1].kind, WASM_GLOBAL);
    assert_int_equal(m->imports[1].global.type, WASM_I32);

    assert_int_equal(m->function_count, 3);
    assert_true(m->functions[0].imported);
    assert_false(m->functions[1].imported);
    assert_true(m->functions[1].exported);
    assert_false(m->functions[1].referenced);
    assert_true(m->functions[2].referenced);
    assert_int_equal(m->functions[2].locals, 3);
    assert_true(slice_equal(m->functions[1].name, SLICE("messages:list")));
    assert_true(slice_equal(m->functions[2].name, SLICE("helper")));
    const struct wasm_func_type *type = wasm_function_type(m, 2);
    assert_true(slice_equal(type->params, SLICE("\x7f\x7e\x7d\x7c\x7b")));
    assert_true(slice_equal(type->results, SLICE("\x7f")));
    const uint8_t *body = m->bytes.data + m->functions[2].body_offset;
    assert_int_equal(body[m->functions[2].body_bytes - 1], OP_END);

    assert_int_equal(m->table_count, 1);
    assert_int_equal(m->tables[0].elements.min, 2);
    assert_int_equal(m->tables[0].elements.max, 10);
    assert_int_equal(m->memory_count, 1);
    assert_int_equal(m->memories[0].pages.max, 16);
    assert_int_equal(m->global_count, 2);
    assert_true(m->globals[1].is_mutable);
    assert_int_equal(m->globals[1].initial.bits, 65536);

    assert_int_equal(m->start, 1);
    assert_int_equal(m->element_count, 1);
    assert_int_equal(m->elements[0].target.bits, 1);
    assert_int_equal(m->elements[0].count, 1);
    assert_int_equal(m->data_count, 1);
    assert_int_equal(m->data[0].target.bits, 1024);
    assert_true(slice_equal(m->data[0].bytes, SLICE("hello")));

    const struct wasm_export *memory = wasm_find_export(m, SLICE("memory"));
    assert_non_null(memory);
    assert_int_equal(memory->kind, WASM_MEMORY);
    assert_null(wasm_find_export(m, SLICE("memor")));
    assert_null(wasm_find_export(m, SLICE("")));

    const struct wasm_section *debug = wasm_find_custom(m, SLICE(".debug_info"), NULL);
    assert_true(slice_equal(debug->content, SLICE("x")));
    debug = wasm_find_custom(m, SLICE(".debug_info"), debug);
    assert_true(slice_equal(debug->content, SLICE("yy")));
    assert_null(wasm_find_custom(m, SLICE(".debug_info"), debug));
    assert_int_equal(m->names_fault.size, 0);
    build_done(&b);
}

static void test_empty_module(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    assert_reads("empty", build_finish(&b));
    build_done(&b);
}

/* Each row is a module in hex behind an ordinary header, and words of its refusal. */
static const struct malformed {
    const char *hex;
    const char *words;
} malformed[] = {
    /* Frames. */
    {"0e 00", "no section of kind 14, at byte 8 (0x8)"},
    {"01", "The size of a section is cut off"},
    {"01 80", "The size of a section is cut off"},
    {"01 80 80 80 80 80 00", "The size of a section is no LEB128 number of 32 bits"},
    {"01 80 80 80 80 10", "The size of a section is no LEB128 number of 32 bits"},
    {"01 ff ff ff ff 0f", "section is 4294967295 bytes long, but the module ends after 0"},
    {"01 02 00", "The type section is 2 bytes long, but the module ends after 1"},
    {"01 01 00 01 01 00", "The type section is there twice, at byte 11 (0xb)"},
    {"03 01 00 01 01 00", "The type section stands behind one that must follow it"},
    {"0a 01 00 0c 01 00", "The data count section stands behind"},
    {"0d 01 00", "uses exceptions"},
    {"00 00", "The name of a custom section is cut off"},
    {"00 02 02 61", "The name of a custom section is 2 bytes long, but only 1 are left"},
    {"00 03 02 c3 28", "The name of a custom section is not UTF-8"},
    {"00 0b 0a 61 61 61 61 61 61 61 61 61 ff", "The name of a custom section is not UTF-8"},
    {"00 0b 0a ff 61 61 61 61 61 61 61 61 61", "The name of a custom section is not UTF-8"},

    /* Types. */
    {"01 00", "A count is cut off"},
    {"01 02 00 00",
     "1 bytes are left over at the end of the section, at byte 11 (0xb) in the type"},
    {"01 05 ff ff ff ff 0f", "4294967295 types are declared; the limit is 10000"},
    {"01 02 90 4e", "10000 types are declared, but only 0 bytes are left"},
    {"01 04 01 61 00 00", "The form of a type is 0x61"},
    {"01 04 01 5f 00 00", "A type uses garbage-collected types"},
    {"01 04 01 50 00 00", "A type uses garbage-collected types"},
    {"01 04 01 4e 00 00", "A type uses garbage-collected types"},
    {"01 04 01 5d 00 00", "A type uses continuations"},
    {"01 05 01 60 01 40 00", "A parameter type is 0x40, which is no type"},
    {"01 05 01 60 01 6f 00", "A parameter type uses references to host objects (externref)"},
    {"01 05 01 60 00 01 6d", "A result type uses garbage-collected types"},
    {"01 05 01 60 00 01 69", "A result type uses exceptions"},
    {"01 06 01 60 00 01 64 00", "A result type uses typed function references"},
    {"01 05 01 60 80 02 00", "256 parameters are declared; the limit is 255"},
    {"01 05 01 60 00 80 02", "256 results are declared; the limit is 255"},
    {"01 05 01 60 02 7f 00", "A parameter type is 0x00"},
    {"01 04 01 60 01 7f", "A count is cut off"},

    /* Imports. */
    {"02 05 01 00 00 00 00", "The type of an imported function is 0, but the module has 0"},
    {"01 04 01 60 00 00 02 05 01 00 00 00 01", "imported function is 1, but the module has 1"},
    {"02 05 01 00 00 04 00", "An import uses exceptions"},
    {"02 05 01 00 00 05 00", "An import is of the unknown kind 0x05"},
    {"02 06 01 00 01 ff 00 00", "The name of an import is not UTF-8"},
    {"02 05 01 80 20 00 00", "The module name of an import is 4096 bytes long, but only"},
    {"02 05 01 81 20 00 00", "The module name of an import is 4097 bytes long; the limit is 4096"},
    {"02 06 01 00 00 02 03 01", "The memory uses shared memory"},
    {"02 06 01 00 00 03 7f 02", "A global uses shared memory"},
    {"02 06 01 00 00 03 7f 04", "The mutability of a global is 0x04"},
    {"02 0b 02 00 00 02 00 01 00 00 02 00 01", "more than one memory"},
    {"02 0d 02 00 00 01 70 00 01 00 00 01 70 00 01", "More tables than the limit of 1"},
    {"02 07 01 00 00 03 63 70 00", "The type of a global uses typed function references"},

    /* Functions. */
    {"03 02 01 00", "The type of a function is 0, but the module has 0"},
    {"01 04 01 60 00 00 03 02 01 01", "The type of a function is 1, but the module has 1"},
    {"01 04 01 60 00 00 03 02 01 00", "There are 0 function bodies for 1 functions"},
    {"03 04 a1 8d 06 00", "100001 functions are declared; the limit is 100000"},

    /* Tables and memories. */
    {"04 04 01 6f 00 00", "table uses references to host objects"},
    {"04 04 01 7f 00 00", "The element type of a table is i32"},
    {"04 04 01 70 02 00", "A table uses shared memory or tables"},
    {"04 04 01 70 04 00", "A table uses 64-bit memories or tables"},
    {"04 04 01 70 08 00", "A table has limits of the unknown form 0x08"},
    {"04 05 01 70 01 05 04", "A table has the minimum 5 over its maximum 4"},
    {"04 09 01 40 00 70 00 00 d0 70 0b", "A table uses typed function references"},
    {"04 07 02 70 00 00 70 00 00", "2 tables are declared; the limit is 1"},
    {"05 05 02 00 00 00 00", "more than one memory"},
    {"05 04 01 03 01 01", "The memory uses shared memory"},
    {"05 03 01 04 01", "The memory uses 64-bit memories"},
    {"05 03 01 05 01", "The memory uses 64-bit memories"},
    {"05 04 01 08 01 00", "The memory uses a page size of its own"},
    {"05 03 01 10 01", "The memory has limits of the unknown form 0x10"},
    {"05 05 01 00 81 80 04", "The memory may have 65537 pages"},
    {"05 06 01 01 00 81 80 04", "The memory may have 65537 pages"},
    {"05 04 01 01 02 01", "The memory has the minimum 2 over its maximum 1"},
    {"05 03 01 01 80", "A minimum is cut off"},
    {"05 03 01 01 01", "A maximum is cut off"},

    /* Globals and constant expressions. */
    {"06 06 01 7f 00 41 00 0c", "Operator 0x0c stands in a constant expression"},
    {"06 05 01 7f 00 41 00", "A constant expression is cut off"},
    {"06 06 01 7e 00 41 00 0b", "does not leave exactly one i64"},
    {"06 05 01 7f 00 0b 00", "does not leave exactly one i32"},
    {"06 08 01 7f 00 41 00 41 00 0b", "does not leave exactly one i32"},
    {"06 09 01 7f 00 41 00 42 00 6a 0b", "lacks its two operands of type i32"},
    {"06 07 01 7f 00 41 00 6a 0b", "lacks its two operands of type i32"},
    {"06 0a 01 7f 00 41 80 80 80 80 08 0b", "A constant is no LEB128 number of 32 bits"},
    {"06 0a 01 7f 00 41 ff ff ff ff 4f 0b", "A constant is no LEB128 number of 32 bits"},
    {"06 0f 01 7e 00 42 80 80 80 80 80 80 80 80 80 01 0b", "no LEB128 number of 64 bits"},
    {"06 10 01 7e 00 42 80 80 80 80 80 80 80 80 80 80 00 0b", "no LEB128 number of 64 bits"},
    {"06 07 01 7d 00 43 00 00 00", "A constant is 4 bytes long, but only 3 are left"},
    {"06 07 01 7b 00 fd 0c 00 00", "A constant is 16 bytes long, but only 2 are left"},
    {"06 06 01 7b 00 fd 0d 0b", "SIMD operator 13 stands in a constant expression"},
    {"06 06 01 70 00 d2 00 0b", "The function in a constant expression is 0"},
    {"06 06 01 70 00 d0 6f 0b", "The type of a null reference uses references to host objects"},
    {"06 06 01 70 00 d0 7f 0b", "A null reference is of type i32"},
    {"06 06 01 7f 00 23 00 0b", "The global in a constant expression is 0"},
    {"06 06 01 70 00 fb 00 0b", "A constant expression uses garbage-collected types"},
    {"06 0b 02 7f 00 41 00 0b 7f 00 23 00 0b", "The global in a constant expression is 0"},
    {"02 06 01 00 00 03 7f 01 06 06 01 7f 00 23 00 0b", "which is not an imported constant"},

    /* Exports and the start function. */
    {"07 04 01 00 00 00", "The export \"\" is function 0, but the module has 0 of them"},
    {"07 05 01 01 61 02 00", "The export \"a\" is memory 0, but the module has 0 of them"},
    {"07 05 01 01 61 04 00", "An export uses exceptions"},
    {"05 03 01 00 00 07 09 02 01 61 02 00 01 61 02 00", "The name \"a\" is exported twice"},
    {"07 05 01 01 ff 00 00", "The name of an export is not UTF-8"},
    {"08 01 00", "The start function is 0, but the module has 0"},
    {"01 05 01 60 01 7f 00 03 02 01 00 08 01 00", "The start function takes parameters"},
    {"01 05 01 60 00 01 7f 03 02 01 00 08 01 00", "The start function takes parameters"},

    /* Elements. */
    {"09 06 01 00 41 00 0b 00", "fills table 0, but the module has none"},
    {"09 07 01 02 00 41 00 0b 00", "The table of an element segment is 0"},
    {"09 03 01 08 00", "are left to hold them"},
    {"09 04 01 08 00 00", "The form of an element segment is 8"},
    {"09 04 01 01 01 00", "The kind of an element segment is 0x01"},
    {"09 04 01 05 7f 00", "The type of an element segment is i32"},
    {"09 04 01 05 6f 00", "The type of an element segment uses references to host objects"},
    {"09 05 01 01 00 01 00", "The function in an element segment is 0"},
    {"09 05 01 01 00 05 00", "5 items of an element segment are declared, but only 1"},
    {"04 04 01 70 00 00 09 06 01 00 42 00 0b 00", "does not leave exactly one i32"},
    {"09 07 01 05 70 01 41 00 0b", "does not leave exactly one funcref"},

    /* Code. */
    {"0a 04 01 02 00 0b", "There are 1 function bodies for 0 functions"},
    {"01 04 01 60 00 00 03 02 01 00 0a 04 01 05 00 0b", "The function body is 5 bytes long, but"},
    {"01 04 01 60 00 00 03 02 01 00 0a 04 01 02 00 01", "does not end with the operator `end`"},
    {"01 04 01 60 00 00 03 02 01 00 0a 04 01 00 00 0b", "A count is cut off: its function body"},
    {"01 04 01 60 00 00 03 02 01 00 0a 04 01 01 00 0b", "does not end with the operator `end`"},
    {"01 04 01 60 00 00 03 02 01 00 0a 04 01 02 01 0b", "1 groups of locals are declared, but"},
    {"01 04 01 60 00 00 03 02 01 00 0a 06 01 04 01 01 40 0b", "The type of a local is 0x40"},
    {"01 04 01 60 00 00 03 02 01 00 0a 0a 01 08 01 ff ff ff ff 0f 7f 0b",
     "4294967295 parameters and locals are declared; the limit is 20000"},
    {"01 04 01 60 00 00 03 02 01 00 0a 10 01 0e 02 ff ff ff ff 0f 7f ff ff ff ff 0f 7f 0b",
     "8589934590 parameters and locals are declared; the limit is 20000"},
    {"01 04 01 60 00 00 03 02 01 00 07 08 01 04 73 70 69 6e 00 00 0a 04 01 02 00 01",
     "at byte 34 (0x22) in the code section, in function 0 \"spin\". "},
    {"01 04 01 60 00 00 03 02 01 00 0a 05 01 81 80 40 00",
     "The function body is 1048577 bytes long; the limit is 1048576"},

    /* Data. */
    {"0b 06 01 00 41 00 0b 00", "fills memory 0, but the module has none"},
    {"0b 07 01 02 00 41 00 0b 00", "The memory of a data segment is 0"},
    {"0b 03 01 03 00", "The form of a data segment is 3"},
    {"0b 03 01 01 05", "A data segment is 5 bytes long, but only 0 are left"},
    {"0c 01 01", "There are 0 data segments, but the data count section says 1"},
    {"0c 01 00 0b 03 01 01 00", "There are 1 data segments, but the data count section says 0"},
    {"0c 02 00 00", "1 bytes are left over at the end of the section"},
    {"05 03 01 00 00 0b 0a 01 00 41 00 42 00 6a 0b 00 00", "lacks its two operands"},
};

static void test_malformed(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        assert_refused(
            malformed[i].hex, build_hex(&b, malformed[i].hex), malformed[i].words,
            &wasm_limits_default);
    }
    build_done(&b);
}

/* Modules that look odd and are right. */
static const char *const wellformed[] = {
    "01 01 00",
    "01 05 80 80 80 80 00",                               /* a count in padded LEB128 */
    "01 81 80 80 80 00 00",                               /* a section size in padded LEB128 */
    "00 01 00",                                           /* a custom section without a name */
    "00 05 04 f0 9f 98 80",                               /* with one of four bytes */
    "01 07 01 60 02 7b 70 01 7f",                         /* v128 and funcref */
    "06 0a 01 7f 00 41 ff ff ff ff 7f 0b",                /* -1 in five bytes */
    "06 0f 01 7e 00 42 ff ff ff ff ff ff ff ff ff 7f 0b", /* -1 in ten bytes */
    "06 0f 01 7e 00 42 80 80 80 80 80 80 80 80 80 7f 0b", /* the least i64 */
    "06 0c 01 7f 00 41 02 41 03 41 04 6c 6a 0b",          /* extended constants */
    "06 06 01 70 00 d0 70 0b",                            /* a null reference */
    "06 0a 01 7f 01 41 80 80 80 80 78 0b",                /* the least i32 */
    "04 05 01 70 01 00 00",                               /* an empty table */
    "04 04 01 70 00 00 09 06 01 00 41 00 0b 00",          /* an empty segment */
    "04 04 01 70 00 00 09 08 01 06 00 41 00 0b 70 00",    /* each form of element segment */
    "04 04 01 70 00 00 09 09 01 04 41 00 0b 01 d0 70 0b",
    "09 07 01 05 70 01 d0 70 0b",
    "09 07 01 07 70 01 d0 70 0b",
    "09 04 01 03 00 00",
    "05 05 01 00 80 80 04",                      /* 65,536 pages */
    "05 03 01 00 00 0b 07 01 02 00 41 00 0b 00", /* a data segment with memory 0 */
    "0b 03 01 01 00",                            /* passive, without memory */
    "0c 01 00",
    "03 01 00 0a 01 00",
    "02 06 01 00 00 03 7f 00 06 06 01 7f 00 23 00 0b",             /* reads an imported constant */
    "01 04 01 60 00 00 03 02 01 00 0a 08 01 06 02 00 7f 00 7e 0b", /* empty groups of locals */
};

static void test_wellformed(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    for (size_t i = 0; i < sizeof wellformed / sizeof wellformed[0]; i++) {
        assert_reads(wellformed[i], build_hex(&b, wellformed[i]));
    }
    build_done(&b);
}

/* What a global of that type begins with, in hex, and what is known of it. */
static const struct constant {
    const char *type_and_expression;
    bool known;
    uint64_t bits;
} constants[] = {
    {"7f 00 41 7f 0b", true, 0xffffffff},
    {"7e 00 42 7f 0b", true, UINT64_MAX},
    {"7f 00 41 80 80 80 80 78 0b", true, 0x80000000},
    {"7d 00 43 00 00 80 3f 0b", true, 0x3f800000},
    {"7c 00 44 00 00 00 00 00 00 f0 3f 0b", true, 0x3ff0000000000000},
    {"7f 00 41 0a 41 03 6b 0b", true, 7},
    {"7f 00 41 03 41 0a 6b 0b", true, 0xfffffff9}, /* wraps at 32 bits */
    {"7f 00 41 7f 41 02 6c 0b", true, 0xfffffffe},
    {"7e 00 42 03 42 0a 7d 0b", true, UINT64_MAX - 6},
    {"7e 00 42 02 42 03 42 04 7e 7c 0b", true, 14},
    {"7f 00 23 00 0b", false, 0},
    {"7f 00 23 00 41 08 6a 0b", false, 0},
    {"70 00 d0 70 0b", false, 0},
    {"7b 00 fd 0c 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 0b", false, 0},
};

static void test_constants(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        struct build b;
        build_init(&b);
        build_import_global(&b, "env", "base", 'i', false);
        struct buffer entry;
        buffer_init(&entry, 100);
        emit_hex(&entry, constants[i].type_and_expression);
        build_raw(&b, 6, 1, buffer_slice(&entry));
        buffer_done(&entry);
        CORDON_CLEANUP_ARENA struct arena arena;
        const struct wasm_module *module = NULL;
        assert_null(read_module(build_finish(&b), &arena, &module));
        const struct wasm_constant initial = module->globals[1].initial;
        if (initial.known != constants[i].known || initial.bits != constants[i].bits) {
            fail_msg(
                "%s: known %d, bits %llx", constants[i].type_and_expression, initial.known,
                (unsigned long long)initial.bits);
        }
        build_done(&b);
    }
}

/* The longest constant expression, and one operator more. */
static void test_long_constant(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct build b;
        build_init(&b);
        struct buffer entry;
        buffer_init(&entry, 1000);
        emit_hex(&entry, "7f 00 41 00");
        for (unsigned i = 0; i < 31; i++) {
            emit_hex(&entry, "41 01 6a");
        }
        emit_hex(&entry, extra == 0 ? "0b" : "41 01 41 01 0b"); /* 63, or 65 operators */
        build_raw(&b, 6, 1, buffer_slice(&entry));
        buffer_done(&entry);
        if (extra == 0) {
            assert_reads("63 operators", build_finish(&b));
        } else {
            assert_refused(
                "65 operators", build_finish(&b), "has more than 64 operators",
                &wasm_limits_default);
        }
        build_done(&b);
    }
}

/* The header, without the ordinary one in front. */
static const struct header {
    const char *bytes;
    size_t size;
    const char *words;
} headers[] = {
    {"", 0, "The module is empty"},
    {"\0", 1, "does not begin as a WebAssembly module does"},
    {"\0asm", 4, "ends inside its header of 8 bytes, at byte 4"},
    {"\0asm\1\0\0", 7, "ends inside its header"},
    {"\0asm\2\0\0\0", 8, "of version 2.0 of the binary format"},
    {"\0asm\1\0\2\0", 8, "of version 1.2 of the binary format"},
    {"\0asm\x0d\0\1\0", 8, "The file uses the component model"},
    {"\x7f"
     "ELF\2\1\1\0",
     8, "does not begin as a WebAssembly module does"},
    {"(module)", 8, "in the text format"},
    {" \n;; a\n(module)", 15, "wat2wasm"},
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        /* A copy of exactly this size, so that ASan sees a read past it. */
        uint8_t *copy = malloc(headers[i].size + (headers[i].size == 0));
        assert_non_null(copy);
        memcpy(copy, headers[i].bytes, headers[i].size);
        assert_refused(
            headers[i].words, slice_of(copy, headers[i].size), headers[i].words,
            &wasm_limits_default);
        free(copy);
    }
}

/* What a module is cut to, at each byte: refused, or whole sections that make a module. */
static void test_every_prefix(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice whole = build_finish(&b);
    size_t accepted = 0;
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        CORDON_CLEANUP_ARENA struct arena arena;
        const struct wasm_module *module = NULL;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            read_module(slice_of(copy, size), &arena, &module);
        if (error == NULL) {
            accepted++;
            const struct wasm_section *last =
                module->section_count == 0 ? NULL : &module->sections[module->section_count - 1];
            const size_t end =
                last == NULL ? 8 : wasm_offset_of(module, last->content) + last->content.size;
            assert_int_equal(end, size);
        } else {
            assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
        }
        free(copy);
    }
    /* The header; types, imports; data; names; one of two custom sections. Between functions and
     * code, and between data count and data, a module is incomplete. */
    assert_int_equal(accepted, 6);
    build_done(&b);
}

/* Each byte of a module changed to each of a few values: an answer, never a crash. */
static void test_every_byte_changed(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct build b;
    build_rich(&b);
    const struct slice whole = build_finish(&b);
    uint8_t *copy = malloc(whole.size);
    assert_non_null(copy);
    size_t refused = 0;
    for (size_t at = 0; at < whole.size; at++) {
        for (size_t v = 0; v < sizeof values; v++) {
            memcpy(copy, whole.data, whole.size);
            copy[at] = values[v];
            CORDON_CLEANUP_ARENA struct arena arena;
            const struct wasm_module *module = NULL;
            CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
                read_module(slice_of(copy, whole.size), &arena, &module);
            refused += error != NULL;
            assert_true((error == NULL) == (module != NULL));
        }
    }
    assert_true(refused > whole.size);
    free(copy);
    build_done(&b);
}

/* Each limit of the table: one below is refused, and names the number. */
static void test_limits(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice wasm = build_finish(&b);
#define CASE(name, exact, words)                                                                   \
    do {                                                                                           \
        struct wasm_limits limits = wasm_limits_default;                                           \
        limits.name = (exact);                                                                     \
        CORDON_CLEANUP_ARENA struct arena arena;                                                   \
        arena_init(&arena, ARENA_BYTES);                                                           \
        const struct wasm_module *module = NULL;                                                   \
        assert_null(wasm_read(wasm, &limits, &arena, &module));                                    \
        limits.name = (exact) - 1;                                                                 \
        assert_refused(#name, wasm, words, &limits);                                               \
    } while (0)
    CASE(types, 3, "3 types are declared; the limit is 2");
    CASE(parameters, 5, "5 parameters are declared; the limit is 4");
    CASE(results, 1, "1 results are declared; the limit is 0");
    CASE(type_values, 9, "The function types have more than 8 parameters and results together");
    CASE(imports, 2, "2 imports are declared; the limit is 1");
    CASE(functions, 2, "2 functions are declared; the limit is 1");
    CASE(tables, 1, "1 tables are declared; the limit is 0");
    CASE(globals, 1, "1 globals are declared; the limit is 0");
    CASE(exports, 2, "2 exports are declared; the limit is 1");
    CASE(element_segments, 1, "1 element segments are declared; the limit is 0");
    CASE(element_items, 1, "The element segments have more than 0 items together");
    CASE(data_segments, 1, "1 data segments are declared; the limit is 0");
    CASE(body_bytes, 11, "The function body is 11 bytes long; the limit is 10");
    CASE(locals, 8, "8 parameters and locals are declared; the limit is 7");
    CASE(all_locals, 3, "The functions have more than 2 locals together");
    CASE(custom_sections, 3, "There are more than 2 custom sections");
    CASE(name_bytes, 13, "The name of an export is 13 bytes long; the limit is 12");
#undef CASE
    build_done(&b);
}

/* What people are told of the bounds is what the reader holds modules to. */
static void test_bounds_as_told(void **state)
{
    (void)state;
    size_t count = 0;
#define CASE(field, number, unit_name, words)                                                      \
    do {                                                                                           \
        const cordon_module_bound *bound = cordon_module_bound_get(count++);                       \
        assert_non_null(bound);                                                                    \
        assert_string_equal(bound->name, "module_" #field);                                        \
        assert_int_equal(bound->most, wasm_limits_default.field);                                  \
        assert_true(strcmp(bound->unit, "count") == 0 || strcmp(bound->unit, "bytes") == 0);       \
        cordon_limit limit = CORDON_LIMIT_FUEL;                                                    \
        assert_false(cordon_limit_find(bound->name, &limit));                                      \
    } while (0);
    WASM_BOUNDS(CASE)
#undef CASE
    assert_null(cordon_module_bound_get(count));
    assert_null(cordon_module_bound_get(SIZE_MAX));
    assert_int_equal(
        wasm_limits_default.module_bytes,
        cordon_limit_get_info(CORDON_LIMIT_MODULE_BYTES)->defaults[CORDON_QUERY]);
}

static void test_module_too_large(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice wasm = build_finish(&b);
    struct wasm_limits limits = wasm_limits_default;
    limits.module_bytes = (uint32_t)wasm.size - 1;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_read(wasm, &limits, &arena, &module);
    assert_non_null(error);
    assert_non_null(
        strstr(cordon_error_get_message(error), "bytes long; the limit module_bytes is"));
    build_done(&b);
}

/* -- Places by their offset ------------------------------------------------------------------ */

static void test_places(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice wasm = build_finish(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *m = NULL;
    assert_null(read_module(wasm, &arena, &m));
    assert_null(wasm_section_at(m, 7)); /* the header */
    assert_null(wasm_section_at(m, wasm.size));
    assert_null(wasm_section_at(m, UINT64_MAX));
    assert_int_equal(wasm_function_at(m, 0), WASM_NO_FUNCTION);
    assert_int_equal(wasm_function_at(m, UINT64_MAX), WASM_NO_FUNCTION);
    for (uint32_t i = 0; i < m->section_count; i++) {
        const struct wasm_section *section = &m->sections[i];
        const uint32_t start = wasm_offset_of(m, section->content);
        const uint32_t size = (uint32_t)section->content.size;
        assert_null(wasm_section_at(m, section->offset)); /* its frame */
        if (size > 0) {
            assert_ptr_equal(wasm_section_at(m, start), section);
            assert_ptr_equal(wasm_section_at(m, start + size - 1), section);
        }
        assert_ptr_not_equal(wasm_section_at(m, start + size), section);
    }
    uint32_t bodies = 0;
    for (uint32_t i = 0; i < m->function_count; i++) {
        const struct wasm_function *f = &m->functions[i];
        if (!f->imported) {
            bodies++;
            assert_int_equal(wasm_function_at(m, f->body_offset), i);
            assert_int_equal(wasm_function_at(m, f->body_offset + f->body_bytes - 1), i);
            assert_int_not_equal(wasm_function_at(m, f->body_offset + f->body_bytes), i);
            assert_int_not_equal(wasm_function_at(m, f->body_offset - 1), i);
        }
    }
    assert_true(bodies >= 2);
    build_done(&b);
}

/* What the validator says, at its place, with what to do; whatever the number is. */
static void test_refuse_invalid(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice wasm = build_finish(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *m = NULL;
    assert_null(read_module(wasm, &arena, &m));
    const struct wasm_function *last = &m->functions[m->function_count - 1];
    char in_function[96];
    (void)snprintf(
        in_function, sizeof in_function,
        "The module is not valid: odd, at byte %u (0x%x) in the code section, in function %u",
        last->body_offset, last->body_offset, m->function_count - 1);
    const struct {
        uint64_t offset;
        const char *words;
    } cases[] = {
        {last->body_offset, in_function},
        {3, "The module is not valid: odd, at byte 3 (0x3). Compilers"},
        {wasm.size, "The module is not valid: odd. Compilers"},
        {UINT64_MAX, "The module is not valid: odd. Compilers"},
        {(uint64_t)UINT32_MAX + 10, "The module is not valid: odd. Compilers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            wasm_refuse_invalid(m, cases[i].offset, "odd");
        const char *text = cordon_error_get_message(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
        if (!slice_starts_with(slice_str(text), slice_str(cases[i].words))) {
            fail_msg("expected: %s\ngot: %s", cases[i].words, text);
        }
        assert_non_null(strstr(text, "build the module again"));
    }
    build_done(&b);
}

/* -- What the compiler gets ------------------------------------------------------------------ */

static void test_blank(void **state)
{
    (void)state;
    struct build b;
    build_rich(&b);
    const struct slice wasm = build_finish(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *m = NULL;
    assert_null(read_module(wasm, &arena, &m));
    struct slice blank = {0};
    assert_null(wasm_blank(m, &blank));
    assert_int_equal(blank.size, wasm.size);
    assert_reads("blank", blank);

    CORDON_CLEANUP_ARENA struct arena other;
    const struct wasm_module *n = NULL;
    assert_null(read_module(blank, &other, &n));
    assert_int_equal(n->section_count, m->section_count);
    uint32_t customs = 0;
    for (uint32_t i = 0; i < m->section_count; i++) {
        const struct wasm_section *before = &m->sections[i];
        const struct wasm_section *after = &n->sections[i];
        assert_int_equal(before->id, after->id);
        assert_int_equal(before->offset, after->offset);
        if (before->id != WASM_SECTION_CUSTOM) {
            assert_true(slice_equal(before->content, after->content));
            continue;
        }
        customs++;
        assert_int_equal(after->name.size, 0);
        for (size_t k = 0; k < after->content.size; k++) {
            assert_int_equal(after->content.data[k], 0);
        }
    }
    assert_true(customs >= 2);
    mem_free((void *)(uintptr_t)blank.data);

    mem_fail_nth(1);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = wasm_blank(m, &blank);
    mem_fail_nth(0);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_NO_MEMORY);
    build_done(&b);
}

/* A small arena refuses in words; memory that is out is another error, at every allocation. */
static void test_memory(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    for (int i = 0; i < 2000; i++) {
        build_function(&b, NULL, "", "", NO_CODE);
    }
    const struct slice wasm = build_finish(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 16384);
    const struct wasm_module *module = NULL;
    cordon_error *error = wasm_read(wasm, &wasm_limits_default, &arena, &module);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
    assert_non_null(strstr(cordon_error_get_message(error), "takes more than 16384 bytes"));
    cordon_error_free(error);
    build_done(&b);
}

/* -- Names ---------------------------------------------------------------------------------- */

static void read_with_names(const char *hex, struct slice *out_name, bool *out_fault)
{
    struct build b;
    build_init(&b);
    build_function(&b, "exported", "", "", NO_CODE);
    struct buffer content;
    buffer_init(&content, 1 << 20);
    emit_hex(&content, hex);
    build_custom(&b, "name", buffer_slice(&content));
    buffer_done(&content);
    static struct arena arena; /* holds the module that the name points into */
    arena_done(&arena);
    arena_init(&arena, ARENA_BYTES);
    const struct slice built = build_finish(&b);
    const struct slice wasm = arena_copy(&arena, built);
    const struct wasm_module *module = NULL;
    assert_null(wasm_read(wasm, &wasm_limits_default, &arena, &module));
    *out_name = arena_copy(&arena, module->functions[0].name);
    *out_fault = module->names_fault.size > 0;
    build_done(&b);
}

static const struct names_case {
    const char *hex;
    const char *name;
    bool fault;
} names_cases[] = {
    {"", "exported", false},
    {"01 04 01 00 01 61", "a", false},
    {"00 02 01 6d 01 04 01 00 01 61", "a", false},
    {"02 01 ff 01 04 01 00 01 61", "a", false}, /* names of locals are not looked at */
    {"01 03 01 00 00", "exported", false},      /* an empty name says nothing */
    {"01 04 01 01 01 61", "exported", true},    /* no such function */
    {"01 04 01 00 01 ff", "exported", true},    /* not UTF-8 */
    {"01 04 01 00 05 61", "exported", true},    /* cut off */
    {"01 ff 01 00 01 61", "exported", true},
    {"01 04 01 00 01 61 01", "a", true}, /* what stands before the damage is used */
    {"00 02 01 ff 01 04 01 00 01 61", "exported", true},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names_cases / sizeof names_cases[0]; i++) {
        struct slice name;
        bool fault = false;
        read_with_names(names_cases[i].hex, &name, &fault);
        if (!slice_equal(name, slice_str(names_cases[i].name)) || fault != names_cases[i].fault) {
            fail_msg("%s: name %.*s, fault %d", names_cases[i].hex, SLICE_FMT(name), fault);
        }
    }
}

/* Hostile names in texts: escaped, cut, never raw. */
static void test_quoting(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *quoted;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\x1b[31m\n", "\"\\x1b[31m\\x0a\""},
        {"\x7f", "\"\\x7f\""},
        {"\xc2\x9b", "\"\\xc2\\x9b\""}, /* C1: a terminal's escape in one character */
        {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"\xff", "\"\\xff\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(wasm_quote(slice_str(cases[i].name)).text, cases[i].quoted);
    }
    char name[1000];
    for (size_t size = 0; size < sizeof name; size++) {
        static const char fills[] = "\n\"a";
        static const size_t widths[] = {4, 2, 1};
        memset(name, fills[size % 3], size);
        const struct wasm_quoted quoted = wasm_quote(slice_of(name, size));
        const size_t printed = strlen(quoted.text);
        assert_true(printed < sizeof quoted.text);
        const bool cut = size * widths[size % 3] + sizeof "\"\"..." > sizeof quoted.text;
        assert_string_equal(quoted.text + printed - (cut ? 4 : 1), cut ? "\"..." : "\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/reader/facts", test_facts, NULL, NULL, NULL},
        {"wasm/reader/empty_module", test_empty_module, NULL, NULL, NULL},
        {"wasm/reader/headers", test_headers, NULL, NULL, NULL},
        {"wasm/reader/malformed", test_malformed, NULL, NULL, NULL},
        {"wasm/reader/wellformed", test_wellformed, NULL, NULL, NULL},
        {"wasm/reader/constants", test_constants, NULL, NULL, NULL},
        {"wasm/reader/long_constant", test_long_constant, NULL, NULL, NULL},
        {"wasm/reader/every_prefix", test_every_prefix, NULL, NULL, NULL},
        {"wasm/reader/every_byte_changed", test_every_byte_changed, NULL, NULL, NULL},
        {"wasm/reader/limits", test_limits, NULL, NULL, NULL},
        {"wasm/reader/bounds_as_told", test_bounds_as_told, NULL, NULL, NULL},
        {"wasm/reader/module_too_large", test_module_too_large, NULL, NULL, NULL},
        {"wasm/reader/memory", test_memory, NULL, NULL, NULL},
        {"wasm/reader/names", test_names, NULL, NULL, NULL},
        {"wasm/reader/places", test_places, NULL, NULL, NULL},
        {"wasm/reader/refuse_invalid", test_refuse_invalid, NULL, NULL, NULL},
        {"wasm/reader/blank", test_blank, NULL, NULL, NULL},
        {"wasm/reader/quoting", test_quoting, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
