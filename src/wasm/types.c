/* The type section, and the kinds and types that imports, exports and definitions share. */
#include "wasm/sections.h"

/* The types of parameters or results stay where they are: one byte each. */
static cordon_error *take_type_list(
    struct wasm_cursor *c,
    const char *items,
    const char *what,
    uint32_t max,
    struct slice *out_types)
{
    uint32_t count = 0;
    TRY(wasm_take_count(c, items, max, 1, &count));
    const uint8_t *first = c->module->bytes.data + c->at;
    for (uint32_t i = 0; i < count; i++) {
        enum wasm_type type;
        TRY(wasm_take_type(c, what, &type));
    }
    *out_types = slice_of(first, count);
    return NULL;
}

#define FORM_FUNCTION 0x60

static cordon_error *take_form(struct wasm_cursor *c)
{
    const uint32_t start = c->at;
    uint8_t form = 0;
    TRY(wasm_take_byte(c, "The form of a type", &form));
    switch (form) {
    case FORM_FUNCTION:
        return NULL;
    case 0x4c: /* described and describing types, recursion groups, subtypes, structs, arrays */
    case 0x4d:
    case 0x4e:
    case 0x4f:
    case 0x50:
    case 0x5e:
    case 0x5f:
        return wasm_refuse_feature(wasm_at(c, start), "A type", WASM_FEATURE_GC);
    case 0x5d:
        return wasm_refuse_feature(wasm_at(c, start), "A type", WASM_FEATURE_STACK_SWITCHING);
    case 0x65:
        return wasm_refuse_feature(wasm_at(c, start), "A type", WASM_FEATURE_THREADS);
    default:
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The form of a type is 0x%02x, not 0x60 for a function", form);
    }
}

cordon_error *wasm_read_types(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "types", c->limits->types, 3, &count));
    void *items = NULL;
    TRY(wasm_allocate(c, count, sizeof *module->types, &items));
    module->types = items;
    size_t values = 0;
    for (; module->type_count < count; module->type_count++) {
        const uint32_t start = c->at;
        struct wasm_func_type *type = &module->types[module->type_count];
        TRY(take_form(c));
        TRY(take_type_list(
            c, "parameters", "A parameter type", c->limits->parameters, &type->params));
        TRY(take_type_list(c, "results", "A result type", c->limits->results, &type->results));
        values += type->params.size + type->results.size;
        if (values > c->limits->type_values) {
            return wasm_refuse(
                wasm_at(c, start), WASM_ADVICE_SMALLER,
                "The function types have more than %u parameters and results together",
                c->limits->type_values);
        }
    }
    return NULL;
}

cordon_error *wasm_take_kind(struct wasm_cursor *c, const char *subject, enum wasm_kind *out_kind)
{
    const uint32_t start = c->at;
    uint8_t kind = 0;
    TRY(wasm_take_byte(c, "The kind of an import or export", &kind));
    if (kind == 4) {
        return wasm_refuse_feature(wasm_at(c, start), subject, WASM_FEATURE_EXCEPTIONS);
    }
    if (kind >= WASM_KIND_COUNT) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "%s is of the unknown kind 0x%02x", subject,
            kind);
    }
    *out_kind = (enum wasm_kind)kind;
    return NULL;
}

enum range_flag {
    RANGE_HAS_MAX = 1,
    RANGE_SHARED = 2,
    RANGE_64 = 4,
    RANGE_PAGE_SIZE = 8, /* memories only */
};

static cordon_error *take_range_flags(
    struct wasm_cursor *c, const char *subject, uint8_t known, uint8_t *out_flags)
{
    const uint32_t start = c->at;
    uint8_t flags = 0;
    TRY(wasm_take_byte(c, "The limits of a table or memory", &flags));
    const struct wasm_place place = wasm_at(c, start);
    if ((flags & ~known) != 0) {
        return wasm_refuse(
            place, WASM_ADVICE_DAMAGED, "%s has limits of the unknown form 0x%02x", subject, flags);
    }
    if ((flags & RANGE_SHARED) != 0) {
        return wasm_refuse_feature(place, subject, WASM_FEATURE_THREADS);
    }
    if ((flags & RANGE_64) != 0) {
        return wasm_refuse_feature(place, subject, WASM_FEATURE_MEMORY64);
    }
    if ((flags & RANGE_PAGE_SIZE) != 0) {
        return wasm_refuse_feature(place, subject, WASM_FEATURE_PAGE_SIZES);
    }
    *out_flags = flags;
    return NULL;
}

static cordon_error *take_range(
    struct wasm_cursor *c, const char *subject, uint8_t known_flags, struct wasm_range *out_range)
{
    const uint32_t start = c->at;
    uint8_t flags = 0;
    TRY(take_range_flags(c, subject, known_flags, &flags));
    struct wasm_range range = {.max = UINT32_MAX, .has_max = (flags & RANGE_HAS_MAX) != 0};
    TRY(wasm_take_u32(c, "A minimum", &range.min));
    if (range.has_max) {
        TRY(wasm_take_u32(c, "A maximum", &range.max));
    }
    if (range.min > range.max) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "%s has the minimum %u over its maximum %u",
            subject, range.min, range.max);
    }
    *out_range = range;
    return NULL;
}

cordon_error *wasm_take_table_type(struct wasm_cursor *c, struct wasm_table *out_table)
{
    struct wasm_table table = {.offset = c->at};
    if (c->at < c->end && c->module->bytes.data[c->at] == 0x40) { /* a table with an initialiser */
        return wasm_refuse_feature(wasm_here(c), "A table", WASM_FEATURE_FUNCTION_REFERENCES);
    }
    enum wasm_type type;
    TRY(wasm_take_type(c, "The element type of a table", &type));
    if (type != WASM_FUNCREF) {
        return wasm_refuse(
            wasm_at(c, table.offset), WASM_ADVICE_DAMAGED,
            "The element type of a table is %s, which is no reference", wasm_type_name(type));
    }
    TRY(take_range(c, "A table", RANGE_HAS_MAX | RANGE_SHARED | RANGE_64, &table.elements));
    *out_table = table;
    return NULL;
}

/* 4 GiB: all that 32 bits address. */
#define PAGES_MAX 65536

cordon_error *wasm_take_memory_type(struct wasm_cursor *c, struct wasm_memory *out_memory)
{
    struct wasm_memory memory = {.offset = c->at};
    TRY(take_range(
        c, "The memory", RANGE_HAS_MAX | RANGE_SHARED | RANGE_64 | RANGE_PAGE_SIZE, &memory.pages));
    const uint32_t most = memory.pages.has_max ? memory.pages.max : memory.pages.min;
    if (most > PAGES_MAX) {
        return wasm_refuse(
            wasm_at(c, memory.offset), WASM_ADVICE_DAMAGED,
            "The memory may have %u pages; 32 bits address at most %u", most, PAGES_MAX);
    }
    *out_memory = memory;
    return NULL;
}

cordon_error *wasm_take_global_type(struct wasm_cursor *c, struct wasm_global *out_global)
{
    struct wasm_global global = {.offset = c->at};
    TRY(wasm_take_type(c, "The type of a global", &global.type));
    const uint32_t start = c->at;
    uint8_t flags = 0;
    TRY(wasm_take_byte(c, "The mutability of a global", &flags));
    if (flags > 3) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The mutability of a global is 0x%02x, neither 0 nor 1", flags);
    }
    if (flags > 1) { /* shared-everything-threads */
        return wasm_refuse_feature(wasm_at(c, start), "A global", WASM_FEATURE_THREADS);
    }
    global.is_mutable = flags == 1;
    *out_global = global;
    return NULL;
}
