/*
 * The sections that define functions, tables, memories and globals.
 *
 * Each of the four index spaces is the imports of that kind, in order, then the section's own
 * definitions; so each reader here runs even where the section is absent.
 */
#include "wasm/sections.h"

/* The first import of that kind from `from` on; the caller knows that there is one. */
static const struct wasm_import *next_import(
    const struct wasm_module *module, enum wasm_kind kind, uint32_t *from)
{
    while (module->imports[*from].kind != kind) {
        (*from)++;
    }
    return &module->imports[(*from)++];
}

cordon_error *wasm_read_functions(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t imported = wasm_count_imports(module, WASM_FUNCTION);
    uint32_t defined = 0;
    TRY(wasm_take_count(c, "functions", c->limits->functions, 1, &defined));
    void *items = NULL;
    TRY(wasm_allocate(c, imported + defined, sizeof *module->functions, &items));
    module->functions = items;
    uint32_t from = 0;
    for (uint32_t i = 0; i < imported; i++) {
        module->functions[i] = (struct wasm_function){
            .type = next_import(module, WASM_FUNCTION, &from)->type, .imported = true};
    }
    for (uint32_t i = imported; i < imported + defined; i++) {
        TRY(wasm_take_index(
            c, "The type of a function", module->type_count, &module->functions[i].type));
    }
    module->function_count = imported + defined;
    return NULL;
}

cordon_error *wasm_read_tables(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    const uint32_t imported = wasm_count_imports(module, WASM_TABLE);
    uint32_t defined = 0;
    TRY(wasm_take_count(c, "tables", c->limits->tables, 3, &defined));
    if (imported + defined > c->limits->tables) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_SMALLER,
            "%u tables are imported or defined; the limit is %u", imported + defined,
            c->limits->tables);
    }
    void *items = NULL;
    TRY(wasm_allocate(c, imported + defined, sizeof *module->tables, &items));
    module->tables = items;
    uint32_t from = 0;
    for (uint32_t i = 0; i < imported; i++) {
        module->tables[i] = next_import(module, WASM_TABLE, &from)->table;
        module->tables[i].imported = true;
    }
    for (uint32_t i = imported; i < imported + defined; i++) {
        TRY(wasm_take_table_type(c, &module->tables[i]));
    }
    module->table_count = imported + defined;
    return NULL;
}

cordon_error *wasm_read_memories(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    const uint32_t imported = wasm_count_imports(module, WASM_MEMORY);
    uint32_t defined = 0;
    TRY(wasm_take_count(c, "memories", UINT32_MAX, 2, &defined));
    if (imported + defined > 1) {
        return wasm_refuse_feature(wasm_at(c, start), "The module", WASM_FEATURE_MULTI_MEMORY);
    }
    void *items = NULL;
    TRY(wasm_allocate(c, 1, sizeof *module->memories, &items));
    module->memories = items;
    if (imported == 1) {
        uint32_t from = 0;
        module->memories[0] = next_import(module, WASM_MEMORY, &from)->memory;
        module->memories[0].imported = true;
    } else if (defined == 1) {
        TRY(wasm_take_memory_type(c, &module->memories[0]));
    }
    module->memory_count = imported + defined;
    return NULL;
}

cordon_error *wasm_read_tags(struct wasm_cursor *c)
{
    if (c->absent) {
        return NULL;
    }
    return wasm_refuse_feature(wasm_here(c), "The module", WASM_FEATURE_EXCEPTIONS);
}

cordon_error *wasm_read_globals(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t imported = wasm_count_imports(module, WASM_GLOBAL);
    uint32_t defined = 0;
    TRY(wasm_take_count(c, "globals", c->limits->globals, 4, &defined));
    void *items = NULL;
    TRY(wasm_allocate(c, imported + defined, sizeof *module->globals, &items));
    module->globals = items;
    uint32_t from = 0;
    for (uint32_t i = 0; i < imported; i++) {
        module->globals[i] = next_import(module, WASM_GLOBAL, &from)->global;
        module->globals[i].imported = true;
    }
    module->global_count = imported; /* an initial value may read these, and only these */
    for (uint32_t i = imported; i < imported + defined; i++) {
        struct wasm_global *global = &module->globals[i];
        TRY(wasm_take_global_type(c, global));
        TRY(wasm_take_constant(c, global->type, &global->initial));
    }
    module->global_count = imported + defined;
    return NULL;
}
