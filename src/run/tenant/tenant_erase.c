/* Erasing what is left of tenants; see tenant_erase.h. */
#include "run/tenant/tenant_erase.h"

#include "base/memory.h"
#include "run/await.h"
#include "run/data/data.h"
#include "run/deploy/schema_change.h"
#include "run/internal.h"
#include "run/record/records.h"
#include "run/tenant/tenant_admin.h"
#include "value/json.h"

#define ROWS_PER_COMMIT 500
#define TABLE_NAME_BYTES_MAX 64

/* -- Documents ------------------------------------------------------------------------------ */

/* The table behind `*table`, 0 if there is none, and its name. */
static cordon_error *next_table(
    struct tenant *tenant, uint32_t *table, char out_name[TABLE_NAME_BYTES_MAX + 1])
{
    struct rows rows;
    enum store_step step = STORE_DONE;
    struct slice name = {0};
    cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
    while (error == NULL) {
        error = store_table_next(rows.txn, *table, &step, table, &name);
        if (error != NULL || step == STORE_DONE) {
            break;
        }
        event_wait(&rows.woken, UINT64_MAX);
    }
    if (error == NULL && *table != 0) {
        CORDON_ASSERT(name.size <= TABLE_NAME_BYTES_MAX);
        memcpy(out_name, name.data, name.size);
        out_name[name.size] = '\0';
    }
    rows_end(&rows);
    return error;
}

/* One batch of a table: its cursor becomes that of the next one, `*out_more` whether there is. */
static cordon_error *clear_some(
    struct tenant *tenant, const char *table, struct buffer *cursor, bool *out_more)
{
    const struct json_limits limits = {.bytes_max = 65536, .depth_max = 2};
    CORDON_CLEANUP_BUFFER struct buffer answer;
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    buffer_init(&answer, 65536);
    TRY(data_clear_of(tenant, slice_str(table), buffer_slice(cursor), NULL, &answer));
    TRY(json_parse(buffer_slice(&answer), &limits, &doc));
    *out_more = json_is_true(json_get(json_root(doc), SLICE("hasMore")));
    buffer_clear(cursor);
    return buffer_append(cursor, json_string(json_get(json_root(doc), SLICE("cursor"))));
}

static cordon_error *erase_table(struct tenant *tenant, const char *table, const atomic_bool *stops)
{
    CORDON_CLEANUP_BUFFER struct buffer cursor;
    buffer_init(&cursor, 4096);
    bool more = true;
    while (more && !atomic_load(stops)) {
        TRY(clear_some(tenant, table, &cursor, &more));
    }
    return NULL;
}

static cordon_error *erase_documents(struct tenant *tenant, const atomic_bool *stops)
{
    char name[TABLE_NAME_BYTES_MAX + 1];
    uint32_t table = 0;
    do {
        TRY(next_table(tenant, &table, name));
        if (table != 0) {
            TRY(erase_table(tenant, name, stops));
        }
    } while (table != 0 && !atomic_load(stops));
    return NULL;
}

/* -- Rows ----------------------------------------------------------------------------------- */

/*
 * Those behind a key, which becomes that of the last one: from the beginning each search would pass
 * over all that were removed before.
 */
static cordon_error *remove_rows(
    struct rows *rows,
    enum store_keyspace keyspace,
    struct buffer *after,
    size_t *out_count,
    bool *out_conflict)
{
    const struct store_commit_facts facts = {.quota = NULL};
    size_t count = 0;
    for (; count < ROWS_PER_COMMIT; count++) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, keyspace, buffer_slice(after), after->size > 0, &step, &found, &key,
                &value));
        if (!found) {
            break;
        }
        buffer_clear(after);
        TRY(buffer_append(after, key));
        TRY(store_row_remove(rows->txn, keyspace, buffer_slice(after)));
    }
    *out_count = count;
    return rows_commit(rows, &facts, out_conflict);
}

static cordon_error *erase_rows(
    struct tenant *tenant, enum store_keyspace keyspace, const atomic_bool *stops)
{
    CORDON_CLEANUP_BUFFER struct buffer after;
    buffer_init(&after, 4096);
    size_t count = 1;
    while (count > 0 && !atomic_load(stops)) {
        struct rows rows;
        bool conflict = false;
        cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
        if (error == NULL) {
            error = remove_rows(&rows, keyspace, &after, &count, &conflict);
        }
        rows_end(&rows);
        TRY(error);
        if (conflict) { /* nothing was removed of what was passed over */
            buffer_clear(&after);
            count = 1;
        }
    }
    return NULL;
}

/* -- All of it ------------------------------------------------------------------------------ */

/* Entries of indexes that were dropped: those that there are go with their documents. */
static cordon_error *erase_entries(struct tenant *tenant, const atomic_bool *stops)
{
    struct runner *runner = tenant->runner;
    struct schema_change change = {
        .store = runner->options.store,
        .tenant = tenant->number,
        .stops = stops,
        .log = runner->options.log,
    };
    return schema_change_work(&change);
}

static cordon_error *erase(struct tenant *tenant, const atomic_bool *stops)
{
    struct runner *runner = tenant->runner;
    struct records *records = recorder_records(runner->recorder);
    TRY(erase_documents(tenant, stops));
    TRY(erase_entries(tenant, stops));
    TRY(erase_rows(tenant, KEYSPACE_MODULE, stops));
    TRY(erase_rows(tenant, KEYSPACE_SESSION, stops));
    TRY(erase_rows(tenant, KEYSPACE_SCHEDULE, stops));
    if (runner->cache != NULL) {
        artifact_cache_keep(runner->cache, tenant->number, NULL, 0);
    }
    if (records != NULL) {
        records_drop(records, tenant->number);
    }
    return NULL;
}

static cordon_error *erase_one(struct runner *runner, uint32_t number, const atomic_bool *stops)
{
    struct tenant *left = tenant_new(runner, SLICE("removed"), NULL);
    if (left == NULL) {
        return error_no_memory();
    }
    left->number = number;
    cordon_error *error = erase(left, stops);
    tenant_free(left);
    TRY(error);
    return atomic_load(stops) ? NULL : tenant_admin_forget_removed(runner, number);
}

/* One that can't be erased keeps no other from it; the first error is told. */
cordon_error *tenants_erase(struct runner *runner, const atomic_bool *stops)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *first = NULL;
    uint32_t number = 0;
    while (!atomic_load(stops)) {
        TRY(tenant_admin_next_removed(runner, &number));
        if (number == 0) {
            break;
        }
        if (tenants_is_used(&runner->tenants, number)) {
            continue; /* who leaves it last wakes whoever calls this */
        }
        cordon_error *error = erase_one(runner, number, stops);
        if (first == NULL) {
            first = error;
        } else {
            cordon_error_free(error);
        }
    }
    return CORDON_TAKE(first);
}
