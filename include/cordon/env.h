/*
 * Environment variables of a runtime's deployment: what functions read by name, for settings and
 * secrets that do not belong into their code. A run sees them as they were when it began. A server
 * offers the same to the holder of an admin key (docs/protocol.md), with the same JSON.
 *
 * Names have at most 256 bytes (letters of ASCII, digits, underscores; no digit first), values
 * 8 KiB; a deployment has at most 512 variables and 512 KiB. It is that of a tenant, by its name;
 * NULL: the default one; CORDON_E_NOT_FOUND: there is none. Both functions may be called by any
 * thread.
 */
#ifndef CORDON_ENV_H
#define CORDON_ENV_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All of them, in order of names: [{"name": "N", "value": "V"}], NUL-terminated; the caller's,
 * freed with cordon_free(). Errors: CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_env_list(
    cordon_runtime *runtime, const char *tenant, char **out_json);

/*
 * Changes some, all or none: {"changes": [{"name": "N", "value": "V"}]}, where a change without a
 * value, or with null, unsets; to unset what is not there changes nothing. At most 1,024 changes.
 * Blocks until they are durable, with an audit record of the names; runs that begin later see them.
 * Errors: CORDON_E_ENV_NAME_INVALID, CORDON_E_ENV_NAME_TOO_LONG, CORDON_E_ENV_VALUE_TOO_LARGE;
 * CORDON_E_ENV_LIMIT_MET, CORDON_E_ENV_TOTAL_SIZE_LIMIT_MET for too many; CORDON_E_BAD_JSON,
 * CORDON_E_INVALID for other JSON; CORDON_E_CONFLICT, CORDON_E_DISK_FULL, CORDON_E_STORE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_env_change(
    cordon_runtime *runtime, const char *tenant, const char *json, size_t size);

#ifdef __cplusplus
}
#endif

#endif
