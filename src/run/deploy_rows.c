/* Rows of a deployment; see deploy_rows.h. */
#include "run/deploy_rows.h"

#include "base/random.h"
#include "value/json.h"

#define SECRET_BYTES 32

/* Makes the same call on the store until it is done. A deploy blocks its thread. */
#define AWAIT(woken, step, call)                                                                   \
    do {                                                                                           \
        TRY(call);                                                                                 \
        if ((step) == STORE_DONE) {                                                                \
            break;                                                                                 \
        }                                                                                          \
        event_wait(woken, UINT64_MAX);                                                             \
    } while (true)

cordon_error *deploy_rows_begin(struct store *store, uint32_t tenant, struct deploy_rows *rows)
{
    *rows = (struct deploy_rows){0};
    event_init(&rows->woken);
    const struct store_wake wake = {event_set, &rows->woken};
    return store_begin(store, tenant, wake, &rows->txn);
}

void deploy_rows_end(struct deploy_rows *rows)
{
    store_end(&rows->txn);
    event_done(&rows->woken);
}

/* A system row, copied into the arena; an empty slice if there is none. */
static cordon_error *read_row(
    struct deploy_rows *rows, struct slice key, struct arena *arena, struct slice *out_value)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(
        &rows->woken, step, store_row_get(rows->txn, KEYSPACE_MODULE, key, &step, &found, &value));
    *out_value = (struct slice){0};
    if (found) {
        *out_value = arena_copy(arena, value);
        if (out_value->data == NULL) {
            return error_no_memory();
        }
    }
    return NULL;
}

static cordon_error *write_deploy_row(const struct deployment *deployment, struct buffer *row)
{
    TRY(buffer_printf(
        row, "{\"time_ms\":%llu,\"modules\":[", (unsigned long long)deployment->time_ms));
    for (size_t i = 0; i < deployment->module_count; i++) {
        char hex[2 * SHA256_BYTES + 1];
        hex_encode(slice_of(deployment->modules[i].hash, SHA256_BYTES), hex);
        TRY(json_write_comma(row));
        TRY(buffer_append_byte(row, '{'));
        TRY(json_write_key(row, SLICE("name")));
        TRY(json_write_string(row, deployment->modules[i].name));
        TRY(json_write_key(row, SLICE("hash")));
        TRY(json_write_string(row, slice_str(hex)));
        TRY(buffer_append_byte(row, '}'));
    }
    return buffer_append(row, SLICE("]}"));
}

/* Removes the bytes of modules that the new deployment no longer has. */
static cordon_error *drop_old_modules(struct deploy_rows *rows, const struct deployment *deployment)
{
    uint8_t from[sizeof(struct deployment_key)] = "module/";
    size_t from_size = 7;
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        AWAIT(
            &rows->woken, step,
            store_row_next(
                rows->txn, KEYSPACE_MODULE, slice_of(from, from_size), from_size > 7, &step, &found,
                &key, &value));
        if (!found || key.size != sizeof from || memcmp(key.data, "module/", 7) != 0) {
            return NULL;
        }
        memcpy(from, key.data, sizeof from);
        from_size = sizeof from;
        bool used = false;
        for (size_t i = 0; i < deployment->module_count && !used; i++) {
            used = memcmp(deployment->modules[i].hash, from + 7, SHA256_BYTES) == 0;
        }
        if (!used) {
            TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, slice_of(from, from_size)));
        }
    }
}

cordon_error *deploy_rows_keep(
    struct deploy_rows *rows,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret)
{
    TRY(store_row_put(rows->txn, KEYSPACE_MODULE, SLICE("secret"), secret));
    for (size_t i = 0; i < deployment->module_count; i++) {
        struct deployment_key key;
        TRY(store_row_put(
            rows->txn, KEYSPACE_MODULE, deployment_module_key(&key, deployment->modules[i].hash),
            modules[i].wasm));
    }
    TRY(drop_old_modules(rows, deployment));
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, (size_t)1 << 20);
    TRY(write_deploy_row(deployment, &row));
    TRY(store_row_put(rows->txn, KEYSPACE_MODULE, SLICE("deploy"), buffer_slice(&row)));
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, (size_t)1 << 20);
    TRY(buffer_append(&audit, SLICE("{\"kind\":\"deploy\",\"deploy\":")));
    TRY(buffer_append(&audit, buffer_slice(&row)));
    TRY(buffer_append_byte(&audit, '}'));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    AWAIT(&rows->woken, step, store_commit(rows->txn, &facts, &step, &result));
    if (result.conflict) {
        return cordon_error_new(
            CORDON_E_CONFLICT, "another deploy was faster; deploy again to replace it");
    }
    return NULL;
}

cordon_error *deploy_rows_read_secret(
    struct deploy_rows *rows, bool makes, struct arena *arena, struct slice *out_secret)
{
    TRY(read_row(rows, SLICE("secret"), arena, out_secret));
    if (out_secret->size == SECRET_BYTES || !makes) {
        return NULL;
    }
    uint8_t *fresh = arena_alloc(arena, SECRET_BYTES);
    if (fresh == NULL) {
        return error_no_memory();
    }
    random_system(fresh, SECRET_BYTES);
    *out_secret = slice_of(fresh, SECRET_BYTES);
    return NULL;
}

static cordon_error *read_module(
    struct deploy_rows *rows,
    const struct json_node *item,
    struct arena *arena,
    struct deploy_module *out_module)
{
    uint8_t hash[SHA256_BYTES];
    struct deployment_key key;
    if (!hex_decode(json_string(json_get(item, SLICE("hash"))), hash, sizeof hash)) {
        return cordon_error_new(CORDON_E_STORE, "the record of the last deploy is damaged");
    }
    out_module->name = arena_copy(arena, json_string(json_get(item, SLICE("name"))));
    if (out_module->name.data == NULL) {
        return arena_error(arena);
    }
    return read_row(rows, deployment_module_key(&key, hash), arena, &out_module->wasm);
}

static cordon_error *read_modules(
    struct deploy_rows *rows,
    const struct json_node *list,
    struct arena *arena,
    struct deploy_last *out_last)
{
    const size_t count = json_count(list);
    struct deploy_module *modules = arena_alloc(arena, (count + 1) * sizeof *modules);
    if (modules == NULL) {
        return arena_error(arena);
    }
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        TRY(read_module(rows, json_next_item(&walk), arena, &modules[i]));
    }
    out_last->modules = modules;
    out_last->count = count;
    return NULL;
}

cordon_error *deploy_rows_read_last(
    struct deploy_rows *rows, bool with_modules, struct arena *arena, struct deploy_last *out_last)
{
    struct slice row;
    struct deploy_last last = {0};
    TRY(read_row(rows, SLICE("deploy"), arena, &row));
    if (row.size > 0) {
        const struct json_limits limits = {.bytes_max = (size_t)16 << 20, .depth_max = 16};
        CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
        TRY(json_parse(row, &limits, &doc));
        last.exists = true;
        (void)json_u64(json_get(json_root(doc), SLICE("time_ms")), &last.time_ms);
        if (with_modules) {
            TRY(read_modules(rows, json_get(json_root(doc), SLICE("modules")), arena, &last));
        }
    }
    *out_last = last;
    return NULL;
}
