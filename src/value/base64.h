/*
 * Base64 (RFC 4648), strictly: one text for one run of bytes. Padding must be there where the
 * standard alphabet wants it and must be absent in the url-safe one, unused bits must be zero, and
 * nothing else may stand in the text.
 */
#ifndef VALUE_BASE64_H
#define VALUE_BASE64_H

#include "base/buffer.h"

enum base64_alphabet {
    BASE64_STANDARD, /* + and /, padded with = */
    BASE64_URL,      /* - and _, no padding */
};

/* The size of the text for so many bytes; `size` is at most SIZE_MAX / 2. */
size_t base64_encoded_size(size_t size, enum base64_alphabet alphabet);

/* Writes base64_encoded_size() chars, no NUL. */
void base64_encode(struct slice bytes, enum base64_alphabet alphabet, char *out_text);

/* Appends the text. Errors as buffer_append(). */
CORDON_MUST_USE cordon_error *base64_write(
    struct buffer *buffer, struct slice bytes, enum base64_alphabet alphabet);

/* The most bytes that a text of that size can stand for. */
static inline size_t base64_decoded_size_max(size_t text_size)
{
    return text_size / 4 * 3 + 2;
}

/*
 * Decodes into `out_bytes`, which has room for base64_decoded_size_max() bytes; its content is
 * undefined after a failure. False if the text is not canonical.
 */
bool base64_decode(
    struct slice text, enum base64_alphabet alphabet, uint8_t *out_bytes, size_t *out_size);

#endif
