/* Rows of a deployment; see deploy_rows.h. */
#include "run/deploy_rows.h"

#include "run/await.h"
#include "run/schema_change.h"
#include "value/json.h"

/* A first document in a table of the schema, or one that does not fit it, makes it try again. */
#define KEEP_TRIES_MAX 16

/* A system row, copied into the arena; an empty slice if there is none. */
static cordon_error *read_row(
    struct rows *rows, struct slice key, struct arena *arena, struct slice *out_value)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(rows, step, store_row_get(rows->txn, KEYSPACE_MODULE, key, &step, &found, &value));
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
static cordon_error *drop_old_modules(struct rows *rows, const struct deployment *deployment)
{
    uint8_t from[sizeof(struct deployment_key)] = "module/";
    size_t from_size = 7;
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        AWAIT(
            rows, step,
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

static cordon_error *write_rows(
    struct rows *rows,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret,
    bool *out_conflict)
{
    TRY(schema_change_finish(rows, &deployment->schema));
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
    buffer_init(&audit, (size_t)2 << 20); /* the row and a few words */
    TRY(buffer_append(&audit, SLICE("{\"kind\":\"deploy\",\"deploy\":")));
    TRY(buffer_append(&audit, buffer_slice(&row)));
    TRY(buffer_append_byte(&audit, '}'));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return rows_commit(rows, &facts, out_conflict);
}

/* Once; on a conflict nothing is changed. */
static cordon_error *keep(
    struct store *store,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret,
    bool *out_conflict)
{
    struct rows rows;
    cordon_error *error = rows_begin(store, deployment->tenant, &rows);
    if (error == NULL) {
        error = write_rows(&rows, deployment, modules, secret, out_conflict);
    }
    rows_end(&rows);
    return error;
}

cordon_error *deploy_rows_keep(
    struct store *store,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret)
{
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < KEEP_TRIES_MAX; tries++) {
        TRY(keep(store, deployment, modules, secret, &conflict));
    }
    return !conflict ? NULL
                     : cordon_error_new(
                           CORDON_E_CONFLICT,
                           "writing the deploy took longer than the store keeps a moment, or the "
                           "tables of its schema came and went; nothing was changed, deploy again");
}

static cordon_error *damaged(void)
{
    return cordon_error_new(
        CORDON_E_STORE, "the record of the last deploy is damaged; deploy the functions again into "
                        "a new data folder, or put this one back from a copy");
}

static cordon_error *read_module(
    const struct json_node *item, struct arena *arena, struct deploy_past_module *out_module)
{
    const struct slice hash = json_string(json_get(item, SLICE("hash")));
    if (!hex_decode(hash, out_module->hash, sizeof out_module->hash)) {
        return damaged();
    }
    out_module->name = arena_copy(arena, json_string(json_get(item, SLICE("name"))));
    return out_module->name.data == NULL ? arena_error(arena) : NULL;
}

static cordon_error *read_modules(
    const struct json_node *list, struct arena *arena, struct deploy_past *out_past)
{
    const size_t count = json_count(list);
    struct deploy_past_module *modules = arena_alloc(arena, (count + 1) * sizeof *modules);
    if (modules == NULL) {
        return arena_error(arena);
    }
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        TRY(read_module(json_next_item(&walk), arena, &modules[i]));
    }
    out_past->modules = modules;
    out_past->count = count;
    return NULL;
}

static cordon_error *read_rows(
    struct rows *rows, bool with_modules, struct arena *arena, struct deploy_past *out_past)
{
    struct slice row;
    TRY(read_row(rows, SLICE("secret"), arena, &out_past->secret));
    TRY(read_row(rows, SLICE("deploy"), arena, &row));
    if (row.size == 0) {
        return NULL;
    }
    const struct json_limits limits = {.bytes_max = (size_t)16 << 20, .depth_max = 16};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(row, &limits, &doc));
    if (out_past->secret.size != DEPLOY_SECRET_BYTES) {
        return damaged();
    }
    out_past->exists = true;
    (void)json_u64(json_get(json_root(doc), SLICE("time_ms")), &out_past->time_ms);
    const struct json_node *list = json_get(json_root(doc), SLICE("modules"));
    return with_modules ? read_modules(list, arena, out_past) : NULL;
}

cordon_error *deploy_rows_read(
    struct store *store,
    uint32_t tenant,
    bool with_modules,
    struct arena *arena,
    struct deploy_past *out_past)
{
    struct rows rows;
    struct deploy_past past = {0};
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = read_rows(&rows, with_modules, arena, &past);
    }
    rows_end(&rows);
    TRY(error);
    *out_past = past;
    return NULL;
}

cordon_error *deploy_rows_find_module(
    struct store *store,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct arena *arena,
    struct slice *out_wasm)
{
    struct rows rows;
    struct deployment_key key;
    struct slice wasm = {0};
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = read_row(&rows, deployment_module_key(&key, hash), arena, &wasm);
    }
    rows_end(&rows);
    TRY(error);
    *out_wasm = wasm;
    return NULL;
}

cordon_error *deploy_rows_read_module(
    struct store *store,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct arena *arena,
    struct slice *out_wasm)
{
    struct slice wasm = {0};
    TRY(deploy_rows_find_module(store, tenant, hash, arena, &wasm));
    if (wasm.size == 0) {
        return damaged();
    }
    *out_wasm = wasm;
    return NULL;
}
