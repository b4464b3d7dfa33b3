/*
 * URLs of key sets: which are taken, and where the keys of each are kept. A provider's key set says
 * who its users are, so it is fetched by https:// alone; what never leaves this machine, as from a
 * program beside, may be http://.
 */
#ifndef AUTH_KEY_URL_H
#define AUTH_KEY_URL_H

#include "base/buffer.h"

#include <stdbool.h>

#define KEY_URL_BYTES_MAX 1024

/* Whether this is meant as a URL, and not as the path of a file. */
bool key_url_is(const char *place);

/* Whether it begins with https://, in whatever case. */
bool key_url_is_secure(const char *url);

/*
 * Errors: CORDON_E_INVALID with what to write instead, for http:// to another host than loopback,
 * for a name and password in it, a host that is missing, blanks, a fragment, or too many bytes.
 */
CORDON_MUST_USE cordon_error *key_url_check(const char *url);

/* Appends the path of the file in that folder that keeps its keys, and a NUL. */
CORDON_MUST_USE cordon_error *key_url_path(const char *folder, const char *url, struct buffer *out);

#endif
