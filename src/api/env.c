/* The public side of environment variables, over run/. */
#include "api/api.h"

#include "audit/actor.h"
#include "run/deploy/environment.h"
#include "run/runner.h"

cordon_error *cordon_env_list(cordon_runtime *runtime, const char *tenant, char **out_json)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(out_json, "out_json"));
    uint32_t number = TENANT_DEFAULT;
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, ENV_LIST_BYTES_MAX);
    TRY(api_find_tenant(runtime, tenant, &number));
    TRY(environment_list(runtime->runner, number, &list));
    return api_give_text(&list, out_json);
}

cordon_error *cordon_env_change(
    cordon_runtime *runtime, const char *tenant, const char *json, size_t size)
{
    TRY(api_need_runtime(runtime));
    uint32_t number = TENANT_DEFAULT;
    TRY(api_find_tenant(runtime, tenant, &number));
    const struct audit_actor actor = audit_actor_local();
    return environment_change(
        runtime->runner, number, slice_of(json, json == NULL ? 0 : size), &actor);
}
