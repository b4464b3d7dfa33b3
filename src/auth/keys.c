/* JSON Web Key Sets; see keys.h. */
#include "auth/keys.h"

#include "base/memory.h"
#include "value/base64.h"
#include "value/json.h"

#include <stdatomic.h>

/* A number in base64 and what it takes when it is decoded. */
#define NUMBER_TEXT_BYTES_MAX 1400
#define NUMBER_BYTES_MAX (NUMBER_TEXT_BYTES_MAX / 4 * 3 + 2)

struct auth_keys {
    atomic_uint references;
    struct json_doc *doc; /* has the ids */
    size_t count;
    struct auth_key keys[AUTH_KEYS_MAX];
};

bool auth_algorithm_read(struct slice name, enum auth_algorithm *out_algorithm)
{
    static const char *const names[AUTH_ALGORITHM_COUNT] = {
        [AUTH_RS256] = "RS256", [AUTH_ES256] = "ES256", [AUTH_EDDSA] = "EdDSA"};
    for (size_t i = 0; i < AUTH_ALGORITHM_COUNT; i++) {
        if (slice_equal(name, slice_str(names[i]))) {
            *out_algorithm = (enum auth_algorithm)i;
            return true;
        }
    }
    return false;
}

/* -- One key -------------------------------------------------------------------------------- */

/* A number or a string of bytes; false if the member is not there or no base64. */
static bool read_bytes(
    const struct json_node *key, struct slice name, uint8_t *out_bytes, struct slice *out_slice)
{
    const struct slice text = json_string(json_get(key, name));
    size_t size = 0;
    if (text.size == 0 || text.size > NUMBER_TEXT_BYTES_MAX ||
        !base64_decode(text, BASE64_URL, out_bytes, &size)) {
        return false;
    }
    *out_slice = slice_of(out_bytes, size);
    return true;
}

static cordon_error *malformed(const char *what)
{
    return cordon_error_new(CORDON_E_INVALID, "%s", what);
}

static cordon_error *read_rsa(const struct json_node *node, struct public_key **out_key)
{
    uint8_t n[NUMBER_BYTES_MAX];
    uint8_t e[NUMBER_BYTES_MAX];
    struct slice modulus;
    struct slice exponent;
    if (!read_bytes(node, SLICE("n"), n, &modulus) || !read_bytes(node, SLICE("e"), e, &exponent)) {
        return malformed("an RSA key has `n` and `e` in base64url without padding");
    }
    return public_key_rsa(modulus, exponent, out_key);
}

static cordon_error *read_ec(const struct json_node *node, struct public_key **out_key)
{
    uint8_t x[NUMBER_BYTES_MAX];
    uint8_t y[NUMBER_BYTES_MAX];
    struct slice first;
    struct slice second;
    if (!slice_equal(json_string(json_get(node, SLICE("crv"))), SLICE("P-256")) ||
        !read_bytes(node, SLICE("x"), x, &first) || !read_bytes(node, SLICE("y"), y, &second) ||
        first.size != PUBLIC_KEY_P256_BYTES || second.size != PUBLIC_KEY_P256_BYTES) {
        return malformed(
            "an EC key has `crv` \"P-256\", and `x` and `y` of 32 bytes in base64url without "
            "padding");
    }
    return public_key_p256(x, y, out_key);
}

static cordon_error *read_okp(const struct json_node *node, struct public_key **out_key)
{
    uint8_t x[NUMBER_BYTES_MAX];
    struct slice bytes;
    if (!slice_equal(json_string(json_get(node, SLICE("crv"))), SLICE("Ed25519")) ||
        !read_bytes(node, SLICE("x"), x, &bytes) || bytes.size != PUBLIC_KEY_ED25519_BYTES) {
        return malformed(
            "an OKP key has `crv` \"Ed25519\" and `x` of 32 bytes in base64url without padding");
    }
    return public_key_ed25519(x, out_key);
}

/* What each type of key is for. */
static const struct {
    const char *type;
    enum auth_algorithm algorithm;
    cordon_error *(*read)(const struct json_node *node, struct public_key **out_key);
} types[] = {
    {"RSA", AUTH_RS256, read_rsa},
    {"EC", AUTH_ES256, read_ec},
    {"OKP", AUTH_EDDSA, read_okp},
};

/* True if a member is not there, or is that string. */
static bool is_or_absent(const struct json_node *key, struct slice name, struct slice wanted)
{
    const struct json_node *member = json_get(key, name);
    return member == NULL || slice_equal(json_string(member), wanted);
}

/* `key_ops`, where a key has it, says `verify`. */
static bool may_verify(const struct json_node *key)
{
    const struct json_node *operations = json_get(key, SLICE("key_ops"));
    struct json_walk walk = json_walk_items(operations);
    for (const struct json_node *item; (item = json_next_item(&walk)) != NULL;) {
        if (slice_equal(json_string(item), SLICE("verify"))) {
            return true;
        }
    }
    return operations == NULL;
}

/* A key with its `alg`, where it says one, being that of its type: what it may be used for. */
static cordon_error *read_key(const struct json_node *node, struct auth_key *out_key)
{
    const struct slice type = json_string(json_get(node, SLICE("kty")));
    const struct json_node *alg = json_get(node, SLICE("alg"));
    if (!is_or_absent(node, SLICE("use"), SLICE("sig")) || !may_verify(node)) {
        return malformed(
            "a key for signatures has `use` \"sig\" and `verify` in `key_ops`, or none");
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        enum auth_algorithm named = types[i].algorithm;
        if (!slice_equal(type, slice_str(types[i].type)) ||
            (alg != NULL && !auth_algorithm_read(json_string(alg), &named)) ||
            named != types[i].algorithm) {
            continue;
        }
        const struct slice id = json_string(json_get(node, SLICE("kid")));
        struct auth_key key = {.algorithm = named, .id = id.size == 0 ? slice_of(NULL, 0) : id};
        TRY(types[i].read(node, &key.key));
        *out_key = key;
        return NULL;
    }
    return malformed("keys are RSA for RS256, EC for ES256 or OKP for EdDSA");
}

/* -- A set ---------------------------------------------------------------------------------- */

static const struct json_limits limits = {.bytes_max = (size_t)2 << 20, .depth_max = 8};

static bool is_of_machine(const cordon_error *error)
{
    return cordon_error_get_code(error) != CORDON_E_INVALID;
}

/* Whether a member is there that only who signs should have. */
static bool has_secret(const struct json_node *key)
{
    return json_get(key, SLICE("d")) != NULL || json_get(key, SLICE("k")) != NULL;
}

static cordon_error *read_list(struct auth_keys *keys, const struct json_node *list)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *first_reason = NULL;
    struct json_walk walk = json_walk_items(list);
    for (const struct json_node *node; (node = json_next_item(&walk)) != NULL;) {
        if (has_secret(node)) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "the key set holds a private key: make a new pair, as others may have read this "
                "one, and keep the public half here alone");
        }
        cordon_error *error = read_key(node, &keys->keys[keys->count]);
        if (error == NULL) {
            keys->count++;
        } else if (is_of_machine(error)) {
            return error;
        } else if (first_reason == NULL) {
            first_reason = error;
        } else {
            cordon_error_free(error);
        }
    }
    return keys->count > 0
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID, "the key set has no key to verify signatures with%s%s",
                     first_reason == NULL ? "" : ": ",
                     first_reason == NULL ? "" : cordon_error_get_message(first_reason));
}

static cordon_error *read_set(struct auth_keys *keys, struct slice text)
{
    if (text.size > AUTH_KEYS_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a key set has at most %zu bytes", AUTH_KEYS_BYTES_MAX);
    }
    TRY(json_parse(text, &limits, &keys->doc));
    const struct json_node *root = json_root(keys->doc);
    const struct json_node *list = json_get(root, SLICE("keys"));
    bool repeated = false;
    struct slice name;
    TRY(json_find_repeated(root, &repeated, &name));
    if (json_kind(list) != JSON_ARRAY || repeated) {
        return cordon_error_new(
            CORDON_E_INVALID, "a key set is a JSON object with a list `keys` (RFC 7517) and no "
                              "name twice");
    }
    if (json_count(list) > AUTH_KEYS_MAX) {
        return cordon_error_new(CORDON_E_TOO_LARGE, "a key set has at most %d keys", AUTH_KEYS_MAX);
    }
    return read_list(keys, list);
}

cordon_error *auth_keys_parse(struct slice text, struct auth_keys **out_keys)
{
    struct auth_keys *keys = MEM_NEW(struct auth_keys);
    if (keys == NULL) {
        return error_no_memory();
    }
    atomic_init(&keys->references, 1);
    cordon_error *error = read_set(keys, text);
    if (error != NULL) {
        auth_keys_unref(keys);
        return error;
    }
    *out_keys = keys;
    return NULL;
}

struct auth_keys *auth_keys_ref(struct auth_keys *keys)
{
    if (keys != NULL) {
        (void)atomic_fetch_add(&keys->references, 1);
    }
    return keys;
}

void auth_keys_unref(struct auth_keys *keys)
{
    if (keys == NULL || atomic_fetch_sub(&keys->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        public_key_free(keys->keys[i].key);
    }
    json_free(keys->doc);
    mem_free(keys);
}

/* -- Finding -------------------------------------------------------------------------------- */

size_t auth_keys_count(const struct auth_keys *keys)
{
    return keys->count;
}

const struct auth_key *auth_keys_find(
    const struct auth_keys *keys, enum auth_algorithm algorithm, struct slice id)
{
    const struct auth_key *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const struct auth_key *key = &keys->keys[i];
        if (key->algorithm != algorithm ||
            (id.data != NULL && (key->id.data == NULL || !slice_equal(key->id, id)))) {
            continue;
        }
        if (found != NULL) {
            return NULL; /* it does not say which */
        }
        found = key;
    }
    return found;
}

const struct auth_key *auth_keys_any(const struct auth_keys *keys, enum auth_algorithm algorithm)
{
    const struct auth_key *found = &keys->keys[0];
    for (size_t i = 0; i < keys->count && found->algorithm != algorithm; i++) {
        found = &keys->keys[i];
    }
    return found->algorithm == algorithm ? found : &keys->keys[0];
}
