/*
 * Tables and pages of documents; see data.h. What lies in the store is the text that goes out, so a
 * page is read and copied, and nothing of it parsed.
 */
#include "run/data/data.h"

#include "run/data/data_line.h"
#include "run/data/documents.h"
#include "run/internal.h"
#include "value/json.h"
#include "value/row.h"
#include "value/value.h"

/* Tables of one list, and bytes of documents that are counted for it. */
#define LIST_TABLES_MAX 64
#define LIST_BYTES ((size_t)32 << 20)

/* One document as a tree. */
#define TREE_BYTES_MAX ((size_t)128 << 20)

/* -- Snapshots ------------------------------------------------------------------------------ */

cordon_error *data_hold(
    struct runner *runner, uint32_t tenant, uint64_t *out_snapshot, struct buffer *out)
{
    uint64_t snapshot = 0;
    TRY(store_hold(runner->options.store, tenant, &snapshot));
    cordon_error *error =
        buffer_printf(out, "{\"snapshot\":\"%llu\"}", (unsigned long long)snapshot);
    if (error != NULL) {
        store_release(runner->options.store, tenant, snapshot);
        return error;
    }
    *out_snapshot = snapshot;
    return NULL;
}

void data_release(struct runner *runner, uint32_t tenant, uint64_t snapshot)
{
    store_release(runner->options.store, tenant, snapshot);
}

/* On a snapshot that is held, or with 0 on the newest. To be ended in any case. */
static cordon_error *begin(
    struct runner *runner, uint32_t tenant, uint64_t snapshot, struct rows *rows)
{
    if (snapshot == 0) {
        return rows_begin(runner->options.store, tenant, rows);
    }
    *rows = (struct rows){0};
    event_init(&rows->woken);
    const struct store_wake wake = {event_set, &rows->woken};
    return store_begin_held(runner->options.store, tenant, snapshot, wake, &rows->txn);
}

/* What was read is told, so it must be durable. */
static cordon_error *finish(struct rows *rows)
{
    const struct store_commit_facts facts = {.audit_body = {0}};
    bool conflict = false; /* of who writes nothing: there is none */
    return rows_commit(rows, &facts, &conflict);
}

static cordon_error *write_snapshot(struct buffer *out, const struct rows *rows)
{
    return buffer_printf(
        out, "{\"snapshot\":\"%llu\"", (unsigned long long)store_txn_snapshot(rows->txn));
}

/* -- Tables --------------------------------------------------------------------------------- */

struct count {
    uint64_t documents;
    uint64_t bytes;
    bool more;
};

static cordon_error *count_documents(struct rows *rows, uint32_t table, struct count *count)
{
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, STORE_WHOLE_TABLE(table, STORE_ASCENDING), &scan));
    for (;;) {
        enum store_step step = STORE_DONE;
        struct slice body = {0};
        struct row row;
        AWAIT(rows, step, store_scan_next(scan, &step, &count->more, &body));
        if (!count->more || count->documents == DATA_COUNT_DOCUMENTS_MAX ||
            count->bytes >= DATA_COUNT_BYTES_MAX) {
            store_scan_close(scan);
            return NULL;
        }
        TRY(row_read(body, &row));
        count->documents++;
        count->bytes += row.size;
    }
}

static cordon_error *write_table(
    struct rows *rows, uint32_t number, struct slice name, struct buffer *out, size_t *bytes)
{
    struct count count = {0};
    TRY(count_documents(rows, number, &count));
    *bytes += count.bytes;
    TRY(json_write_comma(out));
    TRY(buffer_printf(out, "{\"id\":%u", number));
    TRY(json_write_key(out, SLICE("name")));
    TRY(json_write_string(out, name));
    return buffer_printf(
        out, ",\"documents\":%llu,\"bytes\":%llu,\"more\":%s}", (unsigned long long)count.documents,
        (unsigned long long)count.bytes, count.more ? "true" : "false");
}

static cordon_error *next_table(
    struct rows *rows, uint32_t after, uint32_t *out_number, struct slice *out_name)
{
    enum store_step step = STORE_DONE;
    AWAIT(rows, step, store_table_next(rows->txn, after, &step, out_number, out_name));
    return NULL;
}

static cordon_error *write_tables(struct rows *rows, uint32_t after, struct buffer *out)
{
    TRY(write_snapshot(out, rows));
    TRY(buffer_append(out, SLICE(",\"tables\":[")));
    uint32_t number = 0;
    struct slice name = {0};
    size_t bytes = 0;
    TRY(next_table(rows, after, &number, &name));
    for (size_t i = 0; number != 0 && i < LIST_TABLES_MAX && bytes < LIST_BYTES; i++) {
        TRY(write_table(rows, number, name, out, &bytes));
        TRY(next_table(rows, number, &number, &name));
    }
    TRY(buffer_printf(out, "],\"hasMore\":%s}", number != 0 ? "true" : "false"));
    return finish(rows);
}

cordon_error *data_tables(
    struct runner *runner, uint32_t tenant, uint64_t snapshot, uint32_t after, struct buffer *out)
{
    struct rows rows;
    cordon_error *error = begin(runner, tenant, snapshot, &rows);
    if (error == NULL) {
        error = write_tables(&rows, after, out);
    }
    rows_end(&rows);
    return error;
}

/* -- Documents ------------------------------------------------------------------------------ */

/* Where a page begins and what it has so far. */
struct paging {
    const struct data_page *page;
    uint32_t table;
    struct buffer edge; /* the key behind which, or before which, it begins; empty: the end */
    struct buffer last; /* the last document that was written */
    uint32_t documents;
    bool has_more;
};

static cordon_error *find_table(struct rows *rows, struct slice name, uint32_t *out_table)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    if (name.size > 0 && name.size <= 64) {
        AWAIT(rows, step, store_table_find(rows->txn, name, &step, &found, out_table));
    }
    return found ? NULL
                 : cordon_error_new(
                       CORDON_E_NOT_FOUND,
                       "there is no table \"%.*s\"; run `cordon data` to see those that there are",
                       SLICE_FMT(name));
}

static cordon_error *bad_cursor(const struct paging *paging)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "the cursor is the `_id` of a document that table \"%.*s\" has in this snapshot; begin "
        "again without one",
        SLICE_FMT(paging->page->table));
}

/* That of the page, at this document. */
static cordon_error *write_edge(struct paging *paging, struct slice json)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, TREE_BYTES_MAX);
    struct document_id id;
    double time = 0;
    TRY(line_system_fields(json, &arena, &id, &time));
    return paging->page->descending ? documents_place(&id, time, &paging->edge)
                                    : documents_place_behind(&id, time, &paging->edge);
}

static cordon_error *read_cursor(struct rows *rows, struct paging *paging)
{
    const struct slice cursor = paging->page->cursor;
    struct document_id id = {0};
    if (cursor.size == 0) {
        return NULL;
    }
    if (!document_id_decode(cursor, &id) || id.table != paging->table) {
        return bad_cursor(paging);
    }
    const struct store_id key = store_id_of(&id);
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    struct row row;
    AWAIT(rows, step, store_get(rows->txn, &key, &step, &found, &body));
    if (!found) {
        return bad_cursor(paging);
    }
    TRY(row_read(body, &row));
    return write_edge(paging, row.json);
}

static uint32_t limit_of(const struct data_page *page)
{
    return page->limit == 0 || page->limit > DATA_PAGE_DOCUMENTS_MAX ? DATA_PAGE_DOCUMENTS_MAX
                                                                     : page->limit;
}

static cordon_error *write_documents(struct rows *rows, struct paging *paging, struct buffer *out)
{
    const bool descending = paging->page->descending;
    const struct slice edge = buffer_slice(&paging->edge);
    const struct slice none = {0};
    const struct store_range range = {
        .table = paging->table,
        .index = STORE_BY_CREATION,
        .order = descending ? STORE_DESCENDING : STORE_ASCENDING,
        .low = descending ? none : edge,
        .high = descending ? edge : none,
    };
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, &range, &scan));
    const size_t begun = out->size;
    for (;;) {
        enum store_step step = STORE_DONE;
        struct slice body = {0};
        struct row row;
        AWAIT(rows, step, store_scan_next(scan, &step, &paging->has_more, &body));
        if (!paging->has_more || paging->documents == limit_of(paging->page) ||
            out->size - begun >= DATA_PAGE_BYTES) {
            store_scan_close(scan);
            return NULL;
        }
        TRY(row_read(body, &row));
        TRY(json_write_comma(out));
        TRY(buffer_append(out, row.json));
        buffer_clear(&paging->last);
        TRY(buffer_append(&paging->last, row.json));
        paging->documents++;
    }
}

static cordon_error *write_cursor(const struct paging *paging, struct buffer *out)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, TREE_BYTES_MAX);
    if (!paging->has_more || paging->documents == 0) {
        return buffer_append(out, SLICE("null"));
    }
    struct document_id id;
    double time = 0;
    char text[DOCUMENT_ID_TEXT_MAX + 1];
    TRY(line_system_fields(buffer_slice(&paging->last), &arena, &id, &time));
    (void)document_id_encode(&id, text);
    return json_write_string(out, slice_str(text));
}

static cordon_error *write_page(struct rows *rows, struct paging *paging, struct buffer *out)
{
    TRY(find_table(rows, paging->page->table, &paging->table));
    TRY(read_cursor(rows, paging));
    TRY(write_snapshot(out, rows));
    TRY(buffer_append(out, SLICE(",\"values\":[")));
    TRY(write_documents(rows, paging, out));
    TRY(buffer_printf(out, "],\"hasMore\":%s,\"cursor\":", paging->has_more ? "true" : "false"));
    TRY(write_cursor(paging, out));
    TRY(buffer_append_byte(out, '}'));
    return finish(rows);
}

static void paging_done(struct paging *paging)
{
    buffer_done(&paging->edge);
    buffer_done(&paging->last);
}

cordon_error *data_documents(
    struct runner *runner, uint32_t tenant, const struct data_page *page, struct buffer *out)
{
    CORDON_CLEANUP(paging_done) struct paging paging = {.page = page};
    buffer_init(&paging.edge, 256);
    buffer_init(&paging.last, DATA_ANSWER_BYTES_MAX);
    struct rows rows;
    cordon_error *error = begin(runner, tenant, page->snapshot, &rows);
    if (error == NULL) {
        error = write_page(&rows, &paging, out);
    }
    rows_end(&rows);
    return error;
}
