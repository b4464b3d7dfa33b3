/*
 * Document ids: table number and 16 bytes, as users see them.
 *
 * The text is base32 (Crockford's alphabet in lower case, no padding) of: the table number as a
 * minimal LEB128, the 16 bytes, and a Fletcher-16 checksum modulo 256; 31 to 37 characters. One id
 * has one text: decoding takes nothing else, so ids can be compared as texts.
 */
#ifndef VALUE_ID_H
#define VALUE_ID_H

#include "base/slice.h"

#define DOCUMENT_ID_INTERNAL_BYTES 16
#define DOCUMENT_ID_TIME_BYTES 7
#define DOCUMENT_ID_RANDOM_BYTES 9
#define DOCUMENT_ID_TEXT_MIN 31
#define DOCUMENT_ID_TEXT_MAX 37

struct document_id {
    uint32_t table; /* table number */
    uint8_t internal[DOCUMENT_ID_INTERNAL_BYTES];
};

/*
 * A new id: the creation time (ms since 1970, as documents have it) as big-endian microseconds,
 * then random bytes. So documents made one after the other lie side by side, which is what makes
 * inserting and reading them in that order cheap. Nothing relies on it: other ids may be anything.
 * docs/decisions/026 has the measurements.
 */
struct document_id document_id_new(
    uint32_t table, double creation_time, const uint8_t random[DOCUMENT_ID_RANDOM_BYTES]);

/* Writes the text with a NUL behind it; returns its length without the NUL. */
size_t document_id_encode(const struct document_id *id, char out_text[DOCUMENT_ID_TEXT_MAX + 1]);

/* False, and nothing written, unless `text` is exactly what document_id_encode() makes. */
bool document_id_decode(struct slice text, struct document_id *out_id);

#endif
