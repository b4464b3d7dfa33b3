/* The audit log in the store; see audit_rows.h. */
#include "run/audit/audit_rows.h"

#include "audit/checkpoint.h"
#include "base/memory.h"
#include "run/await.h"
#include "run/settings_row.h"

/* Failures in a row that are of no row. */
enum { DAMAGED_MAX = 64 };

static cordon_error *too_busy(void)
{
    return cordon_error_new(
        CORDON_E_CONFLICT, "the machine was too busy to write it; try again later");
}

cordon_error *audit_rows_add(struct store *store, uint32_t tenant, struct slice body)
{
    const struct store_commit_facts facts = {.audit_body = body};
    bool conflict = false;
    struct rows rows;
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = rows_commit(&rows, &facts, &conflict);
    }
    rows_end(&rows);
    return error == NULL && conflict ? too_busy() : error;
}

/* One of many. */
struct added {
    struct rows rows;
    struct store_commit_facts facts;
    struct store_commit_result result;
    enum store_step step; /* that was its last */
};

static cordon_error *begin_add(
    struct store *store, uint32_t tenant, const struct audit_row *row, struct added *added)
{
    added->facts = (struct store_commit_facts){.audit_body = row->body};
    TRY(rows_begin(store, tenant, &added->rows));
    if (row->is_of_settings) {
        TRY(settings_row_forget(added->rows.txn));
    }
    return store_commit(added->rows.txn, &added->facts, &added->step, &added->result);
}

static cordon_error *finish_add(struct added *added)
{
    if (added->step != STORE_DONE) {
        AWAIT(
            &added->rows, added->step,
            store_commit(added->rows.txn, &added->facts, &added->step, &added->result));
    }
    return added->result.conflict ? too_busy() : NULL;
}

cordon_error *audit_rows_add_all(
    struct store *store,
    uint32_t tenant,
    const struct audit_row *rows,
    size_t count,
    bool written[AUDIT_ROWS_MAX])
{
    CORDON_ASSERT(count <= AUDIT_ROWS_MAX);
    struct added *all = mem_new_array(count + 1, sizeof *all);
    if (all == NULL) {
        return error_no_memory();
    }
    cordon_error *first = NULL;
    size_t begun = 0;
    while (first == NULL && begun < count) { /* what fails is ended below, as the others are */
        first = begin_add(store, tenant, &rows[begun], &all[begun]);
        begun++;
    }
    const size_t good = first == NULL ? begun : begun - 1;
    for (size_t i = 0; i < good; i++) {
        cordon_error *error = finish_add(&all[i]);
        written[i] = error == NULL;
        if (first == NULL) {
            first = error;
        } else {
            cordon_error_free(error);
        }
    }
    for (size_t i = 0; i < begun; i++) {
        rows_end(&all[i].rows);
    }
    mem_free(all);
    return first;
}

/* The record with the lowest sequence from `sequence` on. */
static cordon_error *read_from(
    struct rows *rows, uint64_t sequence, bool *out_found, struct audit_record *out_record)
{
    enum store_step step = STORE_DONE;
    AWAIT(rows, step, store_audit_read(rows->txn, sequence, &step, out_found, out_record));
    return NULL;
}

static bool is_damage(const cordon_error *error)
{
    return error != NULL && cordon_error_get_code(error) == CORDON_E_STORE;
}

cordon_error *audit_rows_cut(uint64_t covered)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "the audit log was cut: the checkpoint of its record %llu, which was signed, is not there, "
        "or the data folder is of an earlier day than its audit.d; run `cordon audit verify`, and "
        "to go on with new keys remove the secret there",
        (unsigned long long)covered);
}

/* As sequences have no gaps, there is one at `sequence` if and only if the last is no earlier. */
static cordon_error *search_last(struct rows *rows, uint64_t from, struct audit_last *out_last)
{
    struct audit_last last = {.sequence = from};
    struct audit_record record = {0};
    bool found = true;
    uint64_t stride = 1;
    do { /* in ever longer steps, until one is too long */
        TRY(read_from(rows, last.sequence + stride, &found, &record));
        last.sequence = found ? record.sequence : last.sequence;
        stride *= 2;
    } while (found);
    while ((stride /= 2) > 0) { /* then in ever shorter ones */
        TRY(read_from(rows, last.sequence + stride, &found, &record));
        last.sequence = found ? record.sequence : last.sequence;
    }
    if (last.sequence > 0) {
        TRY(read_from(rows, last.sequence, &found, &record));
        if (!found) {
            return audit_rows_cut(from);
        }
        memcpy(last.hash, record.hash, sizeof last.hash);
        last.is_checkpoint = audit_is_checkpoint(record.body);
    }
    *out_last = last;
    return NULL;
}

cordon_error *audit_rows_last(
    struct store *store, uint32_t tenant, uint64_t from, struct audit_last *out_last)
{
    struct rows rows;
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = search_last(&rows, from, out_last);
    }
    rows_end(&rows);
    return error;
}

static cordon_error *beyond(void)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "a row of the audit log was not written by a server: no record has its number, which is "
        "the last there is; restore the data folder from a backup");
}

/* A page of lines that is being written. */
struct page {
    struct buffer *out;
    size_t before; /* what stood there already */
    size_t bytes_max;
};

static bool is_full(const struct page *page)
{
    return page->out->size - page->before > page->bytes_max;
}

/*
 * The same for who reads all: rows that are damaged are lines that say so, and it goes on behind
 * them, until the page is full. What fails without having found a row might be any, and where that
 * does not end, it is not rows that are damaged. The first of a log that was pruned is not the one
 * that was asked for.
 */
static cordon_error *read_or_mark(
    struct rows *rows,
    uint64_t *next,
    const struct page *page,
    bool *out_found,
    struct audit_record *out_record)
{
    int unfound = 0;
    *out_found = false;
    while (!is_full(page)) {
        out_record->sequence = 0;
        cordon_error *error = read_from(rows, *next, out_found, out_record);
        if (out_record->sequence == UINT64_MAX) { /* behind it nothing has a number */
            cordon_error_free(error);
            *out_found = false;
            return page->out->size > page->before ? NULL : beyond();
        }
        const bool is_row = out_record->sequence >= *next;
        unfound += is_row ? 0 : 1;
        if (!is_damage(error) || unfound > DAMAGED_MAX) {
            return error;
        }
        const uint64_t damaged = is_row ? out_record->sequence : *next;
        cordon_error_free(error);
        *out_found = false;
        TRY(audit_record_write_damaged(page->out, damaged));
        *next = damaged + 1;
    }
    return NULL;
}

static cordon_error *write_page(
    struct rows *rows, uint64_t durable_ts, const struct page *page, uint64_t *out_next)
{
    struct audit_record record = {0};
    bool found = false;
    TRY(read_or_mark(rows, out_next, page, &found, &record));
    while (found && record.ts <= durable_ts) {
        const size_t size = page->out->size;
        TRY(audit_record_write(page->out, &record));
        if (size > page->before && is_full(page)) {
            page->out->size = size;
            return NULL;
        }
        *out_next = record.sequence + 1;
        TRY(read_or_mark(rows, out_next, page, &found, &record));
    }
    return NULL;
}

cordon_error *audit_rows_page(
    struct store *store,
    uint32_t tenant,
    uint64_t from,
    size_t bytes_max,
    struct buffer *out,
    uint64_t *out_next)
{
    const uint64_t durable_ts = store_durable_ts(store);
    const struct page page = {.out = out, .before = out->size, .bytes_max = bytes_max};
    struct rows rows;
    *out_next = from;
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = write_page(&rows, durable_ts, &page, out_next);
    }
    rows_end(&rows);
    return error;
}
