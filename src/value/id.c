/* Document ids: LEB128, Fletcher-16 and base32, each in its strict form; see id.h. */
#include "value/id.h"

#define ID_BYTES_MAX (5 + DOCUMENT_ID_INTERNAL_BYTES + 2)
#define US_PER_MS 1e3
#define TIME_END 72057594037927936.0 /* 2^56 us: what seven bytes do not hold */

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct document_id document_id_new(
    uint32_t table, double creation_time, const uint8_t random[DOCUMENT_ID_RANDOM_BYTES])
{
    struct document_id id = {.table = table};
    const double us = creation_time * US_PER_MS;
    uint64_t left = us >= 0 && us < TIME_END ? (uint64_t)us : 0; /* no time at all is 1970 */
    for (size_t i = DOCUMENT_ID_TIME_BYTES; i-- > 0; left >>= 8) {
        id.internal[i] = (uint8_t)left;
    }
    memcpy(id.internal + DOCUMENT_ID_TIME_BYTES, random, DOCUMENT_ID_RANDOM_BYTES);
    return id;
}

/* Fletcher's two running sums, of the bytes and of the first sum; modulo 256, not 255. */
static uint16_t fletcher16(const uint8_t *bytes, size_t size)
{
    uint8_t low = 0;
    uint8_t high = 0;
    for (size_t i = 0; i < size; i++) {
        low = (uint8_t)(low + bytes[i]);
        high = (uint8_t)(high + low);
    }
    return (uint16_t)(high << 8 | low);
}

static size_t write_bytes(const struct document_id *id, uint8_t out_bytes[ID_BYTES_MAX])
{
    size_t size = 0;
    uint32_t table = id->table;
    while (table >= 0x80) {
        out_bytes[size] = (uint8_t)(table | 0x80);
        size++;
        table >>= 7;
    }
    out_bytes[size] = (uint8_t)table;
    size++;
    memcpy(out_bytes + size, id->internal, DOCUMENT_ID_INTERNAL_BYTES);
    size += DOCUMENT_ID_INTERNAL_BYTES;
    const uint16_t footer = fletcher16(out_bytes, size);
    out_bytes[size] = (uint8_t)footer;
    out_bytes[size + 1] = (uint8_t)(footer >> 8);
    return size + 2;
}

size_t document_id_encode(const struct document_id *id, char out_text[DOCUMENT_ID_TEXT_MAX + 1])
{
    uint8_t bytes[ID_BYTES_MAX];
    const size_t size = write_bytes(id, bytes);
    size_t written = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        bit_count += 8;
        while (bit_count >= 5) {
            bit_count -= 5;
            out_text[written] = alphabet[bits >> bit_count & 31];
            written++;
        }
        bits &= (1U << bit_count) - 1;
    }
    if (bit_count > 0) {
        out_text[written] = alphabet[bits << (5 - bit_count) & 31];
        written++;
    }
    out_text[written] = '\0';
    return written;
}

static int digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const char *at = byte >= 'a' && byte <= 'z' ? strchr(alphabet + 10, byte) : NULL;
    return at == NULL ? -1 : (int)(at - alphabet);
}

/* Base32 to bytes; bits left over are dropped, as are wrong ones found later. */
static bool read_digits(struct slice text, uint8_t *out_bytes, size_t *out_size)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        const int value = digit_value(text.data[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 5 | (uint32_t)value;
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            out_bytes[size] = (uint8_t)(bits >> bit_count);
            size++;
            bits &= (1U << bit_count) - 1;
        }
    }
    *out_size = size;
    return true;
}

/* The table number in front; returns its bytes, 0 if it does not end or is over 32 bits. */
static size_t read_table(const uint8_t *bytes, size_t size, uint32_t *out_table)
{
    uint64_t table = 0;
    for (size_t i = 0; i < size && i < 5; i++) {
        table |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if ((bytes[i] & 0x80) == 0) {
            *out_table = (uint32_t)table;
            return table <= UINT32_MAX ? i + 1 : 0;
        }
    }
    return 0;
}

bool document_id_decode(struct slice text, struct document_id *out_id)
{
    uint8_t bytes[ID_BYTES_MAX];
    size_t size = 0;
    if (text.size < DOCUMENT_ID_TEXT_MIN || text.size > DOCUMENT_ID_TEXT_MAX ||
        !read_digits(text, bytes, &size)) {
        return false;
    }
    struct document_id id = {0};
    const size_t table_size = read_table(bytes, size, &id.table);
    if (table_size == 0 || size != table_size + DOCUMENT_ID_INTERNAL_BYTES + 2) {
        return false;
    }
    memcpy(id.internal, bytes + table_size, DOCUMENT_ID_INTERNAL_BYTES);
    /* One comparison sees a long table number, a wrong checksum and stray bits alike. */
    char again[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t again_size = document_id_encode(&id, again);
    if (!slice_equal(text, slice_of(again, again_size))) {
        return false;
    }
    *out_id = id;
    return true;
}
