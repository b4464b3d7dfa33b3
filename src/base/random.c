/* getrandom(2) and ChaCha12; see random.h. */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void random_system(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        const size_t want = size > 256 ? 256 : size; /* up to 256 bytes are never cut short */
        const ssize_t got = getrandom(at, want, 0);
        if (got < 0 && errno == EINTR) { /* a machine that has just started makes us wait */
            continue;
        }
        CORDON_ASSERT(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

void random_pool_init(struct random_pool *pool)
{
    const int failed = pthread_mutex_init(&pool->lock, NULL);
    CORDON_ASSERT(failed == 0);
    pool->left = 0;
}

void random_pool_done(struct random_pool *pool)
{
    explicit_bzero(pool->bytes, sizeof pool->bytes);
    (void)pthread_mutex_destroy(&pool->lock);
}

void random_pool_fill(struct random_pool *pool, void *out, size_t size)
{
    if (size > sizeof pool->bytes) {
        random_system(out, size);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->left < size) {
        random_system(pool->bytes, sizeof pool->bytes);
        pool->left = sizeof pool->bytes;
    }
    pool->left -= size;
    memcpy(out, pool->bytes + pool->left, size);
    explicit_bzero(pool->bytes + pool->left, size);
    (void)pthread_mutex_unlock(&pool->lock);
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

#define QUARTER(a, b, c, d)                                                                        \
    do {                                                                                           \
        (a) += (b);                                                                                \
        (d) = rotate((d) ^ (a), 16);                                                               \
        (c) += (d);                                                                                \
        (b) = rotate((b) ^ (c), 12);                                                               \
        (a) += (b);                                                                                \
        (d) = rotate((d) ^ (a), 8);                                                                \
        (c) += (d);                                                                                \
        (b) = rotate((b) ^ (c), 7);                                                                \
    } while (0)

static void next_block(struct random_stream *stream)
{
    uint32_t w[16];
    memcpy(w, stream->state, sizeof w);
    for (int round = 0; round < 12; round += 2) {
        QUARTER(w[0], w[4], w[8], w[12]);
        QUARTER(w[1], w[5], w[9], w[13]);
        QUARTER(w[2], w[6], w[10], w[14]);
        QUARTER(w[3], w[7], w[11], w[15]);
        QUARTER(w[0], w[5], w[10], w[15]);
        QUARTER(w[1], w[6], w[11], w[12]);
        QUARTER(w[2], w[7], w[8], w[13]);
        QUARTER(w[3], w[4], w[9], w[14]);
    }
    for (size_t i = 0; i < 16; i++) {
        const uint32_t word = w[i] + stream->state[i];
        stream->block[4 * i] = (uint8_t)word;
        stream->block[4 * i + 1] = (uint8_t)(word >> 8);
        stream->block[4 * i + 2] = (uint8_t)(word >> 16);
        stream->block[4 * i + 3] = (uint8_t)(word >> 24);
    }
    stream->state[12]++;
    if (stream->state[12] == 0) {
        stream->state[13]++;
    }
    stream->used = 0;
}

void random_stream_init(
    struct random_stream *stream, const uint8_t seed[RANDOM_SEED_BYTES], uint64_t number)
{
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(stream->state, constants, sizeof constants);
    for (size_t i = 0; i < 8; i++) {
        stream->state[4 + i] = load32(seed + 4 * i);
    }
    stream->state[12] = 0;
    stream->state[13] = 0;
    stream->state[14] = (uint32_t)number;
    stream->state[15] = (uint32_t)(number >> 32);
    stream->used = sizeof stream->block;
}

void random_stream_fill(struct random_stream *stream, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        if (stream->used == sizeof stream->block) {
            next_block(stream);
        }
        const size_t left = sizeof stream->block - stream->used;
        const size_t take = size < left ? size : left;
        memcpy(at, stream->block + stream->used, take);
        stream->used += take;
        at += take;
        size -= take;
    }
}
