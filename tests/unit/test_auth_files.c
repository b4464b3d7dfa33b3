/* Keys that change: their files, those that URLs fill, and threads that judge meanwhile. */
#include "auth/key_url.h"
#include "base/memory.h"
#include "support/auth_world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

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
        struct auth_acceptance accepted = {0};
        const enum auth_verdict verdict = auth_config_judge(
            asking->config, SLICE("default"), asking->tokens[i % 2], NOW, &text, &accepted);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_rotated),
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(keys_of_a_url_are_read_from_their_file),
        cmocka_unit_test(keys_change_while_tokens_are_judged),
    };
    return cmocka_run_group_tests_name("auth_files", tests, make_signers, free_signers);
}
