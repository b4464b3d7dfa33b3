/* All tenants of a runner in memory; see tenants.h. */
#include "run/tenant/tenants.h"

#include "base/memory.h"
#include "run/internal.h"

#define NAME_OF_USUAL "default"

cordon_error *tenants_init(struct tenants *tenants, struct runner *runner)
{
    *tenants = (struct tenants){0};
    struct tenant *usual = tenant_new(runner, SLICE(NAME_OF_USUAL), NULL);
    tenants->list = mem_new_array(1, sizeof(struct tenant *));
    if (usual == NULL || tenants->list == NULL) {
        tenant_free(usual);
        mem_free(tenants->list);
        tenants->list = NULL;
        return error_no_memory();
    }
    (void)pthread_mutex_init(&tenants->admin_lock, NULL);
    (void)pthread_rwlock_init(&tenants->lock, NULL);
    usual->number = TENANT_DEFAULT;
    usual->executions.bytes_max = EXECUTIONS_BYTES_MAX;
    usual->executions.purse = (struct execution_purse){0}; /* a constant: the process has it */
    tenants->usual = usual;
    tenants->list[0] = usual;
    tenants->count = 1;
    tenants->room = 1;
    return NULL;
}

void tenants_done(struct tenants *tenants)
{
    if (tenants->usual == NULL) {
        return;
    }
    for (size_t i = 0; i < tenants->count; i++) {
        tenant_free(tenants->list[i]);
    }
    while (tenants->gone != NULL) {
        struct tenant *gone = tenants->gone;
        tenants->gone = gone->next_gone;
        tenant_free(gone);
    }
    mem_free(tenants->list);
    mem_free(tenants->hosts);
    tenant_settings_free(tenants->usual_hosts);
    (void)pthread_rwlock_destroy(&tenants->lock);
    (void)pthread_mutex_destroy(&tenants->admin_lock);
    *tenants = (struct tenants){0};
}

/* The place of the first with a number that is not less. */
static size_t place_of(const struct tenants *tenants, uint32_t number)
{
    size_t low = 0;
    size_t high = tenants->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (tenants->list[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Letters of host names have no case; those of ours are small. */
static int compare_host(struct slice host, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < host.size && i < size; i++) {
        const uint8_t c = host.data[i];
        const uint8_t small = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
        if (small != (uint8_t)name[i]) {
            return small < (uint8_t)name[i] ? -1 : 1;
        }
    }
    return host.size == size ? 0 : host.size < size ? -1 : 1;
}

static const struct tenant_host *find_host(const struct tenants *tenants, struct slice host)
{
    size_t low = 0;
    size_t high = tenants->host_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_host(host, tenants->hosts[middle].name);
        if (order == 0) {
            return &tenants->hosts[middle];
        }
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static struct tenant *find_name(const struct tenants *tenants, struct slice name)
{
    for (size_t i = 0; i < tenants->count; i++) {
        if (slice_equal(name, slice_str(tenants->list[i]->name))) {
            return tenants->list[i];
        }
    }
    return NULL;
}

/* Puts a name into its place; there is room. */
static void insert_host(struct tenants *tenants, const char *name, struct tenant *tenant)
{
    size_t at = tenants->host_count++;
    CORDON_ASSERT(at < tenants->host_room);
    while (at > 0 && strcmp(tenants->hosts[at - 1].name, name) > 0) {
        tenants->hosts[at] = tenants->hosts[at - 1];
        at--;
    }
    tenants->hosts[at] = (struct tenant_host){name, tenant};
}

static void insert_hosts(struct tenants *tenants, struct tenant *tenant)
{
    const struct tenant_settings *settings = tenant->settings;
    for (size_t i = 0; settings != NULL && i < settings->host_count; i++) {
        insert_host(tenants, settings->hosts[i], tenant);
    }
}

/* Those that are left move up. */
static void forget_hosts(struct tenants *tenants, const struct tenant *tenant)
{
    size_t kept = 0;
    for (size_t i = 0; i < tenants->host_count; i++) {
        if (tenants->hosts[i].tenant != tenant) {
            tenants->hosts[kept++] = tenants->hosts[i];
        }
    }
    tenants->host_count = kept;
}

/* Whether the settings give a host to the default tenant. */
static bool is_usual_host(const struct tenants *tenants, const char *host)
{
    const struct tenant_settings *usual = tenants->usual_hosts;
    for (size_t i = 0; usual != NULL && i < usual->host_count; i++) {
        if (strcmp(usual->hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a tenant, or one that is to come, may have these hosts. */
static cordon_error *check_hosts(
    const struct tenants *tenants,
    const struct tenant *tenant,
    const struct tenant_settings *settings)
{
    for (size_t i = 0; i < settings->host_count; i++) {
        const struct tenant_host *taken = find_host(tenants, slice_str(settings->hosts[i]));
        if (taken != NULL && taken->tenant != tenant) {
            return cordon_error_new(
                CORDON_E_INVALID, "the host '%s' is that of the tenant '%s'; name another",
                settings->hosts[i], taken->tenant->name);
        }
        if (is_usual_host(tenants, settings->hosts[i])) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "the host '%s' is that of the default tenant, by `host_names` of the settings; "
                "name another, or take it out there",
                settings->hosts[i]);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(settings->hosts[i], settings->hosts[k]) == 0) {
                return cordon_error_new(
                    CORDON_E_INVALID, "the host '%s' stands there twice; leave one out",
                    settings->hosts[i]);
            }
        }
    }
    return NULL;
}

static cordon_error *check(
    const struct tenants *tenants,
    const struct tenant *tenant,
    struct slice name,
    const struct tenant_settings *settings)
{
    const struct tenant *named = find_name(tenants, name);
    if (named != NULL && named != tenant) {
        return cordon_error_new(
            CORDON_E_INVALID, "there is a tenant '%s' already; name another", named->name);
    }
    return check_hosts(tenants, tenant, settings);
}

cordon_error *tenants_check(
    struct tenants *tenants,
    const struct tenant *tenant,
    struct slice name,
    const struct tenant_settings *settings)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    cordon_error *error = check(tenants, tenant, name, settings);
    (void)pthread_rwlock_unlock(&tenants->lock);
    return error;
}

static cordon_error *check_usual_hosts(
    const struct tenants *tenants, const struct tenant_settings *hosts)
{
    for (size_t i = 0; i < hosts->host_count; i++) {
        const struct tenant_host *taken = find_host(tenants, slice_str(hosts->hosts[i]));
        if (taken != NULL) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "the host '%s' of `host_names` is that of the tenant '%s'; take it out of "
                "`host_names`, or give the tenant others (`cordon tenant change`)",
                hosts->hosts[i], taken->tenant->name);
        }
    }
    return NULL;
}

cordon_error *tenants_check_usual_hosts(
    struct tenants *tenants, const struct tenant_settings *hosts)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    cordon_error *error = check_usual_hosts(tenants, hosts);
    (void)pthread_rwlock_unlock(&tenants->lock);
    return error;
}

void tenants_set_usual_hosts(struct tenants *tenants, struct tenant_settings *hosts)
{
    (void)pthread_rwlock_wrlock(&tenants->lock);
    struct tenant_settings *gone = tenants->usual_hosts;
    tenants->usual_hosts = hosts;
    (void)pthread_rwlock_unlock(&tenants->lock);
    tenant_settings_free(gone);
}

/* A list that grows by half of itself. */
static bool grow(void **list, size_t item_size, size_t wanted, size_t *room)
{
    if (wanted <= *room) {
        return true;
    }
    const size_t larger = wanted + wanted / 2;
    void *grown = mem_realloc(*list, larger * item_size);
    if (grown == NULL) {
        return false;
    }
    *list = grown;
    *room = larger;
    return true;
}

cordon_error *tenants_make_room(struct tenants *tenants)
{
    void *list = NULL;
    void *hosts = NULL;
    (void)pthread_rwlock_wrlock(&tenants->lock);
    list = tenants->list;
    hosts = tenants->hosts;
    const bool good = grow(&list, sizeof(struct tenant *), tenants->count + 1, &tenants->room) &&
                      grow(
                          &hosts, sizeof(struct tenant_host),
                          tenants->host_count + TENANT_HOSTS_MAX, &tenants->host_room);
    tenants->list = list;
    tenants->hosts = hosts;
    (void)pthread_rwlock_unlock(&tenants->lock);
    return good ? NULL : error_no_memory();
}

void tenants_put(struct tenants *tenants, struct tenant *tenant)
{
    (void)pthread_rwlock_wrlock(&tenants->lock);
    const size_t at = place_of(tenants, tenant->number);
    CORDON_ASSERT(tenants->count < tenants->room);
    CORDON_ASSERT(at == tenants->count || tenants->list[at]->number != tenant->number);
    memmove(
        &tenants->list[at + 1], &tenants->list[at],
        (tenants->count - at) * sizeof(struct tenant *));
    tenants->list[at] = tenant;
    tenants->count++;
    insert_hosts(tenants, tenant);
    if (executions_are_kept(&tenants->usual->executions)) {
        executions_start(&tenant->executions);
    }
    (void)pthread_rwlock_unlock(&tenants->lock);
    runner_share(tenant->runner, true);
}

void tenants_change(
    struct tenants *tenants, struct tenant *tenant, struct tenant_settings *settings)
{
    (void)pthread_rwlock_wrlock(&tenants->lock);
    forget_hosts(tenants, tenant);
    (void)pthread_rwlock_wrlock(&tenant->lock);
    struct tenant_settings *gone = tenant->settings;
    tenant->settings = settings;
    (void)pthread_rwlock_unlock(&tenant->lock);
    insert_hosts(tenants, tenant);
    (void)pthread_rwlock_unlock(&tenants->lock);
    tenant_settings_free(gone);
}

void tenants_remove(struct tenants *tenants, struct tenant *tenant)
{
    CORDON_ASSERT(tenant != tenants->usual);
    (void)pthread_rwlock_wrlock(&tenants->lock);
    const size_t at = place_of(tenants, tenant->number);
    CORDON_ASSERT(at < tenants->count && tenants->list[at] == tenant);
    tenants->count--;
    memmove(
        &tenants->list[at], &tenants->list[at + 1],
        (tenants->count - at) * sizeof(struct tenant *));
    forget_hosts(tenants, tenant);
    tenant->next_gone = tenants->gone;
    tenants->gone = tenant;
    const bool has_several = tenants->count > 1;
    (void)pthread_rwlock_unlock(&tenants->lock);
    runner_share(tenant->runner, has_several); /* changes come one at a time */
    (void)atomic_fetch_add(&tenant->runs, 1);  /* so that the last to leave sees the mark */
    atomic_store(&tenant->is_removed, true);
    tenant_leave(tenant);
}

struct tenant *tenants_find(struct tenants *tenants, uint32_t number)
{
    if (number == TENANT_DEFAULT) {
        return tenants->usual;
    }
    (void)pthread_rwlock_rdlock(&tenants->lock);
    const size_t at = place_of(tenants, number);
    struct tenant *found = at < tenants->count ? tenants->list[at] : NULL;
    (void)pthread_rwlock_unlock(&tenants->lock);
    return found != NULL && found->number == number ? found : NULL;
}

struct tenant *tenants_find_name(struct tenants *tenants, struct slice name)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    struct tenant *found = find_name(tenants, name);
    (void)pthread_rwlock_unlock(&tenants->lock);
    return found;
}

struct tenant *tenants_find_host(struct tenants *tenants, struct slice host)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    const struct tenant_host *found = find_host(tenants, host);
    struct tenant *tenant = found == NULL ? NULL : found->tenant;
    (void)pthread_rwlock_unlock(&tenants->lock);
    return tenant;
}

cordon_error *tenants_no_such(void)
{
    return cordon_error_new(
        CORDON_E_NOT_FOUND,
        "there is no such tenant any more; name one that `cordon tenant list` has");
}

bool tenants_is_used(struct tenants *tenants, uint32_t number)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    const size_t at = place_of(tenants, number);
    const bool is_listed = at < tenants->count && tenants->list[at]->number == number;
    const struct tenant *found = tenants->gone;
    while (found != NULL && found->number != number) {
        found = found->next_gone;
    }
    /* First the mark: who enters after it is set leaves again. */
    const bool is_used =
        is_listed ||
        (found != NULL && (!atomic_load(&found->is_removed) || atomic_load(&found->runs) > 0));
    (void)pthread_rwlock_unlock(&tenants->lock);
    return is_used;
}

struct tenant *tenants_next(struct tenants *tenants, uint32_t after)
{
    (void)pthread_rwlock_rdlock(&tenants->lock);
    const size_t at = after == UINT32_MAX ? tenants->count : place_of(tenants, after + 1);
    struct tenant *found = at < tenants->count ? tenants->list[at] : NULL;
    (void)pthread_rwlock_unlock(&tenants->lock);
    return found;
}

void tenants_keep_executions(struct tenants *tenants)
{
    (void)pthread_rwlock_wrlock(&tenants->lock);
    for (size_t i = 0; i < tenants->count; i++) {
        executions_start(&tenants->list[i]->executions);
    }
    (void)pthread_rwlock_unlock(&tenants->lock);
}
