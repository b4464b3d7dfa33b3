/* The public side of environment variables, over run/. */
#include "api/api.h"

#include "audit/actor.h"
#include "run/environment.h"
#include "run/runner.h"

cordon_error *cordon_env_list(cordon_runtime *runtime, char **out_json)
{
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, ENV_LIST_BYTES_MAX);
    TRY(environment_list(runtime->runner, TENANT_DEFAULT, &list));
    return api_give_text(&list, out_json);
}

cordon_error *cordon_env_change(cordon_runtime *runtime, const char *json, size_t size)
{
    const struct audit_actor actor = audit_actor_local();
    return environment_change(
        runtime->runner, TENANT_DEFAULT, slice_of(json, json == NULL ? 0 : size), &actor);
}
