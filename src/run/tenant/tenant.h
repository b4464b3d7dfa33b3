/*
 * Tenants: deployments that share a process and know nothing of each other. Each has its own
 * functions, variables, data, logs and limits; what they share is counted (run/runner.h).
 *
 * The default tenant is always there. Others are made and removed by the operator
 * (run/tenant/tenant_admin.h); their rows, and those of everybody else, are told apart by number,
 * and a number is never given twice.
 *
 * A tenant is asleep until it is first asked for something: then its functions and variables are
 * loaded. So a server with a thousand of them starts as fast as one with none.
 *
 * The struct lives as long as the runner, also of a tenant that was removed: whoever has found one
 * may keep the pointer. Any thread.
 */
#ifndef RUN_TENANT_H
#define RUN_TENANT_H

#include "limits/budget.h"
#include "observe/executions.h"
#include "run/audit/auditor.h"
#include "run/runner.h"
#include "run/tenant/tenant_name.h"
#include "run/usage.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct env_vars;

/* Of a weight. */
#define TENANT_WEIGHT_MAX 10000

/* What an operator says of a tenant. Immutable once it is in place. */
struct tenant_settings {
    char **hosts; /* exact names, in small letters, without port */
    size_t host_count;
    struct limit_changes limits; /* lower than those of the runner; a higher one changes nothing */
    bool has_limits;             /* any of them is set */
    uint32_t weight; /* its share of the processors, in percent of others'; 0: not said, 100 */
};

struct tenant {
    uint32_t number;
    char name[TENANT_NAME_BYTES_MAX + 1];
    struct runner *runner;
    uint64_t made_ms;            /* since 1970; 0: with the data folder */
    struct tenant *next_gone;    /* of those that were removed */
    atomic_bool is_removed;      /* nothing begins any more */
    atomic_bool is_awake;        /* what the store holds of it is loaded */
    atomic_bool lacks_code;      /* asleep, and its machine code has to be, or is being, made */
    atomic_uint runs;            /* alive, and others that use its data */
    atomic_ullong load_again_ns; /* monotonic; before that no call has it loaded: it failed */
    struct tenant_usage usage;
    struct executions executions;
    _Atomic(struct auditor *) auditor; /* of its log; NULL: nobody keeps it */
    atomic_bool has_quota;             /* of documents: run/tenant/tenant_quota.h */
    struct store_quota quota;
    pthread_mutex_t change_lock; /* one change of functions at a time; for long */
    pthread_mutex_t load_lock;   /* one loads it at a time; for long; taken after change_lock */
    pthread_mutex_t env_lock;    /* variables as the store has them; for a commit; the last taken */
    pthread_mutex_t count_lock;  /* one counts its audit log at a time; for long */
    uint64_t turns_had;          /* of builds: run/deploy/build_turns.h, under the lock there */
    pthread_rwlock_t lock;       /* guards all below; for short */
    struct deployment *deployment;
    struct env_vars *env;
    struct tenant_settings *settings; /* NULL: none */
};

/* Copies host names and all; the caller's. Errors: CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *tenant_settings_copy(
    const struct tenant_settings *settings, struct tenant_settings **out_settings);

/* NULL accepted. */
void tenant_settings_free(struct tenant_settings *settings);

/*
 * One without a number, asleep, in no list. Takes over the settings, NULL for none, in any case.
 * NULL: there is no memory for it.
 */
struct tenant *tenant_new(
    struct runner *runner, struct slice name, struct tenant_settings *settings);

/* For one that is in no list. NULL accepted. */
void tenant_free(struct tenant *tenant);

/* Its functions with a reference for the caller; NULL: it has none. */
struct deployment *tenant_deployment(struct tenant *tenant);

/* Puts these in their place; takes over the reference. */
void tenant_swap_deployment(struct tenant *tenant, struct deployment *deployment);

/* Its variables with a reference for the caller; NULL: it has none. */
struct env_vars *tenant_env(struct tenant *tenant);

/* Puts these in their place, NULL for none; takes over the reference. */
void tenant_swap_env(struct tenant *tenant, struct env_vars *env);

/* Lowers a budget to the limits that the operator has set for it. */
void tenant_lower(struct tenant *tenant, struct budget *budget);

/* The keeper of its audit log, awake or not; NULL: none is kept. Lives as long as the runner. */
struct auditor *tenant_auditor(struct tenant *tenant);

/* Has what is in its audit log signed soon: see auditor_sign_soon(). */
void tenant_sign_soon(struct tenant *tenant);

/*
 * Has a record written soon to its audit log: see auditor_note_done(), auditor_note_request(),
 * auditor_note_denied() and auditor_note_read().
 */
void tenant_note_done(struct tenant *tenant, struct slice body);
CORDON_MUST_USE bool tenant_note_request(struct tenant *tenant, struct slice body);
void tenant_note_denied(struct tenant *tenant, struct slice path, struct slice words);
CORDON_MUST_USE bool tenant_note_read(
    struct tenant *tenant,
    enum auditor_read what,
    struct slice text,
    const struct audit_actor *actor);

/*
 * One more uses it, until tenant_leave(). False: it was removed, or `tenant` is NULL, and there is
 * nothing to leave.
 */
CORDON_MUST_USE bool tenant_enter(struct tenant *tenant);
void tenant_leave(struct tenant *tenant);

#endif
