/*
 * The change of a tenant's schema that comes with a deploy. It takes as long as there are
 * documents, while runs go on, and no transaction of it is open for long:
 *
 *   begin   names the new tables as what comes next: from there on each write is held against
 *           both schemas (host/schema_row.h). Indexes that are new begin to fill, unless they are
 *           staged; those of the old schema stay, as its functions use them.
 *           Then, some at a time, the documents that are there are held against the new schema,
 *           and the indexes are filled: no staged one, nor is anything dropped.
 *   finish  in the transaction that switches the functions: what came next holds, indexes that are
 *           left out are dropped, and new ones that are staged begin to fill.
 *   work    takes out entries of dropped indexes, and fills staged ones; in a program that lives
 *           long, in the background (run/tender.h), also what an earlier one has left.
 *
 * If the process ends in between, the old schema and its functions hold, and the next deploy goes
 * on with what is filled. All of it blocks; one thread at a time per tenant.
 */
#ifndef RUN_SCHEMA_CHANGE_H
#define RUN_SCHEMA_CHANGE_H

#include "observe/log.h"
#include "run/await.h"
#include "value/schema.h"

#include <stdatomic.h>

struct schema_change {
    struct store *store;
    uint32_t tenant;
    const struct schema *schema;
    const atomic_bool *stops; /* ends it soon, with CORDON_E_OVERLOADED */
    struct log *log;          /* a line for each few seconds that it takes; NULL: none */
    uint64_t documents;       /* that were held against it */
    uint64_t rows;            /* of indexes, that were filled or dropped */
    uint64_t told_ns;         /* when the log was last told, monotonic; 0 at first */
};

/*
 * Errors: CORDON_E_MODULE_REFUSED for a document that does not fit, which names it, and for a table
 * that would have too many indexes meanwhile; CORDON_E_OVERLOADED; those of the store. After all
 * but CORDON_E_OVERLOADED schema_change_abandon() tidies up.
 */
CORDON_MUST_USE cordon_error *schema_change_begin(struct schema_change *change);

/*
 * Writes what then holds into a transaction that the caller commits. Errors:
 * CORDON_E_MODULE_REFUSED if a document that does not fit was written since; those of the store.
 */
CORDON_MUST_USE cordon_error *schema_change_finish(struct rows *rows, const struct schema *schema);

/* Both for who has nothing else to commit. */
CORDON_MUST_USE cordon_error *schema_change_make(struct schema_change *change);

/* Forgets what was to come next, and the indexes that were for it alone. */
CORDON_MUST_USE cordon_error *schema_change_abandon(struct schema_change *change);

/* Does the work that changed indexes have left. Errors as schema_change_begin(). */
CORDON_MUST_USE cordon_error *schema_change_work(struct schema_change *change);

/* How far such work has come; zero at first, but for the share. */
struct schema_work {
    enum store_index_share share;
    size_t rows_max; /* of the next part */
    size_t rows;     /* of the last one */
    unsigned conflicts;
    bool done; /* nothing is left */
};

/* A part of it, in one transaction. What was lost in a conflict is done by a later part. */
CORDON_MUST_USE cordon_error *schema_change_work_some(
    struct schema_change *change, struct schema_work *work);

#endif
