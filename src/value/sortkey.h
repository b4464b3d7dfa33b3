/*
 * Sort keys: bytes whose order (memcmp, shorter first) is that of value_compare(). They are the
 * keys of indexes and the positions inside cursors, so their form is part of the layout on disk.
 *
 * A tag, then a payload, each self-delimiting, so that keys of several values may be joined and
 * still sort field by field:
 *
 *   01 undefined   03 null
 *   04 05 06 07    negative Int64 in 8, 4, 2, 1 bytes      08 zero
 *   09 0a 0b 0c    positive Int64 in 1, 2, 4, 8 bytes      (the fewest that hold it, big-endian,
 *                                                           two's complement)
 *   0d Float64     8 bytes big-endian; the sign bit flipped if positive, every bit if negative
 *   0e false       0f true
 *   10 string, 11 bytes    the bytes, each 00 written 00 ff, then 00
 *   12 array       the keys of the items, then 00
 *   15 object      for each field its name (as the bytes of a string) and its key, then 00
 */
#ifndef VALUE_SORTKEY_H
#define VALUE_SORTKEY_H

#include "value/value.h"

/* Appends the key of a value or of VALUE_UNDEFINED. Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *sortkey_write(struct buffer *buffer, const struct value *value);

/*
 * Reads the key that `*keys` begins with back into a value and moves `*keys` past it. Strict: only
 * what sortkey_write() makes of a value is taken. The value borrows nothing from the key. On
 * failure `*keys` is where it was. Errors: CORDON_E_BAD_VALUE; CORDON_E_TOO_LARGE when the arena is
 * full; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *sortkey_read(
    struct slice *keys, struct arena *arena, struct value *out_value);

#endif
