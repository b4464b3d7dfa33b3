/*
 * The parts of cordon-fetch: a supervisor, which lives as long as the server that spawned it, and
 * the worker that it forks, and again when that has died. The worker alone reads what comes from
 * outside, and gives up before that whatever else it could do.
 *
 *   server ── socket ──► supervisor ── fork ──► worker ── https ──► providers
 *                                                  └── data folder, jwks.d
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "auth/fetch_protocol.h"
#include "base/slice.h"

/* What became of the worker before. */
struct worker_end {
    bool is_death;
    uint32_t signal; /* 0: it ended by itself */
};

/* Keeps a worker until the server is gone. Returns the exit code. */
int supervise(const char *folder);

/* The worker: returns when the server is gone. */
void fetch_work(const char *folder, const struct worker_end *before);

/*
 * Has this process keep the calls, files and connections that fetching takes. `*out_landlock` is
 * Landlock's version, 0 if it could not be applied; `words` says what could not, or is "".
 */
void fetch_confine(const char *folder, int32_t *out_landlock, char words[FETCH_WORDS_BYTES]);

/*
 * Reads a text as a key set and, if it is a good one, puts it into the file of that URL, whole or
 * not at all. `*out_changed` is false if the file has these very bytes. Errors: those of
 * auth_keys_parse(), CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *fetch_save(
    const char *folder, const char *url, struct slice text, bool *out_changed);

#endif
