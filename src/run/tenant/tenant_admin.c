/* What an operator does with tenants; see tenant_admin.h. */
#include "run/tenant/tenant_admin.h"

#include "base/clock.h"
#include "base/memory.h"
#include "run/await.h"
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"
#include "run/tenant/tenant_told.h"
#include "value/json.h"

#include <stdio.h>

#define ROW_PREFIX "tenant/"
#define LAST_KEY SLICE("tenants")
#define REMOVED_PREFIX "removed/"

#define COMMIT_TRIES_MAX 16

struct row_key {
    uint8_t bytes[sizeof ROW_PREFIX + TENANT_NAME_BYTES_MAX];
    size_t size;
};

static struct slice key_of(const char *name, struct row_key *key)
{
    const size_t prefix = sizeof ROW_PREFIX - 1;
    const size_t size = strlen(name);
    CORDON_ASSERT(size <= TENANT_NAME_BYTES_MAX);
    memcpy(key->bytes, ROW_PREFIX, prefix);
    memcpy(key->bytes + prefix, name, size);
    key->size = prefix + size;
    return slice_of(key->bytes, key->size);
}

static void settings_freep(struct tenant_settings **settings)
{
    tenant_settings_free(*settings);
    *settings = NULL;
}

/* -- Rows ----------------------------------------------------------------------------------- */

static cordon_error *write_audit(
    struct buffer *out, const char *kind, const struct tenant_told *told)
{
    TRY(buffer_printf(out, "{\"kind\":\"%s\"", kind));
    TRY(json_write_key(out, SLICE("tenant")));
    TRY(json_write_string(out, slice_str(told->name)));
    TRY(json_write_member_u64(out, "number", told->number));
    if (told->settings != NULL) {
        TRY(tenant_told_write_settings(out, told->settings));
    }
    return audit_actor_end(out, told->actor);
}

static cordon_error *commit(
    struct rows *rows, const char *kind, const struct tenant_told *told, bool *out_conflict)
{
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, TENANT_ROW_BYTES_MAX + 1024); /* the row, and by whom */
    TRY(write_audit(&audit, kind, told));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return rows_commit(rows, &facts, out_conflict);
}

/* One change of the rows, in a transaction that is begun. */
typedef cordon_error *row_change(struct rows *rows, struct tenant_told *told, bool *out_conflict);

/* Whoever else writes these rows holds the same lock: a conflict is of a snapshot grown too old. */
static cordon_error *change_rows(
    struct runner *runner, row_change *change, struct tenant_told *told)
{
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < COMMIT_TRIES_MAX; tries++) {
        struct rows rows;
        cordon_error *error = rows_begin(runner->options.store, TENANT_DEFAULT, &rows);
        if (error == NULL) {
            error = change(&rows, told, &conflict);
        }
        rows_end(&rows);
        TRY(error);
    }
    auditor_sign_soon(runner_auditor(runner));
    return !conflict ? NULL
                     : cordon_error_new(
                           CORDON_E_CONFLICT, "the machine was too busy to write it, and nothing "
                                              "was changed; try again later");
}

static cordon_error *put_row(struct rows *rows, const struct tenant_told *told)
{
    CORDON_CLEANUP_BUFFER struct buffer row;
    struct row_key key;
    buffer_init(&row, TENANT_ROW_BYTES_MAX);
    TRY(tenant_told_write_row(&row, told));
    return store_row_put(rows->txn, KEYSPACE_MODULE, key_of(told->name, &key), buffer_slice(&row));
}

/* The greatest number that was ever given. */
static cordon_error *read_last(struct rows *rows, uint64_t *out_last)
{
    const struct json_limits limits = {.bytes_max = 4096, .depth_max = 2};
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(rows, step, store_row_get(rows->txn, KEYSPACE_MODULE, LAST_KEY, &step, &found, &value));
    *out_last = TENANT_DEFAULT;
    if (!found) {
        return NULL;
    }
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(value, &limits, &doc));
    return json_u64(json_get(json_root(doc), SLICE("last")), out_last) ? NULL
                                                                       : tenant_told_damaged();
}

static cordon_error *give_number(struct rows *rows, struct tenant_told *told)
{
    char text[64];
    uint64_t last = 0;
    TRY(read_last(rows, &last));
    if (last + 1 >= TENANT_SYSTEM) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "this data folder has given all numbers of tenants; export what is "
                                "in it to another one");
    }
    told->number = last + 1;
    (void)snprintf(text, sizeof text, "{\"last\":%llu}", (unsigned long long)told->number);
    return store_row_put(rows->txn, KEYSPACE_MODULE, LAST_KEY, slice_str(text));
}

static cordon_error *create_row(struct rows *rows, struct tenant_told *told, bool *out_conflict)
{
    TRY(give_number(rows, told));
    TRY(put_row(rows, told));
    return commit(rows, "tenant_made", told, out_conflict);
}

static cordon_error *change_row(struct rows *rows, struct tenant_told *told, bool *out_conflict)
{
    TRY(put_row(rows, told));
    return commit(rows, "tenant_changed", told, out_conflict);
}

/* The key of the row that stands for what a tenant has left. */
struct removed_key {
    char text[sizeof REMOVED_PREFIX + 10];
};

static struct slice removed_key(uint32_t number, struct removed_key *key)
{
    (void)snprintf(key->text, sizeof key->text, REMOVED_PREFIX "%010u", number);
    return slice_str(key->text);
}

static cordon_error *remove_row(struct rows *rows, struct tenant_told *told, bool *out_conflict)
{
    struct row_key key;
    struct removed_key mark = {""};
    TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, key_of(told->name, &key)));
    TRY(store_row_put(
        rows->txn, KEYSPACE_MODULE, removed_key((uint32_t)told->number, &mark),
        slice_str(told->name)));
    return commit(rows, "tenant_removed", told, out_conflict);
}

/* -- Entries -------------------------------------------------------------------------------- */

static void tenant_freep(struct tenant **tenant)
{
    tenant_free(*tenant);
}

/* What a tenant of that name and with these settings is in memory, and room for it. */
static cordon_error *prepare(
    struct runner *runner, const struct tenant_told *told, struct tenant **out_tenant)
{
    struct tenant_settings *copy = NULL;
    TRY(tenant_settings_copy(told->settings, &copy));
    CORDON_CLEANUP(tenant_freep) struct tenant *tenant =
        tenant_new(runner, slice_str(told->name), copy);
    if (tenant == NULL) {
        return error_no_memory();
    }
    TRY(tenants_check(&runner->tenants, NULL, slice_str(told->name), tenant->settings));
    TRY(tenants_make_room(&runner->tenants));
    tenant->made_ms = told->made_ms;
    *out_tenant = CORDON_TAKE(tenant);
    return NULL;
}

static void apply_weight(struct tenant *tenant)
{
    runner_set_weight(tenant->runner, tenant->number, tenant->settings->weight);
}

/* Takes over one that is prepared. */
static void put(struct runner *runner, uint32_t number, struct tenant *tenant)
{
    tenant->number = number;
    tenants_put(&runner->tenants, tenant);
    apply_weight(tenant);
    quota_set_log(tenant);
    if (quota_is_due(tenant)) {
        (void)runner_wake_tender(runner); /* where there is none, who loads it counts */
    }
}

/* Labels of metrics that stand for no tenant. One made before they were reserved keeps its name. */
static cordon_error *check_unreserved(const struct tenant_told *told)
{
    const struct slice name = slice_str(told->name);
    if (!slice_equal(name, SLICE(TENANT_LABEL_OTHERS)) &&
        !slice_equal(name, SLICE(TENANT_LABEL_REMOVED))) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_INVALID,
        "'%s' is no name for a tenant, as metrics use it for others than one; choose another",
        told->name);
}

/* With the lock of such changes; a deploy of the default tenant's does not hold it up. */
static cordon_error *create(
    struct runner *runner, struct tenant_told *told, tenant_revoke *revoke, void *arg)
{
    if (runner->tenants.count > TENANTS_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "there are %d tenants, as many as there can be; remove one first",
            TENANTS_MAX);
    }
    CORDON_CLEANUP(tenant_freep) struct tenant *tenant = NULL;
    TRY(prepare(runner, told, &tenant));
    TRY(check_unreserved(told));
    TRY(revoke(arg, told->name));
    TRY(change_rows(runner, create_row, told));
    put(runner, (uint32_t)told->number, CORDON_TAKE(tenant));
    return NULL;
}

cordon_error *tenant_admin_create(
    struct runner *runner,
    struct slice json,
    const struct audit_actor *actor,
    tenant_revoke *revoke,
    void *arg)
{
    CORDON_CLEANUP(tenant_told_done) struct tenant_told told = {
        .made_ms = clock_wall_ns() / 1000000, .actor = actor};
    TRY(tenant_told_read(json, &told));
    if (told.sets_limits) {
        return tenant_told_wrong_shape();
    }
    (void)pthread_mutex_lock(&runner->tenants.admin_lock);
    cordon_error *error = create(runner, &told, revoke, arg);
    (void)pthread_mutex_unlock(&runner->tenants.admin_lock);
    return error;
}

/* The one that is meant; not the default one, which the settings of the server speak of. */
static cordon_error *find(
    struct runner *runner, const struct tenant_told *told, struct tenant **out)
{
    struct tenant *found = tenants_find_name(&runner->tenants, slice_str(told->name));
    if (found == NULL) {
        return cordon_error_new(
            CORDON_E_NOT_FOUND, "there is no tenant '%s'; see `cordon tenant list`", told->name);
    }
    if (found == runner->tenants.usual) {
        return cordon_error_new(
            CORDON_E_INVALID, "the default tenant is always there, and has the hosts and limits of "
                              "the server's config file; change them there");
    }
    *out = found;
    return NULL;
}

static void merge_limits(
    const struct tenant_told *told, const struct limit_changes *now, struct tenant_settings *view)
{
    view->has_limits = false;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (!view->limits.set[i] && !told->unset[i]) {
            view->limits.set[i] = now->set[i];
            view->limits.value[i] = now->value[i];
        }
        view->has_limits = view->has_limits || view->limits.set[i];
    }
}

/* What is not said anew stays as it is. */
static cordon_error *complete(struct tenant_told *told, const struct tenant *tenant)
{
    struct tenant_settings *whole = NULL;
    const struct tenant_settings *now = tenant->settings;
    struct tenant_settings view = *told->settings;
    if (!told->has_hosts) {
        view.hosts = now->hosts;
        view.host_count = now->host_count;
    }
    if (!told->has_limits) {
        merge_limits(told, &now->limits, &view);
    }
    if (!told->has_weight) {
        view.weight = now->weight;
    }
    TRY(tenant_settings_copy(&view, &whole));
    tenant_settings_free(told->settings);
    told->settings = whole;
    told->number = tenant->number;
    told->made_ms = tenant->made_ms;
    return NULL;
}

static cordon_error *change(struct runner *runner, struct tenant_told *told)
{
    struct tenant *tenant = NULL;
    CORDON_CLEANUP(settings_freep) struct tenant_settings *copy = NULL;
    TRY(find(runner, told, &tenant));
    TRY(complete(told, tenant));
    TRY(tenants_check(&runner->tenants, tenant, slice_str(told->name), told->settings));
    TRY(tenant_settings_copy(told->settings, &copy));
    TRY(tenants_make_room(&runner->tenants));
    TRY(change_rows(runner, change_row, told));
    tenants_change(&runner->tenants, tenant, CORDON_TAKE(copy));
    apply_weight(tenant);
    quota_set(tenant);
    if (quota_is_due(tenant) && !runner_wake_tender(runner)) {
        return quota_count(tenant);
    }
    return NULL;
}

cordon_error *tenant_admin_change(
    struct runner *runner, struct slice json, const struct audit_actor *actor)
{
    CORDON_CLEANUP(tenant_told_done) struct tenant_told told = {.actor = actor};
    TRY(tenant_told_read(json, &told));
    (void)pthread_mutex_lock(&runner->tenants.admin_lock);
    cordon_error *error = change(runner, &told);
    (void)pthread_mutex_unlock(&runner->tenants.admin_lock);
    return error;
}

/* Keys first: who is killed in between leaves a tenant without keys, not keys without a tenant. */
static cordon_error *destroy(
    struct runner *runner, struct tenant_told *told, tenant_revoke *revoke, void *arg)
{
    struct tenant *tenant = NULL;
    TRY(find(runner, told, &tenant));
    TRY(revoke(arg, told->name));
    told->number = tenant->number;
    settings_freep(&told->settings);
    TRY(change_rows(runner, remove_row, told));
    tenants_remove(&runner->tenants, tenant);
    (void)runner_wake_tender(runner);
    return NULL;
}

cordon_error *tenant_admin_remove(
    struct runner *runner,
    struct slice json,
    const struct audit_actor *actor,
    tenant_revoke *revoke,
    void *arg)
{
    CORDON_CLEANUP(tenant_told_done) struct tenant_told told = {.actor = actor};
    TRY(tenant_told_read(json, &told));
    (void)pthread_mutex_lock(&runner->tenants.admin_lock);
    cordon_error *error = destroy(runner, &told, revoke, arg);
    (void)pthread_mutex_unlock(&runner->tenants.admin_lock);
    return error;
}

/* -- What is left --------------------------------------------------------------------------- */

static cordon_error *read_next_removed(struct rows *rows, uint32_t *number)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct removed_key after = {""};
    struct slice key = {0};
    struct slice value = {0};
    const struct slice from = removed_key(*number, &after);
    AWAIT(
        rows, step,
        store_row_next(rows->txn, KEYSPACE_MODULE, from, true, &step, &found, &key, &value));
    *number = 0;
    if (!found || !slice_starts_with(key, SLICE(REMOVED_PREFIX))) {
        return NULL;
    }
    uint64_t read = 0;
    for (size_t i = sizeof REMOVED_PREFIX - 1; i < key.size; i++) {
        read = read * 10 + (uint64_t)(key.data[i] - '0');
    }
    if (read <= TENANT_DEFAULT || read >= TENANT_SYSTEM) {
        return tenant_told_damaged();
    }
    *number = (uint32_t)read;
    return NULL;
}

cordon_error *tenant_admin_next_removed(struct runner *runner, uint32_t *number)
{
    struct rows rows;
    cordon_error *error = rows_begin(runner->options.store, TENANT_DEFAULT, &rows);
    if (error == NULL) {
        error = read_next_removed(&rows, number);
    }
    rows_end(&rows);
    return error;
}

static cordon_error *forget_row(struct rows *rows, struct tenant_told *told, bool *out_conflict)
{
    struct removed_key key = {""};
    TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, removed_key((uint32_t)told->number, &key)));
    return commit(rows, "tenant_erased", told, out_conflict);
}

cordon_error *tenant_admin_forget_removed(struct runner *runner, uint32_t number)
{
    struct tenant_told told = {.number = number, .name = "-"};
    return change_rows(runner, forget_row, &told);
}

/* -- At the start --------------------------------------------------------------------------- */

static cordon_error *load_row(struct runner *runner, struct slice value)
{
    CORDON_CLEANUP(tenant_told_done) struct tenant_told told = {0};
    CORDON_CLEANUP(tenant_freep) struct tenant *tenant = NULL;
    TRY(tenant_told_read_row(value, &told));
    if (tenants_find(&runner->tenants, (uint32_t)told.number) != NULL) {
        return tenant_told_damaged();
    }
    TRY(prepare(runner, &told, &tenant));
    put(runner, (uint32_t)told.number, CORDON_TAKE(tenant));
    return NULL;
}

static cordon_error *load_rows(struct rows *rows, struct runner *runner)
{
    struct row_key after = {.bytes = ROW_PREFIX, .size = sizeof ROW_PREFIX - 1};
    for (;;) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        const struct slice from = slice_of(after.bytes, after.size);
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, KEYSPACE_MODULE, from, after.size >= sizeof ROW_PREFIX, &step, &found,
                &key, &value));
        if (!found || !slice_starts_with(key, SLICE(ROW_PREFIX))) {
            return NULL;
        }
        if (key.size > sizeof after.bytes) {
            return tenant_told_damaged();
        }
        memcpy(after.bytes, key.data, key.size);
        after.size = key.size;
        TRY(load_row(runner, value));
    }
}

cordon_error *tenant_admin_load(struct runner *runner)
{
    struct rows rows;
    cordon_error *error = rows_begin(runner->options.store, TENANT_DEFAULT, &rows);
    if (error == NULL) {
        error = load_rows(&rows, runner);
    }
    rows_end(&rows);
    return error;
}
