/*
 * A tenant as JSON says it, in a request of the operator and in the row that is kept of it
 * (tenant_admin.h).
 */
#ifndef RUN_TENANT_TOLD_H
#define RUN_TENANT_TOLD_H

#include "base/buffer.h"
#include "run/tenant/tenant.h"

struct audit_actor;

/* Of a row. */
#define TENANT_ROW_BYTES_MAX ((size_t)65536)

/* To be given to tenant_told_done(), also after a failure. */
struct tenant_told {
    char name[TENANT_NAME_BYTES_MAX + 1];
    uint64_t number;  /* of a row */
    uint64_t made_ms; /* the same */
    bool has_hosts;
    bool has_limits;
    bool has_weight;
    bool sets_limits; /* some, in place of all */
    bool unset[CORDON_LIMIT_COUNT];
    struct tenant_settings *settings;
    const struct audit_actor *actor; /* who asks for it; NULL: nobody */
};

void tenant_told_done(struct tenant_told *told);

/*
 * Errors: CORDON_E_INVALID for JSON of another shape, for a name or host that can't be, and an
 * unknown limit, naming it; CORDON_E_BAD_JSON; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *tenant_told_read(struct slice json, struct tenant_told *told);

/* Errors: CORDON_E_STORE for what is damaged, and as above. */
CORDON_MUST_USE cordon_error *tenant_told_read_row(struct slice value, struct tenant_told *told);

CORDON_MUST_USE cordon_error *tenant_told_write_row(
    struct buffer *out, const struct tenant_told *told);

/* Appends members to an object that is open; NULL: hosts and limits that are empty. */
CORDON_MUST_USE cordon_error *tenant_told_write_settings(
    struct buffer *out, const struct tenant_settings *settings);

/* What is wrong with a request, and with rows. */
CORDON_MUST_USE cordon_error *tenant_told_wrong_shape(void);
CORDON_MUST_USE cordon_error *tenant_told_damaged(void);

#endif
