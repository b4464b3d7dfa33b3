/*
 * The process that fetches key sets from URLs, as the server sees it: spawned once, before the
 * server gives up the right to start programs, told what to fetch, listened to, ended.
 *
 * It alone opens connections. One thread here waits for what it has to tell, and passes on twice a
 * second whether tokens asked for keys that are not there, so that a token costs the same whatever
 * it asks for.
 */
#ifndef AUTH_FETCHER_H
#define AUTH_FETCHER_H

#include "auth/fetch_protocol.h"
#include "auth/provider.h"

#define FETCH_REFRESH_MS_DEFAULT 600000
#define FETCH_REFRESH_MS_MIN 1000
#define FETCH_REFRESH_MS_MAX 86400000

struct fetcher_options {
    const char *path;   /* of cordon-fetch */
    const char *folder; /* where keys are kept; it is there */
    uint32_t refresh_ms;
    /* The providers as they are now, with a reference for us; may be NULL. Any thread. */
    struct auth_config *(*providers)(void *arg);
    /* Told what the worker says; NULL: it is gone for good, and words why. On our thread. */
    void (*tell)(void *arg, const struct fetch_event *event, const char *words);
    void *arg; /* outlives the fetcher */
};

struct fetcher;

/*
 * Spawns it, waits until it is there, tells it what to fetch, and starts the thread. Texts are
 * borrowed during the call. Errors: CORDON_E_SYSTEM naming the program and what to do.
 */
CORDON_MUST_USE cordon_error *fetcher_start(
    const struct fetcher_options *options, struct fetcher **out_fetcher);

/* Tells it what to fetch from now on, and how often. Any thread. */
void fetcher_change(struct fetcher *fetcher, uint32_t refresh_ms);

/* Ends thread and processes, in any state; a second at most. NULL accepted. */
void fetcher_end(struct fetcher *fetcher);

#endif
