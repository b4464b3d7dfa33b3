/*
 * A disk that fails, for tests: what the program and LMDB do with the files of one folder passes
 * through here on its way to the kernel.
 *
 * This is a shared library that stands before the C library, and its functions have the names of
 * the C library's (write, pwritev, fdatasync ...). Until it is armed it passes everything on. A
 * library in LD_PRELOAD stands before it in turn: with one that makes syncs do nothing, no sync
 * arrives here, and nothing is ever safe on this disk.
 *
 * It can be made to wait: then nothing becomes safe on it until it is let go on (disk_hold).
 *
 * Three things can be wrong with it, together or alone:
 * - Power. Each file has what is safely on the disk, and what was written since and may or may not
 *   be, in sectors of 512 bytes and in any order, until a sync of that file. New names are in doubt
 *   until a sync of the folder. At a chosen call the power goes: the process ends, and a folder is
 *   left with what such a disk could hold then, one of many ways, chosen by a seed.
 * - Room. A write beyond it is cut short, and then refused.
 * - Errors. The nth call of a kind on a file fails, or every write is cut short.
 *
 * Not seen are writes into mapped files; on this disk they are never safe. Any thread may call.
 */
#ifndef SUPPORT_DISK_H
#define SUPPORT_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* The exit code of a process whose power went. */
enum { DISK_POWER_WENT = 99 };

enum disk_call {
    DISK_NOTHING,
    DISK_WRITE,
    DISK_WRITE_SYNCED, /* through a descriptor with O_DSYNC */
    DISK_SYNC,
    DISK_ALLOCATE,
};

struct disk_plan {
    const char *folder; /* of the files that are seen; without links in its path */

    uint64_t power_calls; /* the power goes at this call, 1 being the next; 0 for never */
    uint64_t seed;
    const char *left; /* an empty folder, for what is left then */

    bool has_room; /* that the room counts */
    uint64_t room_bytes;

    const char *only; /* how the name of a file begins that errors and holds concern; NULL: each */
    enum disk_call fails;
    uint64_t fails_at; /* the nth such call from now on, 1 being the next, fails */
    bool fails_on;     /* and so do all after it */
    int code;
    bool shortens; /* writes are cut short at random */
};

/* From here on, until it is armed anew; files that are there already are safe. Once a process for
 * power. The plan is copied, its texts are not. */
void disk_arm(const struct disk_plan *plan);

/*
 * From now on each sync of a file that `only` names, and each write to it through O_DSYNC, waits
 * until disk_release(). How many wait at this moment says disk_held().
 */
void disk_hold(void);
void disk_release(void);
uint64_t disk_held(void);

/* What is free now, if room counts. */
void disk_set_room(uint64_t bytes);

/* Calls that failed by the plan since it was armed, not for lack of room. */
uint64_t disk_failures(void);

#endif
