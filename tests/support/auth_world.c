/* Signers and providers; see auth_world.h. */
#include "support/auth_world.h"

#include "auth/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

EVP_PKEY *signers[KINDS];
EVP_PKEY *strangers[KINDS];
const char *const key_ids[KINDS] = {"rsa", "ec", "ed"};

int make_signers(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        signers[i] = signer_new((enum signer_kind)i);
        strangers[i] = signer_new((enum signer_kind)i);
    }
    return 0;
}

int free_signers(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        EVP_PKEY_free(signers[i]);
        EVP_PKEY_free(strangers[i]);
    }
    return 0;
}

/* A set of the keys of some kinds. */
void write_set(EVP_PKEY *const keys[KINDS], unsigned kinds, struct buffer *out)
{
    char more[64];
    expect_ok(buffer_append(out, SLICE("{\"keys\":[")));
    for (int i = 0; i < KINDS; i++) {
        if ((kinds & 1u << i) != 0) {
            (void)snprintf(more, sizeof more, ",\"kid\":\"%s\",\"use\":\"sig\"", key_ids[i]);
            expect_ok(json_write_comma(out));
            signer_write(keys[i], (enum signer_kind)i, more, out);
        }
    }
    expect_ok(buffer_append(out, SLICE("]}")));
}

void write_file(const char *path, struct slice text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.data, text.size), (ssize_t)text.size);
    (void)close(fd);
}

void nap(void)
{
    (void)usleep(120000); /* a file is looked at ten times a second at most */
}

struct auth_config *new_config(const char *path, const char *algorithm)
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

struct auth_config *new_config_of(unsigned kinds, const char *algorithm)
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

enum auth_verdict judge_text(struct auth_config *config, struct slice token, char *out_token)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, IDENTITY_BYTES_MAX);
    struct auth_acceptance accepted = {0};
    const enum auth_verdict verdict =
        auth_config_judge(config, SLICE("default"), token, NOW, &text, &accepted);
    assert_int_equal(verdict == AUTH_ACCEPTED, accepted.identity.token.size > 0);
    assert_int_equal(verdict == AUTH_ACCEPTED, text.size > 0);
    if (out_token != NULL) {
        (void)snprintf(out_token, 256, "%.*s", SLICE_FMT(accepted.identity.token));
    }
    return verdict;
}

enum auth_verdict judge(
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
