/* Key sets: which keys are read from them, and which are refused. */
#include "auth/keys.h"
#include "support/auth_world.h"

static void a_set_of_all_kinds_is_read(void **state)
{
    (void)state;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, TEXT_MAX);
    write_set(signers, 7, &text);
    struct auth_keys *keys = NULL;
    expect_ok(auth_keys_parse(buffer_slice(&text), &keys));
    assert_int_equal(auth_keys_count(keys), KINDS);
    for (int i = 0; i < KINDS; i++) {
        const enum auth_algorithm algorithm = (enum auth_algorithm)i;
        const struct auth_key *key = auth_keys_find(keys, algorithm, slice_str(key_ids[i]));
        assert_non_null(key);
        assert_int_equal(key->algorithm, algorithm);
        assert_ptr_equal(auth_keys_find(keys, algorithm, (struct slice){0}), key);
        assert_ptr_equal(auth_keys_any(keys, algorithm), key);
        assert_null(auth_keys_find(keys, algorithm, SLICE("other")));
        assert_null(auth_keys_find(keys, algorithm, slice_str(key_ids[(i + 1) % KINDS])));
        uint8_t signature[1024];
        const struct slice said = SLICE("what was said");
        const size_t size = signer_sign(signers[i], (enum signer_kind)i, said, signature);
        assert_true(public_key_verify(key->key, said, slice_of(signature, size)));
        assert_false(public_key_verify(key->key, SLICE("what was not"), slice_of(signature, size)));
        assert_false(public_key_verify(key->key, said, slice_of(signature, size - 1)));
        assert_false(public_key_verify(key->key, said, slice_of(signature, 0)));
        signature[size / 2] ^= 1;
        assert_false(public_key_verify(key->key, said, slice_of(signature, size)));
        memset(signature, 0, size);
        assert_false(public_key_verify(key->key, said, slice_of(signature, size)));
    }
    assert_ptr_equal(auth_keys_ref(keys), keys);
    auth_keys_unref(keys);
    auth_keys_unref(keys);
}

#define X32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void sets_that_do_not_do_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        cordon_error_code code;
        const char *words;
    } cases[] = {
        {"", CORDON_E_BAD_JSON, ""},
        {"[]", CORDON_E_INVALID, "a list `keys`"},
        {"{}", CORDON_E_INVALID, "a list `keys`"},
        {"{\"keys\":{}}", CORDON_E_INVALID, "a list `keys`"},
        {"{\"keys\":[],\"keys\":[]}", CORDON_E_INVALID, "no name twice"},
        {"{\"keys\":[]}", CORDON_E_INVALID, "no key to verify"},
        {"{\"keys\":[1,null,\"x\",[]]}", CORDON_E_INVALID, "no key to verify"},
        {"{\"keys\":[{\"kty\":\"oct\"}]}", CORDON_E_INVALID, "keys are RSA"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}", CORDON_E_INVALID, "private key"},
        {"{\"keys\":[{\"kty\":\"RSA\"}]}", CORDON_E_INVALID, "`n` and `e`"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", CORDON_E_INVALID,
         "2048 to 8192 bits"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB=\",\"e\":\"AQAB\"}]}", CORDON_E_INVALID,
         "`n` and `e`"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"alg\":\"PS256\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         CORDON_E_INVALID, "keys are RSA"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"alg\":\"RS256\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\"}]}",
         CORDON_E_INVALID, "keys are RSA"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}]}",
         CORDON_E_INVALID, "a point of the curve"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X32 "\",\"y\":\"" X32 "\"}]}",
         CORDON_E_INVALID, "`crv`"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"" X32 "\"}]}",
         CORDON_E_INVALID, "of 32 bytes"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" X32 "\"}]}", CORDON_E_INVALID,
         "Ed25519"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAB\"}]}", CORDON_E_INVALID,
         "Ed25519"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\",\"use\":\"enc\"}]}",
         CORDON_E_INVALID, "`use`"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32
         "\",\"key_ops\":[\"sign\"]}]}",
         CORDON_E_INVALID, "`key_ops`"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\",\"d\":\"" X32 "\"}]}",
         CORDON_E_INVALID, "private key"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct auth_keys *keys = NULL;
        expect_error(
            auth_keys_parse(slice_str(cases[i].text), &keys), cases[i].code, cases[i].words);
        assert_null(keys);
    }
}

static void a_set_has_its_bounds(void **state)
{
    (void)state;
    static const char key[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X32 "\"}";
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, TEXT_MAX);
    expect_ok(buffer_append(&text, SLICE("{\"keys\":[")));
    for (int i = 0; i < AUTH_KEYS_MAX; i++) {
        expect_ok(json_write_comma(&text));
        expect_ok(buffer_append(&text, slice_str(key)));
    }
    const size_t size = text.size;
    expect_ok(buffer_append(&text, SLICE("]}")));
    struct auth_keys *keys = NULL;
    expect_ok(auth_keys_parse(buffer_slice(&text), &keys));
    assert_int_equal(auth_keys_count(keys), AUTH_KEYS_MAX);
    /* None of them has an id, and a token that names none would mean any of them. */
    assert_null(auth_keys_find(keys, AUTH_EDDSA, (struct slice){0}));
    auth_keys_unref(keys);
    text.size = size;
    expect_ok(buffer_printf(&text, ",%s]}", key));
    expect_error(
        auth_keys_parse(buffer_slice(&text), &keys), CORDON_E_TOO_LARGE, "at most 64 keys");
    expect_error(
        auth_keys_parse(slice_of(text.data, AUTH_KEYS_BYTES_MAX + 1), &keys), CORDON_E_TOO_LARGE,
        "at most 262144 bytes");
}

static void a_weak_key_is_none(void **state)
{
    (void)state;
    static uint8_t ones[PUBLIC_KEY_RSA_BITS_MAX / 8 + 1];
    memset(ones, 0xff, sizeof ones);
    static const struct {
        size_t modulus;
        const char *exponent;
        bool good;
    } cases[] = {
        {256, "\x01\x01\x01", true},
        {1024, "\x03", true},
        {255, "\x03", false},
        {1025, "\x03", false},
        {256, "\x01", false},
        {256, "\x02", false},
        {256, "", false},
        {256, "\xff\xff\xff\xff", true},
        {256, "\x01\xff\xff\xff\xff", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct public_key *key = NULL;
        cordon_error *error =
            public_key_rsa(slice_of(ones, cases[i].modulus), slice_str(cases[i].exponent), &key);
        if (cases[i].good) {
            expect_ok(error);
        } else {
            expect_error(error, CORDON_E_INVALID, "an RSA key must have an odd");
        }
        public_key_free(key);
    }
    ones[255] = 0xfe;
    struct public_key *key = NULL;
    expect_error(
        public_key_rsa(slice_of(ones, 256), SLICE("\x03"), &key), CORDON_E_INVALID, "odd modulus");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_all_kinds_is_read),
        cmocka_unit_test(sets_that_do_not_do_are_refused),
        cmocka_unit_test(a_set_has_its_bounds),
        cmocka_unit_test(a_weak_key_is_none),
    };
    return cmocka_run_group_tests_name("auth_keys", tests, make_signers, free_signers);
}
