/* The export section, its index by name, and the start section. */
#include "wasm/sections.h"

static uint32_t count_of_kind(const struct wasm_module *module, enum wasm_kind kind)
{
    switch (kind) {
    case WASM_FUNCTION:
        return module->function_count;
    case WASM_TABLE:
        return module->table_count;
    case WASM_MEMORY:
        return module->memory_count;
    case WASM_GLOBAL:
        return module->global_count;
    }
    return 0;
}

static cordon_error *take_export(struct wasm_cursor *c, struct wasm_export *out_export)
{
    struct wasm_export export = {.offset = c->at};
    TRY(wasm_take_name(c, "The name of an export", c->limits->name_bytes, &export.name));
    TRY(wasm_take_kind(c, "An export", &export.kind));
    const uint32_t start = c->at;
    TRY(wasm_take_u32(c, "The index of an export", &export.index));
    const uint32_t count = count_of_kind(c->module, export.kind);
    if (export.index >= count) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The export %s is %s %u, but the module has %u of them", wasm_quote(export.name).text,
            wasm_kind_name(export.kind), export.index, count);
    }
    if (export.kind == WASM_FUNCTION) {
        struct wasm_function *function = &c->module->functions[export.index];
        function->exported = true;
        if (function->name.size == 0) {
            function->name = export.name;
        }
    }
    *out_export = export;
    return NULL;
}

static int compare_names(const void *a, const void *b, void *exports)
{
    const struct wasm_export *all = exports;
    const struct slice first = all[*(const uint32_t *)a].name;
    const struct slice second = all[*(const uint32_t *)b].name;
    return slice_compare(first, second);
}

/* Sorts the exports by name, as lookups need it, and finds a name that is there twice. */
static cordon_error *index_by_name(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    void *items = NULL;
    TRY(wasm_allocate(c, module->export_count, sizeof *module->exports_by_name, &items));
    uint32_t *order = items;
    for (uint32_t i = 0; i < module->export_count; i++) {
        order[i] = i;
    }
    qsort_r(order, module->export_count, sizeof *order, compare_names, module->exports);
    for (uint32_t i = 1; i < module->export_count; i++) {
        const struct wasm_export *one = &module->exports[order[i - 1]];
        const struct wasm_export *other = &module->exports[order[i]];
        if (slice_equal(one->name, other->name)) {
            const uint32_t later = one->offset > other->offset ? one->offset : other->offset;
            return wasm_refuse(
                wasm_at(c, later), WASM_ADVICE_DAMAGED, "The name %s is exported twice",
                wasm_quote(one->name).text);
        }
    }
    module->exports_by_name = order;
    return NULL;
}

cordon_error *wasm_read_exports(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "exports", c->limits->exports, 3, &count));
    void *items = NULL;
    TRY(wasm_allocate(c, count, sizeof *module->exports, &items));
    module->exports = items;
    for (uint32_t i = 0; i < count; i++) {
        TRY(take_export(c, &module->exports[i]));
    }
    module->export_count = count;
    return index_by_name(c);
}

cordon_error *wasm_read_start(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    if (c->absent) {
        return NULL;
    }
    const uint32_t at = c->at;
    uint32_t start = 0;
    TRY(wasm_take_index(c, "The start function", module->function_count, &start));
    const struct wasm_func_type *type = wasm_function_type(module, start);
    if (type->params.size > 0 || type->results.size > 0) {
        struct wasm_place place = wasm_at(c, at);
        place.function = start;
        return wasm_refuse(
            place, WASM_ADVICE_DAMAGED, "The start function takes parameters or gives results");
    }
    module->start = start;
    return NULL;
}
