/*
 * Tenants: deployments that share a runtime and know nothing of each other. Each has its own
 * functions, documents, environment variables, records, audit log and limits. A server tells them
 * apart by the host name of a request, which is one that the tenant has, exactly; the default
 * tenant, which is always there and is called `default`, has those of the server's settings.
 *
 * A tenant sleeps until it is first called; then its functions are loaded.
 *
 * A name has 1 to 63 small letters, digits and hyphens, at least one letter, the hyphens neither
 * first nor last. Every
 * function here may be called by any thread, and blocks until what it does is durable, with a
 * record in the audit log of the default tenant.
 */
#ifndef CORDON_TENANT_H
#define CORDON_TENANT_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All of them, the default one first: [{"name": S, "number": N, "hosts": [S], "limits": {NAME: N},
 * "weight": N if it was set, "serverLimits": {NAME: N}, "madeAt": ms or null, "awake": B, "runs":
 * N, "dataBytes": N or null, "auditBytes": N or null}], NUL-terminated; the caller's, freed with
 * cordon_free(). `serverLimits` has what the runtime allows where that is less than a limit of the
 * tenant's. Errors: CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_tenant_list(
    cordon_runtime *runtime, char **out_json);

/*
 * Makes one: {"name": S, "hosts": [S], "limits": {NAME: N}, "weight": N}; all but the name may be
 * left out. The weight is its share of the processors beside others, in percent of theirs, from 1
 * to 10,000. Without a host it is reached by cordon_request.tenant alone. At most 16 hosts, none of
 * this machine's own names. A limit that is not lower than the runtime's changes nothing; one with
 * which nothing could run, such as 0 of fuel, is refused. It begins with no keys: those in the data
 * folder that name it are revoked. At most 10,000 tenants. Errors: CORDON_E_INVALID for what can't
 * be or is taken, saying which; CORDON_E_BAD_JSON; CORDON_E_TOO_LARGE, CORDON_E_CONFLICT,
 * CORDON_E_DISK_FULL, CORDON_E_STORE, CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_tenant_create(
    cordon_runtime *runtime, const char *json, size_t size);

/*
 * Changes one, by the same JSON: what is given replaces what it has. In place of "limits" there may
 * be "set_limits": {NAME: N or null}, which sets these alone, or takes them away. Calls that begin
 * later see that. Errors as above; CORDON_E_NOT_FOUND.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_tenant_change(
    cordon_runtime *runtime, const char *json, size_t size);

/*
 * Removes one, by {"name": S}: from then on nobody reaches it. Calls under way end as they would;
 * then what it has in the store is erased in the background, but for its audit log. Errors as
 * above; CORDON_E_INVALID for the default tenant.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_tenant_remove(
    cordon_runtime *runtime, const char *json, size_t size);

#ifdef __cplusplus
}
#endif

#endif
