/*
 * What the store needs of an ordered key-value backend, and nothing more: consistent reads, both
 * directions, and one writer whose batch is durable when its commit returns.
 *
 * Readers and the writer do not block each other for longer than a batch is applied; readers see
 * every batch whose commit returned before the reader was opened. Rows they return are borrowed
 * until the reader is closed. A reader is used by the thread that opened it and closed soon: it
 * may pin memory or a lock of the backend.
 */
#ifndef STORE_KV_H
#define STORE_KV_H

#include "base/error.h"
#include "base/slice.h"

#include <cordon/store.h>

struct kv;
struct kv_reader;

struct kv_row {
    struct slice key;
    struct slice value;
};

/* Another process that reads a snapshot; `pid` 0: there is none. */
struct kv_elsewhere {
    uint32_t pid;
    uint64_t snapshot; /* a number that is the backend's own; a later one is greater */
};

struct kv_ops {
    cordon_error *(*reader_open)(struct kv *kv, struct kv_reader **out_reader);
    void (*reader_close)(struct kv_reader *reader);
    /* The first row with a key >= `key`; the last with a key < `key`. No row is no error. */
    cordon_error *(*seek)(
        struct kv_reader *reader, struct slice key, bool *out_found, struct kv_row *out_row);
    cordon_error *(*seek_before)(
        struct kv_reader *reader, struct slice key, bool *out_found, struct kv_row *out_row);
    /* The neighbour of the row found last. */
    cordon_error *(*next)(struct kv_reader *reader, bool *out_found, struct kv_row *out_row);
    cordon_error *(*previous)(struct kv_reader *reader, bool *out_found, struct kv_row *out_row);

    /* One batch at a time, on one thread from begin to commit or abort. */
    cordon_error *(*write_begin)(struct kv *kv);
    cordon_error *(*write_put)(struct kv *kv, struct slice key, struct slice value);
    cordon_error *(*write_remove)(struct kv *kv, struct slice key); /* a missing key is fine */
    cordon_error *(*write_commit)(struct kv *kv); /* ends the batch, also when it fails */
    void (*write_abort)(struct kv *kv);
    /*
     * Each of the four before may fail with CORDON_E_DISK_FULL: the backend then still has its
     * last state, and the same batch may be begun again.
     */

    /* Ends the process with one line should reading fault; NULL where it cannot. Once, when the
     * backend holds a row. */
    cordon_error *(*guard)(struct kv *kv);

    /* As store_pin_elsewhere(); NULL where no other process reads what this one writes. */
    void (*pin_elsewhere)(struct kv *kv, struct kv_elsewhere *out_pin);

    /* Bytes that can still be written before something is full; UINT64_MAX if nothing is. */
    uint64_t (*free_bytes)(struct kv *kv);
    void (*close)(struct kv *kv);
};

/* The first member of every backend. */
struct kv {
    const struct kv_ops *ops;
};

struct kv_reader {
    const struct kv_ops *ops;
};

/* A map that lives in memory; the model of the others. */
CORDON_MUST_USE cordon_error *kv_open_memory(struct kv **out_kv);

/*
 * The embedded database in `folder`, made if it is missing. Errors as store_open_lmdb.
 * `*out_new` says whether it was empty.
 */
CORDON_MUST_USE cordon_error *kv_open_lmdb(
    const char *folder, uint64_t map_bytes, bool *out_new, struct kv **out_kv);

/*
 * The functions of an embedding program, which are complete; `arg` is taken over, also on failure.
 * `*out_new` says whether there is no row. Errors: those of the program, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *kv_open_program(
    const cordon_store_functions *functions, void *arg, bool *out_new, struct kv **out_kv);

/*
 * A snapshot of the embedded database that stays as it is while another process writes: the pages
 * are not given to others as long as it is there. It must not be opened in a process that has the
 * folder open for anything else, as LMDB's locks are the process's. Of a process that was killed
 * the writer takes the snapshot back.
 */
struct kv_pin;

/* Errors: CORDON_E_STORE, CORDON_E_SYSTEM. The file's meta pages must be sound (image.h). */
CORDON_MUST_USE cordon_error *kv_pin_open(const char *folder, struct kv_pin **out_pin);

/* LMDB's number of the snapshot. */
uint64_t kv_pin_txn(const struct kv_pin *pin);

/* Lets it go and takes the newest. Errors: CORDON_E_STORE. */
CORDON_MUST_USE cordon_error *kv_pin_renew(struct kv_pin *pin);

/*
 * Writes a data file that holds a snapshot at least as new, without free pages, to `fd` from where
 * it stands. Errors: CORDON_E_STORE, CORDON_E_DISK_FULL.
 */
CORDON_MUST_USE cordon_error *kv_pin_copy(struct kv_pin *pin, int fd);

void kv_pin_close(struct kv_pin *pin); /* NULL accepted */

static inline void kv_pin_closep(struct kv_pin **pin)
{
    kv_pin_close(*pin);
    *pin = NULL;
}

/* True if the folder has a data file, whoever uses it. */
bool kv_is_there_lmdb(const char *folder);

static inline void kv_closep(struct kv **kv)
{
    if (*kv != NULL) {
        (*kv)->ops->close(*kv);
        *kv = NULL;
    }
}

static inline void kv_reader_closep(struct kv_reader **reader)
{
    if (*reader != NULL) {
        (*reader)->ops->reader_close(*reader);
        *reader = NULL;
    }
}

#endif
