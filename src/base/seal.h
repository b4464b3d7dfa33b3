/*
 * Sealing: bytes that others keep for us and can neither read nor make, by AES-256-SIV (RFC 5297).
 * It is deterministic: the same bytes under the same key are sealed to the same bytes, and that is
 * all that somebody who holds them learns.
 */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include "base/buffer.h"

#define SEAL_KEY_BYTES 64
#define SEAL_TAG_BYTES 16

/*
 * Appends SEAL_TAG_BYTES and as many bytes as `text` has, which is not empty. `context` must be the
 * same to open it. Errors: those of buffer_append(); CORDON_E_SYSTEM if the library fails. Any
 * thread.
 */
CORDON_MUST_USE cordon_error *seal_close(
    const uint8_t key[SEAL_KEY_BYTES], struct slice context, struct slice text, struct buffer *out);

/*
 * Appends the text; `*out_good` false, and nothing appended, for what was not sealed so. Errors: as
 * before. Any thread.
 */
CORDON_MUST_USE cordon_error *seal_open(
    const uint8_t key[SEAL_KEY_BYTES],
    struct slice context,
    struct slice sealed,
    struct buffer *out,
    bool *out_good);

#endif
