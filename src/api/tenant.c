/* The public side of tenants, over run/. */
#include "api/api.h"

#include "audit/actor.h"
#include "http/key_file.h"
#include "run/tenant/tenant_admin.h"

cordon_error *cordon_tenant_list(cordon_runtime *runtime, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, TENANT_LIST_BYTES_MAX);
    TRY(tenant_admin_list(runtime->runner, &list));
    return api_give_text(&list, out_json);
}

static struct slice slice_of_json(const char *json, size_t size)
{
    return slice_of(json, json == NULL ? 0 : size);
}

static cordon_error *revoke_keys(void *arg, const char *name)
{
    const cordon_runtime *runtime = arg;
    size_t revoked = 0;
    return runtime->data_folder == NULL
               ? NULL
               : key_files_revoke(runtime->data_folder, NULL, name, &revoked);
}

cordon_error *cordon_tenant_create(cordon_runtime *runtime, const char *json, size_t size)
{
    TRY(api_need_runtime(runtime));
    const struct audit_actor actor = audit_actor_local();
    return tenant_admin_create(
        runtime->runner, slice_of_json(json, size), &actor, revoke_keys, runtime);
}

cordon_error *cordon_tenant_change(cordon_runtime *runtime, const char *json, size_t size)
{
    TRY(api_need_runtime(runtime));
    const struct audit_actor actor = audit_actor_local();
    return tenant_admin_change(runtime->runner, slice_of_json(json, size), &actor);
}

cordon_error *cordon_tenant_remove(cordon_runtime *runtime, const char *json, size_t size)
{
    TRY(api_need_runtime(runtime));
    const struct audit_actor actor = audit_actor_local();
    return tenant_admin_remove(
        runtime->runner, slice_of_json(json, size), &actor, revoke_keys, runtime);
}
