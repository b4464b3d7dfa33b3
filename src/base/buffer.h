/*
 * A growing byte buffer, born with its ceiling: a limit is a constructor argument and not a check
 * that somebody has to remember. One that is born with an account is charged to it, too.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/account.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdarg.h>

struct buffer {
    uint8_t *data;
    size_t size;             /* bytes used */
    size_t capacity;         /* bytes allocated */
    size_t size_max;         /* bytes; an append past it fails with CORDON_E_TOO_LARGE */
    struct account *account; /* who pays for the capacity; NULL: nobody */
};

static inline void buffer_init(struct buffer *buffer, size_t size_max)
{
    *buffer = (struct buffer){.size_max = size_max};
}

/* As buffer_init(); the capacity is charged before it grows. The account outlives the buffer. */
static inline void buffer_init_charged(
    struct buffer *buffer, size_t size_max, struct account *account)
{
    *buffer = (struct buffer){.size_max = size_max, .account = account};
}

/* Frees the bytes; the buffer may be used again with the same ceiling. */
void buffer_done(struct buffer *buffer);

/* Makes room for `more` bytes. Errors: CORDON_E_TOO_LARGE over the ceiling; as account_error(). */
CORDON_MUST_USE cordon_error *buffer_reserve(struct buffer *buffer, size_t more);

/* Appends; on failure the buffer is unchanged. Errors as buffer_reserve. */
CORDON_MUST_USE cordon_error *buffer_append(struct buffer *buffer, struct slice bytes);
CORDON_MUST_USE cordon_error *buffer_append_byte(struct buffer *buffer, uint8_t byte);
CORDON_MUST_USE CORDON_PRINTF(2, 3) cordon_error *buffer_printf(
    struct buffer *buffer, const char *format, ...);
CORDON_MUST_USE CORDON_PRINTF(2, 0) cordon_error *buffer_vprintf(
    struct buffer *buffer, const char *format, va_list args);

/* Forgets the content, keeps the memory. */
static inline void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
}

/* Borrowed until the next change of the buffer. */
static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){buffer->data, buffer->size};
}

/*
 * Hands the bytes over as a malloc'ed block (NULL if empty) and leaves the buffer empty. An account
 * pays for them no more.
 */
uint8_t *buffer_take(struct buffer *buffer, size_t *out_size);

#define CORDON_CLEANUP_BUFFER CORDON_CLEANUP(buffer_done)

#endif
