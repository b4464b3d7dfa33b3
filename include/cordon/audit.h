/*
 * The audit log: reading it, and checking that nothing of it was changed.
 *
 * Each mutation appends a record in its own commit; so do deploys, refused ones too, runs that may
 * not do what they tried, and replays that came out differently. A record names the one before by
 * its hash, and a server signs checkpoints of the whole. docs/audit.md has the formats, and what
 * each check proves.
 *
 * Outside of the store the log is lines of text, one for each record, from the first on.
 */
#ifndef CORDON_AUDIT_H
#define CORDON_AUDIT_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Records from the sequence `from` on as lines, about `bytes_max` of them and at least one. An
 * empty text says that there are no more; one whose row is damaged is a line that is no record.
 * `*out_next` is where to go on. `*out_lines` is the
 * caller's; free it with cordon_free(). Errors: CORDON_E_STORE, CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_read(
    cordon_runtime *runtime, uint64_t from, size_t bytes_max, char **out_lines, uint64_t *out_next);

/*
 * The same of a tenant (tenant.h), by its name, or by its number, be it one that was removed;
 * NULL: the default one. Also CORDON_E_NOT_FOUND.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_read_of(
    cordon_runtime *runtime,
    const char *tenant,
    uint64_t from,
    size_t bytes_max,
    char **out_lines,
    uint64_t *out_next);

/* The check of one log, from its first line to its last. One thread at a time. */
typedef struct cordon_audit_check cordon_audit_check;

/* Errors: CORDON_E_NO_MEMORY. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_new(cordon_audit_check **out_check);

/* NULL accepted. */
CORDON_API void cordon_audit_check_free(cordon_audit_check *check);

/*
 * Whose log it must be, by the tenant's number (1: the default one; cordon_tenant_list() has them);
 * 0, or without this: of whom its first checkpoint says, so that one log may stand for another.
 * Checkpoints of others that were kept are passed over. Before the first line.
 */
CORDON_API void cordon_audit_check_of(cordon_audit_check *check, uint32_t tenant);

/*
 * The key that the first checkpoint must be signed by, as a check has shown it before: 64 hex
 * digits. Before the first line. Errors: CORDON_E_INVALID.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_trust(
    cordon_audit_check *check, const char *key);

/*
 * Checkpoints that were kept elsewhere, each a line: each must be in the log. Before the first
 * line of the log. Errors: CORDON_E_INVALID naming the line that is none, CORDON_E_TOO_LARGE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_expect(
    cordon_audit_check *check, const char *text, size_t size);

/*
 * Has the log reach as far as its keeper's secret in that data folder has signed, and announce that
 * secret there, if there is one and this process may read it; else this does nothing. Before the
 * log is read, as a server that runs on the folder goes on signing. Errors: CORDON_E_INVALID,
 * CORDON_E_NO_MEMORY, CORDON_E_STORE for a secret that is damaged, CORDON_E_SYSTEM.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_secret(
    cordon_audit_check *check, const char *data_folder, uint32_t tenant);

/* The next lines of the log, whole ones. Errors: CORDON_E_NO_MEMORY. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_add(
    cordon_audit_check *check, const char *text, size_t size);

/*
 * After the last line: whether the log is as it was written, and JSON that says what was found
 * (see docs/audit.md). `*out_report` is the caller's; free it with cordon_free(). Errors:
 * CORDON_E_NO_MEMORY; CORDON_E_INVALID for a whole log where checkpoints were kept, and none of it.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_audit_check_end(
    cordon_audit_check *check, bool *out_is_good, char **out_report);

#ifdef __cplusplus
}
#endif

#endif
