/* Stores and blocking clients for tests; see harness.h. */
#include "contract/harness.h"

#include "store/delay.h"
#include "store/kv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void require_failed(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void require_ok(cordon_error *error, const char *what, const char *file, int line)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, cordon_error_get_message(error));
        abort();
    }
}

void require_error(cordon_error *error, cordon_error_code code, const char *words)
{
    REQUIRE(error != NULL);
    if (cordon_error_get_code(error) != code ||
        strstr(cordon_error_get_message(error), words) == NULL) {
        (void)fprintf(
            stderr, "wanted %s and '%s', got %s: %s\n", cordon_error_code_name(code), words,
            cordon_error_code_name(cordon_error_get_code(error)), cordon_error_get_message(error));
        abort();
    }
    cordon_error_free(error);
}

/* -- Stores ---------------------------------------------------------------------------------- */

void folder_make(struct folder *folder)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(
        folder->path, sizeof folder->path, "%s/cordon-store-XXXXXX",
        base == NULL || base[0] == '\0' ? "/tmp" : base);
    REQUIRE(mkdtemp(folder->path) != NULL);
}

void folder_remove(struct folder *folder)
{
    DIR *files = opendir(folder->path);
    if (files == NULL) {
        return;
    }
    const struct dirent *file = NULL;
    while ((file = readdir(files)) != NULL) {
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%s", folder->path, file->d_name);
        (void)unlink(path);
    }
    (void)closedir(files);
    (void)rmdir(folder->path);
}

const struct backend_maker backend_makers[] = {
    {"memory", .lmdb = false, .flusher_thread = true, .delay_ms = -1},
    {"memory/no_thread", .lmdb = false, .flusher_thread = false, .delay_ms = -1},
    {"memory/delay", .lmdb = false, .flusher_thread = true, .delay_ms = 0},
    {"program", .program = true, .flusher_thread = true, .delay_ms = -1},
    {"program/no_thread", .program = true, .flusher_thread = false, .delay_ms = -1},
    {"lmdb", .lmdb = true, .flusher_thread = true, .delay_ms = -1},
    {"lmdb/no_thread", .lmdb = true, .flusher_thread = false, .delay_ms = -1},
    {"lmdb/delay", .lmdb = true, .flusher_thread = true, .delay_ms = 1},
};
const size_t backend_maker_count = sizeof backend_makers / sizeof backend_makers[0];

/* -- A program's store, over the map that lives in memory -- */

static cordon_error *program_snapshot(void *arg, void **out_snapshot)
{
    struct kv *kv = arg;
    return kv->ops->reader_open(kv, (struct kv_reader **)out_snapshot);
}

static void program_release(void *arg, void *snapshot)
{
    struct kv *kv = arg;
    kv->ops->reader_close(snapshot);
}

static cordon_error *program_find(
    void *arg,
    void *snapshot,
    cordon_text key,
    cordon_store_place place,
    bool *out_found,
    cordon_text *out_key,
    cordon_text *out_value)
{
    const struct kv *kv = arg;
    REQUIRE(key.size > 0 && key.size <= 511); /* as store.h promises */
    const struct slice from = slice_of((const uint8_t *)key.data, key.size);
    struct kv_row row = {0};
    TRY((place == CORDON_STORE_BEFORE ? kv->ops->seek_before : kv->ops->seek)(
        snapshot, from, out_found, &row));
    *out_key = (cordon_text){(const char *)row.key.data, row.key.size};
    *out_value = (cordon_text){(const char *)row.value.data, row.value.size};
    return NULL;
}

static cordon_error *program_commit(void *arg, const cordon_store_change *changes, size_t count)
{
    struct kv *kv = arg;
    TRY(kv->ops->write_begin(kv));
    for (size_t i = 0; i < count; i++) {
        const struct slice key =
            slice_of((const uint8_t *)changes[i].key.data, changes[i].key.size);
        const struct slice value =
            slice_of((const uint8_t *)changes[i].value.data, changes[i].value.size);
        REQUIRE(key.size > 0 && key.size <= 511);
        cordon_error *error = changes[i].removes ? kv->ops->write_remove(kv, key)
                                                 : kv->ops->write_put(kv, key, value);
        if (error != NULL) {
            kv->ops->write_abort(kv);
            return error;
        }
    }
    return kv->ops->write_commit(kv);
}

static void program_close(void *arg)
{
    struct kv *kv = arg;
    kv->ops->close(kv);
}

const cordon_store_functions program_functions = {
    .size = sizeof program_functions,
    .snapshot = program_snapshot,
    .release = program_release,
    .find = program_find,
    .commit = program_commit,
    .close = program_close,
};

void *program_map_new(void)
{
    struct kv *kv = NULL;
    OK(kv_open_memory(&kv));
    return kv;
}

static void open_program(struct world *world)
{
    OK(store_open_program(&program_functions, program_map_new(), &world->options, &world->store));
}

static void open_store(struct world *world)
{
    if (world->maker->program) {
        open_program(world);
    } else if (world->maker->lmdb) {
        OK(store_open_lmdb(world->folder.path, &world->options, &world->store));
    } else {
        OK(store_open_memory(&world->options, &world->store));
    }
    if (world->maker->delay_ms >= 0) {
        OK(store_open_delay(world->store, (unsigned)world->maker->delay_ms, &world->store));
    }
}

void world_open(struct world *world, const struct backend_maker *maker)
{
    *world = (struct world){.maker = maker};
    world->options.flusher_thread = maker->flusher_thread;
    world->options.map_bytes = (uint64_t)1 << 30; /* TSan has no room for a terabyte */
    world->options.disk_reserve_bytes = 1;        /* a test needs no reserve */
    folder_make(&world->folder);
    open_store(world);
}

void world_reopen(struct world *world)
{
    store_close(world->store);
    open_store(world);
}

void world_close(struct world *world)
{
    store_close(world->store);
    folder_remove(&world->folder);
}

/* -- Clients --------------------------------------------------------------------------------- */

static void ring(void *arg)
{
    struct client *client = arg;
    (void)pthread_mutex_lock(&client->lock);
    client->rings++;
    (void)pthread_cond_signal(&client->rung);
    (void)pthread_mutex_unlock(&client->lock);
}

void client_begin(struct client *client, struct store *store, uint32_t tenant)
{
    *client = (struct client){.store = store};
    (void)pthread_mutex_init(&client->lock, NULL);
    (void)pthread_cond_init(&client->rung, NULL);
    OK(store_begin(store, tenant, (struct store_wake){ring, client}, &client->txn));
}

cordon_error *client_begin_held(
    struct client *client, struct store *store, uint32_t tenant, uint64_t snapshot)
{
    *client = (struct client){.store = store};
    TRY(store_begin_held(store, tenant, snapshot, (struct store_wake){ring, client}, &client->txn));
    (void)pthread_mutex_init(&client->lock, NULL);
    (void)pthread_cond_init(&client->rung, NULL);
    return NULL;
}

void client_end(struct client *client)
{
    store_end(&client->txn);
    REQUIRE(client->txn == NULL);
    /* One wake for each pending answer that was waited for, and none too many. */
    REQUIRE(client->rings <= client->pending);
    (void)pthread_mutex_destroy(&client->lock);
    (void)pthread_cond_destroy(&client->rung);
}

void client_wait(struct client *client)
{
    client->pending++;
    (void)pthread_mutex_lock(&client->lock);
    while (client->rings < client->pending) {
        (void)pthread_cond_wait(&client->rung, &client->lock);
    }
    (void)pthread_mutex_unlock(&client->lock);
}

/* Makes a call again and again until it is done. */
#define UNTIL_DONE(client, step, call)                                                             \
    for (enum store_step step = STORE_PENDING; step == STORE_PENDING;) {                           \
        OK(call);                                                                                  \
        if (step == STORE_PENDING) {                                                               \
            client_wait(client);                                                                   \
        }                                                                                          \
    }

struct store_commit_result client_commit_keep(struct client *client, const char *audit_body)
{
    struct store_commit_facts facts = {0};
    if (audit_body != NULL) {
        facts.audit_body = slice_str(audit_body);
    }
    struct store_commit_result result = {0};
    UNTIL_DONE(client, step, store_commit(client->txn, &facts, &step, &result))
    if (!result.conflict) {
        REQUIRE(store_durable_ts(client->store) >= result.ts);
    }
    return result;
}

struct store_commit_result client_commit(struct client *client, const char *audit_body)
{
    const struct store_commit_result result = client_commit_keep(client, audit_body);
    client_end(client);
    return result;
}

uint32_t client_table(struct client *client, const char *name)
{
    uint32_t table = 0;
    UNTIL_DONE(client, step, store_table_ensure(client->txn, slice_str(name), &step, &table))
    return table;
}

bool client_find(struct client *client, const char *name, uint32_t *out_table)
{
    bool found = false;
    UNTIL_DONE(
        client, step, store_table_find(client->txn, slice_str(name), &step, &found, out_table))
    return found;
}

struct store_id doc_id(uint32_t table, uint64_t n)
{
    struct store_id id = {.table = table};
    for (size_t i = 0; i < 8; i++) {
        id.internal[i] = (uint8_t)(n >> (56 - 8 * i));
    }
    return id;
}

cordon_error *client_try_get(
    struct client *client, const struct store_id *id, bool *out_found, struct slice *out_body)
{
    enum store_step step = STORE_PENDING;
    while (step == STORE_PENDING) {
        TRY(store_get(client->txn, id, &step, out_found, out_body));
        if (step == STORE_PENDING) {
            client_wait(client);
        }
    }
    return NULL;
}

bool client_has(struct client *client, uint32_t table, uint64_t n)
{
    const struct store_id id = doc_id(table, n);
    bool found = false;
    struct slice body = {0};
    OK(client_try_get(client, &id, &found, &body));
    return found;
}

void client_expect(struct client *client, uint32_t table, uint64_t n, const char *text)
{
    const struct store_id id = doc_id(table, n);
    bool found = false;
    struct slice body = {0};
    OK(client_try_get(client, &id, &found, &body));
    REQUIRE(found == (text != NULL));
    REQUIRE(text == NULL || slice_equal(body, slice_str(text)));
}

void client_put(
    struct client *client, uint32_t table, uint64_t n, double creation_time, const char *text)
{
    const struct store_id id = doc_id(table, n);
    OK(store_put(client->txn, &id, creation_time, slice_str(text)));
}

void client_remove(struct client *client, uint32_t table, uint64_t n, double creation_time)
{
    const struct store_id id = doc_id(table, n);
    OK(store_remove(client->txn, &id, creation_time));
}

void world_put(
    struct world *world,
    uint32_t tenant,
    uint32_t table,
    uint64_t n,
    double creation_time,
    const char *text)
{
    struct client client;
    client_begin(&client, world->store, tenant);
    client_put(&client, table, n, creation_time, text);
    REQUIRE(!client_commit(&client, NULL).conflict);
}

bool client_next(struct client *client, struct store_scan *scan, struct slice *out_body)
{
    bool found = false;
    UNTIL_DONE(client, step, store_scan_next(scan, &step, &found, out_body))
    return found;
}

void client_expect_scan(
    struct client *client, uint32_t table, enum store_order order, const char *texts)
{
    struct store_scan *scan = NULL;
    struct slice body = {0};
    OK(store_scan_open(client->txn, STORE_WHOLE_TABLE(table, order), &scan));
    while (client_next(client, scan, &body)) {
        if (!slice_starts_with(slice_str(texts), body)) {
            (void)fprintf(stderr, "got %.*s, wanted %s\n", SLICE_FMT(body), texts);
            abort();
        }
        texts += body.size;
        texts += *texts == ' ';
    }
    REQUIRE(*texts == '\0');
    REQUIRE(!client_next(client, scan, &body)); /* the end stays the end */
    store_scan_close(scan);
}

bool client_row_get(
    struct client *client, enum store_keyspace keyspace, struct slice key, struct slice *out_value)
{
    bool found = false;
    UNTIL_DONE(client, step, store_row_get(client->txn, keyspace, key, &step, &found, out_value))
    return found;
}

bool client_row_next(
    struct client *client,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    struct slice *out_key,
    struct slice *out_value)
{
    bool found = false;
    UNTIL_DONE(
        client, step,
        store_row_next(client->txn, keyspace, from, after, &step, &found, out_key, out_value))
    return found;
}

bool client_audit(struct client *client, uint64_t sequence, struct audit_record *out_record)
{
    bool found = false;
    UNTIL_DONE(client, step, store_audit_read(client->txn, sequence, &step, &found, out_record))
    return found;
}
