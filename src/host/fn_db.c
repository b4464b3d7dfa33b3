/*
 * convex/db-read and convex/db-write: documents, by Convex's syscalls.
 *
 * Each operation may be called again after the store had it wait; `host->operation` says how far
 * it had come. What a guest gets wrong is a refusal with Convex's code and words; limits on
 * documents and bytes are refusals too.
 */
#include "host/db.h"
#include "host/operations.h"
#include "value/document.h"
#include "value/id.h"
#include "value/name.h"
#include "value/row.h"

/* How far a call on a document has come that waits: what it names is checked, or read too. */
enum { STEP_NAMED = 1, STEP_FETCHED = 2 };

/* -- Accounts ------------------------------------------------------------------------------- */

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

/* -- Arguments ------------------------------------------------------------------------------ */

enum gate_result db_read_table_name(
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
    GATE_CHECK(db_read_table_name(host, call, name, &wanted));
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
    host->operation.step = STEP_NAMED;
    return GATE_OK;
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
        return db_charge_range(host);
    }
    enum store_step step = STORE_DONE;
    struct slice body = {0};
    const struct store_id key = store_id_of(id);
    GATE_TRY(host, store_get(host->options.txn, &key, &step, out_found, &body));
    WAIT_FOR(step);
    GATE_CHECK(db_charge_range(host));
    if (!*out_found) {
        return GATE_OK;
    }
    GATE_TRY(host, row_read(body, out_row));
    return db_charge_read(host, call, out_row->size);
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

enum gate_result db_normalize_id(struct host *host, struct gate_call *call)
{
    struct slice table_name = {0};
    GATE_CHECK(db_read_table_name(host, call, "db.normalizeId", &table_name));
    const struct json_node *text = json_get(call->args, SLICE("idString"));
    if (json_kind(text) != JSON_STRING) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `idString` for `db.normalizeId`: it is a string.");
    }
    struct document_id id = {0};
    enum store_step step = STORE_DONE;
    bool found = false;
    uint32_t table = 0;
    GATE_TRY(host, store_table_find(host->options.txn, table_name, &step, &found, &table));
    WAIT_FOR(step);
    buffer_clear(&host->reply);
    if (found && document_id_decode(json_string(text), &id) && id.table == table) {
        GATE_TRY(
            host, buffer_printf(&host->reply, "{\"id\":\"%.*s\"}", SLICE_FMT(json_string(text))));
    } else {
        GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"id\":null}")));
    }
    call->length = host->reply.size;
    return GATE_OK;
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
        char size_text[VALUE_SIZE_TEXT_BYTES];
        char most_text[VALUE_SIZE_TEXT_BYTES];
        value_size_text(size, size_text);
        value_size_text(budget->allowed[CORDON_LIMIT_DOCUMENT_BYTES], most_text);
        return gate_refuse_limit(
            host, CORDON_LIMIT_DOCUMENT_BYTES, size, "Value is too large (%s > maximum size %s)",
            size_text, most_text);
    }
    GATE_TRY(host, document_check_limits(document, NULL)); /* what no limit may raise */
    GATE_CHECK(charge_write(host, call, size));
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init_charged(&row, SIZE_MAX, host->options.account);
    GATE_TRY(host, row_write(&row, document, size));
    const struct store_id key = store_id_of(id);
    GATE_TRY(host, store_put(host->options.txn, &key, creation_time, buffer_slice(&row)));
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    (void)document_id_encode(id, id_text);
    budget_note_write(&budget->largest, size, id_text);
    budget_note_write(&budget->deepest, document->nesting, id_text);
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

/* Finds or makes the table, once: the number is kept for the case that what follows waits. */
static enum gate_result ensure_table(struct host *host, struct slice name)
{
    struct host_operation *operation = &host->operation;
    if (operation->step > 0) {
        return GATE_OK;
    }
    enum store_step step = STORE_DONE;
    cordon_error *error = store_table_ensure(host->options.txn, name, &step, &operation->table);
    if (error != NULL) {
        return db_fail_too_much(host, "TooManyTables", error);
    }
    WAIT_FOR(step);
    operation->step = STEP_NAMED;
    return GATE_OK;
}

enum gate_result db_insert(struct host *host, struct gate_call *call)
{
    struct slice table_name = {0};
    GATE_CHECK(db_read_table_name(host, call, "db.insert", &table_name));
    const struct json_node *given = json_get(call->args, SLICE("value"));
    if (json_kind(given) != JSON_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `value` for `db.insert`: Value must be an Object");
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    init_scratch(host, &arena);
    struct value value = {0};
    GATE_CHECK(
        db_check_argument(host, "value", "db.insert", value_from_json(given, &arena, &value)));
    if (value.kind != VALUE_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `value` for `db.insert`: Value must be an Object");
    }
    GATE_CHECK(check_user_fields(host, &value, NULL));

    GATE_CHECK(ensure_table(host, table_name));
    const uint32_t table = host->operation.table;
    GATE_CHECK(db_read_rules(host, call, table));
    bool unfit = false;
    GATE_CHECK(db_check_rules(host, call, table, NULL, &value, &arena, &unfit));
    uint8_t random[DOCUMENT_ID_RANDOM_BYTES];
    random_stream_fill(&host->ids, random, sizeof random);
    const double creation_time = next_creation_time(host);
    const struct document_id id = document_id_new(table, creation_time, random);
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t id_size = document_id_encode(&id, id_text);
    struct value document = {0};
    GATE_TRY(
        host, document_with_system_fields(
                  &value, slice_of(id_text, id_size), creation_time, &arena, &document));
    GATE_CHECK(store_document(host, call, &id, creation_time, &document));
    if (unfit) {
        GATE_CHECK(db_note_unfit(host, &id));
    }
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
    bool found = true;
    struct row row = {.json = buffer_slice(&host->fetched)};
    if (host->operation.step != STEP_FETCHED) {
        GATE_CHECK(fetch(host, call, &out_existing->id, &found, &row));
    }
    if (!found) {
        return gate_refuse(
            host, "NonexistentDocument", "%s on nonexistent document ID %.*s", verb,
            SLICE_FMT(json_string(json_get(call->args, SLICE("id")))));
    }
    GATE_TRY(host, value_parse(row.json, arena, &out_existing->document));
    const struct value *time = value_field(&out_existing->document, SLICE("_creationTime"));
    if (time == NULL || time->kind != VALUE_FLOAT64) {
        (void)host_stop(
            host, CORDON_OUTCOME_INTERNAL,
            "a stored document has no creation time; restore the data folder from a backup");
        return GATE_STOP;
    }
    out_existing->creation_time = time->as.float64;
    out_existing->json = row.json;
    return GATE_OK;
}

/*
 * The same for one that will be written anew. Where that has to be held against a schema, which may
 * wait, a copy of it is kept meanwhile, as reading it again would be another question to the store.
 */
static enum gate_result read_to_rewrite(
    struct host *host,
    struct gate_call *call,
    const char *name,
    const char *verb,
    struct arena *arena,
    struct existing *out_existing)
{
    GATE_CHECK(read_id(host, call, name, &out_existing->id));
    const uint32_t table = out_existing->id.table;
    GATE_CHECK(db_read_rules(host, call, table));
    GATE_CHECK(read_existing(host, call, name, verb, arena, out_existing));
    if (host->operation.step != STEP_FETCHED && db_has_rules(host, table)) {
        buffer_clear(&host->fetched);
        GATE_TRY(host, buffer_append(&host->fetched, out_existing->json));
        host->operation.step = STEP_FETCHED;
    }
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
    bool unfit = false;
    GATE_CHECK(
        db_check_rules(host, call, existing->id.table, &existing->id, fields, arena, &unfit));
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t id_size = document_id_encode(&existing->id, id_text);
    struct value document = {0};
    GATE_TRY(
        host, document_with_system_fields(
                  fields, slice_of(id_text, id_size), existing->creation_time, arena, &document));
    GATE_CHECK(store_document(host, call, &existing->id, existing->creation_time, &document));
    if (unfit) {
        GATE_CHECK(db_note_unfit(host, &existing->id));
    }
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
    GATE_CHECK(read_to_rewrite(host, call, "db.patch", "Update", &arena, &existing));
    struct value patch = {0};
    const struct json_node *given = json_get(call->args, SLICE("value"));
    GATE_CHECK(
        db_check_argument(host, "value", "db.patch", value_patch_from_json(given, &arena, &patch)));
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
    GATE_CHECK(read_to_rewrite(host, call, "db.replace", "Replace", &arena, &existing));
    struct value value = {0};
    const struct json_node *given = json_get(call->args, SLICE("value"));
    GATE_CHECK(
        db_check_argument(host, "value", "db.replace", value_from_json(given, &arena, &value)));
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
