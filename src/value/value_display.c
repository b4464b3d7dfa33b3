/*
 * Values as error texts show them: {name: "x", count: 1.0, at: 5}. A whole number with a fraction
 * is a Float64, one without is an Int64, so that a reader sees why `1` does not match `1.0`.
 *
 * A value may have 32 MiB and an error is for reading, so the text is cut; the writer stops at the
 * cut and does not first write what it then throws away.
 */
#include "value/value.h"

#include "value/base64.h"
#include "value/display.h"
#include "value/json.h"
#include "value/name.h"
#include "value/utf8.h"

#include <stdio.h>
#include <stdlib.h>

/* -- The bounded text ----------------------------------------------------------------------- */

cordon_error *display_put(struct display *display, struct slice text)
{
    size_t size = 0;
    while (size < text.size && display->chars_left > 0) {
        size++;
        while (size < text.size && (text.data[size] & 0xc0) == 0x80) {
            size++; /* the rest of the same character */
        }
        display->chars_left--;
    }
    display->cut = display->cut || size < text.size;
    return buffer_append(display->buffer, slice_of(text.data, size));
}

cordon_error *display_end(struct display *display)
{
    return display->cut ? buffer_append(display->buffer, SLICE("[...truncated]")) : NULL;
}

/* -- Numbers -------------------------------------------------------------------------------- */

/* Digits and the power of ten of the first one, out of what json_format_number() wrote. */
struct decimal {
    char digits[JSON_NUMBER_BYTES];
    size_t count;
    int exponent;
};

static struct decimal split_number(double number)
{
    char text[JSON_NUMBER_BYTES + 1];
    text[json_format_number(number, text)] = '\0';
    struct decimal decimal = {0};
    const char *at = text;
    int before_point = 0;
    bool point = false;
    for (; *at != '\0' && *at != 'e'; at++) {
        if (*at == '.') {
            point = true;
        } else if (*at != '0' || decimal.count > 0) {
            decimal.digits[decimal.count] = *at;
            decimal.count++;
            before_point += point ? 0 : 1;
        } else if (point) {
            before_point--; /* a zero between the point and the first digit */
        }
    }
    decimal.exponent = before_point - 1 + (*at == 'e' ? (int)strtol(at + 1, NULL, 10) : 0);
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
    }
    return decimal;
}

static cordon_error *put_float64(struct display *display, double number)
{
    if (isnan(number)) {
        return display_put(display, SLICE("NaN"));
    }
    if (signbit(number)) {
        TRY(display_put(display, SLICE("-")));
        number = -number;
    }
    if (isinf(number)) {
        return display_put(display, SLICE("inf"));
    }
    char text[2 * JSON_NUMBER_BYTES];
    if (number == 0 || (number >= 1e-4 && number < 1e16)) {
        const size_t size = json_format_number(number, text);
        TRY(display_put(display, slice_of(text, size)));
        return memchr(text, '.', size) == NULL ? display_put(display, SLICE(".0")) : NULL;
    }
    const struct decimal decimal = split_number(number);
    const int size = snprintf(
        text, sizeof text, "%.1s%s%.*se%d", decimal.digits, decimal.count > 1 ? "." : "",
        (int)decimal.count - 1, decimal.digits + 1, decimal.exponent);
    return display_put(display, slice_of(text, (size_t)size));
}

/* -- Strings and bytes ---------------------------------------------------------------------- */

/* The short escape of a character, or NULL if it has none. */
static const char *short_escape(uint32_t code_point)
{
    switch (code_point) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\0':
        return "\\0";
    default:
        return NULL;
    }
}

/* The bytes of the next character; those of a control character are `*out_escape` instead. */
static size_t next_char(struct slice rest, char out_escape[16])
{
    uint32_t code_point = 0;
    size_t skip = 0;
    const size_t size = utf8_decode(rest, &code_point, &skip);
    const char *escape = short_escape(code_point);
    out_escape[0] = '\0';
    if (size == 0) {
        (void)snprintf(out_escape, 16, "\xef\xbf\xbd");
    } else if (escape != NULL) {
        (void)snprintf(out_escape, 16, "%s", escape);
    } else if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) {
        (void)snprintf(out_escape, 16, "\\u{%x}", (unsigned)code_point);
    }
    return size == 0 ? skip : size;
}

cordon_error *display_put_string(struct display *display, struct slice string)
{
    TRY(display_put(display, SLICE("\"")));
    const size_t enough = (size_t)4 * VALUE_DISPLAY_CHARS_MAX; /* bytes that are sure to be cut */
    size_t plain = 0; /* start of the characters not yet put */
    size_t at = 0;
    while (at < string.size && at - plain <= enough && !display->cut) {
        char escape[16];
        const size_t size = next_char(slice_from(string, at), escape);
        if (escape[0] != '\0') {
            TRY(display_put(display, slice_of(string.data + plain, at - plain)));
            TRY(display_put(display, slice_str(escape)));
            plain = at + size;
        }
        at += size;
    }
    TRY(display_put(display, slice_of(string.data + plain, at - plain)));
    return display_put(display, SLICE("\""));
}

static cordon_error *put_bytes(struct display *display, struct slice bytes)
{
    TRY(display_put(display, SLICE("bytes(\"")));
    const size_t chunk = 48; /* a multiple of three, so that the pieces join without padding */
    for (size_t at = 0; at < bytes.size && !display->cut; at += chunk) {
        const size_t size = bytes.size - at < chunk ? bytes.size - at : chunk;
        char text[64];
        base64_encode(slice_of(bytes.data + at, size), BASE64_STANDARD, text);
        TRY(display_put(display, slice_of(text, base64_encoded_size(size, BASE64_STANDARD))));
    }
    return display_put(display, SLICE("\")"));
}

cordon_error *display_put_name(struct display *display, struct slice name)
{
    return name_is_identifier(name) ? display_put(display, name)
                                    : display_put_string(display, name);
}

/* -- Values --------------------------------------------------------------------------------- */

static cordon_error *put_array(struct display *display, const struct value *array)
{
    TRY(display_put(display, SLICE("[")));
    for (size_t i = 0; i < array->count && !display->cut; i++) {
        if (i > 0) {
            TRY(display_put(display, SLICE(", ")));
        }
        TRY(display_put_value(display, &array->as.items[i]));
    }
    return display_put(display, SLICE("]"));
}

static cordon_error *put_object(struct display *display, const struct value *object)
{
    TRY(display_put(display, SLICE("{")));
    for (size_t i = 0; i < object->count && !display->cut; i++) {
        if (i > 0) {
            TRY(display_put(display, SLICE(", ")));
        }
        TRY(display_put_name(display, object->as.fields[i].name));
        TRY(display_put(display, SLICE(": ")));
        TRY(display_put_value(display, &object->as.fields[i].value));
    }
    return display_put(display, SLICE("}"));
}

static cordon_error *put_int64(struct display *display, int64_t number)
{
    char text[JSON_NUMBER_BYTES];
    const int size = snprintf(text, sizeof text, "%lld", (long long)number);
    return display_put(display, slice_of(text, (size_t)size));
}

cordon_error *display_put_value(struct display *display, const struct value *value)
{
    switch (value->kind) {
    case VALUE_UNDEFINED:
        return display_put(display, SLICE("undefined"));
    case VALUE_NULL:
        return display_put(display, SLICE("null"));
    case VALUE_INT64:
        return put_int64(display, value->as.int64);
    case VALUE_FLOAT64:
        return put_float64(display, value->as.float64);
    case VALUE_BOOL:
        return display_put(display, value->as.boolean ? SLICE("true") : SLICE("false"));
    case VALUE_STRING:
        return display_put_string(display, value_slice(value));
    case VALUE_BYTES:
        return put_bytes(display, value_slice(value));
    case VALUE_ARRAY:
        return put_array(display, value);
    case VALUE_OBJECT:
        return put_object(display, value);
    }
    return NULL;
}

cordon_error *value_write_display(struct buffer *buffer, const struct value *value)
{
    struct display display = display_begin(buffer);
    TRY(display_put_value(&display, value));
    return display_end(&display);
}
