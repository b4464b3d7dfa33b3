/* Reading a part of a module, checked. */
#include "wasm/cursor.h"

#include "value/utf8.h"

static cordon_error *refuse_cut_off(const struct wasm_cursor *c, const char *what)
{
    const char *whole = c->function != WASM_NO_FUNCTION   ? "function body"
                        : c->section != WASM_SECTION_NONE ? "section"
                                                          : "module";
    return wasm_refuse(
        wasm_here(c), WASM_ADVICE_DAMAGED, "%s is cut off: its %s ends here", what, whole);
}

static cordon_error *refuse_number(
    const struct wasm_cursor *c, uint32_t offset, unsigned bits, const char *what)
{
    return wasm_refuse(
        wasm_at(c, offset), WASM_ADVICE_DAMAGED, "%s is no LEB128 number of %u bits", what, bits);
}

cordon_error *wasm_take_byte(struct wasm_cursor *c, const char *what, uint8_t *out_byte)
{
    if (c->at == c->end) {
        return refuse_cut_off(c, what);
    }
    *out_byte = c->module->bytes.data[c->at++];
    return NULL;
}

cordon_error *wasm_take_u32(struct wasm_cursor *c, const char *what, uint32_t *out_value)
{
    const uint32_t start = c->at;
    uint32_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        TRY(wasm_take_byte(c, what, &byte));
        if (shift == 28 && byte > 0x0f) { /* a sixth byte or a bit past the 32nd */
            return refuse_number(c, start, 32, what);
        }
        value |= (uint32_t)(byte & 0x7f) << shift;
    }
    *out_value = value;
    return NULL;
}

/*
 * The last byte that the width allows carries bits - shift bits of the value; the bits above must
 * repeat the sign. For 32 bits it carries 4, for 64 bits 1.
 */
static bool is_last_byte(uint8_t byte, unsigned value_bits)
{
    const uint8_t sign_and_above = (uint8_t)(byte >> (value_bits - 1));
    return sign_and_above == 0 || sign_and_above == 0x7f >> (value_bits - 1);
}

cordon_error *wasm_take_signed(
    struct wasm_cursor *c, unsigned bits, const char *what, int64_t *out_value)
{
    const uint32_t start = c->at;
    uint64_t value = 0;
    uint8_t byte = 0x80;
    unsigned shift = 0;
    for (; (byte & 0x80) != 0; shift += 7) {
        CORDON_ASSERT(shift < bits); /* as the byte before was not the last that may be */
        TRY(wasm_take_byte(c, what, &byte));
        if (shift + 7 >= bits && !is_last_byte(byte, bits - shift)) {
            return refuse_number(c, start, bits, what);
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    if ((byte & 0x40) != 0 && shift < 64) {
        value |= UINT64_MAX << shift;
    }
    *out_value = (int64_t)value;
    return NULL;
}

cordon_error *wasm_take_bytes(
    struct wasm_cursor *c, uint32_t size, const char *what, struct slice *out_bytes)
{
    if (size > wasm_left(c)) {
        return wasm_refuse(
            wasm_here(c), WASM_ADVICE_DAMAGED, "%s is %u bytes long, but only %u are left", what,
            size, wasm_left(c));
    }
    *out_bytes = slice_of(c->module->bytes.data + c->at, size);
    c->at += size;
    return NULL;
}

cordon_error *wasm_take_count(
    struct wasm_cursor *c,
    const char *items,
    uint32_t max,
    uint32_t item_bytes,
    uint32_t *out_count)
{
    if (c->absent) {
        *out_count = 0;
        return NULL;
    }
    const uint32_t start = c->at;
    uint32_t count = 0;
    TRY(wasm_take_u32(c, "A count", &count));
    if (count > max) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_SMALLER, "%u %s are declared; the limit is %u", count,
            items, max);
    }
    if (count > wasm_left(c) / item_bytes) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "%u %s are declared, but only %u bytes are left to hold them", count, items,
            wasm_left(c));
    }
    *out_count = count;
    return NULL;
}

cordon_error *wasm_take_index(
    struct wasm_cursor *c, const char *what, uint32_t count, uint32_t *out_index)
{
    const uint32_t start = c->at;
    uint32_t index = 0;
    TRY(wasm_take_u32(c, what, &index));
    if (index >= count) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "%s is %u, but the module has %u of them", what,
            index, count);
    }
    *out_index = index;
    return NULL;
}

cordon_error *wasm_take_name(
    struct wasm_cursor *c, const char *what, uint32_t size_max, struct slice *out_name)
{
    const uint32_t start = c->at;
    uint32_t size = 0;
    TRY(wasm_take_u32(c, what, &size));
    if (size > size_max) {
        return wasm_refuse(
            wasm_at(c, start), "Give it a shorter name.", "%s is %u bytes long; the limit is %u",
            what, size, size_max);
    }
    struct slice name = {NULL, 0};
    TRY(wasm_take_bytes(c, size, what, &name));
    if (!utf8_valid(name)) {
        return wasm_refuse(wasm_at(c, start), WASM_ADVICE_DAMAGED, "%s is not UTF-8", what);
    }
    *out_name = name;
    return NULL;
}

/* Binary codes of reference types that belong to proposals. */
static bool find_feature_of_type(uint8_t code, enum wasm_refused_feature *out_feature)
{
    switch (code) {
    case 0x6f: /* externref */
        *out_feature = WASM_FEATURE_EXTERNREF;
        return true;
    case 0x6a: /* array, struct, i31, eq, any, none, noextern, nofunc */
    case 0x6b:
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x71:
    case 0x72:
    case 0x73:
        *out_feature = WASM_FEATURE_GC;
        return true;
    case 0x63: /* (ref null T) and (ref T) */
    case 0x64:
        *out_feature = WASM_FEATURE_FUNCTION_REFERENCES;
        return true;
    case 0x69: /* exn, noexn */
    case 0x74:
        *out_feature = WASM_FEATURE_EXCEPTIONS;
        return true;
    case 0x65: /* shared references */
        *out_feature = WASM_FEATURE_THREADS;
        return true;
    case 0x68: /* cont, nocont */
    case 0x75:
        *out_feature = WASM_FEATURE_STACK_SWITCHING;
        return true;
    default:
        return false;
    }
}

cordon_error *wasm_take_type(struct wasm_cursor *c, const char *what, enum wasm_type *out_type)
{
    const uint32_t start = c->at;
    uint8_t code = 0;
    TRY(wasm_take_byte(c, what, &code));
    switch (code) {
    case WASM_I32:
    case WASM_I64:
    case WASM_F32:
    case WASM_F64:
    case WASM_V128:
    case WASM_FUNCREF:
        *out_type = (enum wasm_type)code;
        return NULL;
    default:
        break;
    }
    enum wasm_refused_feature feature;
    if (find_feature_of_type(code, &feature)) {
        return wasm_refuse_feature(wasm_at(c, start), what, feature);
    }
    return wasm_refuse(
        wasm_at(c, start), WASM_ADVICE_DAMAGED, "%s is 0x%02x, which is no type", what, code);
}

cordon_error *wasm_take_null(struct wasm_cursor *c)
{
    const uint32_t start = c->at;
    enum wasm_type type;
    TRY(wasm_take_type(c, "The type of a null reference", &type));
    if (type != WASM_FUNCREF) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "A null reference is of type %s",
            wasm_type_name(type));
    }
    return NULL;
}

cordon_error *wasm_no_room(const struct wasm_cursor *c)
{
    if (!c->arena->full) {
        return error_no_memory();
    }
    return wasm_refuse(
        wasm_here(c), WASM_ADVICE_SMALLER, "Describing the module takes more than %zu bytes",
        c->arena->bytes_max);
}

cordon_error *wasm_allocate(
    const struct wasm_cursor *c, uint32_t count, size_t item_bytes, void **out_items)
{
    void *items = arena_alloc(c->arena, count * item_bytes); /* a count has 32 bits */
    if (items == NULL) {
        return wasm_no_room(c);
    }
    *out_items = items;
    return NULL;
}
