/*
 * Queries that a run has open: each reads a range of an index and gives out the documents that
 * pass its operators, one by one to the guest or a page at a time.
 */
#ifndef HOST_QUERIES_H
#define HOST_QUERIES_H

#include "host/db.h"
#include "query/range.h"
#include "value/row.h"

/* To take a document apart, for a filter or for its position, by the byte. */
#define QUERY_FUEL_PER_BYTE 16

struct open_query {
    uint32_t number;      /* its queryId */
    struct json_doc *doc; /* the call's arguments, which `query` borrows from; NULL: it is closed */
    struct arena arena;
    struct query query; /* limits count down */
    uint32_t table;
    bool by_id;
    struct store_index index; /* without a number: creation order, or that of ids */
    struct store_scan *scan;  /* NULL: it is at its end */
};

/* What a query is going to read. */
struct query_plan {
    struct buffer low;
    struct buffer high;
    bool empty;    /* nothing; the table does not exist, or the bounds cross */
    uint64_t most; /* documents that will be read, at most; 0: nobody knows */
};

void query_plan_done(struct query_plan *plan);

/*
 * Reads the argument `query` of the call `name` into `open` and plans it. May wait: then it is
 * called again with the same arguments. After GATE_OK the call's arguments belong to `open`. Both
 * are the caller's to end, whatever the answer.
 */
enum gate_result query_plan(
    struct host *host,
    struct gate_call *call,
    const char *name,
    struct open_query *open,
    struct query_plan *plan);

/* Opens the scan of a plan, and counts the range. */
enum gate_result query_start(
    struct host *host, struct open_query *open, const struct query_plan *plan);

/* A document, borrowed until the next call of the store. */
struct query_document {
    bool found; /* false: the query is at its end */
    bool passes;
    struct row row;
};

/* Reads one document and asks the operators whether it passes. May wait. */
enum gate_result query_step(
    struct host *host,
    struct gate_call *call,
    struct open_query *open,
    struct query_document *out_document);

/* Where a document, by its JSON, lies in the order of the query; appends its key. */
CORDON_MUST_USE cordon_error *query_position(
    const struct open_query *open, struct slice json, struct buffer *out);

void query_close(struct open_query *open);

/* -- Pages ------------------------------------------------------------------------------------ */

/* The page that is being read when the store has a call wait. NULL accepted. */
void page_free(struct host *host);

#endif
