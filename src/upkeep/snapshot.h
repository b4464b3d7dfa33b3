/*
 * A data folder as it is at one moment, to be read by a process that does not serve it, while
 * another may: the map of its data file, a snapshot of LMDB that keeps the pages, and a backend
 * over them. What cannot be a data file is an error before LMDB gets to see it.
 */
#ifndef UPKEEP_SNAPSHOT_H
#define UPKEEP_SNAPSHOT_H

#include "store/meta.h"
#include "upkeep/image.h"

/* All zeros, but for `fd`, is none. */
struct snapshot {
    int fd;
    void *map;
    size_t map_bytes;
    struct kv_pin *pin; /* NULL: nobody else writes the file */
    struct image image;
    struct kv *kv;
};

/*
 * Opens the data file in `folder`. Errors: CORDON_E_STORE for a file that is none or is damaged
 * where everything begins; CORDON_E_SYSTEM; CORDON_E_NOT_FOUND if there is no data file.
 */
CORDON_MUST_USE cordon_error *snapshot_open(const char *folder, struct snapshot *out_snapshot);

/*
 * The bytes from `at` on of a file that nobody writes, as a data file: a part of a backup. `fd`
 * stays the caller's. Errors as snapshot_open().
 */
CORDON_MUST_USE cordon_error *snapshot_of_file(
    int fd, uint64_t at, uint64_t bytes, struct snapshot *out_snapshot);

void snapshot_done(struct snapshot *snapshot);

/* The meta record. Errors: CORDON_E_STORE, also for a format that is not ours. */
CORDON_MUST_USE cordon_error *snapshot_meta(const struct snapshot *snapshot, struct meta *out_meta);

#endif
