/*
 * Documents for an operator: lists of tables, pages of documents, and documents that come from
 * elsewhere. It is what `cordon data`, `export` and `import` are made of, through a server or over
 * a folder.
 *
 * Reading: a page is of one snapshot, the newest or one that is held (store_hold()), so that all
 * pages of an export are of one moment. A page goes on behind the document whose id is named.
 *
 * Writing: lines of JSON, a document each, in one transaction with one audit record. Documents keep
 * the `_id` and `_creationTime` that they have. One that is there already, alike to the byte, is
 * passed over, and one that is there otherwise is an error: so the same lines may be sent again.
 *
 * Every call blocks until the store is done, and answers with JSON. Any thread.
 */
#ifndef RUN_DATA_H
#define RUN_DATA_H

#include "base/buffer.h"

struct audit_actor;
struct runner;
struct tenant;

/* Of one page: what `data_page.limit` may be at most, and the bytes after which a page ends. */
#define DATA_PAGE_DOCUMENTS_MAX 1000
#define DATA_PAGE_BYTES ((size_t)4 << 20)

/* Room that an answer needs: a page, and the document that was its last. */
#define DATA_ANSWER_BYTES_MAX ((size_t)32 << 20)

/* Of each table so many documents are counted, and of so many bytes at most. */
#define DATA_COUNT_DOCUMENTS_MAX 1000
#define DATA_COUNT_BYTES_MAX ((size_t)4 << 20)

/* Of one batch of lines. */
#define DATA_BATCH_DOCUMENTS_MAX 4096

/*
 * {"snapshot": "N"}: the newest snapshot, held, which is `*out_snapshot`, too. Errors as
 * store_hold(), and those of a buffer, after which nothing is held.
 */
CORDON_MUST_USE cordon_error *data_hold(
    struct runner *runner, uint32_t tenant, uint64_t *out_snapshot, struct buffer *out);

void data_release(struct runner *runner, uint32_t tenant, uint64_t snapshot);

/*
 * {"snapshot": "N", "tables": [{"id", "name", "documents", "bytes", "more"}], "hasMore": B}: the
 * tables with numbers over `after`, in order of those. `bytes` is the size of the documents that
 * were counted, and with `more` there are others. `snapshot` 0 is the newest.
 */
CORDON_MUST_USE cordon_error *data_tables(
    struct runner *runner, uint32_t tenant, uint64_t snapshot, uint32_t after, struct buffer *out);

struct data_page {
    struct slice table;  /* its name */
    uint64_t snapshot;   /* one that is held; 0: the newest */
    struct slice cursor; /* the `_id` of the last document of the page before; empty: none */
    bool descending;     /* newest first, in order of creation */
    uint32_t limit;      /* of documents; 0: as many as a page has */
};

/*
 * {"snapshot": "N", "values": [...], "hasMore": B, "cursor": ID or null}. Values are in encoded
 * JSON, which loses nothing. Errors: CORDON_E_NOT_FOUND for a table that is not there and for a
 * snapshot that is not held; CORDON_E_INVALID for a cursor that is of no document of the table.
 */
CORDON_MUST_USE cordon_error *data_documents(
    struct runner *runner, uint32_t tenant, const struct data_page *page, struct buffer *out);

struct data_batch {
    struct slice table;
    uint32_t number;     /* that the table has where the documents come from; 0: it is not known */
    bool check_only;     /* write nothing */
    bool replaces;       /* with that: what is there now will be removed before */
    struct slice lines;  /* a document each; empty ones are passed over */
    uint64_t first_line; /* the number of the first one, for words about it */
    const struct audit_actor *actor; /* whom the audit log names; NULL: nobody */
};

/*
 * {"inserted": N, "unchanged": N}. A table that is not there is made, under the number that it had,
 * or that the first document's id has. Errors: CORDON_E_INVALID, CORDON_E_BAD_VALUE and the like,
 * which name the line, the document and the field; CORDON_E_CONFLICT; those of store_commit().
 */
CORDON_MUST_USE cordon_error *data_import(
    struct runner *runner, uint32_t tenant, const struct data_batch *batch, struct buffer *out);

/*
 * {"removed": N, "hasMore": B, "cursor": "C"}: removes some documents of a table, the oldest first,
 * in one transaction. It goes on behind `cursor`, that of the call before or empty, so that it does
 * not walk over what is removed again and again. A table that is not there has none. `actor` is
 * whom the audit log names; NULL: nobody. Errors as above.
 */
CORDON_MUST_USE cordon_error *data_clear(
    struct runner *runner,
    uint32_t tenant,
    struct slice table,
    struct slice cursor,
    const struct audit_actor *actor,
    struct buffer *out);

/* The same of a tenant, be it one that was removed. */
CORDON_MUST_USE cordon_error *data_clear_of(
    struct tenant *tenant,
    struct slice table,
    struct slice cursor,
    const struct audit_actor *actor,
    struct buffer *out);

#endif
