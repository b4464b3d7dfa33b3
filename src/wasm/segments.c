/* The element, data count and data sections. */
#include "wasm/sections.h"

/* The three bits that say what an element segment looks like. */
enum element_flag {
    ELEMENT_NOT_ACTIVE = 1,
    ELEMENT_EXPLICIT = 2,    /* active: names its table; else: only declared */
    ELEMENT_EXPRESSIONS = 4, /* items are constant expressions */
};

#define ELEMENT_FLAGS_MAX 7

static cordon_error *take_element_target(
    struct wasm_cursor *c, uint32_t flags, struct wasm_element_segment *segment)
{
    if ((flags & ELEMENT_NOT_ACTIVE) != 0) {
        segment->mode = (flags & ELEMENT_EXPLICIT) != 0 ? WASM_DECLARED : WASM_PASSIVE;
        return NULL;
    }
    segment->mode = WASM_ACTIVE;
    if ((flags & ELEMENT_EXPLICIT) != 0) {
        TRY(wasm_take_index(
            c, "The table of an element segment", c->module->table_count, &segment->table));
    } else if (c->module->table_count == 0) {
        return wasm_refuse(
            wasm_at(c, segment->offset), WASM_ADVICE_DAMAGED,
            "An element segment fills table 0, but the module has none");
    }
    return wasm_take_constant(c, WASM_I32, &segment->target);
}

/* The kind of items, or their type. Segments of form 0 and 4 leave it out. */
static cordon_error *take_element_type(struct wasm_cursor *c, uint32_t flags)
{
    if ((flags & (ELEMENT_NOT_ACTIVE | ELEMENT_EXPLICIT)) == 0) {
        return NULL;
    }
    const uint32_t start = c->at;
    if ((flags & ELEMENT_EXPRESSIONS) == 0) {
        uint8_t kind = 0;
        TRY(wasm_take_byte(c, "The kind of an element segment", &kind));
        if (kind != 0) {
            return wasm_refuse(
                wasm_at(c, start), WASM_ADVICE_DAMAGED,
                "The kind of an element segment is 0x%02x, not 0 for functions", kind);
        }
        return NULL;
    }
    enum wasm_type type;
    TRY(wasm_take_type(c, "The type of an element segment", &type));
    if (type != WASM_FUNCREF) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The type of an element segment is %s, which is no reference", wasm_type_name(type));
    }
    return NULL;
}

static cordon_error *take_element_item(struct wasm_cursor *c, bool expression)
{
    if (expression) {
        struct wasm_constant ignored;
        return wasm_take_constant(c, WASM_FUNCREF, &ignored);
    }
    uint32_t function = 0;
    TRY(wasm_take_index(
        c, "The function in an element segment", c->module->function_count, &function));
    c->module->functions[function].referenced = true;
    return NULL;
}

static cordon_error *take_element_segment(
    struct wasm_cursor *c, uint32_t items_before, struct wasm_element_segment *out_segment)
{
    struct wasm_element_segment segment = {.offset = c->at};
    uint32_t flags = 0;
    TRY(wasm_take_u32(c, "The form of an element segment", &flags));
    if (flags > ELEMENT_FLAGS_MAX) {
        return wasm_refuse(
            wasm_at(c, segment.offset), WASM_ADVICE_DAMAGED,
            "The form of an element segment is %u; there are 0 to 7", flags);
    }
    TRY(take_element_target(c, flags, &segment));
    TRY(take_element_type(c, flags));
    segment.expressions = (flags & ELEMENT_EXPRESSIONS) != 0;
    TRY(wasm_take_count(
        c, "items of an element segment", UINT32_MAX, segment.expressions ? 3 : 1, &segment.count));
    if (segment.count > c->limits->element_items - items_before) {
        return wasm_refuse(
            wasm_at(c, segment.offset), WASM_ADVICE_SMALLER,
            "The element segments have more than %u items together", c->limits->element_items);
    }
    const uint32_t first = c->at;
    for (uint32_t i = 0; i < segment.count; i++) {
        TRY(take_element_item(c, segment.expressions));
    }
    segment.items = slice_of(c->module->bytes.data + first, c->at - first);
    *out_segment = segment;
    return NULL;
}

cordon_error *wasm_read_elements(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "element segments", c->limits->element_segments, 3, &count));
    void *items = NULL;
    TRY(wasm_allocate(c, count, sizeof *module->elements, &items));
    module->elements = items;
    uint32_t items_before = 0;
    for (; module->element_count < count; module->element_count++) {
        struct wasm_element_segment *segment = &module->elements[module->element_count];
        TRY(take_element_segment(c, items_before, segment));
        items_before += segment->count;
    }
    return NULL;
}

cordon_error *wasm_read_data_count(struct wasm_cursor *c)
{
    if (c->absent) {
        return NULL;
    }
    c->module->has_data_count = true;
    return wasm_take_u32(c, "The number of data segments", &c->module->declared_data_count);
}

enum data_form { DATA_ACTIVE, DATA_PASSIVE, DATA_EXPLICIT };

static cordon_error *take_data_target(
    struct wasm_cursor *c, uint32_t form, struct wasm_data_segment *segment)
{
    if (form == DATA_PASSIVE) {
        segment->mode = WASM_PASSIVE;
        return NULL;
    }
    segment->mode = WASM_ACTIVE;
    if (form == DATA_EXPLICIT) {
        uint32_t memory = 0;
        TRY(wasm_take_index(c, "The memory of a data segment", c->module->memory_count, &memory));
    } else if (c->module->memory_count == 0) {
        return wasm_refuse(
            wasm_at(c, segment->offset), WASM_ADVICE_DAMAGED,
            "A data segment fills memory 0, but the module has none");
    }
    return wasm_take_constant(c, WASM_I32, &segment->target);
}

static cordon_error *take_data_segment(struct wasm_cursor *c, struct wasm_data_segment *out_segment)
{
    struct wasm_data_segment segment = {.offset = c->at};
    uint32_t form = 0;
    TRY(wasm_take_u32(c, "The form of a data segment", &form));
    if (form > DATA_EXPLICIT) {
        return wasm_refuse(
            wasm_at(c, segment.offset), WASM_ADVICE_DAMAGED,
            "The form of a data segment is %u; there are 0 to 2", form);
    }
    TRY(take_data_target(c, form, &segment));
    uint32_t size = 0;
    TRY(wasm_take_u32(c, "The size of a data segment", &size));
    TRY(wasm_take_bytes(c, size, "A data segment", &segment.bytes));
    *out_segment = segment;
    return NULL;
}

cordon_error *wasm_read_data(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "data segments", c->limits->data_segments, 2, &count));
    if (module->has_data_count && module->declared_data_count != count) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "There are %u data segments, but the data count section says %u", count,
            module->declared_data_count);
    }
    void *items = NULL;
    TRY(wasm_allocate(c, count, sizeof *module->data, &items));
    module->data = items;
    for (; module->data_count < count; module->data_count++) {
        TRY(take_data_segment(c, &module->data[module->data_count]));
    }
    return NULL;
}
