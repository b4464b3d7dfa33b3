/*
 * What the settings say of whom a server is for: the host names of the default tenant, and who may
 * say who a user is. It may change while requests come: each sees all of it as it was or as it is.
 */
#ifndef HTTP_SITE_H
#define HTTP_SITE_H

#include "auth/provider.h"
#include "http/server.h"

#include <pthread.h>

struct tenant_settings;

/* Immutable. */
struct site_names {
    char **list; /* lower case */
    size_t count;
};

struct site {
    pthread_rwlock_t lock;
    struct site_names names;  /* guarded by the lock, as the next */
    struct auth_config *auth; /* of users; NULL: nobody signs in */
};

/* One without names and providers, for site_done(). */
void site_init(struct site *site);
void site_done(struct site *site);

/*
 * What these options say, in one that nobody else has; it may take the place of another. Errors:
 * those of auth_config_new(), CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *site_read(
    struct site *site, const struct http_server_options *options);

/* A copy of its host names, as run/tenant/tenant.h has them. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *site_copy_hosts(
    const struct site *site, struct tenant_settings **out_hosts);

/* Puts what `next` has in the place of what there is, which goes to `next`. Any thread. */
void site_swap(struct site *site, struct site *next);

/* Whether the default tenant answers to this Host header. Any thread. */
bool site_has_host(struct site *site, struct slice host);

/* The providers with a reference for the caller; NULL: there are none. Any thread. */
struct auth_config *site_auth(struct site *site);

#endif
