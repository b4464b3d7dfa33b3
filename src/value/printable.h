/*
 * Text of a stranger's inside a sentence of ours: names out of modules, requests, config files and
 * records. They may hold anything: a NUL, which would end the sentence there, an escape sequence
 * for the terminal it is read on, an override that turns the direction of writing.
 *
 * What must not be printed raw is written as `\x00`, one for each byte: the control characters C0,
 * DEL and C1, line and paragraph separators, whatever turns the direction, and what is no UTF-8.
 */
#ifndef VALUE_PRINTABLE_H
#define VALUE_PRINTABLE_H

#include "base/slice.h"

/* As many bytes as one byte, or one character, of the text comes to at most. */
#define PRINTABLE_BYTES_EACH 4

/* Room for the printable form of `bytes` bytes, with a mark and a NUL. */
#define PRINTABLE_SIZE(bytes) ((size_t)PRINTABLE_BYTES_EACH * (bytes) + sizeof "...")

/*
 * Writes the printable form of the first character of `text`, which must not be empty, or of its
 * first byte. No NUL. Returns the bytes written; `*out_taken` is how many it stands for.
 */
size_t printable_first(struct slice text, char out[PRINTABLE_BYTES_EACH], size_t *out_taken);

/* A whole text as a C string in `out`, cut with a mark where it has no room. Returns `out`. */
const char *printable_write(struct slice text, char *out, size_t out_size);

/* For a name of usual length; a longer one is cut. */
struct printable {
    char text[PRINTABLE_SIZE(256)];
};

/* Used as "%s", printable(name).text, which lives to the end of the full expression. */
struct printable printable(struct slice name);

#endif
