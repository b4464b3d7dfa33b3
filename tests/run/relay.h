/*
 * The guest `relay`: host calls whose arguments a test writes. Each is recorded and replayed too.
 */
#ifndef RUN_RELAY_H
#define RUN_RELAY_H

#include "run/harness.h"

#define RELAY_JSON_BYTES 8192
#define RELAY_ANSWER_BYTES 65536

/* The arguments of `relay`: what a host call is to be given, as a text. Returns `out`. */
const char *relay_quote(const char *args, char out[RELAY_JSON_BYTES]);

/* Replays a run that is done and was recorded; stops the test, with `words`, if that differs. */
void relay_assert_replays(struct harness *harness, const struct called *called, const char *words);

/*
 * The value of a call, in `out`; a run that does not succeed gives its message. Stops the test if a
 * replay of it differs.
 */
const char *relay_ask(
    struct harness *harness, const char *path, const char *args, char out[RELAY_ANSWER_BYTES]);

#endif
