/* The list of tenants; see tenant_admin.h. */
#include "run/internal.h"
#include "run/tenant/tenant_admin.h"
#include "run/tenant/tenant_quota.h"
#include "run/tenant/tenant_told.h"
#include "value/json.h"

/* What the server allows at most of each limit, whatever the kind of function. */
struct most {
    uint64_t of[CORDON_LIMIT_COUNT];
};

static struct most find_most(struct runner *runner)
{
    struct most most = {{0}};
    for (int kind = 0; kind < CORDON_KIND_COUNT; kind++) {
        struct budget budget;
        runner_init_budget(runner, (cordon_kind)kind, &budget);
        for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
            most.of[i] = budget.allowed[i] > most.of[i] ? budget.allowed[i] : most.of[i];
        }
    }
    return most;
}

/* Limits of the server's that are lower than the tenant's: those hold. With the tenant's lock. */
static cordon_error *write_server_limits(
    struct buffer *out, struct tenant *tenant, const struct most *most)
{
    TRY(json_write_key(out, SLICE("serverLimits")));
    TRY(buffer_append_byte(out, '{'));
    for (int i = 0; tenant->settings != NULL && i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const struct limit_changes *const limits = &tenant->settings->limits;
        if (limits->set[i] && limits->value[i] > most->of[i]) {
            TRY(json_write_member_u64(out, cordon_limit_get_info(limit)->name, most->of[i]));
        }
    }
    return buffer_append_byte(out, '}');
}

/* The default one has its hosts from the settings of the server. */
static cordon_error *write_said(struct buffer *out, struct tenant *tenant, const struct most *most)
{
    struct tenants *tenants = &tenant->runner->tenants;
    (void)pthread_rwlock_rdlock(&tenants->lock);
    (void)pthread_rwlock_rdlock(&tenant->lock);
    cordon_error *error = tenant_told_write_settings(
        out, tenant == tenants->usual ? tenants->usual_hosts : tenant->settings);
    if (error == NULL) {
        error = write_server_limits(out, tenant, most);
    }
    (void)pthread_rwlock_unlock(&tenant->lock);
    (void)pthread_rwlock_unlock(&tenants->lock);
    return error;
}

static cordon_error *write_tenant(
    struct buffer *out, struct tenant *tenant, const struct most *most)
{
    TRY(json_write_comma(out));
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("name")));
    TRY(json_write_string(out, slice_str(tenant->name)));
    TRY(json_write_member_u64(out, "number", tenant->number));
    TRY(write_said(out, tenant, most));
    TRY(json_write_key(out, SLICE("madeAt")));
    TRY(tenant->made_ms == 0 ? buffer_append(out, SLICE("null"))
                             : json_write_u64(out, tenant->made_ms));
    TRY(json_write_key(out, SLICE("awake")));
    TRY(json_write_bool(out, atomic_load(&tenant->is_awake)));
    TRY(json_write_member_u64(out, "runs", atomic_load(&tenant->runs)));
    TRY(json_write_key(out, SLICE("dataBytes")));
    const long long used = atomic_load(&tenant->quota.used);
    TRY(atomic_load(&tenant->quota.is_counted) ? json_write_u64(out, used > 0 ? (uint64_t)used : 0)
                                               : buffer_append(out, SLICE("null")));
    bool is_counted = false;
    uint64_t audit_bytes = 0;
    TRY(quota_audit_bytes(tenant, &is_counted, &audit_bytes));
    TRY(json_write_key(out, SLICE("auditBytes")));
    TRY(is_counted ? json_write_u64(out, audit_bytes) : buffer_append(out, SLICE("null")));
    return buffer_append_byte(out, '}');
}

cordon_error *tenant_admin_list(struct runner *runner, struct buffer *out)
{
    const struct most most = find_most(runner);
    TRY(buffer_append_byte(out, '['));
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        TRY(write_tenant(out, at, &most));
    }
    return buffer_append_byte(out, ']');
}
