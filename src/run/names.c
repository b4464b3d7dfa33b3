/* All names in one text, each with its end; see names.h. */
#include "run/names.h"

#include "value/utf8.h"

/* What of the function's name is kept, if there is room for so much. */
static struct slice kept(const struct wasm_module *module, uint32_t function, size_t used)
{
    const struct slice name = utf8_cut(module->functions[function].name, WASM_NAME_SHOWN_MAX);
    return name.size <= NAMES_BYTES_MAX - used ? name : (struct slice){0};
}

static size_t measure(const struct wasm_module *module)
{
    size_t used = 0;
    for (uint32_t i = 0; i < module->function_count; i++) {
        used += kept(module, i, used).size;
    }
    return used;
}

cordon_error *names_keep(
    const struct wasm_module *module, struct arena *arena, struct function_names *out_names)
{
    const uint32_t count = module->function_count;
    const size_t size = measure(module);
    uint32_t *ends = arena_alloc(arena, (count + (size_t)1) * sizeof *ends);
    uint8_t *text = arena_alloc(arena, size + 1);
    if (ends == NULL || text == NULL) {
        return error_no_memory();
    }
    uint32_t used = 0;
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct slice name = kept(module, i, used);
        if (name.size > 0) {
            memcpy(text + used, name.data, name.size);
        } else {
            left_out += module->functions[i].name.size > 0;
        }
        used += (uint32_t)name.size;
        ends[i] = used;
    }
    *out_names =
        (struct function_names){.count = count, .ends = ends, .text = text, .left_out = left_out};
    return NULL;
}

struct slice names_find(const struct function_names *names, uint32_t function)
{
    if (function >= names->count) {
        return (struct slice){0};
    }
    const uint32_t start = function == 0 ? 0 : names->ends[function - 1];
    return slice_of(names->text + start, names->ends[function] - start);
}
