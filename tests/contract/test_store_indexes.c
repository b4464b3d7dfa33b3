/*
 * Indexes on fields, for every way to make a store: what a scan gives out is held against a plain
 * array that is sorted by the values themselves. Documents come, change and go inside and outside
 * of the transaction that scans; fields are missing, of all types, and longer than a key; indexes
 * come and go while documents are there, and are filled by work that is interrupted.
 *
 * The seed is printed; CORDON_TEST_SEED repeats it. Many clients at once are test_store_model.c's.
 */
#include "contract/harness.h"

#include "base/memory.h"
#include "support/seed.h"
#include "support/size.h"
#include "value/row.h"
#include "value/sortkey.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TENANT 7

/* Documents that may be there, and transactions of one random history at full size. */
enum { DOCUMENTS = 40, STEPS = 100 };

static uint64_t seed;

/* A text that fills a key, and one of which no two are alike before the cut. */
enum { LONG_BYTES = 600 };

static const struct store_index by_a = {
    .name = {(const uint8_t *)"by_a", 4},
    .fields = {{(const uint8_t *)"a", 1}},
    .field_count = 1,
};
static const struct store_index by_a_bc = {
    .name = {(const uint8_t *)"by_a_bc", 7},
    .fields = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b.c", 3}},
    .field_count = 2,
};

/* -- The model ------------------------------------------------------------------------------- */

struct document {
    bool live;
    double creation_time;
    struct store_id id;
    struct slice row;      /* allocated */
    struct slice key;      /* allocated: by a, b.c, then the place */
    struct slice key_of_a; /* allocated: by a, then the place */
};

struct model {
    struct world *world;
    uint32_t table;
    uint32_t number[2]; /* of the two indexes */
    uint64_t random;
    struct document documents[DOCUMENTS];
};

static uint64_t draw(struct model *model, uint64_t below)
{
    model->random = model->random * 6364136223846793005u + 1442695040888963407u;
    return (model->random >> 33) % below;
}

/* One of a few values of each type, so that documents tie and differ by type alone. */
static void write_value(struct model *model, char *out, size_t size)
{
    static const char *const values[] = {
        "null",
        "1",
        "2",
        "-1.5",
        "true",
        "false",
        "\"\"",
        "\"x\"",
        "\"x\\u0000y\"",
        "[1]",
        "{\"$integer\":\"AQAAAAAAAAA=\"}",
        "{\"$bytes\":\"AP8=\"}",
        "{\"c\":1}",
    };
    const size_t count = sizeof values / sizeof values[0];
    const uint64_t which = draw(model, count + 3);
    if (which < count) {
        (void)snprintf(out, size, "%s", values[which]);
        return;
    }
    char text[LONG_BYTES + 1];
    memset(text, 'l', LONG_BYTES);
    text[LONG_BYTES] = '\0';
    text[LONG_BYTES - 1 - draw(model, 3)] = (char)('a' + draw(model, 4)); /* behind the cut */
    if (which == count) {
        text[draw(model, 3)] = 'm'; /* before it */
    }
    (void)snprintf(out, size, "\"%s\"", text);
}

static void write_json(struct model *model, char *out, size_t size)
{
    char a[LONG_BYTES + 64];
    char c[LONG_BYTES + 64];
    write_value(model, a, sizeof a);
    write_value(model, c, sizeof c);
    switch (draw(model, 4)) {
    case 0:
        (void)snprintf(out, size, "{\"n\":1}");
        return;
    case 1:
        (void)snprintf(out, size, "{\"a\":%s}", a);
        return;
    default:
        (void)snprintf(out, size, "{\"a\":%s,\"b\":{\"c\":%s}}", a, c);
        return;
    }
}

static struct slice keep(struct slice bytes)
{
    uint8_t *copy = mem_new(bytes.size + 1);
    REQUIRE(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return slice_of(copy, bytes.size);
}

static void forget(struct slice *bytes)
{
    mem_free((void *)(uintptr_t)bytes->data);
    *bytes = (struct slice){0};
}

static void forget_document(struct document *document)
{
    forget(&document->row);
    forget(&document->key);
    forget(&document->key_of_a);
    document->live = false;
}

/* The key as its definition says, by the values alone. */
static struct slice make_key(
    const struct document *document, const struct value *tree, size_t fields)
{
    static const struct value undefined = {.kind = VALUE_UNDEFINED};
    const struct slice paths[] = {SLICE("a"), SLICE("b.c")};
    struct buffer key;
    buffer_init(&key, SIZE_MAX);
    for (size_t i = 0; i < fields; i++) {
        const struct value *value = value_at(tree, paths[i]);
        OK(sortkey_write(&key, value == NULL ? &undefined : value));
    }
    const struct value time = value_float64(document->creation_time);
    OK(sortkey_write(&key, &time));
    /* A place is a sort key's eight bytes without their tag, and the id. */
    memmove(key.data + key.size - 9, key.data + key.size - 8, 8);
    key.size--;
    OK(buffer_append(&key, slice_of(document->id.internal, 16)));
    const struct slice kept = keep(buffer_slice(&key));
    buffer_done(&key);
    return kept;
}

static void set_document(struct model *model, size_t n, const char *json)
{
    struct document *document = &model->documents[n];
    forget_document(document);
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct buffer row;
    buffer_init(&row, SIZE_MAX);
    struct value tree = {0};
    OK(value_parse(slice_str(json), &arena, &tree));
    OK(row_write(&row, &tree, value_size(&tree)));
    document->row = keep(buffer_slice(&row));
    document->key = make_key(document, &tree, 2);
    document->key_of_a = make_key(document, &tree, 1);
    document->live = true;
    buffer_done(&row);
    arena_done(&arena);
}

/* -- Scans ----------------------------------------------------------------------------------- */

static struct slice key_in(const struct document *document, size_t which)
{
    return which == 0 ? document->key_of_a : document->key;
}

static size_t sorting_by;

static int compare_documents(const void *a, const void *b)
{
    return slice_compare(
        key_in(*(const struct document *const *)a, sorting_by),
        key_in(*(const struct document *const *)b, sorting_by));
}

/* Live documents of a range in order. */
static size_t expect(
    const struct model *model,
    const struct store_range *range,
    size_t which,
    const struct document *out[DOCUMENTS])
{
    size_t count = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        const struct document *document = &model->documents[i];
        const struct slice key = key_in(document, which);
        if (document->live && slice_compare(key, range->low) >= 0 &&
            (range->high.size == 0 || slice_compare(key, range->high) < 0)) {
            out[count++] = document;
        }
    }
    sorting_by = which;
    qsort(out, count, sizeof out[0], compare_documents);
    if (range->order == STORE_DESCENDING) {
        for (size_t i = 0; i < count / 2; i++) {
            const struct document *swapped = out[i];
            out[i] = out[count - 1 - i];
            out[count - 1 - i] = swapped;
        }
    }
    return count;
}

/* An end: a document's key, or the first bytes of it, or none. */
static struct slice draw_end(struct model *model, size_t which)
{
    const struct document *document = &model->documents[draw(model, DOCUMENTS)];
    if (!document->live || draw(model, 3) == 0) {
        return (struct slice){0};
    }
    const struct slice key = key_in(document, which);
    return slice_of(key.data, draw(model, 3) == 0 ? draw(model, key.size + 1) : key.size);
}

static void change_some(struct model *model, struct client *client);

/* Scans a range, changing documents on the way if `changes`; those behind the scan don't matter. */
static void scan(struct model *model, struct client *client, bool changes)
{
    const size_t which = draw(model, 2);
    struct slice ends[2] = {draw_end(model, which), draw_end(model, which)};
    if (ends[1].size > 0 && slice_compare(ends[0], ends[1]) > 0) {
        const struct slice low = ends[1];
        ends[1] = ends[0];
        ends[0] = low;
    }
    struct slice low = keep(ends[0]);
    struct slice high = keep(ends[1]);
    struct store_range range = {
        .table = model->table,
        .index = model->number[which],
        .order = draw(model, 2) == 0 ? STORE_ASCENDING : STORE_DESCENDING,
        .low = low,
        .high = high,
    };
    struct store_scan *scan = NULL;
    OK(store_scan_open(client->txn, &range, &scan));
    struct slice position = {0};
    for (;;) {
        const struct document *wanted[DOCUMENTS];
        const size_t count = expect(model, &range, which, wanted);
        struct slice body = {0};
        const bool found = client_next(client, scan, &body);
        REQUIRE(found == (count > 0));
        if (!found) {
            break;
        }
        REQUIRE(slice_equal(body, wanted[0]->row));
        forget(&position);
        position = keep(key_in(wanted[0], which));
        if (range.order == STORE_DESCENDING) {
            range.high = position;
        } else {
            struct buffer behind;
            buffer_init(&behind, SIZE_MAX);
            OK(buffer_append(&behind, position));
            OK(buffer_append_byte(&behind, 0));
            forget(&position);
            position = keep(buffer_slice(&behind));
            buffer_done(&behind);
            range.low = position;
        }
        if (changes && draw(model, 4) == 0) {
            change_some(model, client);
        }
    }
    store_scan_close(scan);
    forget(&position);
    forget(&low);
    forget(&high);
}

/* -- Histories ------------------------------------------------------------------------------- */

static void change_one(struct model *model, struct client *client)
{
    const size_t n = (size_t)draw(model, DOCUMENTS);
    struct document *document = &model->documents[n];
    if (document->live && draw(model, 3) == 0) {
        OK(store_remove(client->txn, &document->id, document->creation_time));
        forget_document(document);
        return;
    }
    static char json[4 * LONG_BYTES];
    write_json(model, json, sizeof json);
    set_document(model, n, json);
    OK(store_put(client->txn, &document->id, document->creation_time, document->row));
}

static void change_some(struct model *model, struct client *client)
{
    for (uint64_t left = 1 + draw(model, 4); left > 0; left--) {
        change_one(model, client);
    }
}

/* Makes these the indexes and notes their numbers. */
static void put_indexes(struct model *model, const struct store_index *indexes, size_t count)
{
    struct client client;
    client_begin(&client, model->world->store, TENANT);
    enum store_step step = STORE_PENDING;
    while (step == STORE_PENDING) {
        OK(store_indexes_put(client.txn, model->table, indexes, count, &step));
        if (step == STORE_PENDING) {
            client_wait(&client);
        }
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static struct store_indexes get_indexes(struct model *model, struct client *client)
{
    struct store_indexes indexes = {0};
    enum store_step step = STORE_PENDING;
    while (step == STORE_PENDING) {
        OK(store_indexes_get(client->txn, model->table, &step, &indexes));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    return indexes;
}

/* Begins a part of the work, and does it up to its commit; what was done of it. */
static size_t begin_work(struct model *model, struct client *client, size_t rows)
{
    client_begin(client, model->world->store, TENANT);
    enum store_step step = STORE_PENDING;
    size_t done = 0;
    while (step == STORE_PENDING) {
        OK(store_index_work(client->txn, STORE_INDEX_ALL, rows, &step, &done));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    REQUIRE(done <= rows + 1);
    return done;
}

/* Does a part of the work: that many rows, and one that says how far it came; 0: there was none. */
static size_t work(struct model *model, size_t rows)
{
    struct client client;
    const size_t done = begin_work(model, &client, rows);
    REQUIRE(!client_commit(&client, NULL).conflict);
    return done;
}

static void learn_numbers(struct model *model)
{
    struct client client;
    client_begin(&client, model->world->store, TENANT);
    const struct store_indexes indexes = get_indexes(model, &client);
    REQUIRE(indexes.count == 2);
    for (size_t i = 0; i < 2; i++) {
        REQUIRE(indexes.items[i].state == STORE_INDEX_ENABLED);
        REQUIRE(slice_equal(indexes.items[i].name, i == 0 ? by_a.name : by_a_bc.name));
        model->number[i] = indexes.items[i].number;
    }
    client_end(&client);
}

/* `history` sets apart the histories of one seed. */
static void begin_model(struct model *model, struct world *world, uint64_t history)
{
    *model = (struct model){.world = world, .random = seed + history};
    struct client client;
    client_begin(&client, world->store, TENANT);
    model->table = client_table(&client, "t");
    REQUIRE(!client_commit(&client, NULL).conflict);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        model->documents[i].id = doc_id(model->table, i);
        model->documents[i].creation_time = 1000 + (double)(i % 7); /* ties by id */
    }
}

static void end_model(struct model *model)
{
    for (size_t i = 0; i < DOCUMENTS; i++) {
        forget_document(&model->documents[i]);
    }
}

static struct slice keep_if(struct slice bytes)
{
    return bytes.data == NULL ? (struct slice){0} : keep(bytes);
}

/* What is written after a savepoint is gone when the transaction is brought back to it. */
static void try_and_undo(struct model *model, struct client *client)
{
    struct document before[DOCUMENTS];
    uint64_t point = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        before[i] = model->documents[i];
        before[i].row = keep_if(before[i].row);
        before[i].key = keep_if(before[i].key);
        before[i].key_of_a = keep_if(before[i].key_of_a);
    }
    OK(store_savepoint(client->txn, &point));
    for (uint64_t left = draw(model, 3); left > 0; left--) {
        change_some(model, client);
        scan(model, client, true);
    }
    OK(store_rollback(client->txn, point));
    for (size_t i = 0; i < DOCUMENTS; i++) {
        forget_document(&model->documents[i]);
        model->documents[i] = before[i];
    }
    scan(model, client, false);
}

static void one_transaction(struct model *model)
{
    struct client client;
    client_begin(&client, model->world->store, TENANT);
    for (uint64_t left = draw(model, 4); left > 0; left--) {
        change_some(model, &client);
        scan(model, &client, true);
        if (draw(model, 3) == 0) {
            try_and_undo(model, &client);
        }
    }
    scan(model, &client, false);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

static void scans_are_what_the_values_say(struct world *world)
{
    struct model model;
    const struct store_index both[] = {by_a, by_a_bc};
    begin_model(&model, world, 1);
    put_indexes(&model, both, 2); /* of an empty table: enabled at once */
    learn_numbers(&model);
    for (size_t i = 0; i < test_size(STEPS); i++) {
        one_transaction(&model);
    }
    if (world->maker->lmdb) {
        world_reopen(world);
        one_transaction(&model);
    }
    end_model(&model);
}

static void an_index_is_filled_while_documents_change(struct world *world)
{
    struct model model;
    const struct store_index both[] = {by_a, by_a_bc};
    begin_model(&model, world, 2);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (size_t i = 0; i < 20; i++) {
        change_some(&model, &client);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    put_indexes(&model, both, 2);
    client_begin(&client, world->store, TENANT);
    const struct store_indexes indexes = get_indexes(&model, &client);
    REQUIRE(indexes.count == 2 && indexes.items[0].state == STORE_INDEX_FILLING);
    struct store_scan *scan_of_it = NULL;
    const struct store_range range = {.table = model.table, .index = indexes.items[0].number};
    require_error(
        store_scan_open(client.txn, &range, &scan_of_it), CORDON_E_INVALID, "no enabled index");
    client_end(&client);
    while (work(&model, 3) > 0) {
        client_begin(&client, world->store, TENANT);
        change_some(&model, &client);
        REQUIRE(!client_commit(&client, NULL).conflict);
        if (world->maker->lmdb && draw(&model, 4) == 0) {
            world_reopen(world); /* it goes on where it was */
        }
    }
    learn_numbers(&model);
    for (size_t i = 0; i < test_size(STEPS / 5); i++) {
        one_transaction(&model);
    }
    end_model(&model);
}

/* Documents 0 to `count` - 1, and an index over them that is to be filled. */
static void begin_filling(struct model *model, struct world *world, uint64_t history, size_t count)
{
    struct client client;
    begin_model(model, world, history);
    client_begin(&client, world->store, TENANT);
    for (size_t i = 0; i < count; i++) {
        const struct document *document = &model->documents[i];
        set_document(model, i, "{\"a\":1}");
        OK(store_put(client.txn, &document->id, document->creation_time, document->row));
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    put_indexes(model, &by_a, 1);
}

/* Writes one document in a transaction that stays open. */
static void begin_write(struct model *model, struct client *client, size_t n, const char *json)
{
    const struct document *document = &model->documents[n];
    client_begin(client, model->world->store, TENANT);
    if (json == NULL) {
        OK(store_remove(client->txn, &document->id, document->creation_time));
        forget_document(&model->documents[n]);
        return;
    }
    set_document(model, n, json);
    OK(store_put(client->txn, &document->id, document->creation_time, document->row));
}

/* Requires that the index gives all documents, in its order. */
static void expect_filled(struct model *model)
{
    struct client client;
    client_begin(&client, model->world->store, TENANT);
    const struct store_indexes indexes = get_indexes(model, &client);
    REQUIRE(indexes.count == 1 && indexes.items[0].state == STORE_INDEX_ENABLED);
    const struct store_range range = {.table = model->table, .index = indexes.items[0].number};
    const struct document *wanted[DOCUMENTS];
    const size_t count = expect(model, &range, 0, wanted);
    struct store_scan *scan_of_it = NULL;
    struct slice body = {0};
    OK(store_scan_open(client.txn, &range, &scan_of_it));
    for (size_t i = 0; i < count; i++) {
        REQUIRE(client_next(&client, scan_of_it, &body));
        REQUIRE(slice_equal(body, wanted[i]->row));
    }
    REQUIRE(!client_next(&client, scan_of_it, &body));
    client_end(&client);
}

/*
 * Who writes documents while others are filled in, or goes on to write from before to after, waits
 * for nobody and is in no conflict; nor is the filling. Of one and the same document the later of
 * the two is. Rows are filled three at a time in creation order, and there are two documents of
 * each of the first seven moments.
 */
static void filling_and_writing_are_in_no_conflict(struct world *world)
{
    enum { FILLED = 14, NEW = DOCUMENTS - 1 };
    static const struct {
        size_t n;
        const char *json; /* NULL: it is removed */
        bool conflict;    /* while documents 0, 7 and 1 are filled */
    } writes[] = {
        {6, "{\"a\":2}", false},
        {6, NULL, false},
        {NEW, "{\"a\":3}", false},
        {7, "{\"a\":2}", true}};
    for (size_t i = 0; i < 2 * (sizeof writes / sizeof writes[0]); i++) {
        struct model model;
        struct client writer;
        struct client filler;
        const size_t which = i / 2;
        const bool writer_first = i % 2 == 0;
        begin_filling(&model, world, 7 + i, FILLED);
        begin_write(&model, &writer, writes[which].n, writes[which].json);
        REQUIRE(begin_work(&model, &filler, 3) == 4);
        struct client *const first = writer_first ? &writer : &filler;
        struct client *const second = writer_first ? &filler : &writer;
        REQUIRE(!client_commit(first, NULL).conflict);
        REQUIRE(client_commit(second, NULL).conflict == writes[which].conflict);
        if (writes[which].conflict && !writer_first) {
            set_document(&model, writes[which].n, "{\"a\":1}"); /* as it was */
        }
        while (work(&model, 3) > 0) {
        }
        expect_filled(&model);
        end_model(&model);
        world_close(world);
        world_open(world, world->maker);
    }
}

/* Rows that are left to fill, by filling them. */
static size_t fill_the_rest(struct model *model)
{
    size_t rows = 0;
    for (size_t done = work(model, 3); done > 0; done = work(model, 3)) {
        rows += done - 1;
    }
    return rows;
}

/* A process that was killed in the midst of filling did its part: the next goes on behind it. */
static void filling_goes_on_after_a_kill(struct world *world)
{
    enum { FILLED = 14, PARTS = 2 };
    struct model model;
    int status = 0;
    if (!world->maker->lmdb) {
        return;
    }
    begin_filling(&model, world, 20, FILLED);
    store_close(world->store);
    world->store = NULL;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        world_reopen(world);
        for (int part = 0; part < PARTS; part++) {
            REQUIRE(work(&model, 3) == 4);
        }
        (void)raise(SIGKILL);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    world_reopen(world);
    REQUIRE(fill_the_rest(&model) == FILLED - (size_t)3 * PARTS);
    expect_filled(&model);
    end_model(&model);
}

/* A dropped index leaves nothing behind, and one of the same name is a new one. */
static void an_index_is_dropped(struct world *world)
{
    struct model model;
    const struct store_index both[] = {by_a, by_a_bc};
    begin_model(&model, world, 3);
    put_indexes(&model, both, 2);
    learn_numbers(&model);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (size_t i = 0; i < 10; i++) {
        change_some(&model, &client);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    const uint32_t before = model.number[0];
    put_indexes(&model, &by_a_bc, 1);
    REQUIRE(work(&model, 4) > 0);
    put_indexes(&model, both, 2); /* while entries of the old one are still there */
    while (work(&model, 4) > 0) {
    }
    learn_numbers(&model);
    REQUIRE(model.number[0] != before);
    for (size_t i = 0; i < test_size(STEPS / 5); i++) {
        one_transaction(&model);
    }
    end_model(&model);
}

/* Staged or not, an index is one and the same: it keeps its number and what is filled of it. */
static void an_index_is_staged_and_enabled(struct world *world)
{
    struct model model;
    struct store_index staged = by_a;
    uint32_t number = 0;
    begin_model(&model, world, 4);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (size_t i = 0; i < 10; i++) {
        change_some(&model, &client);
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    for (int turn = 0; turn < 4; turn++) {
        staged.staged = turn % 2 == 0;
        put_indexes(&model, &staged, 1);
        if (world->maker->lmdb) {
            world_reopen(world);
        }
        client_begin(&client, world->store, TENANT);
        const struct store_indexes indexes = get_indexes(&model, &client);
        REQUIRE(indexes.count == 1 && indexes.items[0].staged == staged.staged);
        REQUIRE(turn == 0 || indexes.items[0].number == number);
        REQUIRE(indexes.items[0].state == (turn < 2 ? STORE_INDEX_FILLING : STORE_INDEX_ENABLED));
        number = indexes.items[0].number;
        client_end(&client);
        while (turn == 1 && work(&model, 4) > 0) {
        }
    }
    end_model(&model);
}

/* A group of more than is gathered in one call: all come, in order, after some waits. */
static void a_large_group_takes_its_time(struct world *world)
{
    enum { MANY = 700 };
    struct model model;
    begin_model(&model, world, 6);
    put_indexes(&model, &by_a, 1);
    struct client client;
    client_begin(&client, world->store, TENANT);
    for (uint64_t n = 0; n < MANY; n++) {
        static char json[LONG_BYTES + 64];
        char text[LONG_BYTES + 1];
        memset(text, 'l', LONG_BYTES);
        (void)snprintf(text + LONG_BYTES - 8, 9, "%08d", (int)(n * 7919 % MANY));
        (void)snprintf(json, sizeof json, "{\"a\":\"%s\"}", text);
        set_document(&model, 0, json);
        const struct store_id id = doc_id(model.table, 1000 + n);
        OK(store_put(client.txn, &id, 5, model.documents[0].row));
    }
    REQUIRE(!client_commit(&client, NULL).conflict);
    client_begin(&client, world->store, TENANT);
    const struct store_range range = {
        .table = model.table,
        .index = get_indexes(&model, &client).items[0].number,
        .order = STORE_DESCENDING,
    };
    struct store_scan *scan_of_it = NULL;
    struct slice body = {0};
    OK(store_scan_open(client.txn, &range, &scan_of_it));
    for (int n = MANY - 1; n >= 0; n--) {
        char wanted[16];
        (void)snprintf(wanted, sizeof wanted, "%08d\"}", n);
        REQUIRE(client_next(&client, scan_of_it, &body));
        REQUIRE(memcmp(body.data + body.size - 10, wanted, 10) == 0);
    }
    REQUIRE(!client_next(&client, scan_of_it, &body));
    REQUIRE(client.pending >= MANY / 256);
    client_end(&client);
    end_model(&model);
}

/* -- Conflicts ------------------------------------------------------------------------------- */

struct conflict_case {
    const char *name;
    const char *before; /* the document that is there when both begin */
    const char *after;  /* what the other makes of it; NULL: removes it */
    const char *low;    /* the values of `a` that are read, from, before */
    const char *high;
    bool conflict;
};

static const struct conflict_case conflict_cases[] = {
    {"enters the range", "{\"a\":1}", "{\"a\":5}", "4", "6", true},
    {"leaves the range", "{\"a\":5}", "{\"a\":1}", "4", "6", true},
    {"changes inside", "{\"a\":5}", "{\"a\":5,\"n\":1}", "4", "6", true},
    {"goes from inside", "{\"a\":5}", NULL, "4", "6", true},
    {"stays outside", "{\"a\":1}", "{\"a\":2}", "4", "6", false},
    {"goes from outside", "{\"a\":1}", NULL, "4", "6", false},
    {"comes to the end that is not in it", "{\"a\":1}", "{\"a\":6}", "4", "6", false},
    {"comes to the end that is in it", "{\"a\":1}", "{\"a\":4}", "4", "6", true},
};

static struct slice end_of(const char *json, struct buffer *buffer)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct value value = {0};
    OK(value_parse(slice_str(json), &arena, &value));
    buffer_init(buffer, SIZE_MAX);
    OK(sortkey_write(buffer, &value));
    arena_done(&arena);
    return buffer_slice(buffer);
}

static void check_conflict(struct world *world, const struct conflict_case *one, size_t n)
{
    struct model model;
    begin_model(&model, world, 4);
    struct client reader;
    struct client writer;
    client_begin(&writer, world->store, TENANT);
    struct document *document = &model.documents[n];
    set_document(&model, n, one->before);
    OK(store_put(writer.txn, &document->id, document->creation_time, document->row));
    REQUIRE(!client_commit(&writer, NULL).conflict);

    client_begin(&reader, world->store, TENANT);
    client_begin(&writer, world->store, TENANT);
    const struct store_indexes indexes = get_indexes(&model, &reader);
    struct buffer low;
    struct buffer high;
    const struct store_range range = {
        .table = model.table,
        .index = indexes.items[0].number,
        .low = end_of(one->low, &low),
        .high = end_of(one->high, &high),
    };
    struct store_scan *scan_of_it = NULL;
    struct slice body = {0};
    OK(store_scan_open(reader.txn, &range, &scan_of_it));
    while (client_next(&reader, scan_of_it, &body)) {
    }
    struct document *other = &model.documents[DOCUMENTS - 1];
    set_document(&model, DOCUMENTS - 1, "{}"); /* so that there is something to validate */
    OK(store_put(reader.txn, &other->id, other->creation_time, other->row));
    if (one->after == NULL) {
        OK(store_remove(writer.txn, &document->id, document->creation_time));
    } else {
        set_document(&model, n, one->after);
        OK(store_put(writer.txn, &document->id, document->creation_time, document->row));
    }
    REQUIRE(!client_commit(&writer, NULL).conflict);
    if (client_commit(&reader, NULL).conflict != one->conflict) {
        fail_msg("%s: %s", one->name, one->conflict ? "no conflict" : "a conflict");
    }
    client_begin(&writer, world->store, TENANT);
    if (one->after != NULL) {
        OK(store_remove(writer.txn, &document->id, document->creation_time));
    }
    REQUIRE(!client_commit(&writer, NULL).conflict);
    buffer_done(&low);
    buffer_done(&high);
    end_model(&model);
}

static void ranges_conflict_where_they_were_read(struct world *world)
{
    struct model model;
    begin_model(&model, world, 4);
    put_indexes(&model, &by_a, 1);
    for (size_t i = 0; i < sizeof conflict_cases / sizeof conflict_cases[0]; i++) {
        check_conflict(world, &conflict_cases[i], i);
    }
}

/* Who writes with the indexes of before is in conflict with who changes them. */
static void writers_conflict_with_new_indexes(struct world *world)
{
    struct model model;
    begin_model(&model, world, 5);
    struct client writer;
    client_begin(&writer, world->store, TENANT);
    change_one(&model, &writer); /* a put, as nothing is there */
    put_indexes(&model, &by_a, 1);
    REQUIRE(client_commit(&writer, NULL).conflict);
    end_model(&model);
}

/* -- All of it for all of them --------------------------------------------------------------- */

static void (*const cases[])(struct world *world) = {
    scans_are_what_the_values_say,
    an_index_is_filled_while_documents_change,
    filling_and_writing_are_in_no_conflict,
    filling_goes_on_after_a_kill,
    an_index_is_dropped,
    an_index_is_staged_and_enabled,
    ranges_conflict_where_they_were_read,
    writers_conflict_with_new_indexes,
    a_large_group_takes_its_time,
};

static void every_store_keeps_the_contract(void **state)
{
    (void)state;
    for (size_t i = 0; i < backend_maker_count; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            if (backend_makers[i].delay_ms > 1 && j < 3) {
                continue; /* a history of thousands of waits */
            }
            struct world world;
            world_open(&world, &backend_makers[i]);
            cases[j](&world);
            world_close(&world);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_store_keeps_the_contract)};
    seed = test_seed();
    return cmocka_run_group_tests_name("store/indexes", tests, NULL, NULL);
}
