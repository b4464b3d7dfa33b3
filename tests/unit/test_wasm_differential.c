/*
 * The reader against the engine's validator. Both are given the same modules: each operator there
 * is, modules made at random, the guests of the tests, and mutants of all of these. What one takes
 * and the other refuses must be on a list of a few reasons; anything else is a fault in one of
 * them.
 *
 * Operands are where the two differ by design: the reader does not type them. So a generated body
 * has `unreachable` before most operators, behind which operands may be anything, and what is left
 * to disagree about is everything else.
 *
 * The numbers are drawn from one seed: the same modules in each run, and more of them at a larger
 * size (tests/support/size.h).
 */
#include "engine/codegen.h"
#include "support/size.h"
#include "support/validator.h"
#include "unit/wasm_build.h"
#include "wasm/reader.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define SEED 0x9e3779b97f4a7c15u

/* -- Reasons -------------------------------------------------------------------------------- */

struct reason {
    const char *words; /* of the one that refuses */
    const char *why;
    size_t seen;
};

/* The validator refuses what the reader takes. */
static struct reason theirs_alone[] = {
    {"type mismatch", "the reader does not type operands", 0},
};

/*
 * The reader refuses what the validator takes: bounds of ours, which are below those of the engine.
 */
static struct reason ours_alone[] = {
    {"; the limit is", "a bound on a count or a size", 0},
    {"The function has more than", "a bound on what the compiler takes", 0},
    {"Loops are nested more than", "the same", 0},
    {"The function types have more than", "the same, of all types", 0},
    {"so many blocks and branches that their product is over", "the same", 0},
    {"An import is of the unknown kind 0x20", "an exact import, which it takes as another", 0},
    {"A constant expression has more than 64 operators", "it is computed at every start", 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_explained(struct reason *reasons, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strstr(text, reasons[i].words) != NULL) {
            reasons[i].seen++;
            return true;
        }
    }
    return false;
}

/* -- The two -------------------------------------------------------------------------------- */

struct verdicts {
    struct support_validator *validator;
    const struct wasm_limits *limits;
    size_t both_take;
    size_t both_refuse;
};

/* Whether the reader takes it; else its words. */
static bool reader_accepts(
    const struct wasm_limits *limits, struct slice wasm, char *words, size_t words_size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct wasm_module *module = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_read(wasm, limits, &arena, &module);
    (void)snprintf(
        words, words_size, "%s", error == NULL ? "accepted" : cordon_error_get_message(error));
    return error == NULL;
}

static void print_hex(struct slice wasm)
{
    for (size_t i = 0; i < wasm.size && i < 4096; i++) {
        (void)fprintf(stderr, "%02x%s", wasm.data[i], i % 32 == 31 ? "\n" : " ");
    }
    (void)fputc('\n', stderr);
}

/* Puts one module before both. */
static void compare(struct verdicts *verdicts, const char *label, size_t number, struct slice wasm)
{
    char ours[1024] = "accepted";
    char theirs[1024] = "accepted";
    const bool we_take = reader_accepts(verdicts->limits, wasm, ours, sizeof ours);
    const bool they_take =
        support_validator_accepts(verdicts->validator, wasm, theirs, sizeof theirs);
    verdicts->both_take += we_take && they_take;
    verdicts->both_refuse += !we_take && !they_take;
    if (we_take == they_take ||
        (we_take && is_explained(theirs_alone, COUNT(theirs_alone), theirs)) ||
        (they_take && is_explained(ours_alone, COUNT(ours_alone), ours))) {
        return;
    }
    print_hex(wasm);
    fail_msg(
        "%s, module %zu of %zu bytes\nreader: %s\nvalidator: %s", label, number, wasm.size, ours,
        theirs);
}

static void verdicts_open(struct verdicts *verdicts)
{
    *verdicts =
        (struct verdicts){.validator = support_validator_new(), .limits = &wasm_limits_default};
}

static void verdicts_close(struct verdicts *verdicts)
{
    support_validator_free(verdicts->validator);
}

/* -- Numbers at random ---------------------------------------------------------------------- */

static uint64_t seed = SEED;

static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 32) % below);
}

static bool one_in(uint32_t many)
{
    return draw(many) == 0;
}

/* -- Every operator ------------------------------------------------------------------------- */

/*
 * A module in whose body every index up to 1 is good, and 0 of what there is one. The operator
 * stands behind `unreachable`, so that its operands are whatever it wants.
 */
static void build_operator(struct build *b, struct slice operator)
{
    struct buffer code;
    buffer_init(&code, 1000);
    emit_byte(&code, OP_UNREACHABLE);
    emit(&code, operator);
    emit_byte(&code, OP_UNREACHABLE);
    build_init(b);
    build_function_locals(b, "f", "iI", "", "fFV", buffer_slice(&code));
    build_function(b, NULL, "", "", NO_CODE);
    build_memory(b, "memory", 1, 1);
    build_table(b, 2, 2);
    build_elements(b, 0, (uint32_t[]){1}, 1);
    build_global(b, true, 0);
    build_data_count(b, 1);
    build_data(b, 0, SLICE("x"));
    buffer_done(&code);
}

/* What may stand behind an operator: as much of it as it takes, then operators. */
static const char *const behind[] = {
    "",
    "00",
    "00 00",
    "00 00 00",
    "01 70 00",
    "70",
    "40 0b",
    "40 05 0b",
    "7f 0b",
    "00 0b 00",
    "02 00 00",
    "03 ff ff ff ff 0f",
    "04 80 00",
    "42 00 00",
    "80 80 80 80 00 80 00 00",
    "00 00 00 00",
    "00 00 00 00 00 00 00 00",
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
    "1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 1f 20",
};

/* Whether both take it with anything behind it. */
static bool compare_operator(
    struct verdicts *verdicts, const char *label, uint32_t prefix, uint32_t code)
{
    const size_t taken_before = verdicts->both_take;
    for (size_t i = 0; i < COUNT(behind); i++) {
        struct buffer operator;
        buffer_init(&operator, 100);
        if (prefix != 0) {
            emit_byte(&operator, prefix);
            emit_u32(&operator, code);
        } else {
            emit_byte(&operator, code);
        }
        emit_hex(&operator, behind[i]);
        struct build b;
        build_operator(&b, buffer_slice(&operator));
        compare(verdicts, label, code * COUNT(behind) + i, build_finish(&b));
        build_done(&b);
        buffer_done(&operator);
    }
    return verdicts->both_take > taken_before;
}

/*
 * Of one byte 181: all of the first version but `else` and `end`, which have no meaning alone; sign
 * extension, references, the typed selection and tables. 18 behind 0xfc, 236 of SIMD, and these two
 * prefixes.
 */
enum { OPERATORS_ADMITTED = 181 + 18 + 236 + 2 };

static void test_operators(void **state)
{
    (void)state;
    static const uint32_t prefixes[] = {0xfb, 0xfc, 0xfd, 0xfe};
    struct verdicts verdicts;
    verdicts_open(&verdicts);
    size_t taken = 0;
    for (uint32_t code = 0; code < 256; code++) {
        taken += compare_operator(&verdicts, "operator", 0, code);
    }
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "operator behind %02x", prefixes[i]);
        for (uint32_t code = 0; code < 0x130; code++) {
            taken += compare_operator(&verdicts, label, prefixes[i], code);
        }
    }
    assert_int_equal(taken, OPERATORS_ADMITTED);
    verdicts_close(&verdicts);
}

/* -- Modules at random ---------------------------------------------------------------------- */

static const char *random_types(char text[8])
{
    static const char letters[] = "iIfFVr";
    const uint32_t size = draw(4);
    for (uint32_t i = 0; i < size; i++) {
        text[i] = letters[draw(6)];
    }
    text[size] = '\0';
    return text;
}

/* An index of about so many things: most often a good one. */
static void emit_index(struct buffer *code, uint32_t count)
{
    emit_u32(code, one_in(400) ? draw(UINT32_MAX) : draw(count + one_in(200) + (count == 0)));
}

struct shape {
    uint32_t types;
    uint32_t functions;
    uint32_t globals;
    uint32_t elements;
    uint32_t data;
};

static void emit_access(struct buffer *code)
{
    emit_u32(code, one_in(30) ? draw(one_in(4) ? 70 : 5) : 0);
    emit_u32(code, one_in(4) ? draw(UINT32_MAX) : draw(100));
}

/* What stands behind an operator, near enough to what it wants. */
static void emit_behind(struct buffer *code, const struct shape *shape, uint32_t depth, uint32_t op)
{
    if (op == OP_BR || op == OP_BR_IF) {
        emit_index(code, depth + 1);
    } else if (op == 0x0e) {
        const uint32_t count = draw(4);
        emit_u32(code, count);
        for (uint32_t i = 0; i <= count; i++) {
            emit_index(code, depth + 1);
        }
    } else if (op == OP_CALL || op == 0xd2) {
        emit_index(code, shape->functions);
    } else if (op == OP_CALL_INDIRECT) {
        emit_index(code, shape->types);
        emit_index(code, 1);
    } else if (op == 0x1c) {
        emit_u32(code, one_in(10) ? draw(4) : 1);
        emit_byte(code, build_type_code("iIfFVr"[draw(6)]));
    } else if (op >= OP_LOCAL_GET && op <= OP_LOCAL_TEE) {
        emit_index(code, 4);
    } else if (op == OP_GLOBAL_GET || op == OP_GLOBAL_SET) {
        emit_index(code, shape->globals);
    } else if (op == 0x25 || op == 0x26) {
        emit_index(code, 1);
    } else if (op >= OP_I32_LOAD && op <= 0x3e) {
        emit_access(code);
    } else if (op == OP_MEMORY_SIZE || op == OP_MEMORY_GROW) {
        emit_index(code, 1);
    } else if (op == OP_I32_CONST || op == OP_I64_CONST) {
        emit_signed(code, (int64_t)draw(UINT32_MAX) - (op == OP_I32_CONST ? INT32_MAX : 0));
    } else if (op == 0x43 || op == 0x44) {
        emit(code, slice_of("\0\0\x80\x7f\0\0\xf0\x7f", op == 0x43 ? 4 : 8));
    } else if (op == 0xd0) {
        emit_byte(code, one_in(10) ? 0x6f + draw(2) : 0x70);
    }
}

static void emit_bulk(struct buffer *code, const struct shape *shape)
{
    uint32_t op = draw(one_in(60) ? 24 : 18);
    if (!one_in(40) && ((shape->data == 0 && (op == 8 || op == 9)) ||
                        (shape->elements == 0 && (op == 12 || op == 13)))) {
        op = 10;
    }
    emit_byte(code, OP_PREFIX);
    emit_u32(code, op);
    if (op == 8 || op == 9) {
        emit_index(code, shape->data);
    } else if (op == 12 || op == 13) {
        emit_index(code, shape->elements);
    } else if (op > 7) {
        emit_index(code, 1);
    }
    if (op == 8 || op == 10 || op == 12 || op == 14) {
        emit_index(code, 1);
    }
}

static void emit_simd(struct buffer *code)
{
    const uint32_t op = draw(one_in(40) ? 0x108 : 0x9a);
    emit_byte(code, 0xfd);
    emit_u32(code, op);
    if (op <= 11 || (op >= 84 && op <= 93)) {
        emit_access(code);
    }
    if ((op >= 21 && op <= 34) || (op >= 84 && op <= 91)) {
        emit_byte(code, draw(one_in(10) ? 20 : 2));
    }
    for (uint32_t i = 0; i < 16 && (op == 12 || op == 13); i++) {
        emit_byte(code, draw(one_in(100) ? 256 : 32));
    }
}

static void emit_block_type(struct buffer *code, const struct shape *shape)
{
    switch (draw(4)) {
    case 0:
        emit_byte(code, build_type_code("iIfFVr"[draw(6)]));
        return;
    case 1:
        emit_signed(code, draw(shape->types + one_in(10)));
        return;
    default:
        emit_byte(code, OP_BLOCK_EMPTY);
    }
}

static void emit_code(struct buffer *code, const struct shape *shape, uint32_t depth);

static void emit_block(struct buffer *code, const struct shape *shape, uint32_t depth)
{
    const uint32_t op = OP_BLOCK + draw(3);
    emit_byte(code, op);
    emit_block_type(code, shape);
    emit_code(code, shape, depth + 1);
    if (op == OP_IF ? !one_in(4) : one_in(60)) {
        emit_byte(code, OP_ELSE);
        emit_code(code, shape, depth + 1);
    }
    if (!one_in(100)) {
        emit_byte(code, OP_END);
    }
}

static void emit_operator(struct buffer *code, const struct shape *shape, uint32_t depth)
{
    /* Of those of one byte, all that are admitted and a few that are not. */
    const uint32_t op = one_in(200) ? draw(256) : one_in(40) ? 0xd0 + draw(3) : 0x0c + draw(0xb9);
    if (one_in(6)) {
        emit_simd(code);
    } else if (one_in(8)) {
        emit_bulk(code, shape);
    } else if (one_in(6) && depth < 12) {
        emit_block(code, shape, depth);
    } else if (
        (op >= 0x12 && op < 0x1a && !one_in(30)) || (op >= 0x1d && op < 0x20) || op == 0x27) {
        emit_byte(code, OP_NOP);
    } else {
        emit_byte(code, op);
        emit_behind(code, shape, depth, op);
    }
}

/* Ends where operands may be anything, as do most operators before. */
static void emit_code(struct buffer *code, const struct shape *shape, uint32_t depth)
{
    for (uint32_t left = draw(12); left > 0; left--) {
        if (!one_in(150)) {
            emit_byte(code, OP_UNREACHABLE);
        }
        emit_operator(code, shape, depth);
    }
    if (!one_in(100)) {
        emit_byte(code, OP_UNREACHABLE);
    }
}

/* A constant expression of the type of a global, or not quite. */
static void emit_constant(struct buffer *out, uint32_t code, const struct shape *shape)
{
    if (one_in(60)) {
        emit_byte(out, OP_GLOBAL_GET);
        emit_index(out, shape->globals);
    } else if (code == 0x7f && one_in(4)) {
        emit_hex(out, one_in(30) ? "41 01 41 02" : "41 01");
        for (uint32_t i = draw(3); i > 0; i--) {
            emit_hex(out, one_in(30) ? "6b" : "41 7f 6c");
        }
    } else if (code == 0x7f || code == 0x7e) {
        emit_byte(out, code == 0x7f ? OP_I32_CONST : OP_I64_CONST);
        emit_signed(out, draw(1000));
    } else {
        emit_hex(
            out, code == 0x7d   ? "43 00 00 00 00"
                 : code == 0x7c ? "44 00 00 00 00 00 00 00 00"
                 : code == 0x7b ? "fd 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
                                : "d0 70");
    }
    emit_byte(out, OP_END);
}

/* Additions in a row; now and then more operators than the reader computes. */
static void add_long_constant(struct build *b)
{
    struct buffer entry;
    buffer_init(&entry, 1000);
    emit_hex(&entry, "7f 00 41 00");
    for (uint32_t i = 28 + draw(5); i > 0; i--) {
        emit_hex(&entry, "41 01 6a");
    }
    emit_byte(&entry, OP_END);
    build_raw(b, 6, 1, buffer_slice(&entry));
    buffer_done(&entry);
}

static void add_global(struct build *b, const struct shape *shape)
{
    if (one_in(40)) {
        add_long_constant(b);
        return;
    }
    struct buffer entry;
    buffer_init(&entry, 1000);
    const uint32_t type = build_type_code("iIfFVr"[draw(6)]);
    emit_byte(&entry, type);
    emit_byte(&entry, one_in(100) ? draw(6) : draw(2));
    emit_constant(&entry, type, shape);
    build_raw(b, 6, 1, buffer_slice(&entry));
    buffer_done(&entry);
}

/* Segments of each form. */
static void add_segments(struct build *b, const struct shape *shape)
{
    static const char *const elements[] = {
        "00 41 00 0b 01 00",       "01 00 01 00",
        "02 00 41 00 0b 00 01 00", "03 00 01 00",
        "04 41 00 0b 01 d2 00 0b", "05 70 01 d0 70 0b",
        "06 00 41 00 0b 70 00",    "07 70 01 d2 01 0b",
        "02 01 41 00 0b 00 00",    "08 00",
    };
    static const char *const data[] = {
        "00 41 00 0b 01 78", "01 00", "02 00 41 00 0b 00", "02 01 41 00 0b 00", "00 42 00 0b 00",
    };
    for (uint32_t i = 0; i < shape->elements + shape->data; i++) {
        const bool element = i < shape->elements;
        struct buffer entry;
        buffer_init(&entry, 100);
        if (element) {
            emit_hex(&entry, elements[draw(one_in(60) ? COUNT(elements) : 8)]);
        } else {
            emit_hex(&entry, data[draw(one_in(60) ? COUNT(data) : 3)]);
        }
        build_raw(b, element ? 9 : 11, 1, buffer_slice(&entry));
        buffer_done(&entry);
    }
    if (!one_in(60)) {
        build_data_count(b, shape->data + one_in(100));
    }
}

/* At least `min`, most often. */
static int64_t random_max(uint32_t min)
{
    return one_in(2) ? BUILD_NO_MAX : (int64_t)(one_in(60) ? draw(4) : min + draw(4));
}

static void build_random(struct build *b)
{
    char params[8];
    char results[8];
    build_init(b);
    const uint32_t imports = draw(3);
    for (uint32_t i = 0; i < imports; i++) {
        build_import(b, "m", "f", random_types(params), random_types(results));
    }
    if (one_in(4)) {
        build_import_global(b, "m", "g", "iIfFVr"[draw(6)], one_in(4));
    }
    struct shape shape = {
        .functions = imports + 1 + draw(4),
        .globals = draw(4),
        .elements = draw(4),
        .data = draw(3),
    };
    shape.types = shape.functions; /* one is made for each */
    const uint32_t elements = draw(10);
    const uint32_t pages = draw(3);
    if (!one_in(60)) {
        build_table(b, elements, random_max(elements));
    }
    if (!one_in(60)) {
        build_memory(b, one_in(2) ? "memory" : NULL, pages, random_max(pages));
    }
    for (uint32_t i = 0; i < shape.globals; i++) {
        add_global(b, &shape);
    }
    shape.globals += b->imported[BUILD_GLOBAL];
    for (uint32_t i = imports; i < shape.functions; i++) {
        struct buffer code;
        buffer_init(&code, BUILD_BYTES_MAX);
        emit_code(&code, &shape, 0);
        char name[16];
        (void)snprintf(name, sizeof name, "f%u", one_in(200) ? 1 : i);
        build_function_locals(
            b, one_in(2) ? NULL : name, random_types(params), random_types(results), "iIfF",
            buffer_slice(&code));
        buffer_done(&code);
    }
    add_segments(b, &shape);
    if (one_in(20)) {
        build_start(b, draw(shape.functions));
    }
}

/* -- Mutants -------------------------------------------------------------------------------- */

/* Changes a few bytes; keeps the size nine times out of ten, as most of a module is counted. */
static void mutate(struct buffer *wasm)
{
    static const uint8_t interesting[] = {0x00, 0x01, 0x0b, 0x40, 0x7f, 0x80, 0xfc, 0xfd, 0xff};
    if (wasm->size < 16) {
        return;
    }
    const uint32_t size = (uint32_t)wasm->size;
    for (uint32_t changes = 1 + draw(2); changes > 0; changes--) {
        const uint32_t at = 8 + draw(size - 8);
        switch (draw(10)) {
        case 0:
            wasm->size = one_in(4) ? at : wasm->size;
            return;
        case 1: /* bytes from elsewhere */
            memmove(wasm->data + at, wasm->data + draw(at), draw(size - at + 1) % 8);
            break;
        case 2:
        case 3:
        case 4:
            wasm->data[at] = interesting[draw(COUNT(interesting))];
            break;
        case 5:
        case 6:
            wasm->data[at] ^= (uint8_t)(1u << draw(8));
            break;
        default:
            wasm->data[at] = (uint8_t)draw(256);
        }
    }
}

static void compare_mutants(
    struct verdicts *verdicts, const char *label, struct slice wasm, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer mutant;
        buffer_init(&mutant, wasm.size);
        emit(&mutant, wasm);
        mutate(&mutant);
        compare(verdicts, label, i, buffer_slice(&mutant));
        buffer_done(&mutant);
    }
}

/* Bounds that modules of a few hundred bytes can pass. */
static struct wasm_limits tight_limits(void)
{
    struct wasm_limits limits = wasm_limits_default;
    limits.type_values = 20;
    limits.branches = 12;
    limits.branch_targets = 2;
    limits.carried_values = 20;
    limits.call_values = 60;
    limits.local_places = 150;
    limits.local_branches = 20;
    limits.loop_nesting = 2;
    limits.loading_items = 2;
    limits.joined_values = 8;
    return limits;
}

static void test_random(void **state)
{
    (void)state;
    const struct wasm_limits tight = tight_limits();
    struct verdicts verdicts;
    verdicts_open(&verdicts);
    const size_t modules = test_size(20000);
    seed = SEED;
    for (size_t i = 0; i < modules; i++) {
        struct build b;
        build_random(&b);
        const struct slice wasm = build_finish(&b);
        verdicts.limits = one_in(4) ? &tight : &wasm_limits_default;
        compare(&verdicts, "random", i, wasm);
        compare_mutants(&verdicts, "mutant of a random one", wasm, 5);
        build_done(&b);
    }
    /* Enough of both, or nothing was compared. */
    printf("%zu taken by both, %zu refused by both\n", verdicts.both_take, verdicts.both_refuse);
    assert_true(verdicts.both_take > modules / 2);
    assert_true(verdicts.both_refuse > modules / 2);
    verdicts_close(&verdicts);
}

/*
 * What both take is compiled without a word: behind the validator there is no other that refuses.
 * A module without functions takes it some ms, so these are few.
 */
static void test_compiled(void **state)
{
    (void)state;
    struct verdicts verdicts;
    struct codegen *codegen = NULL;
    verdicts_open(&verdicts);
    assert_null(codegen_new(&codegen));
    seed = SEED;
    const size_t modules = test_size(100);
    for (size_t compiled = 0; compiled < modules;) {
        const size_t before = verdicts.both_take;
        struct build b;
        build_random(&b);
        compare(&verdicts, "random", compiled, build_finish(&b));
        if (verdicts.both_take > before) {
            struct slice artifact;
            CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
                codegen_run(codegen, build_finish(&b), NULL, &artifact);
            if (error != NULL) {
                print_hex(build_finish(&b));
                fail_msg("module %zu: %s", compiled, cordon_error_get_message(error));
            }
            compiled++;
        }
        build_done(&b);
    }
    codegen_free(codegen);
    verdicts_close(&verdicts);
}

/* -- Guests --------------------------------------------------------------------------------- */

enum { GUEST_BYTES_MAX = 64 << 10 };

static void compare_guest(struct verdicts *verdicts, const char *name, size_t mutants)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", CORDON_TEST_GUESTS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = malloc(GUEST_BYTES_MAX);
    assert_non_null(bytes);
    const struct slice wasm = slice_of(bytes, fread(bytes, 1, GUEST_BYTES_MAX, file));
    (void)fclose(file);
    compare(verdicts, name, 0, wasm);
    compare_mutants(verdicts, name, wasm, mutants);
    free(bytes);
}

static int is_module(const struct dirent *entry)
{
    const size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".wasm") == 0;
}

static void test_guests(void **state)
{
    (void)state;
    struct dirent **entries = NULL;
    struct verdicts verdicts;
    verdicts_open(&verdicts);
    const int count = scandir(CORDON_TEST_GUESTS, &entries, is_module, alphasort);
    assert_true(count > 30);
    seed = SEED;
    for (int i = 0; i < count; i++) {
        compare_guest(&verdicts, entries[i]->d_name, test_size(300));
        free(entries[i]);
    }
    free(entries);
    verdicts_close(&verdicts);
}

/* A reason that nothing needs any more leaves the list. */
static void test_reasons(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(theirs_alone) + COUNT(ours_alone); i++) {
        const struct reason *reason =
            i < COUNT(theirs_alone) ? &theirs_alone[i] : &ours_alone[i - COUNT(theirs_alone)];
        printf("%6zu  %s: %s\n", reason->seen, reason->words, reason->why);
        if (reason->seen == 0 && test_size(100) >= 100) {
            fail_msg("never seen: %s", reason->words);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"wasm/differential/operators", test_operators, NULL, NULL, NULL},
        {"wasm/differential/random", test_random, NULL, NULL, NULL},
        {"wasm/differential/compiled", test_compiled, NULL, NULL, NULL},
        {"wasm/differential/guests", test_guests, NULL, NULL, NULL},
        {"wasm/differential/reasons", test_reasons, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
