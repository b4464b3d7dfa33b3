/*
 * Base64 by table. Decoding is strict so that one value has one text: what does not come out the
 * same when encoded again is refused.
 */
#include "value/base64.h"

static const char digits_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64_encoded_size(size_t size, enum base64_alphabet alphabet)
{
    const size_t rest = size % 3;
    const size_t tail = rest == 0 ? 0 : alphabet == BASE64_STANDARD ? 4 : rest + 1;
    return size / 3 * 4 + tail;
}

void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *out_text)
{
    const char *digits = alphabet == BASE64_STANDARD ? digits_standard : digits_url;
    char *out = out_text;
    size_t at = 0;
    for (; bytes.size - at >= 3; at += 3) {
        const uint8_t *in = bytes.data + at;
        const uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = digits[bits >> 6 & 63];
        *out++ = digits[bits & 63];
    }
    const size_t rest = bytes.size - at;
    if (rest == 0) {
        return;
    }
    const uint32_t second = rest == 2 ? bytes.data[at + 1] : 0;
    const uint32_t bits = (uint32_t)bytes.data[at] << 16 | second << 8;
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    if (rest == 2) {
        *out++ = digits[bits >> 6 & 63];
    } else if (alphabet == BASE64_STANDARD) {
        *out++ = '=';
    }
    if (alphabet == BASE64_STANDARD) {
        *out++ = '=';
    }
}

cordon_error *base64_write(struct buffer *buffer, struct slice bytes, enum base64_alphabet alphabet)
{
    const size_t size = base64_encoded_size(bytes.size, alphabet);
    if (size == 0) {
        return NULL;
    }
    TRY(buffer_reserve(buffer, size));
    base64_encode(bytes, alphabet, (char *)buffer->data + buffer->size);
    buffer->size += size;
    return NULL;
}

/* 0 to 63, or 64 for what is no digit. */
static uint32_t digit_value(uint8_t byte, enum base64_alphabet alphabet)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (uint32_t)(byte - 'A');
    }
    if (byte >= 'a' && byte <= 'z') {
        return (uint32_t)(byte - 'a') + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return (uint32_t)(byte - '0') + 52;
    }
    if (byte == (alphabet == BASE64_STANDARD ? '+' : '-')) {
        return 62;
    }
    return byte == (alphabet == BASE64_STANDARD ? '/' : '_') ? 63 : 64;
}

/* The text without its padding; false if that is not as the alphabet wants it. */
static bool strip_padding(struct slice *text, enum base64_alphabet alphabet)
{
    if (alphabet == BASE64_URL) {
        return true;
    }
    if (text->size % 4 != 0) {
        return false;
    }
    for (int i = 0; i < 2 && text->size > 0 && text->data[text->size - 1] == '='; i++) {
        text->size--;
    }
    return true;
}

bool base64_decode(
    struct slice text, enum base64_alphabet alphabet, uint8_t *out_bytes, size_t *out_size)
{
    if (!strip_padding(&text, alphabet) || text.size % 4 == 1) {
        return false;
    }
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t written = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint32_t value = digit_value(text.data[i], alphabet);
        if (value == 64) {
            return false;
        }
        bits = bits << 6 | value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out_bytes[written] = (uint8_t)(bits >> bit_count);
            written++;
            bits &= (1U << bit_count) - 1;
        }
    }
    if (bits != 0) {
        return false; /* bits that no byte uses must be zero */
    }
    *out_size = written;
    return true;
}
