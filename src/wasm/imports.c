/* The import section. What is imported is read here; whether it may be is for wasm/admit.h. */
#include "wasm/sections.h"

/* Refused at the import that is one too many, as the module may have no section of that kind. */
static cordon_error *check_room(const struct wasm_cursor *c, const struct wasm_import *import)
{
    const struct wasm_place place = wasm_at(c, import->offset);
    const uint32_t before = wasm_count_imports(c->module, import->kind);
    if (import->kind == WASM_MEMORY && before > 0) {
        return wasm_refuse_feature(place, "The module", WASM_FEATURE_MULTI_MEMORY);
    }
    if (import->kind == WASM_TABLE && before >= c->limits->tables) {
        return wasm_refuse(
            place, WASM_ADVICE_SMALLER, "More tables than the limit of %u are imported",
            c->limits->tables);
    }
    return NULL;
}

static cordon_error *take_import(struct wasm_cursor *c, struct wasm_import *out_import)
{
    struct wasm_import import = {.offset = c->at};
    const uint32_t name_max = c->limits->name_bytes;
    TRY(wasm_take_name(c, "The module name of an import", name_max, &import.module));
    TRY(wasm_take_name(c, "The name of an import", name_max, &import.name));
    TRY(wasm_take_kind(c, "An import", &import.kind));
    switch (import.kind) {
    case WASM_FUNCTION:
        TRY(wasm_take_index(
            c, "The type of an imported function", c->module->type_count, &import.type));
        break;
    case WASM_TABLE:
        TRY(check_room(c, &import));
        TRY(wasm_take_table_type(c, &import.table));
        break;
    case WASM_MEMORY:
        TRY(check_room(c, &import));
        TRY(wasm_take_memory_type(c, &import.memory));
        break;
    case WASM_GLOBAL:
        TRY(wasm_take_global_type(c, &import.global));
        break;
    }
    *out_import = import;
    return NULL;
}

cordon_error *wasm_read_imports(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "imports", c->limits->imports, 4, &count));
    void *items = NULL;
    TRY(wasm_allocate(c, count, sizeof *module->imports, &items));
    module->imports = items;
    for (; module->import_count < count; module->import_count++) {
        TRY(take_import(c, &module->imports[module->import_count]));
    }
    return NULL;
}
