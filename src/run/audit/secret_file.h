/*
 * The secret that signs the next checkpoint of a tenant's audit log, kept in `TENANT.secret` of a
 * folder, mode 0600. It is replaced whole, and what it was is overwritten and synced before its
 * name goes, as far as the file system lets us. For one thread at a time.
 */
#ifndef RUN_SECRET_FILE_H
#define RUN_SECRET_FILE_H

#include "audit/checkpoint.h"

struct secret_file {
    int folder;
    uint32_t tenant;
    struct audit_secret secret;
    uint64_t covered; /* the last record that a checkpoint speaks of */
    bool is_new;      /* there is no secret yet: its owner makes one up and keeps it */
    bool is_kept;     /* the file has this secret */
};

/*
 * Makes the folder if it is not there, overwrites a draft that a kill has left, reads the secret.
 * To be closed in any case. Errors: CORDON_E_SYSTEM; CORDON_E_STORE for a secret that is damaged.
 */
CORDON_MUST_USE cordon_error *secret_file_open(
    const char *folder, uint32_t tenant, struct secret_file *file);

/*
 * Opens the folder anew, and makes it if it is not there, where the one that is open is no more
 * what has its name. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *secret_file_find_folder(struct secret_file *file, const char *folder);

/*
 * Only reads up to which record the secret in that folder has signed, and what its key is; 0 if
 * there is none, or none that this process may read. Errors: CORDON_E_STORE for one that is
 * damaged, CORDON_E_SYSTEM if the library fails.
 */
CORDON_MUST_USE cordon_error *secret_file_covered(
    const char *folder, uint32_t tenant, uint64_t *out_covered, uint8_t out_key[SIGN_PUBLIC_BYTES]);

/*
 * Overwrites and removes all drafts in that folder, of whatever tenant, that a kill has left. While
 * nobody has a secret of it open.
 */
void secret_file_erase_drafts(const char *folder);

/*
 * Whether a checkpoint that is record `last` of the log may be signed by the very secret that lies
 * in that folder, as somebody was killed before it was replaced: it does not say that it has signed
 * the record before. So it may be where records came between the two, too; and one that is damaged
 * is no other. False: it has not, or there is none.
 */
bool secret_file_may_have_signed(const char *folder, uint32_t tenant, uint64_t last);

/* Replaces the file by what `secret` and `covered` are now. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *secret_file_keep(struct secret_file *file);

/* Closes the folder and erases the secret from memory. */
void secret_file_close(struct secret_file *file);

#endif
