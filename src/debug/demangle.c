/*
 * libiberty's demanglers are called in the form that hands out pieces: nothing is allocated, and
 * the whole has our own bound. They can't be stopped, so a name is looked at before.
 */
#include "debug/demangle.h"

#include "value/utf8.h"

#include <libiberty/demangle.h>

/*
 * References of a C++ name to its own parts. Each can double what is printed at most, with a third
 * of them spent on each level: 24 make 3^8 times the text. Names of the standard library's deepest
 * templates have about 20.
 */
#define REFERENCES_MAX 24

struct collected {
    char *text;
    size_t size;
};

static void collect(const char *piece, size_t size, void *opaque)
{
    struct collected *name = opaque;
    const size_t room = WASM_NAME_SHOWN_MAX - name->size;
    const size_t take = size < room ? size : room;
    memcpy(name->text + name->size, piece, take);
    name->size += take;
}

static bool is_ascii(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* S_, S1Z_, T_, T0_: a part that was there before, or an argument of a template. */
static size_t count_references(struct slice name)
{
    size_t count = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] != 'S' && name.data[i] != 'T') {
            continue;
        }
        size_t end = i + 1;
        while (end < name.size && ((name.data[end] >= '0' && name.data[end] <= '9') ||
                                   (name.data[end] >= 'A' && name.data[end] <= 'Z'))) {
            end++;
        }
        count += end < name.size && name.data[end] == '_';
    }
    return count;
}

/* By libiberty, which wants a NUL behind the name. */
static bool demangle_others(struct slice name, char buffer[WASM_NAME_SHOWN_MAX], size_t *out_size)
{
    char text[WASM_NAME_SHOWN_MAX];
    if (name.size >= sizeof text || count_references(name) > REFERENCES_MAX) {
        return false;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    struct collected collected = {.text = buffer};
    bool is_good = slice_starts_with(name, SLICE("_ZN")) &&
                   rust_demangle_callback(text, DMGL_AUTO, collect, &collected) != 0;
    if (!is_good) {
        collected.size = 0;
        is_good =
            cplus_demangle_v3_callback(text, DMGL_PARAMS | DMGL_ANSI, collect, &collected) != 0;
    }
    *out_size = collected.size;
    return is_good && collected.size > 0;
}

struct slice demangle(struct slice name, char buffer[WASM_NAME_SHOWN_MAX])
{
    size_t size = 0;
    bool is_good = false;
    if (is_ascii(name) && slice_starts_with(name, SLICE("_R"))) {
        is_good = demangle_rust(name, buffer, &size);
    } else if (is_ascii(name) && slice_starts_with(name, SLICE("_Z"))) {
        is_good = demangle_others(name, buffer, &size);
    }
    if (is_good) {
        return utf8_cut(slice_of(buffer, size), WASM_NAME_SHOWN_MAX);
    }
    const struct slice cut = utf8_cut(name, WASM_NAME_SHOWN_MAX);
    if (cut.size > 0) {
        memcpy(buffer, cut.data, cut.size);
    }
    return slice_of(buffer, cut.size);
}
