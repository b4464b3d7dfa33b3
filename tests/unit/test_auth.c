/* Which tokens are accepted, and whom they speak of. */
#include "auth/token.h"
#include "base/memory.h"
#include "support/auth_world.h"

#include <stdio.h>
#include <unistd.h>

static void a_good_token_tells_who_it_is(void **state)
{
    (void)state;
    struct auth_config *config = new_config_of(7, NULL);
    static const char *const headers[KINDS][2] = {
        {"{\"alg\":\"RS256\",\"kid\":\"rsa\"}", "{\"alg\":\"RS256\",\"typ\":\"jwt\"}"},
        {"{\"alg\":\"ES256\",\"kid\":\"ec\"}",
         "{\"alg\":\"ES256\",\"typ\":\"APPLICATION/AT+JWT\"}"},
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
    struct auth_acceptance accepted = {0};
    struct auth_acceptance again = {0};
    for (int i = 0; i < 10; i++) {
        char who[256];
        assert_int_equal(judge_text(config, buffer_slice(&token), who), AUTH_ACCEPTED);
        assert_string_equal(who, ISSUER "|ada");
    }
    assert_int_equal(auth_config_verifications(config), 1);
    struct auth_config *other = new_config_of(7, NULL); /* which sees it for the first time */
    expect_ok(buffer_reserve(&text, 4096));
    assert_int_equal(
        auth_config_judge(other, SLICE("default"), buffer_slice(&token), NOW, &text, &accepted),
        AUTH_ACCEPTED);
    assert_int_equal(
        auth_config_judge(config, SLICE("default"), buffer_slice(&token), NOW, &text, &again),
        AUTH_ACCEPTED);
    assert_true(slice_equal(accepted.identity.json, again.identity.json));
    auth_config_unref(other);
    assert_int_equal(
        auth_config_judge(
            config, SLICE("default"), buffer_slice(&token), NOW + 1000, &text, &accepted),
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
        struct auth_acceptance accepted = {0};
        assert_int_equal(
            auth_config_judge(
                config, slice_str(cases[i].tenant), buffer_slice(&token), NOW, &text, &accepted),
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

/* -- Providers ------------------------------------------------------------------------------ */

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

/* -- Memory --------------------------------------------------------------------------------- */

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
        cmocka_unit_test(a_good_token_tells_who_it_is),
        cmocka_unit_test(claims_decide),
        cmocka_unit_test(whatever_is_wrong_costs_the_same),
        cmocka_unit_test(a_good_token_is_verified_once),
        cmocka_unit_test(a_provider_may_take_one_algorithm),
        cmocka_unit_test(a_provider_speaks_for_one_tenant),
        cmocka_unit_test(what_is_no_token_is_malformed),
        cmocka_unit_test(each_byte_of_a_token_counts),
        cmocka_unit_test(a_configuration_is_checked),
        cmocka_unit_test(without_memory_nothing_is_accepted),
    };
    return cmocka_run_group_tests_name("auth", tests, make_signers, free_signers);
}
