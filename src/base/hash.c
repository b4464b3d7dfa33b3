/* Hashing over OpenSSL's EVP interface and XXH3; see hash.h. */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Fetched once: an implicit fetch at every call costs more than hashing a short input. */
static const EVP_MD *sha256(void)
{
    static const EVP_MD *_Atomic cached;
    const EVP_MD *md = cached;
    if (md == NULL) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        CORDON_ASSERT(md != NULL);
        cached = md;
    }
    return md;
}

void hash_sha256(const struct slice *parts, size_t count, uint8_t out[SHA256_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CORDON_ASSERT(context != NULL);
    CORDON_ASSERT(EVP_DigestInit_ex(context, sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++) {
        CORDON_ASSERT(EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1);
    }
    unsigned int size = 0;
    CORDON_ASSERT(EVP_DigestFinal_ex(context, out, &size) == 1);
    CORDON_ASSERT(size == SHA256_BYTES);
    EVP_MD_CTX_free(context);
}

/* RFC 2104, by two plain hashes: no provider context to keep per thread. */
void hash_hmac_sha256(
    struct slice key, const struct slice *parts, size_t count, uint8_t out[SHA256_BYTES])
{
    enum { BLOCK = 64, PARTS_MAX = 15 };
    uint8_t inner[BLOCK] = {0};
    uint8_t outer[BLOCK] = {0};
    CORDON_ASSERT(count <= PARTS_MAX);
    if (key.size > BLOCK) {
        hash_sha256(&key, 1, inner);
    } else if (key.size > 0) {
        memcpy(inner, key.data, key.size);
    }
    for (size_t i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    struct slice all[PARTS_MAX + 1] = {{inner, BLOCK}};
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = parts[i];
    }
    uint8_t first[SHA256_BYTES];
    hash_sha256(all, count + 1, first);
    const struct slice second[2] = {{outer, BLOCK}, {first, sizeof first}};
    hash_sha256(second, 2, out);
    OPENSSL_cleanse(inner, sizeof inner);
    OPENSSL_cleanse(outer, sizeof outer);
}

uint64_t hash_fast(struct slice bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

bool hash_equal_constant_time(const void *a, const void *b, size_t size)
{
    const uint8_t *const x = a;
    const uint8_t *const y = b;
    uint64_t difference = 0;
    size_t at = 0;
    for (; size - at >= sizeof difference; at += sizeof difference) {
        uint64_t words[2];
        memcpy(&words[0], x + at, sizeof words[0]);
        memcpy(&words[1], y + at, sizeof words[1]);
        difference |= words[0] ^ words[1];
        __asm__("" : "+r"(difference)); /* the compiler knows nothing of it that lets it stop */
    }
    return CRYPTO_memcmp(x + at, y + at, size - at) == 0 && difference == 0;
}

void hex_encode(struct slice bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size] = '\0';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct slice text, uint8_t *out, size_t out_size)
{
    if (text.size != 2 * out_size) {
        return false;
    }
    for (size_t i = 0; i < out_size; i++) {
        const int high = hex_digit(text.data[2 * i]);
        const int low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
