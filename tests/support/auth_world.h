/*
 * A world in which tokens are judged: signers whose keys a provider has, strangers whose keys are
 * in no set, and a configuration of three providers of the tenant `default`.
 */
#ifndef SUPPORT_AUTH_WORLD_H
#define SUPPORT_AUTH_WORLD_H

#include "auth/provider.h"
#include "support/tokens.h"

#define NOW 1800000000
#define TEXT_MAX ((size_t)1 << 20)

#define ISSUER "https://auth.example.org"
/* The claims of a token that is good at that time. */
#define GOOD "\"iss\":\"" ISSUER "\",\"sub\":\"ada\",\"aud\":\"app\",\"exp\":1800000100"

enum { KINDS = 3 };

/* One of each enum signer_kind; and the ids of both in their sets: "rsa", "ec" and "ed". */
extern EVP_PKEY *signers[KINDS];
extern EVP_PKEY *strangers[KINDS];
extern const char *const key_ids[KINDS];

/* Of a group of tests. */
int make_signers(void **state);
int free_signers(void **state);

/* Appends a set of the keys of some kinds: of each bit that is set. */
void write_set(EVP_PKEY *const keys[KINDS], unsigned kinds, struct buffer *out);

void write_file(const char *path, struct slice text);

/* Long enough that a file is looked at again. */
void nap(void);

/* Of providers whose keys are there; one takes one algorithm, unless that is NULL. */
struct auth_config *new_config(const char *path, const char *algorithm);

/* Of providers with the signers' keys of some kinds. */
struct auth_config *new_config_of(unsigned kinds, const char *algorithm);

/* `out_token`: NULL, or 256 bytes for whom an accepted one speaks of. */
enum auth_verdict judge_text(struct auth_config *config, struct slice token, char *out_token);

/* Of a token that one of these signs. */
enum auth_verdict judge(
    struct auth_config *config,
    EVP_PKEY *const by[KINDS],
    enum signer_kind kind,
    const char *header,
    const char *claims);

#endif
