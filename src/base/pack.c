/* LEB128 and lengths; see pack.h. */
#include "base/pack.h"

/* Of a number of 64 bits, 7 in each byte. */
#define NUMBER_BYTES_MAX 10

cordon_error *pack_number(struct buffer *out, uint64_t number)
{
    uint8_t bytes[NUMBER_BYTES_MAX];
    size_t size = 0;
    do {
        const uint8_t low = number & 0x7f;
        number >>= 7;
        bytes[size++] = number == 0 ? low : (uint8_t)(low | 0x80);
    } while (number != 0);
    return buffer_append(out, slice_of(bytes, size));
}

cordon_error *pack_text(struct buffer *out, struct slice text)
{
    TRY(pack_number(out, text.size));
    return buffer_append(out, text);
}

bool unpack_number(struct slice *from, uint64_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < from->size && i < NUMBER_BYTES_MAX; i++) {
        const uint64_t bits = from->data[i] & 0x7f;
        if (i == NUMBER_BYTES_MAX - 1 && bits > 1) {
            return false;
        }
        number |= bits << (7 * i);
        if ((from->data[i] & 0x80) == 0) {
            *from = slice_from(*from, i + 1);
            *out_number = number;
            return true;
        }
    }
    return false;
}

bool unpack_bytes(struct slice *from, size_t size, struct slice *out_bytes)
{
    if (size > from->size) {
        return false;
    }
    *out_bytes = slice_of(from->data, size);
    *from = slice_from(*from, size);
    return true;
}

bool unpack_text(struct slice *from, struct slice *out_text)
{
    uint64_t size = 0;
    return unpack_number(from, &size) && size <= from->size &&
           unpack_bytes(from, (size_t)size, out_text);
}
