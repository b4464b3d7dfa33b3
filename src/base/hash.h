/* Hashes: SHA-256 and HMAC by OpenSSL for what must not be forged, XXH3 for tables, checksums. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/error.h"
#include "base/slice.h"

#define SHA256_BYTES 32

/* SHA-256 of the parts one after the other. Any thread. */
void hash_sha256(const struct slice *parts, size_t count, uint8_t out[SHA256_BYTES]);

/* HMAC-SHA-256 of the parts one after the other. Any thread. */
void hash_hmac_sha256(
    struct slice key, const struct slice *parts, size_t count, uint8_t out[SHA256_BYTES]);

/* XXH3-64: fast, not secure against somebody who chooses the input and knows the seed. */
uint64_t hash_fast(struct slice bytes, uint64_t seed);

/* Compares in a time that does not depend on the content. */
bool hash_equal_constant_time(const void *a, const void *b, size_t size);

/* Lower-case hex with a NUL: `out` holds 2 * size + 1 chars. */
void hex_encode(struct slice bytes, char *out);

/* Reads exactly 2 * out_size hex digits of either case; false otherwise. */
bool hex_decode(struct slice text, uint8_t *out, size_t out_size);

#endif
