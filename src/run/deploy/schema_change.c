/* Changes of schemas; see schema_change.h. */
#include "run/deploy/schema_change.h"

#include "base/clock.h"
#include "host/schema_row.h"
#include "run/data/documents.h"
#include "value/row.h"

/* Of one transaction: rows of indexes, documents, and bytes of those. */
#define WORK_ROWS_MAX 512
#define CHECK_DOCUMENTS_MAX 1024
#define CHECK_BYTES_MAX ((size_t)8 << 20)

/* Commits in a row that others were faster than; work is then done row by row for long. */
#define CONFLICTS_MAX 1000

/* All tables of a schema and of the one before it, and documents of one chunk. */
#define ARENA_BYTES_MAX ((size_t)1 << 30)

/* Words about one document. */
#define WORDS_BYTES_MAX ((size_t)1 << 20)

#define PROGRESS_NS ((uint64_t)5 * 1000000000)

/* -- Rows ----------------------------------------------------------------------------------- */

/* A table that the store or the new schema has. */
struct table {
    uint32_t number;
    struct schema_row row;         /* as it is kept */
    const struct schema_table *to; /* as it will be; NULL: no schema will name it */
};

struct tables {
    struct arena arena;
    struct table *items;
    size_t count;
};

static void tables_done(struct tables *tables)
{
    arena_done(&tables->arena);
}

static const struct schema_table *any_of(const struct schema_row *row)
{
    return row->now != NULL ? row->now : row->next;
}

/* The next row of a schema after the table `after`, which becomes its number; 0: there is none. */
static cordon_error *next_row(struct rows *rows, uint32_t *after, struct slice *out_row)
{
    struct schema_row_key from;
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice key = {0};
    const struct slice last = schema_row_key(&from, *after);
    AWAIT(
        rows, step,
        store_row_next(rows->txn, KEYSPACE_MODULE, last, true, &step, &found, &key, out_row));
    if (!found || !schema_row_is_key(key, after)) {
        *after = 0;
    }
    return NULL;
}

static cordon_error *count_rows(struct rows *rows, size_t *out_count)
{
    size_t count = 0;
    uint32_t number = 0;
    struct slice row;
    TRY(next_row(rows, &number, &row));
    for (; number != 0; count++) {
        TRY(next_row(rows, &number, &row));
    }
    *out_count = count;
    return NULL;
}

/* Those that the store has a row of, then those that are new. */
static cordon_error *read_tables(
    struct rows *rows, const struct schema *schema, struct tables *tables)
{
    size_t count = 0;
    TRY(count_rows(rows, &count));
    tables->items =
        arena_alloc(&tables->arena, (count + schema->table_count + 1) * sizeof *tables->items);
    if (tables->items == NULL) {
        return arena_error(&tables->arena);
    }
    uint32_t number = 0;
    struct slice bytes;
    TRY(next_row(rows, &number, &bytes));
    while (number != 0) {
        struct table *table = &tables->items[tables->count++];
        table->number = number;
        TRY(schema_row_read(bytes, &tables->arena, NULL, &table->row));
        table->to = schema_find(schema, any_of(&table->row)->name);
        TRY(next_row(rows, &number, &bytes));
    }
    return NULL;
}

static cordon_error *add_new_tables(
    struct rows *rows, const struct schema *schema, struct tables *tables)
{
    const size_t kept = tables->count;
    for (size_t i = 0; i < schema->table_count; i++) {
        const struct schema_table *to = &schema->tables[i];
        uint32_t number = 0;
        enum store_step step = STORE_DONE;
        AWAIT(rows, step, store_table_ensure(rows->txn, to->name, &step, &number));
        bool is_kept = false;
        for (size_t k = 0; k < kept && !is_kept; k++) {
            is_kept = tables->items[k].number == number;
        }
        if (!is_kept) {
            tables->items[tables->count++] = (struct table){.number = number, .to = to};
        }
    }
    return NULL;
}

static cordon_error *write_row(struct rows *rows, uint32_t number, const struct schema_row *row)
{
    struct schema_row_key key;
    const struct slice name = schema_row_key(&key, number);
    if (row->now == NULL && row->next == NULL) {
        return store_row_remove(rows->txn, KEYSPACE_MODULE, name);
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SCHEMA_ROW_BYTES_MAX);
    TRY(schema_row_write(row, &text));
    return store_row_put(rows->txn, KEYSPACE_MODULE, name, buffer_slice(&text));
}

/* -- Indexes -------------------------------------------------------------------------------- */

struct index_list {
    struct store_index items[2 * SCHEMA_INDEXES_MAX];
    size_t count;
};

/* The same index of another table; NULL: it has none. */
static const struct schema_index *find_index(
    const struct schema_table *table, const struct schema_index *index)
{
    for (size_t i = 0; table != NULL && i < table->index_count; i++) {
        if (slice_equal(table->indexes[i].name, index->name) &&
            schema_index_has_fields_of(&table->indexes[i], index)) {
            return &table->indexes[i];
        }
    }
    return NULL;
}

static void add_index(struct index_list *list, const struct schema_index *index, bool staged)
{
    struct store_index *item = &list->items[list->count++];
    *item = (struct store_index){
        .name = index->name, .field_count = index->field_count, .staged = staged};
    memcpy(item->fields, index->fields, index->field_count * sizeof *index->fields);
}

/* Those that hold, until others do. One that will be used must be filled before. */
static void add_present(
    struct index_list *list, const struct schema_table *table, const struct schema_table *next)
{
    for (size_t i = 0; table != NULL && i < table->index_count; i++) {
        const struct schema_index *index = &table->indexes[i];
        const struct schema_index *then = find_index(next, index);
        add_index(list, index, index->staged && (then == NULL || then->staged));
    }
}

/* Those that are new. No deploy waits for one that is staged: it comes with the switch. */
static void add_new(
    struct index_list *list, const struct schema_table *table, const struct schema_table *present)
{
    for (size_t i = 0; table != NULL && i < table->index_count; i++) {
        const struct schema_index *index = &table->indexes[i];
        if (!index->staged && find_index(present, index) == NULL) {
            add_index(list, index, false);
        }
    }
}

/* Makes a table's indexes those of both, in the order that the old functions find theirs first. */
static cordon_error *put_indexes(
    struct rows *rows,
    uint32_t number,
    const struct schema_table *first,
    const struct schema_table *second)
{
    struct index_list list = {.count = 0};
    add_present(&list, first, second);
    add_new(&list, second, first);
    if (list.count > STORE_INDEXES_MAX) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "The table \"%.*s\" would have %zu indexes while the schema changes, of which at most "
            "%d are possible. Deploy without those that are no longer used, then with the new "
            "ones.",
            SLICE_FMT((first == NULL ? second : first)->name), list.count, STORE_INDEXES_MAX);
    }
    enum store_step step = STORE_DONE;
    AWAIT(rows, step, store_indexes_put(rows->txn, number, list.items, list.count, &step));
    return NULL;
}

/* -- Transactions --------------------------------------------------------------------------- */

typedef cordon_error *change_step(struct schema_change *change, struct rows *rows, void *arg);

static cordon_error *try_once(
    struct schema_change *change, change_step *take, void *arg, bool *out_conflict)
{
    if (atomic_load(change->stops)) {
        return cordon_error_new(
            CORDON_E_OVERLOADED,
            "the program is stopping and deploys no more; deploy again when it is back: what is "
            "done of the change of the schema is kept");
    }
    const struct store_commit_facts facts = {.audit_body = {0}};
    struct rows rows;
    cordon_error *error = rows_begin(change->store, change->tenant, &rows);
    if (error == NULL) {
        error = take(change, &rows, arg);
    }
    if (error == NULL) {
        error = rows_commit(&rows, &facts, out_conflict);
    }
    rows_end(&rows);
    return error;
}

static cordon_error *too_many_conflicts(void)
{
    return cordon_error_new(
        CORDON_E_CONFLICT,
        "the documents are written to so fast that the schema could not be changed; deploy again "
        "when there is less to do");
}

/* In a transaction of its own, again after each conflict. */
static cordon_error *take_step(struct schema_change *change, change_step *take, void *arg)
{
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < CONFLICTS_MAX; tries++) {
        TRY(try_once(change, take, arg, &conflict));
    }
    return conflict ? too_many_conflicts() : NULL;
}

/* -- What comes next ------------------------------------------------------------------------ */

/* The next document behind `key`, at first the prefix, that was noted as one that does not fit. */
static cordon_error *next_unfit(
    struct rows *rows, struct slice key, bool *out_found, struct document_id *out_id)
{
    enum store_step step = STORE_DONE;
    struct slice next = {0};
    struct slice value = {0};
    AWAIT(
        rows, step,
        store_row_next(rows->txn, KEYSPACE_MODULE, key, true, &step, out_found, &next, &value));
    *out_found = *out_found && schema_unfit_is_key(next, out_id);
    return NULL;
}

/* Takes at most so many of the notes away; `*out_done` unless there are more. */
static cordon_error *forget_unfit(struct rows *rows, size_t most, bool *out_done)
{
    struct schema_unfit_key key;
    struct document_id id;
    bool found = false;
    TRY(next_unfit(rows, SLICE(SCHEMA_UNFIT_PREFIX), &found, &id));
    for (size_t i = 0; i < most && found; i++) {
        const struct slice name = schema_unfit_key(&key, &id);
        TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, name));
        TRY(next_unfit(rows, name, &found, &id));
    }
    *out_done = !found;
    return NULL;
}

static cordon_error *forget_some(struct schema_change *change, struct rows *rows, void *arg)
{
    (void)change;
    return forget_unfit(rows, WORK_ROWS_MAX, arg);
}

/* All notes, of which an earlier change may have left any number. */
static cordon_error *forget_all(struct schema_change *change)
{
    bool done = false;
    while (!done) {
        TRY(take_step(change, forget_some, &done));
    }
    return NULL;
}

static cordon_error *prepare_table(struct rows *rows, const struct table *table)
{
    const struct schema_row row = {.now = table->row.now, .next = table->to};
    TRY(write_row(rows, table->number, &row));
    return put_indexes(rows, table->number, row.now, row.next);
}

static cordon_error *prepare(struct schema_change *change, struct rows *rows, void *arg)
{
    struct tables *tables = arg;
    arena_reset(&tables->arena);
    tables->count = 0;
    TRY(read_tables(rows, change->schema, tables));
    TRY(add_new_tables(rows, change->schema, tables));
    for (size_t i = 0; i < tables->count; i++) {
        TRY(prepare_table(rows, &tables->items[i]));
    }
    bool done = false;
    return forget_unfit(rows, SIZE_MAX, &done); /* few, if any: see forget_all() */
}

static cordon_error *abandon(struct schema_change *change, struct rows *rows, void *arg)
{
    (void)arg;
    static const struct schema none = {.table_count = 0};
    CORDON_CLEANUP(tables_done) struct tables tables = {.count = 0};
    arena_init(&tables.arena, ARENA_BYTES_MAX);
    (void)change;
    TRY(read_tables(rows, &none, &tables));
    for (size_t i = 0; i < tables.count; i++) {
        TRY(prepare_table(rows, &tables.items[i]));
    }
    return NULL;
}

cordon_error *schema_change_abandon(struct schema_change *change)
{
    TRY(take_step(change, abandon, NULL));
    return forget_all(change);
}

/* -- Documents that are there --------------------------------------------------------------- */

/* A table whose documents are held against a validator, and where that has come to. */
struct checking {
    const struct table *table;
    struct buffer from; /* a key in the creation order; empty: the beginning */
    bool done;
};

static void checking_done(struct checking *checking)
{
    buffer_done(&checking->from);
}

static cordon_error *refuse_document(
    const struct table *table, const struct value *document, struct slice words)
{
    const struct value *id = value_field(document, SLICE("_id"));
    const bool has_id = id != NULL && id->kind == VALUE_STRING;
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED,
        "Schema validation failed. Document with ID \"%.*s\" in table \"%.*s\" does not match the "
        "schema: %.*s\nNothing was deployed. Change the document, or let the schema allow it, and "
        "deploy again.",
        SLICE_FMT(has_id ? value_slice(id) : SLICE("")), SLICE_FMT(table->to->name),
        SLICE_FMT(words));
}

static cordon_error *check_document(
    struct rows *rows, const struct table *table, const struct value *document, struct arena *arena)
{
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, WORDS_BYTES_MAX);
    bool matches = true;
    TRY(documents_match(rows, table->to->document, document, arena, &words, &matches));
    return matches ? NULL : refuse_document(table, document, buffer_slice(&words));
}

/* Where the scan goes on after a document: right behind its key in the creation order. */
static cordon_error *keep_place(struct checking *checking, const struct value *document)
{
    struct document_id id;
    double time = 0;
    TRY(document_system_fields(document, &id, &time));
    return documents_place_behind(&id, time, &checking->from);
}

/* One document of the scan; false: there is no other. */
static cordon_error *check_next(
    struct rows *rows,
    struct checking *checking,
    struct store_scan *scan,
    struct arena *arena,
    bool *out_found,
    size_t *out_bytes)
{
    enum store_step step = STORE_DONE;
    struct slice body = {0};
    struct row row;
    struct value document = {0};
    AWAIT(rows, step, store_scan_next(scan, &step, out_found, &body));
    if (!*out_found) {
        return NULL;
    }
    *out_bytes += body.size;
    TRY(row_read(body, &row));
    TRY(value_parse(row.json, arena, &document));
    TRY(check_document(rows, checking->table, &document, arena));
    return keep_place(checking, &document);
}

/* Some documents, in the order of their making, which none of them ever changes its place in. */
static cordon_error *check_some(struct schema_change *change, struct rows *rows, void *arg)
{
    struct checking *checking = arg;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    const struct store_range range = {
        .table = checking->table->number,
        .index = STORE_BY_CREATION,
        .order = STORE_ASCENDING,
        .low = buffer_slice(&checking->from),
    };
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, &range, &scan));
    size_t bytes = 0;
    bool found = true;
    for (size_t i = 0; found && i < CHECK_DOCUMENTS_MAX && bytes < CHECK_BYTES_MAX; i++) {
        TRY(check_next(rows, checking, scan, &arena, &found, &bytes));
        change->documents += found;
        arena_reset(&arena);
    }
    checking->done = !found;
    return NULL;
}

static bool needs_check(const struct table *table)
{
    return table->to != NULL && !validator_is_any(table->to->document) &&
           !schema_same_documents(table->row.now, table->to);
}

/* -- Progress ------------------------------------------------------------------------------- */

static void tell(struct schema_change *change)
{
    const uint64_t now = clock_monotonic_ns();
    if (change->told_ns == 0) {
        change->told_ns = now;
    }
    if (change->log == NULL || now - change->told_ns < PROGRESS_NS) {
        return;
    }
    change->told_ns = now;
    const struct log_field fields[] = {
        LOG_FIELD_NUMBER("documents_checked", change->documents),
        LOG_FIELD_NUMBER("index_rows", change->rows),
    };
    log_write(change->log, LOG_INFO, "schema_change_progress", fields, 2);
    log_flush(change->log);
}

static cordon_error *check_table(struct schema_change *change, const struct table *table)
{
    CORDON_CLEANUP(checking_done) struct checking checking = {.table = table};
    buffer_init(&checking.from, 256);
    while (!checking.done) {
        TRY(take_step(change, check_some, &checking));
        tell(change);
    }
    return NULL;
}

/* -- Work ----------------------------------------------------------------------------------- */

static cordon_error *work_some(struct schema_change *change, struct rows *rows, void *arg)
{
    (void)change;
    struct schema_work *work = arg;
    enum store_step step = STORE_DONE;
    AWAIT(rows, step, store_index_work(rows->txn, work->share, work->rows_max, &step, &work->rows));
    return NULL;
}

/*
 * Who is filled from documents that others write all the time loses to them; so less is taken on
 * after each conflict, and more after each success.
 */
cordon_error *schema_change_work_some(struct schema_change *change, struct schema_work *work)
{
    bool conflict = false;
    if (work->rows_max == 0) {
        work->rows_max = WORK_ROWS_MAX;
    }
    TRY(try_once(change, work_some, work, &conflict));
    if (conflict && ++work->conflicts == CONFLICTS_MAX) {
        return too_many_conflicts();
    }
    if (conflict) {
        work->rows_max = work->rows_max / 2 + work->rows_max % 2;
        return NULL;
    }
    work->conflicts = 0;
    work->done = work->rows == 0;
    change->rows += work->rows;
    work->rows_max = work->rows_max < WORK_ROWS_MAX ? work->rows_max * 2 : WORK_ROWS_MAX;
    tell(change);
    return NULL;
}

static cordon_error *work_on(struct schema_change *change, enum store_index_share share)
{
    struct schema_work work = {.share = share};
    while (!work.done) {
        TRY(schema_change_work_some(change, &work));
    }
    return NULL;
}

cordon_error *schema_change_work(struct schema_change *change)
{
    return work_on(change, STORE_INDEX_ALL);
}

/* -- The whole ------------------------------------------------------------------------------ */

cordon_error *schema_change_begin(struct schema_change *change)
{
    CORDON_CLEANUP(tables_done) struct tables tables = {.count = 0};
    arena_init(&tables.arena, ARENA_BYTES_MAX);
    TRY(forget_all(change));
    TRY(take_step(change, prepare, &tables));
    for (size_t i = 0; i < tables.count; i++) {
        if (needs_check(&tables.items[i])) {
            TRY(check_table(change, &tables.items[i]));
        }
    }
    return work_on(change, STORE_INDEX_WANTED);
}

static cordon_error *refuse_written(
    const struct table *table, const struct document_id *id, struct slice words)
{
    char id_text[DOCUMENT_ID_TEXT_MAX + 1];
    (void)document_id_encode(id, id_text);
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED,
        "Schema validation failed. While the schema was checked, the document with ID \"%s\" was "
        "written to table \"%.*s\", and does not match it: %.*s\nNothing was deployed. Deploy "
        "functions that write what both schemas allow first, or let this one allow it.",
        id_text, SLICE_FMT(table->to->name), SLICE_FMT(words));
}

/* Looks at a document again that was noted; it may fit by now, or be gone. */
static cordon_error *check_again(
    struct rows *rows, const struct table *table, const struct document_id *id)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer words;
    arena_init(&arena, ARENA_BYTES_MAX);
    buffer_init(&words, WORDS_BYTES_MAX);
    const struct store_id key = store_id_of(id);
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice body = {0};
    AWAIT(rows, step, store_get(rows->txn, &key, &step, &found, &body));
    if (!found) {
        return NULL;
    }
    struct row row;
    struct value document = {0};
    bool matches = true;
    TRY(row_read(body, &row));
    TRY(value_parse(row.json, &arena, &document));
    TRY(documents_match(rows, table->to->document, &document, &arena, &words, &matches));
    return matches ? NULL : refuse_written(table, id, buffer_slice(&words));
}

/* The documents that were written meanwhile and did not fit then. Their notes are done with. */
static cordon_error *check_unfit(struct rows *rows, const struct tables *tables)
{
    struct schema_unfit_key key;
    struct document_id id;
    bool found = false;
    TRY(next_unfit(rows, SLICE(SCHEMA_UNFIT_PREFIX), &found, &id));
    while (found) {
        const struct table *table = tables->items;
        const struct table *end = tables->items + tables->count;
        while (table < end && table->number != id.table) {
            table++;
        }
        if (table < end && table->to != NULL) {
            TRY(check_again(rows, table, &id));
        }
        const struct slice name = schema_unfit_key(&key, &id);
        TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, name));
        TRY(next_unfit(rows, name, &found, &id));
    }
    return NULL;
}

/* All that begin has made of it; anything else is a fault of ours. */
static cordon_error *check_enabled(struct rows *rows, const struct table *table)
{
    enum store_step step = STORE_DONE;
    struct store_indexes indexes = {0};
    AWAIT(rows, step, store_indexes_get(rows->txn, table->number, &step, &indexes));
    for (size_t i = 0; i < indexes.count; i++) {
        if (!indexes.items[i].staged && indexes.items[i].state != STORE_INDEX_ENABLED) {
            return cordon_error_new(
                CORDON_E_CONFLICT, "an index of the table \"%.*s\" is not filled; deploy again",
                SLICE_FMT(table->to->name));
        }
    }
    return NULL;
}

static cordon_error *finish_table(struct rows *rows, const struct table *table)
{
    const struct schema_row row = {.now = table->to};
    TRY(write_row(rows, table->number, &row));
    TRY(put_indexes(rows, table->number, table->to, NULL));
    return table->to == NULL ? NULL : check_enabled(rows, table);
}

cordon_error *schema_change_finish(struct rows *rows, const struct schema *schema)
{
    CORDON_CLEANUP(tables_done) struct tables tables = {.count = 0};
    arena_init(&tables.arena, ARENA_BYTES_MAX);
    TRY(read_tables(rows, schema, &tables));
    TRY(add_new_tables(rows, schema, &tables));
    TRY(check_unfit(rows, &tables));
    for (size_t i = 0; i < tables.count; i++) {
        TRY(finish_table(rows, &tables.items[i]));
    }
    return NULL;
}

static cordon_error *finish(struct schema_change *change, struct rows *rows, void *arg)
{
    (void)arg;
    return schema_change_finish(rows, change->schema);
}

cordon_error *schema_change_make(struct schema_change *change)
{
    TRY(schema_change_begin(change));
    TRY(take_step(change, finish, NULL));
    return schema_change_work(change);
}
