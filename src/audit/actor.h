/*
 * Who has done what an audit record speaks of: the holder of a key, by the key's id and never by
 * the key; a user at a Unix socket, as the kernel says; or whoever has the data folder, by the
 * command line or the library.
 */
#ifndef AUDIT_ACTOR_H
#define AUDIT_ACTOR_H

#include "base/buffer.h"

struct json_node;

/* With a NUL each: the words, the id of a key (http/key_file.h), the id of a request. */
#define AUDIT_BY_BYTES 64
#define AUDIT_KEY_BYTES 17
#define AUDIT_REQUEST_BYTES 65

struct audit_actor {
    char by[AUDIT_BY_BYTES];              /* "": nobody, the server itself */
    char key[AUDIT_KEY_BYTES];            /* "": it was none */
    char request_id[AUDIT_REQUEST_BYTES]; /* that the request came with; "": it had none */
};

/* A user of this machine with these rights, such as "with the data folder". */
struct audit_actor audit_actor_user(uint32_t uid, const char *rights);

/* The user of this process, who has the data folder. Any thread. */
struct audit_actor audit_actor_local(void);

/* Reads what was written so; false for members of another kind, or too long. */
CORDON_MUST_USE bool audit_actor_read(
    const struct json_node *object, struct audit_actor *out_actor);

/*
 * Appends the members `by`, `by_key` and `request_id`, each where there is one, behind others of an
 * object that is begun. NULL appends nothing. Errors: those of buffer_append().
 */
CORDON_MUST_USE cordon_error *audit_actor_write(
    struct buffer *out, const struct audit_actor *actor);

/* The same, and the end of the object. */
CORDON_MUST_USE cordon_error *audit_actor_end(struct buffer *out, const struct audit_actor *actor);

#endif
