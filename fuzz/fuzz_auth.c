/*
 * What strangers and key files say of who somebody is. The first line of the input says what the
 * rest is: `keys`, a JSON Web Key Set; `token`, a token as it comes; `claims`, the claims of a
 * token that is signed here by a key of the provider, so that what comes behind the signature is
 * reached; `header`, the same with its header in front, on a line; `acts`, attributes that an admin
 * gives.
 *
 * Nothing that is not signed by that key is accepted, exactly one signature is verified for what is
 * rejected, and an identity is a value that reads as what was written.
 */
#include "auth/identity.h"
#include "auth/keys.h"
#include "auth/provider.h"
#include "base/sign.h"
#include "value/base64.h"
#include "value/utf8.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S 1800000000.0

static const uint8_t secret[SIGN_SECRET_BYTES] = {7};

static void must(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
}

/* False, and the error freed, if there was one. */
static bool succeeded(cordon_error *error)
{
    if (error == NULL) {
        return true;
    }
    const char *words = cordon_error_get_message(error);
    CORDON_ASSERT(words[0] != '\0' && utf8_valid(slice_str(words)));
    cordon_error_free(error);
    return false;
}

/* A provider whose one key is that of the secret. */
static struct auth_config *the_config(void)
{
    static struct auth_config *config;
    if (config != NULL) {
        return config;
    }
    uint8_t key[SIGN_PUBLIC_BYTES];
    struct buffer set;
    struct buffer place;
    buffer_init(&set, 4096);
    buffer_init(&place, 4096);
    must(sign_public(secret, key));
    must(buffer_append(&set, SLICE("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"")));
    must(base64_write(&set, slice_of(key, sizeof key), BASE64_URL));
    must(buffer_append(&set, SLICE("\"}]}")));
    must(buffer_append(&place, SLICE("data:x;base64,")));
    must(base64_write(&place, buffer_slice(&set), BASE64_STANDARD));
    must(buffer_append_byte(&place, '\0'));
    const struct auth_provider provider = {
        .issuer = "https://i", .jwks = (char *)place.data, .tenant = "default"};
    must(auth_config_new(&provider, 1, 60, (struct auth_teller){0}, &config));
    buffer_done(&set);
    buffer_done(&place);
    return config;
}

static void check_identity(const struct identity *identity)
{
    struct arena arena;
    struct buffer again;
    struct value value;
    arena_init(&arena, (size_t)16 << 20);
    buffer_init(&again, IDENTITY_BYTES_MAX);
    must(value_parse(identity->json, &arena, &value));
    must(value_write_encoded(&again, &value));
    CORDON_ASSERT(slice_equal(buffer_slice(&again), identity->json));
    const struct value *token = value_field(&value, SLICE("tokenIdentifier"));
    CORDON_ASSERT(token != NULL && slice_equal(value_slice(token), identity->token));
    buffer_done(&again);
    arena_done(&arena);
}

static void try_token(struct slice token, bool is_signed)
{
    struct auth_config *config = the_config();
    struct buffer text;
    struct auth_acceptance accepted = {0};
    buffer_init(&text, IDENTITY_BYTES_MAX);
    const uint64_t before = auth_config_verifications(config);
    const enum auth_verdict verdict =
        auth_config_judge(config, SLICE("default"), token, NOW_S, &text, &accepted);
    const uint64_t verified = auth_config_verifications(config) - before;
    switch (verdict) {
    case AUTH_ACCEPTED:
        CORDON_ASSERT(is_signed && verified <= 1); /* none for one that came before */
        check_identity(&accepted.identity);
        break;
    case AUTH_REJECTED:
        CORDON_ASSERT(verified == 1 && text.size == 0);
        break;
    case AUTH_MALFORMED:
    case AUTH_NO_PROVIDER:
        CORDON_ASSERT(verified == 0 && text.size == 0);
        break;
    case AUTH_UNSEEN:
        CORDON_ASSERT(false);
        break;
    }
    buffer_done(&text);
}

static void try_signed(struct slice header, struct slice claims)
{
    uint8_t signature[SIGN_SIGNATURE_BYTES];
    struct buffer token;
    buffer_init(&token, (size_t)1 << 20);
    if (succeeded(base64_write(&token, header, BASE64_URL)) &&
        succeeded(buffer_append_byte(&token, '.')) &&
        succeeded(base64_write(&token, claims, BASE64_URL))) {
        must(sign_make(secret, buffer_slice(&token), signature));
        must(buffer_append_byte(&token, '.'));
        must(base64_write(&token, slice_of(signature, sizeof signature), BASE64_URL));
        try_token(buffer_slice(&token), true);
    }
    buffer_done(&token);
}

static void try_keys(struct slice text)
{
    struct auth_keys *keys = NULL;
    if (!succeeded(auth_keys_parse(text, &keys))) {
        return;
    }
    CORDON_ASSERT(auth_keys_count(keys) > 0 && auth_keys_count(keys) <= AUTH_KEYS_MAX);
    for (int i = 0; i < AUTH_ALGORITHM_COUNT; i++) {
        const enum auth_algorithm algorithm = (enum auth_algorithm)i;
        const struct auth_key *key = auth_keys_find(keys, algorithm, (struct slice){0});
        CORDON_ASSERT(key == NULL || key->algorithm == algorithm);
        const struct auth_key *any = auth_keys_any(keys, algorithm);
        CORDON_ASSERT(any != NULL && any->key != NULL);
        CORDON_ASSERT(!public_key_verify(any->key, text, SLICE("no signature")));
    }
    auth_keys_unref(keys);
}

static void try_attributes(struct slice json)
{
    struct buffer text;
    struct identity identity = {0};
    buffer_init(&text, IDENTITY_BYTES_MAX);
    if (succeeded(identity_from_attributes(json, &text, &identity))) {
        check_identity(&identity);
    }
    buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct slice what;
    (void)slice_take_line(&text, &what);
    if (slice_equal(what, SLICE("keys"))) {
        try_keys(text);
    } else if (slice_equal(what, SLICE("token"))) {
        try_token(text, false);
    } else if (slice_equal(what, SLICE("claims"))) {
        try_signed(SLICE("{\"alg\":\"EdDSA\"}"), text);
    } else if (slice_equal(what, SLICE("header"))) {
        struct slice header;
        (void)slice_take_line(&text, &header);
        try_signed(header, text);
    } else if (slice_equal(what, SLICE("acts"))) {
        try_attributes(text);
    }
    return 0;
}
