/*
 * The files of keys, in `keys.d/` of a data folder: what each says, and making, finding and
 * removing them, whether a server uses the folder or not.
 *
 * A key is a name, `|` and 64 hex digits of randomness. Its file is of mode 0600 and holds SHA-256
 * of the randomness, and nothing that would help a thief:
 *
 *     cordon admin key 2 sha256 <64 hex digits>          cordon operator key 2 sha256 <…>
 *     tenant <name>                                      made <ms since 1970>
 *     made <ms since 1970>
 *
 * `cordon admin key 1 sha256 <…>` alone is one of the default tenant, as earlier versions made
 * them.
 */
#ifndef HTTP_KEY_FILE_H
#define HTTP_KEY_FILE_H

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"
#include "run/tenant/tenant_name.h"

#include <limits.h>

#define KEY_SECRET_BYTES 32
/* Those that are looked at: two of each tenant that there may be. */
#define KEY_FILES_MAX 20000

enum key_kind {
    KEY_ADMIN,    /* of one tenant */
    KEY_OPERATOR, /* of the server */
};

/* What a file says. */
struct key_file {
    enum key_kind kind;
    uint8_t hash[SHA256_BYTES];
    char tenant[TENANT_NAME_BYTES_MAX + 1]; /* "" for the operator's */
    uint64_t made_ms;
    char name[NAME_MAX + 1]; /* of the file */
};

/* What a key is called in lists and logs: the first digits of its hash. */
#define KEY_ID_BYTES 8
struct key_id {
    char text[2 * KEY_ID_BYTES + 1];
};
struct key_id key_file_id(const struct key_file *file);

/* "admin" or "operator". */
const char *key_kind_name(enum key_kind kind);

enum key_state {
    KEY_GOOD,
    KEY_EXPOSED, /* others may have read or changed it, or put it there */
    KEY_NONE,    /* no file of a key */
    KEY_UNSEEN,  /* the machine did not let us look */
};

/* Reads a file of an open folder; `*out_file` is written if it is good or exposed. */
enum key_state key_file_read(int folder, const char *name, struct key_file *out_file);

/* What opening or reading failed for says of a file. */
enum key_state key_state_of_failure(int code);

/* Ours, and with none of these rights for others. */
struct stat;
bool key_file_is_ours(const struct stat *status, unsigned closed_to_others);

/*
 * Tells of each file of a key in the folder, which is open; stops when `visit` says false. False:
 * it did, or not all could be seen.
 */
bool key_files_each(
    const char *folder,
    bool (*visit)(void *arg, const struct key_file *file, enum key_state state),
    void *arg);

/*
 * Makes a key, and the folder where that is not there. `tenant` is NULL for the operator's. The
 * text of the key is the caller's. Errors: CORDON_E_SYSTEM; CORDON_E_INVALID for a tenant's name
 * that is none.
 */
CORDON_MUST_USE cordon_error *key_file_make(
    const char *data_folder, enum key_kind kind, const char *tenant, char **out_key);

/*
 * Removes the keys with that id, or, where it is NULL, all of that tenant; says how many. Errors:
 * CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *key_files_revoke(
    const char *data_folder, const char *id, const char *tenant, size_t *out_count);

/* The path of `keys.d` in a data folder; the caller's. */
CORDON_MUST_USE cordon_error *key_folder_path(const char *data_folder, char **out_path);

#endif
