/* The bounded buffer: doubling growth under a fixed ceiling. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

void buffer_done(struct buffer *buffer)
{
    account_free(buffer->account, buffer->data, buffer->capacity);
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
}

cordon_error *buffer_reserve(struct buffer *buffer, size_t more)
{
    if (more > buffer->size_max || buffer->size > buffer->size_max - more) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "this is more than the %zu bytes that it may be; make it smaller",
            buffer->size_max);
    }
    const size_t wanted = buffer->size + more;
    if (wanted <= buffer->capacity) {
        return NULL;
    }
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < wanted) {
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    }
    if (capacity > buffer->size_max) {
        capacity = buffer->size_max;
    }
    uint8_t *grown = account_realloc(buffer->account, buffer->data, buffer->capacity, capacity);
    if (grown == NULL) {
        return account_error(buffer->account);
    }
    buffer->data = grown;
    buffer->capacity = capacity;
    return NULL;
}

cordon_error *buffer_append(struct buffer *buffer, struct slice bytes)
{
    if (bytes.size == 0) {
        return NULL;
    }
    TRY(buffer_reserve(buffer, bytes.size));
    memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
    buffer->size += bytes.size;
    return NULL;
}

cordon_error *buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    return buffer_append(buffer, slice_of(&byte, 1));
}

cordon_error *buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int wanted = vsnprintf(NULL, 0, format, args);
    if (wanted < 0) {
        va_end(again);
        return cordon_error_new(CORDON_E_INTERNAL, "a format could not be printed");
    }
    cordon_error *error = buffer_reserve(buffer, (size_t)wanted + 1);
    if (error == NULL) {
        (void)vsnprintf((char *)buffer->data + buffer->size, (size_t)wanted + 1, format, again);
        buffer->size += (size_t)wanted;
    }
    va_end(again);
    return error;
}

cordon_error *buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cordon_error *error = buffer_vprintf(buffer, format, args);
    va_end(args);
    return error;
}

uint8_t *buffer_take(struct buffer *buffer, size_t *out_size)
{
    uint8_t *data = buffer->data;
    *out_size = buffer->size;
    if (buffer->account != NULL) {
        account_release(buffer->account, buffer->capacity);
    }
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
    return data;
}
