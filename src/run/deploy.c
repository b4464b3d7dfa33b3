/*
 * From WebAssembly bytes to a deployment: read, admit, compile, load, keep, swap. All or nothing.
 *
 * What the store holds of a deployment, in KEYSPACE_MODULE of its tenant:
 *   "deploy"        {"time_ms": n, "modules": [{"name": s, "hash": hex}]}
 *   "module/" hash  the WebAssembly bytes
 *   "secret"        32 random bytes, made with the first deploy: seeds of the import phase
 * Machine code is not in the store: the artifact cache holds what can be made again.
 */
#include "base/clock.h"
#include "base/event.h"
#include "base/memory.h"
#include "engine/sealed.h"
#include "run/internal.h"
#include "value/json.h"
#include "wasm/admit.h"
#include "wasm/blank.h"
#include "wasm/reader.h"
#include "wasm/refusal.h"
#include "wasm/report.h"

#define MODULES_MAX 256
#define SECRET_BYTES 32
#define IMPORTS_MAX 256
/* A reader's facts of a module at the limits of wasm/limits.h fit well into this. */
#define READ_BYTES_MAX ((size_t)256 << 20)

/* -- Admission ------------------------------------------------------------------------------ */

/* The import table of the host, as the admission rules want it. */
static size_t import_types(struct wasm_import_type types[IMPORTS_MAX])
{
    size_t count = 0;
    const struct engine_import *imports = host_imports(&count);
    CORDON_ASSERT(count <= IMPORTS_MAX);
    for (size_t i = 0; i < count; i++) {
        types[i] = (struct wasm_import_type){
            .module = imports[i].module,
            .name = imports[i].name,
            .params = imports[i].params,
            .result = imports[i].result,
        };
    }
    return count;
}

static uint64_t process_limit(const struct runner *runner, cordon_limit limit)
{
    const struct limit_changes *changes = &runner->options.limits;
    return changes->set[limit] ? changes->value[limit]
                               : cordon_limit_get_info(limit)->defaults[CORDON_QUERY];
}

/* Reads and checks a module without generating code. Everything lives in the arena. */
static cordon_error *admit(
    struct runner *runner,
    struct slice wasm,
    struct arena *arena,
    const struct wasm_module **out_module)
{
    struct wasm_limits limits = wasm_limits_default;
    const uint64_t bytes_max = process_limit(runner, CORDON_LIMIT_MODULE_BYTES);
    limits.module_bytes = bytes_max > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes_max;
    TRY(wasm_read(wasm, &limits, arena, out_module));
    struct wasm_import_type types[IMPORTS_MAX];
    const struct wasm_rules rules = {
        .imports = types,
        .import_count = import_types(types),
        .memory_bytes_max = process_limit(runner, CORDON_LIMIT_MEMORY_BYTES),
        .table_elements_max = process_limit(runner, CORDON_LIMIT_TABLE_ELEMENTS),
    };
    return wasm_admit(*out_module, &rules);
}

/* -- Machine code --------------------------------------------------------------------------- */

struct built {
    const struct wasm_metadata *metadata; /* in the deployment's arena */
    struct function_names names;          /* the same */
    bool has_initialize;
    bool has_debug;
    struct engine_module *module;
    uint64_t compile_ns; /* 0: the machine code came from the cache */
};

static void free_bytes(struct slice *bytes)
{
    mem_free((void *)(uintptr_t)bytes->data);
}

/* The validator's reason at its place in the module. */
static cordon_error *refuse_invalid(void *arg, uint64_t offset, const char *reason)
{
    return wasm_refuse_invalid(arg, offset, reason);
}

static cordon_error *compile_inside(
    struct runner *runner,
    struct slice wasm,
    const struct engine_refuser *refuser,
    struct engine_module **out_module)
{
    CORDON_CLEANUP(free_bytes) struct slice artifact = {0};
    TRY(engine_compile_inside(runner->engine, wasm, refuser, &artifact));
    return engine_module_load_bytes(runner->engine, artifact, out_module);
}

/* By a worker, and then into the cache. */
static cordon_error *compile_outside(
    struct runner *runner,
    uint32_t tenant,
    struct slice wasm,
    const uint8_t hash[SHA256_BYTES],
    const struct engine_refuser *refuser,
    struct engine_module **out_module)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    TRY(compiler_compile(runner->compiler, wasm, refuser, &fd));
    TRY(engine_module_load(runner->engine, fd, out_module));
    if (runner->cache != NULL) {
        /* A cache that can't be written costs a compilation later, not this deploy. */
        cordon_error_free(artifact_cache_put(runner->cache, tenant, hash, fd));
    }
    return NULL;
}

static cordon_error *compile(
    struct runner *runner,
    uint32_t tenant,
    const struct wasm_module *module,
    const uint8_t hash[SHA256_BYTES],
    struct engine_module **out_module)
{
    const struct engine_refuser refuser = {refuse_invalid, (void *)(uintptr_t)module};
    CORDON_CLEANUP(free_bytes) struct slice wasm = {0};
    TRY(wasm_blank(module, &wasm));
    if (runner->compiler == NULL) {
        return compile_inside(runner, wasm, &refuser, out_module);
    }
    return compile_outside(runner, tenant, wasm, hash, &refuser, out_module);
}

/* Leaves `*out_module` NULL if the cache does not have it. */
static cordon_error *load_cached(
    struct runner *runner,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct engine_module **out_module)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    bool found = false;
    if (runner->cache != NULL) {
        TRY(artifact_cache_get(runner->cache, tenant, hash, &found, &fd));
    }
    return found ? engine_module_load(runner->engine, fd, out_module) : NULL;
}

/* Machine code from the cache, or made anew. */
static cordon_error *make_code(
    struct runner *runner,
    uint32_t tenant,
    const struct wasm_module *module,
    const uint8_t hash[SHA256_BYTES],
    struct built *built)
{
    TRY(load_cached(runner, tenant, hash, &built->module));
    if (built->module != NULL) {
        return NULL;
    }
    const uint64_t started = clock_monotonic_ns();
    TRY(compile(runner, tenant, module, hash, &built->module));
    built->compile_ns = clock_monotonic_ns() - started;
    return NULL;
}

/* Says which module an error is about. */
static cordon_error *name_module(struct slice name, cordon_error *error)
{
    if (error == NULL || name.size == 0) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return cordon_error_new(
        cordon_error_get_code(owned), "%.*s: %s", SLICE_FMT(name), cordon_error_get_message(owned));
}

/* Everything from bytes to a loaded module; the report is of its admission. */
static cordon_error *build(
    struct runner *runner,
    uint32_t tenant,
    struct slice wasm,
    const uint8_t hash[SHA256_BYTES],
    struct arena *keep,
    struct built *out_built,
    struct buffer *report)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, READ_BYTES_MAX);
    const struct wasm_module *module = NULL;
    struct built built = {0};
    TRY(admit(runner, wasm, &arena, &module));
    TRY(wasm_metadata_read(module, keep, &built.metadata));
    TRY(names_keep(module, keep, &built.names));
    built.has_initialize = wasm_has_initialize(module);
    built.has_debug = wasm_find_custom(module, SLICE(".debug_info"), NULL) != NULL;
    TRY(make_code(runner, tenant, module, hash, &built));
    cordon_error *error = report == NULL ? NULL : wasm_report_json(module, built.metadata, report);
    if (error != NULL) {
        engine_module_unref(built.module);
        return error;
    }
    *out_built = built;
    return NULL;
}

/* -- The report ----------------------------------------------------------------------------- */

static cordon_error *report_key(struct buffer *report, const char *key)
{
    return json_write_key(report, slice_str(key));
}

static cordon_error *begin_module_report(
    struct buffer *report, struct slice name, const uint8_t hash[SHA256_BYTES])
{
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(hash, SHA256_BYTES), hex);
    TRY(json_write_comma(report));
    TRY(buffer_append_byte(report, '{'));
    TRY(report_key(report, "name"));
    TRY(json_write_string(report, name));
    TRY(report_key(report, "sha256"));
    TRY(json_write_string(report, slice_str(hex)));
    return report_key(report, "module");
}

static cordon_error *end_module_report(struct buffer *report, const struct built *built)
{
    TRY(report_key(report, "compileMs"));
    TRY(json_write_number(report, (double)built->compile_ns / 1e6));
    TRY(report_key(report, "fromCache"));
    TRY(json_write_bool(report, built->compile_ns == 0));
    TRY(report_key(report, "codeBytes"));
    TRY(json_write_u64(report, engine_module_bytes(built->module)));
    TRY(report_key(report, "namesLeftOut"));
    TRY(json_write_u64(report, built->names.left_out));
    return buffer_append_byte(report, '}');
}

/* -- Deployments ---------------------------------------------------------------------------- */

/* `secret` empty: a run without a store, whose seed is the module's hash. */
static void seed_import_phase(struct deployed_module *module, struct slice secret)
{
    if (secret.size == 0) {
        memcpy(module->import_seed, module->hash, sizeof module->import_seed);
        return;
    }
    const struct slice part = {module->hash, sizeof module->hash};
    hash_hmac_sha256(secret, &part, 1, module->import_seed);
}

static cordon_error *add_module(
    struct runner *runner,
    struct deployment *deployment,
    const struct deploy_module *source,
    struct slice secret,
    struct buffer *report)
{
    struct deployed_module *module = &deployment->modules[deployment->module_count];
    hash_sha256(&source->wasm, 1, module->hash);
    module->name = arena_copy(&deployment->arena, source->name);
    if (report != NULL) {
        TRY(begin_module_report(report, source->name, module->hash));
    }
    struct built built;
    TRY(name_module(
        source->name, build(
                          runner, deployment->tenant, source->wasm, module->hash,
                          &deployment->arena, &built, report)));
    module->engine_module = built.module;
    module->metadata = built.metadata;
    module->names = built.names;
    module->has_initialize = built.has_initialize;
    module->has_debug = built.has_debug;
    seed_import_phase(module, secret);
    deployment->module_count++;
    return report == NULL ? NULL : end_module_report(report, &built);
}

static void deployment_unrefp(struct deployment **deployment)
{
    if (*deployment != NULL) {
        deployment_unref(*deployment);
        *deployment = NULL;
    }
}

static cordon_error *make_deployment(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct slice secret,
    uint64_t time_ms,
    struct buffer *report,
    struct deployment **out_deployment)
{
    if (count > MODULES_MAX) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "A deploy has at most %d modules.", MODULES_MAX);
    }
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(deployment_new(tenant, count == 0 ? 1 : count, &deployment));
    deployment->time_ms = time_ms;
    for (size_t i = 0; i < count; i++) {
        if (atomic_load(&runner->stops_deploys)) {
            return cordon_error_new(
                CORDON_E_OVERLOADED,
                "the program is stopping and deploys no more; deploy again when it is back");
        }
        TRY(add_module(runner, deployment, &modules[i], secret, report));
    }
    TRY(deployment_index(deployment));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

/* -- The store's side ----------------------------------------------------------------------- */

/* Makes the same call on the store until it is done. A deploy blocks its thread. */
#define AWAIT(woken, step, call)                                                                   \
    do {                                                                                           \
        TRY(call);                                                                                 \
        if ((step) == STORE_DONE) {                                                                \
            break;                                                                                 \
        }                                                                                          \
        event_wait(woken, UINT64_MAX);                                                             \
    } while (true)

struct session {
    struct event woken;
    struct store_txn *txn;
};

static cordon_error *session_begin(struct runner *runner, uint32_t tenant, struct session *session)
{
    *session = (struct session){0};
    event_init(&session->woken);
    const struct store_wake wake = {event_set, &session->woken};
    return store_begin(runner->options.store, tenant, wake, &session->txn);
}

static void session_end(struct session *session)
{
    store_end(&session->txn);
    event_done(&session->woken);
}

/* A system row, copied into the arena; an empty slice if there is none. */
static cordon_error *read_row(
    struct session *session, struct slice key, struct arena *arena, struct slice *out_value)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(
        &session->woken, step,
        store_row_get(session->txn, KEYSPACE_MODULE, key, &step, &found, &value));
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
        TRY(report_key(row, "name"));
        TRY(json_write_string(row, deployment->modules[i].name));
        TRY(report_key(row, "hash"));
        TRY(json_write_string(row, slice_str(hex)));
        TRY(buffer_append_byte(row, '}'));
    }
    return buffer_append(row, SLICE("]}"));
}

/* Removes the bytes of modules that the new deployment no longer has. */
static cordon_error *drop_old_modules(struct session *session, const struct deployment *deployment)
{
    uint8_t from[sizeof(struct deployment_key)] = "module/";
    size_t from_size = 7;
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        AWAIT(
            &session->woken, step,
            store_row_next(
                session->txn, KEYSPACE_MODULE, slice_of(from, from_size), from_size > 7, &step,
                &found, &key, &value));
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
            TRY(store_row_remove(session->txn, KEYSPACE_MODULE, slice_of(from, from_size)));
        }
    }
}

static cordon_error *keep_deployment(
    struct session *session,
    const struct deployment *deployment,
    const struct deploy_module *modules,
    struct slice secret)
{
    TRY(store_row_put(session->txn, KEYSPACE_MODULE, SLICE("secret"), secret));
    for (size_t i = 0; i < deployment->module_count; i++) {
        struct deployment_key key;
        TRY(store_row_put(
            session->txn, KEYSPACE_MODULE, deployment_module_key(&key, deployment->modules[i].hash),
            modules[i].wasm));
    }
    TRY(drop_old_modules(session, deployment));
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, (size_t)1 << 20);
    TRY(write_deploy_row(deployment, &row));
    TRY(store_row_put(session->txn, KEYSPACE_MODULE, SLICE("deploy"), buffer_slice(&row)));
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, (size_t)1 << 20);
    TRY(buffer_append(&audit, SLICE("{\"kind\":\"deploy\",\"deploy\":")));
    TRY(buffer_append(&audit, buffer_slice(&row)));
    TRY(buffer_append_byte(&audit, '}'));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    enum store_step step = STORE_DONE;
    struct store_commit_result result = {0};
    AWAIT(&session->woken, step, store_commit(session->txn, &facts, &step, &result));
    if (result.conflict) {
        return cordon_error_new(
            CORDON_E_CONFLICT, "another deploy was faster; deploy again to replace it");
    }
    return NULL;
}

static cordon_error *parse_deploy_row(struct slice row, struct json_doc **out_doc)
{
    const struct json_limits limits = {.bytes_max = (size_t)16 << 20, .depth_max = 16};
    return json_parse(row, &limits, out_doc);
}

/* The deployment's secret, made if there is none; in the arena. */
static cordon_error *read_secret(
    struct session *session, struct arena *arena, struct slice *out_secret)
{
    TRY(read_row(session, SLICE("secret"), arena, out_secret));
    if (out_secret->size == SECRET_BYTES) {
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

/* The folder of artifacts holds those of the new deployment, and of it alone. */
static cordon_error *drop_old_artifacts(
    struct runner *runner, const struct deployment *deployment, struct arena *arena)
{
    if (runner->cache == NULL) {
        return NULL;
    }
    uint8_t(*hashes)[SHA256_BYTES] = arena_alloc(arena, deployment->module_count * SHA256_BYTES);
    if (hashes == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < deployment->module_count; i++) {
        memcpy(hashes[i], deployment->modules[i].hash, SHA256_BYTES);
    }
    artifact_cache_keep(
        runner->cache, deployment->tenant, (const uint8_t(*)[SHA256_BYTES])hashes,
        deployment->module_count);
    return NULL;
}

static cordon_error *deploy_in_session(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct session *session,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct slice secret;
    TRY(read_secret(session, &arena, &secret));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(make_deployment(
        runner, tenant, modules, count, secret, clock_wall_ns() / 1000000, report, &deployment));
    TRY(buffer_reserve(report, 2)); /* for its end: what is kept must not be called a failure */
    TRY(keep_deployment(session, deployment, modules, secret));
    TRY(drop_old_artifacts(runner, deployment, &arena));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

/* When the functions that the store holds were deployed; 0 if there are none. */
static cordon_error *read_deploy_time(
    struct session *session, struct arena *arena, uint64_t *out_time_ms)
{
    struct slice row;
    TRY(read_row(session, SLICE("deploy"), arena, &row));
    *out_time_ms = 0;
    if (row.size == 0) {
        return NULL;
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(parse_deploy_row(row, &doc));
    (void)json_u64(json_get(json_root(doc), SLICE("time_ms")), out_time_ms);
    return NULL;
}

/* Bytes that the store does not have, for traces. */
static cordon_error *keep_bytes(struct deployment *deployment, const struct deploy_module *modules)
{
    for (size_t i = 0; i < deployment->module_count; i++) {
        struct deployed_module *module = &deployment->modules[i];
        if (module->has_debug) {
            module->bytes = arena_copy(&deployment->arena, modules[i].wasm);
            if (module->bytes.data == NULL) {
                return arena_error(&deployment->arena);
            }
        }
    }
    return NULL;
}

/*
 * Functions for this process alone. Beside a store that holds a deployment they get its secret and
 * time, so that a module's import phase is the same as when it is deployed.
 */
static cordon_error *load_in_place(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct session *session,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct slice secret;
    uint64_t time_ms = 0;
    TRY(read_row(session, SLICE("secret"), &arena, &secret));
    TRY(read_deploy_time(session, &arena, &time_ms));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(make_deployment(runner, tenant, modules, count, secret, time_ms, report, &deployment));
    TRY(keep_bytes(deployment, modules));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

static cordon_error *deploy_locked(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    enum deploy_mode mode,
    struct buffer *report,
    struct deployment **out_deployment)
{
    struct session session;
    cordon_error *error = session_begin(runner, tenant, &session);
    if (error == NULL) {
        error = (mode == DEPLOY_KEEP ? deploy_in_session : load_in_place)(
            runner, tenant, modules, count, &session, report, out_deployment);
    }
    session_end(&session);
    return error;
}

cordon_error *runner_deploy(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    enum deploy_mode mode,
    struct buffer *out_report)
{
    TRY(buffer_append(out_report, SLICE("{\"modules\":[")));
    struct deployment *deployment = NULL;
    (void)pthread_mutex_lock(&runner->deploy_lock);
    cordon_error *error =
        deploy_locked(runner, tenant, modules, count, mode, out_report, &deployment);
    if (error == NULL) {
        runner_swap(runner, deployment);
    }
    (void)pthread_mutex_unlock(&runner->deploy_lock);
    TRY(error);
    return buffer_append(out_report, SLICE("]}"));
}

cordon_error *runner_check(
    struct runner *runner, const struct deploy_module *module, struct buffer *out_report)
{
    struct deployment *deployment = NULL;
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, out_report->size_max);
    TRY(make_deployment(
        runner, TENANT_DEFAULT, module, 1, (struct slice){0}, 0, &report, &deployment));
    deployment_unref(deployment);
    return buffer_append(out_report, buffer_slice(&report));
}

/* -- Loading at start ----------------------------------------------------------------------- */

static cordon_error *load_in_session(
    struct runner *runner,
    uint32_t tenant,
    struct session *session,
    struct arena *arena,
    struct deployment **out_deployment)
{
    struct slice row;
    struct slice secret;
    TRY(read_row(session, SLICE("deploy"), arena, &row));
    TRY(read_row(session, SLICE("secret"), arena, &secret));
    if (row.size == 0) {
        return NULL;
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(parse_deploy_row(row, &doc));
    const struct json_node *list = json_get(json_root(doc), SLICE("modules"));
    const size_t count = json_count(list);
    struct deploy_module *modules = arena_alloc(arena, (count + 1) * sizeof *modules);
    if (modules == NULL) {
        return error_no_memory();
    }
    uint64_t time_ms = 0;
    (void)json_u64(json_get(json_root(doc), SLICE("time_ms")), &time_ms);
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        const struct json_node *item = json_next_item(&walk);
        uint8_t hash[SHA256_BYTES];
        struct deployment_key key;
        modules[i].name = json_string(json_get(item, SLICE("name")));
        if (!hex_decode(json_string(json_get(item, SLICE("hash"))), hash, sizeof hash)) {
            return cordon_error_new(CORDON_E_STORE, "the record of the last deploy is damaged");
        }
        TRY(read_row(session, deployment_module_key(&key, hash), arena, &modules[i].wasm));
    }
    return make_deployment(runner, tenant, modules, count, secret, time_ms, NULL, out_deployment);
}

cordon_error *runner_load(struct runner *runner, uint32_t tenant)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct session session;
    struct deployment *deployment = NULL;
    cordon_error *error = session_begin(runner, tenant, &session);
    if (error == NULL) {
        error = load_in_session(runner, tenant, &session, &arena, &deployment);
    }
    session_end(&session);
    TRY(error);
    if (deployment != NULL) {
        runner_swap(runner, deployment);
    }
    return NULL;
}
