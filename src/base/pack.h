/*
 * Numbers and texts in a row of bytes: unsigned LEB128, and a length before each text. For what we
 * write ourselves and read back, perhaps from somebody who changed it: every take is checked.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include "base/buffer.h"

#include <stdint.h>

/* Errors as buffer_append. */
CORDON_MUST_USE cordon_error *pack_number(struct buffer *out, uint64_t number);
CORDON_MUST_USE cordon_error *pack_text(struct buffer *out, struct slice text);

/*
 * Takes the first number or text off `*from`. False if there is none whole (a text is borrowed
 * from the same bytes); then `*from` may have moved and no more should be taken from it.
 */
CORDON_MUST_USE bool unpack_number(struct slice *from, uint64_t *out_number);
CORDON_MUST_USE bool unpack_text(struct slice *from, struct slice *out_text);

/* As unpack_text, for a text of exactly `size` bytes without a length. */
CORDON_MUST_USE bool unpack_bytes(struct slice *from, size_t size, struct slice *out_bytes);

#endif
