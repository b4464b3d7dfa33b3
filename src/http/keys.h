/*
 * The keys that a server accepts: those of admins, each for one tenant, and those of the operator.
 * They are files in `keys.d/` of the data folder (http/key_file.h). Whoever makes a key puts the
 * file there by rename, so a running server takes it at once; whoever removes the file revokes the
 * key. A file that others could have put there or changed is none: it and the folder belong to the
 * server's user, and nobody else may write to them, or read the file. That is held at each use of a
 * key, and told in the log when it is not so.
 */
#ifndef HTTP_KEYS_H
#define HTTP_KEYS_H

#include "base/error.h"
#include "base/slice.h"
#include "http/key_file.h"

struct keys;
struct log;

/*
 * `folder` is the data folder, borrowed during the call; NULL: no key is ever accepted. `log`
 * outlives the keys; NULL: nothing is told.
 */
CORDON_MUST_USE cordon_error *keys_new(const char *folder, struct log *log, struct keys **out_keys);
void keys_free(struct keys *keys);

enum keys_verdict {
    KEYS_REFUSED, /* no key, or one that is not accepted */
    KEYS_ACCEPTED,
    KEYS_UNSEEN, /* the machine did not let us look now: no memory, too many open files */
};

/*
 * Whether the header `Authorization: Convex <key>` carries an admin key of that tenant that is
 * accepted now, and which one, by its id; that of one that is not accepted is empty. Looks at the
 * folder again when it has changed, and at the file of the key. Any thread.
 */
enum keys_verdict keys_judge(
    struct keys *keys, struct slice tenant, struct slice authorization, struct key_id *out_id);

/* The same for the operator's, which may stand behind `Bearer`, too. */
enum keys_verdict keys_judge_operator(
    struct keys *keys, struct slice authorization, struct key_id *out_id);

/*
 * What stands behind the key in such a header after a `:`, the identity that its holder acts as;
 * data NULL: nothing.
 */
struct slice keys_acting(struct slice authorization);

/*
 * Looks whether keys came or went since the last time, and has each told to `note` as the body of
 * an audit record; the first time all that there are in one. Who can write to the folder is this
 * process's user, who is said to have done it. Any thread.
 */
void keys_watch(struct keys *keys, void (*note)(void *arg, struct slice body), void *arg);

/*
 * Revokes all keys of a tenant, for `actor`, and has each that is gone told with that actor: nobody
 * watches in between, who would take it for somebody else's doing. `note` NULL: nobody is told.
 * Any thread. Errors: those of key_files_revoke(), after
 * which those that are gone are told all the same.
 */
struct audit_actor;
CORDON_MUST_USE cordon_error *keys_revoke(
    struct keys *keys,
    const char *data_folder,
    const char *tenant,
    const struct audit_actor *actor,
    void (*note)(void *arg, struct slice body),
    void *arg);

#endif
