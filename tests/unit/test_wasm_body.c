/*
 * The scan of function bodies: each form that an operator has, each way in which one is not there
 * or not admitted, and each bound with its twin just inside.
 */
#include "unit/wasm_build.h"
#include "wasm/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)

/* Fails unless the module is admitted (NULL), or refused with those words. */
static void expect(
    const char *label, struct slice wasm, const struct wasm_limits *limits, const char *words)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_read(wasm, limits, &arena, &module);
    const char *got = error == NULL ? "accepted" : cordon_error_get_message(error);
    if (words == NULL ? error != NULL : strstr(got, words) == NULL) {
        fail_msg("%s\nexpected: %s\ngot: %s", label, words == NULL ? "accepted" : words, got);
    }
}

/* -- Operators ------------------------------------------------------------------------------ */

/*
 * What operators name: function 0 is (i32) -> (i32, i32) of type 0, function 1 has the body, type 1
 * () -> () and the locals 0 (i32) and 1 (v128), function 2 is declared by no segment. There are a
 * memory, a table, an element and a data segment, global 0 which is a variable and 1 which is none.
 */
static void build_around(struct build *b, struct slice code)
{
    build_init(b);
    build_function(b, NULL, "i", "ii", CODE(OP_UNREACHABLE));
    build_function_locals(b, NULL, "", "", "iV", code);
    build_function(b, NULL, "", "", NO_CODE);
    build_memory(b, "memory", 1, 1);
    build_table(b, 1, 1);
    build_elements(b, 0, (uint32_t[]){1}, 1);
    build_global(b, true, 0);
    build_global(b, false, 0);
    build_data_count(b, 1);
    build_data(b, 0, SLICE("x"));
}

static const struct {
    const char *code; /* in hex, before the last `end` */
    const char *words;
} operators[] = {
    /* Nothing behind them. */
    {"00 01 0f 1a 1b 45 c4 d1", NULL},
    {"06", "The code uses exceptions"},
    {"1f", "The code uses exceptions"},
    {"16", "There is no operator 0x16, at byte "},
    {"c5", "There is no operator 0xc5"},
    {"ff", "There is no operator 0xff"},
    /* Blocks. */
    {"02 40 0b", NULL},
    {"02 7b 0b 03 70 0b 04 7f 05 0b", NULL},
    {"02 00 0b 02 80 00 0b 03 81 80 80 80 00 0b", NULL},
    {"02 05 0b", "The type of a block is 5, but the module has 3"},
    {"02 ff 7f 0b", "The type of a block is -1, but"},
    {"02 80 80 80 80 80 00 0b", "The type of a block is no LEB128 number of 33 bits"},
    {"02 6f 0b", "The type of a block uses references to host objects"},
    {"05", "`else` stands outside of an `if`"},
    {"04 40 05 05 0b", "`else` stands outside of an `if`"},
    {"04 40 02 40 05 0b 0b", "`else` stands outside of an `if`"},
    {"02 40", "does not end with the operator `end`"},
    {"0b", "1 bytes are left over behind the `end`"},
    /* Branches. */
    {"0c 00 02 40 0c 01 0d 81 80 00 0b", NULL},
    {"0c 01", "A branch goes 1 blocks out, but stands in 0"},
    {"02 40 0d 02 0b", "A branch goes 2 blocks out, but stands in 1"},
    {"0e 00 00", NULL},
    {"02 40 0e 02 00 01 00 0b", NULL},
    {"0e 02 00 01 00", "A branch goes 1 blocks out"},
    {"0e 02 00 00 01", "A branch goes 1 blocks out"},
    {"0e 7f 00 00 00 00", "127 branch targets are declared, but only"},
    {"0e e9 fb 03 00", "65001 branch targets are declared; the limit is 65000"},
    /* Calls. */
    {"10 00 10 81 00 11 01 00 11 00 80 00", NULL},
    {"10 03", "The function of a call is 3, but the module has 3 of them"},
    {"11 03 00", "The type of an indirect call is 3, but"},
    {"11 00 01", "The table of an operator is 1, but the module has 1"},
    {"12 00", "The code uses tail calls"},
    {"13 00 00", "The code uses tail calls"},
    {"14 00", "The code uses typed function references"},
    {"15 00", "The code uses tail calls"},
    {"d3", "The code uses garbage-collected types"},
    {"d4", "The code uses typed function references"},
    {"e0 00", "The code uses continuations"},
    {"fb 00 00", "The code uses garbage-collected types"},
    {"fe 00 02 00", "The code uses shared memory or tables"},
    /* Variables. */
    {"1c 01 7f 20 01 21 00 22 81 00 23 01 24 00", NULL},
    {"1c 00", "A selection has 0 types, not one"},
    {"1c 02 7f 7f", "A selection has 2 types, not one"},
    {"1c 01 6f", "uses references to host objects"},
    {"20 02", "The local of an operator is 2, but the module has 2"},
    {"21 ff ff ff ff 0f", "The local of an operator is 4294967295, but"},
    {"22 ff ff ff ff 1f", "The local of an operator is no LEB128 number of 32 bits"},
    {"23 02", "The global of an operator is 2, but"},
    {"24 01", "Global 1 is written, but is a constant"},
    {"25 00 26 00", NULL},
    {"25 01", "The table of an operator is 1, but"},
    /* Memory. */
    {"28 02 00 29 03 ff ff ff ff 0f 2c 00 00 3e 02 00 3f 00 40 00", NULL},
    {"28 03 00", "The alignment of an access is 2^3 bytes, more than the 2^2 of its size"},
    {"2c 01 00", "The alignment of an access is 2^1 bytes"},
    {"28 42 00 00", "The code uses more than one memory"},
    {"28 02 ff ff ff ff 1f", "The offset of an access is no LEB128 number of 32 bits"},
    {"3f 01", "The code uses more than one memory"},
    {"40 80 00", "The code uses more than one memory"},
    /* Constants. */
    {"41 ff ff ff ff 07 42 ff ff ff ff ff ff ff ff ff 00", NULL},
    {"43 00 00 80 7f 44 00 00 00 00 00 00 f0 7f", NULL},
    {"41 ff ff ff ff 37", "A constant is no LEB128 number of 32 bits"},
    {"42 ff ff ff ff ff ff ff ff ff 01", "A constant is no LEB128 number of 64 bits"},
    {"44 00 00 00", "A constant is 8 bytes long, but only 4 are left"},
    /* References. */
    {"d0 70 d2 01", NULL},
    {"d0 6f", "uses references to host objects"},
    {"d0 7f", "A null reference is of type i32"},
    {"d2 03", "The function of a reference is 3, but"},
    {"d2 02", "The reference of function 2 is taken, but no element segment declares that"},
    /* Bulk. */
    {"fc 00 fc 87 00", NULL},
    {"fc 08 00 00 fc 09 00 fc 0a 00 00 fc 0b 00", NULL},
    {"fc 0c 00 00 fc 0d 00 fc 0e 00 00 fc 0f 00 fc 10 00 fc 11 00", NULL},
    {"fc 08 01 00", "The data segment of an operator is 1, but"},
    {"fc 0a 00 01", "The code uses more than one memory"},
    {"fc 0c 01 00", "The element segment of an operator is 1, but"},
    {"fc 0e 00 01", "The table of an operator is 1, but"},
    {"fc 12 00", "The code uses the discarding of memory"},
    {"fc 13", "The code uses 128-bit arithmetic"},
    {"fc 16", "The code uses 128-bit arithmetic"},
    {"fc 17", "There is no operator 0xfc17"},
    {"fc ff ff ff ff 0f", "There is no operator 0x"},
    /* SIMD. */
    {"fd 00 04 00 fd 0b 00 00 fd 0e fd ff 01", NULL},
    {"fd 0c 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", NULL},
    {"fd 0d 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 1f", NULL},
    {"fd 0d 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 20", "A lane is 32, but there are 32"},
    {"fd 15 0f fd 18 07 fd 1b 03 fd 1d 01 fd 54 00 00 0f fd 5b 03 00 01", NULL},
    {"fd 15 10", "A lane is 16, but there are 16"},
    {"fd 1d 02", "A lane is 2, but there are 2"},
    {"fd 5b 03 00 02", "A lane is 2, but there are 2"},
    {"fd 00 05 00", "The alignment of an access is 2^5 bytes, more than the 2^4"},
    {"fd 9a 01", "There is no operator 0xfd9a"},
    {"fd 80 02", "The code uses relaxed SIMD"},
    {"fd 93 02", "The code uses relaxed SIMD"},
    {"fd 94 02", "There is no operator 0xfe14"},
};

static void test_operators(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        struct buffer code;
        buffer_init(&code, 1000);
        emit_hex(&code, operators[i].code);
        struct build b;
        build_around(&b, buffer_slice(&code));
        expect(operators[i].code, build_finish(&b), &wasm_limits_default, operators[i].words);
        build_done(&b);
        buffer_done(&code);
    }
}

/* Operators on what the module does not have. */
static void test_missing(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        const char *words;
    } cases[] = {
        {"28 02 00", "An operator works on memory, but the module has none"},
        {"3f 00", "An operator works on memory, but the module has none"},
        {"fc 0b 00", "An operator works on memory, but the module has none"},
        {"fc 09 00", "but there is no data count section"},
        {"25 00", "The table of an operator is 0, but the module has 0"},
        {"fc 0d 00", "The element segment of an operator is 0, but"},
        {"20 00", "The local of an operator is 0, but the module has 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer code;
        buffer_init(&code, 1000);
        emit_hex(&code, cases[i].code);
        struct build b;
        build_init(&b);
        build_function(&b, NULL, "", "", buffer_slice(&code));
        expect(cases[i].code, build_finish(&b), &wasm_limits_default, cases[i].words);
        build_done(&b);
        buffer_done(&code);
    }
}

/* A refusal says which byte, of which function. */
static void test_place(void **state)
{
    (void)state;
    struct build b;
    build_around(&b, CODE(OP_NOP, OP_NOP, 0xff));
    const struct slice wasm = build_finish(&b);
    const uint8_t *bad = memchr(wasm.data, 0xff, wasm.size);
    char words[100];
    (void)snprintf(
        words, sizeof words,
        "There is no operator 0xff, at byte %td (0x%tx) in the code section, "
        "in function 1. ",
        bad - wasm.data, bad - wasm.data);
    expect("place", wasm, &wasm_limits_default, words);
    build_done(&b);
}

/* -- Bounds --------------------------------------------------------------------------------- */

/* A part of a body, some times over. */
struct part {
    const char *hex;
    uint32_t times;
};

/* A function of type (i32) -> () with so many locals beside. */
static void expect_bound(
    const char *label,
    const struct wasm_limits *limits,
    const char *locals,
    const struct part *parts,
    const char *words)
{
    struct buffer code;
    buffer_init(&code, 1 << 20);
    for (; parts->hex != NULL; parts++) {
        for (uint32_t i = 0; i < parts->times; i++) {
            emit_hex(&code, parts->hex);
        }
    }
    struct build b;
    build_init(&b);
    build_function(&b, NULL, "iii", "ii", CODE(OP_UNREACHABLE));
    build_function_locals(&b, NULL, "i", "", locals, buffer_slice(&code));
    build_memory(&b, NULL, 1, 1);
    build_table(&b, 1, 1);
    expect(label, build_finish(&b), limits, words);
    build_done(&b);
    buffer_done(&code);
}

/*
 * A body in which `hex` stands `most` times passes; with one more it does not. `before`, if it is
 * anything, leaves a block open.
 */
#define BOUND(field, number, locals, before, hex, after, most, words)                              \
    do {                                                                                           \
        struct wasm_limits limits = wasm_limits_default;                                           \
        limits.field = (number);                                                                   \
        const char *end = (before)[0] == '\0' ? "" : "0b";                                         \
        for (uint32_t extra = 0; extra < 2; extra++) {                                             \
            const struct part parts[] = {                                                          \
                {before, 1}, {hex, (most) + extra}, {after, (most) + extra}, {end, 1}, {NULL, 0}}; \
            expect_bound(#field " " hex, &limits, locals, parts, extra == 0 ? NULL : (words));     \
        }                                                                                          \
    } while (0)

static void test_bounds(void **state)
{
    (void)state;
    BOUND(nesting, 5, "", "", "02 40", "0b", 5, "Blocks are nested more than 5 deep");
    BOUND(nesting, 5, "", "", "03 40", "0b", 5, "Blocks are nested more than 5 deep");

    BOUND(loop_nesting, 5, "", "", "03 40", "0b", 5, "Loops are nested more than 5 deep");
    BOUND(loop_nesting, 5, "", "", "03 40 02 40 03 40 0b", "0b 0b", 4, "Loops are nested more");
    BOUND(loop_nesting, 1, "", "03 40 0b 02 40", "03 40 02 40 0b", "0b", 1, "Loops are nested");

    static const char branches[] = "more than 6 loops, ifs, branches and indirect calls, at byte ";
    BOUND(branches, 6, "", "", "03 40 0b", "", 6, branches);
    BOUND(branches, 6, "", "", "41 00 04 40 05 0b", "", 6, branches);
    BOUND(branches, 6, "", "", "0c 00", "", 6, branches);
    BOUND(branches, 6, "", "", "41 00 0d 00", "", 6, branches);
    BOUND(branches, 6, "", "", "0e 00 00", "", 6, branches);
    BOUND(branches, 6, "", "", "11 00 00", "", 6, branches);
    BOUND(branches, 6, "", "", "25 00", "", 6, branches);
    BOUND(branches, 6, "", "", "40 00", "", 6, branches);
    BOUND(branches, 6, "", "", "fc 0b 00", "", 6, branches);
    BOUND(branches, 6, "", "", "fc 11 00", "", 6, branches);
    BOUND(branches, 0, "", "02 40 26 00 10 00 fc 00", "03 40 0b", "", 0, "more than 0 loops");

    BOUND(
        branch_targets, 2, "", "02 40 0e 02 00 00 00", "0e 03 00 00 00 00", "", 0,
        "3 branch targets are declared; the limit is 2");

    BOUND(
        branch_targets, 8, "", "", "0e 02 00 00 00", "", 4,
        "The function has more than 8 targets of branch tables");

    static const char carried[] = "more than 10 values that blocks and branches carry";
    BOUND(carried_values, 10, "", "", "02 00 0b", "", 2, carried);            /* 3 and 2 */
    BOUND(carried_values, 10, "", "02 7f", "41 00 0d 00", "", 9, carried);    /* 1, and 1 each */
    BOUND(carried_values, 10, "", "02 7f", "0e 02 00 00 00", "", 3, carried); /* 1, and 3 each */
    BOUND(carried_values, 10, "", "03 00", "0c 00", "", 1, carried);          /* 5, and 3 each */
    BOUND(carried_values, 0, "", "02 40 0d 00", "02 7f 0b", "", 0, "more than 0 values");

    static const char called[] = "more than 20 values that calls pass and give back";
    BOUND(call_values, 20, "", "", "10 00", "", 2, called); /* 5 and 4 */
    BOUND(call_values, 20, "", "", "11 00 00", "", 2, called);
    BOUND(call_values, 20, "", "", "10 01", "", 4, called); /* 1 and 4 */

    BOUND(
        local_places, 20, "iIf", "", "02 40 0b", "", 5,
        "The function has 4 parameters and locals, and so many blocks and branches that their "
        "product is over 20");
    BOUND(local_places, 20, "iIf", "", "03 40 0b", "", 2, "4 parameters and locals");
}

/* Locals that are read where they were written last do not cross; each that does counts once. */
static void test_crossing(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        uint32_t product;
    } cases[] = {
        {"21 01 20 01 21 02 20 02 03 40 0b", 0},
        {"03 40 21 01 20 01 0b", 0},
        {"03 40 20 00 0b", 1},             /* a parameter is written at the start */
        {"03 40 20 01 20 01 0b", 1},       /* so is a local, with zero */
        {"03 40 0b 20 01 20 01 20 02", 2}, /* behind the end of a block */
        {"22 01 0d 00 20 01", 1},          /* behind a branch */
        {"03 40 22 01 0b 21 01 20 01", 0},
        {"04 40 21 01 05 20 01 0b", 1}, /* the other arm */
        {"03 40 20 01 03 40 20 02 0b 0b 20 03", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct part parts[] = {{cases[i].code, 1}, {NULL, 0}};
        struct wasm_limits limits = wasm_limits_default;
        limits.local_branches = cases[i].product;
        expect_bound(cases[i].code, &limits, "iii", parts, NULL);
        if (cases[i].product > 0) {
            limits.local_branches--;
            expect_bound(cases[i].code, &limits, "iii", parts, "locals that live across blocks");
        }
    }
}

/* Eight targets of a branch table are a branch where locals live across. */
static void test_crossing_by_table(void **state)
{
    (void)state;
    static const char *const tables[] = {"0e 04 00 00 00 00 00", "0e 03 00 00 00 00"};
    for (size_t i = 0; i < 2; i++) {
        const struct part parts[] = {{"20 00 03 40 0b 20 00", 1}, {tables[i], 2}, {NULL, 0}};
        struct wasm_limits limits = wasm_limits_default;
        limits.local_branches = 3;
        expect_bound(tables[i], &limits, "", parts, i == 0 ? "locals that live across" : NULL);
    }
}

/* A value of a local may meet another where a block ends around it, and where a loop begins. */
static void test_joined(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        uint32_t values;
    } cases[] = {
        {"20 00 21 00 20 01", 0},
        {"02 40 20 00 04 40 20 00 0b 0b", 0}, /* going in brings nothing together */
        {"03 40 20 00 22 00 21 00 0b", 1},
        {"03 40 20 00 0d 00 20 00 0b 20 00", 1}, /* nor does leaving a loop */
        {"03 40 02 40 03 40 21 01 0b 0b 0b", 2},
        {"02 40 21 01 0b 20 01", 1},
        {"02 40 21 01 0b 21 01", 1},
        {"02 40 04 40 02 40 21 01 0b 0b 20 01 0b 20 01", 3},
        {"02 40 21 01 0b 03 40 20 01 0b", 2},
        {"02 40 20 01 02 40 0b 20 01 02 40 0b 0b", 0},
        {"04 40 21 01 05 20 01 0b 20 01", 2}, /* the other arm does not see the value */
        {"02 40 20 00 20 01 20 02 20 03 0b 20 00 20 01 20 02 20 03", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct part parts[] = {{cases[i].code, 1}, {NULL, 0}};
        struct wasm_limits limits = wasm_limits_default;
        limits.joined_values = cases[i].values;
        expect_bound(cases[i].code, &limits, "iii", parts, NULL);
        if (cases[i].values > 0) {
            limits.joined_values--;
            expect_bound(cases[i].code, &limits, "iii", parts, "may differ where paths meet");
        }
    }
}

/* Where a body touched its locals is forgotten in the next. */
static void test_joined_by_body(void **state)
{
    (void)state;
    struct wasm_limits limits = wasm_limits_default;
    limits.joined_values = 1;
    struct build b;
    build_init(&b);
    for (int i = 0; i < 3; i++) {
        build_function(
            &b, NULL, "i", "",
            CODE(
                OP_BLOCK, OP_BLOCK_EMPTY, OP_BLOCK, OP_BLOCK_EMPTY, OP_LOCAL_GET, 0, OP_END,
                OP_END));
        build_function(&b, NULL, "i", "", CODE(OP_LOOP, OP_BLOCK_EMPTY, OP_LOCAL_GET, 0, OP_END));
    }
    expect("six bodies", build_finish(&b), &limits, NULL);
    build_done(&b);
}

/* What one body did with its locals is forgotten in the next. */
static void test_crossing_by_body(void **state)
{
    (void)state;
    struct wasm_limits limits = wasm_limits_default;
    limits.local_branches = 1;
    struct build b;
    build_init(&b);
    for (int i = 0; i < 3; i++) {
        build_function(&b, NULL, "i", "", CODE(OP_LOOP, OP_BLOCK_EMPTY, OP_END, OP_LOCAL_GET, 0));
    }
    build_function(
        &b, NULL, "i", "",
        CODE(OP_LOCAL_GET, 0, OP_LOCAL_SET, 0, OP_LOCAL_GET, 0, OP_LOOP, OP_BLOCK_EMPTY, OP_END));
    expect("three bodies", build_finish(&b), &limits, NULL);
    build_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/body/operators", test_operators, NULL, NULL, NULL},
        {"wasm/body/missing", test_missing, NULL, NULL, NULL},
        {"wasm/body/place", test_place, NULL, NULL, NULL},
        {"wasm/body/bounds", test_bounds, NULL, NULL, NULL},
        {"wasm/body/crossing", test_crossing, NULL, NULL, NULL},
        {"wasm/body/crossing_by_table", test_crossing_by_table, NULL, NULL, NULL},
        {"wasm/body/joined", test_joined, NULL, NULL, NULL},
        {"wasm/body/joined_by_body", test_joined_by_body, NULL, NULL, NULL},
        {"wasm/body/crossing_by_body", test_crossing_by_body, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
