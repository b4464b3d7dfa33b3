/*
 * A slice is a borrowed run of bytes: a pointer and a size, never NUL-terminated. C strings live
 * only at the edges of the program.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;         /* bytes */
};

/* For printf: "%.*s", SLICE_FMT(s). Sizes over INT_MAX are cut. */
#define SLICE_FMT(s) (int)((s).size > 0x7fffffff ? 0x7fffffff : (s).size), (const char *)(s).data

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){(const uint8_t *)data, size};
}

static inline struct slice slice_str(const char *string)
{
    return (struct slice){(const uint8_t *)string, strlen(string)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size &&
           (a.data == b.data || a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Byte order, a shorter prefix first: the order of keys in every store. */
static inline int slice_compare(struct slice a, struct slice b)
{
    const size_t shared = a.size < b.size ? a.size : b.size;
    const int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.size >= prefix.size &&
           (prefix.size == 0 || memcmp(s.data, prefix.data, prefix.size) == 0);
}

/* Of ASCII alone, in whatever locale the process is: small and capital letters are the same. */
static inline bool slice_starts_with_letters(struct slice s, struct slice prefix)
{
    for (size_t i = 0; i < prefix.size; i++) {
        const uint8_t a = i < s.size ? s.data[i] : 0;
        const uint8_t b = prefix.data[i];
        const uint8_t small = (uint8_t)(b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
        if (i >= s.size || (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) != small) {
            return false;
        }
    }
    return true;
}

static inline bool slice_equal_letters(struct slice a, struct slice b)
{
    return a.size == b.size && slice_starts_with_letters(a, b);
}

/* The part from `from` on; `from` must not be past the end. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return (struct slice){from == 0 ? s.data : s.data + from, s.size - from};
}

/*
 * Takes the first line off the front of a text, and gives it without its newline, which the last
 * one need not have. False, and an empty line, at the end of the text.
 */
static inline bool slice_take_line(struct slice *text, struct slice *out_line)
{
    const uint8_t *end =
        text->size == 0 ? NULL : (const uint8_t *)memchr(text->data, '\n', text->size);
    const bool found = text->size > 0;
    const size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    *out_line = slice_of(text->data, size);
    *text = slice_from(*text, end == NULL ? size : size + 1);
    return found;
}

#endif
