/* What an operator does with tenants; see tenant_admin.h. */
#include "run/tenant/tenant_admin.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "run/await.h"
#include "run/internal.h"
#include "run/tenant/tenant_quota.h"
#include "value/json.h"

#include <stdio.h>

#define ROW_PREFIX "tenant/"
#define LAST_KEY SLICE("tenants")
#define REMOVED_PREFIX "removed/"

#define JSON_BYTES_MAX ((size_t)1 << 20)
#define ROW_BYTES_MAX ((size_t)65536)
#define COMMIT_TRIES_MAX 16

/* A tenant as a request or a row says it. */
struct told {
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

static void told_done(struct told *told)
{
    settings_freep(&told->settings);
}

/* -- Reading -------------------------------------------------------------------------------- */

static cordon_error *wrong_shape(void)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "a tenant is {\"name\": string, \"hosts\": [string], \"limits\": {name: number}, "
        "\"weight\": number}, and one that is changed may have \"set_limits\": {name: number or "
        "null} in place of limits; see docs/operating.md");
}

static cordon_error *read_name(const struct json_node *root, struct told *told)
{
    const struct json_node *node = json_get(root, SLICE("name"));
    const struct slice name = json_string(node);
    if (json_kind(node) != JSON_STRING) {
        return wrong_shape();
    }
    if (!tenant_name_is_good(name)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "'%.*s' is no name for a tenant; use 1 to %d small letters, digits and hyphens, at "
            "least one letter, the hyphens neither first nor last",
            (int)(name.size < 80 ? name.size : 80), (const char *)name.data, TENANT_NAME_BYTES_MAX);
    }
    memcpy(told->name, name.data, name.size);
    told->name[name.size] = '\0';
    return NULL;
}

/* As they are compared: letters of host names have no case. */
static cordon_error *add_host(struct tenant_settings *settings, struct slice host)
{
    char *copy = mem_copy_string(host);
    if (copy == NULL) {
        return error_no_memory();
    }
    for (char *at = copy; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at;
    }
    settings->hosts[settings->host_count++] = copy;       /* it is freed with the rest now */
    const struct slice whole = slice_of(copy, host.size); /* all of it, behind a NUL too */
    const char *const wrong =
        tenant_host_is_of_machine(whole)
            ? "it is this machine's own, by which the default tenant is reached"
            : tenant_host_wrong(whole);
    return wrong == NULL
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID, "'%.80s' is no host name for a tenant: %s", copy, wrong);
}

static cordon_error *read_hosts(const struct json_node *root, struct told *told)
{
    const struct json_node *list = json_get(root, SLICE("hosts"));
    const size_t count = json_count(list);
    told->has_hosts = json_kind(list) != JSON_MISSING;
    if (!told->has_hosts) {
        return NULL;
    }
    if (json_kind(list) != JSON_ARRAY) {
        return wrong_shape();
    }
    if (count > TENANT_HOSTS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "a tenant has at most %d host names", TENANT_HOSTS_MAX);
    }
    told->settings->hosts = mem_new_array(count + 1, sizeof(char *));
    if (told->settings->hosts == NULL) {
        return error_no_memory();
    }
    struct json_walk walk = json_walk_items(list);
    for (const struct json_node *item; (item = json_next_item(&walk)) != NULL;) {
        if (json_kind(item) != JSON_STRING) {
            return wrong_shape();
        }
        TRY(add_host(told->settings, json_string(item)));
    }
    return NULL;
}

static bool is_for_tenants(cordon_limit limit)
{
    return cordon_limit_get_info(limit)->scope != CORDON_SCOPE_PROCESS;
}

static cordon_error *unknown_limit(struct slice name)
{
    const char *names[CORDON_LIMIT_COUNT];
    size_t count = 0;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (is_for_tenants((cordon_limit)i)) {
            names[count++] = cordon_limit_get_info((cordon_limit)i)->name;
        }
    }
    const size_t nearest = nearest_name(name, names, count);
    const int size = (int)(name.size < 80 ? name.size : 80);
    return nearest < count
               ? cordon_error_new(
                     CORDON_E_INVALID, "there is no limit '%.*s' of a tenant; did you mean '%s'?",
                     size, (const char *)name.data, names[nearest])
               : cordon_error_new(
                     CORDON_E_INVALID,
                     "there is no limit '%.*s' of a tenant; see `cordon limits` for "
                     "those that are not of the process",
                     size, (const char *)name.data);
}

static bool find_limit(struct slice name, cordon_limit *out_limit)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        if (is_for_tenants(limit) &&
            slice_equal(name, slice_str(cordon_limit_get_info(limit)->name))) {
            *out_limit = limit;
            return true;
        }
    }
    return false;
}

static cordon_error *read_limit(
    const struct json_node *value, cordon_limit limit, struct told *told)
{
    struct limit_changes *limits = &told->settings->limits;
    if (told->sets_limits && json_kind(value) == JSON_NULL) {
        told->unset[limit] = true;
        return NULL;
    }
    if (!json_u64(value, &limits->value[limit])) {
        return cordon_error_new(
            CORDON_E_INVALID, "the limit '%s' must be a whole number",
            cordon_limit_get_info(limit)->name);
    }
    limits->set[limit] = true;
    told->settings->has_limits = true;
    return NULL;
}

/* `limits` are all that there are from now on; `set_limits` some of them, null for none. */
static cordon_error *read_limits(const struct json_node *root, struct told *told)
{
    const struct json_node *all = json_get(root, SLICE("limits"));
    const struct json_node *some = json_get(root, SLICE("set_limits"));
    told->has_limits = json_kind(all) != JSON_MISSING;
    told->sets_limits = json_kind(some) != JSON_MISSING;
    const struct json_node *object = told->has_limits ? all : some;
    if ((told->has_limits || told->sets_limits) &&
        (json_kind(object) != JSON_OBJECT || told->has_limits == told->sets_limits)) {
        return wrong_shape();
    }
    struct json_walk walk = json_walk_fields(object);
    struct slice name = {0};
    for (const struct json_node *value; (value = json_next_field(&walk, &name)) != NULL;) {
        cordon_limit limit = CORDON_LIMIT_FUEL;
        if (!find_limit(name, &limit)) {
            return unknown_limit(name);
        }
        TRY(read_limit(value, limit, told));
    }
    return NULL;
}

/* What was asked for before there was this check stays in the store as it is. */
static cordon_error *check_limits(const struct limit_changes *limits)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const uint64_t least = limit_least((cordon_limit)i);
        if (limits->set[i] && limits->value[i] < least) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "the limit '%s' must be at least %llu, or no function could run at all",
                cordon_limit_get_info((cordon_limit)i)->name, (unsigned long long)least);
        }
    }
    return NULL;
}

static cordon_error *read_weight(const struct json_node *root, struct told *told)
{
    const struct json_node *node = json_get(root, SLICE("weight"));
    uint64_t weight = 0;
    told->has_weight = json_kind(node) != JSON_MISSING;
    if (!told->has_weight) {
        return NULL;
    }
    if (!json_u64(node, &weight) || weight == 0 || weight > TENANT_WEIGHT_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the weight of a tenant is a whole number of percent from 1 to %d, 100 for others",
            TENANT_WEIGHT_MAX);
    }
    told->settings->weight = (uint32_t)weight;
    return NULL;
}

/* What a request may say and a row says; to be ended in any case. */
static cordon_error *read_tenant(const struct json_node *root, struct told *told)
{
    told->settings = MEM_NEW(struct tenant_settings);
    if (told->settings == NULL) {
        return error_no_memory();
    }
    TRY(read_name(root, told));
    TRY(read_hosts(root, told));
    TRY(read_weight(root, told));
    return read_limits(root, told);
}

/* Whatever else an object has was meant to be something. */
static cordon_error *check_members(const struct json_node *root)
{
    static const char *const known[] = {"name", "hosts", "limits", "set_limits", "weight"};
    const size_t count = sizeof known / sizeof known[0];
    struct json_walk walk = json_walk_fields(root);
    struct slice name = {0};
    while (json_next_field(&walk, &name) != NULL) {
        size_t at = 0;
        while (at < count && !slice_equal(name, slice_str(known[at]))) {
            at++;
        }
        if (at == count) {
            return wrong_shape();
        }
    }
    return NULL;
}

static cordon_error *read_request(struct slice json, struct told *told)
{
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = 8};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(json, &limits, &doc));
    if (json_kind(json_root(doc)) != JSON_OBJECT) {
        return wrong_shape();
    }
    TRY(check_members(json_root(doc)));
    TRY(read_tenant(json_root(doc), told));
    return check_limits(&told->settings->limits);
}

static cordon_error *damaged(void)
{
    return cordon_error_new(
        CORDON_E_STORE, "what the data folder holds of a tenant can't be read; start the version "
                        "that wrote it, or restore a backup");
}

static cordon_error *read_row(struct slice value, struct told *told)
{
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = 8};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(value, &limits, &doc));
    const struct json_node *root = json_root(doc);
    return json_u64(json_get(root, SLICE("number")), &told->number) &&
                   json_u64(json_get(root, SLICE("made_ms")), &told->made_ms) &&
                   told->number > TENANT_DEFAULT && told->number < TENANT_SYSTEM
               ? read_tenant(root, told)
               : damaged();
}

/* -- Writing -------------------------------------------------------------------------------- */

static cordon_error *write_member(struct buffer *out, const char *name, uint64_t number)
{
    TRY(json_write_key(out, slice_str(name)));
    return json_write_u64(out, number);
}

static cordon_error *write_settings(struct buffer *out, const struct tenant_settings *settings)
{
    TRY(json_write_key(out, SLICE("hosts")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; settings != NULL && i < settings->host_count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, slice_str(settings->hosts[i])));
    }
    TRY(buffer_append_byte(out, ']'));
    TRY(json_write_key(out, SLICE("limits")));
    TRY(buffer_append_byte(out, '{'));
    for (int i = 0; settings != NULL && i < CORDON_LIMIT_COUNT; i++) {
        if (settings->limits.set[i]) {
            TRY(json_write_key(out, slice_str(cordon_limit_get_info((cordon_limit)i)->name)));
            TRY(json_write_u64(out, settings->limits.value[i]));
        }
    }
    TRY(buffer_append_byte(out, '}'));
    return settings == NULL || settings->weight == 0
               ? NULL
               : write_member(out, "weight", settings->weight);
}

static cordon_error *write_row(struct buffer *out, const struct told *told)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("name")));
    TRY(json_write_string(out, slice_str(told->name)));
    TRY(write_member(out, "number", told->number));
    TRY(write_member(out, "made_ms", told->made_ms));
    TRY(write_settings(out, told->settings));
    return buffer_append_byte(out, '}');
}

static cordon_error *write_audit(struct buffer *out, const char *kind, const struct told *told)
{
    TRY(buffer_printf(out, "{\"kind\":\"%s\"", kind));
    TRY(json_write_key(out, SLICE("tenant")));
    TRY(json_write_string(out, slice_str(told->name)));
    TRY(write_member(out, "number", told->number));
    if (told->settings != NULL) {
        TRY(write_settings(out, told->settings));
    }
    return audit_actor_end(out, told->actor);
}

static cordon_error *commit(
    struct rows *rows, const char *kind, const struct told *told, bool *out_conflict)
{
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, ROW_BYTES_MAX + 1024); /* the row, and by whom */
    TRY(write_audit(&audit, kind, told));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return rows_commit(rows, &facts, out_conflict);
}

/* One change of the rows, in a transaction that is begun. */
typedef cordon_error *row_change(struct rows *rows, struct told *told, bool *out_conflict);

/* Whoever else writes these rows holds the same lock: a conflict is of a snapshot grown too old. */
static cordon_error *change_rows(struct runner *runner, row_change *change, struct told *told)
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

static cordon_error *put_row(struct rows *rows, const struct told *told)
{
    CORDON_CLEANUP_BUFFER struct buffer row;
    struct row_key key;
    buffer_init(&row, ROW_BYTES_MAX);
    TRY(write_row(&row, told));
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
    return json_u64(json_get(json_root(doc), SLICE("last")), out_last) ? NULL : damaged();
}

static cordon_error *give_number(struct rows *rows, struct told *told)
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

static cordon_error *create_row(struct rows *rows, struct told *told, bool *out_conflict)
{
    TRY(give_number(rows, told));
    TRY(put_row(rows, told));
    return commit(rows, "tenant_made", told, out_conflict);
}

static cordon_error *change_row(struct rows *rows, struct told *told, bool *out_conflict)
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

static cordon_error *remove_row(struct rows *rows, struct told *told, bool *out_conflict)
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
    struct runner *runner, const struct told *told, struct tenant **out_tenant)
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
static cordon_error *check_unreserved(const struct told *told)
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
    struct runner *runner, struct told *told, tenant_revoke *revoke, void *arg)
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
    CORDON_CLEANUP(told_done) struct told told = {
        .made_ms = clock_wall_ns() / 1000000, .actor = actor};
    TRY(read_request(json, &told));
    if (told.sets_limits) {
        return wrong_shape();
    }
    (void)pthread_mutex_lock(&runner->tenants.admin_lock);
    cordon_error *error = create(runner, &told, revoke, arg);
    (void)pthread_mutex_unlock(&runner->tenants.admin_lock);
    return error;
}

/* The one that is meant; not the default one, which the settings of the server speak of. */
static cordon_error *find(struct runner *runner, const struct told *told, struct tenant **out)
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
    const struct told *told, const struct limit_changes *now, struct tenant_settings *view)
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
static cordon_error *complete(struct told *told, const struct tenant *tenant)
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

static cordon_error *change(struct runner *runner, struct told *told)
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
    CORDON_CLEANUP(told_done) struct told told = {.actor = actor};
    TRY(read_request(json, &told));
    (void)pthread_mutex_lock(&runner->tenants.admin_lock);
    cordon_error *error = change(runner, &told);
    (void)pthread_mutex_unlock(&runner->tenants.admin_lock);
    return error;
}

/* Keys first: who is killed in between leaves a tenant without keys, not keys without a tenant. */
static cordon_error *destroy(
    struct runner *runner, struct told *told, tenant_revoke *revoke, void *arg)
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
    CORDON_CLEANUP(told_done) struct told told = {.actor = actor};
    TRY(read_request(json, &told));
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
        return damaged();
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

static cordon_error *forget_row(struct rows *rows, struct told *told, bool *out_conflict)
{
    struct removed_key key = {""};
    TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, removed_key((uint32_t)told->number, &key)));
    return commit(rows, "tenant_erased", told, out_conflict);
}

cordon_error *tenant_admin_forget_removed(struct runner *runner, uint32_t number)
{
    struct told told = {.number = number, .name = "-"};
    return change_rows(runner, forget_row, &told);
}

/* -- At the start --------------------------------------------------------------------------- */

static cordon_error *load_row(struct runner *runner, struct slice value)
{
    CORDON_CLEANUP(told_done) struct told told = {0};
    CORDON_CLEANUP(tenant_freep) struct tenant *tenant = NULL;
    TRY(read_row(value, &told));
    if (tenants_find(&runner->tenants, (uint32_t)told.number) != NULL) {
        return damaged();
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
            return damaged();
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

/* -- Listing -------------------------------------------------------------------------------- */

/* What the server allows at most of each limit, whatever the kind of function. */
struct most {
    uint64_t of[CORDON_LIMIT_COUNT];
};

static struct most find_most(struct runner *runner)
{
    struct most most = {{0}};
    for (int kind = 0; kind < CORDON_KIND_COUNT; kind++) {
        struct budget budget;
        runner_init_budget(runner, (cordon_kind)kind, &budget);
        for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
            most.of[i] = budget.allowed[i] > most.of[i] ? budget.allowed[i] : most.of[i];
        }
    }
    return most;
}

/* Limits of the server's that are lower than the tenant's: those hold. With the tenant's lock. */
static cordon_error *write_server_limits(
    struct buffer *out, struct tenant *tenant, const struct most *most)
{
    TRY(json_write_key(out, SLICE("serverLimits")));
    TRY(buffer_append_byte(out, '{'));
    for (int i = 0; tenant->settings != NULL && i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const struct limit_changes *const limits = &tenant->settings->limits;
        if (limits->set[i] && limits->value[i] > most->of[i]) {
            TRY(write_member(out, cordon_limit_get_info(limit)->name, most->of[i]));
        }
    }
    return buffer_append_byte(out, '}');
}

/* The default one has its hosts from the settings of the server. */
static cordon_error *write_said(struct buffer *out, struct tenant *tenant, const struct most *most)
{
    struct tenants *tenants = &tenant->runner->tenants;
    (void)pthread_rwlock_rdlock(&tenants->lock);
    (void)pthread_rwlock_rdlock(&tenant->lock);
    cordon_error *error =
        write_settings(out, tenant == tenants->usual ? tenants->usual_hosts : tenant->settings);
    if (error == NULL) {
        error = write_server_limits(out, tenant, most);
    }
    (void)pthread_rwlock_unlock(&tenant->lock);
    (void)pthread_rwlock_unlock(&tenants->lock);
    return error;
}

static cordon_error *write_tenant(
    struct buffer *out, struct tenant *tenant, const struct most *most)
{
    TRY(json_write_comma(out));
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("name")));
    TRY(json_write_string(out, slice_str(tenant->name)));
    TRY(write_member(out, "number", tenant->number));
    TRY(write_said(out, tenant, most));
    TRY(json_write_key(out, SLICE("madeAt")));
    TRY(tenant->made_ms == 0 ? buffer_append(out, SLICE("null"))
                             : json_write_u64(out, tenant->made_ms));
    TRY(json_write_key(out, SLICE("awake")));
    TRY(json_write_bool(out, atomic_load(&tenant->is_awake)));
    TRY(write_member(out, "runs", atomic_load(&tenant->runs)));
    TRY(json_write_key(out, SLICE("dataBytes")));
    const long long used = atomic_load(&tenant->quota.used);
    TRY(atomic_load(&tenant->quota.is_counted) ? json_write_u64(out, used > 0 ? (uint64_t)used : 0)
                                               : buffer_append(out, SLICE("null")));
    bool is_counted = false;
    uint64_t audit_bytes = 0;
    TRY(quota_audit_bytes(tenant, &is_counted, &audit_bytes));
    TRY(json_write_key(out, SLICE("auditBytes")));
    TRY(is_counted ? json_write_u64(out, audit_bytes) : buffer_append(out, SLICE("null")));
    return buffer_append_byte(out, '}');
}

cordon_error *tenant_admin_list(struct runner *runner, struct buffer *out)
{
    const struct most most = find_most(runner);
    TRY(buffer_append_byte(out, '['));
    for (struct tenant *at = tenants_next(&runner->tenants, 0); at != NULL;
         at = tenants_next(&runner->tenants, at->number)) {
        TRY(write_tenant(out, at, &most));
    }
    return buffer_append_byte(out, ']');
}
