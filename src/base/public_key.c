/* Public keys by OpenSSL; see public_key.h. */
#include "base/public_key.h"

#include "base/memory.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define RSA_BYTES_MAX (PUBLIC_KEY_RSA_BITS_MAX / 8)
#define RSA_EXPONENT_BYTES_MAX 4

enum kind { KIND_RSA, KIND_P256, KIND_ED25519 };

struct public_key {
    enum kind kind;
    EVP_PKEY *pkey;
};

static cordon_error *failed(void)
{
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "a public key could not be read; try again, and if it stays so restart this program");
}

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void pkey_context_freep(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void context_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* -- Making --------------------------------------------------------------------------------- */

/* Takes the library's key over, also on failure. */
static cordon_error *wrap(enum kind kind, EVP_PKEY **pkey, struct public_key **out_key)
{
    struct public_key *key = MEM_NEW(struct public_key);
    if (key == NULL) {
        return error_no_memory();
    }
    key->kind = kind;
    key->pkey = CORDON_TAKE(*pkey);
    *out_key = key;
    return NULL;
}

/* NULL if the library does not take it. */
static EVP_PKEY *make(const char *name, OSSL_PARAM *params)
{
    CORDON_CLEANUP(pkey_context_freep) EVP_PKEY_CTX *context =
        EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
    EVP_PKEY *pkey = NULL;
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return pkey;
}

static struct slice without_zeros(struct slice number)
{
    while (number.size > 0 && number.data[0] == 0) {
        number = slice_from(number, 1);
    }
    return number;
}

static size_t bits_of(struct slice number)
{
    size_t bits = number.size * 8;
    for (unsigned mask = 0x80; number.size > 0 && (number.data[0] & mask) == 0; mask >>= 1) {
        bits--;
    }
    return bits;
}

static bool is_odd(struct slice number)
{
    return number.size > 0 && (number.data[number.size - 1] & 1) == 1;
}

/* Numbers in parameters have the order of bytes of the machine. */
static OSSL_PARAM number_param(const char *name, struct slice number, uint8_t *room)
{
    for (size_t i = 0; i < number.size; i++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        room[i] = number.data[number.size - 1 - i];
#else
        room[i] = number.data[i];
#endif
    }
    return OSSL_PARAM_construct_BN(name, room, number.size);
}

cordon_error *public_key_rsa(
    struct slice modulus, struct slice exponent, struct public_key **out_key)
{
    uint8_t n[RSA_BYTES_MAX];
    uint8_t e[RSA_EXPONENT_BYTES_MAX];
    modulus = without_zeros(modulus);
    exponent = without_zeros(exponent);
    const size_t bits = bits_of(modulus);
    if (bits < PUBLIC_KEY_RSA_BITS_MIN || bits > PUBLIC_KEY_RSA_BITS_MAX || !is_odd(modulus)) {
        return cordon_error_new(
            CORDON_E_INVALID, "an RSA key must have an odd modulus of %d to %d bits",
            PUBLIC_KEY_RSA_BITS_MIN, PUBLIC_KEY_RSA_BITS_MAX);
    }
    if (exponent.size > sizeof e || !is_odd(exponent) ||
        (exponent.size == 1 && exponent.data[0] == 1)) {
        return cordon_error_new(
            CORDON_E_INVALID, "an RSA key must have an odd exponent from 3 on, of at most 32 bits");
    }
    OSSL_PARAM params[] = {
        number_param(OSSL_PKEY_PARAM_RSA_N, modulus, n),
        number_param(OSSL_PKEY_PARAM_RSA_E, exponent, e),
        OSSL_PARAM_construct_end(),
    };
    CORDON_CLEANUP(pkey_freep) EVP_PKEY *pkey = make("RSA", params);
    return pkey == NULL ? failed() : wrap(KIND_RSA, &pkey, out_key);
}

/* The library takes points of the curve alone. */
cordon_error *public_key_p256(
    const uint8_t x[PUBLIC_KEY_P256_BYTES],
    const uint8_t y[PUBLIC_KEY_P256_BYTES],
    struct public_key **out_key)
{
    char group[] = "P-256";
    uint8_t point[1 + 2 * PUBLIC_KEY_P256_BYTES] = {4}; /* both coordinates follow */
    memcpy(point + 1, x, PUBLIC_KEY_P256_BYTES);
    memcpy(point + 1 + PUBLIC_KEY_P256_BYTES, y, PUBLIC_KEY_P256_BYTES);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    CORDON_CLEANUP(pkey_freep) EVP_PKEY *pkey = make("EC", params);
    return pkey == NULL
               ? cordon_error_new(CORDON_E_INVALID, "an EC key is a point of the curve P-256")
               : wrap(KIND_P256, &pkey, out_key);
}

cordon_error *public_key_ed25519(
    const uint8_t bytes[PUBLIC_KEY_ED25519_BYTES], struct public_key **out_key)
{
    CORDON_CLEANUP(pkey_freep) EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, PUBLIC_KEY_ED25519_BYTES);
    return pkey == NULL ? failed() : wrap(KIND_ED25519, &pkey, out_key);
}

void public_key_free(struct public_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        mem_free(key);
    }
}

/* -- Verifying ------------------------------------------------------------------------------ */

/* SEQUENCE, and of each INTEGER its head and a zero before a high bit. */
#define DER_BYTES_MAX (2 + 2 * (3 + PUBLIC_KEY_P256_BYTES))

static size_t put_integer(uint8_t *out, struct slice number)
{
    number = without_zeros(number);
    const size_t zero = number.size == 0 || (number.data[0] & 0x80) != 0;
    out[0] = 2; /* INTEGER */
    out[1] = (uint8_t)(number.size + zero);
    out[2] = 0;
    if (number.size > 0) {
        memcpy(out + 2 + zero, number.data, number.size);
    }
    return 2 + zero + number.size;
}

/* The library wants the two numbers of a signature in DER. */
static struct slice to_der(struct slice signature, uint8_t out[DER_BYTES_MAX])
{
    const size_t half = PUBLIC_KEY_P256_BYTES;
    size_t size = 2;
    size += put_integer(out + size, slice_of(signature.data, half));
    size += put_integer(out + size, slice_from(signature, half));
    out[0] = 0x30; /* SEQUENCE */
    out[1] = (uint8_t)(size - 2);
    return slice_of(out, size);
}

bool public_key_verify(const struct public_key *key, struct slice bytes, struct slice signature)
{
    uint8_t der[DER_BYTES_MAX];
    const EVP_MD *digest = key->kind == KIND_ED25519 ? NULL : EVP_sha256();
    if (key->kind == KIND_P256) {
        if (signature.size != (size_t)2 * PUBLIC_KEY_P256_BYTES) {
            return false;
        }
        signature = to_der(signature, der);
    }
    CORDON_CLEANUP(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    return context != NULL && EVP_DigestVerifyInit(context, NULL, digest, NULL, key->pkey) == 1 &&
           EVP_DigestVerify(context, signature.data, signature.size, bytes.data, bytes.size) == 1;
}
