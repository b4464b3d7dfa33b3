/*
 * What cordon.h declares: memory, values and their JSON, the run, the database, queries, calls of
 * other functions.
 *
 * Memory is taken in blocks and given out from the front of the last one; nothing is freed before a
 * mark is released or the run ends, which takes the whole instance with it. The reader of JSON is
 * strict (RFC 8259 and Convex's encoding of what JSON lacks) and bounded in depth, since a guest's
 * stack is small; the writer is its inverse. Numbers are read and written by the C library, whole
 * numbers, the most frequent, by ourselves.
 */
#include "cordon.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values may nest 64 deep, and a reply wraps them in a few more. */
#define DEPTH_MAX 80

#define RANDOM_BYTES_MAX 65536

/*
 * 1. Memory
 */

#define ALIGNMENT 16
#define BLOCK_BYTES ((size_t)8192)

struct block {
    struct block *older;
    size_t size;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

static struct block *newest;
static size_t used; /* of the newest block */

/* Needs no memory, as there is none. */
static __attribute__((noreturn)) void fail_without_memory(void)
{
    static const char error[] = "{\"message\":\"out of memory\"}";
    cordon_host_fail(error, sizeof error - 1);
    abort();
}

static void add_block(size_t size)
{
    const size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    if (room > SIZE_MAX - sizeof(struct block)) {
        fail_without_memory();
    }
    struct block *block = malloc(sizeof(struct block) + room);
    if (block == NULL) {
        fail_without_memory();
    }
    block->older = newest;
    block->size = room;
    newest = block;
    used = 0;
}

static void *take(size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        fail_without_memory();
    }
    const size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (newest == NULL || newest->size - used < rounded) {
        add_block(rounded);
    }
    void *const bytes = newest->bytes + used;
    used += rounded;
    return bytes;
}

void *cordon_alloc(size_t size)
{
    return memset(take(size), 0, size);
}

cordon_mark cordon_mark_now(void)
{
    return (cordon_mark){.block = newest, .used = used};
}

void cordon_release(cordon_mark mark)
{
    while (newest != NULL && newest != mark.block) {
        struct block *const older = newest->older;
        free(newest);
        newest = older;
    }
    used = mark.used;
}

/* An array that grows keeps its old places until the next mark is released. */
static void *grow(const void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return (void *)(uintptr_t)items;
    }
    const size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
    if (wanted > SIZE_MAX / item_size) {
        fail_without_memory();
    }
    void *const larger = take(wanted * item_size);
    if (count != 0) {
        memcpy(larger, items, count * item_size);
    }
    *capacity = wanted;
    return larger;
}

/* A copy that ends in a zero byte. */
static char *copy(const void *bytes, size_t size)
{
    if (size == SIZE_MAX) {
        fail_without_memory();
    }
    char *const text = take(size + 1);
    if (size != 0) {
        memcpy(text, bytes, size);
    }
    text[size] = '\0';
    return text;
}

const char *cordon_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        cordon_fail("cordon_format: a format that cannot be written");
    }
    char *const text = take((size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}

/*
 * 2. Values
 */

struct field {
    const char *name;
    size_t name_size;
    cordon_value *value;
};

struct cordon_value {
    cordon_type type;
    bool undefined;     /* a null that is written as Convex writes undefined */
    const char *digits; /* of a number that was read and not yet looked at; else NULL */
    union {
        bool boolean;
        double number;
        int64_t integer;
        const char *bytes; /* strings and bytes; a zero byte stands behind them */
        cordon_value **items;
        struct field *fields;
    };
    size_t size; /* bytes, items or fields */
    size_t capacity;
};

static cordon_value *new_value(cordon_type type)
{
    cordon_value *const value = cordon_alloc(sizeof *value);
    value->type = type;
    return value;
}

cordon_value *cordon_null(void)
{
    return new_value(CORDON_TYPE_NULL);
}

cordon_value *cordon_undefined(void)
{
    cordon_value *const value = cordon_null();
    value->undefined = true;
    return value;
}

cordon_value *cordon_boolean(bool boolean)
{
    cordon_value *const value = new_value(CORDON_TYPE_BOOLEAN);
    value->boolean = boolean;
    return value;
}

cordon_value *cordon_number(double number)
{
    cordon_value *const value = new_value(CORDON_TYPE_NUMBER);
    value->number = number;
    return value;
}

cordon_value *cordon_int64(int64_t integer)
{
    cordon_value *const value = new_value(CORDON_TYPE_INT64);
    value->integer = integer;
    return value;
}

static cordon_value *new_bytes(cordon_type type, const char *bytes, size_t size)
{
    cordon_value *const value = new_value(type);
    value->bytes = bytes;
    value->size = size;
    return value;
}

cordon_value *cordon_string(const char *text)
{
    return cordon_string_of_size(text, strlen(text));
}

cordon_value *cordon_string_of_size(const char *text, size_t size)
{
    return new_bytes(CORDON_TYPE_STRING, copy(text, size), size);
}

cordon_value *cordon_bytes(const void *bytes, size_t size)
{
    return new_bytes(CORDON_TYPE_BYTES, copy(bytes, size), size);
}

cordon_value *cordon_array(void)
{
    return new_value(CORDON_TYPE_ARRAY);
}

cordon_value *cordon_object(void)
{
    return new_value(CORDON_TYPE_OBJECT);
}

cordon_type cordon_type_of(const cordon_value *value)
{
    return value == NULL ? CORDON_TYPE_NONE : value->type;
}

static const char *const type_names[] = {
    [CORDON_TYPE_NONE] = "nothing",      [CORDON_TYPE_NULL] = "null",
    [CORDON_TYPE_BOOLEAN] = "a boolean", [CORDON_TYPE_NUMBER] = "a number",
    [CORDON_TYPE_INT64] = "an Int64",    [CORDON_TYPE_STRING] = "a string",
    [CORDON_TYPE_BYTES] = "bytes",       [CORDON_TYPE_ARRAY] = "an array",
    [CORDON_TYPE_OBJECT] = "an object",
};

static const char *join(const char *first, const char *second, const char *third, const char *last)
{
    const char *const parts[] = {first, second, third, last};
    size_t size = 1;
    for (size_t i = 0; i < 4; i++) {
        size += strlen(parts[i]);
    }
    char *const text = cordon_alloc(size);
    char *at = text;
    for (size_t i = 0; i < 4; i++) {
        const size_t part_size = strlen(parts[i]);
        memcpy(at, parts[i], part_size);
        at += part_size;
    }
    return text;
}

static void expect(const cordon_value *value, cordon_type type)
{
    const cordon_type found = cordon_type_of(value);
    if (found != type) {
        cordon_fail(join("expected ", type_names[type], ", found ", type_names[found]));
    }
}

cordon_value *cordon_push(cordon_value *array, cordon_value *value)
{
    expect(array, CORDON_TYPE_ARRAY);
    array->items = grow(array->items, array->size, &array->capacity, sizeof(cordon_value *));
    array->items[array->size++] = value == NULL ? cordon_null() : value;
    return array;
}

static struct field *find_field(const cordon_value *object, const char *name, size_t name_size)
{
    for (size_t i = 0; i < object->size; i++) {
        struct field *const field = &object->fields[i];
        if (field->name_size == name_size && memcmp(field->name, name, name_size) == 0) {
            return field;
        }
    }
    return NULL;
}

static void add_field(cordon_value *object, const char *name, size_t name_size, cordon_value *value)
{
    object->fields = grow(object->fields, object->size, &object->capacity, sizeof(struct field));
    object->fields[object->size++] =
        (struct field){.name = name, .name_size = name_size, .value = value};
}

static void remove_field(cordon_value *object, struct field *field)
{
    const struct field *const end = object->fields + object->size--;
    memmove(field, field + 1, (size_t)(end - (field + 1)) * sizeof *field);
}

cordon_value *cordon_set(cordon_value *object, const char *name, cordon_value *value)
{
    expect(object, CORDON_TYPE_OBJECT);
    const size_t name_size = strlen(name);
    struct field *const field = find_field(object, name, name_size);
    if (field == NULL && value != NULL) {
        add_field(object, copy(name, name_size), name_size, value);
    } else if (field != NULL && value != NULL) {
        field->value = value;
    } else if (field != NULL) {
        remove_field(object, field);
    }
    return object;
}

cordon_value *cordon_get(const cordon_value *object, const char *name)
{
    if (object == NULL) {
        return NULL;
    }
    expect(object, CORDON_TYPE_OBJECT);
    const struct field *const field = find_field(object, name, strlen(name));
    return field == NULL ? NULL : field->value;
}

size_t cordon_count(const cordon_value *value)
{
    if (value == NULL) {
        return 0;
    }
    if (value->type != CORDON_TYPE_OBJECT) {
        expect(value, CORDON_TYPE_ARRAY);
    }
    return value->size;
}

cordon_value *cordon_at(const cordon_value *value, size_t index)
{
    if (index >= cordon_count(value)) {
        return NULL;
    }
    return value->type == CORDON_TYPE_ARRAY ? value->items[index] : value->fields[index].value;
}

const char *cordon_name_at(const cordon_value *object, size_t index)
{
    if (object == NULL) {
        return NULL;
    }
    expect(object, CORDON_TYPE_OBJECT);
    return index >= object->size ? NULL : object->fields[index].name;
}

bool cordon_to_boolean(const cordon_value *value)
{
    expect(value, CORDON_TYPE_BOOLEAN);
    return value->boolean;
}

double cordon_to_number(const cordon_value *value)
{
    expect(value, CORDON_TYPE_NUMBER);
    return value->digits == NULL ? value->number : strtod(value->digits, NULL);
}

int64_t cordon_to_int64(const cordon_value *value)
{
    expect(value, CORDON_TYPE_INT64);
    return value->integer;
}

const char *cordon_to_string(const cordon_value *value)
{
    expect(value, CORDON_TYPE_STRING);
    return value->bytes;
}

const void *cordon_to_bytes(const cordon_value *value)
{
    expect(value, CORDON_TYPE_BYTES);
    return value->bytes;
}

size_t cordon_size(const cordon_value *value)
{
    if (cordon_type_of(value) != CORDON_TYPE_BYTES) {
        expect(value, CORDON_TYPE_STRING);
    }
    return value->size;
}

/*
 * 3. Base64
 */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

static void base64_write(const unsigned char *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i += 3) {
        const size_t here = size - i < 3 ? size - i : 3;
        const uint32_t group = (uint32_t)bytes[i] << 16 |
                               (here > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (here > 2 ? (uint32_t)bytes[i + 2] : 0);
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = here > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = here > 2 ? alphabet[group & 63] : '=';
    }
}

static int base64_digit(char letter)
{
    const char *const place = letter == '\0' ? NULL : strchr(alphabet, letter);
    return place == NULL ? -1 : (int)(place - alphabet);
}

/* False if the text is not the one way of writing some bytes in base64. `out` has 3/4 its size. */
static bool base64_read(const char *text, size_t size, unsigned char *out, size_t *out_size)
{
    if (size % 4 != 0) {
        return false;
    }
    size_t padding = size != 0 && text[size - 1] == '=' ? 1 : 0;
    padding += padding == 1 && text[size - 2] == '=' ? 1 : 0;
    const size_t digits = size - padding;
    uint32_t bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < digits; i++) {
        const int digit = base64_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) {
            const unsigned spare = 6 - 2 * (unsigned)(i % 4);
            out[written++] = (unsigned char)(bits >> spare);
        }
    }
    /* The bits of the last digit that belong to no byte are zero. */
    if (padding != 0 && (bits & ((1u << (2 * padding)) - 1)) != 0) {
        return false;
    }
    *out_size = written;
    return true;
}

/*
 * 4. Reading JSON
 */

struct reader {
    const char *at;
    const char *end;
    unsigned depth;
};

/* NULL: malformed. */
static cordon_value *read_value(struct reader *reader);

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r')) {
        reader->at++;
    }
}

static bool skip(struct reader *reader, char letter)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != letter) {
        return false;
    }
    reader->at++;
    return true;
}

static bool skip_word(struct reader *reader, const char *word)
{
    const size_t size = strlen(word);
    if ((size_t)(reader->end - reader->at) < size || memcmp(reader->at, word, size) != 0) {
        return false;
    }
    reader->at += size;
    return true;
}

static size_t skip_digits(struct reader *reader)
{
    const char *const start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        reader->at++;
    }
    return (size_t)(reader->at - start);
}

static bool skip_one_of(struct reader *reader, const char *letters)
{
    if (reader->at == reader->end || *reader->at == '\0' || strchr(letters, *reader->at) == NULL) {
        return false;
    }
    reader->at++;
    return true;
}

/* A dot and digits, or nothing; false if it is malformed. */
static bool skip_fraction(struct reader *reader)
{
    return !skip_one_of(reader, ".") || skip_digits(reader) != 0;
}

static bool skip_exponent(struct reader *reader)
{
    if (!skip_one_of(reader, "eE")) {
        return true;
    }
    (void)skip_one_of(reader, "+-");
    return skip_digits(reader) != 0;
}

/* At most fifteen digits: exact in a double, so they need no rounding. */
static cordon_value *read_whole(const char *digits, size_t count, bool negative)
{
    int64_t whole = 0;
    for (size_t i = 0; i < count; i++) {
        whole = whole * 10 + (digits[i] - '0');
    }
    return cordon_number(negative ? -(double)whole : (double)whole);
}

/* Rounding is dear and most numbers only pass through: those digits are kept as they are. */
static cordon_value *read_digits(const char *text, size_t size)
{
    cordon_value *const value = new_value(CORDON_TYPE_NUMBER);
    value->digits = copy(text, size);
    const bool may_overflow = size > 300 || strpbrk(value->digits, "eE") != NULL;
    return may_overflow && isinf(strtod(value->digits, NULL)) ? NULL : value;
}

static cordon_value *read_number(struct reader *reader)
{
    const char *const start = reader->at;
    const bool negative = skip_one_of(reader, "-");
    const char *const digits = reader->at;
    const size_t count = skip_digits(reader);
    const char *const end_of_whole = reader->at;
    if (count == 0 || (count > 1 && *digits == '0') || !skip_fraction(reader) ||
        !skip_exponent(reader)) {
        return NULL;
    }
    if (reader->at == end_of_whole && count <= 15) {
        return read_whole(digits, count, negative);
    }
    return read_digits(start, (size_t)(reader->at - start));
}

/* Four hexadecimal digits behind `\u`. */
static bool read_code_unit(struct reader *reader, uint32_t *out_unit)
{
    if (reader->end - reader->at < 4) {
        return false;
    }
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        const char letter = *reader->at++;
        const uint32_t digit = letter >= '0' && letter <= '9'   ? (uint32_t)(letter - '0')
                               : letter >= 'a' && letter <= 'f' ? (uint32_t)(letter - 'a' + 10)
                               : letter >= 'A' && letter <= 'F' ? (uint32_t)(letter - 'A' + 10)
                                                                : 16;
        if (digit == 16) {
            return false;
        }
        unit = unit << 4 | digit;
    }
    *out_unit = unit;
    return true;
}

static char *write_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
    }
    *out++ = (char)(0x80 | (code & 63));
    return out;
}

/* A character beyond the first 65,536 is written as two units; one of them alone is none. */
static bool read_unicode_escape(struct reader *reader, char **out)
{
    uint32_t code;
    if (!read_code_unit(reader, &code)) {
        return false;
    }
    if (code >= 0xd800 && code < 0xe000) {
        uint32_t low;
        if (code >= 0xdc00 || !skip_word(reader, "\\u") || !read_code_unit(reader, &low) ||
            low < 0xdc00 || low >= 0xe000) {
            return false;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = write_utf8(*out, code);
    return true;
}

static bool read_escape(struct reader *reader, char **out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end) {
        return false;
    }
    const char letter = *reader->at++;
    if (letter == 'u') {
        return read_unicode_escape(reader, out);
    }
    const char *const place = letter == '\0' ? NULL : strchr(letters, letter);
    if (place == NULL) {
        return false;
    }
    *(*out)++ = meanings[place - letters];
    return true;
}

/* No escape is shorter than what it stands for, so the text has room in its own size. */
static char *read_string(struct reader *reader, size_t *out_size)
{
    if (!skip(reader, '"')) {
        return NULL;
    }
    const char *close = reader->at;
    while (close < reader->end && *close != '"') {
        close += *close == '\\' ? 2 : 1;
    }
    if (close >= reader->end) {
        return NULL;
    }
    char *const text = take((size_t)(close - reader->at) + 1);
    char *out = text;
    while (*reader->at != '"') {
        const char letter = *reader->at++;
        if ((unsigned char)letter < 0x20) {
            return NULL;
        }
        if (letter != '\\') {
            *out++ = letter;
        } else if (!read_escape(reader, &out)) {
            return NULL;
        }
    }
    reader->at++;
    *out = '\0';
    *out_size = (size_t)(out - text);
    return text;
}

static cordon_value *read_array(struct reader *reader)
{
    cordon_value *const array = cordon_array();
    if (skip(reader, ']')) {
        return array;
    }
    do {
        cordon_value *const item = read_value(reader);
        if (item == NULL) {
            return NULL;
        }
        cordon_push(array, item);
    } while (skip(reader, ','));
    return skip(reader, ']') ? array : NULL;
}

/* Base64 of eight bytes, the lowest first. */
static bool read_eight_bytes(const cordon_value *text, uint64_t *out_bits)
{
    unsigned char bytes[9];
    size_t size;
    if (cordon_type_of(text) != CORDON_TYPE_STRING || text->size != 12 ||
        !base64_read(text->bytes, text->size, bytes, &size) || size != 8) {
        return false;
    }
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)bytes[i] << (8 * i);
    }
    *out_bits = bits;
    return true;
}

static cordon_value *read_special_number(const cordon_value *text)
{
    uint64_t bits;
    double number;
    if (!read_eight_bytes(text, &bits)) {
        return NULL;
    }
    memcpy(&number, &bits, sizeof number);
    const bool plain = isfinite(number) && !(number == 0 && signbit(number));
    return plain ? NULL : cordon_number(number);
}

static cordon_value *read_bytes(const cordon_value *text)
{
    if (cordon_type_of(text) != CORDON_TYPE_STRING) {
        return NULL;
    }
    char *const bytes = take(text->size / 4 * 3 + 1);
    size_t size;
    if (!base64_read(text->bytes, text->size, (unsigned char *)bytes, &size)) {
        return NULL;
    }
    bytes[size] = '\0';
    return new_bytes(CORDON_TYPE_BYTES, bytes, size);
}

/* An object whose one field starts with `$` stands for a value that JSON lacks. */
static cordon_value *read_encoded(const struct field *field)
{
    uint64_t bits;
    if (strcmp(field->name, "$integer") == 0) {
        return read_eight_bytes(field->value, &bits) ? cordon_int64((int64_t)bits) : NULL;
    }
    if (strcmp(field->name, "$float") == 0) {
        return read_special_number(field->value);
    }
    if (strcmp(field->name, "$bytes") == 0) {
        return read_bytes(field->value);
    }
    if (strcmp(field->name, "$undefined") == 0) {
        return cordon_type_of(field->value) == CORDON_TYPE_NULL ? cordon_undefined() : NULL;
    }
    return NULL;
}

static bool read_fields(struct reader *reader, cordon_value *object)
{
    do {
        size_t name_size;
        const char *const name = read_string(reader, &name_size);
        cordon_value *const value = name != NULL && skip(reader, ':') ? read_value(reader) : NULL;
        if (value == NULL || find_field(object, name, name_size) != NULL) {
            return false;
        }
        add_field(object, name, name_size, value);
    } while (skip(reader, ','));
    return skip(reader, '}');
}

static cordon_value *read_object(struct reader *reader)
{
    cordon_value *const object = cordon_object();
    if (skip(reader, '}')) {
        return object;
    }
    if (!read_fields(reader, object)) {
        return NULL;
    }
    for (size_t i = 0; i < object->size; i++) {
        if (object->fields[i].name[0] == '$') {
            return object->size == 1 ? read_encoded(&object->fields[0]) : NULL;
        }
    }
    return object;
}

static cordon_value *read_nested(struct reader *reader)
{
    if (reader->depth == DEPTH_MAX) {
        return NULL;
    }
    reader->depth++;
    cordon_value *const value = *reader->at++ == '[' ? read_array(reader) : read_object(reader);
    reader->depth--;
    return value;
}

static cordon_value *read_text(struct reader *reader)
{
    size_t size;
    const char *const text = read_string(reader, &size);
    return text == NULL ? NULL : new_bytes(CORDON_TYPE_STRING, text, size);
}

static cordon_value *read_value(struct reader *reader)
{
    skip_space(reader);
    if (reader->at == reader->end) {
        return NULL;
    }
    switch (*reader->at) {
    case '{':
    case '[':
        return read_nested(reader);
    case '"':
        return read_text(reader);
    case 'n':
        return skip_word(reader, "null") ? cordon_null() : NULL;
    case 't':
        return skip_word(reader, "true") ? cordon_boolean(true) : NULL;
    case 'f':
        return skip_word(reader, "false") ? cordon_boolean(false) : NULL;
    default:
        return read_number(reader);
    }
}

cordon_value *cordon_parse(const char *json, size_t size)
{
    struct reader reader = {.at = json, .end = json + size};
    cordon_value *const value = read_value(&reader);
    skip_space(&reader);
    return reader.at == reader.end ? value : NULL;
}

/*
 * 5. Writing JSON
 */

struct writer {
    char *text;
    size_t size;
    size_t capacity;
};

static void write_value(struct writer *writer, const cordon_value *value);

/* Room for `size` more bytes and a zero. */
static char *reserve(struct writer *writer, size_t size)
{
    if (size > SIZE_MAX / 4 || writer->size > SIZE_MAX / 4) {
        fail_without_memory();
    }
    const size_t wanted = writer->size + size + 1;
    if (wanted > writer->capacity) {
        const size_t capacity = wanted < 128 ? 128 : wanted * 2;
        char *const larger = take(capacity);
        if (writer->size != 0) {
            memcpy(larger, writer->text, writer->size);
        }
        writer->text = larger;
        writer->capacity = capacity;
    }
    return writer->text + writer->size;
}

static void write_bytes(struct writer *writer, const char *bytes, size_t size)
{
    char *const room = reserve(writer, size);
    if (size != 0) {
        memcpy(room, bytes, size);
    }
    writer->size += size;
}

static void write_text(struct writer *writer, const char *text)
{
    write_bytes(writer, text, strlen(text));
}

static void write_escape(struct writer *writer, char letter)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *const place = letter == '\0' ? NULL : strchr(letters, letter);
    if (place != NULL) {
        write_bytes(writer, (char[]){'\\', names[place - letters]}, 2);
        return;
    }
    const unsigned code = (unsigned char)letter;
    write_bytes(writer, (char[]){'\\', 'u', '0', '0', digits[code >> 4], digits[code & 15]}, 6);
}

static void write_string(struct writer *writer, const char *text, size_t size)
{
    write_text(writer, "\"");
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == '"' || text[i] == '\\') {
            write_bytes(writer, text + start, i - start);
            write_escape(writer, text[i]);
            start = i + 1;
        }
    }
    write_bytes(writer, text + start, size - start);
    write_text(writer, "\"");
}

static void write_encoded(
    struct writer *writer, const char *name, const unsigned char *bytes, size_t size)
{
    write_text(writer, "{\"");
    write_text(writer, name);
    write_text(writer, "\":\"");
    if (size > SIZE_MAX / 4) {
        fail_without_memory();
    }
    const size_t text_size = base64_size(size);
    base64_write(bytes, size, reserve(writer, text_size));
    writer->size += text_size;
    write_text(writer, "\"}");
}

static void write_eight_bytes(struct writer *writer, const char *name, uint64_t bits)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(bits >> (8 * i));
    }
    write_encoded(writer, name, bytes, sizeof bytes);
}

/* The number `digits` divided by ten to the power of `decimals`. */
static void write_digits(struct writer *writer, uint64_t digits, int decimals)
{
    char text[24];
    size_t at = sizeof text;
    for (int place = 0; place <= decimals || digits != 0; place++) {
        if (place == decimals && place != 0) {
            text[--at] = '.';
        }
        text[--at] = (char)('0' + digits % 10);
        digits /= 10;
    }
    write_bytes(writer, text + at, sizeof text - at);
}

/*
 * A number with few decimals, such as 0.25 or 1732541000123.5. If the digits divided by their power
 * of ten give the number back, they are read as that number: both are exact, and the division
 * rounds as reading does.
 */
static bool write_decimal(struct writer *writer, double number)
{
    const double size = fabs(number);
    double power = 1;
    for (int decimals = 0; decimals <= 9; decimals++, power *= 10) {
        const double digits = size * power;
        if (digits >= 0x1p53) {
            return false;
        }
        if (digits != floor(digits) || digits / power != size) {
            continue;
        }
        write_text(writer, number < 0 ? "-" : "");
        write_digits(writer, (uint64_t)digits, decimals);
        return true;
    }
    return false;
}

static void write_number(struct writer *writer, double number)
{
    if (!isfinite(number) || (number == 0 && signbit(number))) {
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        write_eight_bytes(writer, "$float", bits);
        return;
    }
    if (write_decimal(writer, number)) {
        return;
    }
    /* The fewest digits that are read as the same number. */
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    write_text(writer, text);
}

static void write_array(struct writer *writer, const cordon_value *array)
{
    write_text(writer, "[");
    for (size_t i = 0; i < array->size; i++) {
        write_text(writer, i == 0 ? "" : ",");
        write_value(writer, array->items[i]);
    }
    write_text(writer, "]");
}

static void write_object(struct writer *writer, const cordon_value *object)
{
    write_text(writer, "{");
    for (size_t i = 0; i < object->size; i++) {
        write_text(writer, i == 0 ? "" : ",");
        write_string(writer, object->fields[i].name, object->fields[i].name_size);
        write_text(writer, ":");
        write_value(writer, object->fields[i].value);
    }
    write_text(writer, "}");
}

static void write_value(struct writer *writer, const cordon_value *value)
{
    switch (cordon_type_of(value)) {
    case CORDON_TYPE_NONE:
        write_text(writer, "null");
        return;
    case CORDON_TYPE_NULL:
        write_text(writer, value->undefined ? "{\"$undefined\":null}" : "null");
        return;
    case CORDON_TYPE_BOOLEAN:
        write_text(writer, value->boolean ? "true" : "false");
        return;
    case CORDON_TYPE_NUMBER:
        if (value->digits != NULL) {
            write_text(writer, value->digits);
        } else {
            write_number(writer, value->number);
        }
        return;
    case CORDON_TYPE_INT64:
        write_eight_bytes(writer, "$integer", (uint64_t)value->integer);
        return;
    case CORDON_TYPE_STRING:
        write_string(writer, value->bytes, value->size);
        return;
    case CORDON_TYPE_BYTES:
        write_encoded(writer, "$bytes", (const unsigned char *)value->bytes, value->size);
        return;
    case CORDON_TYPE_ARRAY:
        write_array(writer, value);
        return;
    case CORDON_TYPE_OBJECT:
        write_object(writer, value);
        return;
    }
}

const char *cordon_print(const cordon_value *value, size_t *out_size)
{
    struct writer writer = {0};
    write_value(&writer, value);
    *reserve(&writer, 0) = '\0';
    if (out_size != NULL) {
        *out_size = writer.size;
    }
    return writer.text;
}

/*
 * 6. The run
 */

static bool is_done(int64_t answer)
{
    return (uint64_t)answer >> 32 == 0;
}

static size_t length_of(int64_t answer)
{
    return (size_t)((uint64_t)answer & UINT32_MAX);
}

static int64_t send(cordon_host_call *call, const cordon_value *argument)
{
    size_t size;
    const char *const json = cordon_print(argument, &size);
    return call(json, size);
}

static cordon_value *parse_from_host(const char *json, size_t size)
{
    cordon_value *const value = cordon_parse(json, size);
    if (value == NULL) {
        cordon_fail("the host sent a value that this version of cordon.c cannot read");
    }
    return value;
}

static cordon_value *read_reply(size_t size)
{
    char *const json = take(size);
    cordon_host_reply_read(json, size);
    return parse_from_host(json, size);
}

bool cordon_call(cordon_host_call *call, const cordon_value *argument, cordon_value **out_reply)
{
    const int64_t answer = send(call, argument);
    *out_reply = read_reply(length_of(answer));
    return is_done(answer);
}

/* The host does not come back from this call. */
static __attribute__((noreturn)) void fail(const char *message, const cordon_value *data)
{
    struct writer writer = {0};
    write_text(&writer, "{\"message\":");
    write_string(&writer, message, strlen(message));
    if (data != NULL) {
        write_text(&writer, ",\"data\":");
        write_value(&writer, data);
    }
    write_text(&writer, "}");
    cordon_host_fail(writer.text, writer.size);
    abort();
}

/* Ends the run as the call was refused; with data, if a function was called and gave some. */
static __attribute__((noreturn)) void fail_as(const cordon_value *refusal)
{
    fail(cordon_to_string(cordon_get(refusal, "message")), cordon_get(refusal, "data"));
}

/* The reply of a call that has been made; a refusal ends the run. */
static cordon_value *must_answer(int64_t answer)
{
    cordon_value *const reply = read_reply(length_of(answer));
    if (!is_done(answer)) {
        fail_as(reply);
    }
    return reply;
}

static cordon_value *must_call(cordon_host_call *call, const cordon_value *argument)
{
    return must_answer(send(call, argument));
}

static cordon_value *read_args(void)
{
    const size_t size = length_of(cordon_host_input_read(NULL, 0));
    char *const json = take(size);
    cordon_host_input_read(json, size);
    cordon_value *const args = cordon_at(parse_from_host(json, size), 0);
    return args == NULL ? cordon_object() : args;
}

/* The arguments live in blocks of their own, which no mark can release. */
cordon_value *cordon_args(void)
{
    static cordon_value *args;
    if (args == NULL) {
        const cordon_mark mark = cordon_mark_now();
        newest = NULL;
        used = 0;
        args = read_args();
        newest = mark.block;
        used = mark.used;
    }
    return args;
}

void cordon_finish_(const cordon_value *result)
{
    if (result != NULL) {
        (void)send(cordon_host_output_write, result);
    }
}

int64_t cordon_now_ms(void)
{
    return cordon_host_now_ms();
}

static void fill(cordon_host_call *call, void *bytes, size_t size)
{
    unsigned char *at = bytes;
    while (size != 0) {
        const size_t here = size < RANDOM_BYTES_MAX ? size : RANDOM_BYTES_MAX;
        call(at, here);
        at += here;
        size -= here;
    }
}

void cordon_random_fill(void *bytes, size_t size)
{
    fill(cordon_host_random_fill, bytes, size);
}

double cordon_random_number(void)
{
    uint64_t bits = 0;
    cordon_random_fill(&bits, sizeof bits);
    return (double)(bits >> 11) * 0x1p-53;
}

cordon_value *cordon_left(void)
{
    return must_call(cordon_host_left, cordon_object());
}

const char *cordon_env_get(const char *name)
{
    const cordon_value *const value =
        must_call(cordon_host_env_get, cordon_set(cordon_object(), "name", cordon_string(name)));
    return cordon_type_of(value) == CORDON_TYPE_NULL ? NULL : cordon_to_string(value);
}

cordon_value *cordon_identity(void)
{
    cordon_value *const identity = must_call(cordon_host_get_user_identity, cordon_object());
    return cordon_type_of(identity) == CORDON_TYPE_NULL ? NULL : identity;
}

void cordon_log(cordon_level level, const char *message)
{
    static const char *const names[] = {
        [CORDON_DEBUG] = "DEBUG", [CORDON_LOG] = "LOG",     [CORDON_INFO] = "INFO",
        [CORDON_WARN] = "WARN",   [CORDON_ERROR] = "ERROR",
    };
    const cordon_mark mark = cordon_mark_now();
    cordon_value *const line = cordon_object();
    cordon_set(line, "level", cordon_string(names[level]));
    cordon_set(line, "messages", cordon_push(cordon_array(), cordon_string(message)));
    (void)send(cordon_host_log, line);
    cordon_release(mark);
}

void cordon_fail(const char *message)
{
    fail(message, NULL);
}

/* The message of a ConvexError is its data: as it is if it is a string, else as JSON. */
void cordon_fail_data(const cordon_value *data)
{
    const bool is_string = cordon_type_of(data) == CORDON_TYPE_STRING;
    fail(is_string ? data->bytes : cordon_print(data, NULL), data);
}

/*
 * 7. The database
 */

static cordon_value *one_field(const char *name, cordon_value *value)
{
    return cordon_set(cordon_object(), name, value);
}

/* The host call only reads what it is given. */
static cordon_value *borrow(const cordon_value *value)
{
    return (cordon_value *)(uintptr_t)value;
}

/* The document in a reply; a null there is none. */
static cordon_value *document_of(cordon_value *reply)
{
    return cordon_type_of(reply) == CORDON_TYPE_NULL ? NULL : reply;
}

cordon_value *cordon_db_get(const char *id)
{
    return document_of(must_call(cordon_host_get, one_field("id", cordon_string(id))));
}

const char *cordon_db_insert(const char *table, const cordon_value *fields)
{
    cordon_value *const argument = one_field("table", cordon_string(table));
    cordon_set(argument, "value", borrow(fields));
    return cordon_to_string(cordon_get(must_call(cordon_host_insert, argument), "_id"));
}

static cordon_value *write_document(
    cordon_host_call *call, const char *id, const cordon_value *fields)
{
    cordon_value *const argument = one_field("id", cordon_string(id));
    cordon_set(argument, "value", borrow(fields));
    return must_call(call, argument);
}

cordon_value *cordon_db_patch(const char *id, const cordon_value *fields)
{
    return write_document(cordon_host_shallow_merge, id, fields);
}

cordon_value *cordon_db_replace(const char *id, const cordon_value *fields)
{
    return write_document(cordon_host_replace, id, fields);
}

cordon_value *cordon_db_delete(const char *id)
{
    return must_call(cordon_host_remove, one_field("id", cordon_string(id)));
}

const char *cordon_db_normalize_id(const char *table, const char *text)
{
    cordon_value *const argument = one_field("table", cordon_string(table));
    cordon_set(argument, "idString", cordon_string(text));
    const cordon_value *const id = cordon_get(must_call(cordon_host_normalize_id, argument), "id");
    return cordon_type_of(id) == CORDON_TYPE_STRING ? id->bytes : NULL;
}

cordon_value *cordon_db_list(const char *table)
{
    return cordon_query_collect(cordon_query_table(table));
}

/*
 * 8. Queries
 *
 * Conditions and operators are written as they come, and put together when the query ends.
 */

struct cordon_query {
    const char *table;
    const char *index; /* NULL: all of the table */
    cordon_order order;
    struct writer conditions;
    struct writer operators;
};

struct cordon_expression {
    const char *json;
    size_t size;
};

cordon_query *cordon_query_table(const char *table)
{
    cordon_query *const query = cordon_alloc(sizeof *query);
    query->table = copy(table, strlen(table));
    return query;
}

cordon_query *cordon_query_index(const char *table, const char *index)
{
    cordon_query *const query = cordon_query_table(table);
    query->index = copy(index, strlen(index));
    return query;
}

static void write_value_or_undefined(struct writer *writer, const cordon_value *value)
{
    if (value == NULL) {
        write_text(writer, "{\"$undefined\":null}");
    } else {
        write_value(writer, value);
    }
}

static cordon_query *add_condition(
    cordon_query *query, const char *type, const char *field, const cordon_value *value)
{
    if (query->index == NULL) {
        cordon_fail("a condition is on a field of an index: begin with cordon_query_index");
    }
    struct writer *const writer = &query->conditions;
    write_text(writer, writer->size == 0 ? "{\"type\":\"" : ",{\"type\":\"");
    write_text(writer, type);
    write_text(writer, "\",\"fieldPath\":");
    write_string(writer, field, strlen(field));
    write_text(writer, ",\"value\":");
    write_value_or_undefined(writer, value);
    write_text(writer, "}");
    return query;
}

cordon_query *cordon_query_eq(cordon_query *query, const char *field, const cordon_value *value)
{
    return add_condition(query, "Eq", field, value);
}

cordon_query *cordon_query_gt(cordon_query *query, const char *field, const cordon_value *value)
{
    return add_condition(query, "Gt", field, value);
}

cordon_query *cordon_query_gte(cordon_query *query, const char *field, const cordon_value *value)
{
    return add_condition(query, "Gte", field, value);
}

cordon_query *cordon_query_lt(cordon_query *query, const char *field, const cordon_value *value)
{
    return add_condition(query, "Lt", field, value);
}

cordon_query *cordon_query_lte(cordon_query *query, const char *field, const cordon_value *value)
{
    return add_condition(query, "Lte", field, value);
}

cordon_query *cordon_query_order(cordon_query *query, cordon_order order)
{
    query->order = order;
    return query;
}

/* Begins an operator, which the caller ends with a brace. */
static struct writer *add_operator(cordon_query *query, const char *open)
{
    write_text(&query->operators, query->operators.size == 0 ? "{" : ",{");
    write_text(&query->operators, open);
    return &query->operators;
}

cordon_query *cordon_query_filter(cordon_query *query, const cordon_expression *filter)
{
    struct writer *const writer = add_operator(query, "\"filter\":");
    write_bytes(writer, filter->json, filter->size);
    write_text(writer, "}");
    return query;
}

cordon_query *cordon_query_limit(cordon_query *query, uint32_t count)
{
    struct writer *const writer = add_operator(query, "\"limit\":");
    write_digits(writer, count, 0);
    write_text(writer, "}");
    return query;
}

static cordon_expression *new_expression(const struct writer *writer)
{
    cordon_expression *const expression = cordon_alloc(sizeof *expression);
    expression->json = writer->text;
    expression->size = writer->size;
    return expression;
}

cordon_expression *cordon_q_field(const char *path)
{
    struct writer writer = {0};
    write_text(&writer, "{\"$field\":");
    write_string(&writer, path, strlen(path));
    write_text(&writer, "}");
    return new_expression(&writer);
}

cordon_expression *cordon_q_value(const cordon_value *value)
{
    struct writer writer = {0};
    write_text(&writer, "{\"$literal\":");
    write_value_or_undefined(&writer, value);
    write_text(&writer, "}");
    return new_expression(&writer);
}

/* `{"$name":[a,b]}` */
static cordon_expression *of_two(
    const char *name, const cordon_expression *a, const cordon_expression *b)
{
    struct writer writer = {0};
    write_text(&writer, "{\"$");
    write_text(&writer, name);
    write_text(&writer, "\":[");
    write_bytes(&writer, a->json, a->size);
    write_text(&writer, ",");
    write_bytes(&writer, b->json, b->size);
    write_text(&writer, "]}");
    return new_expression(&writer);
}

/* `{"$name":a}` */
static cordon_expression *of_one(const char *name, const cordon_expression *a)
{
    struct writer writer = {0};
    write_text(&writer, "{\"$");
    write_text(&writer, name);
    write_text(&writer, "\":");
    write_bytes(&writer, a->json, a->size);
    write_text(&writer, "}");
    return new_expression(&writer);
}

#define OF_TWO(name)                                                                               \
    cordon_expression *cordon_q_##name(const cordon_expression *a, const cordon_expression *b)     \
    {                                                                                              \
        return of_two(#name, a, b);                                                                \
    }
#define OF_ONE(name)                                                                               \
    cordon_expression *cordon_q_##name(const cordon_expression *a)                                 \
    {                                                                                              \
        return of_one(#name, a);                                                                   \
    }

OF_TWO(eq)
OF_TWO(neq)
OF_TWO(lt)
OF_TWO(lte)
OF_TWO(gt)
OF_TWO(gte)
OF_TWO(add)
OF_TWO(sub)
OF_TWO(mul)
OF_TWO(div)
OF_TWO(mod)
OF_TWO(and)
OF_TWO(or)
OF_ONE(neg)
OF_ONE(not)

static void write_source(struct writer *writer, const cordon_query *query)
{
    if (query->index == NULL) {
        write_text(writer, "{\"type\":\"FullTableScan\",\"tableName\":");
        write_string(writer, query->table, strlen(query->table));
    } else {
        const char *const name = join(query->table, ".", query->index, "");
        write_text(writer, "{\"type\":\"IndexRange\",\"indexName\":");
        write_string(writer, name, strlen(name));
        write_text(writer, ",\"range\":[");
        write_bytes(writer, query->conditions.text, query->conditions.size);
        write_text(writer, "]");
    }
    write_text(writer, query->order == CORDON_ASC ? ",\"order\":\"asc\"}" : ",\"order\":\"desc\"}");
}

static void write_query(struct writer *writer, const cordon_query *query)
{
    write_text(writer, "{\"source\":");
    write_source(writer, query);
    write_text(writer, ",\"operators\":[");
    write_bytes(writer, query->operators.text, query->operators.size);
    write_text(writer, "]}");
}

const char *cordon_query_print(const cordon_query *query, size_t *out_size)
{
    struct writer writer = {0};
    write_query(&writer, query);
    *reserve(&writer, 0) = '\0';
    if (out_size != NULL) {
        *out_size = writer.size;
    }
    return writer.text;
}

struct cordon_scan {
    cordon_value *argument; /* {"queryId": N}; NULL once the walk has ended */
};

cordon_scan *cordon_query_scan(cordon_query *query)
{
    struct writer writer = {0};
    write_text(&writer, "{\"query\":");
    write_query(&writer, query);
    write_text(&writer, "}");
    cordon_value *const reply = must_answer(cordon_host_query_stream(writer.text, writer.size));

    cordon_scan *const scan = cordon_alloc(sizeof *scan);
    scan->argument = one_field("queryId", cordon_get(reply, "queryId"));
    return scan;
}

cordon_value *cordon_db_next(cordon_scan *scan)
{
    if (scan->argument == NULL) {
        return NULL;
    }
    cordon_value *const reply = must_call(cordon_host_query_stream_next, scan->argument);
    if (cordon_to_boolean(cordon_get(reply, "done"))) {
        scan->argument = NULL;
        return NULL;
    }
    return document_of(cordon_get(reply, "value"));
}

void cordon_db_stop(cordon_scan *scan)
{
    if (scan->argument != NULL) {
        (void)must_call(cordon_host_query_cleanup, scan->argument);
        scan->argument = NULL;
    }
}

cordon_value *cordon_query_collect(cordon_query *query)
{
    cordon_value *const list = cordon_array();
    cordon_scan *const scan = cordon_query_scan(query);
    cordon_value *document;
    while ((document = cordon_db_next(scan)) != NULL) {
        cordon_push(list, document);
    }
    return list;
}

cordon_value *cordon_query_take(cordon_query *query, uint32_t count)
{
    return cordon_query_collect(cordon_query_limit(query, count));
}

/* The walk is not left open: a run may ask for the first of many queries. */
cordon_value *cordon_query_first(cordon_query *query)
{
    return cordon_at(cordon_query_take(query, 1), 0);
}

cordon_value *cordon_query_unique(cordon_query *query)
{
    const cordon_value *const two = cordon_query_take(query, 2);
    if (cordon_count(two) == 2) {
        cordon_fail(cordon_format(
            "unique() query returned more than one result from table %s:\n [%s, %s, ...]",
            query->table, cordon_to_string(cordon_get(cordon_at(two, 0), "_id")),
            cordon_to_string(cordon_get(cordon_at(two, 1), "_id"))));
    }
    return cordon_at(two, 0);
}

cordon_value *cordon_query_page(cordon_query *query, const cordon_value *options)
{
    static const struct {
        const char *option;
        const char *argument;
    } names[] = {
        {"numItems", ",\"pageSize\":"},
        {"cursor", ",\"cursor\":"},
        {"endCursor", ",\"endCursor\":"},
        {"maximumRowsRead", ",\"maximumRowsRead\":"},
        {"maximumBytesRead", ",\"maximumBytesRead\":"},
    };
    struct writer writer = {0};
    write_text(&writer, "{\"query\":");
    write_query(&writer, query);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const cordon_value *const option = cordon_get(options, names[i].option);
        if (option != NULL) {
            write_text(&writer, names[i].argument);
            write_value(&writer, option);
        }
    }
    write_text(&writer, "}");
    return must_answer(cordon_host_query_page(writer.text, writer.size));
}

/*
 * 9. Calls of other functions
 */

static cordon_value *run(
    cordon_host_call *call,
    cordon_value *argument,
    const char *path,
    const cordon_value *args,
    cordon_value **out_failure)
{
    cordon_set(argument, "name", cordon_string(path));
    cordon_set(argument, "args", borrow(args));
    cordon_value *reply;
    const bool done = cordon_call(call, argument, &reply);
    if (!done && out_failure == NULL) {
        fail_as(reply);
    }
    if (out_failure != NULL) {
        *out_failure = done ? NULL : reply;
    }
    return done ? reply : NULL;
}

cordon_value *cordon_run_query(
    const char *path, const cordon_value *args, cordon_value **out_failure)
{
    cordon_value *const argument = one_field("udfType", cordon_string("query"));
    return run(cordon_host_run_udf, argument, path, args, out_failure);
}

cordon_value *cordon_run_mutation(
    const char *path, const cordon_value *args, cordon_value **out_failure)
{
    cordon_value *const argument = one_field("udfType", cordon_string("mutation"));
    return run(cordon_host_run_udf, argument, path, args, out_failure);
}

cordon_value *cordon_action_run_query(
    const char *path, const cordon_value *args, cordon_value **out_failure)
{
    return run(cordon_host_action_query, cordon_object(), path, args, out_failure);
}

cordon_value *cordon_action_run_mutation(
    const char *path, const cordon_value *args, cordon_value **out_failure)
{
    return run(cordon_host_action_mutation, cordon_object(), path, args, out_failure);
}

cordon_value *cordon_action_run_action(
    const char *path, const cordon_value *args, cordon_value **out_failure)
{
    return run(cordon_host_action_action, cordon_object(), path, args, out_failure);
}

/*
 * 10. Effects
 */

void cordon_effect_sleep(uint32_t ms)
{
    const cordon_mark mark = cordon_mark_now();
    (void)must_call(cordon_host_sleep, one_field("ms", cordon_number(ms)));
    cordon_release(mark);
}

void cordon_effect_crypto_random(void *bytes, size_t size)
{
    fill(cordon_host_crypto_random, bytes, size);
}
