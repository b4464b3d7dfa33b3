/*
 * What a server and the program cordon-fetch say to each other. Both are of one build, which the
 * first message proves, so messages are plain structs; one message is one packet of a
 * SOCK_SEQPACKET socket.
 *
 *   worker → server   hello, when it begins, also one that takes the place of another
 *   server → worker   a list: begin, each URL, end; again when it changes
 *   server → worker   now: a token names a key that a URL's set does not have
 *   worker → server   what came of each fetch
 *
 * Keys themselves are no part of it: the worker puts a set that it has read and found good into its
 * file, from which the server reads it (auth/source.h), so that the last good one also outlives
 * both.
 */
#ifndef AUTH_FETCH_PROTOCOL_H
#define AUTH_FETCH_PROTOCOL_H

#include "auth/key_url.h"
#include "base/spawn.h"

#include <stdint.h>

#define FETCH_MAGIC ((uint64_t)0x3168637465466443)

enum { FETCH_WORDS_BYTES = 768 };

enum fetch_order_kind {
    FETCH_BEGIN = 1,
    FETCH_URL,
    FETCH_END,
    FETCH_NOW,
};

struct fetch_order {
    uint32_t kind;                   /* enum fetch_order_kind */
    uint32_t refresh_ms;             /* of begin: how often each is fetched */
    char url[KEY_URL_BYTES_MAX + 1]; /* of url and now */
};

enum fetch_event_kind {
    FETCH_HELLO = 1, /* `words`: what of its confinement could not be applied */
    FETCH_CHANGED,   /* there are other keys than before */
    FETCH_SAME,
    FETCH_FAILED, /* `words`: why, and what to do */
};

struct fetch_event {
    uint64_t magic;
    uint32_t kind;     /* enum fetch_event_kind */
    uint32_t replaces; /* of hello: the worker before it died */
    uint32_t signal;   /* of hello: by that; 0: by itself */
    int32_t landlock;  /* of hello: its version, 0: not applied */
    char url[KEY_URL_BYTES_MAX + 1];
    char words[FETCH_WORDS_BYTES];
};

#endif
