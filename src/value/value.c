/* The value tree: making, looking inside, size and order. */
#include "value/value.h"

#include <stdio.h>

struct value value_array(const struct value *items, size_t count)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < count; i++) {
        deepest = items[i].nesting > deepest ? items[i].nesting : deepest;
    }
    return (struct value){
        .kind = VALUE_ARRAY,
        .nesting = (deepest + 1) & 0xffffff,
        .count = (uint32_t)count,
        .as.items = items,
    };
}

struct value value_object(const struct value_field *fields, size_t count)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < count; i++) {
        deepest = fields[i].value.nesting > deepest ? fields[i].value.nesting : deepest;
    }
    return (struct value){
        .kind = VALUE_OBJECT,
        .nesting = (deepest + 1) & 0xffffff,
        .count = (uint32_t)count,
        .as.fields = fields,
    };
}

const struct value *value_field(const struct value *object, struct slice name)
{
    if (object->kind != VALUE_OBJECT) {
        return NULL;
    }
    size_t low = 0;
    size_t high = object->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct value_field *field = &object->as.fields[middle];
        const int order = slice_compare(field->name, name);
        if (order == 0) {
            return &field->value;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct value *value_at(const struct value *object, struct slice path)
{
    const struct value *at = object;
    while (at != NULL && path.size > 0) {
        const uint8_t *dot = memchr(path.data, '.', path.size);
        const size_t size = dot == NULL ? path.size : (size_t)(dot - path.data);
        at = value_field(at, slice_of(path.data, size));
        path = slice_from(path, dot == NULL ? size : size + 1);
    }
    return at;
}

size_t value_size(const struct value *value)
{
    size_t size = 2;
    switch (value->kind) {
    case VALUE_UNDEFINED:
    case VALUE_NULL:
    case VALUE_BOOL:
        return 1;
    case VALUE_INT64:
    case VALUE_FLOAT64:
        return 9;
    case VALUE_STRING:
    case VALUE_BYTES:
        return size + value->count;
    case VALUE_ARRAY:
        for (size_t i = 0; i < value->count; i++) {
            size += value_size(&value->as.items[i]);
        }
        return size;
    case VALUE_OBJECT:
        for (size_t i = 0; i < value->count; i++) {
            const struct value_field *field = &value->as.fields[i];
            size += field->name.size + 1 + value_size(&field->value);
        }
        return size;
    }
    return size;
}

/* -- Order ---------------------------------------------------------------------------------- */

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* IEEE total order: as integers, once the negative ones, which count downwards, are flipped. */
static int64_t float_rank(double number)
{
    int64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static int compare_items(const struct value *a, const struct value *b)
{
    const size_t shared = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < shared; i++) {
        const int order = value_compare(&a->as.items[i], &b->as.items[i]);
        if (order != 0) {
            return order;
        }
    }
    return compare_i64(a->count, b->count);
}

static int compare_fields(const struct value *a, const struct value *b)
{
    const size_t shared = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < shared; i++) {
        const struct value_field *left = &a->as.fields[i];
        const struct value_field *right = &b->as.fields[i];
        int order = slice_compare(left->name, right->name);
        if (order == 0) {
            order = value_compare(&left->value, &right->value);
        }
        if (order != 0) {
            return order;
        }
    }
    return compare_i64(a->count, b->count);
}

int value_compare(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return compare_i64(a->kind, b->kind);
    }
    switch (a->kind) {
    case VALUE_UNDEFINED:
    case VALUE_NULL:
        return 0;
    case VALUE_INT64:
        return compare_i64(a->as.int64, b->as.int64);
    case VALUE_FLOAT64:
        return compare_i64(float_rank(a->as.float64), float_rank(b->as.float64));
    case VALUE_BOOL:
        return compare_i64(a->as.boolean, b->as.boolean);
    case VALUE_STRING:
    case VALUE_BYTES:
        return slice_compare(value_slice(a), value_slice(b));
    case VALUE_ARRAY:
        return compare_items(a, b);
    case VALUE_OBJECT:
        return compare_fields(a, b);
    }
    return 0;
}

/* -- Words ---------------------------------------------------------------------------------- */

const char *value_kind_name(enum value_kind kind)
{
    switch (kind) {
    case VALUE_UNDEFINED:
        return "Undefined";
    case VALUE_NULL:
        return "Null";
    case VALUE_INT64:
        return "Int64";
    case VALUE_FLOAT64:
        return "Float64";
    case VALUE_BOOL:
        return "Boolean";
    case VALUE_STRING:
        return "String";
    case VALUE_BYTES:
        return "Bytes";
    case VALUE_ARRAY:
        return "Array";
    case VALUE_OBJECT:
        return "Object";
    }
    return "";
}

void value_size_text(uint64_t bytes, char out_text[VALUE_SIZE_TEXT_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    while (unit < 6 && bytes >> (10 * (unit + 1)) != 0) {
        unit++;
    }
    const unsigned shift = 10 * unit;
    const uint64_t whole = bytes >> shift;
    const uint64_t rest = bytes - (whole << shift);
    if (rest == 0) {
        (void)snprintf(
            out_text, VALUE_SIZE_TEXT_BYTES, "%llu %s", (unsigned long long)whole, units[unit]);
        return;
    }
    /* Of the largest unit the last bits are left out, for there to be room for the product. */
    const unsigned cut = unit == 6 ? 10 : 0;
    const uint64_t part = (uint64_t)1 << (shift - cut);
    const uint64_t product = (rest >> cut) * 100;
    const uint64_t twice = product % part * 2;
    uint64_t hundredths = whole * 100 + product / part;
    /* To the nearest, and from the middle to the even one, as printf() does with a double. */
    hundredths += twice > part || (twice == part && hundredths % 2 == 1);
    (void)snprintf(
        out_text, VALUE_SIZE_TEXT_BYTES, "%llu.%02llu %s", (unsigned long long)(hundredths / 100),
        (unsigned long long)(hundredths % 100), units[unit]);
}
