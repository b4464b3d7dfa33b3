/*
 * The records of runs that a server keeps, each a file in one folder, mode 0600: what is in them is
 * as secret as the data. Each tenant has a space of its own with a quota; when that is full the
 * oldest goes first, and each goes when its time is over.
 *
 * A file is `TENANT-ID.record`. An id begins with the time, so that names are in order of time, and
 * ends with randomness, so that nobody guesses one. Files appear whole, by rename; they are not
 * synced, as what a power failure leaves of one is told by its checksum.
 */
#ifndef RUN_RECORDS_H
#define RUN_RECORDS_H

#include "base/buffer.h"
#include "base/hash.h"

#include <stdint.h>

/* Most records of all tenants; with one more, the oldest of the tenant that has most goes. */
#define RECORDS_COUNT_MAX 10000

/* Bytes of the disk that stay free: the store needs them more. */
#define RECORDS_DISK_RESERVE_BYTES ((uint64_t)256 << 20)

struct record_id {
    char text[33]; /* 32 lower-case hex digits */
};

struct records_options {
    const char *folder;
    uint64_t bytes_max; /* of each tenant */
    uint64_t keep_ms;
};

struct records;

/* Makes or opens the folder and takes out what is over. Errors: those of folder_open(). */
CORDON_MUST_USE cordon_error *records_open(
    const struct records_options *options, struct records **out_records);

/* NULL accepted. */
void records_close(struct records *records);

/*
 * Keeps a record, and makes room for it. Any thread, as all that follow. Errors: CORDON_E_TOO_LARGE
 * if it is larger than the quota, CORDON_E_DISK_FULL, CORDON_E_SYSTEM, no memory.
 */
CORDON_MUST_USE cordon_error *records_put(
    struct records *records, uint32_t tenant, struct slice record, struct record_id *out_id);

/*
 * Appends a record's bytes; `*out_found` is false if the tenant has none of that id, which may be
 * any text. Errors: CORDON_E_SYSTEM, those of the buffer.
 */
CORDON_MUST_USE cordon_error *records_get(
    struct records *records, uint32_t tenant, struct slice id, struct buffer *out, bool *out_found);

/* Whether it may be the id of a record, there or not. Any thread. */
bool records_is_id(struct slice text);

/* Appends JSON: [{"id","time_ms","bytes"}], the newest first. */
CORDON_MUST_USE cordon_error *records_list(
    struct records *records, uint32_t tenant, struct buffer *out);

/* Takes out all of a tenant. */
void records_drop(struct records *records, uint32_t tenant);

/* Takes out what is over. */
void records_sweep(struct records *records);

#endif
