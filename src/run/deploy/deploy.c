/*
 * Deploys: deployments that are made (make.h), kept in the store with the schema that they bring,
 * and put in the place of the last one. All or nothing.
 */
#include "audit/actor.h"
#include "base/clock.h"
#include "base/random.h"
#include "run/audit/audit_rows.h"
#include "run/deploy/make.h"
#include "run/deploy/schema_change.h"
#include "run/deploy/wake.h"
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"
#include "value/json.h"

/* -- Schemas -------------------------------------------------------------------------------- */

static struct schema_change change_of(struct runner *runner, const struct deployment *deployment)
{
    CORDON_ASSERT(deployment != NULL);
    return (struct schema_change){
        .store = runner->options.store,
        /* cppcheck-suppress nullPointer */
        .tenant = deployment->tenant,
        .schema = &deployment->schema,
        .stops = &runner->stops_deploys,
        .log = runner->options.log,
    };
}

/* What a deploy has left to do. A failure is no failure of it: another goes on with that. */
static void leave_work(struct runner *runner, struct schema_change *change)
{
    if (!runner_wake_tender(runner)) {
        cordon_error_free(schema_change_work(change));
    }
}

/*
 * Whatever a deploy that failed has made of a schema that was to come is of no use any more, unless
 * the same deploy comes again when the program is back. What cannot be tidied up now is by the next
 * deploy.
 */
static cordon_error *give_up(
    struct runner *runner, struct schema_change *change, cordon_error *error)
{
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_OVERLOADED) {
        cordon_error_free(schema_change_abandon(change));
        leave_work(runner, change);
    }
    return error;
}

/* What holds after it, and what that took. */
static cordon_error *report_schema(
    const struct deployment *deployment, const struct schema_change *change, struct buffer *report)
{
    TRY(buffer_append(report, SLICE("],\"schema\":{\"tables\":[")));
    for (size_t i = 0; i < deployment->schema.table_count; i++) {
        TRY(json_write_comma(report));
        TRY(schema_table_write(&deployment->schema.tables[i], report));
    }
    TRY(buffer_append_byte(report, ']'));
    TRY(json_write_key(report, SLICE("documentsChecked")));
    TRY(json_write_u64(report, change->documents));
    TRY(json_write_key(report, SLICE("indexRows")));
    TRY(json_write_u64(report, change->rows));
    return buffer_append_byte(report, '}');
}

static cordon_error *report_end(bool is_again, struct buffer *report)
{
    TRY(is_again ? buffer_append(report, SLICE(",\"unchanged\":true")) : NULL);
    return buffer_append_byte(report, '}');
}

/* -- Deploys that are kept ------------------------------------------------------------------ */

/* That of the deploys before, or a new one. */
static cordon_error *choose_secret(
    const struct deploy_past *past, struct arena *arena, struct slice *out_secret)
{
    *out_secret = past->secret;
    if (past->secret.size == DEPLOY_SECRET_BYTES) {
        return NULL;
    }
    uint8_t *fresh = arena_alloc(arena, DEPLOY_SECRET_BYTES);
    if (fresh == NULL) {
        return arena_error(arena);
    }
    random_system(fresh, DEPLOY_SECRET_BYTES);
    *out_secret = slice_of(fresh, DEPLOY_SECRET_BYTES);
    return NULL;
}

/* The schema first, which may take long; then all at once. */
static cordon_error *keep_with_schema(
    struct runner *runner,
    const struct deploy_change *change,
    struct schema_change *schema,
    struct buffer *report,
    struct arena *arena,
    struct deploy_kept *out_kept)
{
    TRY(schema_change_begin(schema));
    TRY(report_schema(change->deployment, schema, report));
    TRY(report_end(change->is_again, report));
    TRY(deploy_take_turn(
        runner, change->deployment->tenant)); /* the modules are in memory once more */
    cordon_error *error = deploy_rows_keep(runner->options.store, change, arena, out_kept);
    deploy_give_turn(runner, change->deployment->tenant);
    return error;
}

/* Nothing fails once the store has it: what is kept must not be called a failure. */
static cordon_error *keep(
    struct runner *runner,
    const struct deploy_change *change,
    struct buffer *report,
    struct arena *arena)
{
    struct schema_change schema = change_of(runner, change->deployment);
    struct deploy_kept kept;
    TRY(give_up(runner, &schema, keep_with_schema(runner, change, &schema, report, arena, &kept)));
    if (runner->cache != NULL) { /* it holds those of the deploys that are kept, and no other */
        artifact_cache_keep(
            runner->cache, change->deployment->tenant, (const uint8_t(*)[SHA256_BYTES])kept.hashes,
            kept.count);
    }
    return NULL;
}

static bool has_module(
    const struct deploy_past *past, struct slice name, const uint8_t hash[SHA256_BYTES])
{
    for (size_t i = 0; i < past->count; i++) {
        if (slice_equal(past->modules[i].name, name) &&
            memcmp(past->modules[i].hash, hash, SHA256_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The very modules that hold: a set, as no path is in two of them. */
static bool is_that_of(const struct deploy_past *past, const struct deployment *deployment)
{
    bool same = past->exists && past->count == deployment->module_count;
    for (size_t i = 0; same && i < deployment->module_count; i++) {
        const struct deployed_module *module = &deployment->modules[i];
        same = has_module(past, module->name, module->hash);
    }
    return same;
}

static cordon_error *deploy_and_keep(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    const struct audit_actor *actor,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct deploy_past past;
    struct slice secret;
    TRY(deploy_rows_read(runner->options.store, tenant, true, &arena, &past));
    TRY(choose_secret(&past, &arena, &secret));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(deployment_make(
        runner, tenant, modules, count, secret, clock_wall_ns() / 1000000, report, &deployment));
    const bool is_again = is_that_of(&past, deployment);
    if (is_again) {
        deployment->time_ms = past.time_ms; /* nothing has run yet that saw another */
    }
    const struct deploy_change change = {
        .deployment = deployment,
        .modules = modules,
        .number = is_again ? past.number : 0,
        .is_again = is_again,
        .secret = secret,
        .actor = actor,
    };
    TRY(keep(runner, &change, report, &arena));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

static cordon_error *roll_back_and_keep(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_past *past,
    const struct audit_actor *actor,
    struct arena *arena,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(deployment_remake(runner, tenant, past, false, report, &deployment));
    TRY(deployment_merge_schemas(deployment));
    const struct deploy_change change = {
        .deployment = deployment, .number = past->number, .secret = past->secret, .actor = actor};
    TRY(keep(runner, &change, report, arena));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

/* -- Deploys of this process alone ---------------------------------------------------------- */

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
 * time, so that a module's import phase is the same as when it is deployed, and the schema of that
 * deployment holds; where nothing was ever deployed, the schema that these bring is made.
 */
static cordon_error *load_in_place(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    struct buffer *report,
    struct deployment **out_deployment)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct deploy_past past;
    TRY(deploy_rows_read(runner->options.store, tenant, false, &arena, &past));
    CORDON_CLEANUP(deployment_unrefp) struct deployment *deployment = NULL;
    TRY(deployment_make(
        runner, tenant, modules, count, past.secret, past.time_ms, report, &deployment));
    TRY(keep_bytes(deployment, modules));
    struct schema_change change = change_of(runner, deployment);
    if (past.secret.size == 0) {
        TRY(give_up(runner, &change, schema_change_make(&change)));
    }
    TRY(report_schema(deployment, &change, report));
    TRY(report_end(false, report));
    *out_deployment = CORDON_TAKE(deployment);
    return NULL;
}

/* -- Entries -------------------------------------------------------------------------------- */

/*
 * Who tried to bring in what, and why not. That this could not be written changes no answer; a
 * server's keeper of the log has it written later.
 */
static cordon_error *audit_body(struct tenant *tenant, struct slice body)
{
    cordon_error *error = audit_rows_add(tenant->runner->options.store, tenant->number, body);
    if (error != NULL) {
        tenant_note_done(tenant, body); /* tries again, says so */
    }
    return error;
}

static cordon_error *audit_refusal(
    struct tenant *tenant,
    const struct deploy_module *modules,
    size_t count,
    const struct audit_actor *actor,
    const cordon_error *refusal)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, (size_t)1 << 20);
    TRY(buffer_append(&body, SLICE("{\"kind\":\"deploy_refused\",\"message\":")));
    TRY(json_write_string(&body, slice_str(cordon_error_get_message(refusal))));
    TRY(buffer_append(&body, SLICE(",\"modules\":[")));
    for (size_t i = 0; i < count; i++) {
        uint8_t hash[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];
        hash_sha256(&modules[i].wasm, 1, hash);
        hex_encode(slice_of(hash, sizeof hash), hex);
        TRY(json_write_comma(&body));
        TRY(json_write_string(&body, slice_str(hex)));
    }
    TRY(buffer_append_byte(&body, ']'));
    TRY(audit_actor_end(&body, actor));
    return audit_body(tenant, buffer_slice(&body));
}

static cordon_error *audit_refused_rollback(
    struct tenant *tenant,
    uint64_t number,
    const struct audit_actor *actor,
    const cordon_error *refusal)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, (size_t)1 << 20);
    TRY(buffer_append(&body, SLICE("{\"kind\":\"rollback_refused\",\"message\":")));
    TRY(json_write_string(&body, slice_str(cordon_error_get_message(refusal))));
    TRY(buffer_printf(&body, ",\"number\":%llu", (unsigned long long)number));
    TRY(audit_actor_end(&body, actor));
    return audit_body(tenant, buffer_slice(&body));
}

static bool is_refusal(const cordon_error *error)
{
    return error != NULL && cordon_error_get_code(error) == CORDON_E_MODULE_REFUSED;
}

/*
 * Puts a new deployment in its place, with the lock of the tenant's changes; it stays while that is
 * held. Whoever loads the one before it has put that there first.
 */
static void swap(struct tenant *tenant, struct deployment *deployment, enum deploy_mode mode)
{
    CORDON_ASSERT(deployment != NULL);
    struct schema_change change = change_of(tenant->runner, deployment);
    (void)pthread_mutex_lock(&tenant->load_lock);
    tenant_swap_deployment(tenant, deployment);
    atomic_store(&tenant->is_awake, true);
    (void)pthread_mutex_unlock(&tenant->load_lock);
    if (mode == DEPLOY_KEEP) {
        leave_work(tenant->runner, &change);
    }
}

/* With the lock of the tenant's changes. */
static cordon_error *deploy(
    struct tenant *tenant,
    const struct deploy_module *modules,
    size_t count,
    enum deploy_mode mode,
    const struct audit_actor *actor,
    struct buffer *report)
{
    struct runner *runner = tenant->runner;
    struct deployment *deployment = NULL;
    TRY(tenant_load_variables(tenant));
    if (mode == DEPLOY_KEEP) {
        TRY(deploy_and_keep(runner, tenant->number, modules, count, actor, report, &deployment));
    } else {
        TRY(load_in_place(runner, tenant->number, modules, count, report, &deployment));
    }
    swap(tenant, deployment, mode);
    return NULL;
}

cordon_error *runner_deploy(
    struct runner *runner,
    uint32_t number,
    const struct deploy_module *modules,
    size_t count,
    enum deploy_mode mode,
    const struct audit_actor *actor,
    struct buffer *out_report)
{
    struct tenant *tenant = tenants_find(&runner->tenants, number);
    TRY(buffer_append(out_report, SLICE("{\"modules\":[")));
    if (!tenant_enter(tenant)) {
        return tenants_no_such();
    }
    (void)pthread_mutex_lock(&tenant->change_lock);
    cordon_error *error = deploy(tenant, modules, count, mode, actor, out_report);
    if (mode == DEPLOY_KEEP && is_refusal(error)) {
        cordon_error_free(audit_refusal(tenant, modules, count, actor, error));
    }
    (void)pthread_mutex_unlock(&tenant->change_lock);
    tenant_sign_soon(tenant);
    tenant_leave(tenant);
    return error;
}

/* With the lock of the tenant's changes. */
static cordon_error *roll_back(
    struct tenant *tenant, uint64_t number, const struct audit_actor *actor, struct buffer *report)
{
    struct runner *runner = tenant->runner;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct deploy_past past;
    struct deployment *deployment = NULL;
    TRY(tenant_load_variables(tenant));
    TRY(deploy_rows_read_kept(runner->options.store, tenant->number, number, &arena, &past));
    TRY(roll_back_and_keep(runner, tenant->number, &past, actor, &arena, report, &deployment));
    swap(tenant, deployment, DEPLOY_KEEP);
    return NULL;
}

cordon_error *runner_rollback(
    struct runner *runner,
    uint32_t tenant_number,
    uint64_t number,
    const struct audit_actor *actor,
    struct buffer *out_report)
{
    struct tenant *tenant = tenants_find(&runner->tenants, tenant_number);
    if (number == 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "deploys are numbered from 1 on; name one that is kept");
    }
    TRY(buffer_append(out_report, SLICE("{\"modules\":[")));
    if (!tenant_enter(tenant)) {
        return tenants_no_such();
    }
    (void)pthread_mutex_lock(&tenant->change_lock);
    cordon_error *error = roll_back(tenant, number, actor, out_report);
    if (is_refusal(error)) {
        cordon_error_free(audit_refused_rollback(tenant, number, actor, error));
    }
    (void)pthread_mutex_unlock(&tenant->change_lock);
    tenant_sign_soon(tenant);
    tenant_leave(tenant);
    return error;
}

cordon_error *runner_list_deploys(struct runner *runner, uint32_t tenant, struct buffer *out_json)
{
    return deploy_rows_list(runner->options.store, tenant, out_json);
}

cordon_error *runner_check(
    struct runner *runner, const struct deploy_module *module, struct buffer *out_report)
{
    struct deployment *deployment = NULL;
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, out_report->size_max);
    TRY(deployment_make(
        runner, TENANT_DEFAULT, module, 1, (struct slice){0}, 0, &report, &deployment));
    deployment_unref(deployment);
    return buffer_append(out_report, buffer_slice(&report));
}
