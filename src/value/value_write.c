/*
 * Writing values as JSON: the canonical encoded form, and the clean one for clients without a
 * codec. They differ in the four scalars that JSON lacks and share the rest.
 *
 * Both recurse over values, which are never nested deeper than VALUE_NESTING_MAX.
 */
#include "value/value.h"

#include "value/base64.h"
#include "value/json.h"
#include "value/put.h"

#include <math.h>

enum form { ENCODED, CLEAN };

static cordon_error *write_value(struct buffer *buffer, const struct value *value, enum form form);

/* {"$name":"base64"}; the name comes with its punctuation. */
static cordon_error *write_tagged(struct buffer *buffer, struct slice opening, struct slice bytes)
{
    TRY(buffer_append(buffer, opening));
    TRY(base64_write(buffer, bytes, BASE64_STANDARD));
    return buffer_append(buffer, SLICE("\"}"));
}

static void store_u64(uint64_t number, uint8_t out_bytes[8])
{
    for (size_t i = 0; i < 8; i++) {
        out_bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

static cordon_error *write_int64(struct buffer *buffer, int64_t number, enum form form)
{
    if (form == ENCODED) {
        uint8_t bytes[8];
        store_u64((uint64_t)number, bytes);
        return write_tagged(buffer, SLICE("{\"$integer\":\""), slice_of(bytes, sizeof bytes));
    }
    TRY(put_byte(buffer, '"'));
    TRY(json_write_i64(buffer, number));
    return put_byte(buffer, '"');
}

static cordon_error *write_float64(struct buffer *buffer, double number, enum form form)
{
    if (form == ENCODED && value_float_is_special(number)) {
        uint64_t bits = 0;
        memcpy(&bits, &number, sizeof bits);
        uint8_t bytes[8];
        store_u64(bits, bytes);
        return write_tagged(buffer, SLICE("{\"$float\":\""), slice_of(bytes, sizeof bytes));
    }
    if (isfinite(number)) {
        return json_write_number(buffer, number);
    }
    if (isnan(number)) {
        return buffer_append(buffer, SLICE("\"NaN\""));
    }
    return buffer_append(buffer, number > 0 ? SLICE("\"Infinity\"") : SLICE("\"-Infinity\""));
}

static cordon_error *write_bytes(struct buffer *buffer, struct slice bytes, enum form form)
{
    if (form == ENCODED) {
        return write_tagged(buffer, SLICE("{\"$bytes\":\""), bytes);
    }
    TRY(put_byte(buffer, '"'));
    TRY(base64_write(buffer, bytes, BASE64_STANDARD));
    return put_byte(buffer, '"');
}

static cordon_error *write_array(struct buffer *buffer, const struct value *array, enum form form)
{
    TRY(put_byte(buffer, '['));
    for (size_t i = 0; i < array->count; i++) {
        if (i > 0) {
            TRY(put_byte(buffer, ','));
        }
        TRY(write_value(buffer, &array->as.items[i], form));
    }
    return put_byte(buffer, ']');
}

static cordon_error *write_object(struct buffer *buffer, const struct value *object, enum form form)
{
    TRY(put_byte(buffer, '{'));
    for (size_t i = 0; i < object->count; i++) {
        const struct value_field *field = &object->as.fields[i];
        if (i > 0) {
            TRY(put_byte(buffer, ','));
        }
        TRY(json_write_string(buffer, field->name));
        TRY(put_byte(buffer, ':'));
        TRY(write_value(buffer, &field->value, form));
    }
    return put_byte(buffer, '}');
}

static cordon_error *write_value(struct buffer *buffer, const struct value *value, enum form form)
{
    switch (value->kind) {
    case VALUE_UNDEFINED:
        return buffer_append(buffer, SLICE("{\"$undefined\":null}"));
    case VALUE_NULL:
        return buffer_append(buffer, SLICE("null"));
    case VALUE_INT64:
        return write_int64(buffer, value->as.int64, form);
    case VALUE_FLOAT64:
        return write_float64(buffer, value->as.float64, form);
    case VALUE_BOOL:
        return json_write_bool(buffer, value->as.boolean);
    case VALUE_STRING:
        return json_write_string(buffer, value_slice(value));
    case VALUE_BYTES:
        return write_bytes(buffer, value_slice(value), form);
    case VALUE_ARRAY:
        return write_array(buffer, value, form);
    case VALUE_OBJECT:
        return write_object(buffer, value, form);
    }
    return NULL;
}

cordon_error *value_write_encoded(struct buffer *buffer, const struct value *value)
{
    return write_value(buffer, value, ENCODED);
}

cordon_error *value_write_clean(struct buffer *buffer, const struct value *value)
{
    return write_value(buffer, value, CLEAN);
}
