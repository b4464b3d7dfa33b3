/*
 * What places in modules are called. Modules of clang and rustc are compared with what LLVM's
 * symbolizer says about each byte of their code (tests/golden/symbols/make made both); the rest is
 * about what is missing, damaged, too much or hostile.
 */
#include "debug/symbols.h"

#include "base/memory.h"
#include "debug/dwarf.h"
#include "debug/symbols_path.h"
#include "support/expect.h"
#include "support/size.h"
#include "unit/wasm_build.h"
#include "value/utf8.h"
#include "wasm/reader.h"

#define FRAMES_MAX 64
#define ARENA_BYTES ((size_t)16 << 20)

/* -- Against LLVM --------------------------------------------------------------------------- */

/* A file of tests/golden/symbols, with a NUL behind it; freed by the test. */
static struct slice load(const char *name, const char *ending)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s%s", CORDON_TEST_SYMBOLS, name, ending);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = mem_new(size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    (void)fclose(file);
    return slice_of(bytes, size);
}

static void unload(struct slice file)
{
    mem_free((void *)(uintptr_t)file.data);
}

struct golden {
    struct slice bytes;
    struct arena arena;
    const struct wasm_module *module;
    uint32_t code; /* where the code section's contents begin */
    uint32_t code_bytes;
};

static void open_golden(struct golden *golden, const char *name)
{
    golden->bytes = load(name, ".wasm");
    arena_init(&golden->arena, ARENA_BYTES);
    expect_ok(wasm_read(golden->bytes, &wasm_limits_default, &golden->arena, &golden->module));
    const struct wasm_section *code = wasm_find_section(golden->module, WASM_SECTION_CODE);
    golden->code = wasm_offset_of(golden->module, code->content);
    golden->code_bytes = (uint32_t)code->content.size;
}

static void close_golden(struct golden *golden)
{
    arena_done(&golden->arena);
    unload(golden->bytes);
}

/* The function whose body holds that offset in the module; 0 before the first. */
static uint32_t function_at(const struct golden *golden, uint32_t offset)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < golden->module->function_count; i++) {
        if (golden->module->functions[i].body_offset <= offset) {
            found = i;
        }
    }
    return found;
}

/* The next word of a line; false at its end. */
static bool take_word(const char **line, char word[1024])
{
    while (**line == ' ') {
        ++*line;
    }
    const size_t size = strcspn(*line, " \n");
    assert_true(size < 1024);
    memcpy(word, *line, size);
    word[size] = '\0';
    *line += size;
    return size > 0;
}

/*
 * LLVM's answer to a frame: FUNCTION FILE:LINE:COLUMN. Where it knows no line, the line on which
 * the function begins is ours, without a column.
 */
static bool is_as_told(
    const struct symbols_frame *frame, const char *function, char *position, struct slice named)
{
    unsigned column = 0;
    unsigned line = 0;
    char *end = strchr(position, ':');
    assert_int_equal(sscanf(end, ":%u:%u", &line, &column), 2);
    *end = '\0';
    const bool unnamed = strcmp(function, "??") == 0;
    if (!slice_equal(frame->function, unnamed ? named : slice_str(function))) {
        return false;
    }
    if (line == 0) {
        return frame->column == 0;
    }
    return slice_equal(frame->file, slice_str(position)) && frame->line == line &&
           frame->column == column;
}

static void compare(const struct golden *golden, uint32_t offset, const char *answer)
{
    const uint32_t at = golden->code + offset;
    const struct symbols_place place = {function_at(golden, at), at};
    const struct slice named = golden->module->functions[place.function].name;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct symbols_frame frames[FRAMES_MAX];
    const size_t count = symbols_resolve(golden->bytes, &place, 1, &arena, frames, FRAMES_MAX);
    char function[1024];
    char position[1024];
    size_t told = 0;
    for (const char *line = answer; take_word(&line, function); told++) {
        assert_true(take_word(&line, position));
        if (told >= count || !is_as_told(&frames[told], function, position, named)) {
            fail_msg(
                "offset %u, frame %zu: LLVM says%.*s", offset, told, (int)strcspn(answer, "\n"),
                answer);
        }
        assert_int_equal(frames[told].is_inlined, told + 1 < count);
    }
    if (told == 0) { /* no more than a name is known */
        assert_int_equal(count, 1);
        expect_slice(frames[0].function, named);
        assert_true(frames[0].line == 0 && frames[0].file.size == 0);
        return;
    }
    assert_int_equal(count, told);
}

static void compare_all(const char *module, const char *answers)
{
    struct golden golden;
    open_golden(&golden, module);
    const struct slice text = load(answers, ".txt");
    const char *line = (const char *)text.data;
    uint32_t offset = 0;
    while (*line != '\0') {
        char *answer = NULL;
        assert_int_equal(strtoul(line, &answer, 10), offset);
        line += strcspn(line, "\n") + 1;
        const uint32_t next = *line == '\0' ? golden.code_bytes : (uint32_t)strtoul(line, NULL, 10);
        for (; offset < next; offset++) {
            compare(&golden, offset, answer);
        }
    }
    assert_int_equal(offset, golden.code_bytes);
    unload(text);
    close_golden(&golden);
}

static const char *const languages[] = {"c", "lto", "cpp", "lines", "rust"};

static void test_as_llvm(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(languages); i++) {
        for (int version = 4; version <= 5; version++) {
            char module[32];
            (void)snprintf(module, sizeof module, "%s%d", languages[i], version);
            compare_all(module, languages[i]);
        }
    }
}

/* -- Whole traces --------------------------------------------------------------------------- */

/* Places all over the code, in no order, some of them twice. */
static size_t spread(const struct golden *golden, struct symbols_place places[FRAMES_MAX])
{
    for (uint32_t i = 0; i < FRAMES_MAX; i++) {
        const uint32_t at = golden->code + i * 37 % golden->code_bytes / 3 * 3;
        places[i] = (struct symbols_place){function_at(golden, at), at};
    }
    return FRAMES_MAX;
}

static void assert_same_frame(const struct symbols_frame *a, const struct symbols_frame *b)
{
    expect_slice(a->function, b->function);
    expect_slice(a->file, b->file);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->column, b->column);
    assert_int_equal(a->is_inlined, b->is_inlined);
    assert_int_equal(a->is_linkage_name, b->is_linkage_name);
}

/* Resolved together, places are what they are alone, and the greatest number cuts the end off. */
static void test_trace(void **state)
{
    (void)state;
    struct golden golden;
    open_golden(&golden, "rust5");
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct symbols_place places[FRAMES_MAX];
    const size_t count = spread(&golden, places);
    struct symbols_frame together[4 * FRAMES_MAX];
    struct symbols_frame alone[FRAMES_MAX];
    const size_t all =
        symbols_resolve(golden.bytes, places, count, &arena, together, COUNT(together));
    assert_true(all > 2 * count && all < COUNT(together));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t own = symbols_resolve(golden.bytes, &places[i], 1, &arena, alone, FRAMES_MAX);
        for (size_t k = 0; k < own; k++) {
            assert_same_frame(&together[at++], &alone[k]);
        }
    }
    assert_int_equal(at, all);
    for (size_t max = 0; max <= FRAMES_MAX; max++) {
        assert_int_equal(symbols_resolve(golden.bytes, places, count, &arena, alone, max), max);
        for (size_t k = 0; k < max; k++) {
            assert_same_frame(&alone[k], &together[k]);
        }
    }
    close_golden(&golden);
}

/* -- Without debug information --------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    struct build b;
    build_init(&b);
    build_import(&b, "convex/core", "log", "ii", "I");
    for (int i = 0; i < 4; i++) {
        build_function(&b, "f", "", "", CODE(OP_UNREACHABLE));
    }
    build_name(&b, 0, "log");
    build_name(&b, 2, "_ZN5alpha4betaEv");
    build_name(
        &b, 3,
        "ga\x1b[31mmm\xc2\x9b"
        "a\xff\xc3\xa4");
    build_name(&b, 4, "");
    const struct slice module = build_finish(&b);
    static const struct {
        uint32_t function;
        uint64_t offset;
        const char *name;
        bool is_linkage_name;
    } cases[] = {
        {3, 40, "ga?[31mmm?a?\xc3\xa4", true},
        {0, SYMBOLS_NO_OFFSET, "log", true},
        {2, 0, "_ZN5alpha4betaEv", true},
        {1, 40, "func[1]", false}, /* has no name */
        {4, 40, "func[4]", false}, /* has an empty one */
        {3, SYMBOLS_NO_OFFSET - 1, "ga?[31mmm?a?\xc3\xa4", true},
        {UINT32_MAX, UINT32_MAX, "func[4294967295]", false},
    };
    struct symbols_place places[COUNT(cases)];
    for (size_t i = 0; i < COUNT(cases); i++) {
        places[i] = (struct symbols_place){cases[i].function, cases[i].offset};
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct symbols_frame frames[FRAMES_MAX];
    assert_int_equal(
        symbols_resolve(module, places, COUNT(cases), &arena, frames, FRAMES_MAX), COUNT(cases));
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect_slice(frames[i].function, slice_str(cases[i].name));
        assert_int_equal(frames[i].is_linkage_name, cases[i].is_linkage_name);
        assert_true(frames[i].file.size == 0 && frames[i].line == 0 && !frames[i].is_inlined);
    }
    build_done(&b);
}

/* A name longer than what is kept is cut, and not in the middle of a character. */
static void test_long_name(void **state)
{
    (void)state;
    char name[SYMBOLS_NAME_BYTES_MAX + 3];
    memset(name, 'x', sizeof name);
    memcpy(name + SYMBOLS_NAME_BYTES_MAX - 1, "\xc3\xa4", 3);
    struct build b;
    build_init(&b);
    build_function(&b, "f", "", "", CODE(OP_UNREACHABLE));
    build_name(&b, 0, name);
    const struct slice module = build_finish(&b);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct symbols_frame frame;
    const struct symbols_place place = {0, SYMBOLS_NO_OFFSET};
    assert_int_equal(symbols_resolve(module, &place, 1, &arena, &frame, 1), 1);
    expect_slice(frame.function, slice_of(name, SYMBOLS_NAME_BYTES_MAX - 1));
    build_done(&b);
}

/* -- Damage --------------------------------------------------------------------------------- */

/* Whatever the bytes are, each place has a frame, and each text can be shown. */
static void check_shown(struct slice text)
{
    assert_true(utf8_valid(text));
    for (size_t i = 0; i < text.size; i++) {
        assert_true(text.data[i] >= 0x20 && text.data[i] != 0x7f);
    }
}

static void check_resolves(struct slice module, const struct symbols_place *places, size_t count)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct symbols_frame frames[FRAMES_MAX];
    const size_t made = symbols_resolve(module, places, count, &arena, frames, FRAMES_MAX);
    assert_true(made >= count);
    for (size_t i = 0; i < made; i++) {
        assert_true(frames[i].function.size > 0);
        assert_true(frames[i].line > 0 || frames[i].column == 0);
        check_shown(frames[i].function);
        check_shown(frames[i].file);
    }
}

/* Each module cut off after each byte, and with each byte changed. */
static void test_damaged(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0xff, 0x80, 0x01};
    const size_t step = 1 + 100 / test_size(100);
    for (size_t i = 0; i < COUNT(languages); i++) {
        struct golden golden;
        char name[32];
        (void)snprintf(name, sizeof name, "%s%d", languages[i], 4 + (int)(i % 2));
        open_golden(&golden, name);
        struct symbols_place places[FRAMES_MAX];
        (void)spread(&golden, places);
        for (size_t size = 0; size < golden.bytes.size; size += step) {
            uint8_t *cut = mem_new(size + 1); /* a block of its own, for AddressSanitizer */
            memcpy(cut, golden.bytes.data, size);
            check_resolves(slice_of(cut, size), places, 4);
            mem_free(cut);
        }
        uint8_t *bytes = (uint8_t *)(uintptr_t)golden.bytes.data;
        for (size_t at = 8; at < golden.bytes.size; at += step) {
            const uint8_t before = bytes[at];
            for (size_t k = 0; k < COUNT(values); k++) {
                bytes[at] = values[k];
                check_resolves(golden.bytes, places, 4);
            }
            bytes[at] = before;
        }
        close_golden(&golden);
    }
}

/* With each allocation failing in turn there are fewer frames, and nothing leaks. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct golden golden;
    open_golden(&golden, "lto5");
    struct symbols_place places[FRAMES_MAX];
    const size_t count = spread(&golden, places);
    struct symbols_frame frames[FRAMES_MAX];
    size_t most = 0;
    for (uint64_t nth = 1;; nth++) {
        struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        (void)mem_fail_nth(nth);
        const size_t made =
            symbols_resolve(golden.bytes, places, count, &arena, frames, FRAMES_MAX);
        const bool was_all = mem_fail_nth(0) < nth;
        arena_done(&arena);
        most = made > most ? made : most;
        if (was_all) {
            assert_int_equal(made, FRAMES_MAX);
            break;
        }
    }
    assert_int_equal(most, FRAMES_MAX);
    struct arena small;
    arena_init(&small, 2048); /* for the texts */
    const size_t made = symbols_resolve(golden.bytes, places, count, &small, frames, FRAMES_MAX);
    assert_true(made > 0 && made < FRAMES_MAX);
    arena_done(&small);
    close_golden(&golden);
}

/* -- Paths ---------------------------------------------------------------------------------- */

static const struct {
    const char *base;
    const char *directory;
    const char *name;
    const char *shown;
} paths[] = {
    /* relative to the folder in which the compiler ran */
    {"/build/x/app", "", "main.c", "main.c"},
    {"/build/x/app", "src", "main.c", "src/main.c"},
    {"/build/x/app", "/build/x/app/src", "main.c", "src/main.c"},
    {"/build/x/app", "", "/build/x/app/src/main.c", "src/main.c"},
    {"/build/x/app/", ".", "./src//a/../main.c", "src/main.c"},
    {"", "src", "main.c", "src/main.c"},
    {".", "src", "main.c", "src/main.c"},
    {"", "..", "../a/../main.c", "../../main.c"},
    /* to the first folder that both are in */
    {"/build/x/app/build", "..", "src/main.c", "src/main.c"},
    {"/build/x/app/build", "/build/x/lib", "a.c", "lib/a.c"},
    {"/build/x/app", "/build/xy", "a.c", "xy/a.c"},
    {"/app", "", "/app", "app"},
    /* of the machine */
    {"/build/x/app", "/usr/include/bits", "stdio.h", "include/bits/stdio.h"},
    {"/build/x/app", "", "/stdio.h", "stdio.h"},
    {"/app", "../../..", "a.c", "a.c"},
    {"", "/a/b/c/d", "e.c", "c/d/e.c"},
    /* of Rust's library */
    {"/rustc/0f2c3d/library/core", "src", "option.rs", "library/core/src/option.rs"},
    {"/rustc/0f2c3d", "/rustc/0f2c3d/library/std/src", "io.rs", "library/std/src/io.rs"},
    {"/x/app", "/opt/rust/lib/rustlib/src/rust/library/alloc/src", "vec.rs",
     "library/alloc/src/vec.rs"},
    {"/x/app", "", "/rustc/lib.rs", "rustc/lib.rs"},
    /* of crates */
    {"/x/app", "/build/x/.cargo/registry/src/index-6f17d22bba15001f/serde-1.0.200/src", "lib.rs",
     "serde-1.0.200/src/lib.rs"},
    {"/x/app", "cargo/registry/src/index-6f17d22bba15001f/serde-1.0.200/src", "lib.rs",
     "serde-1.0.200/src/lib.rs"},
    {"/x/app", "/build/x/.cargo/git/checkouts/thing-1a2b/9f8e/src", "lib.rs",
     "thing-1a2b/9f8e/src/lib.rs"},
    {"/build/x/.cargo/registry/src/index-6f17d22bba15001f/serde-1.0.200", "src", "lib.rs",
     "serde-1.0.200/src/lib.rs"},
    {"/x/app", "registry/src", "lib.rs", "registry/src/lib.rs"},
    {".", "rust/library/core/src/slice", "index.rs", "library/core/src/slice/index.rs"},
    {"./x/app", "rust/library/std/src", "rt.rs", "library/std/src/rt.rs"},
    {"/x/app", "rust/library", "a.rs", "library/a.rs"},
    {"/x/app", "rust", "library", "rust/library"},
    {"./examples/a", "./sdk/src", "rt.rs", "sdk/src/rt.rs"},
    {"./examples/a", "src", "lib.rs", "examples/a/src/lib.rs"},
    {"./examples/a", "src", "./lib.rs", "lib.rs"},
    {"/x/app", "./src", "./lib.rs", "src/lib.rs"},
    /* of Windows */
    {"C:\\build\\x\\app", "src", "main.rs", "src/main.rs"},
    {"C:\\build\\x\\app", "C:\\build\\x\\app\\src", "a\\main.rs", "src/a/main.rs"},
    {"c:/build/x/app", "D:\\sdk\\include\\sys", "io.h", "include/sys/io.h"},
    {"/build/x/app", "od\\d", "a.c", "od\\d/a.c"},
    /* nothing to show */
    {"/build/x/app", "src", "", ""},
    {"/build/x/app", "src", "..", "app"},
    {"", "", "..", ".."},
    {"/", "", "/", ""},
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        const struct dwarf_file file = {
            .base = slice_str(paths[i].base),
            .directory = slice_str(paths[i].directory),
            .name = slice_str(paths[i].name),
        };
        char buffer[SYMBOLS_PATH_BYTES_MAX];
        expect_slice(symbols_path_show(&file, buffer), slice_str(paths[i].shown));
    }
}

/* A function that was inlined into one of another program is shown as where it comes from. */
static void test_home(void **state)
{
    (void)state;
    const struct dwarf_file file = {
        .base = SLICE("/lib/std"),
        .directory = SLICE("/build/x/app/src"),
        .name = SLICE("main.rs"),
        .home = SLICE("/build/x/app"),
    };
    char buffer[SYMBOLS_PATH_BYTES_MAX];
    expect_slice(symbols_path_show(&file, buffer), SLICE("src/main.rs"));
}

/* From what does not fit, the front is missing. */
static void test_long_paths(void **state)
{
    (void)state;
    char long_name[2 * SYMBOLS_PATH_BYTES_MAX];
    memset(long_name, 'n', sizeof long_name);
    char buffer[SYMBOLS_PATH_BYTES_MAX];
    struct dwarf_file file = {
        .directory = SLICE("a/b"),
        .name = slice_of(long_name, sizeof long_name),
    };
    expect_slice(symbols_path_show(&file, buffer), slice_of(long_name, sizeof buffer));
    file.name.size = sizeof buffer;
    expect_slice(symbols_path_show(&file, buffer), slice_of(long_name, sizeof buffer));
    file.name.size -= 2;
    memcpy(long_name, "nn", 2);
    const struct slice shown = symbols_path_show(&file, buffer);
    assert_int_equal(shown.size, sizeof buffer);
    assert_memory_equal(shown.data, "b/n", 3);
    char deep[2 * SYMBOLS_PATH_BYTES_MAX];
    for (size_t i = 0; i < sizeof deep; i++) {
        deep[i] = i % 2 == 0 ? 'd' : '/';
    }
    file.directory = slice_of(deep, sizeof deep);
    file.name = SLICE("end");
    const struct slice cut = symbols_path_show(&file, buffer);
    assert_int_equal(cut.size, 63 * 2 + 3);
    assert_memory_equal(cut.data + cut.size - 7, "d/d/end", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_llvm),    cmocka_unit_test(test_trace),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_home),
        cmocka_unit_test(test_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
