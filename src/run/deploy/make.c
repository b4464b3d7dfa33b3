/* Deployments of modules that are built one by one; see make.h. */
#include "run/deploy/make.h"

#include "base/clock.h"
#include "base/random.h"
#include "run/deploy/build.h"
#include "run/internal.h"

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

static void make_cursor_key(struct deployment *deployment, struct slice secret)
{
    _Static_assert(SEAL_KEY_BYTES == 2 * SHA256_BYTES, "the key is two hashes");
    const struct slice words[] = {SLICE("cursors, first half"), SLICE("cursors, second half")};
    for (size_t i = 0; i < 2; i++) {
        hash_hmac_sha256(secret, &words[i], 1, deployment->cursor_key + i * SHA256_BYTES);
    }
}

/*
 * What functions take while they are loaded is of their tenant's share, with what is still there of
 * those before, for as long as runs use it. The server's own are few and small.
 */
static cordon_error *pay(struct runner *runner, struct deployment *deployment)
{
    struct tenant *const tenant = tenants_find(&runner->tenants, deployment->tenant);
    if (tenant == NULL ||
        deployment_pay(
            deployment, &runner->loaded, &tenant->usage.loaded, runner_get_share_percent(runner))) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "There is no memory for these functions: all that are loaded, and those of earlier deploys "
        "that still run, may have %llu bytes together, and of these a tenant its share; deploy "
        "fewer or smaller ones, or again when earlier ones have ended.",
        (unsigned long long)runner->loaded.total);
}

static cordon_error *add_module(
    struct runner *runner,
    struct deployment *deployment,
    const struct deploy_module *source,
    struct slice secret,
    bool only_cached,
    struct buffer *report)
{
    const struct build_order order = {deployment->tenant, only_cached};
    struct deployed_module *module = &deployment->modules[deployment->module_count];
    module->name = arena_copy(&deployment->arena, source->name);
    if (module->name.data == NULL) {
        return arena_error(&deployment->arena);
    }
    struct built built;
    TRY(build_module(runner, &order, source, &deployment->arena, &built, report));
    memcpy(module->hash, built.hash, sizeof module->hash);
    module->engine_module = built.module;
    module->metadata = built.metadata;
    module->schema = built.schema;
    module->names = built.names;
    module->has_initialize = built.has_initialize;
    module->loading_fuel = built.loading_fuel;
    module->has_debug = built.has_debug;
    module->size = source->wasm.size;
    seed_import_phase(module, secret);
    deployment->module_count++;
    return built.module == NULL ? NULL : pay(runner, deployment);
}

/* An empty one, for so many modules. */
static cordon_error *begin_deployment(
    uint32_t tenant, size_t count, uint64_t time_ms, struct deployment **out_deployment)
{
    if (count > DEPLOY_MODULES_MAX) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "A deploy has at most %d modules.", DEPLOY_MODULES_MAX);
    }
    TRY(deployment_new(tenant, count == 0 ? 1 : count, out_deployment));
    (*out_deployment)->time_ms = time_ms;
    return NULL;
}

static cordon_error *stopping(void)
{
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "the program is stopping and deploys no more; deploy again when it is back");
}

/*
 * The server's own small module waits for no tenant's: readiness depends on it. It takes a worker
 * all the same, once, for which somebody with a turn may wait.
 */
static bool needs_turn(uint32_t tenant)
{
    return tenant != TENANT_SYSTEM;
}

void deploy_give_turn(struct runner *runner, uint32_t number)
{
    if (needs_turn(number)) {
        build_turn_give(&runner->build_turns);
    }
}

cordon_error *deploy_take_turn(struct runner *runner, uint32_t number)
{
    struct build_turn turn;
    if (!needs_turn(number)) {
        return NULL;
    }
    struct tenant *tenant = tenants_find(&runner->tenants, number);
    if (tenant == NULL) {
        return tenants_no_such();
    }
    if (!build_turn_take(&runner->build_turns, &tenant->turns_had, &runner->stops_deploys, &turn)) {
        return stopping();
    }
    if (atomic_load(&tenant->is_removed)) {
        deploy_give_turn(runner, number);
        return tenants_no_such();
    }
    return NULL;
}

cordon_error *deployment_make(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct slice secret,
    uint64_t time_ms,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(begin_deployment(tenant, count, time_ms, &deployment));
    make_cursor_key(deployment, secret);
    for (size_t i = 0; i < count; i++) {
        TRY(deploy_take_turn(runner, tenant));
        cordon_error *error = add_module(runner, deployment, &modules[i], secret, false, report);
        deploy_give_turn(runner, tenant);
        TRY(error);
    }
    TRY(deployment_index(deployment));
    TRY(pay(runner, deployment));
    TRY(deployment_merge_schemas(deployment));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

cordon_error *runner_build(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *module,
    struct deployment **out_deployment)
{
    uint8_t secret[DEPLOY_SECRET_BYTES];
    random_system(secret, sizeof secret);
    cordon_error *error = deployment_make(
        runner, tenant, module, 1, slice_of(secret, sizeof secret), clock_wall_ns() / 1000000, NULL,
        out_deployment);
    explicit_bzero(secret, sizeof secret);
    if (error == NULL && runner->cache != NULL) { /* and not that of an older version */
        artifact_cache_keep(
            runner->cache, tenant,
            (const uint8_t(*)[SHA256_BYTES])(*out_deployment)->modules[0].hash, 1);
    }
    return error;
}

/* -- Deployments that the store has ---------------------------------------------------------- */

/* More than a row of the store has (64 MiB), in which the bytes of a module lie. */
#define MODULE_READ_BYTES_MAX ((size_t)65 << 20)

static cordon_error *read_and_add_module(
    struct runner *runner,
    struct deployment *deployment,
    const struct deploy_past_module *past,
    struct slice secret,
    bool only_cached,
    struct buffer *report)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, MODULE_READ_BYTES_MAX);
    struct deploy_module source = {.name = past->name};
    const uint64_t began_ns = clock_monotonic_ns();
    TRY(deploy_rows_read_module(
        runner->options.store, deployment->tenant, past->hash, &arena, &source.wasm));
    histogram_observe_ns(runner->metrics.lookup, clock_monotonic_ns() - began_ns);
    return add_module(runner, deployment, &source, secret, only_cached, report);
}

/* Who only reads waits for nobody's turn. */
static cordon_error *load_module(
    struct runner *runner,
    struct deployment *deployment,
    const struct deploy_past_module *past,
    struct slice secret,
    bool only_cached,
    struct buffer *report)
{
    if (only_cached) {
        return atomic_load(&runner->stops_deploys)
                   ? stopping()
                   : read_and_add_module(runner, deployment, past, secret, true, report);
    }
    TRY(deploy_take_turn(runner, deployment->tenant));
    cordon_error *error = read_and_add_module(runner, deployment, past, secret, false, report);
    deploy_give_turn(runner, deployment->tenant);
    return error;
}

cordon_error *deployment_remake(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_past *past,
    bool only_cached,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(begin_deployment(tenant, past->count, past->time_ms, &deployment));
    make_cursor_key(deployment, past->secret);
    for (size_t i = 0; i < past->count; i++) {
        TRY(load_module(runner, deployment, &past->modules[i], past->secret, only_cached, report));
        if (deployment->modules[i].engine_module == NULL) {
            return NULL;
        }
    }
    TRY(deployment_index(deployment));
    TRY(pay(runner, deployment));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}
