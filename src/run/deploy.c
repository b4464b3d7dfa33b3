/*
 * Deployments: made of modules that are built one by one, kept in the store, and put in the place
 * of the last one. All or nothing.
 */
#include "base/clock.h"
#include "run/build.h"
#include "run/deploy_rows.h"
#include "run/internal.h"

#define MODULES_MAX 256

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
    module->name = arena_copy(&deployment->arena, source->name);
    struct built built;
    TRY(build_module(runner, deployment->tenant, source, &deployment->arena, &built, report));
    memcpy(module->hash, built.hash, sizeof module->hash);
    module->engine_module = built.module;
    module->metadata = built.metadata;
    module->names = built.names;
    module->has_initialize = built.has_initialize;
    module->has_debug = built.has_debug;
    seed_import_phase(module, secret);
    deployment->module_count++;
    return NULL;
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
    struct deploy_rows *rows,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct slice secret;
    TRY(deploy_rows_read_secret(rows, true, &arena, &secret));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(make_deployment(
        runner, tenant, modules, count, secret, clock_wall_ns() / 1000000, report, &deployment));
    TRY(buffer_reserve(report, 2)); /* for its end: what is kept must not be called a failure */
    TRY(deploy_rows_keep(rows, deployment, modules, secret));
    TRY(drop_old_artifacts(runner, deployment, &arena));
    *out_deployment = CORDON_TAKE(deployment);
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
    struct deploy_rows *rows,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct slice secret;
    struct deploy_last last;
    TRY(deploy_rows_read_secret(rows, false, &arena, &secret));
    TRY(deploy_rows_read_last(rows, false, &arena, &last));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(make_deployment(runner, tenant, modules, count, secret, last.time_ms, report, &deployment));
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
    struct deploy_rows rows;
    cordon_error *error = deploy_rows_begin(runner->options.store, tenant, &rows);
    if (error == NULL) {
        error = (mode == DEPLOY_KEEP ? deploy_in_session : load_in_place)(
            runner, tenant, modules, count, &rows, report, out_deployment);
    }
    deploy_rows_end(&rows);
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

static cordon_error *load_last(
    struct runner *runner,
    uint32_t tenant,
    struct deploy_rows *rows,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct deploy_last last;
    struct slice secret;
    TRY(deploy_rows_read_last(rows, true, &arena, &last));
    TRY(deploy_rows_read_secret(rows, false, &arena, &secret));
    return last.exists ? make_deployment(
                             runner, tenant, last.modules, last.count, secret, last.time_ms, NULL,
                             out_deployment)
                       : NULL;
}

cordon_error *runner_load(struct runner *runner, uint32_t tenant)
{
    struct deploy_rows rows;
    struct deployment *deployment = NULL;
    cordon_error *error = deploy_rows_begin(runner->options.store, tenant, &rows);
    if (error == NULL) {
        error = load_last(runner, tenant, &rows, &deployment);
    }
    deploy_rows_end(&rows);
    TRY(error);
    if (deployment != NULL) {
        runner_swap(runner, deployment);
    }
    return NULL;
}
