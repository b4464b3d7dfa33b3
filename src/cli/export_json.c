/* The JSON of documents in an export; see export_json.h. */
#include "cli/export_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No longer text is a number in 64 bits: a sign and 19 digits. */
enum { INTEGER_CHARS_MAX = 20 };

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* Of the string that begins at `at`, the place behind its end. */
static size_t skip_string(cordon_text json, size_t at)
{
    for (at++; at < json.size && json.data[at] != '"'; at++) {
        at += json.data[at] == '\\';
    }
    return at < json.size ? at + 1 : json.size;
}

/* The next number from `*at` on, which is moved behind it; what lies before it is copied. */
static bool next_number(cordon_text json, size_t *at, struct text *out, cordon_text *out_number)
{
    const size_t from = *at;
    size_t begin = from;
    while (begin < json.size && json.data[begin] != '-' && !is_digit(json.data[begin])) {
        begin = json.data[begin] == '"' ? skip_string(json, begin) : begin + 1;
    }
    size_t end = begin;
    while (end < json.size &&
           (is_digit(json.data[end]) || memchr("+-.eE", json.data[end], 5) != NULL)) {
        end++;
    }
    text_append(out, json.data + from, begin - from);
    *out_number = (cordon_text){json.data + begin, end - begin};
    *at = end;
    return end > begin;
}

/* Whether it is written without a point and an exponent, as JSON allows it. */
static bool is_whole(cordon_text number)
{
    const size_t sign = number.data[0] == '-';
    const size_t digits = number.size - sign;
    for (size_t i = sign; i < number.size; i++) {
        if (!is_digit(number.data[i])) {
            return false;
        }
    }
    return digits == 1 || (digits > 1 && number.data[sign] != '0');
}

/* -0 and what has more than 64 bits are Float64. */
static bool read_integer(cordon_text number, int64_t *out_integer)
{
    char digits[INTEGER_CHARS_MAX + 1];
    if (!is_whole(number) || number.size > INTEGER_CHARS_MAX ||
        (number.size == 2 && memcmp(number.data, "-0", 2) == 0)) {
        return false;
    }
    memcpy(digits, number.data, number.size);
    digits[number.size] = '\0';
    errno = 0;
    *out_integer = strtoll(digits, NULL, 10);
    return errno == 0;
}

/* Eight bytes, the lowest first, are eleven characters and one to fill up. */
static void append_integer(struct text *out, int64_t integer)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum { CHARS = 11 };
    uint8_t bytes[9] = {0};
    char text[CHARS];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)integer >> (8 * i));
    }
    for (size_t i = 0; i < CHARS; i++) {
        const uint8_t *const three = bytes + i / 4 * 3;
        const uint32_t bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        text[i] = letters[bits >> (18 - i % 4 * 6) & 63];
    }
    text_printf(out, "{\"$integer\":\"%.*s=\"}", CHARS, text);
}

void export_json_to_encoded(struct text *out, cordon_text line)
{
    size_t at = 0;
    cordon_text number = {0};
    while (next_number(line, &at, out, &number)) {
        int64_t integer = 0;
        if (read_integer(number, &integer)) {
            append_integer(out, integer);
        } else {
            text_append(out, number.data, number.size);
        }
    }
}

void export_json_from_encoded(struct text *out, cordon_text json)
{
    size_t at = 0;
    cordon_text number = {0};
    while (next_number(json, &at, out, &number)) {
        text_append(out, number.data, number.size);
        if (is_whole(number)) {
            text_append(out, ".0", 2);
        }
    }
}
