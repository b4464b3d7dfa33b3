/* A token that comes again is known; one that only looks like it, or no longer holds, is not. */
#include "auth/memo.h"

#include "base/account.h"
#include "support/auth_world.h"

#include <unistd.h>

/* What asks: a memo, the token of somebody, and a configuration that accepts it. */
struct asking {
    struct account account;
    struct auth_memo memo;
    struct buffer token;
    struct auth_config *config;
};

static void sign(struct buffer *token, const char *claims)
{
    buffer_clear(token);
    signer_token(signers[SIGNER_ED], SIGNER_ED, "{\"alg\":\"EdDSA\"}", claims, token);
}

static int begin(void **state)
{
    struct asking *asking = test_calloc(1, sizeof *asking);
    account_init(&asking->account, UINT64_MAX, NULL);
    auth_memo_init(&asking->memo, &asking->account);
    buffer_init(&asking->token, TEXT_MAX);
    sign(&asking->token, "{" GOOD "}");
    asking->config = new_config_of(7, NULL);
    *state = asking;
    return 0;
}

static int end(void **state)
{
    struct asking *asking = *state;
    auth_memo_done(&asking->memo);
    assert_int_equal(asking->account.held, 0);
    buffer_done(&asking->token);
    auth_config_unref(asking->config);
    test_free(asking);
    return 0;
}

static enum auth_verdict ask_as(
    struct asking *asking, const char *tenant, struct slice token, double now_s)
{
    struct identity identity = {0};
    const enum auth_verdict verdict =
        auth_memo_judge(&asking->memo, asking->config, slice_str(tenant), token, now_s, &identity);
    assert_int_equal(verdict == AUTH_ACCEPTED, identity.token.size > 0);
    if (verdict == AUTH_ACCEPTED) {
        assert_true(slice_equal(identity.token, SLICE(ISSUER "|ada")));
        assert_true(slice_starts_with(identity.json, SLICE("{")));
    }
    return verdict;
}

static enum auth_verdict ask(struct asking *asking)
{
    return ask_as(asking, "default", buffer_slice(&asking->token), NOW);
}

/* Enough of others that the configuration itself has forgotten this one. */
static void accept_others(struct asking *asking)
{
    CORDON_CLEANUP_BUFFER struct buffer token;
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&token, TEXT_MAX);
    buffer_init(&text, IDENTITY_BYTES_MAX);
    for (int i = 0; i < 16 * AUTH_ACCEPTED_MAX; i++) {
        struct auth_acceptance accepted = {0};
        char claims[256];
        (void)snprintf(claims, sizeof claims, "{" GOOD ",\"jti\":\"%d\"}", i);
        sign(&token, claims);
        buffer_clear(&text);
        assert_int_equal(
            auth_config_judge(
                asking->config, SLICE("default"), buffer_slice(&token), NOW, &text, &accepted),
            AUTH_ACCEPTED);
    }
}

static void one_that_comes_again_is_known(void **state)
{
    struct asking *asking = *state;
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    accept_others(asking);
    const uint64_t verified = auth_config_verifications(asking->config);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask(asking), AUTH_ACCEPTED);
    }
    assert_int_equal(auth_config_verifications(asking->config), verified);
    /* Its twin: who has forgotten it has it verified again. */
    auth_memo_trim(&asking->memo, asking->memo.text.capacity);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    assert_int_equal(auth_config_verifications(asking->config), verified);
    auth_memo_trim(&asking->memo, asking->memo.text.capacity - 1);
    assert_int_equal(asking->account.held, 0);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    assert_int_equal(auth_config_verifications(asking->config), verified + 1);
}

/* In whichever place it differs: the token of somebody else that is as long, too. */
static void one_that_looks_like_it_is_not(void **state)
{
    struct asking *asking = *state;
    for (size_t i = 0; i < asking->token.size; i++) {
        assert_int_equal(ask(asking), AUTH_ACCEPTED);
        const uint8_t right = asking->token.data[i];
        asking->token.data[i] = right == 'A' ? 'B' : 'A';
        assert_int_not_equal(ask(asking), AUTH_ACCEPTED);
        asking->token.data[i] = right;
    }
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    const struct slice token = buffer_slice(&asking->token);
    assert_int_not_equal(
        ask_as(asking, "default", slice_of(token.data, token.size - 1), NOW), AUTH_ACCEPTED);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
}

static void another_tenant_does_not_know_it(void **state)
{
    static const char *const others[] = {"acme", "defaulu", "Default", "defaul", "default2", ""};
    struct asking *asking = *state;
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(ask(asking), AUTH_ACCEPTED);
        const struct slice token = buffer_slice(&asking->token);
        assert_int_equal(ask_as(asking, others[i], token, NOW), AUTH_NO_PROVIDER);
    }
}

static void one_that_has_expired_does_not_hold(void **state)
{
    struct asking *asking = *state;
    const struct slice token = buffer_slice(&asking->token);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    assert_int_equal(ask_as(asking, "default", token, NOW + 159), AUTH_ACCEPTED);
    assert_int_equal(ask_as(asking, "default", token, NOW + 160), AUTH_REJECTED);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
}

/* One with the settings that a server has read anew, be it in the place of the old one. */
static void another_configuration_does_not_know_it(void **state)
{
    struct asking *asking = *state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(asking), AUTH_ACCEPTED);
        auth_config_unref(asking->config);
        asking->config = new_config_of(7, "RS256");
        assert_int_equal(ask(asking), AUTH_REJECTED);
        auth_config_unref(asking->config);
        asking->config = new_config_of(7, NULL);
    }
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    struct auth_config *config = asking->config;
    asking->config = NULL; /* no providers any more */
    assert_int_equal(ask(asking), AUTH_NO_PROVIDER);
    asking->config = config;
}

static void keys_that_are_gone_do_not_hold_it(void **state)
{
    struct asking *asking = *state;
    char path[] = "/tmp/cordon-keys-XXXXXX";
    CORDON_CLEANUP_BUFFER struct buffer old;
    CORDON_CLEANUP_BUFFER struct buffer new;
    buffer_init(&old, TEXT_MAX);
    buffer_init(&new, TEXT_MAX);
    write_set(signers, 4, &old);
    write_set(strangers, 4, &new);
    (void)close(mkstemp(path));
    write_file(path, buffer_slice(&old));
    auth_config_unref(asking->config);
    asking->config = new_config(path, NULL);
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    write_file(path, buffer_slice(&new));
    nap();
    assert_int_equal(ask(asking), AUTH_REJECTED);
    write_file(path, buffer_slice(&old));
    nap();
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
    (void)unlink(path);
    nap();
    assert_int_equal(ask(asking), AUTH_REJECTED);
}

static void without_memory_nobody_is_seen(void **state)
{
    struct asking *asking = *state;
    asking->account.held_max = 100;
    assert_int_equal(ask(asking), AUTH_UNSEEN);
    asking->account.held_max = UINT64_MAX;
    assert_int_equal(ask(asking), AUTH_ACCEPTED);
}

static void one_that_is_too_long_is_not_kept(void **state)
{
    struct asking *asking = *state;
    CORDON_CLEANUP_BUFFER struct buffer long_one;
    buffer_init(&long_one, TEXT_MAX);
    expect_ok(buffer_reserve(&long_one, AUTH_TOKEN_BYTES_MAX + 1));
    memset(long_one.data, 'A', AUTH_TOKEN_BYTES_MAX + 1);
    long_one.size = AUTH_TOKEN_BYTES_MAX;
    assert_int_equal(ask_as(asking, "default", buffer_slice(&long_one), NOW), AUTH_MALFORMED);
    assert_true(asking->memo.text.size > AUTH_TOKEN_BYTES_MAX);
    long_one.size++;
    assert_int_equal(ask_as(asking, "default", buffer_slice(&long_one), NOW), AUTH_MALFORMED);
    assert_int_equal(asking->memo.text.size, 0);
}

/* The room that a token's own text leaves in the memo is none of an identity's. */
static void an_identity_has_its_bounds_here_too(void **state)
{
    struct asking *asking = *state;
    CORDON_CLEANUP_BUFFER struct buffer claims;
    buffer_init(&claims, TEXT_MAX);
    for (int members = 64; members <= 68; members += 4) {
        buffer_clear(&claims);
        expect_ok(buffer_printf(&claims, "{" GOOD ",\"%01000d\":{", 0));
        for (int i = 0; i < members; i++) {
            expect_ok(buffer_printf(&claims, "%s\"%02d\":%d", i == 0 ? "" : ",", i, i));
        }
        expect_ok(buffer_append(&claims, SLICE("}}\0")));
        sign(&asking->token, (const char *)claims.data);
        assert_int_equal(ask(asking), members == 64 ? AUTH_ACCEPTED : AUTH_REJECTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_comes_again_is_known, begin, end),
        cmocka_unit_test_setup_teardown(one_that_looks_like_it_is_not, begin, end),
        cmocka_unit_test_setup_teardown(another_tenant_does_not_know_it, begin, end),
        cmocka_unit_test_setup_teardown(one_that_has_expired_does_not_hold, begin, end),
        cmocka_unit_test_setup_teardown(another_configuration_does_not_know_it, begin, end),
        cmocka_unit_test_setup_teardown(keys_that_are_gone_do_not_hold_it, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_nobody_is_seen, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_too_long_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(an_identity_has_its_bounds_here_too, begin, end),
    };
    return cmocka_run_group_tests_name("auth/memo", tests, make_signers, free_signers);
}
