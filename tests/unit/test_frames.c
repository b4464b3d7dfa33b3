/* Frames for people: whole, or as the engine had them. */
#include "run/frames.h"

#include "base/memory.h"
#include "support/expect.h"
#include "wasm/reader.h"

#include <stdio.h>

#define ARENA_BYTES ((size_t)16 << 20)

/* Within the code of c5.wasm, where two calls are inlined; see golden/symbols/c.txt. */
enum { INLINED_AT = 16, INLINED_FRAMES = 3 };

static struct slice load(struct arena *arena)
{
    FILE *file = fopen(CORDON_TEST_SYMBOLS "/c5.wasm", "rbe");
    assert_non_null(file);
    uint8_t *bytes = arena_alloc(arena, 1 << 20);
    assert_non_null(bytes);
    const size_t size = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    return slice_of(bytes, size);
}

/* A run's frame there, in an outcome that has room for so many bytes. */
static void begin(
    struct outcome *outcome, struct outcome_frame *frame, uint64_t offset, size_t bytes_max)
{
    outcome_init(outcome);
    arena_init(&outcome->arena, bytes_max);
    *frame = (struct outcome_frame){.function = SLICE("func[1]"), .module_offset = offset};
    outcome->frames = frame;
    outcome->frame_count = 1;
}

static void frames_are_whole_or_as_they_were(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct slice bytes = load(&arena);
    const struct wasm_module *module = NULL;
    expect_ok(wasm_read(bytes, &wasm_limits_default, &arena, &module));
    const struct slice code = wasm_find_section(module, WASM_SECTION_CODE)->content;
    const uint64_t offset = wasm_offset_of(module, code) + INLINED_AT;

    unsigned failed = 0;
    bool resolved = false;
    for (size_t room = 0; !resolved; room += 8) {
        struct outcome outcome;
        struct outcome_frame frame;
        begin(&outcome, &frame, offset, room);
        resolved = frames_resolve(&outcome, bytes);
        if (resolved) {
            assert_int_equal(outcome.frame_count, INLINED_FRAMES);
            assert_true(slice_equal(outcome.frames[0].function, SLICE("check")));
            assert_true(slice_equal(outcome.frames[2].file, SLICE("main.c")));
            assert_int_equal(outcome.frames[2].line, 18);
        } else {
            assert_ptr_equal(outcome.frames, &frame);
            assert_int_equal(outcome.frame_count, 1);
            assert_true(slice_equal(frame.function, SLICE("func[1]")));
            failed++;
        }
        outcome_done(&outcome);
    }
    assert_true(failed > 10); /* for the frames, and for each of their texts */
}

static void a_frame_is_one_line(void **state)
{
    (void)state;
    const struct {
        struct outcome_frame frame;
        const char *text;
    } rows[] = {
        {{.function = SLICE("f")}, "at f"},
        {{.function = SLICE("f<T>"), .file = SLICE("src/ä.rs"), .line = 3}, "at f<T> (src/ä.rs:3)"},
        {{.function = SLICE("a\0b\n    at fake (x.c:1)")}, "at a\\x00b\\x0a    at fake (x.c:1)"},
        {{.function = SLICE("f"), .file = SLICE("a\0b\x1b[2J.c"), .line = 1},
         "at f (a\\x00b\\x1b[2J.c:1)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, 1000);
        expect_ok(frames_write(&rows[i].frame, &text));
        expect_slice(buffer_slice(&text), slice_str(rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_whole_or_as_they_were),
        cmocka_unit_test(a_frame_is_one_line),
    };
    return cmocka_run_group_tests_name("run/frames", tests, NULL, NULL);
}
