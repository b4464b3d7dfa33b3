/*
 * Tenants that sleep are woken: their variables, functions and log are loaded, with the lock of
 * their loading. Who would only read machine code that is there waits for nobody who makes it.
 */
#include "run/deploy/wake.h"

#include "base/clock.h"
#include "base/event.h"
#include "run/deploy/make.h"
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"

/* What is to be counted is by the tender, if there is one. */
static cordon_error *begin_quota(struct tenant *tenant)
{
    quota_set(tenant);
    return quota_is_due(tenant) && !runner_wake_tender(tenant->runner) ? quota_count(tenant) : NULL;
}

static cordon_error *load_variables_locked(struct tenant *tenant)
{
    if (atomic_load(&tenant->is_awake)) {
        return NULL;
    }
    TRY(environment_load(tenant));
    TRY(runner_audit_tenant(tenant));
    return begin_quota(tenant);
}

cordon_error *tenant_load_variables(struct tenant *tenant)
{
    (void)pthread_mutex_lock(&tenant->load_lock);
    cordon_error *error = load_variables_locked(tenant);
    (void)pthread_mutex_unlock(&tenant->load_lock);
    return error;
}

/* `*out_is_loaded` false: they were to come from the cache alone, which lacks some. */
static cordon_error *load_functions(struct tenant *tenant, bool only_cached, bool *out_is_loaded)
{
    struct runner *runner = tenant->runner;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    struct deploy_past past;
    TRY(deploy_rows_read(runner->options.store, tenant->number, true, &arena, &past));
    *out_is_loaded = true;
    if (!past.exists) {
        return NULL;
    }
    struct deployment *deployment = NULL;
    TRY(deployment_remake(runner, tenant->number, &past, only_cached, NULL, &deployment));
    *out_is_loaded = deployment != NULL;
    if (deployment != NULL) {
        tenant_swap_deployment(tenant, deployment);
    }
    return NULL;
}

/* With the lock of its loading; nothing, if it is awake. */
static cordon_error *load(struct tenant *tenant, bool only_cached)
{
    if (atomic_load(&tenant->is_awake)) {
        return NULL;
    }
    bool is_loaded = false;
    TRY(environment_load(tenant));
    TRY(load_functions(tenant, only_cached, &is_loaded));
    if (!is_loaded) {
        atomic_store(&tenant->lacks_code, true);
        return NULL;
    }
    TRY(begin_quota(tenant));
    atomic_store(&tenant->is_awake, true); /* before: who begins to keep logs looks at it after */
    cordon_error *error = runner_audit_tenant(tenant);
    if (error != NULL) {
        atomic_store(&tenant->is_awake, false); /* and is loaded again, rather than not audited */
    }
    return error;
}

/* With the lock, too. It is marked before its machine code is made anew: see lock_for_reading(). */
static cordon_error *load_whole(struct tenant *tenant)
{
    if (!atomic_load(&tenant->lacks_code)) {
        TRY(load(tenant, true));
    }
    return load(tenant, false);
}

/* How often whoever waits for the lock looks whether it is held for long. */
#define LOOK_MS 2

/* The lock of its loading; false: whoever has it makes machine code anew, or would have to. */
static bool lock_for_reading(struct tenant *tenant)
{
    struct event never;
    bool is_locked = false;
    event_init(&never);
    while (!is_locked && !atomic_load(&tenant->lacks_code)) {
        is_locked = pthread_mutex_trylock(&tenant->load_lock) == 0;
        if (!is_locked) {
            event_wait(&never, clock_deadline_ns(LOOK_MS));
        }
    }
    event_done(&never);
    return is_locked;
}

cordon_error *runner_wake_tenant(struct runner *runner, uint32_t number, struct tenant **out_tenant)
{
    struct tenant *tenant = tenants_find(&runner->tenants, number);
    if (!tenant_enter(tenant)) {
        return tenants_no_such();
    }
    cordon_error *error = NULL;
    if (!atomic_load(&tenant->is_awake)) {
        (void)pthread_mutex_lock(&tenant->load_lock);
        error = load_whole(tenant);
        (void)pthread_mutex_unlock(&tenant->load_lock);
    }
    if (error != NULL) {
        tenant_leave(tenant);
        return error;
    }
    *out_tenant = tenant;
    return NULL;
}

cordon_error *runner_load(struct runner *runner, uint32_t number)
{
    struct tenant *tenant = NULL;
    TRY(runner_wake_tenant(runner, number, &tenant));
    tenant_leave(tenant);
    return NULL;
}

cordon_error *runner_load_cached(struct runner *runner, uint32_t number, bool *out_is_loaded)
{
    struct tenant *tenant = tenants_find(&runner->tenants, number);
    if (!tenant_enter(tenant)) {
        return tenants_no_such();
    }
    cordon_error *error = NULL;
    if (!atomic_load(&tenant->is_awake) && lock_for_reading(tenant)) {
        error = load(tenant, true);
        (void)pthread_mutex_unlock(&tenant->load_lock);
    }
    *out_is_loaded = atomic_load(&tenant->is_awake);
    tenant_leave(tenant);
    return error;
}
