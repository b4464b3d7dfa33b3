/*
 * Who may say who a user is: the providers of each tenant, in the shape of Convex's auth.config.
 * One that speaks for a tenant is nobody to the others.
 *
 * A token's `iss` and `aud`, which are not yet believed, choose the provider, the first that fits;
 * its keys verify the signature by the token's algorithm, which must be one of three, the one that
 * the key is for, and the provider's if it names one. Whatever is wrong with a token that has a
 * provider, the answer is the same and takes the same work: exactly one signature is verified, by a
 * key that is not meant where none is. Only a good token that was verified lately is not verified
 * again (auth/accepted.h, auth/memo.h).
 *
 * Keys are read from a file again when it changes. One that cannot be read, or holds no keys,
 * leaves those that there were, as it may be half written; one that is gone leaves none. Keys of a
 * URL are in such a file too, which another process writes (auth/fetcher.h); a token that names a
 * key that they lack leaves the wish that they be fetched.
 */
#ifndef AUTH_PROVIDER_H
#define AUTH_PROVIDER_H

#include "auth/accepted.h"

#define AUTH_PROVIDERS_MAX 64
#define AUTH_SKEW_S_DEFAULT 60
#define AUTH_SKEW_S_MAX 600

/* Texts are borrowed while a configuration is made of it. */
struct auth_provider {
    const char *issuer;         /* `iss`; https:// and a slash at the end may be missing */
    const char *application_id; /* of `aud`; NULL: for whichever application */
    const char *algorithm;      /* the only one; NULL: all that there are */
    const char *jwks;           /* path or URL of a key set, or `data:` with one in base64 */
    const char *url_folder;     /* where keys of a URL are kept; NULL: it must be no URL */
    const char *tenant;         /* whose users it speaks for */
};

/* Told about a key file that can't be used any more; `words` are for the operator. Any thread. */
struct auth_teller {
    void (*tell)(void *arg, const char *path, const char *words);
    void *arg;
};

/* Immutable but for the keys, and counted. */
struct auth_config;

/*
 * Reads every key file. The caller has the one reference; the teller's argument outlives it.
 * Errors: CORDON_E_INVALID naming the provider and what it needs, CORDON_E_SYSTEM for a file that
 * can't be read, CORDON_E_NO_MEMORY. Of a URL the keys may be missing yet.
 */
CORDON_MUST_USE cordon_error *auth_config_new(
    const struct auth_provider *providers,
    size_t count,
    uint32_t skew_s,
    struct auth_teller teller,
    struct auth_config **out_config);

/* The same with one more reference; NULL for NULL, which has no providers. Any thread. */
struct auth_config *auth_config_ref(struct auth_config *config);

/* Frees it with the last reference. NULL accepted. Any thread. */
void auth_config_unref(struct auth_config *config);

/* How many there are, and the file of the keys of each; NULL: they stand in its settings. */
size_t auth_config_count(const struct auth_config *config);
const char *auth_config_key_file(const struct auth_config *config, size_t provider);

/* The URL that the keys of each come from; NULL: from none. */
const char *auth_config_url(const struct auth_config *config, size_t provider);

/* Whether its keys should be fetched now, which is then no longer wished. Any thread. */
bool auth_config_take_wish(struct auth_config *config, size_t provider);

enum auth_verdict {
    AUTH_ACCEPTED,
    AUTH_MALFORMED,   /* it is no token */
    AUTH_NO_PROVIDER, /* nobody here speaks for its issuer and application */
    AUTH_REJECTED,    /* why is not told */
    AUTH_UNSEEN,      /* there is no memory to look */
};

/*
 * Whom a token speaks of, to that tenant and at that time. Appends to `out_text`, which outlives
 * the identity; neither is written unless it is accepted. `config` may be NULL. Any thread.
 */
enum auth_verdict auth_config_judge(
    struct auth_config *config,
    struct slice tenant,
    struct slice token,
    double now_s,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance);

/* Whether one that this very configuration has accepted still is. Any thread. */
bool auth_config_holds(
    const struct auth_config *config, const struct auth_acceptance *acceptance, double now_s);

/* Which one it is: no other has this number, also once this one is gone. */
uint64_t auth_config_number(const struct auth_config *config);

/* How many signatures were verified so far. */
uint64_t auth_config_verifications(const struct auth_config *config);

#endif
