/*
 * Documents of a runtime's store, for those who operate it: what `cordon data`, `cordon export` and
 * `cordon import` do over a data folder. A server offers the same to the holder of an admin key
 * (docs/protocol.md), with the same answers.
 *
 * Documents are those of a tenant, by its name; NULL: the default one. CORDON_E_NOT_FOUND: there is
 * none.
 *
 * Answers are JSON, NUL-terminated and the caller's; they are freed with cordon_free(). Every
 * function blocks until the store is done. Any thread.
 */
#ifndef CORDON_DATA_H
#define CORDON_DATA_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Holds the newest moment of the store, so that it can be read in many pages, for as long as a page
 * is asked for every two minutes, four hours at most. Eight of a tenant are held at one time, or
 * two while all tenants hold 64. Errors: CORDON_E_OVERLOADED.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_data_hold(
    cordon_runtime *runtime, const char *tenant, uint64_t *out_snapshot);

/* Lets go of it. Does nothing for a moment that is not held. */
CORDON_API void cordon_data_release(cordon_runtime *runtime, const char *tenant, uint64_t snapshot);

/*
 * Tables with numbers over `after` (0: all), some at a time: {"snapshot": "N", "tables": [{"id",
 * "name", "documents", "bytes", "more"}], "hasMore"}. Of each at most 1,000 documents or 4 MiB are
 * counted; with `more` there are others. `snapshot` is one that is held, or 0 for the newest.
 * Errors: CORDON_E_NOT_FOUND for one that is held no longer.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_data_tables(
    cordon_runtime *runtime,
    const char *tenant,
    uint64_t snapshot,
    uint32_t after,
    char **out_json);

/* Which documents are asked for. */
typedef struct cordon_data_page {
    size_t size;        /* sizeof the struct */
    const char *table;  /* its name */
    uint64_t snapshot;  /* one that is held; 0: the newest */
    const char *cursor; /* of the page before; NULL: the first page */
    bool descending;    /* newest first */
    uint32_t limit;     /* documents at most; 0: as many as a page has, 1,000 or 4 MiB */
    const char *tenant; /* whose they are */
} cordon_data_page;

/*
 * Documents of a table in the order of their creation: {"snapshot": "N", "values": [...],
 * "hasMore", "cursor"}. Values are in Convex's encoded JSON, which loses nothing. Errors:
 * CORDON_E_NOT_FOUND for a table that is not there and a snapshot that is held no longer;
 * CORDON_E_INVALID for a cursor that is none of the table's.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_data_documents(
    cordon_runtime *runtime, const cordon_data_page *page, char **out_json);

/* Documents to be added, as lines of JSON. */
typedef struct cordon_data_batch {
    size_t size;       /* sizeof the struct */
    const char *table; /* its name; made if it is not there */
    uint32_t number;   /* that the table has where the documents come from; 0: not known */
    bool check_only;   /* say what is wrong with the documents, and write nothing */
    bool replaces;     /* with that: what is there now will be removed before */
    const char *lines; /* a document in encoded JSON on each line, 4,096 at most */
    size_t lines_size;
    uint64_t first_line; /* the number of the first of them, for words about it */
    const char *tenant;  /* who gets them */
} cordon_data_batch;

/*
 * Adds documents, all or none, with the `_id` and `_creationTime` that they have; those that have
 * none get one. One that is there already is passed over if it is alike, and an error if it is not.
 * The answer is {"inserted": N, "unchanged": N}. Errors name line and field: CORDON_E_INVALID,
 * CORDON_E_BAD_JSON, CORDON_E_BAD_VALUE, CORDON_E_VALUE_TOO_LARGE, CORDON_E_TOO_NESTED,
 * CORDON_E_TOO_MANY_FIELDS, CORDON_E_TOO_LARGE; CORDON_E_TENANT_FULL, CORDON_E_AUDIT_FULL; and
 * CORDON_E_CONFLICT, CORDON_E_DISK_FULL,
 * CORDON_E_STORE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_data_import(
    cordon_runtime *runtime, const cordon_data_batch *batch, char **out_json);

/*
 * Removes some documents of a table, the oldest first: {"removed": N, "hasMore", "cursor"}. To be
 * called until it has no more, with the cursor of the call before, at first NULL. Errors as above.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_data_clear(
    cordon_runtime *runtime,
    const char *tenant,
    const char *table,
    const char *cursor,
    char **out_json);

#ifdef __cplusplus
}
#endif

#endif
