/*
 * Sort keys: bytes whose order (memcmp, shorter first) is that of value_compare(). They are the
 * keys of indexes and the positions inside cursors, so their form is part of the layout on disk.
 *
 * A tag, then a payload, each self-delimiting, so that keys of several values may be joined and
 * still sort field by field. The tags are in docs/layout.md.
 */
#ifndef VALUE_SORTKEY_H
#define VALUE_SORTKEY_H

#include "value/value.h"

/* Appends the key of a value or of VALUE_UNDEFINED. Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *sortkey_write(struct buffer *buffer, const struct value *value);

/*
 * Reads the key that `*keys` begins with back into a value and moves `*keys` past it. Strict: only
 * what sortkey_write() makes is taken. The value borrows nothing from the key. Errors:
 * CORDON_E_BAD_VALUE; CORDON_E_TOO_LARGE when the arena is full; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *sortkey_read(
    struct slice *keys, struct arena *arena, struct value *out_value);

#endif
