/* The custom section "name". */
#include "wasm/sections.h"

enum { NAMES_MODULE = 0, NAMES_FUNCTIONS = 1 };

static cordon_error *take_function_names(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "function names", module->function_count, 2, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t function = 0;
        struct slice name = {NULL, 0};
        TRY(wasm_take_index(c, "The function of a name", module->function_count, &function));
        TRY(wasm_take_name(c, "The name of a function", UINT32_MAX, &name));
        if (name.size > 0) {
            module->functions[function].name = name;
        }
    }
    return NULL;
}

/* Names of locals, labels, types and the rest are passed over. */
static cordon_error *take_subsection(struct wasm_cursor *c)
{
    uint8_t id = 0;
    uint32_t size = 0;
    TRY(wasm_take_byte(c, "The kind of names", &id));
    TRY(wasm_take_u32(c, "The size of a part of the name section", &size));
    struct slice content;
    struct wasm_cursor part = *c;
    TRY(wasm_take_bytes(c, size, "A part of the name section", &content));
    part.end = c->at;
    part.at = c->at - size;
    if (id == NAMES_MODULE) {
        return wasm_take_name(&part, "The name of the module", UINT32_MAX, &c->module->name);
    }
    return id == NAMES_FUNCTIONS ? take_function_names(&part) : NULL;
}

static cordon_error *take_subsections(struct wasm_cursor *c)
{
    while (wasm_left(c) > 0) {
        TRY(take_subsection(c));
    }
    return NULL;
}

cordon_error *wasm_read_names(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const struct wasm_section *section = wasm_find_custom(module, SLICE("name"), NULL);
    if (section == NULL) {
        return NULL;
    }
    struct wasm_cursor names = *c;
    names.section = WASM_SECTION_CUSTOM;
    names.custom = section->name;
    names.at = wasm_offset_of(module, section->content);
    names.end = names.at + (uint32_t)section->content.size;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = take_subsections(&names);
    if (error == NULL) {
        return NULL;
    }
    if (cordon_error_get_code(error) != CORDON_E_MODULE_REFUSED) {
        return CORDON_TAKE(error);
    }
    module->names_fault = arena_copy(c->arena, slice_str(cordon_error_get_message(error)));
    return module->names_fault.data == NULL ? wasm_no_room(c) : NULL;
}
