/*
 * A backup: one file that holds a store as it was after one commit. It is a head of a page, the
 * records of the log that the data file did not have, each from the start of a page as in the log,
 * and a data file. docs/layout.md has the bytes.
 */
#ifndef UPKEEP_BACKUP_H
#define UPKEEP_BACKUP_H

#include "upkeep/verify.h"

/* The log begins behind it, and the data file behind the log. */
enum { BACKUP_HEAD_BYTES = 4096 };

struct backup_info {
    uint32_t format; /* of the layout */
    uint8_t cluster_id[16];
    uint64_t begun_ns; /* wall clock; all that was answered before is in it */
    uint64_t last_ts;  /* of the newest commit in it */
    uint64_t log_bytes;
    uint64_t data_bytes;
    uint64_t bytes; /* of the whole file */
};

/* Who is told how far it is; `phase` is static. */
struct backup_progress {
    void (*tell)(void *arg, const char *phase, uint64_t done, uint64_t total);
    void *arg;
};

/*
 * Writes a backup of the folder into the empty file `fd` and syncs it. A server may be writing to
 * the folder. Must be the business of a process that has not got the folder open. Errors:
 * CORDON_E_STORE for a folder that is damaged: of such none is made; CORDON_E_DISK_FULL,
 * CORDON_E_SYSTEM, CORDON_E_NOT_FOUND.
 */
CORDON_MUST_USE cordon_error *backup_write(
    const char *folder,
    int fd,
    const struct backup_progress *progress,
    struct backup_info *out_info);

/*
 * Reads the head and checks the sums over all of the file. Errors: CORDON_E_STORE for a file that
 * is none, is damaged or of another version; CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *backup_read(
    int fd, const struct backup_progress *progress, struct backup_info *out_info);

/*
 * Makes the data folder of a backup that backup_read() took. The folder must not be there, or be
 * empty; it is made beside it, verified, and renamed, so that it is there whole or not at all.
 * Errors: CORDON_E_INVALID for a folder that is there; as backup_read(); CORDON_E_DISK_FULL.
 */
CORDON_MUST_USE cordon_error *backup_restore(
    int fd,
    const struct backup_info *info,
    const char *folder,
    const struct backup_progress *progress);

#endif
