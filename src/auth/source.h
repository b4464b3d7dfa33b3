/*
 * Where the keys of a provider come from: a file that is read again when it changes, or a text that
 * stands in the configuration. Whoever can write that file can be every user; so it belongs to this
 * user or to root, and nobody else may write to it. Keys of a URL are read from the file that
 * cordon-fetch keeps them in, and are none until it is there.
 */
#ifndef AUTH_SOURCE_H
#define AUTH_SOURCE_H

#include "auth/keys.h"
#include "auth/provider.h"

struct auth_source;

/*
 * `place` is a path, `data:…;base64,` with a key set behind it, or a URL, whose keys are kept in
 * `url_folder`; NULL: it must be none. Errors: as auth_keys_parse() and key_url_check(),
 * CORDON_E_SYSTEM for a file that can't be read or that others may write to; of a URL the teller is
 * told instead.
 */
CORDON_MUST_USE cordon_error *auth_source_new(
    const char *place,
    const char *url_folder,
    struct auth_teller teller,
    struct auth_source **out_source);

/* NULL accepted. */
void auth_source_free(struct auth_source *source);

/* NULL if they stand in the configuration. */
const char *auth_source_path(const struct auth_source *source);

/* NULL if they come from none. */
const char *auth_source_url(const struct auth_source *source);

/* Leaves the wish that its keys be fetched now, if there is one; as long for either. Any thread. */
void auth_source_wish(struct auth_source *source, bool is_wished);

/* Whether there was a wish since the last time; false for what comes from no URL. Any thread. */
bool auth_source_take_wish(struct auth_source *source);

/*
 * The keys as they are now, with a reference for the caller; NULL: there are none. `*out_reading`
 * is another number for other keys. Any thread.
 */
struct auth_keys *auth_source_keys(struct auth_source *source, uint64_t *out_reading);

#endif
