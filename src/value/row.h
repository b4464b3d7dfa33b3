/*
 * How a document lies in the store: a format byte, its size as all limits count it (u32, little
 * endian), and its canonical encoded JSON, system fields included. So a read is charged exactly
 * and handed to the guest without being parsed.
 */
#ifndef VALUE_ROW_H
#define VALUE_ROW_H

#include "value/value.h"

#define ROW_FORMAT 1
#define ROW_HEADER_BYTES 5

struct row {
    uint64_t size;     /* value_size() of the document */
    struct slice json; /* borrowed from the row's bytes */
};

/* Appends a document as a row. `size` is its value_size(). Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *row_write(
    struct buffer *buffer, const struct value *document, size_t size);

/* Errors: CORDON_E_STORE if the bytes are no row of a known format. */
CORDON_MUST_USE cordon_error *row_read(struct slice bytes, struct row *out_row);

#endif
