/*
 * What a schema says of the documents that a run writes.
 *
 * The row of a table is read once a run, through its transaction: so the run is in conflict with a
 * deploy that changes it, and a record of the run holds what it was held against.
 */
#include "host/db.h"
#include "host/schema_row.h"
#include "value/document.h"
#include "value/json.h"

/* Of a table's row, for each byte; and of each step of a check. */
#define RULES_FUEL_PER_BYTE 16
#define CHECK_FUEL_PER_STEP 64

/* Words about one document: a value in them is cut. */
#define WORDS_BYTES_MAX ((size_t)1 << 20)

struct table_rules {
    struct table_rules *next;
    uint32_t table;
    struct schema_row row; /* both NULL: no schema names the table */
};

static const struct table_rules *known_rules(const struct host *host, uint32_t table)
{
    const struct table_rules *rules = host->rules;
    while (rules != NULL && rules->table != table) {
        rules = rules->next;
    }
    return rules;
}

/* Keeps what the row says, which is empty if there is none. */
static enum gate_result add_rules(
    struct host *host, struct gate_call *call, uint32_t table, struct slice row)
{
    struct table_rules *rules = arena_alloc(&host->arena, sizeof *rules);
    if (rules == NULL) {
        (void)host_stop_error(host, arena_error(&host->arena));
        return GATE_STOP;
    }
    rules->table = table;
    if (row.size > 0) {
        if (!gate_charge(host, call, row.size * RULES_FUEL_PER_BYTE)) {
            return GATE_STOP;
        }
        GATE_TRY(host, schema_row_read(row, &host->arena, host->options.account, &rules->row));
    }
    rules->next = host->rules;
    host->rules = rules;
    return GATE_OK;
}

enum gate_result db_read_rules(struct host *host, struct gate_call *call, uint32_t table)
{
    if (known_rules(host, table) != NULL) {
        return GATE_OK;
    }
    struct schema_row_key key;
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice row = {0};
    GATE_TRY(
        host,
        store_row_get(
            host->options.txn, KEYSPACE_MODULE, schema_row_key(&key, table), &step, &found, &row));
    WAIT_FOR(step);
    return add_rules(host, call, table, found ? row : (struct slice){0});
}

static bool asks_nothing(const struct schema_table *table)
{
    return table == NULL || validator_is_any(table->document);
}

bool db_has_rules(const struct host *host, uint32_t table)
{
    const struct table_rules *rules = known_rules(host, table);
    return rules != NULL && !(asks_nothing(rules->row.now) && asks_nothing(rules->row.next));
}

/* Holds a document against one table of a schema; the reason of a mismatch is in `words`. */
static enum gate_result match(
    struct host *host,
    struct gate_call *call,
    const struct schema_table *table,
    const struct value *document,
    struct buffer *words,
    bool *out_matches)
{
    *out_matches = true;
    if (asks_nothing(table)) {
        return GATE_OK;
    }
    host->checker.txn = host->options.txn;
    host->checker.arena = &host->arena;
    enum check_verdict verdict = CHECK_GOOD;
    cordon_error *error = check_value(&host->checker, table->document, document, words, &verdict);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_TOO_LARGE) {
        CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
        GATE_TRY(
            host, buffer_printf(
                      words, "%s; use fewer unions inside each other, or smaller values",
                      cordon_error_get_message(owned)));
        verdict = CHECK_BAD;
        error = NULL;
    }
    GATE_TRY(host, error);
    if (verdict == CHECK_PENDING) {
        return GATE_WAIT;
    }
    *out_matches = verdict == CHECK_GOOD;
    return gate_charge(host, call, host->checker.steps * CHECK_FUEL_PER_STEP) ? GATE_OK : GATE_STOP;
}

enum gate_result db_note_unfit(struct host *host, const struct document_id *id)
{
    struct schema_unfit_key key;
    GATE_TRY(
        host, store_row_put(
                  host->options.txn, KEYSPACE_MODULE, schema_unfit_key(&key, id), SLICE("true")));
    return GATE_OK;
}

/* Convex's words, which name the table, the field and what it must be; and which document it is. */
static enum gate_result refuse_document(
    struct host *host,
    const struct schema_table *table,
    const struct document_id *id,
    struct slice words)
{
    char id_text[DOCUMENT_ID_TEXT_MAX + 1] = "";
    if (id != NULL) {
        (void)document_id_encode(id, id_text);
    }
    return gate_refuse(
        host, "SchemaEnforcementError",
        "Failed to insert or update a document in table \"%.*s\" because it does not match the "
        "schema: %.*s%s%s",
        SLICE_FMT(table->name), SLICE_FMT(words), id == NULL ? "" : "\nDocument: ", id_text);
}

enum gate_result db_check_rules(
    struct host *host,
    struct gate_call *call,
    uint32_t table,
    const struct document_id *id,
    const struct value *document,
    struct arena *arena,
    bool *out_unfit)
{
    *out_unfit = false;
    if (!db_has_rules(host, table)) {
        return GATE_OK;
    }
    const struct schema_row *row = &known_rules(host, table)->row;
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init_charged(&words, WORDS_BYTES_MAX, host->options.account);
    struct value fields = {0};
    bool matches = true;
    GATE_TRY(host, document_without_system_fields(document, arena, &fields));
    GATE_CHECK(match(host, call, row->now, &fields, &words, &matches));
    if (!matches) {
        return refuse_document(host, row->now, id, buffer_slice(&words));
    }
    if (schema_same_documents(row->now, row->next)) {
        return GATE_OK;
    }
    GATE_CHECK(match(host, call, row->next, &fields, &words, &matches));
    *out_unfit = !matches;
    return GATE_OK;
}
