/* Who a token speaks of: keys, tokens, identities, providers. */
#include "auth/identity.h"
#include "auth/key_url.h"
#include "auth/keys.h"
#include "auth/provider.h"
#include "auth/token.h"
#include "base/memory.h"
#include "support/expect.h"
#include "support/tokens.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1800000000
#define TEXT_MAX ((size_t)1 << 20)

/* -- A world of keys ------------------------------------------------------------------------ */

enum { KINDS = 3 };

static EVP_PKEY *signers[KINDS];
static EVP_PKEY *strangers[KINDS]; /* whose keys are in no set */
static const char *const ids[KINDS] = {"rsa", "ec", "ed"};

static int make_signers(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        signers[i] = signer_new((enum signer_kind)i);
        strangers[i] = signer_new((enum signer_kind)i);
    }
    return 0;
}

static int free_signers(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        EVP_PKEY_free(signers[i]);
        EVP_PKEY_free(strangers[i]);
    }
    return 0;
}

/* A set of the keys of some kinds. */
static void write_set(EVP_PKEY *const keys[KINDS], unsigned kinds, struct buffer *out)
{
    char more[64];
    expect_ok(buffer_append(out, SLICE("{\"keys\":[")));
    for (int i = 0; i < KINDS; i++) {
        if ((kinds & 1u << i) != 0) {
            (void)snprintf(more, sizeof more, ",\"kid\":\"%s\",\"use\":\"sig\"", ids[i]);
            expect_ok(json_write_comma(out));
            signer_write(keys[i], (enum signer_kind)i, more, out);
        }
    }
    expect_ok(buffer_append(out, SLICE("]}")));
}

static void write_file(const char *path, struct slice text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.data, text.size), (ssize_t)text.size);
    (void)close(fd);
}

static void nap(void)
{
    (void)usleep(120000); /* a file is looked at ten times a second at most */
}

/* -- Keys ----------------------------------------------------------------------------------- */

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
        const struct auth_key *key = auth_keys_find(keys, algorithm, slice_str(ids[i]));
        assert_non_null(key);
        assert_int_equal(key->algorithm, algorithm);
        assert_ptr_equal(auth_keys_find(keys, algorithm, (struct slice){0}), key);
        assert_ptr_equal(auth_keys_any(keys, algorithm), key);
        assert_null(auth_keys_find(keys, algorithm, SLICE("other")));
        assert_null(auth_keys_find(keys, algorithm, slice_str(ids[(i + 1) % KINDS])));
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

/* -- Verdicts ------------------------------------------------------------------------------- */

#define ISSUER "https://auth.example.org"
#define GOOD "\"iss\":\"" ISSUER "\",\"sub\":\"ada\",\"aud\":\"app\",\"exp\":1800000100"

static struct auth_config *new_config(const char *path, const char *algorithm)
{
    const struct auth_provider providers[] = {
        {.issuer = "https://elsewhere.example.org",
         .application_id = "app",
         .jwks = path,
         .tenant = "default"},
        {.issuer = ISSUER,
         .application_id = "app",
         .algorithm = algorithm,
         .jwks = path,
         .tenant = "default"},
        {.issuer = "open.example.org/", .jwks = path, .tenant = "default"},
    };
    struct auth_config *config = NULL;
    expect_ok(auth_config_new(
        providers, COUNT(providers), AUTH_SKEW_S_DEFAULT, (struct auth_teller){0}, &config));
    return config;
}

static struct auth_config *new_config_of(unsigned kinds, const char *algorithm)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    CORDON_CLEANUP_BUFFER struct buffer place;
    buffer_init(&text, TEXT_MAX);
    buffer_init(&place, TEXT_MAX);
    write_set(signers, kinds, &text);
    expect_ok(buffer_append(&place, SLICE("data:application/json;base64,")));
    expect_ok(base64_write(&place, buffer_slice(&text), BASE64_STANDARD));
    expect_ok(buffer_append_byte(&place, '\0'));
    return new_config((const char *)place.data, algorithm);
}

static enum auth_verdict judge_text(struct auth_config *config, struct slice token, char *out_token)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, IDENTITY_BYTES_MAX);
    struct identity identity = {0};
    const enum auth_verdict verdict =
        auth_config_judge(config, SLICE("default"), token, NOW, &text, &identity);
    assert_int_equal(verdict == AUTH_ACCEPTED, identity.token.size > 0);
    assert_int_equal(verdict == AUTH_ACCEPTED, text.size > 0);
    if (out_token != NULL) {
        (void)snprintf(out_token, 256, "%.*s", SLICE_FMT(identity.token));
    }
    return verdict;
}

static enum auth_verdict judge(
    struct auth_config *config,
    EVP_PKEY *const by[KINDS],
    enum signer_kind kind,
    const char *header,
    const char *claims)
{
    CORDON_CLEANUP_BUFFER struct buffer token;
    buffer_init(&token, TEXT_MAX);
    signer_token(by[kind], kind, header, claims, &token);
    return judge_text(config, buffer_slice(&token), NULL);
}

static void a_good_token_tells_who_it_is(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(7, NULL);
    static const char *const headers[KINDS][2] = {
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{\"alg\":\"RS256\",\"typ\":\"jwt\"}"},
        {"{\"alg\":\"ES256\",\"kid\":\"ec\"}", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"},
        {"{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}"},
    };
    for (int kind = 0; kind < KINDS; kind++) {
        for (int i = 0; i < 2; i++) {
            CORDON_CLEANUP_BUFFER struct buffer token;
            buffer_init(&token, TEXT_MAX);
            signer_token(
                signers[kind], (enum signer_kind)kind, headers[kind][i], "{" GOOD "}", &token);
            char who[256];
            assert_int_equal(judge_text(config, buffer_slice(&token), who), AUTH_ACCEPTED);
            assert_string_equal(who, ISSUER "|ada");
        }
    }
    auth_config_unref(config);
}

#define CLAIMS(more) "{\"iss\":\"" ISSUER "\",\"sub\":\"ada\",\"aud\":\"app\"" more "}"
#define OF(issuer, audience)                                                                       \
    "{\"iss\":\"" issuer "\",\"sub\":\"ada\"" audience ",\"exp\":1800000100}"

static void claims_decide(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(4, NULL);
    static const struct {
        const char *claims;
        enum auth_verdict verdict;
    } cases[] = {
        {CLAIMS(",\"exp\":1800000001"), AUTH_ACCEPTED},
        {CLAIMS(",\"exp\":1799999941"), AUTH_ACCEPTED}, /* within the skew */
        {CLAIMS(",\"exp\":1799999940"), AUTH_REJECTED},
        {CLAIMS(""), AUTH_REJECTED},
        {CLAIMS(",\"exp\":1e300"), AUTH_ACCEPTED},
        {CLAIMS(",\"exp\":-1"), AUTH_REJECTED},
        {CLAIMS(",\"exp\":\"1800000100\""), AUTH_MALFORMED},
        {CLAIMS(",\"exp\":null"), AUTH_MALFORMED},
        {CLAIMS(",\"exp\":1800000100,\"nbf\":1800000060"), AUTH_ACCEPTED},
        {CLAIMS(",\"exp\":1800000100,\"nbf\":1800000061"), AUTH_REJECTED},
        {CLAIMS(",\"exp\":1800000100,\"iat\":1800000060"), AUTH_ACCEPTED},
        {CLAIMS(",\"exp\":1800000100,\"iat\":1800000061"), AUTH_REJECTED},
        {CLAIMS(",\"exp\":1800000100,\"iat\":true"), AUTH_MALFORMED},
        {CLAIMS(",\"exp\":1800000100,\"sub\":\"eve\""), AUTH_MALFORMED}, /* twice */
        {CLAIMS(",\"exp\":1800000100,\"x\":{\"y\":1,\"y\":2}"), AUTH_MALFORMED},
        {OF(ISSUER, ",\"aud\":[\"other\",\"app\"]"), AUTH_ACCEPTED},
        {OF(ISSUER, ",\"aud\":[]"), AUTH_NO_PROVIDER},
        {OF(ISSUER, ",\"aud\":\"other\""), AUTH_NO_PROVIDER},
        {OF(ISSUER, ",\"aud\":\"app \""), AUTH_NO_PROVIDER},
        {OF(ISSUER, ""), AUTH_NO_PROVIDER},
        {OF(ISSUER, ",\"aud\":[1]"), AUTH_MALFORMED},
        {OF(ISSUER, ",\"aud\":{}"), AUTH_MALFORMED},
        {OF(ISSUER "/", ",\"aud\":\"app\""), AUTH_ACCEPTED},
        {OF("auth.example.org", ",\"aud\":\"app\""), AUTH_ACCEPTED},
        {OF("http://auth.example.org", ",\"aud\":\"app\""), AUTH_NO_PROVIDER},
        {OF(ISSUER "//", ",\"aud\":\"app\""), AUTH_NO_PROVIDER},
        {OF(ISSUER ".evil.org", ",\"aud\":\"app\""), AUTH_NO_PROVIDER},
        {OF("https://open.example.org", ""), AUTH_ACCEPTED},
        {OF("https://open.example.org", ",\"aud\":\"whatever\""), AUTH_ACCEPTED},
        {"{\"sub\":\"ada\",\"aud\":\"app\",\"exp\":1800000100}", AUTH_MALFORMED},
        {"{\"iss\":\"" ISSUER "\",\"aud\":\"app\",\"exp\":1800000100}", AUTH_MALFORMED},
        {"{\"iss\":\"" ISSUER "\",\"sub\":7,\"aud\":\"app\",\"exp\":1800000100}", AUTH_MALFORMED},
        {"{\"iss\":\"" ISSUER "\",\"sub\":\"\",\"aud\":\"app\",\"exp\":1800000100}",
         AUTH_MALFORMED},
        {"{\"iss\":\"" ISSUER "\",\"sub\":\"a\\u0000b\",\"aud\":\"app\",\"exp\":1800000100}",
         AUTH_REJECTED},
        {"[]", AUTH_MALFORMED},
        {"{\"iss\":", AUTH_MALFORMED},
        {"", AUTH_MALFORMED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const enum auth_verdict verdict = judge(
            config, signers, SIGNER_ED, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", cases[i].claims);
        if (verdict != cases[i].verdict) {
            fail_msg("%s: %d and not %d", cases[i].claims, verdict, cases[i].verdict);
        }
    }
    auth_config_unref(config);
}

/*
 * All that is wrong with a token of a provider has one answer after one verified signature, whether
 * a key was meant or not.
 */
static void whatever_is_wrong_costs_the_same(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(7, NULL);
    static const struct {
        const char *header;
        enum signer_kind kind;
        bool by_stranger;
    } cases[] = {
        {"{\"alg\":\"none\"}", SIGNER_RSA, false},
        {"{\"alg\":\"None\",\"kid\":\"rsa\"}", SIGNER_RSA, false},
        {"{\"alg\":\"HS256\",\"kid\":\"rsa\"}", SIGNER_RSA, false},
        {"{\"alg\":\"RS512\",\"kid\":\"rsa\"}", SIGNER_RSA, false},
        {"{\"alg\":\"PS256\",\"kid\":\"rsa\"}", SIGNER_RSA, false},
        {"{\"alg\":\"rs256\",\"kid\":\"rsa\"}", SIGNER_RSA, false},
        {"{\"alg\":\"ES256\",\"kid\":\"rsa\"}", SIGNER_RSA, false}, /* another type's key */
        {"{\"alg\":\"RS256\",\"kid\":\"ec\"}", SIGNER_RSA, false},
        {"{\"alg\":\"EdDSA\",\"kid\":\"rsa\"}", SIGNER_ED, false},
        {"{\"alg\":\"RS256\",\"kid\":\"unknown\"}", SIGNER_RSA, false},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", SIGNER_RSA, false},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", SIGNER_RSA, true},
        {"{\"alg\":\"ES256\",\"kid\":\"ec\"}", SIGNER_EC, true},
        {"{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", SIGNER_ED, true},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"crit\":[\"exp\"]}", SIGNER_RSA, false},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"b64\":false}", SIGNER_RSA, false},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"logout+jwt\"}", SIGNER_RSA, false},
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":7}", SIGNER_RSA, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const uint64_t before = auth_config_verifications(config);
        EVP_PKEY *const *by = cases[i].by_stranger ? strangers : signers;
        const enum auth_verdict verdict =
            judge(config, by, cases[i].kind, cases[i].header, "{" GOOD "}");
        if (verdict != AUTH_REJECTED || auth_config_verifications(config) != before + 1) {
            fail_msg("%s: %d", cases[i].header, verdict);
        }
    }
    const uint64_t before = auth_config_verifications(config);
    assert_int_equal(
        judge(config, signers, SIGNER_ED, "{\"alg\":\"EdDSA\"}", CLAIMS(",\"exp\":1")),
        AUTH_REJECTED);
    assert_int_equal(
        judge(config, signers, SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(auth_config_verifications(config), before + 2);
    auth_config_unref(config);
}

/* A client sends its token with each call: one verification, and what else may change is seen. */
static void a_good_token_is_verified_once(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(7, NULL);
    CORDON_CLEANUP_BUFFER struct buffer token;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&token, TEXT_MAX);
    buffer_init(&text, IDENTITY_BYTES_MAX);
    signer_token(signers[SIGNER_RSA], SIGNER_RSA, "{\"alg\":\"RS256\"}", "{" GOOD "}", &token);
    struct identity identity = {0};
    struct identity again = {0};
    for (int i = 0; i < 10; i++) {
        char who[256];
        assert_int_equal(judge_text(config, buffer_slice(&token), who), AUTH_ACCEPTED);
        assert_string_equal(who, ISSUER "|ada");
    }
    assert_int_equal(auth_config_verifications(config), 1);
    struct auth_config *other = new_config_of(7, NULL); /* which sees it for the first time */
    expect_ok(buffer_reserve(&text, 4096));
    assert_int_equal(
        auth_config_judge(other, SLICE("default"), buffer_slice(&token), NOW, &text, &identity),
        AUTH_ACCEPTED);
    assert_int_equal(
        auth_config_judge(config, SLICE("default"), buffer_slice(&token), NOW, &text, &again),
        AUTH_ACCEPTED);
    assert_true(slice_equal(identity.json, again.json));
    auth_config_unref(other);
    assert_int_equal(
        auth_config_judge(
            config, SLICE("default"), buffer_slice(&token), NOW + 1000, &text, &identity),
        AUTH_REJECTED);
    assert_int_equal(auth_config_verifications(config), 2);
    token.data[token.size - 20] = token.data[token.size - 20] == 'A' ? 'B' : 'A';
    assert_int_not_equal(judge_text(config, buffer_slice(&token), NULL), AUTH_ACCEPTED);
    auth_config_unref(config);
}

static void a_provider_may_take_one_algorithm(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(7, "ES256");
    assert_int_equal(
        judge(config, signers, SIGNER_EC, "{\"alg\":\"ES256\"}", "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(
        judge(config, signers, SIGNER_RSA, "{\"alg\":\"RS256\"}", "{" GOOD "}"), AUTH_REJECTED);
    assert_int_equal(
        judge(config, signers, SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}"), AUTH_REJECTED);
    auth_config_unref(config);
}

static void a_provider_speaks_for_one_tenant(void **state)
{
    (void)state;
    CORDON_CLEANUP_BUFFER struct buffer set;
    CORDON_CLEANUP_BUFFER struct buffer place;
    CORDON_CLEANUP_BUFFER struct buffer token;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&set, TEXT_MAX);
    buffer_init(&place, TEXT_MAX);
    buffer_init(&token, TEXT_MAX);
    buffer_init(&text, IDENTITY_BYTES_MAX);
    write_set(signers, 4, &set);
    expect_ok(buffer_append(&place, SLICE("data:x;base64,")));
    expect_ok(base64_write(&place, buffer_slice(&set), BASE64_STANDARD));
    expect_ok(buffer_append_byte(&place, '\0'));
    signer_token(signers[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", &token);
    const struct auth_provider provider = {
        .issuer = ISSUER, .jwks = (const char *)place.data, .tenant = "acme"};
    struct auth_config *config = NULL;
    expect_ok(auth_config_new(&provider, 1, 60, (struct auth_teller){0}, &config));
    static const struct {
        const char *tenant;
        enum auth_verdict verdict;
    } cases[] = {
        {"acme", AUTH_ACCEPTED},
        {"default", AUTH_NO_PROVIDER},
        {"acm", AUTH_NO_PROVIDER},
        {"acme2", AUTH_NO_PROVIDER},
        {"", AUTH_NO_PROVIDER}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identity identity = {0};
        assert_int_equal(
            auth_config_judge(
                config, slice_str(cases[i].tenant), buffer_slice(&token), NOW, &text, &identity),
            cases[i].verdict);
    }
    auth_config_unref(config);
}

static void what_is_no_token_is_malformed(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(4, NULL);
    static const char *const cases[] = {
        "",
        ".",
        "..",
        "a.b",
        "e30.e30.",
        "e30.e30",
        "e30=.e30.",
        "e30.e30=.",
        " e30.e30.",
        "e30.e30.\n",
        "e30.e30.e30.e30",
        "bnVsbA.e30.",
        "e30.bnVsbA.",
        "W10.W10.",
        "eyJhbGciOjd9.e30.",
        "!.!.!",
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJub25lIiwia2lkIjoxfQ.e30.",
        "\xff.\xff.\xff"};
    const uint64_t before = auth_config_verifications(config);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(judge_text(config, slice_str(cases[i]), NULL), AUTH_MALFORMED);
    }
    static char large[AUTH_TOKEN_BYTES_MAX + 1];
    memset(large, 'a', sizeof large);
    assert_int_equal(judge_text(config, slice_of(large, sizeof large), NULL), AUTH_MALFORMED);
    /* A signature that no key of ours can have made. */
    CORDON_CLEANUP_BUFFER struct buffer token;
    buffer_init(&token, TEXT_MAX);
    signer_token(signers[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", &token);
    expect_ok(buffer_append(&token, slice_of(large, 4000)));
    assert_int_equal(judge_text(config, buffer_slice(&token), NULL), AUTH_MALFORMED);
    assert_int_equal(auth_config_verifications(config), before);
    assert_int_equal(judge_text(NULL, SLICE("e30.e30."), NULL), AUTH_MALFORMED);
    token.size -= 4000;
    assert_int_equal(judge_text(NULL, buffer_slice(&token), NULL), AUTH_NO_PROVIDER);
    auth_config_unref(config);
}

static void each_byte_of_a_token_counts(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(4, NULL);
    CORDON_CLEANUP_BUFFER struct buffer token;
    buffer_init(&token, TEXT_MAX);
    signer_token(signers[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", &token);
    for (size_t i = 0; i < token.size; i++) {
        const uint8_t was = token.data[i];
        token.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(judge_text(config, buffer_slice(&token), NULL), AUTH_ACCEPTED);
        token.data[i] = was;
    }
    for (size_t size = 0; size < token.size; size++) {
        assert_int_not_equal(judge_text(config, slice_of(token.data, size), NULL), AUTH_ACCEPTED);
    }
    assert_int_equal(judge_text(config, buffer_slice(&token), NULL), AUTH_ACCEPTED);
    auth_config_unref(config);
}

/* -- Files of keys -------------------------------------------------------------------------- */

static unsigned told;

static void tell(void *arg, const char *path, const char *words)
{
    assert_ptr_equal(arg, &told);
    assert_true(path[0] == '/' && words[0] != '\0');
    told++;
}

static void keys_are_rotated(void **state)
{
    (void)state;
    char path[] = "/tmp/cordon-keys-XXXXXX";
    CORDON_CLEANUP_BUFFER struct buffer old;
    CORDON_CLEANUP_BUFFER struct buffer new;
    buffer_init(&old, TEXT_MAX);
    buffer_init(&new, TEXT_MAX);
    (void)close(mkstemp(path));
    write_set(signers, 4, &old);
    write_set(strangers, 4, &new);
    write_file(path, buffer_slice(&old));
    const struct auth_provider provider = {
        .issuer = ISSUER, .application_id = "app", .jwks = path, .tenant = "default"};
    struct auth_config *config = NULL;
    expect_ok(auth_config_new(&provider, 1, 60, (struct auth_teller){tell, &told}, &config));
    const char *header = "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}";
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(judge(config, strangers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);

    write_file(path, buffer_slice(&new));
    nap();
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    assert_int_equal(judge(config, strangers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(told, 0);

    /* Half a file, and one that others may write to, change nothing. */
    write_file(path, slice_of(old.data, old.size / 2));
    nap();
    assert_int_equal(judge(config, strangers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(told, 1);
    write_file(path, buffer_slice(&old));
    assert_int_equal(chmod(path, 0666), 0);
    nap();
    assert_int_equal(judge(config, strangers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    assert_int_equal(chmod(path, 0644), 0);
    nap();
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);

    /* Gone, and there again. */
    assert_int_equal(unlink(path), 0);
    nap();
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    write_file(path, buffer_slice(&old));
    nap();
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(told, 1); /* once a minute */
    (void)unlink(path);
    auth_config_unref(config);
}

/* -- URLs ----------------------------------------------------------------------------------- */

static void urls_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *words; /* NULL: it is good */
    } cases[] = {
        {"https://auth.example.org/.well-known/jwks.json?a=b", NULL},
        {"HTTPS://auth.example.org", NULL},
        {"https://[2001:db8::1]:8443/", NULL},
        {"http://localhost:80/", NULL},
        {"http://127.0.0.1/", NULL},
        {"http://127.8.9.10:1/x", NULL},
        {"http://[::1]:1/", NULL},
        {"http://auth.example.org/", "write https://"},
        {"http://localhost.example.org/", "write https://"},
        {"http://127.0.0.1.example.org/", "write https://"},
        {"http://127.1/", "write https://"},
        {"http://0.0.0.0/", "write https://"},
        {"http://[::2]/", "write https://"},
        {"http://[::1", "write https://"},
        {"http://127.0.0.1@example.org/", "no user or password"},
        {"https://a:b@example.org/", "no user or password"},
        {"https://", "names a host"},
        {"https:///x", "names a host"},
        {"https://:443/", "names a host"},
        {"https://example.org/a b", "no blanks"},
        {"https://example.org\\@127.0.0.1/", "no blanks"},
        {"https://example.org/\303\244", "not ASCII"},
        {"https://example.org/#k", "no `#`"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(key_url_is(cases[i].url));
        if (cases[i].words == NULL) {
            expect_ok(key_url_check(cases[i].url));
        } else {
            expect_error(key_url_check(cases[i].url), CORDON_E_INVALID, cases[i].words);
        }
    }
    assert_false(key_url_is("/etc/cordon/auth.jwks"));
    assert_false(key_url_is("data:application/json;base64,"));
    assert_true(key_url_is_secure("https://a") && !key_url_is_secure("http://a"));
}

/* What another process fetches is read from its file, and wished for by tokens that lack it. */
static void keys_of_a_url_are_read_from_their_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-urls-XXXXXX";
    CORDON_CLEANUP_BUFFER struct buffer path;
    CORDON_CLEANUP_BUFFER struct buffer set;
    buffer_init(&path, TEXT_MAX);
    buffer_init(&set, TEXT_MAX);
    assert_non_null(mkdtemp(folder));
    write_set(signers, 4, &set);
    expect_ok(key_url_path(folder, "https://a.example/k", &path));
    const struct auth_provider provider = {
        .issuer = ISSUER,
        .application_id = "app",
        .jwks = "https://a.example/k",
        .url_folder = folder,
        .tenant = "default"};
    struct auth_config *config = NULL;
    told = 0;
    expect_ok(auth_config_new(&provider, 1, 60, (struct auth_teller){tell, &told}, &config));
    assert_string_equal(auth_config_url(config, 0), "https://a.example/k");
    assert_string_equal(auth_config_key_file(config, 0), (const char *)path.data);
    const char *header = "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}";
    const char *unknown = "{\"alg\":\"EdDSA\",\"kid\":\"another\"}";
    assert_false(auth_config_take_wish(config, 0));
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    assert_true(auth_config_take_wish(config, 0));
    assert_int_equal(told, 0); /* that nothing has come yet is no news */

    write_file((const char *)path.data, buffer_slice(&set));
    nap();
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_ACCEPTED);
    assert_int_equal(judge(config, strangers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    assert_false(auth_config_take_wish(config, 0));
    assert_int_equal(judge(config, signers, SIGNER_ED, unknown, "{" GOOD "}"), AUTH_REJECTED);
    assert_true(auth_config_take_wish(config, 0));
    assert_false(auth_config_take_wish(config, 0));
    auth_config_unref(config);

    /* What is damaged in between keeps nobody from starting. */
    write_file((const char *)path.data, slice_of(set.data, set.size / 2));
    expect_ok(auth_config_new(&provider, 1, 60, (struct auth_teller){tell, &told}, &config));
    assert_int_equal(told, 1);
    assert_int_equal(judge(config, signers, SIGNER_ED, header, "{" GOOD "}"), AUTH_REJECTED);
    auth_config_unref(config);
    (void)unlink((const char *)path.data);
    (void)rmdir(folder);
}

/* -- Threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 300 };

struct asking {
    struct auth_config *config;
    struct slice tokens[2]; /* of each set of keys that there is in turn */
    atomic_uint *accepted;
    atomic_uint *others;
};

static void *ask(void *arg)
{
    const struct asking *asking = arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t room[1024];
        struct buffer text = {.data = room, .capacity = sizeof room, .size_max = sizeof room};
        struct identity identity = {0};
        const enum auth_verdict verdict = auth_config_judge(
            asking->config, SLICE("default"), asking->tokens[i % 2], NOW, &text, &identity);
        const bool good = verdict == AUTH_ACCEPTED || verdict == AUTH_REJECTED;
        (void)atomic_fetch_add(asking->accepted, verdict == AUTH_ACCEPTED);
        (void)atomic_fetch_add(asking->others, !good);
        (void)usleep(500);
    }
    return NULL;
}

/* What is verified by keys that go is not taken for verified by those that come. */
static void keys_change_while_tokens_are_judged(void **state)
{
    (void)state;
    char path[] = "/tmp/cordon-keys-XXXXXX";
    struct buffer sets[2];
    struct buffer tokens[2];
    (void)close(mkstemp(path));
    for (int i = 0; i < 2; i++) {
        EVP_PKEY *const *by = i == 0 ? signers : strangers;
        buffer_init(&sets[i], TEXT_MAX);
        buffer_init(&tokens[i], TEXT_MAX);
        write_set(by, 4, &sets[i]);
        signer_token(by[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", &tokens[i]);
    }
    write_file(path, buffer_slice(&sets[0]));
    atomic_uint accepted = 0;
    atomic_uint others = 0;
    struct asking asking = {
        .config = new_config(path, NULL),
        .tokens = {buffer_slice(&tokens[0]), buffer_slice(&tokens[1])},
        .accepted = &accepted,
        .others = &others,
    };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asking), 0);
    }
    for (int i = 1; i < 6; i++) {
        nap();
        write_file(path, buffer_slice(&sets[i % 2]));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    nap();
    assert_int_equal(judge_text(asking.config, asking.tokens[0], NULL), AUTH_REJECTED);
    assert_int_equal(judge_text(asking.config, asking.tokens[1], NULL), AUTH_ACCEPTED);
    assert_true(accepted > 0);
    assert_int_equal(others, 0);
    (void)unlink(path);
    auth_config_unref(asking.config);
    for (int i = 0; i < 2; i++) {
        buffer_done(&sets[i]);
        buffer_done(&tokens[i]);
    }
}

static void a_configuration_is_checked(void **state)
{
    (void)state;
    char path[] = "/tmp/cordon-keys-XXXXXX";
    (void)close(mkstemp(path));
    static const char key[] = "data:application/json;base64,"
                              "eyJrZXlzIjpbeyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IkFBQUFBQUFB"
                              "QUFBQUFBQUFBQUFBQUFBQUFB"
                              "QUFBQUFBQUFBQUFBQUFBQUEifV19";
    const struct {
        struct auth_provider provider;
        cordon_error_code code;
        const char *words; /* NULL: it is good */
    } cases[] = {
        {{.issuer = ISSUER, .jwks = key}, CORDON_E_INVALID, NULL},
        {{.issuer = NULL, .jwks = key}, CORDON_E_INVALID, "needs an issuer"},
        {{.issuer = "", .jwks = key}, CORDON_E_INVALID, "needs an issuer"},
        {{.issuer = "a|b", .jwks = key}, CORDON_E_INVALID, "no `|`"},
        {{.issuer = ISSUER}, CORDON_E_INVALID, "needs `jwks`"},
        {{.issuer = ISSUER, .jwks = key, .algorithm = "HS256"}, CORDON_E_INVALID, "must be RS256"},
        {{.issuer = ISSUER, .jwks = "data:text/plain,x"}, CORDON_E_INVALID, "in base64"},
        {{.issuer = ISSUER, .jwks = "data:x;base64,e30="}, CORDON_E_INVALID, "a list `keys`"},
        {{.issuer = ISSUER, .jwks = "data:x;base64,!"}, CORDON_E_INVALID, "in base64"},
        {{.issuer = ISSUER, .jwks = "/nowhere/keys.json"}, CORDON_E_SYSTEM, "can't be read"},
        {{.issuer = ISSUER, .jwks = "/tmp"}, CORDON_E_SYSTEM, "must be a file"},
        {{.issuer = ISSUER, .jwks = path}, CORDON_E_BAD_JSON, "the key set '/tmp/"},
        {{.issuer = ISSUER, .jwks = "https://a.example/k", .url_folder = "/tmp"}, 0, NULL},
        {{.issuer = ISSUER, .jwks = "https://a.example/k"}, CORDON_E_INVALID, "a data folder"},
        {{.issuer = ISSUER, .jwks = "http://a.example/k", .url_folder = "/tmp"},
         CORDON_E_INVALID,
         "write https://"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct auth_config *config = NULL;
        struct auth_provider provider = cases[i].provider;
        provider.tenant = "default";
        cordon_error *error = auth_config_new(&provider, 1, 0, (struct auth_teller){0}, &config);
        if (cases[i].words == NULL) {
            expect_ok(error);
            assert_ptr_equal(auth_config_ref(config), config);
            auth_config_unref(config);
            auth_config_unref(config);
        } else {
            expect_error(error, cases[i].code, cases[i].words);
            assert_null(config);
        }
    }
    struct auth_config *config = NULL;
    expect_error(
        auth_config_new(NULL, 0, AUTH_SKEW_S_MAX + 1, (struct auth_teller){0}, &config),
        CORDON_E_INVALID, "at most");
    (void)unlink(path);
    assert_null(auth_config_ref(NULL));
    auth_config_unref(NULL);
}

/* -- Identities ----------------------------------------------------------------------------- */

#define NAMES "\"iss\":\"i\",\"sub\":\"s\","

static void claims_have_the_names_of_convex(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"{\"iss\":\"i\",\"sub\":\"s\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"aud\":\"a\",\"exp\":1,\"nbf\":1,\"iat\":1,\"jti\":\"x\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"name\":\"Ada\",\"given_name\":\"A\",\"family_name\":\"L\",\"nickname\":\"n\","
         "\"preferred_username\":\"p\",\"profile\":\"u\",\"picture\":\"v\",\"website\":\"w\"}",
         "{\"familyName\":\"L\",\"givenName\":\"A\",\"issuer\":\"i\",\"name\":\"Ada\","
         "\"nickname\":\"n\",\"pictureUrl\":\"v\",\"preferredUsername\":\"p\",\"profileUrl\":\"u\","
         "\"subject\":\"s\",\"tokenIdentifier\":\"i|s\",\"websiteUrl\":\"w\"}"},
        {"{" NAMES "\"email\":\"a@b\",\"email_verified\":true,\"gender\":\"f\","
         "\"birthdate\":\"1815-12-10\",\"zoneinfo\":\"Europe/London\",\"locale\":\"en\","
         "\"phone_number\":\"+1\",\"phone_number_verified\":false}",
         "{\"birthday\":\"1815-12-10\",\"email\":\"a@b\",\"emailVerified\":true,\"gender\":\"f\","
         "\"issuer\":\"i\",\"language\":\"en\",\"phoneNumber\":\"+1\",\"phoneNumberVerified\":"
         "false,"
         "\"subject\":\"s\",\"timezone\":\"Europe/London\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES
         "\"address\":{\"formatted\":\"12 St\",\"country\":\"UK\"},\"updated_at\":951782400}",
         "{\"address\":\"12 St\",\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2000-02-29T00:00:00+00:00\"}"},
        {"{" NAMES "\"updated_at\":\"2024-01-01T00:00:00Z\",\"address\":\"x\"}",
         "{\"address\":\"x\",\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2024-01-01T00:00:00Z\"}"},
        {"{" NAMES "\"updated_at\":1735689599.9}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\","
         "\"updatedAt\":\"2024-12-31T23:59:59+00:00\"}"},
        /* Of the wrong type, or out of range: left out. */
        {"{" NAMES "\"name\":7,\"email_verified\":\"true\",\"updated_at\":-1,\"address\":[],"
         "\"picture\":null}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"updated_at\":1e300}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        /* Claims of one's own. */
        {"{" NAMES "\"role\":\"admin\",\"teams\":[1,{\"a\":null}],\"https://x/y\":false}",
         "{\"https://x/y\":false,\"issuer\":\"i\",\"role\":\"admin\",\"subject\":\"s\","
         "\"teams\":[1,{\"a\":null}],\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"properties\":{\"id\":\"1\",\"deep\":{\"er\":2}},\"empty\":{}}",
         "{\"issuer\":\"i\",\"properties.deep.er\":2,\"properties.id\":\"1\",\"subject\":\"s\","
         "\"tokenIdentifier\":\"i|s\"}"},
        /* Those that would read as something else, and those that are no values. */
        {"{" NAMES "\"tokenIdentifier\":\"x|y\",\"issuer\":\"x\",\"subject\":\"x\","
         "\"emailVerified\":true,\"givenName\":\"x\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"$x\":1,\"\":1,\"\\u00e4\":1,\"list\":[{\"$bytes\":7}]}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{" NAMES "\"a.b\":1,\"a\":{\"b\":2}}",
         "{\"a.b\":1,\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{\"iss\":\"i\"}", NULL},
        {"{\"sub\":\"s\"}", NULL},
        {"{\"iss\":\"i|j\",\"sub\":\"s\"}", NULL},
        {"{\"iss\":\"i\",\"sub\":\"s\\n\"}", NULL},
        {"{\"iss\":\"i\",\"sub\":\"s\\u007f\"}", NULL},
    };
    static const struct json_limits limits = {.bytes_max = TEXT_MAX, .depth_max = 16};
    for (size_t i = 0; i < COUNT(cases); i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, IDENTITY_BYTES_MAX);
        struct json_doc *doc = NULL;
        struct identity identity = {0};
        expect_ok(json_parse(slice_str(cases[i].claims), &limits, &doc));
        cordon_error *error = identity_from_claims(json_root(doc), &text, &identity);
        if (cases[i].json == NULL) {
            expect_error(error, CORDON_E_INVALID, "an issuer and a subject");
        } else {
            expect_ok(error);
            expect_slice(identity.json, slice_str(cases[i].json));
            expect_slice(identity.token, SLICE("i|s"));
        }
        json_free(doc);
    }
}

static void attributes_are_taken_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *attributes;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"{\"issuer\":\"i\",\"subject\":\"s\",\"givenName\":\"A\",\"role\":{\"x\":[1]}}",
         "{\"givenName\":\"A\",\"issuer\":\"i\",\"role\":{\"x\":[1]},\"subject\":\"s\","
         "\"tokenIdentifier\":\"i|s\"}"},
        {"{\"tokenIdentifier\":\"x\",\"issuer\":\"i\",\"subject\":\"s\"}",
         "{\"issuer\":\"i\",\"subject\":\"s\",\"tokenIdentifier\":\"i|s\"}"},
        {"{\"issuer\":\"i\"}", NULL},
        {"{\"issuer\":\"\",\"subject\":\"s\"}", NULL},
        {"[]", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, IDENTITY_BYTES_MAX);
        struct identity identity = {0};
        cordon_error *error =
            identity_from_attributes(slice_str(cases[i].attributes), &text, &identity);
        if (cases[i].json == NULL) {
            expect_error(error, CORDON_E_INVALID, "an issuer and a subject");
        } else {
            expect_ok(error);
            expect_slice(identity.json, slice_str(cases[i].json));
        }
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, IDENTITY_BYTES_MAX);
    struct identity identity = {0};
    expect_error(identity_from_attributes(SLICE("{"), &text, &identity), CORDON_E_BAD_JSON, "");
}

/* Names that are repeated in front of each member could make much of a short token. */
static void an_identity_has_its_bounds(void **state)
{
    (void)state;
    static const struct json_limits limits = {.bytes_max = TEXT_MAX, .depth_max = 16};
    for (int members = 200; members <= 300; members += 100) {
        CORDON_CLEANUP_BUFFER struct buffer claims;
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&claims, TEXT_MAX);
        buffer_init(&text, IDENTITY_BYTES_MAX);
        expect_ok(buffer_printf(&claims, "{" NAMES "\"%0*d\":{", members == 200 ? 900 : 2, 0));
        for (int i = 0; i < members; i++) {
            expect_ok(buffer_printf(&claims, "%s\"%d\":%d", i == 0 ? "" : ",", i, i));
        }
        expect_ok(buffer_append(&claims, SLICE("}}")));
        struct json_doc *doc = NULL;
        struct identity identity = {0};
        expect_ok(json_parse(buffer_slice(&claims), &limits, &doc));
        expect_error(
            identity_from_claims(json_root(doc), &text, &identity), CORDON_E_TOO_LARGE,
            members == 200 ? "" : "at most 256 fields");
        json_free(doc);
    }
}

/* Whatever allocation fails, the answer is that there is no memory, or the right one. */
static void without_memory_nothing_is_accepted(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(4, NULL);
    CORDON_CLEANUP_BUFFER struct buffer token;
    buffer_init(&token, TEXT_MAX);
    signer_token(signers[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", "{" GOOD "}", &token);
    unsigned unseen = 0;
    enum auth_verdict verdict = AUTH_UNSEEN;
    for (uint64_t nth = 1; verdict != AUTH_ACCEPTED; nth++) {
        assert_true(nth < 1000);
        (void)mem_fail_nth(nth);
        verdict = judge_text(config, buffer_slice(&token), NULL);
        (void)mem_fail_nth(0);
        assert_true(verdict == AUTH_UNSEEN || verdict == AUTH_ACCEPTED);
        unseen += verdict == AUTH_UNSEEN;
    }
    assert_true(unseen > 3);
    auth_config_unref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_all_kinds_is_read),
        cmocka_unit_test(sets_that_do_not_do_are_refused),
        cmocka_unit_test(a_set_has_its_bounds),
        cmocka_unit_test(a_weak_key_is_none),
        cmocka_unit_test(a_good_token_tells_who_it_is),
        cmocka_unit_test(claims_decide),
        cmocka_unit_test(whatever_is_wrong_costs_the_same),
        cmocka_unit_test(a_good_token_is_verified_once),
        cmocka_unit_test(a_provider_may_take_one_algorithm),
        cmocka_unit_test(a_provider_speaks_for_one_tenant),
        cmocka_unit_test(what_is_no_token_is_malformed),
        cmocka_unit_test(each_byte_of_a_token_counts),
        cmocka_unit_test(keys_are_rotated),
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(keys_of_a_url_are_read_from_their_file),
        cmocka_unit_test(keys_change_while_tokens_are_judged),
        cmocka_unit_test(a_configuration_is_checked),
        cmocka_unit_test(claims_have_the_names_of_convex),
        cmocka_unit_test(attributes_are_taken_as_they_are),
        cmocka_unit_test(an_identity_has_its_bounds),
        cmocka_unit_test(without_memory_nothing_is_accepted),
    };
    return cmocka_run_group_tests_name("auth", tests, make_signers, free_signers);
}
