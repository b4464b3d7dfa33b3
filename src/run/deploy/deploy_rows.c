/* Rows of a deployment; see deploy_rows.h. */
#include "run/deploy/deploy_rows.h"

#include "audit/actor.h"
#include "run/await.h"
#include "run/deploy/deploy_history.h"
#include "run/deploy/schema_change.h"
#include "value/json.h"

/* A first document in a table of the schema, or one that does not fit it, makes it try again. */
#define KEEP_TRIES_MAX 16

/* -- Reading -------------------------------------------------------------------------------- */

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

static cordon_error *read_deploy_row(
    struct slice row, bool with_modules, struct arena *arena, struct deploy_past *out_past)
{
    const struct json_limits limits = {.bytes_max = (size_t)16 << 20, .depth_max = 16};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(row, &limits, &doc));
    *out_past = (struct deploy_past){.secret = out_past->secret, .exists = true, .number = 1};
    (void)json_u64(json_get(json_root(doc), SLICE("number")), &out_past->number);
    (void)json_u64(json_get(json_root(doc), SLICE("time_ms")), &out_past->time_ms);
    const struct json_node *list = json_get(json_root(doc), SLICE("modules"));
    return with_modules ? read_modules(list, arena, out_past) : NULL;
}

/* `number` 0: what holds now. */
static cordon_error *read_rows(
    struct rows *rows,
    uint64_t number,
    bool with_modules,
    struct arena *arena,
    struct deploy_past *out_past)
{
    struct slice row = {0};
    TRY(deploy_row_get(rows, SLICE("secret"), arena, &out_past->secret));
    if (number == 0) {
        TRY(deploy_row_get(rows, SLICE("deploy"), arena, &row));
    } else {
        struct deploy_history history;
        TRY(deploy_history_read(rows, arena, &history));
        TRY(deploy_history_find(&history, number, &row));
    }
    if (row.size == 0) {
        return NULL;
    }
    if (out_past->secret.size != DEPLOY_SECRET_BYTES) {
        return damaged();
    }
    return read_deploy_row(row, with_modules, arena, out_past);
}

static cordon_error *read_past(
    struct store *store,
    uint32_t tenant,
    uint64_t number,
    bool with_modules,
    struct arena *arena,
    struct deploy_past *out_past)
{
    struct rows rows;
    struct deploy_past past = {0};
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = read_rows(&rows, number, with_modules, arena, &past);
    }
    rows_end(&rows);
    TRY(error);
    *out_past = past;
    return NULL;
}

cordon_error *deploy_rows_read(
    struct store *store,
    uint32_t tenant,
    bool with_modules,
    struct arena *arena,
    struct deploy_past *out_past)
{
    return read_past(store, tenant, 0, with_modules, arena, out_past);
}

cordon_error *deploy_rows_read_kept(
    struct store *store,
    uint32_t tenant,
    uint64_t number,
    struct arena *arena,
    struct deploy_past *out_past)
{
    return read_past(store, tenant, number, true, arena, out_past);
}

/* -- The list ------------------------------------------------------------------------------- */

static cordon_error *list_module(const struct deploy_past_module *module, struct buffer *out)
{
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(module->hash, SHA256_BYTES), hex);
    TRY(json_write_comma(out));
    TRY(buffer_append(out, SLICE("{\"name\":")));
    TRY(json_write_string(out, module->name));
    return buffer_printf(out, ",\"sha256\":\"%s\"}", hex);
}

static cordon_error *list_deploy(
    const struct deploy_history_row *row, struct arena *arena, struct buffer *out)
{
    struct deploy_past past = {0};
    TRY(read_deploy_row(row->text, true, arena, &past));
    TRY(json_write_comma(out));
    TRY(buffer_printf(
        out, "{\"number\":%llu,\"timeMs\":%llu,\"modules\":[", (unsigned long long)row->number,
        (unsigned long long)past.time_ms));
    for (size_t i = 0; i < past.count; i++) {
        TRY(list_module(&past.modules[i], out));
    }
    return buffer_append(out, SLICE("]}"));
}

static cordon_error *list_rows(struct rows *rows, struct arena *arena, struct buffer *out)
{
    struct deploy_history history;
    TRY(deploy_history_read(rows, arena, &history));
    TRY(buffer_append(out, SLICE("{\"current\":")));
    TRY(history.current == 0 ? buffer_append(out, SLICE("null"))
                             : json_write_u64(out, history.current));
    TRY(buffer_append(out, SLICE(",\"deploys\":[")));
    for (size_t i = history.count; i > 0; i--) {
        TRY(list_deploy(&history.rows[i - 1], arena, out));
    }
    return buffer_append(out, SLICE("]}"));
}

cordon_error *deploy_rows_list(struct store *store, uint32_t tenant, struct buffer *out_json)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct rows rows;
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = list_rows(&rows, &arena, out_json);
    }
    rows_end(&rows);
    return error;
}

/* -- Modules -------------------------------------------------------------------------------- */

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
        error = deploy_row_get(&rows, deployment_module_key(&key, hash), arena, &wasm);
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

/* -- Writing -------------------------------------------------------------------------------- */

static cordon_error *write_deploy_row(
    const struct deployment *deployment, uint64_t number, struct buffer *row)
{
    TRY(buffer_printf(
        row, "{\"number\":%llu,\"time_ms\":%llu,\"modules\":[", (unsigned long long)number,
        (unsigned long long)deployment->time_ms));
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

/* Removes the bytes of modules that no kept deploy has. */
static cordon_error *drop_old_modules(struct rows *rows, const struct deploy_kept *kept)
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
        for (size_t i = 0; i < kept->count && !used; i++) {
            used = memcmp(kept->hashes[i], from + 7, SHA256_BYTES) == 0;
        }
        if (!used) {
            TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, slice_of(from, from_size)));
        }
    }
}

static cordon_error *write_modules(struct rows *rows, const struct deploy_change *change)
{
    const struct deployment *deployment = change->deployment;
    for (size_t i = 0; change->modules != NULL && i < deployment->module_count; i++) {
        struct deployment_key key;
        TRY(store_row_put(
            rows->txn, KEYSPACE_MODULE, deployment_module_key(&key, deployment->modules[i].hash),
            change->modules[i].wasm));
    }
    return NULL;
}

/* Who made what hold; of a rollback also what held before. */
static cordon_error *write_audit_body(
    const struct deploy_change *change, uint64_t before, struct slice row, struct buffer *body)
{
    if (change->number == 0 || change->is_again) {
        TRY(buffer_append(body, SLICE("{\"kind\":\"deploy\"")));
        TRY(change->is_again ? buffer_append(body, SLICE(",\"unchanged\":true")) : NULL);
    } else {
        TRY(buffer_printf(
            body, "{\"kind\":\"rollback\",\"from\":%llu", (unsigned long long)before));
    }
    TRY(buffer_append(body, SLICE(",\"deploy\":")));
    TRY(buffer_append(body, row));
    return audit_actor_end(body, change->actor);
}

/* The modules of all rows that are kept. */
static cordon_error *list_kept(
    const struct deploy_history *history, struct arena *arena, struct deploy_kept *out_kept)
{
    struct deploy_past pasts[DEPLOYS_KEPT];
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++) {
        TRY(read_deploy_row(history->rows[i].text, true, arena, &pasts[i]));
        count += pasts[i].count;
    }
    out_kept->hashes = arena_alloc(arena, (count + 1) * sizeof *out_kept->hashes);
    if (out_kept->hashes == NULL) {
        return arena_error(arena);
    }
    out_kept->count = 0;
    for (size_t i = 0; i < history->count; i++) {
        for (size_t k = 0; k < pasts[i].count; k++) {
            memcpy(out_kept->hashes[out_kept->count++], pasts[i].modules[k].hash, SHA256_BYTES);
        }
    }
    return NULL;
}

static cordon_error *write_rows(
    struct rows *rows,
    const struct deploy_change *change,
    struct arena *arena,
    struct deploy_kept *out_kept,
    bool *out_conflict)
{
    struct deploy_history history;
    TRY(deploy_history_read(rows, arena, &history));
    const uint64_t before = history.current;
    const uint64_t number =
        change->number != 0 ? change->number : deploy_history_newest(&history) + 1;
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, (size_t)1 << 20);
    TRY(write_deploy_row(change->deployment, number, &row));
    TRY(deploy_history_put(rows, &history, number, buffer_slice(&row)));
    TRY(list_kept(&history, arena, out_kept));
    TRY(schema_change_finish(rows, &change->deployment->schema));
    TRY(store_row_put(rows->txn, KEYSPACE_MODULE, SLICE("secret"), change->secret));
    TRY(write_modules(rows, change));
    TRY(drop_old_modules(rows, out_kept));
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, (size_t)2 << 20); /* the row and a few words */
    TRY(write_audit_body(change, before, buffer_slice(&row), &audit));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return rows_commit(rows, &facts, out_conflict);
}

/* Once; on a conflict nothing is changed. */
static cordon_error *keep(
    struct store *store,
    const struct deploy_change *change,
    struct arena *arena,
    struct deploy_kept *out_kept,
    bool *out_conflict)
{
    struct rows rows;
    cordon_error *error = rows_begin(store, change->deployment->tenant, &rows);
    if (error == NULL) {
        error = write_rows(&rows, change, arena, out_kept, out_conflict);
    }
    rows_end(&rows);
    return error;
}

cordon_error *deploy_rows_keep(
    struct store *store,
    const struct deploy_change *change,
    struct arena *arena,
    struct deploy_kept *out_kept)
{
    bool conflict = true;
    struct deploy_kept kept = {0};
    for (unsigned tries = 0; conflict && tries < KEEP_TRIES_MAX; tries++) {
        TRY(keep(store, change, arena, &kept, &conflict));
    }
    if (conflict) {
        return cordon_error_new(
            CORDON_E_CONFLICT,
            "writing the deploy took longer than the store keeps a moment, or the tables of its "
            "schema came and went; nothing was changed, deploy again");
    }
    *out_kept = kept;
    return NULL;
}
