/* From places in a module to frames for people; see frames.h. */
#include "run/frames.h"

#include "debug/demangle.h"
#include "debug/symbols.h"
#include "engine/engine.h"
#include "value/printable.h"

#include <inttypes.h>
#include <stdio.h>

_Static_assert(
    (int)OUTCOME_FRAMES_MAX == (int)ENGINE_FRAMES_MAX, "an outcome has room for a whole stack");
_Static_assert(SYMBOLS_NO_OFFSET == ENGINE_NO_OFFSET, "an offset is passed on as it is");

/* -- As the engine has them ----------------------------------------------------------------- */

/* Demangled, into the arena. */
static struct slice readable(struct arena *arena, struct slice name)
{
    char text[WASM_NAME_SHOWN_MAX];
    return arena_copy(arena, demangle(name, text));
}

static struct slice name_of(
    struct arena *arena, const struct function_names *names, uint32_t function)
{
    const struct slice name = names_find(names, function);
    if (name.size > 0) {
        return readable(arena, name);
    }
    char number[32];
    const int size = snprintf(number, sizeof number, "func[%u]", function);
    return arena_copy(arena, slice_of(number, (size_t)size));
}

void frames_copy(
    struct outcome *outcome, const struct engine_call *call, const struct function_names *names)
{
    size_t count = 0;
    const struct engine_frame *frames = engine_call_frames(call, &count);
    if (count == 0) {
        return;
    }
    outcome->frames = arena_alloc(&outcome->arena, count * sizeof *outcome->frames);
    if (outcome->frames == NULL) {
        return;
    }
    outcome->frame_count = count;
    for (size_t i = 0; i < count; i++) {
        outcome->frames[i] = (struct outcome_frame){
            .function = name_of(&outcome->arena, names, frames[i].function_index),
            .function_index = frames[i].function_index,
            .module_offset = frames[i].module_offset,
        };
    }
}

/* -- As debug information has them ---------------------------------------------------------- */

/* The frame that the engine knows of, with what was found out about it. False: no memory. */
static bool merge(
    struct arena *arena,
    const struct outcome_frame *known,
    const struct symbols_frame *found,
    struct outcome_frame *out_frame)
{
    struct outcome_frame frame = *known;
    if (found->is_named) {
        frame.function = found->is_linkage_name ? readable(arena, found->function)
                                                : arena_copy(arena, found->function);
    }
    frame.file = found->file.size > 0 ? arena_copy(arena, found->file) : found->file;
    frame.line = found->line;
    frame.is_inlined = found->is_inlined;
    *out_frame = frame;
    return frame.function.data != NULL && (found->file.size == 0 || frame.file.data != NULL);
}

static size_t find(
    const struct outcome *outcome,
    struct slice module,
    struct arena *texts,
    struct symbols_frame found[OUTCOME_FRAMES_MAX])
{
    struct symbols_place places[OUTCOME_FRAMES_MAX];
    for (size_t i = 0; i < outcome->frame_count; i++) {
        places[i] = (struct symbols_place){
            .function = outcome->frames[i].function_index,
            .module_offset = outcome->frames[i].module_offset,
        };
    }
    return symbols_resolve(module, places, outcome->frame_count, texts, found, OUTCOME_FRAMES_MAX);
}

bool frames_resolve(struct outcome *outcome, struct slice module)
{
    CORDON_CLEANUP_ARENA struct arena texts;
    arena_init(&texts, FRAMES_WORK_BYTES - SYMBOLS_WORK_BYTES);
    struct symbols_frame found[OUTCOME_FRAMES_MAX];
    const size_t count = find(outcome, module, &texts, found);
    struct outcome_frame *frames = arena_alloc(&outcome->arena, (count + 1) * sizeof *frames);
    if (count == 0 || frames == NULL) {
        return false;
    }
    size_t place = 0; /* which of the engine's frames it is: inlined ones come before it */
    for (size_t i = 0; i < count; i++) {
        if (!merge(&outcome->arena, &outcome->frames[place], &found[i], &frames[i])) {
            return false;
        }
        place += !found[i].is_inlined;
    }
    outcome->frames = frames;
    outcome->frame_count = count;
    return true;
}

/* Names are the module's: a line break in one must not begin a frame of its own. */
static cordon_error *append_name(struct buffer *text, struct slice name)
{
    while (name.size > 0) {
        char each[PRINTABLE_BYTES_EACH];
        size_t taken = 0;
        const size_t size = printable_first(name, each, &taken);
        TRY(buffer_append(text, slice_of(each, size)));
        name = slice_from(name, taken);
    }
    return NULL;
}

cordon_error *frames_write(const struct outcome_frame *frame, struct buffer *text)
{
    TRY(buffer_append(text, SLICE("at ")));
    TRY(append_name(text, frame->function));
    if (frame->file.size == 0) {
        return NULL;
    }
    TRY(buffer_append(text, SLICE(" (")));
    TRY(append_name(text, frame->file));
    return buffer_printf(text, ":%" PRIu32 ")", frame->line);
}

bool frames_clone(
    struct arena *arena,
    const struct outcome_frame *frames,
    size_t count,
    struct outcome_frame **out_frames)
{
    struct outcome_frame *copies = arena_alloc(arena, count * sizeof *copies);
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = frames[i];
        copies[i].function = arena_copy(arena, frames[i].function);
        copies[i].file = arena_copy(arena, frames[i].file);
        if (copies[i].function.data == NULL || copies[i].file.data == NULL) {
            return false;
        }
    }
    if (copies == NULL) {
        return false;
    }
    *out_frames = copies;
    return true;
}
