/*
 * Admin keys. A key is `default|` and 64 hex digits of randomness; its file in `keys.d/` of the
 * data folder holds SHA-256 of the randomness and nothing that would help a thief. Whoever makes a
 * key puts the file there by rename, so a running server takes it at once; whoever removes the file
 * revokes the key.
 */
#ifndef HTTP_KEYS_H
#define HTTP_KEYS_H

#include "base/error.h"
#include "base/slice.h"

struct keys;

/* `folder` is the data folder, borrowed during the call; NULL: no key is ever accepted. */
CORDON_MUST_USE cordon_error *keys_new(const char *folder, struct keys **out_keys);
void keys_free(struct keys *keys);

/*
 * True if the header `Authorization: Convex <key>` carries a key that is accepted now. Looks at the
 * folder again when it has changed. Any thread.
 */
bool keys_accept(struct keys *keys, struct slice authorization);

/* Makes a key; the text is malloc'ed, NUL-terminated, the caller's. */
CORDON_MUST_USE cordon_error *keys_make(const char *folder, char **out_key);

#endif
