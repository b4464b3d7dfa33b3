/*
 * Queries as guests make them: sources, filters, limits and pages, over a store that answers at
 * once and over one that has each call wait; what is refused; and that a replay of each is the
 * same.
 */
#include "run/relay.h"

#include "base/memory.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { DOCUMENTS = 12 };

/* -- Calls ---------------------------------------------------------------------------------- */

/* The field `n` of each document of an answer, such as "0 1 2 "; all else is left out. */
static const char *numbers_of(const char *json, const char *list, char *out)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 72};
    struct json_doc *doc = NULL;
    assert_good(json_parse(slice_str(json), &limits, &doc));
    const struct json_node *root = json_root(doc);
    const bool is_page = list != NULL;
    struct json_walk walk = json_walk_items(is_page ? json_get(root, slice_str(list)) : root);
    size_t size = 0;
    out[0] = '\0';
    for (const struct json_node *item = json_next_item(&walk); item != NULL;
         item = json_next_item(&walk)) {
        const struct json_node *document = is_page ? item : json_get(item, SLICE("value"));
        const struct json_node *n = json_get(document, SLICE("n"));
        if (json_kind(n) == JSON_NUMBER) {
            size += (size_t)snprintf(out + size, 256 - size, "%.0f ", json_number(n));
        }
    }
    json_free(doc);
    return out;
}

/* A text field of an answer. */
static void text_of(const char *json, const char *name, char *out, size_t out_size)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 72};
    struct json_doc *doc = NULL;
    assert_good(json_parse(slice_str(json), &limits, &doc));
    const struct slice text = json_string(json_get(json_root(doc), slice_str(name)));
    (void)snprintf(out, out_size, "%.*s", SLICE_FMT(text));
    json_free(doc);
}

/* A text with an id in place of each `@`. */
static void fill_in(const char *text, const char *id, char out[400])
{
    size_t size = 0;
    for (; *text != '\0'; text++) {
        size += *text == '@' ? (size_t)snprintf(out + size, 400 - size, "%s", id)
                             : (size_t)snprintf(out + size, 400 - size, "%c", *text);
    }
}

/* -- The world ------------------------------------------------------------------------------ */

static const struct store_index indexes[] = {
    {
        .name = {(const uint8_t *)"by_a", 4},
        .fields = {{(const uint8_t *)"a", 1}},
        .field_count = 1,
    },
    {
        .name = {(const uint8_t *)"by_a_b", 6},
        .fields = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}},
        .field_count = 2,
    },
};

static void wake_nobody(void *arg)
{
    (void)arg;
}

/* Before there is a document they are enabled at once; later they would have to be filled. */
static void make_indexes(struct store *store, size_t count)
{
    struct store_txn *txn = NULL;
    enum store_step step = STORE_DONE;
    uint32_t table = 0;
    struct store_commit_result result = {0};
    const struct store_commit_facts facts = {.audit_body = {0}};
    assert_good(store_begin(store, 1, (struct store_wake){wake_nobody, NULL}, &txn));
    do {
        assert_good(store_table_ensure(txn, SLICE("t"), &step, &table));
    } while (step == STORE_PENDING);
    do {
        assert_good(store_indexes_put(txn, table, indexes, count, &step));
    } while (step == STORE_PENDING);
    do {
        assert_good(store_commit(txn, &facts, &step, &result));
    } while (step == STORE_PENDING);
    assert_false(result.conflict);
    store_end(&txn);
}

/* Document n has a = n / 4 and b = -(n % 4), or no b where that is 0. */
static void open_world(struct harness *harness, unsigned delay_ms)
{
    const struct harness_options options = {.guests = {"relay"}, .delay_ms = delay_ms};
    harness_open(harness, &options);
    make_indexes(harness->store, 2);
    static char out[65536];
    for (int n = 0; n < DOCUMENTS; n++) {
        char args[200];
        char b[24] = "";
        if (n % 4 != 0) {
            (void)snprintf(b, sizeof b, "\"b\":%d,", -(n % 4));
        }
        (void)snprintf(
            args, sizeof args, "{\"table\":\"t\",\"value\":{\"a\":%d,%s\"n\":%d}}", n / 4, b, n);
        assert_non_null(strstr(relay_ask(harness, "relay:insert", args, out), "_id"));
    }
}

/* -- Streams -------------------------------------------------------------------------------- */

#define C(type, path, value)                                                                       \
    "{\"type\":\"" type "\",\"fieldPath\":\"" path "\",\"value\":" value "}"
#define TABLE(order, operators)                                                                    \
    "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"t\",\"order\":" order      \
    "},\"operators\":[" operators "]}"
#define INDEX(name, range, order, operators)                                                       \
    "{\"query\":{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"" name "\",\"range\":[" range \
    "],\"order\":\"" order "\"},\"operators\":[" operators "]}"
#define EVEN                                                                                       \
    "{\"filter\":{\"$eq\":[{\"$mod\":[{\"$field\":\"n\"},{\"$literal\":2}]},{\"$literal\":0}]}}"

static const struct {
    const char *query; /* without the last brace */
    const char *numbers;
} streams[] = {
    {TABLE("null", ""), "0 1 2 3 4 5 6 7 8 9 10 11 "},
    {TABLE("\"desc\"", ""), "11 10 9 8 7 6 5 4 3 2 1 0 "},
    {TABLE("\"asc\"", "{\"limit\":3}"), "0 1 2 "},
    {TABLE("\"asc\"", "{\"limit\":0}"), ""},
    {TABLE("\"asc\"", EVEN), "0 2 4 6 8 10 "},
    {TABLE("\"asc\"", EVEN ",{\"limit\":2}"), "0 2 "},
    {TABLE("\"asc\"", "{\"limit\":2}," EVEN), "0 "},
    {INDEX("t.by_creation_time", "", "desc", "{\"limit\":2}"), "11 10 "},
    {INDEX("t.by_a", C("Eq", "a", "1"), "asc", ""), "4 5 6 7 "},
    {INDEX("t.by_a", C("Eq", "a", "1"), "desc", ""), "7 6 5 4 "},
    {INDEX("t.by_a", C("Gt", "a", "0") "," C("Lt", "a", "2"), "asc", ""), "4 5 6 7 "},
    {INDEX("t.by_a", C("Gt", "a", "5"), "asc", ""), ""},
    {INDEX("t.by_a", C("Gt", "a", "1") "," C("Lt", "a", "1"), "asc", ""), ""},
    {INDEX("t.by_a_b", C("Eq", "a", "2"), "asc", ""), "8 11 10 9 "}, /* a missing b comes first */
    {INDEX("t.by_a_b", C("Eq", "a", "2") "," C("Gte", "b", "-2"), "asc", ""), "10 9 "},
    {INDEX("t.by_a_b", C("Eq", "a", "2") "," C("Eq", "b", "{\"$undefined\":null}"), "asc", ""),
     "8 "},
    {INDEX("t.by_a", C("Eq", "a", "1"), "asc", EVEN ",{\"limit\":1}"), "4 "},
};

static void check_streams(unsigned delay_ms)
{
    static char out[65536];
    struct harness harness;
    open_world(&harness, delay_ms);
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        char args[1000];
        char numbers[256];
        (void)snprintf(args, sizeof args, "%s}", streams[i].query);
        (void)numbers_of(relay_ask(&harness, "relay:all", args, out), NULL, numbers);
        if (strcmp(numbers, streams[i].numbers) != 0) {
            fail_msg("%s: %s: %s", args, numbers, out);
        }
    }
    harness_close(&harness);
}

static void streams_give_what_is_asked_for(void **state)
{
    (void)state;
    check_streams(0);
    check_streams(1);
}

/* Documents that filters leave out are read, and count. */
static void what_is_left_out_is_read(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 0);
    struct called called;
    char text[8192];
    const struct outcome *outcome = call(
        &called, &harness, "relay:all",
        relay_quote(TABLE("\"asc\"", EVEN ",{\"limit\":2}") "}", text));
    assert_int_equal(outcome->used[CORDON_LIMIT_DOCUMENTS_READ], 3); /* 0, 1 and 2 */
    assert_int_equal(outcome->used[CORDON_LIMIT_INDEX_RANGES], 1);
    called_end(&called);
    outcome = call(
        &called, &harness, "relay:all",
        relay_quote(INDEX("t.by_a", C("Eq", "a", "1"), "asc", "") "}", text));
    assert_int_equal(outcome->used[CORDON_LIMIT_DOCUMENTS_READ], 4);
    called_end(&called);
    harness_close(&harness);
}

static const struct {
    const char *path;
    const char *args;
    const char *words;
} refusals[] = {
    {"relay:all", INDEX("t.by_c", "", "asc", "") "}", "Index t.by_c not found."},
    {"relay:all", INDEX("u.by_a", "", "asc", "") "}", "Index u.by_a not found."},
    {"relay:all", INDEX("u.by_id", "", "asc", "") "}", "[{\"done\":true,\"value\":null}]"},
    {"relay:all", INDEX("t.by_a", C("Eq", "b", "1"), "asc", "") "}", "FieldNotInIndex"},
    {"relay:all", TABLE("\"asc\"", "{\"filter\":{\"$field\":\"n\"}}") "}",
     "Cannot use value 0.0 (type Float64) as a Boolean"},
    {"relay:all", "{\"query\":1}", "this source can't be used"},
    {"relay:all", INDEX("t", "", "asc", "") "}",
     "\"InvalidArgument\",\"message\":\"Invalid argument `query` for `queryStream`: `indexName`"},
    {"relay:page", INDEX("t", "", "asc", "") ",\"cursor\":null,\"pageSize\":1}",
     "\"InvalidArgument\",\"message\":\"Invalid argument `query` for `queryPage`: `indexName`"},
    {"relay:all", INDEX("t.by_a", C("Eq", "a", "{\"$integer\":1}"), "asc", "") "}",
     "Invalid argument `query` for `queryStream`: `$integer` takes a base64 string"},
    {"relay:insert", "{\"table\":\"t\",\"value\":{\"a\":{\"$bytes\":1}}}",
     "\"InvalidArgument\",\"message\":\"Invalid argument `value` for `db.insert`: `$bytes` takes"},
    {"relay:insert", "{\"table\":\"t\",\"value\":[]}",
     "Invalid argument `value` for `db.insert`: Value must be an Object"},
    {"relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":0}",
     "Must request at least 1 document while paginating"},
    {"relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":32001}",
     "Requested too many items: 32001"},
    {"relay:page", TABLE("null", "") ",\"cursor\":null}", "`pageSize`"},
    {"relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":1.5}", "`pageSize`"},
    {"relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":1,\"maximumRowsRead\":0}",
     "InvalidPaginationLimit"},
    {"relay:page", TABLE("null", "") ",\"cursor\":1,\"pageSize\":1}", "`cursor`"},
    {"relay:page", TABLE("null", "") ",\"cursor\":\"\",\"pageSize\":1}", "Failed to parse cursor"},
    {"relay:page", TABLE("null", "") ",\"cursor\":\"AAAA\",\"pageSize\":1}",
     "Failed to parse cursor"},
    {"relay:page", TABLE("null", "") ",\"endCursor\":\"!\",\"pageSize\":1}",
     "Failed to parse cursor"},
    {"relay:pages", TABLE("null", "") ",\"cursor\":null,\"pageSize\":1}",
     "MultiplePaginatedDatabaseQueries"},
    {"relay:normalize", "{\"table\":\"t\",\"idString\":\"x\"}", "{\"id\":null}"},
    {"relay:normalize", "{\"table\":\"t\"}", "`idString`"},
    {"relay:normalize", "{\"table\":\"_t\",\"idString\":\"x\"}", "SystemTableError"},
};

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        (void)relay_ask(&harness, refusals[i].path, refusals[i].args, out);
        if (strstr(out, refusals[i].words) == NULL) {
            fail_msg("%s: %s", refusals[i].args, out);
        }
    }
    harness_close(&harness);
}

/* Changes of one document, one after the other; `@` is its id. */
static const struct {
    const char *path;
    const char *args;
    const char *words;
} changes_of_one[] = {
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"a\":{\"$undefined\":null},\"b\":{\"c\":1}}}",
     "\"_id\":\"@\",\"b\":{\"c\":1}}"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"none\":{\"$undefined\":null}}}",
     "\"_id\":\"@\",\"b\":{\"c\":1}}"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{}}", "\"_id\":\"@\",\"b\":{\"c\":1}}"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"b\":{\"c\":{\"$undefined\":null}}}}",
     "Invalid argument `value` for `db.patch`: Field name $undefined starts with a '$'"},
    {"relay:patch", "{\"id\":\"@\",\"value\":[]}",
     "\"InvalidArgument\",\"message\":\"Invalid argument `value` for `db.patch`: Value must be"},
    {"relay:patch", "{\"id\":\"@\"}", "Invalid argument `value` for `db.patch`: "},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"_id\":\"@\",\"n\":1}}", "\"n\":1}"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"_id\":{\"$undefined\":null}}}", "\"_id\":\"@\""},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"_id\":\"x\"}}", "are the system's"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"_creationTime\":1}}", "are the system's"},
    {"relay:patch", "{\"id\":\"@\",\"value\":{\"_x\":1}}",
     "Field '_x' starts with an underscore, which is only allowed for system fields like '_id'"},
    {"relay:patch", "{\"id\":\"x\",\"value\":{}}",
     "Invalid argument `id` for `db.patch`: Unable to decode ID"},
    {"relay:patch", "{\"id\":\"@\",\"table\":\"u\",\"value\":{}}",
     "Invalid argument `id` for `db.patch`: expected to be an Id<\\\"u\\\">, got Id<\\\"t\\\"> "
     "instead."},
    {"relay:replace", "{\"id\":\"@\",\"value\":null}",
     "Invalid argument `value` for `db.replace`: Value must be an Object"},
    {"relay:replace", "{\"id\":\"@\",\"value\":{\"a\":{\"$undefined\":null}}}",
     "Invalid argument `value` for `db.replace`: Field name $undefined"},
    {"relay:replace", "{\"id\":\"@\",\"value\":{\"z\":true}}", "\"_id\":\"@\",\"z\":true}"},
};

static void a_document_is_changed_field_by_field(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    char id[64];
    text_of(
        relay_ask(&harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"a\":1}}", out), "_id",
        id, sizeof id);
    for (size_t i = 0; i < sizeof changes_of_one / sizeof changes_of_one[0]; i++) {
        char args[400];
        char words[400];
        fill_in(changes_of_one[i].args, id, args);
        fill_in(changes_of_one[i].words, id, words);
        if (strstr(relay_ask(&harness, changes_of_one[i].path, args, out), words) == NULL) {
            fail_msg("%s: %s", args, out);
        }
    }
    harness_close(&harness);
}

/* An index that came after the documents is there, but not yet to be used. */
static void an_index_that_is_filling_is_refused(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    make_indexes(harness.store, 1);
    make_indexes(harness.store, 2);
    (void)relay_ask(&harness, "relay:all", INDEX("t.by_a_b", "", "asc", "") "}", out);
    assert_non_null(strstr(
        out, "{\"code\":\"IndexBackfillingError\",\"message\":\"Index t.by_a_b is currently "
             "backfilling and not available to query yet.\"}"));
    char numbers[256];
    (void)relay_ask(&harness, "relay:all", INDEX("t.by_a", C("Eq", "a", "1"), "asc", "") "}", out);
    assert_string_equal(numbers_of(out, NULL, numbers), "4 5 6 7 ");
    harness_close(&harness);
}

static void ids_are_of_their_table(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    char id[64];
    char args[400];
    text_of(
        relay_ask(&harness, "relay:insert", "{\"table\":\"u\",\"value\":{}}", out), "_id", id,
        sizeof id);
    (void)snprintf(args, sizeof args, "{\"table\":\"u\",\"idString\":\"%s\"}", id);
    assert_non_null(strstr(relay_ask(&harness, "relay:normalize", args, out), id));
    (void)snprintf(args, sizeof args, "{\"table\":\"t\",\"idString\":\"%s\"}", id);
    assert_string_equal(relay_ask(&harness, "relay:normalize", args, out), "{\"id\":null}");
    /* By id, too, it is found where it is and nowhere else. */
    (void)snprintf(
        args, sizeof args,
        "{\"query\":{\"source\":{\"type\":\"IndexRange\",\"indexName\":\"u.by_id\",\"range\":["
        "{\"type\":\"Eq\",\"fieldPath\":\"_id\",\"value\":\"%s\"}],\"order\":null},"
        "\"operators\":[]}}",
        id);
    assert_non_null(strstr(relay_ask(&harness, "relay:all", args, out), id));
    harness_close(&harness);
}

/* -- Pages ---------------------------------------------------------------------------------- */

/* Goes through all pages of a query; the numbers of all, each page ended by a bar. */
static void page_through(
    struct harness *harness, const char *query, const char *more, char *out_numbers)
{
    static char out[65536];
    static char cursor[4096];
    char args[6000];
    size_t size = 0;
    bool done = false;
    cursor[0] = '\0';
    for (int pages = 0; !done && pages < 50; pages++) {
        char numbers[256];
        (void)snprintf(
            args, sizeof args, "%s,\"cursor\":%s%s%s,%s}", query, cursor[0] == '\0' ? "" : "\"",
            cursor[0] == '\0' ? "null" : cursor, cursor[0] == '\0' ? "" : "\"", more);
        (void)relay_ask(harness, "relay:page", args, out);
        size += (size_t)snprintf(
            out_numbers + size, 256 - size, "%s| ", numbers_of(out, "page", numbers));
        done = strstr(out, "\"isDone\":true") != NULL;
        text_of(out, "continueCursor", cursor, sizeof cursor);
        assert_true(cursor[0] != '\0');
    }
}

static const struct {
    const char *query;
    const char *more;
    const char *numbers;
} pages[] = {
    {TABLE("null", ""), "\"pageSize\":5", "0 1 2 3 4 | 5 6 7 8 9 | 10 11 | "},
    {TABLE("null", ""), "\"pageSize\":12", "0 1 2 3 4 5 6 7 8 9 10 11 | | "},
    {TABLE("null", ""), "\"pageSize\":100", "0 1 2 3 4 5 6 7 8 9 10 11 | "},
    {TABLE("\"desc\"", ""), "\"pageSize\":5", "11 10 9 8 7 | 6 5 4 3 2 | 1 0 | "},
    {TABLE("null", EVEN), "\"pageSize\":4", "0 2 4 6 | 8 10 | "},
    {TABLE("null", EVEN), "\"pageSize\":4,\"maximumRowsRead\":3", "0 2 | 4 | 6 8 | 10 | | "},
    {TABLE("null", ""), "\"pageSize\":4,\"maximumBytesRead\":1",
     "0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | | "},
    {INDEX("t.by_a", C("Gte", "a", "1"), "asc", ""), "\"pageSize\":3", "4 5 6 | 7 8 9 | 10 11 | "},
    {INDEX("t.by_a_b", C("Eq", "a", "2"), "desc", ""), "\"pageSize\":3", "9 10 11 | 8 | "},
    {INDEX("t.by_creation_time", "", "asc", ""), "\"pageSize\":7",
     "0 1 2 3 4 5 6 | 7 8 9 10 11 | "},
};

static void check_pages(unsigned delay_ms)
{
    struct harness harness;
    open_world(&harness, delay_ms);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        char numbers[256] = "";
        page_through(&harness, pages[i].query, pages[i].more, numbers);
        if (strcmp(numbers, pages[i].numbers) != 0) {
            fail_msg("%s %s: %s", pages[i].query, pages[i].more, numbers);
        }
    }
    harness_close(&harness);
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    check_pages(0);
    check_pages(1);
}

/* By id the order is nobody's choice; each document comes once. */
static void pages_by_id_leave_nothing_out(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 0);
    char numbers[256] = "";
    page_through(&harness, INDEX("t.by_id", "", "asc", ""), "\"pageSize\":5", numbers);
    for (int n = 0; n < DOCUMENTS; n++) {
        char one[16];
        (void)snprintf(one, sizeof one, "%d ", n);
        assert_non_null(strstr(numbers, one));
    }
    harness_close(&harness);
}

/* The same position gives the same cursor; a document that comes inside a page moves no end. */
static void an_end_cursor_is_kept_to(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    char first[400];
    char again[400];
    char args[2000];
    char numbers[256];
    static const char query[] = INDEX("t.by_a", "", "asc", "");
    (void)snprintf(args, sizeof args, "%s,\"cursor\":null,\"pageSize\":4}", query);
    text_of(relay_ask(&harness, "relay:page", args, out), "continueCursor", first, sizeof first);
    text_of(relay_ask(&harness, "relay:page", args, out), "continueCursor", again, sizeof again);
    assert_string_equal(first, again);
    (void)relay_ask(
        &harness, "relay:insert", "{\"table\":\"t\",\"value\":{\"a\":-1,\"n\":99}}", out);
    (void)snprintf(
        args, sizeof args, "%s,\"cursor\":null,\"endCursor\":\"%s\",\"pageSize\":1}", query, first);
    (void)relay_ask(&harness, "relay:page", args, out);
    assert_string_equal(numbers_of(out, "page", numbers), "99 0 1 2 3 ");
    text_of(out, "continueCursor", again, sizeof again);
    assert_string_equal(first, again);
    assert_non_null(strstr(out, "\"isDone\":false"));
    harness_close(&harness);
}

/* A cursor from when there was no table yet is one of the table that comes. */
static void a_cursor_outlives_that_there_is_no_table(void **state)
{
    (void)state;
    static char out[65536];
    static const char *const queries[] = {
        "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"new\"},\"operators\":[]"
        "}",
        INDEX("new.by_id", C("Gt", "_id", "\"0\""), "desc", ""),
        INDEX("new.by_creation_time", C("Gt", "_creationTime", "5"), "asc", EVEN),
    };
    struct harness harness;
    open_world(&harness, 0);
    char cursors[3][400];
    char args[2000];
    char numbers[256];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(args, sizeof args, "%s,\"cursor\":null,\"pageSize\":4}", queries[i]);
        (void)relay_ask(&harness, "relay:page", args, out);
        assert_non_null(strstr(out, "\"isDone\":true"));
        text_of(out, "continueCursor", cursors[i], sizeof cursors[i]);
    }
    (void)relay_ask(&harness, "relay:insert", "{\"table\":\"new\",\"value\":{\"n\":8}}", out);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(
            args, sizeof args, "%s,\"cursor\":null,\"endCursor\":\"%s\",\"pageSize\":4}",
            queries[i], cursors[i]);
        (void)relay_ask(&harness, "relay:page", args, out);
        assert_string_equal(numbers_of(out, "page", numbers), "8 ");
    }
    harness_close(&harness);
}

enum { LONG_BYTES = 900000, LONG_ARGS_BYTES = 4 << 20 };

/* A call whose arguments and answer are long; both are in `text`, one after the other. */
static const char *ask_long(struct harness *harness, const char *path, char *text)
{
    struct called called;
    const struct outcome *outcome = call(&called, harness, path, text);
    const bool good = outcome->code == CORDON_OUTCOME_SUCCESS;
    (void)snprintf(
        text, LONG_ARGS_BYTES, "%.*s", SLICE_FMT(good ? outcome->value : outcome->message));
    called_end(&called);
    return text;
}

/* However long the fields of an index are, the cursor behind them can be given back. */
static void cursors_of_long_fields_are_taken(void **state)
{
    (void)state;
    struct harness harness;
    open_world(&harness, 0);
    char *field = mem_new(LONG_BYTES + 1);
    char *text = mem_new(LONG_ARGS_BYTES);
    char *cursor = mem_new(LONG_ARGS_BYTES);
    memset(field, 'x', LONG_BYTES);
    field[LONG_BYTES] = '\0';
    for (int n = 20; n < 22; n++) {
        (void)snprintf(
            text, LONG_ARGS_BYTES,
            "{\"q\":\"{\\\"table\\\":\\\"t\\\",\\\"value\\\":{\\\"a\\\":\\\"%s%d\\\",\\\"n\\\":"
            "%d}}\"}",
            field, n, n);
        assert_non_null(strstr(ask_long(&harness, "relay:insert", text), "_id"));
    }
    cursor[0] = '\0';
    for (int n = 20; n < 22; n++) {
        (void)snprintf(
            text, LONG_ARGS_BYTES,
            "{\"q\":\"{\\\"query\\\":{\\\"source\\\":{\\\"type\\\":\\\"IndexRange\\\","
            "\\\"indexName\\\":\\\"t.by_a\\\",\\\"range\\\":[{\\\"type\\\":\\\"Gt\\\","
            "\\\"fieldPath\\\":\\\"a\\\",\\\"value\\\":\\\"x\\\"}]},\\\"operators\\\":[]},"
            "\\\"cursor\\\":%s%s%s,\\\"pageSize\\\":1}\"}",
            n == 20 ? "" : "\\\"", n == 20 ? "null" : cursor, n == 20 ? "" : "\\\"");
        char number[16];
        (void)snprintf(number, sizeof number, "\"n\":%d}", n);
        if (strstr(ask_long(&harness, "relay:page", text), number) == NULL) {
            fail_msg("page %d: %.300s", n, text);
        }
        text_of(text, "continueCursor", cursor, LONG_ARGS_BYTES);
        assert_true(strlen(cursor) > LONG_BYTES);
    }
    mem_free(field);
    mem_free(text);
    mem_free(cursor);
    harness_close(&harness);
}

/* Documents whose index keys are alike up to the cut, and too large to be put in order. */
static void a_group_too_large_is_refused(void **state)
{
    (void)state;
    enum { MANY = 20 };
    struct harness harness;
    open_world(&harness, 0);
    char *field = mem_new(LONG_BYTES + 1);
    char *text = mem_new(LONG_ARGS_BYTES);
    memset(field, 'x', LONG_BYTES);
    field[LONG_BYTES] = '\0';
    for (int n = 0; n < MANY; n++) {
        (void)snprintf(
            text, LONG_ARGS_BYTES,
            "{\"q\":\"{\\\"table\\\":\\\"t\\\",\\\"value\\\":{\\\"a\\\":\\\"%s\\\"}}\"}", field);
        assert_non_null(strstr(ask_long(&harness, "relay:insert", text), "_id"));
    }
    static char out[65536];
    (void)relay_ask(
        &harness, "relay:all", INDEX("t.by_a", C("Gt", "a", "\"x\""), "asc", "{\"limit\":1}") "}",
        out);
    if (strstr(out, "[{\"code\":\"TooLarge\",\"message\":\"too many documents are alike") == NULL) {
        fail_msg("%.300s", out);
    }
    mem_free(field);
    mem_free(text);
    harness_close(&harness);
}

/* A cursor is of one query alone, and of nobody's making. */
static void cursors_cannot_be_used_elsewhere(void **state)
{
    (void)state;
    static char out[65536];
    static const char *const others[] = {
        TABLE("\"desc\"", ""),
        TABLE("null", EVEN),
        TABLE("null", "{\"limit\":3}"),
        INDEX("t.by_creation_time", "", "asc", ""),
        INDEX("t.by_a", "", "asc", ""),
        INDEX("t.by_a", C("Gt", "a", "0"), "asc", ""),
        INDEX("t.by_id", "", "asc", ""),
        INDEX("v.by_creation_time", "", "asc", ""),
        INDEX("t.by_creation_time", C("Gt", "_creationTime", "0"), "asc", ""),
    };
    struct harness harness;
    open_world(&harness, 0);
    char cursor[400];
    char args[2000];
    (void)relay_ask(
        &harness, "relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":4}", out);
    text_of(out, "continueCursor", cursor, sizeof cursor);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)snprintf(
            args, sizeof args, "%s,\"cursor\":\"%s\",\"pageSize\":4}", others[i], cursor);
        (void)relay_ask(&harness, "relay:page", args, out);
        if (strstr(out, "this cursor is from a different query") == NULL) {
            fail_msg("%s: %s", others[i], out);
        }
    }
    for (size_t i = 0; i < strlen(cursor); i++) {
        const char kept = cursor[i];
        cursor[i] = kept == 'A' ? 'B' : 'A';
        (void)snprintf(
            args, sizeof args, TABLE("null", "") ",\"cursor\":\"%s\",\"pageSize\":4}", cursor);
        if (strstr(relay_ask(&harness, "relay:page", args, out), "Failed to parse cursor") ==
            NULL) {
            fail_msg("byte %zu changed: %s", i, out);
        }
        cursor[i] = kept;
    }
    harness_close(&harness);
}

/* A page by a run that may read 8 documents. */
static const char *page_of_few(struct harness *harness, const char *args, char out[65536])
{
    struct limit_changes lower = {0};
    change(&lower, CORDON_LIMIT_DOCUMENTS_READ, 8);
    char text[8192];
    struct run_request request = request_of("relay:page", relay_quote(args, text));
    request.lower = &lower;
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
    (void)snprintf(out, 65536, "%.*s", SLICE_FMT(outcome->value));
    called_end(&called);
    return out;
}

/*
 * Who reads too much, and goes on, is given nothing more: neither the next document, though that
 * one would still fit, nor any other.
 */
static void a_limit_that_is_passed_stays_passed(void **state)
{
    (void)state;
    static const struct {
        cordon_limit limit;
        uint64_t most;
        const char *numbers;
        const char *code;
    } cases[] = {
        {CORDON_LIMIT_BYTES_READ, 400, "0 ", "TooManyBytesRead"},
        {CORDON_LIMIT_DOCUMENTS_READ, 1, "0 ", "TooManyDocumentsRead"},
    };
    static char out[RELAY_ANSWER_BYTES];
    static char quoted[RELAY_JSON_BYTES];
    static char args[2000];
    struct harness harness;
    const struct harness_options options = {.guests = {"relay"}};
    harness_open(&harness, &options);
    for (int n = 0; n < 3; n++) {
        (void)snprintf(
            args, sizeof args, "{\"table\":\"t\",\"value\":{\"n\":%d,\"s\":\"%0*d\"}}", n,
            n == 1 ? 500 : 1, 0);
        assert_non_null(strstr(relay_ask(&harness, "relay:insert", args, out), "_id"));
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct limit_changes lower = {0};
        change(&lower, cases[i].limit, cases[i].most);
        struct run_request request =
            request_of("relay:all_stubborn", relay_quote(TABLE("null", "") "}", quoted));
        request.lower = &lower;
        struct called called;
        char numbers[256];
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        (void)snprintf(out, sizeof out, "%.*s", SLICE_FMT(outcome->value));
        called_end(&called);
        assert_string_equal(numbers_of(out, NULL, numbers), cases[i].numbers);
        const char *first = strstr(out, cases[i].code);
        assert_non_null(first);
        assert_non_null(strstr(first + 1, cases[i].code));
    }
    harness_close(&harness);
}

#define NONE "{\"filter\":{\"$literal\":false}}"

/*
 * A page ends before the limits on reading end the run, and says where to split it: where half of
 * what was read is on each side, whether it passed or not.
 */
static const struct {
    const char *query;
    const char *more;
    const char *numbers;
    const char *status;
    const char *first_half; /* what there is before the split; NULL: it can't be split */
} splits[] = {
    {TABLE("null", ""), "\"pageSize\":100", "0 1 2 3 4 5 6 ", "\"SplitRequired\"", "0 1 2 3 "},
    {TABLE("null", NONE), "\"pageSize\":100", "", "\"SplitRequired\"", ""},
    {TABLE("null", EVEN), "\"pageSize\":100,\"maximumRowsRead\":3", "0 2 ", "\"SplitRequired\"",
     "0 "},
    {TABLE("null", EVEN), "\"pageSize\":100,\"maximumBytesRead\":1", "0 ", "\"SplitRequired\"",
     NULL},
    {TABLE("null", ""), "\"pageSize\":3,\"maximumRowsRead\":3", "0 1 2 ", "null", "0 1 "},
    {TABLE("null", ""), "\"pageSize\":7", "0 1 2 3 4 5 6 ", "\"SplitRecommended\"", "0 1 2 3 "},
    {TABLE("null", ""), "\"pageSize\":6", "0 1 2 3 4 5 ", "null", "0 1 2 3 "},
    {TABLE("null", ""), "\"pageSize\":2", "0 1 ", "null", NULL},
};

static void a_page_ends_before_the_limits(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        char args[2000];
        char numbers[256];
        char status[64];
        char split[400];
        (void)snprintf(
            args, sizeof args, "%s,\"cursor\":null,%s}", splits[i].query, splits[i].more);
        (void)snprintf(status, sizeof status, "\"pageStatus\":%s", splits[i].status);
        (void)page_of_few(&harness, args, out);
        if (strcmp(numbers_of(out, "page", numbers), splits[i].numbers) != 0 ||
            strstr(out, status) == NULL) {
            fail_msg("%s: %s", args, out);
        }
        text_of(out, "splitCursor", split, sizeof split);
        assert_int_equal(split[0] == '\0', splits[i].first_half == NULL);
        if (splits[i].first_half != NULL) {
            (void)snprintf(
                args, sizeof args, "%s,\"cursor\":null,\"endCursor\":\"%s\",\"pageSize\":9}",
                splits[i].query, split);
            (void)numbers_of(relay_ask(&harness, "relay:page", args, out), "page", numbers);
            assert_string_equal(numbers, splits[i].first_half);
        }
    }
    harness_close(&harness);
}

/* One that is to be read to an end is, but says that it comes near the limits. */
static void a_page_with_an_end_asks_to_be_split(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    char args[2000];
    char end[400];
    char numbers[256];
    static const char *const statuses[] = {
        [6] = "\"pageStatus\":null", [7] = "\"pageStatus\":\"SplitRecommended\""};
    for (int size = 6; size <= 7; size++) {
        (void)snprintf(
            args, sizeof args, TABLE("null", "") ",\"cursor\":null,\"pageSize\":%d}", size);
        text_of(relay_ask(&harness, "relay:page", args, out), "continueCursor", end, sizeof end);
        (void)snprintf(
            args, sizeof args,
            TABLE("null", "") ",\"cursor\":null,\"endCursor\":\"%s\",\"pageSize\":1,"
                              "\"maximumRowsRead\":1}",
            end);
        (void)page_of_few(&harness, args, out);
        assert_int_equal(strlen(numbers_of(out, "page", numbers)), 2 * (size_t)size);
        assert_non_null(strstr(out, statuses[size]));
        text_of(out, "splitCursor", end, sizeof end);
        assert_true(end[0] != '\0');
    }
    harness_close(&harness);
}

/* One that can't be read to its end within the limits is cut, and must be split. */
static void a_page_with_an_end_too_far_is_cut(void **state)
{
    (void)state;
    static char out[65536];
    struct harness harness;
    open_world(&harness, 0);
    char args[2000];
    char end[400];
    char again[400];
    char numbers[256];
    (void)relay_ask(
        &harness, "relay:page", TABLE("null", "") ",\"cursor\":null,\"pageSize\":12}", out);
    text_of(out, "continueCursor", end, sizeof end);
    (void)snprintf(
        args, sizeof args,
        TABLE("null", "") ",\"cursor\":null,\"endCursor\":\"%s\",\"pageSize\":1}", end);
    (void)page_of_few(&harness, args, out);
    assert_string_equal(numbers_of(out, "page", numbers), "0 1 2 3 4 5 6 7 ");
    assert_non_null(strstr(out, "\"pageStatus\":\"SplitRequired\""));
    text_of(out, "continueCursor", again, sizeof again);
    assert_string_equal(end, again);
    text_of(out, "splitCursor", again, sizeof again);
    (void)snprintf(
        args, sizeof args,
        TABLE("null", "") ",\"cursor\":\"%s\",\"endCursor\":\"%s\",\"pageSize\":1}", again, end);
    (void)page_of_few(&harness, args, out);
    assert_string_equal(numbers_of(out, "page", numbers), "5 6 7 8 9 10 11 ");
    harness_close(&harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_give_what_is_asked_for),
        cmocka_unit_test(what_is_left_out_is_read),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(a_document_is_changed_field_by_field),
        cmocka_unit_test(an_index_that_is_filling_is_refused),
        cmocka_unit_test(ids_are_of_their_table),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(pages_by_id_leave_nothing_out),
        cmocka_unit_test(an_end_cursor_is_kept_to),
        cmocka_unit_test(a_cursor_outlives_that_there_is_no_table),
        cmocka_unit_test(cursors_of_long_fields_are_taken),
        cmocka_unit_test(a_group_too_large_is_refused),
        cmocka_unit_test(cursors_cannot_be_used_elsewhere),
        cmocka_unit_test(a_limit_that_is_passed_stays_passed),
        cmocka_unit_test(a_page_ends_before_the_limits),
        cmocka_unit_test(a_page_with_an_end_asks_to_be_split),
        cmocka_unit_test(a_page_with_an_end_too_far_is_cut),
    };
    return cmocka_run_group_tests_name("run/queries", tests, NULL, NULL);
}
