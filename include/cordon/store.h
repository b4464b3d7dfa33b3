/*
 * A store of your own, in place of a data folder or of memory: an ordered map from keys to values,
 * as bytes, that can show what it held at one moment and can take many changes at once. Documents,
 * transactions, indexes, conflicts and the audit log are made on top of it by Cordon, which reads
 * its rows again with a checksum each: what a store damages is noticed, not answered. A row that it
 * loses is noticed where another one speaks of it, as an index does of a document; an entry of an
 * index that is lost is not, and the index goes on without it.
 *
 *     static const cordon_store_functions functions = {
 *         .size = sizeof functions, .snapshot = …, .release = …, .find = …, .commit = …};
 *     options.store = &functions;
 *     options.store_arg = &my_store;
 *
 * Keys are 1 to 511 bytes, compared as bytes (memcmp, then the shorter first); values are at most
 * 64 MiB and some bytes. What is in them is written down in docs/layout.md.
 *
 * Threads: the functions are called by the threads that poll calls and that deploy, and, with
 * `flusher_thread`, by one of the runtime's own. `commit` is called by one thread at a time,
 * `snapshot` and `find` by several and beside it. A program with one thread needs no lock.
 */
#ifndef CORDON_STORE_H
#define CORDON_STORE_H

#include <cordon/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cordon_store_place {
    CORDON_STORE_AT_OR_AFTER, /* the first row with that key or a greater one */
    CORDON_STORE_BEFORE,      /* the last row with a smaller one */
} cordon_store_place;

/* A row that a commit puts or removes. */
typedef struct cordon_store_change {
    cordon_text key;
    cordon_text value; /* in the place of the one there was */
    bool removes;      /* the row goes, if there is one */
} cordon_store_change;

/*
 * The functions, with `size` = sizeof the struct as the caller was compiled. Each gets `store_arg`
 * first. Errors are made by cordon_error_new(); whoever calls frees them.
 */
typedef struct cordon_store_functions {
    size_t size;
    /*
     * Begins to read: what is found in it is of one moment, with every commit that had returned,
     * and bytes that it gave stay as they are until it is released. It is used by one thread and
     * released before the call of Cordon that began it returns.
     */
    cordon_error *(*snapshot)(void *arg, void **out_snapshot);
    void (*release)(void *arg, void *snapshot);
    /* Looks for a row; no row is no error. */
    cordon_error *(*find)(
        void *arg,
        void *snapshot,
        cordon_text key,
        cordon_store_place place,
        bool *out_found,
        cordon_text *out_key,
        cordon_text *out_value);
    /*
     * Makes all changes or none, in this order, and returns when nothing takes them back any more.
     * All bytes are borrowed during the call. After an error nobody knows what the store holds, and
     * calls were told that they would be safe: so it ends the process, with one line on stderr and
     * exit code 5; and so does an error of the others that Cordon has while it makes such a commit.
     * What can be tried again is tried again here, before it is an error.
     */
    cordon_error *(*commit)(void *arg, const cordon_store_change *changes, size_t count);
    /* Once, with the runtime, or when that could not be made. NULL: nothing is to be done. */
    void (*close)(void *arg);
} cordon_store_functions;

#ifdef __cplusplus
}
#endif

#endif
