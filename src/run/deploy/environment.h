/*
 * The environment variables of each tenant: what the store holds of them, and the moment that runs
 * begin with.
 *
 * In KEYSPACE_MODULE of the tenant, `"env/" ‖ name` has the value. A change is one commit, with an
 * audit record that says which names were set and unset, and no value; then what is in memory is
 * replaced (tenant_swap_env()). Runs under way keep what they began with (host/env_vars.h).
 */
#ifndef RUN_ENVIRONMENT_H
#define RUN_ENVIRONMENT_H

#include "base/buffer.h"
#include "host/env_vars.h"

struct audit_actor;
struct runner;
struct tenant;

/* Changes of one request. */
#define ENV_CHANGES_MAX ((size_t)1024)

/* Room that a list needs: each byte escaped, and words around each variable. */
#define ENV_LIST_BYTES_MAX (6 * ENV_BYTES_MAX + 32 * ENV_VARS_MAX)

/* Reads what the store holds, in the place of what is in memory. Blocks. Errors: the store's. */
CORDON_MUST_USE cordon_error *environment_load(struct tenant *tenant);

/*
 * Changes variables, all or none, by Convex's JSON {"changes": [{"name": "N", "value": "V"}]};
 * without a value, or with null, the variable is unset. Of several changes of one name the last
 * one counts, and to unset what is not there changes nothing. Blocks until it is durable; runs that
 * begin from then on see it. `actor` is whom the audit log names; NULL: nobody. Any thread.
 * Errors: those of env_check_name(), env_check_value() and env_vars_new(); CORDON_E_INVALID for
 * JSON of another shape, CORDON_E_BAD_JSON; CORDON_E_CONFLICT; those of store_commit() and
 * runner_wake_tenant(). Nothing is changed then.
 */
CORDON_MUST_USE cordon_error *environment_change(
    struct runner *runner, uint32_t tenant, struct slice json, const struct audit_actor *actor);

/*
 * Appends [{"name": "N", "value": "V"}], in order of names. Any thread. Errors: those of
 * runner_wake_tenant() and of the buffer.
 */
CORDON_MUST_USE cordon_error *environment_list(
    struct runner *runner, uint32_t tenant, struct buffer *out);
#endif
