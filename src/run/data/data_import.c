/*
 * Documents that come from elsewhere; see data.h. They go the way of every write: held against the
 * limits of values and documents and against the schema, into the indexes, with an audit record.
 * What is different is that they bring their ids: a table must have the number that they are of, so
 * one that is not there is made with it, and one that has another number is refused with words.
 */
#include "run/data/data.h"

#include "base/hash.h"
#include "base/random.h"
#include "host/schema_row.h"
#include "run/await.h"
#include "run/data/data_line.h"
#include "run/data/documents.h"
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"
#include "value/json.h"
#include "value/row.h"

#include <math.h>

/* Commits in a row that others were faster than. */
#define CONFLICTS_MAX 100

/* Of a batch: the rules of its table; of a line: its tree and what is made of it. */
#define RULES_BYTES_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX ((size_t)256 << 20)
#define WORDS_BYTES_MAX ((size_t)1 << 20)

/* Of one transaction that removes. */
#define CLEAR_DOCUMENTS_MAX 1000
#define CLEAR_BYTES_MAX ((size_t)8 << 20)
#define CURSOR_BYTES_MAX 32

/* A creation time that far ahead of the clock is not counted on from. */
#define AHEAD_MS_MAX 60000.0

struct import {
    const struct data_batch *batch;
    struct store_quota *quota; /* of the tenant; NULL: none */
    struct arena rules_arena;
    struct schema_row rules;
    uint32_t table;
    struct line_defaults defaults;
    bool has_time;      /* of the defaults */
    struct arena arena; /* of the line */
    uint64_t line;
    uint64_t inserted;
    uint64_t unchanged;
};

static void import_done(struct import *import)
{
    arena_done(&import->rules_arena);
    arena_done(&import->arena);
}

/* The same error, with the line before its words. */
static cordon_error *at_line(const struct import *import, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return cordon_error_new(
        cordon_error_get_code(owned), "table \"%.*s\", line %llu: %s",
        SLICE_FMT(import->batch->table), (unsigned long long)import->line,
        cordon_error_get_message(owned));
}

/* -- The table ------------------------------------------------------------------------------ */

static cordon_error *check_table_name(struct slice name)
{
    TRY(name_check_identifier("table name", name));
    return !name_is_system_table(name)
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID,
                     "tables whose names begin with `_` are the system's; \"%.*s\" takes no "
                     "documents",
                     SLICE_FMT(name));
}

/* The number that the documents are of, by the file or by the first id; 0: nobody knows. */
static uint32_t known_number(const struct data_batch *batch)
{
    return batch->number != 0 ? batch->number : line_first_table(batch->lines);
}

static cordon_error *refuse_number(
    struct rows *rows, const struct import *import, uint32_t wanted, uint32_t number)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice owner = {0};
    const struct slice name = import->batch->table;
    AWAIT(rows, step, store_table_name(rows->txn, wanted, &step, &found, &owner));
    if (number != 0) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "table \"%.*s\" has the number %u here, and %u where these documents come from, which "
            "their ids say too; import them into a data folder that nothing was deployed to or "
            "written to yet, and deploy after that",
            SLICE_FMT(name), number, wanted);
    }
    return cordon_error_new(
        CORDON_E_INVALID,
        "table \"%.*s\" has the number %u where these documents come from, which their ids say "
        "too, and here that is table \"%.*s\"; import them into a data folder that nothing was "
        "deployed to or written to yet, and deploy after that",
        SLICE_FMT(name), wanted, SLICE_FMT(owner));
}

static cordon_error *find_table(struct rows *rows, struct import *import)
{
    const uint32_t wanted = known_number(import->batch);
    enum store_step step = STORE_DONE;
    uint32_t number = 0;
    if (wanted == 0) {
        AWAIT(
            rows, step, store_table_ensure(rows->txn, import->batch->table, &step, &import->table));
        return NULL;
    }
    if (wanted > DATA_TABLE_NUMBER_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the number %u of table \"%.*s\" is larger than %u, which no table of ours has", wanted,
            SLICE_FMT(import->batch->table), DATA_TABLE_NUMBER_MAX);
    }
    AWAIT(rows, step, store_table_claim(rows->txn, import->batch->table, wanted, &step, &number));
    import->table = number;
    return number == wanted ? NULL : refuse_number(rows, import, wanted, number);
}

static cordon_error *read_rules(struct rows *rows, struct import *import)
{
    struct schema_row_key key;
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice row = {0};
    AWAIT(
        rows, step,
        store_row_get(
            rows->txn, KEYSPACE_MODULE, schema_row_key(&key, import->table), &step, &found, &row));
    return found ? schema_row_read(row, &import->rules_arena, NULL, &import->rules) : NULL;
}

/*
 * New documents without a creation time come behind those that are there. Looked for when one
 * comes: in a table that was cleared it is a long way to the last document.
 */
static cordon_error *set_time(struct rows *rows, struct import *import)
{
    const double now_ms = floor((double)clock_wall_ns() / 1e6);
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, STORE_WHOLE_TABLE(import->table, STORE_DESCENDING), &scan));
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    struct row row;
    double last = 0;
    AWAIT(rows, step, store_scan_next(scan, &step, &found, &body));
    if (found) {
        TRY(row_read(body, &row));
        TRY(line_creation_time(row.json, &import->arena, &last));
    }
    store_scan_close(scan);
    import->defaults.creation_time =
        last >= now_ms && last < now_ms + AHEAD_MS_MAX ? last + 0.001 : now_ms;
    import->has_time = true;
    return NULL;
}

/* -- One document --------------------------------------------------------------------------- */

/* Holds a document against one table of a schema. */
static cordon_error *match(
    struct rows *rows,
    struct import *import,
    const struct schema_table *table,
    const struct value *document)
{
    if (table == NULL || validator_is_any(table->document)) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, WORDS_BYTES_MAX);
    bool matches = true;
    TRY(documents_match(rows, table->document, document, &import->arena, &words, &matches));
    return matches ? NULL
                   : cordon_error_new(
                         CORDON_E_INVALID, "the document does not match the schema: %.*s",
                         SLICE_FMT(buffer_slice(&words)));
}

/* While a deploy changes the schema both must allow it. */
static cordon_error *check_rules(
    struct rows *rows, struct import *import, const struct value *document)
{
    TRY(match(rows, import, import->rules.now, document));
    return schema_same_documents(import->rules.now, import->rules.next)
               ? NULL
               : match(rows, import, import->rules.next, document);
}

static cordon_error *put(struct rows *rows, struct import *import, const struct line *line)
{
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, SIZE_MAX);
    TRY(row_write(&row, &line->document, line->size));
    const struct store_id id = store_id_of(&line->id);
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    if (!import->batch->check_only || !import->batch->replaces) {
        AWAIT(rows, step, store_get(rows->txn, &id, &step, &found, &body));
    }
    if (!found) {
        import->inserted++;
        return store_put(rows->txn, &id, line->creation_time, buffer_slice(&row));
    }
    if (slice_equal(body, buffer_slice(&row))) {
        import->unchanged++;
        return NULL;
    }
    char text[DOCUMENT_ID_TEXT_MAX + 1];
    (void)document_id_encode(&line->id, text);
    return cordon_error_new(
        CORDON_E_INVALID,
        "there is another document with the ID \"%s\", in the table or above; leave one of them "
        "out, or replace the table",
        text);
}

static cordon_error *add_line(struct rows *rows, struct import *import, struct slice text)
{
    struct line line;
    import->defaults.table = import->table;
    random_system(import->defaults.random, sizeof import->defaults.random);
    arena_reset(&import->arena);
    TRY(line_read(text, &import->defaults, &import->arena, &line));
    if (!line.has_creation_time && !import->has_time) {
        TRY(set_time(rows, import));
        TRY(line_read(text, &import->defaults, &import->arena, &line));
    }
    TRY(check_rules(rows, import, &line.document));
    import->defaults.creation_time += line.has_creation_time ? 0 : 0.001;
    return put(rows, import, &line);
}

static cordon_error *add_lines(struct rows *rows, struct import *import)
{
    struct slice rest = import->batch->lines;
    struct slice text = {0};
    import->line = import->batch->first_line;
    for (; line_next(&rest, &text); import->line++) {
        if (text.size == 0) {
            continue;
        }
        if (import->inserted + import->unchanged == DATA_BATCH_DOCUMENTS_MAX) {
            return cordon_error_new(
                CORDON_E_TOO_LARGE, "a batch has at most %d documents; send them in several",
                DATA_BATCH_DOCUMENTS_MAX);
        }
        cordon_error *error = add_line(rows, import, text);
        if (error != NULL) {
            return at_line(import, error);
        }
    }
    return NULL;
}

/* -- A batch -------------------------------------------------------------------------------- */

/* What a commit adds or removes, as its audit record says it. */
struct change_of {
    struct slice table;
    uint64_t documents;
    const struct audit_actor *actor;
};

static cordon_error *commit(
    struct rows *rows,
    struct store_quota *quota,
    const char *kind,
    const struct change_of *what,
    bool *out_conflict)
{
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, 4096);
    TRY(buffer_printf(&audit, "{\"kind\":\"%s\"", kind));
    TRY(json_write_key(&audit, SLICE("table")));
    TRY(json_write_string(&audit, what->table));
    TRY(buffer_printf(&audit, ",\"documents\":%llu", (unsigned long long)what->documents));
    TRY(audit_actor_end(&audit, what->actor));
    const struct store_commit_facts facts = {
        .audit_body = what->documents > 0 ? buffer_slice(&audit) : (struct slice){0},
        .quota = quota,
    };
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    AWAIT(rows, step, store_commit(rows->txn, &facts, &step, &result));
    *out_conflict = result.conflict;
    return result.is_full || result.is_uncounted ? quota_error(&result) : NULL;
}

static cordon_error *write_batch(struct rows *rows, struct import *import, bool *out_conflict)
{
    import->inserted = 0;
    import->unchanged = 0;
    import->has_time = false;
    import->rules = (struct schema_row){0};
    arena_reset(&import->rules_arena);
    TRY(find_table(rows, import));
    TRY(read_rules(rows, import));
    TRY(add_lines(rows, import));
    if (import->batch->check_only) {
        *out_conflict = false;
        return NULL;
    }
    const struct change_of what = {import->batch->table, import->inserted, import->batch->actor};
    return commit(rows, import->quota, "import", &what, out_conflict);
}

static cordon_error *too_many_conflicts(struct slice table)
{
    return cordon_error_new(
        CORDON_E_CONFLICT,
        "table \"%.*s\" is written to so fast that this could not be; try again when there is "
        "less to do",
        SLICE_FMT(table));
}

static cordon_error *import_batch(
    struct tenant *tenant, const struct data_batch *batch, struct buffer *out)
{
    CORDON_CLEANUP(import_done) struct import import = {.batch = batch, .quota = quota_of(tenant)};
    arena_init(&import.rules_arena, RULES_BYTES_MAX);
    arena_init(&import.arena, LINE_BYTES_MAX);
    TRY(check_table_name(batch->table));
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < CONFLICTS_MAX; tries++) {
        struct rows rows;
        cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
        if (error == NULL) {
            error = write_batch(&rows, &import, &conflict);
        }
        rows_end(&rows);
        TRY(error);
    }
    if (conflict) {
        return too_many_conflicts(batch->table);
    }
    return buffer_printf(
        out, "{\"inserted\":%llu,\"unchanged\":%llu}", (unsigned long long)import.inserted,
        (unsigned long long)import.unchanged);
}

cordon_error *data_import(
    struct runner *runner, uint32_t number, const struct data_batch *batch, struct buffer *out)
{
    struct tenant *tenant = NULL;
    TRY(runner_wake_tenant(runner, number, &tenant));
    cordon_error *error = quota_is_due(tenant) ? quota_count(tenant) : NULL;
    if (error == NULL) { /* by now it may have as many as there is room for */
        error = import_batch(tenant, batch, out);
    }
    tenant_leave(tenant);
    return error;
}

/* -- Removing ------------------------------------------------------------------------------- */

struct doomed {
    struct doomed *next;
    struct document_id id;
    double creation_time;
};

struct clearing {
    struct store_quota *quota; /* of the tenant; NULL: none */
    struct slice table;
    const struct audit_actor *actor;
    struct buffer from; /* the key behind the last one; empty: the beginning */
    struct buffer next; /* the same for the call after this one */
    struct arena arena; /* the list */
    struct arena tree;  /* of one document */
    struct doomed *first;
    uint64_t documents;
    bool has_more;
};

static void clearing_done(struct clearing *clearing)
{
    buffer_done(&clearing->from);
    buffer_done(&clearing->next);
    arena_done(&clearing->arena);
    arena_done(&clearing->tree);
}

static cordon_error *doom(struct clearing *clearing, struct slice json)
{
    struct doomed *doomed = arena_alloc(&clearing->arena, sizeof *doomed);
    if (doomed == NULL) {
        return arena_error(&clearing->arena);
    }
    arena_reset(&clearing->tree);
    TRY(line_system_fields(json, &clearing->tree, &doomed->id, &doomed->creation_time));
    doomed->next = clearing->first;
    clearing->first = doomed;
    clearing->documents++;
    return NULL;
}

/* Keeps the place behind the last document, if there is one. */
static cordon_error *keep_place(struct clearing *clearing)
{
    const struct doomed *last = clearing->first;
    if (last != NULL) {
        return documents_place_behind(&last->id, last->creation_time, &clearing->next);
    }
    buffer_clear(&clearing->next);
    return buffer_append(&clearing->next, buffer_slice(&clearing->from));
}

static cordon_error *choose_doomed(struct rows *rows, uint32_t table, struct clearing *clearing)
{
    const struct store_range range = {
        .table = table,
        .index = STORE_BY_CREATION,
        .order = STORE_ASCENDING,
        .low = buffer_slice(&clearing->from),
    };
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, &range, &scan));
    size_t bytes = 0;
    for (;;) {
        enum store_step step = STORE_DONE;
        struct slice body = {0};
        struct row row;
        AWAIT(rows, step, store_scan_next(scan, &step, &clearing->has_more, &body));
        if (!clearing->has_more || clearing->documents == CLEAR_DOCUMENTS_MAX ||
            bytes >= CLEAR_BYTES_MAX) {
            store_scan_close(scan);
            return keep_place(clearing);
        }
        TRY(row_read(body, &row));
        TRY(doom(clearing, row.json));
        bytes += body.size;
    }
}

static cordon_error *clear_some(struct rows *rows, struct clearing *clearing, bool *out_conflict)
{
    const struct slice name = clearing->table;
    enum store_step step = STORE_DONE;
    bool found = false;
    uint32_t table = 0;
    clearing->first = NULL;
    clearing->documents = 0;
    arena_reset(&clearing->arena);
    AWAIT(rows, step, store_table_find(rows->txn, name, &step, &found, &table));
    if (found) {
        TRY(choose_doomed(rows, table, clearing));
    }
    for (const struct doomed *doomed = clearing->first; doomed != NULL; doomed = doomed->next) {
        const struct store_id id = store_id_of(&doomed->id);
        TRY(store_remove(rows->txn, &id, doomed->creation_time));
    }
    const struct change_of what = {name, clearing->documents, clearing->actor};
    return commit(rows, clearing->quota, "clear", &what, out_conflict);
}

/* A cursor is the hex digits of a key, whose length is always the same but for bytes at its end. */
static cordon_error *read_cursor(struct slice cursor, struct clearing *clearing)
{
    uint8_t key[CURSOR_BYTES_MAX];
    if (cursor.size / 2 > sizeof key || cursor.size % 2 != 0 ||
        !hex_decode(cursor, key, cursor.size / 2)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the cursor is none that an answer gave; begin again without one");
    }
    return buffer_append(&clearing->from, slice_of(key, cursor.size / 2));
}

static cordon_error *write_cleared(const struct clearing *clearing, struct buffer *out)
{
    char hex[2 * CURSOR_BYTES_MAX + 1];
    hex_encode(buffer_slice(&clearing->next), hex);
    return buffer_printf(
        out, "{\"removed\":%llu,\"hasMore\":%s,\"cursor\":\"%s\"}",
        (unsigned long long)clearing->documents, clearing->has_more ? "true" : "false",
        clearing->next.size == 0 ? "" : hex);
}

cordon_error *data_clear_of(
    struct tenant *tenant,
    struct slice table,
    struct slice cursor,
    const struct audit_actor *actor,
    struct buffer *out)
{
    CORDON_CLEANUP(clearing_done) struct clearing clearing = {
        .table = table, .actor = actor, .quota = quota_of(tenant)};
    buffer_init(&clearing.from, CURSOR_BYTES_MAX);
    buffer_init(&clearing.next, CURSOR_BYTES_MAX);
    arena_init(&clearing.arena, RULES_BYTES_MAX);
    arena_init(&clearing.tree, LINE_BYTES_MAX);
    TRY(check_table_name(table));
    TRY(read_cursor(cursor, &clearing));
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < CONFLICTS_MAX; tries++) {
        struct rows rows;
        cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
        if (error == NULL) {
            error = clear_some(&rows, &clearing, &conflict);
        }
        rows_end(&rows);
        TRY(error);
    }
    return conflict ? too_many_conflicts(table) : write_cleared(&clearing, out);
}

cordon_error *data_clear(
    struct runner *runner,
    uint32_t number,
    struct slice table,
    struct slice cursor,
    const struct audit_actor *actor,
    struct buffer *out)
{
    struct tenant *tenant = NULL;
    TRY(runner_wake_tenant(runner, number, &tenant));
    cordon_error *error = data_clear_of(tenant, table, cursor, actor, out);
    tenant_leave(tenant);
    return error;
}
