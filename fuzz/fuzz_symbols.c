/*
 * Modules as a failing run finds them: places in their code, and past it, are named. Whatever the
 * bytes are, each place has a frame, and each text can be shown to people.
 */
#include "debug/symbols.h"

#include "value/utf8.h"

#define PLACES 24
#define FRAMES_MAX 64

static void check_text(struct slice text)
{
    CORDON_ASSERT(text.size == 0 || utf8_valid(text));
    for (size_t i = 0; i < text.size; i++) {
        CORDON_ASSERT(text.data[i] >= 0x20 && text.data[i] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbols_place places[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) {
        places[i] = (struct symbols_place){i % 7, 90 + (uint64_t)i * 17};
    }
    places[PLACES - 1].module_offset = SYMBOLS_NO_OFFSET;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)4 << 20);
    struct symbols_frame frames[FRAMES_MAX];
    const size_t count =
        symbols_resolve(slice_of(data, size), places, PLACES, &arena, frames, FRAMES_MAX);
    CORDON_ASSERT(count >= PLACES && count <= FRAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        CORDON_ASSERT(frames[i].function.size > 0);
        CORDON_ASSERT(frames[i].function.size <= SYMBOLS_NAME_BYTES_MAX);
        CORDON_ASSERT(frames[i].file.size <= SYMBOLS_PATH_BYTES_MAX);
        CORDON_ASSERT(frames[i].line > 0 || frames[i].column == 0);
        check_text(frames[i].function);
        check_text(frames[i].file);
    }
    return 0;
}
