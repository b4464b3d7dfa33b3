/*
 * The call graph: what each function reaches and how deep its calls go, in graphs of each shape,
 * and in hostile ones of a hundred thousand functions.
 */
#include "unit/wasm_build.h"
#include "wasm/callgraph.h"
#include "wasm/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define FUNCTIONS 8

/*
 * Functions are a to h, of type () -> (), but for g and h, which are (i32) -> (). In the calls of
 * one, a small letter is a direct call; L, R and W are imports of core, db-read and db-write; 0
 * and 1 are indirect calls by the two types, and & takes the address of a. The table holds the
 * functions of a word like those.
 */
static const struct graph {
    const char *label;
    const char *table;
    const char *calls[FUNCTIONS];
    const char *expected[FUNCTIONS]; /* depth, then what is reached; * is recursive */
} graphs[] = {
    {"nothing", "", {""}, {"1"}},
    {"imports alone", "", {"L", "R", "WL", "LLL"}, {"1L", "1R", "1LW", "1L"}},
    {"chain", "", {"b", "c", "dR", "W"}, {"4RW", "3RW", "2RW", "1W"}},
    {"chain backwards", "", {"W", "aR", "b", "c"}, {"1W", "2RW", "3RW", "4RW"}},
    {"diamond", "", {"bc", "d", "Rd", "L"}, {"3LR", "2L", "2LR", "1L"}},
    {"long way and short way", "", {"db", "c", "d", "L"}, {"4L", "3L", "2L", "1L"}},
    {"itself", "", {"aL", "a", ""}, {"*L", "*L", "1"}},
    {"ring", "", {"b", "cL", "aR", "a", "W"}, {"*LR", "*LR", "*LR", "*LR", "1W"}},
    {"two rings, one calls the other",
     "",
     {"bL", "ac", "dR", "c", "W"},
     {"*LR", "*LR", "*R", "*R", "1W"}},
    {"ring inside a ring", "", {"b", "cb", "a", "e", "L"}, {"*", "*", "*", "2L", "1L"}},
    {"ring found late", "", {"bd", "c", "bL", "W"}, {"*LW", "*L", "*L", "1W"}},
    {"ring that meets a settled one", "", {"b", "aR", "db", "cL"}, {"*R", "*R", "*LR", "*LR"}},
    {"indirect, to an empty table", "", {"0L", "W"}, {"1L", "1W"}},
    {"indirect", "bc", {"0", "L", "R", "W"}, {"2LR", "1L", "1R", "1W"}},
    {"indirect, by type",
     "bg",
     {"0", "L", "1", "", "", "", "W"},
     {"2L", "1L", "2W", "1", "1", "1", "1W"}},
    {"indirect, back to itself", "ab", {"0", "L"}, {"*L", "1L"}},
    {"indirect, back by way of another", "b", {"0", "aR", "a"}, {"*R", "*R", "*R"}},
    {"import in the table", "L", {"1", "R"}, {"1", "1R"}},
    {"address taken in code", "", {"L", "0", "&"}, {"1L", "2L", "1"}},
    {"address taken by who calls it", "", {"0R", "L", "&"}, {"*R", "1L", "1"}},
    {"in no table", "", {"0", "L", "bW"}, {"1", "1L", "2LW"}},
};

static const char capability_letters[] = "LRW";
static const char *const capability_names[] = {"convex/core", "convex/db-read", "convex/db-write"};

/* Indices: the three imports, then the functions. */
static uint32_t index_of(char letter)
{
    const char *import = strchr(capability_letters, letter);
    return import != NULL ? (uint32_t)(import - capability_letters) : 3 + (uint32_t)(letter - 'a');
}

static void emit_call_of(struct buffer *code, char letter, uint32_t plain, uint32_t other)
{
    switch (letter) {
    case '0':
    case '1':
        emit_byte(code, OP_CALL_INDIRECT);
        emit_u32(code, letter == '0' ? plain : other);
        emit_byte(code, 0);
        return;
    case '&':
        emit_byte(code, 0xd2);
        emit_u32(code, index_of('a'));
        return;
    default:
        emit_call(code, index_of(letter));
    }
}

static void build_graph(struct build *b, const struct graph *graph)
{
    build_init(b);
    for (int i = 0; i < 3; i++) {
        build_import(b, capability_names[i], "call", "ii", "I");
    }
    const uint32_t plain = build_type(b, "", "");
    const uint32_t other = build_type(b, "i", "");
    for (int i = 0; i < FUNCTIONS; i++) {
        struct buffer code;
        buffer_init(&code, 1000);
        for (const char *c = graph->calls[i]; c != NULL && *c != '\0'; c++) {
            emit_call_of(&code, *c, plain, other);
        }
        const char *name = i == 0 ? "a" : NULL;
        build_function_locals(b, name, i < 6 ? "" : "i", "", "iI", buffer_slice(&code));
        buffer_done(&code);
    }
    build_table(b, FUNCTIONS, FUNCTIONS);
    for (const char *c = graph->table; *c != '\0'; c++) {
        build_elements(b, 0, (uint32_t[]){index_of(*c)}, 1);
    }
}

/* "2LR", in the letters of the cases. */
static void describe(const struct wasm_callgraph *graph, uint32_t function, char text[16])
{
    const uint32_t depth = wasm_call_depth(graph, function);
    size_t size = 0;
    text[size++] = depth == WASM_RECURSIVE ? '*' : (char)('0' + depth);
    for (uint32_t i = 0; i < graph->capability_count; i++) {
        if (wasm_reaches(graph, function, i)) {
            text[size++] = capability_letters[i];
        }
    }
    text[size] = '\0';
}

/* What was built, as the reader has it; in the arena, which begins here. */
static const struct wasm_module *read_built(struct build *b, struct arena *arena)
{
    const struct wasm_module *module = NULL;
    arena_init(arena, ARENA_BYTES);
    assert_null(wasm_read(build_finish(b), &wasm_limits_default, arena, &module));
    return module;
}

static void test_graphs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
        struct build b;
        build_graph(&b, &graphs[i]);
        CORDON_CLEANUP_ARENA struct arena arena;
        const struct wasm_module *module = read_built(&b, &arena);
        const struct wasm_callgraph *graph = NULL;
        assert_null(wasm_callgraph_make(module, &arena, &graph));
        assert_int_equal(graph->capability_count, 3);
        for (uint32_t f = 0; f < 3; f++) {
            assert_true(slice_equal(graph->capabilities[f], slice_str(capability_names[f])));
            const char expected[] = {'0', capability_letters[f], '\0'};
            char got[16];
            describe(graph, f, got);
            assert_string_equal(got, expected);
        }
        for (uint32_t f = 0; f < FUNCTIONS && graphs[i].expected[f] != NULL; f++) {
            char got[16];
            describe(graph, 3 + f, got);
            if (strcmp(got, graphs[i].expected[f]) != 0) {
                fail_msg(
                    "%s, %c: expected %s, got %s", graphs[i].label, (int)('a' + f),
                    graphs[i].expected[f], got);
            }
        }
        build_done(&b);
    }
}

/* More import modules than one word has bits. */
static void test_many_capabilities(void **state)
{
    (void)state;
    enum { MODULES = 130 };
    struct build b;
    build_init(&b);
    for (unsigned i = 0; i < MODULES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%03u", MODULES - 1 - i); /* in no order */
        build_import(&b, name, "one", "", "");
        build_import(&b, name, "two", "", "");
    }
    for (uint8_t i = 0; i < 2 * MODULES - 128;
         i++) { /* the last ones, so that LEB128 has two bytes */
        build_function(&b, NULL, "", "", CODE(OP_CALL, (uint8_t)(0x80 | (i % 128)), 1 + i / 128));
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *module = read_built(&b, &arena);
    const struct wasm_callgraph *graph = NULL;
    assert_null(wasm_callgraph_make(module, &arena, &graph));
    assert_int_equal(graph->capability_count, MODULES);
    for (uint32_t i = 0; i < 2 * MODULES - 128; i++) {
        const uint32_t reached = MODULES - 1 - (128 + i) / 2;
        for (uint32_t capability = 0; capability < MODULES; capability++) {
            assert_int_equal(
                wasm_reaches(graph, 2 * MODULES + i, capability), capability == reached);
        }
    }
    build_done(&b);
}

/* -- Hostile graphs ------------------------------------------------------------------------- */

enum { MANY = 100000 };

/* What function `i` of many calls, and how deep that is. */
struct shape {
    const char *label;
    uint32_t (*callee)(uint32_t i); /* UINT32_MAX: any of its type */
    uint32_t (*depth)(uint32_t i);
};

static uint32_t next_one(uint32_t i)
{
    return i + 1 < MANY ? i + 1 : 0;
}

static uint32_t next_or_import(uint32_t i)
{
    return i + 1; /* the last calls the import, as all are shifted by it */
}

static uint32_t last_one(uint32_t i)
{
    return i == 0 ? 0 : i - 1;
}

static uint32_t any_one(uint32_t i)
{
    (void)i;
    return UINT32_MAX;
}

static uint32_t recursive(uint32_t i)
{
    (void)i;
    return WASM_RECURSIVE;
}

static uint32_t from_the_end(uint32_t i)
{
    return MANY - i;
}

static const struct shape shapes[] = {
    {"a ring", next_one, recursive},
    {"a chain", next_or_import, from_the_end},
    {"a chain to a loop", last_one, recursive},
    {"each may mean each", any_one, recursive},
};

static void build_shape(struct build *b, const struct shape *shape)
{
    build_init(b);
    build_import(b, "convex/core", "log", "", "");
    const uint32_t type = build_type(b, "", "");
    uint32_t *all = calloc(MANY, sizeof *all);
    assert_non_null(all);
    for (uint32_t i = 0; i < MANY; i++) {
        const uint32_t callee = shape->callee(i);
        struct buffer body;
        buffer_init(&body, 100);
        emit_byte(&body, 0);
        if (callee == UINT32_MAX) {
            emit_byte(&body, OP_CALL_INDIRECT);
            emit_u32(&body, type);
            emit_byte(&body, 0);
        } else {
            emit_call(&body, callee == MANY ? 0 : callee + 1);
        }
        emit_byte(&body, OP_END);
        emit_u32(&b->entries[3], type);
        emit_sized(&b->entries[10], buffer_slice(&body));
        buffer_done(&body);
        b->counts[3]++;
        b->counts[10]++;
        all[i] = i + 1;
    }
    build_table(b, MANY, MANY);
    build_elements(b, 0, all, MANY);
    free(all);
}

static void test_many_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct build b;
        build_shape(&b, &shapes[i]);
        CORDON_CLEANUP_ARENA struct arena arena;
        const struct wasm_module *module = read_built(&b, &arena);
        const struct wasm_callgraph *graph = NULL;
        const size_t before = arena_bytes(&arena);
        assert_null(wasm_callgraph_make(module, &arena, &graph));
        assert_in_range(arena_bytes(&arena) - before, 1, MANY * 64); /* by function, not by call */
        for (uint32_t f = 0; f < MANY; f++) {
            if (wasm_call_depth(graph, f + 1) != shapes[i].depth(f)) {
                fail_msg("%s: %u is at %u", shapes[i].label, f, wasm_call_depth(graph, f + 1));
            }
        }
        build_done(&b);
    }
}

/* An arena that is full, wherever that is noticed. */
static void test_no_room(void **state)
{
    (void)state;
    struct build b;
    build_graph(&b, &graphs[2]);
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *module = read_built(&b, &arena);
    bool done = false;
    for (size_t size = 0; !done; size += 8) {
        CORDON_CLEANUP_ARENA struct arena small;
        arena_init(&small, size);
        const struct wasm_callgraph *graph = NULL;
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            wasm_callgraph_make(module, &small, &graph);
        done = error == NULL;
        assert_true(done == (graph != NULL));
        assert_true(done || cordon_error_get_code(error) == CORDON_E_TOO_LARGE);
        assert_true(size < 1 << 20);
    }
    build_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/callgraph/graphs", test_graphs, NULL, NULL, NULL},
        {"wasm/callgraph/many_capabilities", test_many_capabilities, NULL, NULL, NULL},
        {"wasm/callgraph/many_functions", test_many_functions, NULL, NULL, NULL},
        {"wasm/callgraph/no_room", test_no_room, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
