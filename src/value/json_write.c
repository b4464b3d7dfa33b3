/*
 * The pieces of a JSON writer, over a bounded buffer.
 *
 * A text that a client compares byte by byte must be the one that JavaScript would make, so strings
 * are escaped as JSON.stringify does and numbers printed as Number::toString does. The shortest
 * digits that read back as the same double come from yyjson; only their layout is ours.
 */
#include "value/json.h"

#include "value/put.h"
#include "value/utf8.h"

#include <math.h>
#include <stdio.h>
#include <yyjson.h>

/* -- Numbers -------------------------------------------------------------------------------- */

/* Room for one number and nothing else, in place of a heap. */
struct scratch {
    char bytes[64];
};

static void *scratch_alloc(void *arg, size_t size)
{
    struct scratch *scratch = arg;
    return size <= sizeof scratch->bytes ? scratch->bytes : NULL;
}

static void *scratch_realloc(void *arg, void *old, size_t old_size, size_t size)
{
    (void)old;
    (void)old_size;
    return scratch_alloc(arg, size);
}

static void scratch_free(void *arg, void *block)
{
    (void)arg;
    (void)block;
}

static size_t format_digits(uint64_t number, char *out_text)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count] = (char)('0' + number % 10);
        number /= 10;
        count++;
    } while (number != 0);
    for (size_t i = 0; i < count; i++) {
        out_text[i] = reversed[count - 1 - i];
    }
    return count;
}

/* yyjson writes 1.0, 1e21 and 1e-7 where JavaScript has 1, 1e+21 and 1e-7. */
static size_t to_ecmascript(const char *text, size_t size, char *out_text)
{
    const char *exponent = memchr(text, 'e', size);
    size_t mantissa = exponent == NULL ? size : (size_t)(exponent - text);
    const size_t after = size - mantissa;
    if (mantissa > 2 && memcmp(text + mantissa - 2, ".0", 2) == 0) {
        mantissa -= 2;
    }
    memcpy(out_text, text, mantissa);
    size_t written = mantissa;
    if (after > 0) {
        out_text[written++] = 'e';
        if (exponent[1] != '-') {
            out_text[written++] = '+';
        }
        memcpy(out_text + written, exponent + 1, after - 1);
        written += after - 1;
    }
    return written;
}

size_t json_format_number(double number, char out_text[JSON_NUMBER_BYTES])
{
    CORDON_ASSERT(isfinite(number));
    const double size = fabs(number);
    if (size < 0x1p53 && size == floor(size)) { /* the common case: a whole number, exact */
        const size_t sign = signbit(number) ? 1 : 0;
        out_text[0] = '-';
        return sign + format_digits((uint64_t)size, out_text + sign);
    }
    struct scratch scratch;
    const yyjson_alc memory = {scratch_alloc, scratch_realloc, scratch_free, &scratch};
    const yyjson_val val = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = number};
    size_t written = 0;
    const char *text = yyjson_val_write_opts(&val, 0, &memory, &written, NULL);
    CORDON_ASSERT(text != NULL && written < JSON_NUMBER_BYTES);
    return to_ecmascript(text, written, out_text);
}

cordon_error *json_write_number(struct buffer *buffer, double number)
{
    char text[JSON_NUMBER_BYTES];
    const size_t size = json_format_number(number, text);
    return buffer_append(buffer, slice_of(text, size));
}

cordon_error *json_write_i64(struct buffer *buffer, int64_t number)
{
    char text[JSON_NUMBER_BYTES];
    const uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    text[0] = '-';
    const size_t sign = number < 0 ? 1 : 0;
    const size_t digits = format_digits(size, text + sign);
    return buffer_append(buffer, slice_of(text, sign + digits));
}

cordon_error *json_write_u64(struct buffer *buffer, uint64_t number)
{
    char text[JSON_NUMBER_BYTES];
    const size_t digits = format_digits(number, text);
    return buffer_append(buffer, slice_of(text, digits));
}

cordon_error *json_write_decimal(struct buffer *buffer, uint64_t units, uint64_t per_whole)
{
    char text[2 * JSON_NUMBER_BYTES];
    const size_t point = format_digits(units / per_whole, text);
    uint64_t rest = units % per_whole;
    size_t decimals = 0;
    for (uint64_t unit = per_whole; unit > 1; unit /= 10) {
        decimals++;
    }
    text[point] = '.';
    for (size_t i = decimals; i > 0; i--, rest /= 10) {
        text[point + i] = (char)('0' + rest % 10);
    }
    while (decimals > 0 && text[point + decimals] == '0') {
        decimals--;
    }
    return buffer_append(buffer, slice_of(text, point + (decimals > 0 ? decimals + 1 : 0)));
}

/* -- Strings -------------------------------------------------------------------------------- */

#define EACH_BYTE(byte) (0x0101010101010101U * (byte))

/* The top bit of each byte of the result is set at least where `eight` is zero in that byte. */
static uint64_t zeros(uint64_t eight)
{
    return (eight - EACH_BYTE(0x01)) & ~eight;
}

/* True if none of eight bytes is below 20, above 7f, a quote or a backslash. */
static bool eight_are_plain(const uint8_t *bytes)
{
    uint64_t eight = 0;
    memcpy(&eight, bytes, sizeof eight);
    const uint64_t special = zeros(eight ^ EACH_BYTE('"')) | zeros(eight ^ EACH_BYTE('\\')) |
                             (eight - EACH_BYTE(0x20)) | eight;
    return (special & EACH_BYTE(0x80)) == 0;
}

/* How many bytes from `from` on are plain ASCII that needs no escape. */
static size_t plain_run(struct slice string, size_t from)
{
    size_t at = from;
    while (string.size - at >= 8 && eight_are_plain(string.data + at)) {
        at += 8;
    }
    while (at < string.size && string.data[at] >= 0x20 && string.data[at] < 0x80 &&
           string.data[at] != '"' && string.data[at] != '\\') {
        at++;
    }
    return at - from;
}

static cordon_error *write_escape(struct buffer *buffer, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                      ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    if (letters[byte] != 0) {
        const char escape[2] = {'\\', letters[byte]};
        return buffer_append(buffer, slice_of(escape, sizeof escape));
    }
    const char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    return buffer_append(buffer, slice_of(escape, sizeof escape));
}

/* One character that is not plain ASCII. Returns its size by `*out_size`. */
static cordon_error *write_special(struct buffer *buffer, struct slice rest, size_t *out_size)
{
    if (rest.data[0] < 0x80) {
        *out_size = 1;
        return write_escape(buffer, rest.data[0]);
    }
    uint32_t code_point = 0;
    size_t skip = 0;
    const size_t size = utf8_decode(rest, &code_point, &skip);
    *out_size = size == 0 ? skip : size;
    return buffer_append(buffer, size == 0 ? SLICE("\xef\xbf\xbd") : slice_of(rest.data, size));
}

/* The string from `at` on, without its quotes. */
static cordon_error *write_rest(struct buffer *buffer, struct slice string, size_t at)
{
    while (at < string.size) {
        size_t size = 0;
        TRY(write_special(buffer, slice_from(string, at), &size));
        at += size;
        const size_t run = plain_run(string, at);
        TRY(buffer_append(buffer, slice_of(string.data + at, run)));
        at += run;
    }
    return NULL;
}

cordon_error *json_write_string(struct buffer *buffer, struct slice string)
{
    const size_t run = plain_run(string, 0);
    TRY(buffer_reserve(buffer, run + 2)); /* for most strings that is all of it */
    uint8_t *out = buffer->data + buffer->size;
    out[0] = '"';
    if (run > 0) {
        memcpy(out + 1, string.data, run);
    }
    buffer->size += run + 1;
    if (run < string.size) {
        TRY(write_rest(buffer, string, run));
    }
    return put_byte(buffer, '"');
}

/* -- The rest ------------------------------------------------------------------------------- */

cordon_error *json_write_bool(struct buffer *buffer, bool boolean)
{
    return buffer_append(buffer, boolean ? SLICE("true") : SLICE("false"));
}

cordon_error *json_write_comma(struct buffer *buffer)
{
    const uint8_t last = buffer->size == 0 ? ',' : buffer->data[buffer->size - 1];
    if (last == '{' || last == '[' || last == ':' || last == ',') {
        return NULL;
    }
    return put_byte(buffer, ',');
}

cordon_error *json_write_key(struct buffer *buffer, struct slice name)
{
    TRY(json_write_comma(buffer));
    TRY(json_write_string(buffer, name));
    return put_byte(buffer, ':');
}

cordon_error *json_write_member_u64(struct buffer *buffer, const char *name, uint64_t number)
{
    TRY(json_write_key(buffer, slice_str(name)));
    return json_write_u64(buffer, number);
}

cordon_error *json_write_member_bool(struct buffer *buffer, const char *name, bool boolean)
{
    TRY(json_write_key(buffer, slice_str(name)));
    return json_write_bool(buffer, boolean);
}

cordon_error *json_write_member_string(struct buffer *buffer, const char *name, struct slice string)
{
    TRY(json_write_key(buffer, slice_str(name)));
    return json_write_string(buffer, string);
}

static cordon_error *write_items(struct buffer *buffer, const struct json_node *array)
{
    TRY(put_byte(buffer, '['));
    struct json_walk walk = json_walk_items(array);
    for (const struct json_node *item; (item = json_next_item(&walk)) != NULL;) {
        TRY(json_write_comma(buffer));
        TRY(json_write_node(buffer, item));
    }
    return put_byte(buffer, ']');
}

static cordon_error *write_fields(struct buffer *buffer, const struct json_node *object)
{
    TRY(put_byte(buffer, '{'));
    struct json_walk walk = json_walk_fields(object);
    struct slice name;
    for (const struct json_node *field; (field = json_next_field(&walk, &name)) != NULL;) {
        TRY(json_write_key(buffer, name));
        TRY(json_write_node(buffer, field));
    }
    return put_byte(buffer, '}');
}

/* Whole numbers keep all their digits, also those that a double would round away. */
static cordon_error *write_number_node(struct buffer *buffer, const struct json_node *node)
{
    int64_t negative = 0;
    uint64_t positive = 0;
    const double number = json_number(node);
    if (number > 0 && json_u64(node, &positive)) {
        return json_write_u64(buffer, positive);
    }
    if (number < 0 && json_i64(node, &negative)) {
        return json_write_i64(buffer, negative);
    }
    return json_write_number(buffer, number);
}

cordon_error *json_write_node(struct buffer *buffer, const struct json_node *node)
{
    switch (json_kind(node)) {
    case JSON_MISSING:
    case JSON_NULL:
        return buffer_append(buffer, SLICE("null"));
    case JSON_BOOL:
        return json_write_bool(buffer, json_is_true(node));
    case JSON_NUMBER:
        return write_number_node(buffer, node);
    case JSON_STRING:
        return json_write_string(buffer, json_string(node));
    case JSON_ARRAY:
        return write_items(buffer, node);
    case JSON_OBJECT:
        return write_fields(buffer, node);
    }
    return NULL;
}
