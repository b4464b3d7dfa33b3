/*
 * Randomness: the operating system's, for secrets and seeds, and ChaCha12, for everything a guest
 * sees in a query or mutation. ChaCha with 12 rounds is what Convex's backend draws from; no
 * library here has that round count, so the block function (RFC 8439 section 2.3 with 6 double
 * rounds) is our own and checked against published vectors.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/error.h"

#include <stdint.h>

#define RANDOM_SEED_BYTES 32

/* Fills from the operating system's generator. Never fails: a system without one stops us. */
void random_system(void *out, size_t size);

/*
 * A deterministic stream: 32-byte key, 64-bit stream number (nonce), 64-bit block counter.
 * Two streams of one seed are independent: a run draws guest bytes from stream 0 and document
 * ids from stream 1, so that one never shifts the other. One thread at a time.
 */
struct random_stream {
    uint32_t state[16];
    uint8_t block[64];
    size_t used; /* bytes of `block` already given out; 64 = none left */
};

void random_stream_init(
    struct random_stream *stream, const uint8_t seed[RANDOM_SEED_BYTES], uint64_t number);
void random_stream_fill(struct random_stream *stream, void *out, size_t size);

#endif
