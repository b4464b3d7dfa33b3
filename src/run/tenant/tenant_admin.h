/*
 * Tenants as the operator makes, changes, lists and removes them.
 *
 * In KEYSPACE_MODULE of the default tenant, which is the operator's own, `"tenant/" ‖ name` has
 *
 *     {"number": N, "hosts": ["app.example.com"], "limits": {"fuel": 1000000}, "weight": 200,
 *      "made_ms": N}
 *
 * and `"tenants"` has {"last": N}, the greatest number that was ever given. Each change is one
 * commit with an audit record in the log of the default tenant; then what is in memory follows.
 * `"removed/" ‖ number` stands for what a tenant that was removed has left, until that is erased.
 *
 * Every call blocks until the store is done. `actor` is whom the audit log names; NULL: nobody. Any
 * thread.
 */
#ifndef RUN_TENANT_ADMIN_H
#define RUN_TENANT_ADMIN_H

#include "base/buffer.h"

struct audit_actor;
struct runner;

/* Beside the default one. */
#define TENANTS_MAX 10000

/* Room that a list of them needs. */
#define TENANT_LIST_BYTES_MAX ((size_t)64 << 20)

/*
 * Makes tenants of what the store holds, in the place of none: they sleep. For the start. Errors:
 * CORDON_E_STORE for rows that are damaged, those of the store.
 */
CORDON_MUST_USE cordon_error *tenant_admin_load(struct runner *runner);

/*
 * Makes one by {"name": S, "hosts": [S], "limits": {NAME: N}, "weight": N}; all but the name may
 * be left out. A limit is lower than the runner's, or changes nothing; `tenant_bytes` bounds its
 * data. The weight is its share of the processors beside others, in percent of theirs. Errors:
 * CORDON_E_INVALID for JSON of another shape, for a name or host that can't be or is taken, and an
 * unknown limit, naming it; CORDON_E_TOO_LARGE for one tenant more than TENANTS_MAX;
 * CORDON_E_BAD_JSON; those of store_commit(). Nothing is changed then.
 *
 * Before it is there `revoke` is called with its name: keys that somebody made too early, or that a
 * folder from elsewhere brought, open nothing of it. Its error is the answer, and nothing is made.
 */
typedef cordon_error *tenant_revoke(void *arg, const char *name);

CORDON_MUST_USE cordon_error *tenant_admin_create(
    struct runner *runner,
    struct slice json,
    const struct audit_actor *actor,
    tenant_revoke *revoke,
    void *arg);

/*
 * The same for one that is there: what is given replaces what it has. In place of "limits" there
 * may be "set_limits": {NAME: N or null}, which sets these, takes those with null away, and leaves
 * others.
 * Errors as above; CORDON_E_NOT_FOUND.
 */
CORDON_MUST_USE cordon_error *tenant_admin_change(
    struct runner *runner, struct slice json, const struct audit_actor *actor);

/*
 * Removes one, by {"name": S}: from now on nobody reaches it. Its runs under way end as they would;
 * then what it has in the store is erased in the background, but for its audit log. Before its name
 * is free again `revoke` is called with it: whoever has keys of it revokes them, or they would be
 * those of the next tenant with the name. Errors as above; CORDON_E_INVALID for the default tenant;
 * that of `revoke`, after which the tenant is there as it was.
 */
CORDON_MUST_USE cordon_error *tenant_admin_remove(
    struct runner *runner,
    struct slice json,
    const struct audit_actor *actor,
    tenant_revoke *revoke,
    void *arg);

/*
 * The number of the next tenant that was removed and not erased, behind `*number`; 0: there is
 * none. And that one is erased. Errors: the store's, CORDON_E_CONFLICT.
 */
CORDON_MUST_USE cordon_error *tenant_admin_next_removed(struct runner *runner, uint32_t *number);
CORDON_MUST_USE cordon_error *tenant_admin_forget_removed(struct runner *runner, uint32_t number);

/*
 * Appends [{"name", "number", "hosts", "limits", "serverLimits", "madeAt", "awake", "runs",
 * "dataBytes", "auditBytes"}], in order of numbers, the default one first, with the hosts that the
 * settings give it. `serverLimits` has those of the runner's limits that are lower than the
 * tenant's. `dataBytes` and `auditBytes` are null where they were not counted.
 */
CORDON_MUST_USE cordon_error *tenant_admin_list(struct runner *runner, struct buffer *out);

#endif
