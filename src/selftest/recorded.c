/* Transactions that are written down; see recorded.h. */
#include "selftest/recorded.h"

#include "base/clock.h"
#include "store/layout.h"
#include "value/id.h"
#include "value/row.h"
#include "value/sortkey.h"

#include <inttypes.h>

/* Every call of a store that may be pending, again and again until it is done. */
#define UNTIL_DONE(client, call)                                                                   \
    for (enum store_step step = STORE_PENDING; step != STORE_DONE;) {                              \
        TRY(call);                                                                                 \
        wait_for((client), step);                                                                  \
    }

/* By the group of a register's value; lists have none, and stand before all. */
static const struct store_index by_group = {
    .name = {(const uint8_t *)"by_group", 8},
    .fields = {{(const uint8_t *)"group", 5}},
    .field_count = 1,
};

#define VALUES "\"values\":\""
#define DOCUMENT_BYTES_MAX ((size_t)1 << 20)

static void wait_for(struct recorded_client *client, enum store_step step)
{
    if (step == STORE_PENDING) {
        event_wait(&client->woken, UINT64_MAX);
    } else if (step == STORE_LATER) {
        event_wait(&client->woken, clock_deadline_ns(STORE_LATER_MS));
    }
}

/* -- Documents --------------------------------------------------------------------------------- */

static struct store_id id_of(const struct recorded_client *client, uint64_t key)
{
    struct store_id id = {.table = client->table};
    layout_store64(id.internal, key);
    return id;
}

/* A document's text up to its values; it is made a row with the last of them. */
static cordon_error *begin_document(struct recorded_client *client, uint64_t key, uint64_t value)
{
    char text[DOCUMENT_ID_TEXT_MAX + 1];
    const struct store_id id = id_of(client, key);
    struct document_id named = {.table = id.table};
    memcpy(named.internal, id.internal, sizeof named.internal);
    (void)document_id_encode(&named, text);
    buffer_clear(&client->text);
    TRY(buffer_printf(&client->text, "{\"_creationTime\":%" PRIu64 ",\"_id\":\"%s\",", key, text));
    if (!recorded_is_list(key)) {
        TRY(buffer_printf(&client->text, "\"group\":%" PRIu64 ",", history_group(value)));
    }
    return buffer_append(&client->text, SLICE(VALUES));
}

static cordon_error *end_document(struct recorded_client *client, uint64_t value)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    struct value document = {0};
    arena_init(&arena, DOCUMENT_BYTES_MAX);
    TRY(buffer_printf(&client->text, "%" PRIu64 "\"}", value));
    TRY(value_parse(buffer_slice(&client->text), &arena, &document));
    buffer_clear(&client->row);
    return row_write(&client->row, &document, value_size(&document));
}

static cordon_error *not_ours(void)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "the store gave a document that was never written; keep the data folder, and report that");
}

/* The text of a document's values: "1,2,3". */
static cordon_error *find_values(struct slice body, struct slice *out_values)
{
    const uint8_t *const name = memmem(body.data, body.size, VALUES, sizeof VALUES - 1);
    if (name == NULL) {
        return not_ours();
    }
    const struct slice rest = slice_from(body, (size_t)(name - body.data) + sizeof VALUES - 1);
    const uint8_t *const end = memchr(rest.data, '"', rest.size);
    if (end == NULL) {
        return not_ours();
    }
    *out_values = slice_of(rest.data, (size_t)(end - rest.data));
    return NULL;
}

/* Takes the first number off a text, with the comma behind it. */
static cordon_error *take_number(struct slice *text, uint64_t *out_number)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < text->size && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
        number = 10 * number + (uint64_t)(text->data[i] - '0');
    }
    if (i == 0 || (i < text->size && text->data[i] != ',')) {
        return not_ours();
    }
    *text = slice_from(*text, i == text->size ? i : i + 1);
    *out_number = number;
    return NULL;
}

static cordon_error *key_of_document(struct slice body, uint64_t *out_key)
{
    const struct slice head = SLICE("{\"_creationTime\":");
    struct row row = {0};
    TRY(row_read(body, &row));
    if (!slice_starts_with(row.json, head)) {
        return not_ours();
    }
    struct slice rest = slice_from(row.json, head.size);
    return take_number(&rest, out_key);
}

/* -- Writing down ------------------------------------------------------------------------------ */

static cordon_error *note_absent(struct recorded_client *client, uint64_t key)
{
    return recorded_is_list(key) ? history_list(client->history, key)
                                 : history_read(client->history, key, false, 0);
}

/* What a read found; of a register there is one value. */
static cordon_error *note_found(struct recorded_client *client, uint64_t key, struct slice body)
{
    struct slice values = {0};
    uint64_t value = 0;
    TRY(find_values(body, &values));
    if (!recorded_is_list(key)) {
        TRY(take_number(&values, &value));
        return history_read(client->history, key, true, value);
    }
    TRY(history_list(client->history, key));
    while (values.size > 0) {
        TRY(take_number(&values, &value));
        TRY(history_item(client->history, value));
    }
    return NULL;
}

static cordon_error *tell(struct recorded_client *client)
{
    return client->watch.call == NULL ? NULL
                                      : client->watch.call(client->watch.arg, client->history);
}

/* -- Transactions ------------------------------------------------------------------------------ */

static struct store_wake wake_of(struct recorded_client *client)
{
    return (struct store_wake){.call = event_set, .arg = &client->woken};
}

static cordon_error *make_table(struct recorded_client *client)
{
    const struct store_commit_facts facts = {0};
    struct store_commit_result result = {.conflict = true};
    while (result.conflict) {
        store_end(&client->txn);
        TRY(store_begin(client->store, SELFTEST_TENANT, wake_of(client), &client->txn));
        UNTIL_DONE(
            client, store_table_ensure(client->txn, SLICE("selftest"), &step, &client->table))
        UNTIL_DONE(client, store_commit(client->txn, &facts, &step, &result))
    }
    return NULL;
}

/* One that is there with its documents stays as it is. */
static cordon_error *make_index(struct recorded_client *client)
{
    const struct store_commit_facts facts = {0};
    struct store_commit_result result = {.conflict = true};
    while (result.conflict) {
        store_end(&client->txn);
        TRY(store_begin(client->store, SELFTEST_TENANT, wake_of(client), &client->txn));
        UNTIL_DONE(client, store_indexes_put(client->txn, client->table, &by_group, 1, &step))
        UNTIL_DONE(client, store_commit(client->txn, &facts, &step, &result))
    }
    return NULL;
}

cordon_error *recorded_prepare(struct store *store)
{
    CORDON_CLEANUP(recorded_done) struct recorded_client client;
    recorded_init(&client, store, NULL, 0);
    TRY(make_table(&client));
    return make_index(&client);
}

void recorded_init(
    struct recorded_client *client, struct store *store, struct history *history, uint64_t process)
{
    *client = (struct recorded_client){.store = store, .history = history, .process = process};
    event_init(&client->woken);
    buffer_init(&client->text, DOCUMENT_BYTES_MAX);
    buffer_init(&client->row, DOCUMENT_BYTES_MAX);
}

void recorded_done(struct recorded_client *client)
{
    store_end(&client->txn);
    buffer_done(&client->text);
    buffer_done(&client->row);
    event_done(&client->woken);
}

/* The time of a beginning is taken first: only the other way round would a check be wrong. */
cordon_error *recorded_begin(struct recorded_client *client, bool again)
{
    client->undoes = false;
    TRY(history_begin(client->history, client->process, clock_monotonic_ns()));
    if (again) {
        struct store_txn *reserved = NULL;
        UNTIL_DONE(client, store_begin_reserved(&client->txn, &step, &reserved))
        client->txn = reserved;
    } else {
        store_end(&client->txn);
        TRY(store_begin(client->store, SELFTEST_TENANT, wake_of(client), &client->txn));
    }
    bool found = false;
    UNTIL_DONE(
        client, store_table_find(client->txn, SLICE("selftest"), &step, &found, &client->table))
    return found ? NULL : not_ours();
}

static cordon_error *get(
    struct recorded_client *client, uint64_t key, bool *out_found, struct slice *out_body)
{
    const struct store_id id = id_of(client, key);
    UNTIL_DONE(client, store_get(client->txn, &id, &step, out_found, out_body))
    return NULL;
}

cordon_error *recorded_read(struct recorded_client *client, uint64_t key)
{
    bool found = false;
    struct slice body = {0};
    TRY(get(client, key, &found, &body));
    return found ? note_found(client, key, body) : note_absent(client, key);
}

/* The document's text with the values it has already, if the key is a list. */
static cordon_error *copy_values(struct recorded_client *client, uint64_t key)
{
    bool found = false;
    struct slice body = {0};
    struct slice values = {0};
    TRY(get(client, key, &found, &body));
    if (found) {
        TRY(find_values(body, &values));
        TRY(buffer_append(&client->text, values));
        TRY(buffer_append_byte(&client->text, ','));
    }
    return NULL;
}

cordon_error *recorded_put(struct recorded_client *client, uint64_t key, uint64_t value)
{
    const struct store_id id = id_of(client, key);
    const bool is_list = recorded_is_list(key);
    TRY(begin_document(client, key, value));
    if (is_list) {
        TRY(copy_values(client, key));
    }
    TRY(end_document(client, value));
    TRY(store_put(client->txn, &id, (double)key, buffer_slice(&client->row)));
    if (client->undoes) {
        return history_undone(client->history, key, value);
    }
    return is_list ? history_append(client->history, key, value)
                   : history_write(client->history, key, value);
}

cordon_error *recorded_remove(struct recorded_client *client, uint64_t key)
{
    const struct store_id id = id_of(client, key);
    bool found = false;
    struct slice body = {0};
    CORDON_ASSERT(!recorded_is_list(key));
    TRY(get(client, key, &found, &body));
    if (!client->undoes) {
        TRY(found ? note_found(client, key, body) : note_absent(client, key));
    }
    if (!found) {
        return NULL; /* what removes nothing is no write, and has no timestamp of its own */
    }
    TRY(store_remove(client->txn, &id, (double)key));
    return client->undoes ? NULL : history_remove(client->history, key);
}

cordon_error *recorded_savepoint(struct recorded_client *client)
{
    CORDON_ASSERT(!client->undoes);
    client->undoes = true;
    return store_savepoint(client->txn, &client->point);
}

cordon_error *recorded_rollback(struct recorded_client *client)
{
    CORDON_ASSERT(client->undoes);
    client->undoes = false;
    return store_rollback(client->txn, client->point);
}

/* -- Scans ------------------------------------------------------------------------------------- */

/* A walk over keys from `low` to before `high`: of all documents, or of those of a group. */
struct key_walk {
    struct recorded_client *client;
    uint64_t low;
    uint64_t high;
    enum store_order order;
    bool in_group;
    uint64_t group;
    uint64_t next; /* the key whose turn it is */
};

static bool is_over(const struct key_walk *walk)
{
    return walk->next == (walk->order == STORE_ASCENDING ? walk->high : walk->low - 1);
}

static void step_on(struct key_walk *walk)
{
    walk->next += walk->order == STORE_ASCENDING ? 1 : UINT64_MAX;
}

/* A key that was not there. Lists are in no group. */
static cordon_error *note_passed(const struct key_walk *walk)
{
    struct recorded_client *const client = walk->client;
    if (!walk->in_group) {
        return note_absent(client, walk->next);
    }
    return recorded_is_list(walk->next) ? NULL
                                        : history_miss(client->history, walk->next, walk->group);
}

/* Notes what was found, and as not there the keys on the way to it. */
static cordon_error *note_step(struct key_walk *walk, struct slice body)
{
    const bool ascending = walk->order == STORE_ASCENDING;
    uint64_t key = 0;
    TRY(key_of_document(body, &key));
    if (key < walk->low || key >= walk->high || (ascending ? key < walk->next : key > walk->next)) {
        return not_ours();
    }
    for (; walk->next != key; step_on(walk)) {
        TRY(note_passed(walk));
    }
    step_on(walk);
    return note_found(walk->client, key, body);
}

static cordon_error *walk_range(struct key_walk *walk, const struct store_range *range)
{
    struct recorded_client *const client = walk->client;
    struct store_scan *scan = NULL;
    struct slice body = {0};
    walk->next = walk->order == STORE_ASCENDING ? walk->low : walk->high - 1;
    TRY(store_scan_open(client->txn, range, &scan));
    for (bool found = true; found;) {
        UNTIL_DONE(client, store_scan_next(scan, &step, &found, &body))
        if (found) {
            TRY(note_step(walk, body));
        }
    }
    store_scan_close(scan);
    for (; !is_over(walk); step_on(walk)) {
        TRY(note_passed(walk));
    }
    return NULL;
}

cordon_error *recorded_scan(
    struct recorded_client *client, uint64_t low, uint64_t high, enum store_order order)
{
    uint8_t low_time[LAYOUT_TIME_BYTES];
    uint8_t high_time[LAYOUT_TIME_BYTES];
    layout_store64(low_time, layout_ordered_double((double)low));
    layout_store64(high_time, layout_ordered_double((double)high));
    const struct store_range range = {
        .table = client->table,
        .index = STORE_BY_CREATION,
        .order = order,
        .low = slice_of(low_time, sizeof low_time),
        .high = slice_of(high_time, sizeof high_time),
    };
    struct key_walk walk = {.client = client, .low = low, .high = high, .order = order};
    return walk_range(&walk, &range);
}

/* The end of a range of the index: a group, and behind it the creation time. */
static cordon_error *write_end(struct buffer *out, uint64_t group, uint64_t key)
{
    uint8_t time[LAYOUT_TIME_BYTES];
    const struct value value = value_float64((double)group);
    layout_store64(time, layout_ordered_double((double)key));
    TRY(sortkey_write(out, &value));
    return buffer_append(out, slice_of(time, sizeof time));
}

cordon_error *recorded_scan_group(
    struct recorded_client *client,
    uint64_t group,
    uint64_t low,
    uint64_t high,
    enum store_order order)
{
    CORDON_CLEANUP_BUFFER struct buffer low_end;
    CORDON_CLEANUP_BUFFER struct buffer high_end;
    struct store_indexes indexes = {0};
    buffer_init(&low_end, DOCUMENT_BYTES_MAX);
    buffer_init(&high_end, DOCUMENT_BYTES_MAX);
    TRY(write_end(&low_end, group, low));
    TRY(write_end(&high_end, group, high));
    UNTIL_DONE(client, store_indexes_get(client->txn, client->table, &step, &indexes))
    if (indexes.count != 1) {
        return not_ours();
    }
    const struct store_range range = {
        .table = client->table,
        .index = indexes.items[0].number,
        .order = order,
        .low = buffer_slice(&low_end),
        .high = buffer_slice(&high_end),
    };
    struct key_walk walk = {
        .client = client,
        .low = low,
        .high = high,
        .order = order,
        .in_group = true,
        .group = group,
    };
    return walk_range(&walk, &range);
}

/* -- Commits ----------------------------------------------------------------------------------- */

cordon_error *recorded_commit(struct recorded_client *client, bool *out_committed)
{
    const struct store_commit_facts facts = {0};
    struct store_commit_result result = {0};
    TRY(tell(client));
    UNTIL_DONE(client, store_commit(client->txn, &facts, &step, &result))
    history_end(
        client->history, result.conflict ? HISTORY_ABORTED : HISTORY_COMMITTED,
        clock_monotonic_ns());
    if (!result.conflict) {
        history_stamp(client->history, result.ts);
    }
    *out_committed = !result.conflict;
    return tell(client);
}
