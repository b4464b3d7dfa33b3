/* The operator's limits of a runner, which may change; see runner.h and internal.h. */
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"

void runner_init_budget(struct runner *runner, cordon_kind kind, struct budget *out_budget)
{
    (void)pthread_rwlock_rdlock(&runner->limits_lock);
    budget_init(out_budget, kind, &runner->limits);
    (void)pthread_rwlock_unlock(&runner->limits_lock);
}

static void change(struct limit_changes *now, const struct limit_changes *wanted)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (limit_can_change((cordon_limit)i)) {
            now->set[i] = wanted->set[i];
            now->value[i] = wanted->value[i];
        }
    }
}

/* `tenant_bytes` is looked at by each commit, and counted where it was none before. */
void runner_change_limits(struct runner *runner, const struct limit_changes *limits)
{
    (void)pthread_rwlock_wrlock(&runner->limits_lock);
    change(&runner->limits, limits);
    (void)pthread_rwlock_unlock(&runner->limits_lock);
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        quota_set(at);
    }
    (void)runner_wake_tender(runner);
}
