/*
 * convex/db-read and convex/db-write: documents, by Convex's syscalls.
 *
 * Each operation may be called again after the store had it wait; `host->operation` says how far it
 * had come. What a guest gets wrong is a refusal with Convex's code and words; limits on documents
 * and bytes are refusals too.
 */
#include "host/operations.h"
#include "value/document.h"
#include "value/id.h"
#include "value/name.h"
#include "value/row.h"

#define READ_HELP                                                                                  \
    "Consider using smaller limits in your queries, paginating your queries, or using indexed "    \
    "queries with a selective index range expressions."

/* The store has to be asked again: see gate_operation. */
#define WAIT_FOR(step)                                                                             \
    do {                                                                                           \
        if ((step) == STORE_PENDING) {                                                             \
            return GATE_WAIT;                                                                      \
        }                                                                                          \
    } while (0)

/* -- Accounts ------------------------------------------------------------------------------- */

static enum gate_result charge_range(struct host *host)
{
    struct budget *budget = host->options.budget;
    const cordon_limit limit = CORDON_LIMIT_INDEX_RANGES;
    if (!budget_fits(budget, limit, 1)) {
        return gate_refuse_limit(
            host, limit, budget->used[limit] + 1,
            "Too many reads in a single function execution (limit: %llu). " READ_HELP,
            (unsigned long long)budget->allowed[limit]);
    }
    budget->used[limit]++;
    return GATE_OK;
}

static enum gate_result charge_read(struct host *host, struct gate_call *call, uint64_t size)
{
    struct budget *budget = host->options.budget;
    if (!budget_fits(budget, CORDON_LIMIT_DOCUMENTS_READ, 1)) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_DOCUMENTS_READ, budget->used[CORDON_LIMIT_DOCUMENTS_READ] + 1,
            "Too many documents read in a single function execution (limit: %llu). " READ_HELP,
            (unsigned long long)budget->allowed[CORDON_LIMIT_DOCUMENTS_READ]);
    }
    if (!budget_fits(budget, CORDON_LIMIT_BYTES_READ, size)) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_BYTES_READ, budget->used[CORDON_LIMIT_BYTES_READ] + size,
            "Too many bytes read in a single function execution (limit: %llu bytes). " READ_HELP,
            (unsigned long long)budget->allowed[CORDON_LIMIT_BYTES_READ]);
    }
    budget->used[CORDON_LIMIT_DOCUMENTS_READ]++;
    budget->used[CORDON_LIMIT_BYTES_READ] += size;
    return gate_charge(host, call, size) ? GATE_OK : GATE_STOP;
}

static enum gate_result charge_write(struct host *host, struct gate_call *call, uint64_t size)
{
    struct budget *budget = host->options.budget;
    if (!budget_fits(budget, CORDON_LIMIT_DOCUMENTS_WRITTEN, 1)) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_DOCUMENTS_WRITTEN, budget->used[CORDON_LIMIT_DOCUMENTS_WRITTEN] + 1,
            "Too many writes in a single function execution (limit: %llu)",
            (unsigned long long)budget->allowed[CORDON_LIMIT_DOCUMENTS_WRITTEN]);
    }
    if (!budget_fits(budget, CORDON_LIMIT_BYTES_WRITTEN, size)) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_BYTES_WRITTEN, budget->used[CORDON_LIMIT_BYTES_WRITTEN] + size,
            "Too many bytes written in a single function execution (limit: %llu bytes)",
            (unsigned long long)budget->allowed[CORDON_LIMIT_BYTES_WRITTEN]);
    }
    budget->used[CORDON_LIMIT_DOCUMENTS_WRITTEN]++;
    budget->used[CORDON_LIMIT_BYTES_WRITTEN] += size;
    return gate_charge(host, call, size) ? GATE_OK : GATE_STOP;
}

#define GATE_CHECK(expr)                                                                           \
    do {                                                                                           \
        const enum gate_result gate_check_ = (expr);                                               \
        if (gate_check_ != GATE_OK) {                                                              \
            return gate_check_;                                                                    \
        }                                                                                          \
    } while (0)

/* -- Arguments ------------------------------------------------------------------------------ */

static enum gate_result read_table_name(
    struct host *host, struct gate_call *call, const char *name, struct slice *out_table)
{
    const struct json_node *table = json_get(call->args, SLICE("table"));
    if (json_kind(table) != JSON_STRING) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `table` for `%s`: it is the name of a table, a string.", name);
    }
    const struct slice text = json_string(table);
    if (!name_is_identifier(text)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `table` for `%s`: Table names are 1 to 64 letters, digits and `_`, "
            "beginning with a letter.",
            name);
    }
    if (name_is_system_table(text)) {
        return gate_refuse(
            host, "SystemTableError", "System tables can only be accessed with db.system.");
    }
    *out_table = text;
    return GATE_OK;
}

/*
 * The id of a call, and if the call names a table too, whether the id is one of that table's.
 * Step 0 of the operations that take an id.
 */
static enum gate_result read_id(
    struct host *host, struct gate_call *call, const char *name, struct document_id *out_id)
{
    const struct json_node *id = json_get(call->args, SLICE("id"));
    const struct json_node *table = json_get(call->args, SLICE("table"));
    if (json_kind(id) != JSON_STRING || !document_id_decode(json_string(id), out_id)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `id` for `%s`: Unable to decode ID: it is no document ID as "
            "`1.0/insert` returns them.",
            name);
    }
    if (host->operation.step > 0 || json_kind(table) == JSON_MISSING ||
        json_kind(table) == JSON_NULL) {
        return GATE_OK;
    }
    struct slice wanted = {0};
    GATE_CHECK(read_table_name(host, call, name, &wanted));
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice actual = {0};
    GATE_TRY(host, store_table_name(host->options.txn, out_id->table, &step, &found, &actual));
    WAIT_FOR(step);
    if (!found || !slice_equal(wanted, actual)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `id` for `%s`: expected to be an Id<\"%.*s\">, got Id<\"%.*s\"> "
            "instead.",
            name, SLICE_FMT(wanted), SLICE_FMT(found ? actual : SLICE("unknown table")));
    }
    host->operation.step = 1;
    return GATE_OK;
}

static struct store_id store_id_of(const struct document_id *id)
{
    struct store_id out = {.table = id->table};
    memcpy(out.internal, id->internal, sizeof out.internal);
    return out;
}

/* -- Reading -------------------------------------------------------------------------------- */

/* Reads a document and pays for it. The row is borrowed until the next call on the store. */
static enum gate_result fetch(
    struct host *host,
    struct gate_call *call,
    const struct document_id *id,
    bool *out_found,
    struct row *out_row)
{
    if (!budget_fits(host->options.budget, CORDON_LIMIT_INDEX_RANGES, 1)) {
        return charge_range(host);
    }
    enum store_step step = STORE_DONE;
    struct slice body = {0};
    const struct store_id key = store_id_of(id);
    GATE_TRY(host, store_get(host->options.txn, &key, &step, out_found, &body));
    WAIT_FOR(step);
    GATE_CHECK(charge_range(host));
    if (!*out_found) {
        return GATE_OK;
    }
    GATE_TRY(host, row_read(body, out_row));
    return charge_read(host, call, out_row->size);
}

enum gate_result db_get(struct host *host, struct gate_call *call)
{
    struct document_id id = {0};
    GATE_CHECK(read_id(host, call, "db.get", &id));
    bool found = false;
    struct row row = {0};
    GATE_CHECK(fetch(host, call, &id, &found, &row));
    return gate_reply(host, call, found ? row.json : SLICE("null"));
}

/* -- Scans ---------------------------------------------------------------------------------- */

struct open_scan {
    uint32_t query;          /* its queryId; 0 is a free place */
    uint64_t left;           /* documents that its limit still allows */
    struct store_scan *scan; /* NULL: the table does not exist, or it is at its end */
};

struct host_scans {
    struct open_scan *items;
    size_t count;
    uint32_t last_query;
};

static struct open_scan *find_scan(struct host *host, const struct json_node *query)
{
    uint64_t number = 0;
    if (host->scans == NULL || !json_u64(query, &number) || number == 0) {
        return NULL;
    }
    for (size_t i = 0; i < host->scans->count; i++) {
        if (host->scans->items[i].query == number) {
            return &host->scans->items[i];
        }
    }
    return NULL;
}

static void close_scan(struct open_scan *scan)
{
    store_scan_close(scan->scan);
    *scan = (struct open_scan){0};
}

void db_close_scans(struct host *host)
{
    if (host->scans == NULL) {
        return;
    }
    for (size_t i = 0; i < host->scans->count; i++) {
        close_scan(&host->scans->items[i]);
    }
    struct account *account = host->options.account;
    account_free(account, host->scans->items, host->scans->count * sizeof(struct open_scan));
    account_free(account, host->scans, sizeof *host->scans);
    host->scans = NULL;
}

static cordon_error *ensure_scans(struct host *host)
{
    if (host->scans == NULL) {
        host->scans = account_realloc(host->options.account, NULL, 0, sizeof *host->scans);
        if (host->scans == NULL) {
            return account_error(host->options.account);
        }
        *host->scans = (struct host_scans){0};
    }
    return NULL;
}

/* Twice the places; the new ones are free. */
static cordon_error *grow_scans(struct host *host)
{
    struct host_scans *scans = host->scans;
    struct account *account = host->options.account;
    const size_t count = scans->count == 0 ? 4 : scans->count * 2;
    struct open_scan *grown =
        account_realloc(account, scans->items, scans->count * sizeof *grown, count * sizeof *grown);
    if (grown == NULL) {
        return account_error(account);
    }
    memset(grown + scans->count, 0, (count - scans->count) * sizeof *grown);
    scans->items = grown;
    scans->count = count;
    return NULL;
}

static cordon_error *add_scan(struct host *host, struct open_scan **out_scan)
{
    TRY(ensure_scans(host));
    struct host_scans *scans = host->scans;
    size_t place = 0;
    while (place < scans->count && scans->items[place].query != 0) {
        place++;
    }
    if (place == scans->count) {
        TRY(grow_scans(host));
    }
    scans->items[place].query = ++scans->last_query;
    *out_scan = &scans->items[place];
    return NULL;
}

/* What a query asks for, as far as this version can answer it. */
struct query {
    struct slice table;
    enum store_order order;
    uint64_t limit;
};

static enum gate_result unsupported(struct host *host, const char *what)
{
    return gate_refuse(
        host, "UnsupportedQuery",
        "Invalid argument `query` for `queryStream`: %s can't be used yet; a `FullTableScan` with "
        "`limit` can.",
        what);
}

static enum gate_result read_operators(
    struct host *host, const struct json_node *operators, struct query *query)
{
    enum { OPERATORS_MAX = 256 }; /* Convex: MAX_QUERY_OPERATORS */
    if (json_count(operators) > OPERATORS_MAX) {
        return gate_refuse(
            host, "InvalidArgument", "A query has at most %d operators.", OPERATORS_MAX);
    }
    struct json_walk walk = json_walk_items(operators);
    for (const struct json_node *item = json_next_item(&walk); item != NULL;
         item = json_next_item(&walk)) {
        uint64_t limit = 0;
        if (!json_u64(json_get(item, SLICE("limit")), &limit)) {
            return unsupported(host, "an operator other than `limit`");
        }
        query->limit = limit < query->limit ? limit : query->limit;
    }
    return GATE_OK;
}

static enum gate_result read_query(struct host *host, struct gate_call *call, struct query *query)
{
    const struct json_node *text = json_get(call->args, SLICE("query"));
    const struct json_node *source = json_get(text, SLICE("source"));
    const struct slice type = json_string(json_get(source, SLICE("type")));
    if (!slice_equal(type, SLICE("FullTableScan"))) {
        return unsupported(host, "this source");
    }
    const struct slice order = json_string(json_get(source, SLICE("order")));
    *query = (struct query){
        .table = json_string(json_get(source, SLICE("tableName"))),
        .order = slice_equal(order, SLICE("desc")) ? STORE_DESCENDING : STORE_ASCENDING,
        .limit = UINT64_MAX,
    };
    if (!name_is_identifier(query->table)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `query` for `queryStream`: `tableName` is the name of a table.");
    }
    if (name_is_system_table(query->table)) {
        return gate_refuse(
            host, "SystemTableError", "System tables can only be accessed with db.system.");
    }
    if (order.size > 0 && !slice_equal(order, SLICE("asc")) && !slice_equal(order, SLICE("desc"))) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `query` for `queryStream`: `order` is \"asc\", \"desc\" or null.");
    }
    return read_operators(host, json_get(text, SLICE("operators")), query);
}

enum gate_result db_query_stream(struct host *host, struct gate_call *call)
{
    struct query query = {0};
    GATE_CHECK(read_query(host, call, &query));
    enum store_step step = STORE_DONE;
    bool found = false;
    uint32_t table = 0;
    GATE_TRY(host, store_table_find(host->options.txn, query.table, &step, &found, &table));
    WAIT_FOR(step);
    GATE_CHECK(charge_range(host));
    struct open_scan *scan = NULL;
    GATE_TRY(host, add_scan(host, &scan));
    scan->left = query.limit;
    if (found) {
        GATE_TRY(
            host,
            store_scan_open(host->options.txn, STORE_WHOLE_TABLE(table, query.order), &scan->scan));
    }
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_printf(&host->reply, "{\"queryId\":%u}", scan->query));
    call->length = host->reply.size;
    return GATE_OK;
}

enum gate_result db_query_stream_next(struct host *host, struct gate_call *call)
{
    struct open_scan *scan = find_scan(host, json_get(call->args, SLICE("queryId")));
    if (scan == NULL) {
        return gate_refuse(host, "QueryNotFound", "in-progress query not found");
    }
    bool found = false;
    struct row row = {0};
    if (scan->scan != NULL && scan->left > 0) {
        enum store_step step = STORE_DONE;
        struct slice body = {0};
        GATE_TRY(host, store_scan_next(scan->scan, &step, &found, &body));
        WAIT_FOR(step);
        if (found) {
            GATE_TRY(host, row_read(body, &row));
            GATE_CHECK(charge_read(host, call, row.size));
            scan->left--;
        }
    }
    buffer_clear(&host->reply);
    if (found) {
        GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"value\":")));
        GATE_TRY(host, buffer_append(&host->reply, row.json));
        GATE_TRY(host, buffer_append(&host->reply, SLICE(",\"done\":false}")));
    } else {
        close_scan(scan);
        GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"value\":null,\"done\":true}")));
    }
    call->length = host->reply.size;
    return GATE_OK;
}

enum gate_result db_query_cleanup(struct host *host, struct gate_call *call)
{
    struct open_scan *scan = find_scan(host, json_get(call->args, SLICE("queryId")));
    if (scan != NULL) {
        close_scan(scan);
    }
    return gate_reply(host, call, scan != NULL ? SLICE("true") : SLICE("false"));
}

/* -- Writing -------------------------------------------------------------------------------- */

/* Memory of one write while it is made: the tree of old and new document. */
static void init_scratch(struct host *host, struct arena *arena)
{
    arena_init_charged(arena, host->options.account);
}

/* Sub-millisecond steps keep the documents of one transaction in the order of their making. */
static double next_creation_time(struct host *host)
{
    const double now = (double)host->options.time_ns / 1e6;
    const double step = 0.001;
    const double least = host->last_creation_time + step;
    host->last_creation_time = now > host->last_creation_time ? now : least;
    return host->last_creation_time;
}

/* Checks the limits of a whole document, pays for it and hands it to the store. */
static enum gate_result store_document(
    struct host *host,
    struct gate_call *call,
    const struct document_id *id,
    double creation_time,
    const struct value *document)
{
    struct budget *budget = host->options.budget;
    const size_t size = value_size(document);
    if (size > budget->allowed[CORDON_LIMIT_DOCUMENT_BYTES]) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_DOCUMENT_BYTES, size,
            "Value is too large (%zu bytes > maximum size %llu bytes)", size,
            (unsigned long long)budget->allowed[CORDON_LIMIT_DOCUMENT_BYTES]);
    }
    GATE_TRY(host, document_check_limits(document, NULL)); /* what no limit may raise */
    GATE_CHECK(charge_write(host, call, size));
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init_charged(&row, SIZE_MAX, host->options.account);
    GATE_TRY(host, row_write(&row, document, size));
    const struct store_id key = store_id_of(id);
    GATE_TRY(host, store_put(host->options.txn, &key, creation_time, buffer_slice(&row)));
    return GATE_OK;
}

/* A system field that the guest gives must be what it is anyway. */
static bool same_system_fields(const struct value *given, const struct value *document)
{
    static const struct slice names[] = {
        {(const uint8_t *)"_id", 3},
        {(const uint8_t *)"_creationTime", 13},
    };
    for (size_t i = 0; i < 2; i++) {
        const struct value *field = value_field(given, names[i]);
        const struct value *actual = document == NULL ? NULL : value_field(document, names[i]);
        if (field != NULL && field->kind != VALUE_UNDEFINED &&
            (actual == NULL || !value_equal(field, actual))) {
            return false;
        }
    }
    return true;
}

static enum gate_result check_user_fields(
    struct host *host, const struct value *given, const struct value *document)
{
    GATE_TRY(host, document_check_names(given));
    if (!same_system_fields(given, document)) {
        return gate_refuse(
            host, "InvalidArgument",
            "The fields `_id` and `_creationTime` are the system's: leave them out, or give them "
            "as they are.");
    }
    return GATE_OK;
}

enum gate_result db_insert(struct host *host, struct gate_call *call)
{
    struct slice table_name = {0};
    GATE_CHECK(read_table_name(host, call, "db.insert", &table_name));
    const struct json_node *given = json_get(call->args, SLICE("value"));
    if (json_kind(given) != JSON_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `value` for `db.insert`: Value must be an Object");
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    init_scratch(host, &arena);
    struct value value = {0};
    GATE_TRY(host, value_from_json(given, &arena, &value));
    if (value.kind != VALUE_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `value` for `db.insert`: Value must be an Object");
    }
    GATE_CHECK(check_user_fields(host, &value, NULL));

    enum store_step step = STORE_DONE;
    uint32_t table = 0;
    GATE_TRY(host, store_table_ensure(host->options.txn, table_name, &step, &table));
    WAIT_FOR(step);
    uint8_t random[DOCUMENT_ID_RANDOM_BYTES];
    random_stream_fill(&host->ids, random, sizeof random);
    const struct document_id id = document_id_new(table, random, host->options.time_ns / 1000000);
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t id_size = document_id_encode(&id, id_text);
    const double creation_time = next_creation_time(host);
    struct value document = {0};
    GATE_TRY(
        host, document_with_system_fields(
                  &value, slice_of(id_text, id_size), creation_time, &arena, &document));
    GATE_CHECK(store_document(host, call, &id, creation_time, &document));
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_printf(&host->reply, "{\"_id\":\"%s\"}", id_text));
    call->length = host->reply.size;
    return GATE_OK;
}

/* An existing document, read to be changed. */
struct existing {
    struct document_id id;
    struct value document; /* in the scratch arena */
    double creation_time;
    struct slice json; /* borrowed until the next call on the store */
};

static enum gate_result read_existing(
    struct host *host,
    struct gate_call *call,
    const char *name,
    const char *verb,
    struct arena *arena,
    struct existing *out_existing)
{
    GATE_CHECK(read_id(host, call, name, &out_existing->id));
    bool found = false;
    struct row row = {0};
    GATE_CHECK(fetch(host, call, &out_existing->id, &found, &row));
    if (!found) {
        return gate_refuse(
            host, "NonexistentDocument", "%s on nonexistent document ID %.*s", verb,
            SLICE_FMT(json_string(json_get(call->args, SLICE("id")))));
    }
    GATE_TRY(host, value_parse(row.json, arena, &out_existing->document));
    const struct value *time = value_field(&out_existing->document, SLICE("_creationTime"));
    if (time == NULL || time->kind != VALUE_FLOAT64) {
        (void)host_stop(host, CORDON_OUTCOME_INTERNAL, "a stored document has no creation time");
        return GATE_STOP;
    }
    out_existing->creation_time = time->as.float64;
    out_existing->json = row.json;
    return GATE_OK;
}

/* Stores the new version of a document and answers with it. */
static enum gate_result rewrite(
    struct host *host,
    struct gate_call *call,
    const struct existing *existing,
    const struct value *fields,
    struct arena *arena)
{
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t id_size = document_id_encode(&existing->id, id_text);
    struct value document = {0};
    GATE_TRY(
        host, document_with_system_fields(
                  fields, slice_of(id_text, id_size), existing->creation_time, arena, &document));
    GATE_CHECK(store_document(host, call, &existing->id, existing->creation_time, &document));
    buffer_clear(&host->reply);
    GATE_TRY(host, value_write_encoded(&host->reply, &document));
    call->length = host->reply.size;
    return GATE_OK;
}

enum gate_result db_shallow_merge(struct host *host, struct gate_call *call)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    init_scratch(host, &arena);
    struct existing existing = {0};
    GATE_CHECK(read_existing(host, call, "db.patch", "Update", &arena, &existing));
    struct value patch = {0};
    GATE_TRY(host, value_patch_from_json(json_get(call->args, SLICE("value")), &arena, &patch));
    GATE_CHECK(check_user_fields(host, &patch, &existing.document));
    struct value merged = {0};
    GATE_TRY(host, value_merge(&existing.document, &patch, &arena, &merged));
    return rewrite(host, call, &existing, &merged, &arena);
}

enum gate_result db_replace(struct host *host, struct gate_call *call)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    init_scratch(host, &arena);
    struct existing existing = {0};
    GATE_CHECK(read_existing(host, call, "db.replace", "Replace", &arena, &existing));
    struct value value = {0};
    GATE_TRY(host, value_from_json(json_get(call->args, SLICE("value")), &arena, &value));
    if (value.kind != VALUE_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `value` for `db.replace`: Value must be an Object");
    }
    GATE_CHECK(check_user_fields(host, &value, &existing.document));
    return rewrite(host, call, &existing, &value, &arena);
}

enum gate_result db_remove(struct host *host, struct gate_call *call)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    init_scratch(host, &arena);
    struct existing existing = {0};
    GATE_CHECK(read_existing(host, call, "db.delete", "Delete", &arena, &existing));
    GATE_CHECK(charge_write(host, call, 0));
    GATE_CHECK(gate_reply(host, call, existing.json)); /* before the store is called again */
    const struct store_id key = store_id_of(&existing.id);
    GATE_TRY(host, store_remove(host->options.txn, &key, existing.creation_time));
    return GATE_OK;
}
