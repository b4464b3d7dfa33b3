/*
 * Data folders from outside: verifying one, taking a backup of it, and making one of a backup, each
 * of them while a server may be using the folder, and without its help.
 *
 * Each call works in a child process: what may be damaged is never read in yours, whose memory,
 * signals and locks stay as they are. The calls block; they may be made from any thread.
 */
#ifndef CORDON_BACKUP_H
#define CORDON_BACKUP_H

#include <cordon/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How far a call is: `phase` is a word such as "checking"; `total` is 0 where it is not known. Only
 * for showing it. Called on the thread that made the call.
 */
typedef struct cordon_progress {
    void (*tell)(void *arg, const char *phase, uint64_t done, uint64_t total);
    void *arg;
} cordon_progress;

/*
 * Reads everything that the folder's store holds and says what is wrong with it. `*out_sound` is
 * true if nothing is. `*out_report` is JSON: "sound", "damages" (how many), "damage" (the first
 * thousand, each with "file", "offset", "key" in hex, "row" and "message"), what was gone over
 * ("pages", "freePages", "lostPages", "rows", "documents", "indexEntries", "tables",
 * "auditRecords", "logRecords", "logRows"), "logUnfinished" (records at the log's end that are not
 * whole, which the next opening leaves out), and "agreement": whether rows were held against each
 * other, which damage to pages or rows prevents. The caller's; free it with cordon_free().
 * `progress` may be NULL. Errors: CORDON_E_NOT_FOUND for a folder without a store;
 * CORDON_E_SYSTEM; CORDON_E_STORE if the child process was ended by the damage.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_folder_verify(
    const char *data_folder, const cordon_progress *progress, bool *out_sound, char **out_report);

/* Options, with `size` = sizeof the struct as the caller was compiled. */
typedef struct cordon_backup_options {
    size_t size;             /* sizeof the struct */
    const char *data_folder; /* of a server that runs, or of none */
    const char *file;        /* where to; or a folder that is there, in which it is named by time */
    bool replace;            /* a file that is there is replaced; else it is an error */
    cordon_progress progress;
} cordon_backup_options;

/*
 * Writes a backup into one file of mode 0600: the store as it was after one commit, with everything
 * that was acknowledged before the call. The file has its name only when it is whole and on the
 * disk. `*out_report` is JSON: "file", "bytes", "format", "begun" and "lastCommit" (nanoseconds
 * since 1970, as texts). It holds all data, and is as secret; admin keys and records of runs are
 * not in it. Errors: CORDON_E_STORE for a damaged folder, CORDON_E_INVALID for a file that is
 * there, CORDON_E_DISK_FULL, CORDON_E_NOT_FOUND, CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_folder_backup(
    const cordon_backup_options *options, char **out_report);

/*
 * Makes a data folder of a backup, after its checksums and every row of it were found sound. The
 * folder must not be there, or be empty; it is made whole or not at all. `*out_report` as above,
 * with "folder". Errors: CORDON_E_STORE for a backup that is damaged or of a newer version,
 * CORDON_E_INVALID for a folder that holds something, CORDON_E_NOT_FOUND, CORDON_E_DISK_FULL,
 * CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_folder_restore(
    const char *data_folder, const char *file, const cordon_progress *progress, char **out_report);

#ifdef __cplusplus
}
#endif

#endif
