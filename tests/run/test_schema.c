/*
 * Schemas: what a deploy makes of the documents that are there, what is written under one, and that
 * a deploy which fails at any call of the store leaves the old functions whole and the next one
 * enough to go on.
 */
#include "run/relay.h"

#include "base/memory.h"
#include "host/schema_row.h"
#include "run/deploy/schema_change.h"
#include "run/internal.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- Modules and deploys -------------------------------------------------------------------- */

#define TABLE_OF(name, indexes, type)                                                              \
    "{\"tableName\":\"" name "\",\"indexes\":[" indexes "],\"documentType\":" type "}"
#define SCHEMA(tables) "{\"tables\":[" tables "],\"schemaValidation\":true}"
#define INDEX_OF(name, field) "{\"indexDescriptor\":\"" name "\",\"fields\":[\"" field "\"]}"
#define FIELD(name, type) "\"" name "\":{\"fieldType\":{\"type\":\"" type "\"},\"optional\":false}"
#define OBJECT(fields) "{\"type\":\"object\",\"value\":{" fields "}}"
#define NUMBERS OBJECT(FIELD("n", "number"))

static cordon_error *append_number(struct buffer *out, size_t number)
{
    while (number >= 128) {
        TRY(buffer_append_byte(out, (uint8_t)(number | 128)));
        number >>= 7;
    }
    return buffer_append_byte(out, (uint8_t)number);
}

/* The guest with a schema at its end; NULL: without. */
static struct buffer module_with(const char *guest, const char *schema)
{
    const struct slice name = SLICE("convex.schema");
    const struct slice bytes = harness_read_guest(guest);
    struct buffer wasm;
    buffer_init(&wasm, SIZE_MAX);
    assert_good(buffer_append(&wasm, bytes));
    if (schema != NULL) {
        assert_good(buffer_append_byte(&wasm, 0));
        assert_good(append_number(&wasm, 1 + name.size + strlen(schema)));
        assert_good(append_number(&wasm, name.size));
        assert_good(buffer_append(&wasm, name));
        assert_good(buffer_append(&wasm, slice_str(schema)));
    }
    mem_free((void *)(uintptr_t)bytes.data);
    return wasm;
}

static cordon_error *deploy(struct harness *harness, const char *schema, struct buffer *report)
{
    struct buffer wasm = module_with("relay", schema);
    const struct deploy_module module = {.name = SLICE("relay.wasm"), .wasm = buffer_slice(&wasm)};
    cordon_error *error =
        runner_deploy(harness->runner, TENANT_DEFAULT, &module, 1, DEPLOY_KEEP, NULL, report);
    if (error == NULL) { /* it is what runs now, and what records of them need */
        size_t size = 0;
        mem_free((void *)(uintptr_t)harness->modules[0].data);
        uint8_t *const bytes = buffer_take(&wasm, &size);
        harness->modules[0] = slice_of(bytes, size);
    }
    buffer_done(&wasm);
    return error;
}

/* The answer to a deploy, or the words of its refusal, in `out`. */
static const char *deployed(struct harness *harness, const char *schema, char *out)
{
    struct buffer report;
    buffer_init(&report, (size_t)1 << 20);
    cordon_error *error = deploy(harness, schema, &report);
    if (error == NULL) {
        (void)snprintf(out, RELAY_ANSWER_BYTES, "%.*s", SLICE_FMT(buffer_slice(&report)));
    } else {
        (void)snprintf(out, RELAY_ANSWER_BYTES, "refused: %s", cordon_error_get_message(error));
        cordon_error_free(error);
    }
    buffer_done(&report);
    return out;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        const size_t size = strlen(text);
        const char *end = size > 600 ? text + size - 600 : text; /* of a long one, the end */
        fail_msg("\nexpected: %s\n     got: %s", words, end);
    }
}

/* -- Documents ------------------------------------------------------------------------------ */

static void id_of(const char *answer, char out[64])
{
    const char *id = strstr(answer, "\"_id\":\"");
    assert_non_null(id);
    (void)snprintf(out, 64, "%.*s", (int)strcspn(id + 7, "\""), id + 7);
}

static void insert_numbers(struct harness *harness, int count)
{
    static char out[RELAY_ANSWER_BYTES];
    for (int n = 0; n < count; n++) {
        char args[100];
        (void)snprintf(args, sizeof args, "{\"table\":\"t\",\"value\":{\"n\":%d}}", n % 10);
        assert_says(relay_ask(harness, "relay:insert", args, out), "_id");
    }
}

/* How many documents an index gives for a number; -1: the query was refused, with `words`. */
static int count_by(struct harness *harness, const char *index, int n, const char *words)
{
    static char out[RELAY_ANSWER_BYTES];
    char args[400];
    (void)snprintf(
        args, sizeof args,
        "{\"query\":{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"t.%s\",\"range\":["
        "{\"type\":\"Eq\",\"fieldPath\":\"n\",\"value\":%d}],\"order\":\"asc\"},"
        "\"operators\":[]}}",
        index, n);
    (void)relay_ask(harness, "relay:all", args, out);
    if (strstr(out, "\"code\"") != NULL) {
        assert_says(out, words);
        return -1;
    }
    int count = 0;
    for (const char *at = out; (at = strstr(at, "\"_id\"")) != NULL; at++) {
        count++;
    }
    return count;
}

static void open_world(struct harness *harness, unsigned delay_ms, bool faulty)
{
    const struct harness_options options = {
        .guests = {"relay"}, .delay_ms = delay_ms, .faulty = faulty};
    harness_open(harness, &options);
}

/* -- Deploys -------------------------------------------------------------------------------- */

#define BY_N INDEX_OF("by_n", "n")
#define WITH_INDEX SCHEMA(TABLE_OF("t", BY_N, "null"))
#define WITH_BOTH SCHEMA(TABLE_OF("t", BY_N, NUMBERS))

/* More documents than one transaction of the change takes. */
static void a_deploy_fills_its_indexes(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 1500);
    assert_int_equal(count_by(&harness, "by_n", 3, "Index t.by_n not found."), -1);
    (void)deployed(&harness, WITH_BOTH, out);
    assert_says(out, "\"schema\":{\"tables\":[" TABLE_OF("t", BY_N, NUMBERS) "]");
    assert_says(out, "\"documentsChecked\":1500,\"indexRows\":15");
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 150);
    insert_numbers(&harness, 10);
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 151);

    /* The same again has nothing to check or to fill. */
    assert_says(deployed(&harness, WITH_BOTH, out), "\"documentsChecked\":0,\"indexRows\":0");

    /* Under the same name on another field, it is another index. */
    (void)deployed(&harness, SCHEMA(TABLE_OF("t", INDEX_OF("by_n", "m"), "null")), out);
    assert_int_equal(count_by(&harness, "by_n", 3, "FieldNotInIndex"), -1);

    /* Without a schema there is none. */
    assert_says(deployed(&harness, NULL, out), "\"schema\":{\"tables\":[]");
    assert_int_equal(count_by(&harness, "by_n", 3, "Index t.by_n not found."), -1);
    assert_says(
        relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out),
        "_id");
    harness_close(&harness);
}

#define STAGED(index, type)                                                                        \
    SCHEMA("{\"tableName\":\"t\",\"indexes\":[],\"stagedDbIndexes\":[" index                       \
           "],\"documentType\":" type "}")

/*
 * No deploy waits for an index that is staged. It is filled and kept up, and can be used from the
 * deploy on that enables it, which finds nothing left to fill.
 */
static void check_staged(unsigned delay_ms)
{
    static char out[RELAY_ANSWER_BYTES];
    static const char words[] =
        "IndexStagedError\",\"message\":\"Index t.by_n is currently staged and not available to "
        "query until it is enabled.";
    struct harness harness;
    open_world(&harness, delay_ms, false);
    insert_numbers(&harness, 20);
    (void)deployed(&harness, STAGED(BY_N, "null"), out);
    assert_says(out, "\"indexes\":[],\"stagedDbIndexes\":[" BY_N "],\"documentType\":null}");
    assert_says(out, "\"documentsChecked\":0,\"indexRows\":0");
    assert_int_equal(count_by(&harness, "by_n", 3, words), -1);
    insert_numbers(&harness, 10);
    assert_says(deployed(&harness, STAGED(BY_N, NUMBERS), out), "\"documentsChecked\":30");
    assert_int_equal(count_by(&harness, "by_n", 3, words), -1);
    insert_numbers(&harness, 10);
    assert_says(deployed(&harness, WITH_BOTH, out), "\"documentsChecked\":0,\"indexRows\":0");
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 4);

    /* And back, and away. */
    (void)deployed(&harness, STAGED(BY_N, NUMBERS), out);
    assert_int_equal(count_by(&harness, "by_n", 3, words), -1);
    (void)deployed(&harness, NULL, out);
    assert_int_equal(count_by(&harness, "by_n", 3, "Index t.by_n not found."), -1);
    harness_close(&harness);
}

static void a_staged_index_waits_to_be_enabled(void **state)
{
    (void)state;
    check_staged(0);
    check_staged(1);
}

/* A document that does not fit refuses the deploy, and all stays as it was. */
static void check_refusal(unsigned delay_ms)
{
    static char out[RELAY_ANSWER_BYTES];
    char words[400];
    char id[64];
    struct harness harness;
    open_world(&harness, delay_ms, false);
    insert_numbers(&harness, 3);
    assert_says(deployed(&harness, WITH_INDEX, out), "\"indexRows\":4");
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out);
    id_of(out, id);
    (void)deployed(&harness, SCHEMA(TABLE_OF("t", BY_N "," INDEX_OF("by_m", "m"), NUMBERS)), out);
    (void)snprintf(
        words, sizeof words,
        "refused: Schema validation failed. Document with ID \"%s\" in table \"t\" does not match "
        "the schema: Value does not match validator.\nPath: .n\nValue: \"x\"\n"
        "Validator: v.float64()",
        id);
    assert_says(out, words);
    assert_int_equal(count_by(&harness, "by_n", 1, ""), 1);
    assert_int_equal(count_by(&harness, "by_m", 1, "Index t.by_m not found."), -1);
    assert_says(
        relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"y\"}}", out),
        "_id");

    /* Nothing of it is left: the index that both have is not filled again. */
    assert_says(deployed(&harness, WITH_INDEX, out), "\"documentsChecked\":0,\"indexRows\":0");
    harness_close(&harness);
}

static void a_document_refuses_a_deploy(void **state)
{
    (void)state;
    check_refusal(0);
    check_refusal(1);
}

static const struct {
    const char *first;
    const char *second; /* of another module; NULL: there is none */
    const char *words;
} refusals[] = {
    {WITH_INDEX, WITH_INDEX,
     "The table `t` is in the schemas of two modules, one.wasm and two.wasm."},
    {"{", NULL, "one.wasm: The schema is not valid: "},
    {"{\"tables\":[],\"tables\":[]}", NULL, "the key \"tables\" twice"},
    {SCHEMA(TABLE_OF("_t", "", "null")), NULL, "_t is a reserved table name"},
    {"{\"tables\":[{\"tableName\":\"t\",\"indexes\":[],\"searchIndexes\":[{}]}]}", NULL,
     "`searchIndexes` are not there yet"},
};

static void a_schema_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 0, false);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct buffer first = module_with("relay", refusals[i].first);
        struct buffer second = module_with("documents", refusals[i].second);
        const struct deploy_module modules[] = {
            {.name = SLICE("one.wasm"), .wasm = buffer_slice(&first)},
            {.name = SLICE("two.wasm"), .wasm = buffer_slice(&second)},
        };
        struct buffer report;
        buffer_init(&report, (size_t)1 << 20);
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            runner_deploy(harness.runner, TENANT_DEFAULT, modules, 2, DEPLOY_KEEP, NULL, &report);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_MODULE_REFUSED);
        assert_says(cordon_error_get_message(error), refusals[i].words);
        buffer_done(&report);
        buffer_done(&first);
        buffer_done(&second);
    }
    harness_close(&harness);
}

/* -- Writes --------------------------------------------------------------------------------- */

#define FAILED                                                                                     \
    "SchemaEnforcementError\",\"message\":\"Failed to insert or update a document in table "       \
    "\\\"t\\\" because it does not match the schema: "
#define REFERENCE                                                                                  \
    "{\"type\":\"union\",\"value\":[" OBJECT(FIELD("n", "number")) "," OBJECT(                     \
        "\"of\":{\"fieldType\":{\"type\":\"id\",\"tableName\":\"u\"},\"optional\":false}") "]}"

static void fill_in(const char *text, const char *t_id, const char *u_id, char out[200])
{
    size_t size = 0;
    for (; *text != '\0'; text++) {
        const char *id = *text == '@' ? t_id : *text == '#' ? u_id : NULL;
        size += (size_t)snprintf(
            out + size, 200 - size, "%.*s", id == NULL ? 1 : 64, id == NULL ? text : id);
    }
}

static void check_writes(unsigned delay_ms)
{
    static char out[RELAY_ANSWER_BYTES];
    char args[200];
    char words[200];
    char t_id[64];
    char u_id[64];
    struct harness harness;
    open_world(&harness, delay_ms, false);
    assert_says(
        deployed(&harness, SCHEMA(TABLE_OF("t", "", REFERENCE) "," TABLE_OF("u", "", "null")), out),
        "\"schema\"");
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"u\",\"value\":{\"any\":true}}", out);
    id_of(out, u_id);
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":1}}", out);
    id_of(out, t_id);
    const struct {
        const char *path;
        const char *args; /* `@` is the id of a document in `t`, `#` of one in `u` */
        const char *words;
    } writes[] = {
        {"relay:insert", "{\"table\":\"t\",\"value\":{\"of\":\"#\"}}", "\"_id\""},
        {"relay:insert", "{\"table\":\"t\",\"value\":{\"of\":\"@\"}}", FAILED "Value does not"},
        {"relay:insert", "{\"table\":\"t\",\"value\":{}}",
         FAILED "Value does not match validator."},
        {"relay:insert", "{\"table\":\"t\",\"value\":{\"n\":1,\"m\":1}}", FAILED},
        {"relay:patch", "{\"id\":\"@\",\"value\":{\"n\":2}}", "\"n\":2"},
        {"relay:patch", "{\"table\":\"t\",\"id\":\"@\",\"value\":{\"n\":\"x\"}}", FAILED},
        {"relay:patch", "{\"id\":\"@\",\"value\":{\"n\":\"x\"}}", "\\nDocument: @\"}"},
        {"relay:patch", "{\"id\":\"@\",\"value\":{\"n\":{\"$undefined\":null},\"of\":\"#\"}}",
         "\"of\":"},
        {"relay:replace", "{\"table\":\"t\",\"id\":\"@\",\"value\":{\"n\":5}}", "\"n\":5"},
        {"relay:replace", "{\"id\":\"@\",\"value\":{}}", FAILED},
        {"relay:replace", "{\"id\":\"@\",\"value\":{}}", "\\nDocument: @\"}"},
        {"relay:replace", "{\"id\":\"#\",\"value\":{}}", "\"_id\""},
    };
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        fill_in(writes[i].args, t_id, u_id, args);
        fill_in(writes[i].words, t_id, u_id, words);
        assert_says(relay_ask(&harness, writes[i].path, args, out), words);
    }
    harness_close(&harness);
}

static void writes_are_held_against_the_schema(void **state)
{
    (void)state;
    check_writes(0);
    check_writes(1);
}

/* However long the value is, what it was held against is told behind it. */
static void a_long_value_hides_no_validator(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    static char args[7000];
    static char value[6001];
    struct harness harness;
    open_world(&harness, 0, false);
    assert_says(deployed(&harness, SCHEMA(TABLE_OF("t", "", NUMBERS)), out), "\"schema\"");
    memset(value, 'x', sizeof value - 1);
    (void)snprintf(args, sizeof args, "{\"table\":\"t\",\"value\":{\"n\":\"%s\"}}", value);
    assert_says(relay_ask(&harness, "relay:insert", args, out), FAILED "Value does not match");
    assert_says(out, "xxx\\\"\\nValidator: v.float64()\"}");
    harness_close(&harness);
}

/* -- Meanwhile ------------------------------------------------------------------------------ */

/* A schema that a deploy brings step by step. */
struct bringing {
    struct arena arena;
    struct json_doc *doc;
    struct schema schema;
    struct schema_change change;
};

static void begin_bringing(struct harness *harness, const char *text, struct bringing *bringing)
{
    const struct json_limits limits = {.bytes_max = (size_t)1 << 20, .depth_max = 64};
    *bringing = (struct bringing){.doc = NULL};
    arena_init(&bringing->arena, (size_t)1 << 20);
    assert_good(json_parse(slice_str(text), &limits, &bringing->doc));
    assert_good(schema_read(json_root(bringing->doc), &bringing->arena, &bringing->schema));
    bringing->change = (struct schema_change){
        .store = harness->store,
        .tenant = TENANT_DEFAULT,
        .schema = &bringing->schema,
        .stops = &harness->runner->stops_deploys,
    };
}

static void end_bringing(struct bringing *bringing)
{
    json_free(bringing->doc);
    arena_done(&bringing->arena);
}

static cordon_error *finish_change(struct harness *harness, const struct schema *schema)
{
    struct rows rows;
    bool conflict = false;
    const struct store_commit_facts facts = {.audit_body = {0}};
    assert_good(rows_begin(harness->store, TENANT_DEFAULT, &rows));
    cordon_error *error = schema_change_finish(&rows, schema);
    if (error == NULL) {
        error = rows_commit(&rows, &facts, &conflict);
    }
    rows_end(&rows);
    assert_false(conflict);
    return error;
}

/* What is written between the check of the documents and the switch is checked by who writes. */
static void what_is_written_meanwhile_is_seen(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 20);
    struct bringing bringing;
    begin_bringing(&harness, WITH_BOTH, &bringing);
    for (int round = 0; round < 2; round++) {
        assert_good(schema_change_begin(&bringing.change));
        insert_numbers(&harness, 10);
        const bool fits = round == 1;
        assert_says(
            relay_ask(
                &harness, "relay:insert",
                fits ? "{\"table\":\"t\",\"value\":{\"n\":50}}"
                     : "{\"table\":\"u\",\"value\":{\"n\":\"x\"}}",
                out),
            "_id");
        if (!fits) {
            char args[200];
            char id[64];
            (void)relay_ask(
                &harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out);
            id_of(out, id);
            (void)snprintf(args, sizeof args, "{\"id\":\"%s\",\"value\":{\"n\":7}}", id);
            char words[400];
            (void)snprintf(
                words, sizeof words,
                "the document with ID \"%s\" was written to table \"t\", and does not match it: "
                "Value does not match validator.\nPath: .n\nValue: \"x\"",
                id);
            CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
                finish_change(&harness, &bringing.schema);
            assert_non_null(error);
            assert_says(cordon_error_get_message(error), words);
            assert_says(relay_ask(&harness, "relay:patch", args, out), "\"n\":7");
        } else {
            assert_good(finish_change(&harness, &bringing.schema));
        }
    }
    assert_int_equal(count_by(&harness, "by_n", 7, ""), 5);
    assert_says(
        relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out),
        "SchemaEnforcementError");
    end_bringing(&bringing);
    harness_close(&harness);
}

/* Whether a document that does not fit is among those that a deploy still looks at. */
static bool has_note(struct harness *harness)
{
    enum store_step step = STORE_PENDING;
    bool found = false;
    struct slice key = {0};
    struct slice value = {0};
    struct document_id id;
    struct rows rows;
    assert_good(rows_begin(harness->store, TENANT_DEFAULT, &rows));
    assert_good(store_row_next(
        rows.txn, KEYSPACE_MODULE, SLICE(SCHEMA_UNFIT_PREFIX), true, &step, &found, &key, &value));
    assert_int_equal(step, STORE_DONE);
    const bool is_note = found && schema_unfit_is_key(key, &id);
    rows_end(&rows);
    return is_note;
}

/* A write that was undone refuses no deploy, and neither does a document that was mended. */
static void what_does_not_stay_refuses_nothing(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    char inner[RELAY_JSON_BYTES];
    char call[4096];
    char args[200];
    char id[64];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 20);
    struct bringing bringing;
    begin_bringing(&harness, WITH_BOTH, &bringing);
    assert_good(schema_change_begin(&bringing.change));
    assert_false(has_note(&harness));
    (void)snprintf(
        call, sizeof call,
        "{\"udfType\":\"mutation\",\"name\":\"relay:insert_then_trap\",\"args\":%s}",
        relay_quote("{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", inner));
    assert_says(relay_ask(&harness, "relay:try", call, out), "unreachable");
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out);
    id_of(out, id);
    assert_true(has_note(&harness));
    (void)snprintf(args, sizeof args, "{\"id\":\"%s\",\"value\":{\"n\":7}}", id);
    assert_says(relay_ask(&harness, "relay:patch", args, out), "\"n\":7");
    assert_good(finish_change(&harness, &bringing.schema));
    assert_int_equal(count_by(&harness, "by_n", 7, ""), 4); /* one that `relay:try` has made */
    assert_false(has_note(&harness));
    end_bringing(&bringing);
    harness_close(&harness);
}

/* Those that a deploy has left which ended before its end are of no use to the next. */
static void notes_of_an_earlier_deploy_are_forgotten(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 20);
    struct bringing bringing;
    begin_bringing(&harness, WITH_BOTH, &bringing);
    assert_good(schema_change_begin(&bringing.change));
    for (int n = 0; n < 600; n++) { /* more than one transaction takes away */
        (void)relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"n\":\"x\"}}", out);
    }
    assert_true(has_note(&harness));
    assert_good(schema_change_abandon(&bringing.change));
    assert_false(has_note(&harness));
    assert_says(deployed(&harness, WITH_INDEX, out), "\"schema\"");
    end_bringing(&bringing);
    harness_close(&harness);
}

/* What is left of filling a staged index, by a process that ended, is done before it is enabled. */
static void a_staged_index_is_filled_before_it_is_enabled(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 20);
    struct bringing bringing;
    begin_bringing(&harness, STAGED(BY_N, "null"), &bringing);
    assert_good(schema_change_begin(&bringing.change));
    assert_int_equal(bringing.change.rows, 0);
    assert_good(finish_change(&harness, &bringing.schema));
    insert_numbers(&harness, 10);
    assert_int_equal(count_by(&harness, "by_n", 3, "IndexStagedError"), -1);
    assert_says(deployed(&harness, WITH_INDEX, out), "\"documentsChecked\":0,\"indexRows\":31");
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 3);
    end_bringing(&bringing);
    harness_close(&harness);
}

/* -- Failures ------------------------------------------------------------------------------- */

/*
 * Each call of the store fails in turn. Wherever that is, the old functions find their index, and
 * the new one is not there, or all of it is; and the same deploy succeeds the next time.
 */
static void a_deploy_that_fails_changes_nothing(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    uint64_t calls = 1;
    for (uint64_t nth = 1; nth <= calls; nth += 3) {
        struct harness harness;
        open_world(&harness, 0, true);
        insert_numbers(&harness, 20);
        assert_says(deployed(&harness, WITH_INDEX, out), "\"schema\"");
        (void)store_fault_nth(harness.store, nth);
        const char *answer =
            deployed(&harness, SCHEMA(TABLE_OF("t", INDEX_OF("by_n2", "n"), NUMBERS)), out);
        const bool failed = strstr(answer, "refused: ") != NULL;
        const uint64_t made = store_fault_nth(harness.store, 0);
        calls = failed ? nth + 1 : made;
        if (failed) {
            assert_says(answer, "was told to fail");
            assert_int_equal(count_by(&harness, "by_n", 3, ""), 2);
            assert_int_equal(count_by(&harness, "by_n2", 3, "by_n2"), -1);
        }
        (void)deployed(&harness, SCHEMA(TABLE_OF("t", INDEX_OF("by_n2", "n"), NUMBERS)), out);
        assert_says(out, "\"schema\"");
        assert_int_equal(count_by(&harness, "by_n", 3, "Index t.by_n not found."), -1);
        assert_int_equal(count_by(&harness, "by_n2", 3, ""), 2);
        harness_close(&harness);
    }
}

/* -- What a deploy leaves ------------------------------------------------------------------- */

/* Whether indexes have work left; asking does none of it. */
static bool has_work(struct harness *harness)
{
    enum store_step step = STORE_PENDING;
    size_t done = 0;
    struct rows rows;
    assert_good(rows_begin(harness->store, TENANT_DEFAULT, &rows));
    assert_good(store_index_work(rows.txn, STORE_INDEX_ALL, 1, &step, &done));
    assert_int_equal(step, STORE_DONE);
    rows_end(&rows);
    return done > 0;
}

/* Takes the index of the first table away as a deploy does that ends before it has tidied up. */
static void drop_indexes(struct harness *harness)
{
    enum store_step step = STORE_PENDING;
    bool conflict = true;
    struct rows rows;
    const struct store_commit_facts facts = {.audit_body = {0}};
    assert_good(rows_begin(harness->store, TENANT_DEFAULT, &rows));
    assert_good(store_indexes_put(rows.txn, 10001, NULL, 0, &step));
    assert_int_equal(step, STORE_DONE);
    assert_good(rows_commit(&rows, &facts, &conflict));
    assert_false(conflict);
    rows_end(&rows);
}

static void wait_for_tender(struct harness *harness)
{
    const uint64_t until = clock_monotonic_ns() + (uint64_t)20000000000;
    while (has_work(harness)) {
        assert_true(clock_monotonic_ns() < until);
    }
}

/* By the thread of a program that lives long: what was left before it, and what a deploy leaves. */
static void what_a_deploy_left_goes_on_by_itself(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 300);
    assert_says(deployed(&harness, WITH_INDEX, out), "\"schema\"");
    assert_false(has_work(&harness));
    drop_indexes(&harness);
    assert_true(has_work(&harness));
    assert_good(runner_tend(harness.runner));
    assert_good(runner_tend(harness.runner)); /* there is one */
    wait_for_tender(&harness);
    assert_says(deployed(&harness, WITH_INDEX, out), "\"schema\"");
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 30);
    assert_says(deployed(&harness, NULL, out), "\"schema\"");
    wait_for_tender(&harness);
    harness_close(&harness);
}

/* A staged index of a deploy that ended right behind its switch, and nothing of it is filled. */
static void stage_index(struct harness *harness)
{
    struct bringing bringing;
    begin_bringing(harness, STAGED(BY_N, "null"), &bringing);
    assert_good(schema_change_begin(&bringing.change));
    assert_good(finish_change(harness, &bringing.schema));
    end_bringing(&bringing);
    assert_true(has_work(harness));
}

/* A staged index that a process left behind is filled by the next, without a deploy. */
static void a_staged_index_goes_on_by_itself(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 300);
    stage_index(&harness);
    assert_good(runner_tend(harness.runner));
    wait_for_tender(&harness);
    assert_int_equal(count_by(&harness, "by_n", 3, "IndexStagedError"), -1);
    assert_says(deployed(&harness, WITH_INDEX, out), "\"documentsChecked\":0,\"indexRows\":0");
    assert_int_equal(count_by(&harness, "by_n", 3, ""), 30);
    harness_close(&harness);
}

#define STAGED_BESIDE                                                                              \
    SCHEMA("{\"tableName\":\"t\",\"indexes\":[" INDEX_OF(                                          \
        "by_m", "m") "],\"stagedDbIndexes\":[" BY_N "],\"documentType\":null}")

/* Nor does a later deploy wait for it, or for what is dropped: it fills what it needs alone. */
static void a_deploy_waits_for_its_own_indexes_alone(void **state)
{
    (void)state;
    static char out[RELAY_ANSWER_BYTES];
    struct harness harness;
    open_world(&harness, 0, false);
    insert_numbers(&harness, 300);
    stage_index(&harness);
    struct bringing bringing;
    begin_bringing(&harness, STAGED_BESIDE, &bringing);
    assert_good(schema_change_begin(&bringing.change));
    assert_int_equal(bringing.change.rows, 301);
    assert_good(finish_change(&harness, &bringing.schema));
    end_bringing(&bringing);
    assert_true(has_work(&harness));
    assert_says(deployed(&harness, STAGED_BESIDE, out), "\"documentsChecked\":0,\"indexRows\":0");
    assert_false(has_work(&harness)); /* without a thread for it, before the deploy returns */
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deploy_fills_its_indexes),
        cmocka_unit_test(a_staged_index_waits_to_be_enabled),
        cmocka_unit_test(a_document_refuses_a_deploy),
        cmocka_unit_test(a_schema_that_cannot_be_is_refused),
        cmocka_unit_test(writes_are_held_against_the_schema),
        cmocka_unit_test(a_long_value_hides_no_validator),
        cmocka_unit_test(what_is_written_meanwhile_is_seen),
        cmocka_unit_test(what_does_not_stay_refuses_nothing),
        cmocka_unit_test(notes_of_an_earlier_deploy_are_forgotten),
        cmocka_unit_test(a_staged_index_is_filled_before_it_is_enabled),
        cmocka_unit_test(a_deploy_that_fails_changes_nothing),
        cmocka_unit_test(what_a_deploy_left_goes_on_by_itself),
        cmocka_unit_test(a_staged_index_goes_on_by_itself),
        cmocka_unit_test(a_deploy_waits_for_its_own_indexes_alone),
    };
    return cmocka_run_group_tests_name("run/schema", tests, NULL, NULL);
}
