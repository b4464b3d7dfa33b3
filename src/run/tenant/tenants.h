/*
 * All tenants of a runner: by number, by name, by host, and how they come and go. A host leads to
 * one tenant at most. Any thread, but for those who change them (tenants_make_room()).
 */
#ifndef RUN_TENANTS_H
#define RUN_TENANTS_H

#include "run/tenant/tenant.h"

struct tenant_host {
    const char *name; /* its tenant's */
    struct tenant *tenant;
};

struct tenants {
    pthread_mutex_t
        admin_lock;        /* one change of them at a time (run/tenant/tenant_admin.h); for long */
    pthread_rwlock_t lock; /* guards all below; for short */
    struct tenant *usual;  /* the default one, also in the list; set once */
    struct tenant **list;  /* by number */
    size_t count;
    size_t room;
    struct tenant_host *hosts; /* by name */
    size_t host_count;
    size_t host_room;
    struct tenant_settings *usual_hosts; /* of the default one, by the settings; NULL: none */
    struct tenant *gone;
};

/* With the default one in it. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *tenants_init(struct tenants *tenants, struct runner *runner);

/* No run may be alive. For one that was never made, too, if it is all zeros. */
void tenants_done(struct tenants *tenants);

/*
 * Whether a tenant, or with NULL one that is to come, may have this name and these hosts. Errors:
 * CORDON_E_INVALID if another has one of them, or the settings give it to the default one, saying
 * which.
 */
CORDON_MUST_USE cordon_error *tenants_check(
    struct tenants *tenants,
    const struct tenant *tenant,
    struct slice name,
    const struct tenant_settings *settings);

/*
 * The hosts that the settings give to the default tenant, which no other may have. Whoever sets
 * them holds `admin_lock` from the check on. Errors: CORDON_E_INVALID if a tenant has one of them,
 * saying which.
 */
CORDON_MUST_USE cordon_error *tenants_check_usual_hosts(
    struct tenants *tenants, const struct tenant_settings *hosts);

/* Takes over the hosts; NULL for none. */
void tenants_set_usual_hosts(struct tenants *tenants, struct tenant_settings *hosts);

/*
 * Who changes them is one thread at a time (run/tenant/tenant_admin.h). A change has three steps:
 * room, the commit, and then one of the three that cannot fail any more. Errors:
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *tenants_make_room(struct tenants *tenants);

/* Takes over one with a number that no other has, and what tenants_check() has said is good. */
void tenants_put(struct tenants *tenants, struct tenant *tenant);

/* Replaces what was said of one; takes over the settings. */
void tenants_change(
    struct tenants *tenants, struct tenant *tenant, struct tenant_settings *settings);

/* From now on nobody finds it; what it had in memory goes once its last run has ended. */
void tenants_remove(struct tenants *tenants, struct tenant *tenant);

/* NULL: there is none. A host is compared without regard to case. */
struct tenant *tenants_find(struct tenants *tenants, uint32_t number);
struct tenant *tenants_find_name(struct tenants *tenants, struct slice name);
struct tenant *tenants_find_host(struct tenants *tenants, struct slice host);

/* What is answered for one that is gone: CORDON_E_NOT_FOUND. */
CORDON_MUST_USE cordon_error *tenants_no_such(void);

/* The one with the next number after `after`; NULL behind the last. */
struct tenant *tenants_next(struct tenants *tenants, uint32_t after);

/* Each of them keeps its last runs from now on, and those that are to come do. */
void tenants_keep_executions(struct tenants *tenants);

/*
 * Whether one that is to be erased can still have runs: some are alive, or it is yet to be taken
 * out of the list, which comes after the commit that removes it.
 */
bool tenants_is_used(struct tenants *tenants, uint32_t number);

#endif
