/*
 * Frames for people. Names come from the module, so they are hostile: libiberty's demanglers are
 * called in the form that hands out pieces, with our own bound on the whole.
 */
#include "run/frames.h"

#include "base/buffer.h"
#include "engine/engine.h"

#include <libiberty/demangle.h>
#include <stdio.h>

struct collected {
    char text[WASM_NAME_SHOWN_MAX];
    size_t size;
};

static void collect(const char *piece, size_t size, void *opaque)
{
    struct collected *name = opaque;
    const size_t room = sizeof name->text - name->size;
    const size_t take = size < room ? size : room;
    memcpy(name->text + name->size, piece, take);
    name->size += take;
}

static struct slice demangle(struct arena *arena, struct slice mangled)
{
    char text[WASM_NAME_SHOWN_MAX];
    if (mangled.size >= sizeof text) {
        return arena_copy(arena, mangled); /* it was cut, and is no name that can be read */
    }
    memcpy(text, mangled.data, mangled.size);
    text[mangled.size] = '\0';
    struct collected name = {.size = 0};
    if (strncmp(text, "_R", 2) == 0 || strncmp(text, "_ZN", 3) == 0) {
        if (rust_demangle_callback(text, DMGL_AUTO, collect, &name) != 0 && name.size > 0) {
            return arena_copy(arena, slice_of(name.text, name.size));
        }
        name.size = 0;
    }
    if (strncmp(text, "_Z", 2) == 0 &&
        cplus_demangle_v3_callback(text, DMGL_PARAMS | DMGL_ANSI, collect, &name) != 0 &&
        name.size > 0) {
        return arena_copy(arena, slice_of(name.text, name.size));
    }
    return arena_copy(arena, mangled);
}

static struct slice name_of(
    struct arena *arena, const struct function_names *names, uint32_t function)
{
    const struct slice name = names_find(names, function);
    if (name.size > 0) {
        return demangle(arena, name);
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
        outcome->frames[i].function = name_of(&outcome->arena, names, frames[i].function_index);
    }
}
