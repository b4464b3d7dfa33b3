/* One tenant in memory; see tenant.h. */
#include "run/tenant/tenant.h"

#include "base/memory.h"
#include "host/env_vars.h"
#include "run/deploy/deployment.h"
#include "run/internal.h"

/* What a tenant keeps of its last runs, but for the default one. */
#define EXECUTIONS_BYTES_OTHERS ((size_t)512 << 10)

/* -- Settings ------------------------------------------------------------------------------- */

void tenant_settings_free(struct tenant_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    for (size_t i = 0; i < settings->host_count; i++) {
        mem_free(settings->hosts[i]);
    }
    mem_free(settings->hosts);
    mem_free(settings);
}

cordon_error *tenant_settings_copy(
    const struct tenant_settings *settings, struct tenant_settings **out_settings)
{
    struct tenant_settings *copy = MEM_NEW(struct tenant_settings);
    if (copy == NULL) {
        return error_no_memory();
    }
    *copy = *settings;
    copy->host_count = 0;
    copy->hosts = mem_new_array(settings->host_count + 1, sizeof *copy->hosts);
    for (size_t i = 0; copy->hosts != NULL && i < settings->host_count; i++) {
        copy->hosts[i] = mem_copy_string(slice_str(settings->hosts[i]));
        copy->host_count += copy->hosts[i] != NULL;
    }
    if (copy->host_count < settings->host_count || copy->hosts == NULL) {
        tenant_settings_free(copy);
        return error_no_memory();
    }
    *out_settings = copy;
    return NULL;
}

/* -- One ------------------------------------------------------------------------------------- */

/* What tenants keep of their runs is of the memory that all have, as there may be many of them. */
static bool take_memory(void *runner, uint64_t bytes)
{
    return runner_take_kept_memory(runner, bytes);
}

static void give_memory(void *runner, uint64_t bytes)
{
    runner_give_kept_memory(runner, bytes);
}

struct tenant *tenant_new(
    struct runner *runner, struct slice name, struct tenant_settings *settings)
{
    struct tenant *tenant = MEM_NEW(struct tenant);
    if (tenant == NULL) {
        tenant_settings_free(settings);
        return NULL;
    }
    CORDON_ASSERT(name.size <= TENANT_NAME_BYTES_MAX);
    tenant->runner = runner;
    tenant->settings = settings;
    memcpy(tenant->name, name.data, name.size);
    executions_init(&tenant->executions);
    tenant->executions.bytes_max = EXECUTIONS_BYTES_OTHERS;
    tenant->executions.purse = (struct execution_purse){take_memory, give_memory, runner};
    (void)pthread_mutex_init(&tenant->count_lock, NULL);
    (void)pthread_mutex_init(&tenant->change_lock, NULL);
    (void)pthread_mutex_init(&tenant->load_lock, NULL);
    (void)pthread_mutex_init(&tenant->env_lock, NULL);
    (void)pthread_rwlock_init(&tenant->lock, NULL);
    return tenant;
}

/* Lets go of what it has loaded. */
static void drop_loaded(struct tenant *tenant)
{
    tenant_swap_deployment(tenant, NULL);
    tenant_swap_env(tenant, NULL);
    executions_clear(&tenant->executions);
}

void tenant_free(struct tenant *tenant)
{
    if (tenant == NULL) {
        return;
    }
    drop_loaded(tenant);
    executions_done(&tenant->executions);
    tenant_settings_free(tenant->settings);
    (void)pthread_mutex_destroy(&tenant->count_lock);
    (void)pthread_mutex_destroy(&tenant->change_lock);
    (void)pthread_mutex_destroy(&tenant->load_lock);
    (void)pthread_mutex_destroy(&tenant->env_lock);
    (void)pthread_rwlock_destroy(&tenant->lock);
    mem_free(tenant);
}

struct deployment *tenant_deployment(struct tenant *tenant)
{
    (void)pthread_rwlock_rdlock(&tenant->lock);
    struct deployment *found =
        tenant->deployment == NULL ? NULL : deployment_ref(tenant->deployment);
    (void)pthread_rwlock_unlock(&tenant->lock);
    return found;
}

void tenant_swap_deployment(struct tenant *tenant, struct deployment *deployment)
{
    (void)pthread_rwlock_wrlock(&tenant->lock);
    struct deployment *gone = tenant->deployment;
    tenant->deployment = deployment;
    (void)pthread_rwlock_unlock(&tenant->lock);
    deployment_unref(gone);
}

struct env_vars *tenant_env(struct tenant *tenant)
{
    (void)pthread_rwlock_rdlock(&tenant->lock);
    struct env_vars *found = env_vars_ref(tenant->env);
    (void)pthread_rwlock_unlock(&tenant->lock);
    return found;
}

void tenant_swap_env(struct tenant *tenant, struct env_vars *env)
{
    (void)pthread_rwlock_wrlock(&tenant->lock);
    struct env_vars *gone = tenant->env;
    tenant->env = env;
    (void)pthread_rwlock_unlock(&tenant->lock);
    env_vars_unref(gone);
}

void tenant_lower(struct tenant *tenant, struct budget *budget)
{
    (void)pthread_rwlock_rdlock(&tenant->lock);
    if (tenant->settings != NULL && tenant->settings->has_limits) {
        budget_lower(budget, &tenant->settings->limits);
    }
    (void)pthread_rwlock_unlock(&tenant->lock);
}

bool tenant_enter(struct tenant *tenant)
{
    if (tenant == NULL) {
        return false;
    }
    (void)atomic_fetch_add(&tenant->runs, 1); /* first, so that a removal sees it or is seen */
    if (!atomic_load(&tenant->is_removed)) {
        return true;
    }
    tenant_leave(tenant);
    return false;
}

void tenant_leave(struct tenant *tenant)
{
    if (atomic_fetch_sub(&tenant->runs, 1) == 1 && atomic_load(&tenant->is_removed)) {
        drop_loaded(tenant);
        tenant_metrics_forget(&tenant->runner->metrics.tenants, tenant->number);
        (void)runner_wake_tender(tenant->runner);
    }
}

/* -- Its audit log --------------------------------------------------------------------------- */

struct auditor *tenant_auditor(struct tenant *tenant)
{
    if (atomic_load(&tenant->auditor) == NULL &&
        runner_auditor(tenant->runner) != NULL) { /* it sleeps */
        cordon_error_free(runner_audit_tenant(tenant));
    }
    return atomic_load(&tenant->auditor);
}

void tenant_sign_soon(struct tenant *tenant)
{
    auditor_sign_soon(tenant_auditor(tenant));
}

void tenant_note_done(struct tenant *tenant, struct slice body)
{
    auditor_note_done(tenant_auditor(tenant), body);
}

/* Somebody keeps the log, but there was no memory for it. */
static bool lacks_auditor(const struct tenant *tenant, const struct auditor *auditor)
{
    return auditor == NULL && runner_auditor(tenant->runner) != NULL;
}

bool tenant_note_request(struct tenant *tenant, struct slice body)
{
    struct auditor *const auditor = tenant_auditor(tenant);
    return !lacks_auditor(tenant, auditor) && auditor_note_request(auditor, body);
}

void tenant_note_denied(struct tenant *tenant, struct slice path, struct slice words)
{
    auditor_note_denied(tenant_auditor(tenant), path, words);
}

bool tenant_note_read(
    struct tenant *tenant,
    enum auditor_read what,
    struct slice text,
    const struct audit_actor *actor)
{
    struct auditor *const auditor = tenant_auditor(tenant);
    return !lacks_auditor(tenant, auditor) && auditor_note_read(auditor, what, text, actor);
}
