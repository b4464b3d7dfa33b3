/*
 * Integers: long straight runs of shifts, sums and logic in registers, SHA-256. Hashes what the
 * standard's own test does: a million times the letter a.
 */
#include "cordon.h"

enum { WORDS = 16, ROUNDS = 64, BLOCKS = 1000000 / 64 };

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t expected[8] = {
    0xcdc76e5c, 0x9914fb92, 0x81a1c7e2, 0x84d73e67, 0xf1809a48, 0xa497200e, 0x046d39cc, 0xc7112cd0,
};

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

/* Spreads the words of a block over all rounds. */
static void expand(const uint32_t block[WORDS], uint32_t words[ROUNDS])
{
    for (int i = 0; i < WORDS; i++) {
        words[i] = block[i];
    }
    for (int i = WORDS; i < ROUNDS; i++) {
        const uint32_t near = words[i - 2];
        const uint32_t far = words[i - 15];
        words[i] = words[i - 16] + words[i - 7] +
                   (rotate(near, 17) ^ rotate(near, 19) ^ near >> 10) +
                   (rotate(far, 7) ^ rotate(far, 18) ^ far >> 3);
    }
}

static void mix(uint32_t state[8], const uint32_t block[WORDS])
{
    uint32_t words[ROUNDS];
    expand(block, words);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < ROUNDS; i++) {
        const uint32_t first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                               ((e & f) ^ (~e & g)) + constants[i] + words[i];
        const uint32_t second =
            (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    const uint32_t mixed[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++) {
        state[i] += mixed[i];
    }
}

cordon_value *hash_message(void)
{
    uint32_t state[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    uint32_t block[WORDS];
    for (int i = 0; i < WORDS; i++) {
        block[i] = 0x61616161;
    }
    for (int i = 0; i < BLOCKS; i++) {
        mix(state, block);
    }
    /* The end of the message, and its length in bits. */
    const uint32_t last[WORDS] = {[0] = 0x80000000, [WORDS - 1] = BLOCKS * 64 * 8};
    mix(state, last);
    for (int i = 0; i < 8; i++) {
        if (state[i] != expected[i]) {
            cordon_fail("a million letters have another hash than the standard says");
        }
    }
    return cordon_number(state[0]);
}
