/*
 * Randomness: the operating system's, for secrets and seeds, and ChaCha12, for everything a guest
 * sees in a query or mutation. ChaCha with 12 rounds is what Convex's backend draws from; no
 * library here has that round count, so the block function (RFC 8439 section 2.3 with 6 double
 * rounds) is our own and checked against published vectors.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/error.h"

#include <pthread.h>
#include <stdint.h>

#define RANDOM_SEED_BYTES 32

/* Fills from the operating system's generator. Never fails: a system without one stops us. */
void random_system(void *out, size_t size);

/*
 * The same bytes, fetched from the system in lumps: for whoever needs a few at a time, often (a
 * call of getrandom takes 0.3 us, a quarter of what a run costs outside the engine). Each byte is
 * given out once, and erased here as it is. Any thread; not across a fork.
 */
struct random_pool {
    pthread_mutex_t lock;
    size_t left; /* bytes at the front of `bytes` that nobody has had */
    uint8_t bytes[4096];
};

void random_pool_init(struct random_pool *pool);
void random_pool_done(struct random_pool *pool);

/* Fills as random_system(). */
void random_pool_fill(struct random_pool *pool, void *out, size_t size);

/*
 * A deterministic stream: 32-byte key, 64-bit stream number (nonce), 64-bit block counter.
 * Two streams of one seed are independent: a run draws guest bytes from one and document ids from
 * another, so that one never shifts the other. One thread at a time.
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
