/*
 * Appending a few bytes at a time without the price of a call: most bytes of a text are written as
 * single brackets, commas and quotes.
 */
#ifndef VALUE_PUT_H
#define VALUE_PUT_H

#include "base/buffer.h"

/* As buffer_append_byte(). */
CORDON_MUST_USE static inline cordon_error *put_byte(struct buffer *buffer, uint8_t byte)
{
    if (buffer->size == buffer->capacity) {
        return buffer_append_byte(buffer, byte);
    }
    buffer->data[buffer->size] = byte;
    buffer->size++;
    return NULL;
}

#endif
