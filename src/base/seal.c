/* AES-256-SIV by OpenSSL; see seal.h. */
#include "base/seal.h"

#include <openssl/evp.h>

/* OpenSSL counts in int. */
#define TEXT_BYTES_MAX ((size_t)1 << 30)

static cordon_error *failed(void)
{
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "something could not be sealed; try again, and if it stays so restart this program");
}

static void cipher_freep(EVP_CIPHER **cipher)
{
    EVP_CIPHER_free(*cipher);
}

static void context_freep(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

/* Both directions: SIV takes context and text in one piece each. */
static cordon_error *run(
    const uint8_t key[SEAL_KEY_BYTES],
    struct slice context,
    struct slice text,
    uint8_t *tag,
    bool closes,
    uint8_t *out,
    bool *out_good)
{
    CORDON_CLEANUP(cipher_freep) EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    CORDON_CLEANUP(context_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size = 0;
    if (cipher == NULL || ctx == NULL ||
        EVP_CipherInit_ex2(ctx, cipher, key, NULL, closes ? 1 : 0, NULL) != 1 ||
        (!closes && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) != 1) ||
        (context.size > 0 &&
         EVP_CipherUpdate(ctx, NULL, &size, context.data, (int)context.size) != 1)) {
        return failed();
    }
    *out_good = EVP_CipherUpdate(ctx, out, &size, text.data, (int)text.size) == 1 &&
                EVP_CipherFinal_ex(ctx, out + text.size, &size) == 1;
    if (closes &&
        (!*out_good || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) != 1)) {
        return failed();
    }
    return NULL;
}

/* Room at the end of a buffer for the tag, the text and what a cipher might write behind. */
static cordon_error *make_room(struct buffer *out, size_t size)
{
    return size > TEXT_BYTES_MAX
               ? cordon_error_new(
                     CORDON_E_TOO_LARGE, "too many bytes to be sealed; make it smaller")
               : buffer_reserve(out, size);
}

cordon_error *seal_close(
    const uint8_t key[SEAL_KEY_BYTES], struct slice context, struct slice text, struct buffer *out)
{
    CORDON_ASSERT(text.size > 0);
    TRY(make_room(out, SEAL_TAG_BYTES + text.size));
    uint8_t *const tag = out->data + out->size;
    bool good = false;
    TRY(run(key, context, text, tag, true, tag + SEAL_TAG_BYTES, &good));
    out->size += SEAL_TAG_BYTES + text.size;
    return NULL;
}

cordon_error *seal_open(
    const uint8_t key[SEAL_KEY_BYTES],
    struct slice context,
    struct slice sealed,
    struct buffer *out,
    bool *out_good)
{
    *out_good = false;
    if (sealed.size <= SEAL_TAG_BYTES) {
        return NULL; /* nothing that is sealed is empty */
    }
    uint8_t tag[SEAL_TAG_BYTES];
    memcpy(tag, sealed.data, sizeof tag);
    const struct slice text = slice_from(sealed, SEAL_TAG_BYTES);
    TRY(make_room(out, text.size));
    TRY(run(key, context, text, tag, false, out->data + out->size, out_good));
    if (*out_good) {
        out->size += text.size;
    }
    return NULL;
}
