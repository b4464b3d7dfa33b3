/* The thread that looks after what is left to be done; see tender.h. */
#include "run/tender.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "run/audit/audit_rows.h"
#include "run/deploy/schema_change.h"
#include "run/internal.h"
#include "run/session/session_expiry.h"
#include "run/tenant/tenant_erase.h"
#include "run/tenant/tenant_quota.h"

#include <sys/resource.h>
#include <unistd.h>

/* Between two parts of the work, and after a failure. */
#define PAUSE_NS ((uint64_t)1000000)
#define AGAIN_NS ((uint64_t)10000000000)

/* Time alone makes results of idempotent calls due: what nobody tells is looked for so often. */
#define PASS_NS ((uint64_t)1800 * 1000000000)

#define NICE_LOWEST 19

struct tender {
    struct runner *runner;
    struct event woken;
    struct event ended; /* ends a pause */
    atomic_bool ends;
    pthread_t thread;
};

/* A failure, once for each time that something is left to be tried again. */
static void tell(struct tender *tender, const char *event, const cordon_error *error)
{
    const struct log_field fields[] = {
        LOG_FIELD_STRING("message", slice_str(cordon_error_get_message(error)))};
    log_write(tender->runner->options.log, LOG_WARN, event, fields, 1);
    log_flush(tender->runner->options.log);
}

static bool is_stopped(struct tender *tender)
{
    return atomic_load(&tender->ends) || atomic_load(&tender->runner->stops_deploys);
}

/* All that a tenant's indexes have left. */
static cordon_error *tend(struct tender *tender, struct tenant *tenant)
{
    struct runner *runner = tender->runner;
    struct schema_change change = {
        .store = runner->options.store,
        .tenant = tenant->number,
        .stops = &runner->stops_deploys,
        .log = runner->options.log,
    };
    struct schema_work work = {0};
    while (!work.done && !is_stopped(tender)) {
        (void)pthread_mutex_lock(&tenant->change_lock);
        cordon_error *error = schema_change_work_some(&change, &work);
        (void)pthread_mutex_unlock(&tenant->change_lock);
        TRY(error);
        if (!work.done) {
            event_wait(&tender->ended, clock_monotonic_ns() + PAUSE_NS);
        }
    }
    return NULL;
}

/* With a secret that has signed a checkpoint and still lies there something is left to be done. */
static bool is_all_done(struct runner *runner, uint32_t tenant, const struct audit_last *last)
{
    return last->sequence == 0 ||
           (last->is_checkpoint &&
            !auditor_is_needed(runner_auditor(runner), tenant, last->sequence));
}

/*
 * What an earlier server was killed before it signed, or somebody wrote while there was none, of
 * tenants that nobody calls, too.
 */
static cordon_error *sign(struct tender *tender, struct tenant *tenant)
{
    struct audit_last last = {0};
    if (atomic_load(&tenant->auditor) != NULL) {
        tenant_sign_soon(tenant);
        return NULL;
    }
    /* It sleeps; so does its keeper without need, who tells what can't be read, too. */
    CORDON_CLEANUP(cordon_error_freep) cordon_error *unread =
        audit_rows_last(tender->runner->options.store, tenant->number, 0, &last);
    if (unread != NULL || !is_all_done(tender->runner, tenant->number, &last)) {
        tenant_sign_soon(tenant);
    }
    return NULL;
}

static cordon_error *count(struct tender *tender, struct tenant *tenant)
{
    (void)tender;
    return quota_is_due(tenant) ? quota_count(tenant) : NULL;
}

static cordon_error *expire(struct tender *tender, struct tenant *tenant)
{
    return session_expiry_run(tenant, clock_wall_ns(), &tender->ends);
}

/*
 * A part of the work for all tenants; false: some is left, and is to be tried again. `event` is
 * what the log calls a failure.
 */
static bool tend_all(
    struct tender *tender,
    const char *event,
    cordon_error *(*work)(struct tender *tender, struct tenant *tenant))
{
    bool good = true;
    struct tenants *tenants = &tender->runner->tenants;
    for (struct tenant *tenant = tenants_next(tenants, 0); tenant != NULL;
         tenant = tenants_next(tenants, tenant->number)) {
        if (!tenant_enter(tenant)) {
            continue;
        }
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error = work(tender, tenant);
        tenant_leave(tenant);
        if (error != NULL && !is_stopped(tender)) {
            tell(tender, event, error);
            good = false;
        }
    }
    return good;
}

/* What was removed is erased; false: some is left. */
static bool erase_all(struct tender *tender)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        tenants_erase(tender->runner, &tender->runner->stops_deploys);
    if (error != NULL && !is_stopped(tender)) {
        tell(tender, "tenant_erase_delayed", error);
    }
    return error == NULL;
}

static void *thread_main(void *arg)
{
    struct tender *tender = arg;
    sigset_t before;
    (void)pipe_signal_block(&before); /* for its lines in the log; it ends with the thread */
    (void)setpriority(PRIO_PROCESS, 0, NICE_LOWEST);
    if (runner_auditor(tender->runner) != NULL) {
        (void)tend_all(tender, "audit_unwritten", sign); /* which takes little */
    }
    while (!atomic_load(&tender->ends)) {
        bool is_done = tend_all(tender, "quota_count_delayed", count); /* some wait for it */
        is_done = tend_all(tender, "session_expiry_delayed", expire) && is_done;
        is_done = tend_all(tender, "index_work_delayed", tend) && is_done; /* which takes longest */
        is_done = erase_all(tender) && is_done;
        event_wait(&tender->woken, clock_monotonic_ns() + (is_done ? PASS_NS : AGAIN_NS));
    }
    return NULL;
}

static void free_events(struct tender *tender)
{
    event_done(&tender->woken);
    event_done(&tender->ended);
}

cordon_error *tender_new(struct runner *runner, struct tender **out_tender)
{
    struct tender *tender = MEM_NEW(struct tender);
    if (tender == NULL) {
        return error_no_memory();
    }
    tender->runner = runner;
    event_init(&tender->woken);
    event_init(&tender->ended);
    const int failed = pthread_create(&tender->thread, NULL, thread_main, tender);
    if (failed != 0) {
        free_events(tender);
        mem_free(tender);
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the thread that looks after what is left to be done could not be started: %s%s",
            strerrordesc_np(failed), advice_on(failed));
    }
    *out_tender = tender;
    return NULL;
}

void tender_wake(struct tender *tender)
{
    event_set(&tender->woken);
}

void tender_free(struct tender *tender)
{
    if (tender == NULL) {
        return;
    }
    atomic_store(&tender->ends, true);
    event_set(&tender->woken);
    event_set(&tender->ended);
    (void)pthread_join(tender->thread, NULL);
    free_events(tender);
    mem_free(tender);
}
