/*
 * Each bound of docs/limits.md at its true size: a module that has just as much is taken, one that
 * has one more is refused, in the words of that bound. (test_wasm_reader and test_wasm_body have
 * each way to count, with small bounds.)
 */
#include "unit/wasm_build.h"
#include "wasm/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* As much as a deploy has for it. */
#define ARENA_BYTES ((size_t)65 << 20)

/* -- Pieces --------------------------------------------------------------------------------- */

static void emit_times(struct buffer *out, const char *hex, uint32_t times)
{
    struct buffer piece;
    buffer_init(&piece, 1000);
    emit_hex(&piece, hex);
    for (uint32_t i = 0; i < times; i++) {
        emit(out, buffer_slice(&piece));
    }
    buffer_done(&piece);
}

static void build_times(struct build *b, int section, const char *hex, uint32_t times)
{
    emit_times(&b->entries[section], hex, times);
    b->counts[section] += times;
}

/* A function of no type with so many locals, all i32, and `hex` so often, then `after`. */
static void build_body(
    struct build *b, uint32_t locals, const char *hex, uint32_t times, const char *after)
{
    struct buffer body;
    buffer_init(&body, BUILD_BYTES_MAX);
    emit_u32(&body, locals == 0 ? 0 : 1);
    if (locals != 0) {
        emit_u32(&body, locals);
        emit_byte(&body, 0x7f);
    }
    emit_times(&body, hex, times);
    emit_times(&body, after, times);
    emit_byte(&body, OP_END);
    (void)build_function_raw(b, NULL, "", "", buffer_slice(&body));
    buffer_done(&body);
}

/* One function type with so many i32 on one side. */
static void build_wide_type(struct build *b, uint32_t params, uint32_t results)
{
    struct buffer *out = &b->entries[1];
    emit_byte(out, 0x60);
    emit_u32(out, params);
    emit_times(out, "7f", params);
    emit_u32(out, results);
    emit_times(out, "7f", results);
    b->counts[1]++;
}

/* One element segment with so many times function 0. */
static void build_items(struct build *b, const char *head, uint32_t count)
{
    build_body(b, 0, "", 0, "");
    build_table(b, 10, 10);
    emit_times(&b->entries[9], head, 1);
    emit_u32(&b->entries[9], count);
    emit_times(&b->entries[9], "00", count);
    b->counts[9]++;
}

/* -- Each bound, `n` of what it counts ------------------------------------------------------- */

static void make_types(struct build *b, uint32_t n)
{
    build_times(b, 1, "60 00 00", n);
}

static void make_parameters(struct build *b, uint32_t n)
{
    build_wide_type(b, n, 0);
}

static void make_results(struct build *b, uint32_t n)
{
    build_wide_type(b, 0, n);
}

static void make_type_values(struct build *b, uint32_t n)
{
    for (; n > 0; n -= n < 200 ? n : 200) {
        build_wide_type(b, n < 200 ? n : 200, 0);
    }
}

static void make_imports(struct build *b, uint32_t n)
{
    build_times(b, 2, "01 6d 01 67 03 7f 00", n);
}

static void make_functions(struct build *b, uint32_t n)
{
    build_times(b, 1, "60 00 00", 1);
    build_times(b, 3, "00", n);
    build_times(b, 10, "02 00 0b", n);
}

static void make_tables(struct build *b, uint32_t n)
{
    build_times(b, 4, "70 00 00", n);
}

static void make_globals(struct build *b, uint32_t n)
{
    build_times(b, 6, "7f 00 41 00 0b", n);
}

static void make_exports(struct build *b, uint32_t n)
{
    build_body(b, 0, "", 0, "");
    for (uint32_t i = 0; i < n; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%u", i);
        build_export(b, name, BUILD_FUNCTION, 0);
    }
}

static void make_element_segments(struct build *b, uint32_t n)
{
    build_table(b, 10, 10);
    build_times(b, 9, "00 41 00 0b 00", n);
}

static void make_element_items(struct build *b, uint32_t n)
{
    build_items(b, "00 41 00 0b", n);
}

static void make_data_segments(struct build *b, uint32_t n)
{
    build_memory(b, NULL, 1, 1);
    build_times(b, 11, "00 41 00 0b 00", n);
}

/* A passive segment is one of them itself. */
static void make_loading_items(struct build *b, uint32_t n)
{
    build_items(b, "01 00", n - 1);
}

/* One byte says that there are no locals, one ends it. */
static void make_body_bytes(struct build *b, uint32_t n)
{
    build_body(b, 0, "01", n - 2, "");
}

static void make_locals(struct build *b, uint32_t n)
{
    build_body(b, n, "", 0, "");
}

static void make_all_locals(struct build *b, uint32_t n)
{
    for (; n > 0; n -= n < 20000 ? n : 20000) {
        build_body(b, n < 20000 ? n : 20000, "", 0, "");
    }
}

static void make_nesting(struct build *b, uint32_t n)
{
    build_body(b, 0, "02 40", n, "0b");
}

static void make_branches(struct build *b, uint32_t n)
{
    build_body(b, 0, "0c 00", n, "");
}

static void make_loop_nesting(struct build *b, uint32_t n)
{
    build_body(b, 0, "03 40", n, "0b");
}

/* Tables of ten, and one of what is left. */
static void make_branch_targets(struct build *b, uint32_t n)
{
    struct buffer body;
    buffer_init(&body, BUILD_BYTES_MAX);
    emit_hex(&body, "00");
    emit_times(&body, "0e 0a 00 00 00 00 00 00 00 00 00 00 00", n / 10);
    emit_byte(&body, 0x0e);
    emit_u32(&body, n % 10);
    emit_times(&body, "00", n % 10 + 1);
    emit_byte(&body, OP_END);
    (void)build_function_raw(b, NULL, "", "", buffer_slice(&body));
    buffer_done(&body);
}

/* Blocks that each give a value. */
static void make_carried_values(struct build *b, uint32_t n)
{
    build_body(b, 0, "02 7f 00 0b 1a", n, "");
}

/* A call counts four, so there are a quarter of them, and one more that counts five. */
static void make_call_values(struct build *b, uint32_t n)
{
    build_body(b, 0, "10 00", n / 4 + n % 4, "");
}

static void make_local_places(struct build *b, uint32_t n)
{
    build_body(b, 10000, "02 40 0b", n / 10000 + (n % 10000 != 0), "");
}

static void make_custom_sections(struct build *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        build_custom(b, "x", NO_CODE);
    }
}

static void make_name_bytes(struct build *b, uint32_t n)
{
    char *name = malloc(n + 1);
    assert_non_null(name);
    memset(name, 'x', n);
    name[n] = '\0';
    build_custom(b, name, NO_CODE);
    free(name);
}

/* -- The table ------------------------------------------------------------------------------ */

#define BOUND(field, words) {#field, offsetof(struct wasm_limits, field), make_##field, words}

static const struct bound {
    const char *field;
    size_t offset;
    void (*make)(struct build *b, uint32_t n);
    const char *words; /* of the refusal of one more */
} bounds[] = {
    BOUND(types, "10001 types are declared; the limit is 10000"),
    BOUND(parameters, "256 parameters are declared; the limit is 255"),
    BOUND(results, "256 results are declared; the limit is 255"),
    BOUND(type_values, "have more than 200000 parameters and results together"),
    BOUND(imports, "1001 imports are declared; the limit is 1000"),
    BOUND(functions, "100001 functions are declared; the limit is 100000"),
    BOUND(tables, "2 tables are declared; the limit is 1"),
    BOUND(globals, "10001 globals are declared; the limit is 10000"),
    BOUND(exports, "20001 exports are declared; the limit is 20000"),
    BOUND(element_segments, "10001 element segments are declared; the limit is 10000"),
    BOUND(element_items, "have more than 200000 items together"),
    BOUND(data_segments, "100001 data segments are declared; the limit is 100000"),
    BOUND(loading_items, "10001 items would have to be computed"),
    BOUND(body_bytes, "1048577 bytes long; the limit is 1048576"),
    BOUND(locals, "20001 parameters and locals are declared; the limit is 20000"),
    BOUND(all_locals, "have more than 2000000 locals together"),
    BOUND(nesting, "Blocks are nested more than 10000 deep"),
    BOUND(branches, "more than 10000 loops, ifs, branches and indirect calls"),
    BOUND(loop_nesting, "Loops are nested more than 100 deep"),
    BOUND(branch_targets, "more than 65000 targets of branch tables"),
    BOUND(carried_values, "more than 10000 values that blocks and branches carry"),
    BOUND(call_values, "more than 100000 values that calls pass and give back"),
    BOUND(local_places, "that their product is over 50000000"),
    BOUND(custom_sections, "There are more than 256 custom sections"),
    BOUND(name_bytes, "is 4097 bytes long; the limit is 4096"),
};

/* Those that the attacks bomb_edges, bomb_joins and bomb_phis bring to their true size. */
static const char *const elsewhere[] = {"local_branches", "joined_values"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cordon_error *read_with(const struct bound *bound, uint32_t n)
{
    struct build b;
    CORDON_CLEANUP_ARENA struct arena arena;
    const struct wasm_module *module = NULL;
    build_init(&b);
    arena_init(&arena, ARENA_BYTES);
    bound->make(&b, n);
    cordon_error *error = wasm_read(build_finish(&b), &wasm_limits_default, &arena, &module);
    build_done(&b);
    return error;
}

static void test_at_the_bound_and_one_past(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bounds); i++) {
        const struct bound *bound = &bounds[i];
        uint32_t most = 0;
        memcpy(&most, (const char *)&wasm_limits_default + bound->offset, sizeof most);
        CORDON_CLEANUP(cordon_error_freep) cordon_error *at = read_with(bound, most);
        if (at != NULL) {
            fail_msg("%s: %s", bound->field, cordon_error_get_message(at));
        }
        CORDON_CLEANUP(cordon_error_freep) cordon_error *past = read_with(bound, most + 1);
        const char *text = past == NULL ? "accepted" : cordon_error_get_message(past);
        if (strstr(text, bound->words) == NULL) {
            fail_msg("%s: expected %s\ngot: %s", bound->field, bound->words, text);
        }
    }
}

/* No bound is without a case. */
static void test_all_bounds(void **state)
{
    (void)state;
#define NAME(field, most, unit, text) #field,
    static const char *const names[] = {WASM_BOUNDS(NAME)};
#undef NAME
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t found = 0;
        for (size_t k = 0; k < COUNT(bounds); k++) {
            found += strcmp(bounds[k].field, names[i]) == 0;
        }
        for (size_t k = 0; k < COUNT(elsewhere); k++) {
            found += strcmp(elsewhere[k], names[i]) == 0;
        }
        if (found != 1) {
            fail_msg("%s has %zu cases", names[i], found);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/bounds/at_the_bound_and_one_past", test_at_the_bound_and_one_past, NULL, NULL, NULL},
        {"wasm/bounds/all", test_all_bounds, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
