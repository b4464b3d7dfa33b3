/*
 * Sort keys, written and read back.
 *
 * Why a string ends in 00 and a 00 inside becomes 00 ff: whatever follows a key begins with a tag
 * (at most 15), the first byte of a field name (20 to 7e), or nothing, all of which are below ff.
 * So a string sorts before every longer one that begins with it, also when more is joined behind.
 */
#include "value/sortkey.h"

#include "value/name.h"
#include "value/utf8.h"

enum tag {
    TAG_END = 0x00,
    TAG_UNDEFINED = 0x01,
    TAG_NULL = 0x03,
    TAG_INT_NEGATIVE_8 = 0x04,
    TAG_INT_NEGATIVE_1 = 0x07,
    TAG_INT_ZERO = 0x08,
    TAG_INT_POSITIVE_1 = 0x09,
    TAG_INT_POSITIVE_8 = 0x0c,
    TAG_FLOAT = 0x0d,
    TAG_FALSE = 0x0e,
    TAG_TRUE = 0x0f,
    TAG_STRING = 0x10,
    TAG_BYTES = 0x11,
    TAG_ARRAY = 0x12,
    TAG_OBJECT = 0x15,
};

#define ESCAPE 0xff
#define SIGN_BIT ((uint64_t)1 << 63)

/* -- Writing -------------------------------------------------------------------------------- */

/* The tag and the lowest `size` bytes of `number`, big-endian. */
static cordon_error *write_number(struct buffer *buffer, int tag, uint64_t number, unsigned size)
{
    uint8_t bytes[9] = {(uint8_t)tag};
    for (unsigned i = 0; i < size; i++) {
        bytes[1 + i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
    return buffer_append(buffer, slice_of(bytes, 1 + size));
}

/* The exponent of two of the fewest bytes, 1, 2, 4 or 8, that hold a number. */
static unsigned width_exponent(int64_t number)
{
    if (number >= INT8_MIN && number <= INT8_MAX) {
        return 0;
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        return 1;
    }
    return number >= INT32_MIN && number <= INT32_MAX ? 2 : 3;
}

static cordon_error *write_int64(struct buffer *buffer, int64_t number)
{
    if (number == 0) {
        return buffer_append_byte(buffer, TAG_INT_ZERO);
    }
    const unsigned exponent = width_exponent(number);
    const int tag =
        number < 0 ? TAG_INT_NEGATIVE_1 - (int)exponent : TAG_INT_POSITIVE_1 + (int)exponent;
    return write_number(buffer, tag, (uint64_t)number, 1U << exponent);
}

static cordon_error *write_float64(struct buffer *buffer, double number)
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    return write_number(buffer, TAG_FLOAT, (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT, 8);
}

/* The bytes, escaped, and the end mark. */
static cordon_error *write_bytes(struct buffer *buffer, struct slice bytes)
{
    while (bytes.size > 0) {
        const uint8_t *zero = memchr(bytes.data, 0, bytes.size);
        const size_t run = zero == NULL ? bytes.size : (size_t)(zero - bytes.data) + 1;
        TRY(buffer_append(buffer, slice_of(bytes.data, run)));
        if (zero != NULL) {
            TRY(buffer_append_byte(buffer, ESCAPE));
        }
        bytes = slice_from(bytes, run);
    }
    return buffer_append_byte(buffer, TAG_END);
}

static cordon_error *write_tagged_bytes(struct buffer *buffer, enum tag tag, struct slice bytes)
{
    TRY(buffer_append_byte(buffer, (uint8_t)tag));
    return write_bytes(buffer, bytes);
}

static cordon_error *write_array(struct buffer *buffer, const struct value *array)
{
    TRY(buffer_append_byte(buffer, TAG_ARRAY));
    for (size_t i = 0; i < array->count; i++) {
        TRY(sortkey_write(buffer, &array->as.items[i]));
    }
    return buffer_append_byte(buffer, TAG_END);
}

static cordon_error *write_object(struct buffer *buffer, const struct value *object)
{
    TRY(buffer_append_byte(buffer, TAG_OBJECT));
    for (size_t i = 0; i < object->count; i++) {
        TRY(write_bytes(buffer, object->as.fields[i].name));
        TRY(sortkey_write(buffer, &object->as.fields[i].value));
    }
    return buffer_append_byte(buffer, TAG_END);
}

cordon_error *sortkey_write(struct buffer *buffer, const struct value *value)
{
    switch (value->kind) {
    case VALUE_UNDEFINED:
        return buffer_append_byte(buffer, TAG_UNDEFINED);
    case VALUE_NULL:
        return buffer_append_byte(buffer, TAG_NULL);
    case VALUE_INT64:
        return write_int64(buffer, value->as.int64);
    case VALUE_FLOAT64:
        return write_float64(buffer, value->as.float64);
    case VALUE_BOOL:
        return buffer_append_byte(buffer, value->as.boolean ? TAG_TRUE : TAG_FALSE);
    case VALUE_STRING:
        return write_tagged_bytes(buffer, TAG_STRING, value_slice(value));
    case VALUE_BYTES:
        return write_tagged_bytes(buffer, TAG_BYTES, value_slice(value));
    case VALUE_ARRAY:
        return write_array(buffer, value);
    case VALUE_OBJECT:
        return write_object(buffer, value);
    }
    return NULL;
}

/* -- Reading -------------------------------------------------------------------------------- */

static cordon_error *read_value(
    struct slice *keys, struct arena *arena, unsigned depth, struct value *out_value);

static cordon_error *damaged(const char *what)
{
    return cordon_error_new(CORDON_E_BAD_VALUE, "a sort key is damaged: %s", what);
}

static cordon_error *take_number(struct slice *keys, unsigned size, uint64_t *out_number)
{
    if (keys->size < size) {
        return damaged("a number is cut short");
    }
    uint64_t number = 0;
    for (unsigned i = 0; i < size; i++) {
        number = number << 8 | keys->data[i];
    }
    *keys = slice_from(*keys, size);
    *out_number = number;
    return NULL;
}

static cordon_error *read_int64(struct slice *keys, unsigned tag, struct value *out_value)
{
    const bool negative = tag <= TAG_INT_NEGATIVE_1;
    const unsigned exponent = negative ? TAG_INT_NEGATIVE_1 - tag : tag - TAG_INT_POSITIVE_1;
    const unsigned size = 1U << exponent;
    uint64_t bits = 0;
    TRY(take_number(keys, size, &bits));
    if (negative && size < 8) {
        bits |= UINT64_MAX << (8 * size);
    }
    const int64_t number = (int64_t)bits;
    if (number == 0 || (number < 0) != negative || width_exponent(number) != exponent) {
        return damaged("an integer is not in its shortest form");
    }
    *out_value = value_int64(number);
    return NULL;
}

static cordon_error *read_float64(struct slice *keys, struct value *out_value)
{
    uint64_t bits = 0;
    TRY(take_number(keys, 8, &bits));
    bits = (bits & SIGN_BIT) != 0 ? bits & ~SIGN_BIT : ~bits;
    double number = 0;
    memcpy(&number, &bits, sizeof number);
    *out_value = value_float64(number);
    return NULL;
}

/* Bytes up to their end mark, unescaped into the arena. */
static cordon_error *read_bytes(struct slice *keys, struct arena *arena, struct slice *out_bytes)
{
    size_t end = 0; /* of the escaped bytes */
    size_t size = 0;
    while (true) {
        if (end == keys->size) {
            return damaged("a string has no end");
        }
        if (keys->data[end] == 0) {
            if (end + 1 == keys->size || keys->data[end + 1] != ESCAPE) {
                break;
            }
            end++;
        }
        end++;
        size++;
    }
    if (size > VALUE_SIZE_MAX) {
        return damaged("a string is longer than a value may be");
    }
    uint8_t *bytes = arena_alloc(arena, size + 1);
    if (bytes == NULL) {
        return arena_error(arena);
    }
    for (size_t from = 0, to = 0; to < size; from++, to++) {
        bytes[to] = keys->data[from];
        from += bytes[to] == 0;
    }
    *keys = slice_from(*keys, end + 1);
    *out_bytes = slice_of(bytes, size);
    return NULL;
}

static cordon_error *read_string(struct slice *keys, struct arena *arena, struct value *out_value)
{
    struct slice string;
    TRY(read_bytes(keys, arena, &string));
    if (!utf8_valid(string)) {
        return damaged("a string is not UTF-8");
    }
    *out_value = value_string(string);
    return NULL;
}

/*
 * Room for one more item in a row that doubles: the count is not written in a key. What is left
 * behind stays in the arena and is at most as much as is kept.
 */
static cordon_error *grow(
    struct arena *arena, void **row, size_t count, size_t item_size, size_t count_max)
{
    if (count >= count_max) {
        return damaged("more items than a value may have");
    }
    if (count != 0 && (count & (count - 1)) != 0) {
        return NULL; /* the row has room up to the next power of two */
    }
    void *grown = arena_alloc(arena, (count == 0 ? 1 : 2 * count) * item_size);
    if (grown == NULL) {
        return arena_error(arena);
    }
    if (count > 0) {
        memcpy(grown, *row, count * item_size);
    }
    *row = grown;
    return NULL;
}

/* True, and past it, at the end mark of an array or object. */
static bool at_end(struct slice *keys)
{
    if (keys->size == 0 || keys->data[0] != TAG_END) {
        return false;
    }
    *keys = slice_from(*keys, 1);
    return true;
}

static cordon_error *read_array(
    struct slice *keys, struct arena *arena, unsigned depth, struct value *out_value)
{
    void *items = NULL;
    size_t count = 0;
    while (!at_end(keys)) {
        struct value item;
        TRY(read_value(keys, arena, depth + 1, &item));
        TRY(grow(arena, &items, count, sizeof item, VALUE_ARRAY_ITEMS_MAX));
        ((struct value *)items)[count] = item;
        count++;
    }
    *out_value = value_array(items, count);
    return NULL;
}

static cordon_error *read_object(
    struct slice *keys, struct arena *arena, unsigned depth, struct value *out_value)
{
    void *fields = NULL;
    size_t count = 0;
    while (!at_end(keys)) {
        struct value_field field;
        TRY(read_bytes(keys, arena, &field.name));
        TRY(name_check_field(field.name));
        TRY(read_value(keys, arena, depth + 1, &field.value));
        TRY(grow(arena, &fields, count, sizeof field, VALUE_OBJECT_FIELDS_MAX));
        struct value_field *row = fields;
        if (count > 0 && slice_compare(row[count - 1].name, field.name) >= 0) {
            return damaged("fields are not in order");
        }
        row[count] = field;
        count++;
    }
    *out_value = value_object(fields, count);
    return NULL;
}

static cordon_error *read_container(
    struct slice *keys, unsigned tag, struct arena *arena, unsigned depth, struct value *out_value)
{
    if (depth == VALUE_NESTING_MAX) {
        return damaged("nested deeper than a value may be");
    }
    return tag == TAG_ARRAY ? read_array(keys, arena, depth, out_value)
                            : read_object(keys, arena, depth, out_value);
}

/* `depth` counts the arrays and objects around this value; undefined stands in none. */
static cordon_error *read_value(
    struct slice *keys, struct arena *arena, unsigned depth, struct value *out_value)
{
    if (keys->size == 0) {
        return damaged("it is cut short");
    }
    const unsigned tag = keys->data[0];
    *keys = slice_from(*keys, 1);
    struct slice bytes;
    switch (tag) {
    case TAG_NULL:
        *out_value = value_null();
        return NULL;
    case TAG_INT_ZERO:
        *out_value = value_int64(0);
        return NULL;
    case TAG_FLOAT:
        return read_float64(keys, out_value);
    case TAG_FALSE:
    case TAG_TRUE:
        *out_value = value_bool(tag == TAG_TRUE);
        return NULL;
    case TAG_STRING:
        return read_string(keys, arena, out_value);
    case TAG_BYTES:
        TRY(read_bytes(keys, arena, &bytes));
        *out_value = value_bytes(bytes);
        return NULL;
    case TAG_ARRAY:
    case TAG_OBJECT:
        return read_container(keys, tag, arena, depth, out_value);
    default:
        break;
    }
    if (tag >= TAG_INT_NEGATIVE_8 && tag <= TAG_INT_POSITIVE_8) {
        return read_int64(keys, tag, out_value);
    }
    if (tag == TAG_UNDEFINED && depth == 0) {
        *out_value = (struct value){.kind = VALUE_UNDEFINED};
        return NULL;
    }
    return damaged("it has an unknown tag");
}

cordon_error *sortkey_read(struct slice *keys, struct arena *arena, struct value *out_value)
{
    struct slice rest = *keys;
    struct value value;
    TRY(read_value(&rest, arena, 0, &value));
    *keys = rest;
    *out_value = value;
    return NULL;
}
