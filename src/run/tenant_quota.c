/* How much a tenant has, and may have; see tenant_quota.h. */
#include "run/tenant_quota.h"

#include "run/await.h"
#include "run/internal.h"

static uint64_t default_bytes(void)
{
    return cordon_limit_get_info(CORDON_LIMIT_TENANT_BYTES)->defaults[CORDON_MUTATION];
}

/* The lower one of what the settings of the process and of the tenant say. */
static uint64_t allowed_bytes(struct tenant *tenant)
{
    struct budget budget;
    budget_init(&budget, CORDON_MUTATION, &tenant->runner->options.limits);
    tenant_lower(tenant, &budget);
    return budget.allowed[CORDON_LIMIT_TENANT_BYTES];
}

void quota_set(struct tenant *tenant)
{
    const uint64_t allowed = allowed_bytes(tenant);
    atomic_store(&tenant->quota.allowed, allowed);
    if (allowed < default_bytes()) {
        atomic_store(&tenant->has_quota, true); /* and is kept up from now on, for good */
    }
}

bool quota_is_due(const struct tenant *tenant)
{
    return atomic_load(&tenant->has_quota) && !atomic_load(&tenant->quota.is_counted);
}

struct store_quota *quota_of(struct tenant *tenant)
{
    return atomic_load(&tenant->has_quota) ? &tenant->quota : NULL;
}

static cordon_error *count_table(struct rows *rows, uint32_t table, uint64_t *bytes)
{
    struct store_scan *scan = NULL;
    TRY(store_scan_open(rows->txn, STORE_WHOLE_TABLE(table, STORE_ASCENDING), &scan));
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice body = {0};
        AWAIT(rows, step, store_scan_next(scan, &step, &found, &body));
        if (!found) {
            break;
        }
        *bytes += body.size;
    }
    store_scan_close(scan);
    return NULL;
}

static cordon_error *count_tables(struct rows *rows, uint64_t *bytes)
{
    uint32_t table = 0;
    for (;;) {
        enum store_step step = STORE_DONE;
        struct slice name = {0};
        AWAIT(rows, step, store_table_next(rows->txn, table, &step, &table, &name));
        if (table == 0) {
            return NULL;
        }
        TRY(count_table(rows, table, bytes));
    }
}

cordon_error *quota_count(struct tenant *tenant)
{
    struct rows rows;
    uint64_t bytes = 0;
    atomic_store(&tenant->quota.used, 0); /* commits from here on count; those before are read */
    cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
    if (error == NULL) {
        error = count_tables(&rows, &bytes);
    }
    rows_end(&rows);
    TRY(error);
    (void)atomic_fetch_add(&tenant->quota.used, (long long)bytes);
    atomic_store(&tenant->quota.is_counted, true);
    return NULL;
}

cordon_error *quota_error(const struct store_commit_result *result)
{
    return cordon_error_new(
        CORDON_E_TOO_LARGE,
        "all documents would have %llu bytes together, and `tenant_bytes` allows %llu; nothing was "
        "written: remove some, or raise the limit (`cordon tenant change`, or the config file)",
        (unsigned long long)result->full_used, (unsigned long long)result->full_allowed);
}
