/* Tenants in JSON; see tenant_told.h. */
#include "run/tenant/tenant_told.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "run/internal.h"
#include "value/json.h"
#include "value/printable.h"

#define JSON_BYTES_MAX ((size_t)1 << 20)

void tenant_told_done(struct tenant_told *told)
{
    tenant_settings_free(told->settings);
    told->settings = NULL;
}

/* -- Reading -------------------------------------------------------------------------------- */

cordon_error *tenant_told_wrong_shape(void)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "a tenant is {\"name\": string, \"hosts\": [string], \"limits\": {name: number}, "
        "\"weight\": number}, and one that is changed may have \"set_limits\": {name: number or "
        "null} in place of limits; see docs/operating.md");
}

static cordon_error *read_name(const struct json_node *root, struct tenant_told *told)
{
    const struct json_node *node = json_get(root, SLICE("name"));
    const struct slice name = json_string(node);
    if (json_kind(node) != JSON_STRING) {
        return tenant_told_wrong_shape();
    }
    if (!tenant_name_is_good(name)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "'%s' is no name for a tenant; use 1 to %d small letters, digits and hyphens, at "
            "least one letter, the hyphens neither first nor last",
            printable(name).text, TENANT_NAME_BYTES_MAX);
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
    return wrong == NULL ? NULL
                         : cordon_error_new(
                               CORDON_E_INVALID, "'%s' is no host name for a tenant: %s",
                               printable(whole).text, wrong);
}

static cordon_error *read_hosts(const struct json_node *root, struct tenant_told *told)
{
    const struct json_node *list = json_get(root, SLICE("hosts"));
    const size_t count = json_count(list);
    told->has_hosts = json_kind(list) != JSON_MISSING;
    if (!told->has_hosts) {
        return NULL;
    }
    if (json_kind(list) != JSON_ARRAY) {
        return tenant_told_wrong_shape();
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
            return tenant_told_wrong_shape();
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
    return nearest < count
               ? cordon_error_new(
                     CORDON_E_INVALID, "there is no limit '%s' of a tenant; did you mean '%s'?",
                     printable(name).text, names[nearest])
               : cordon_error_new(
                     CORDON_E_INVALID,
                     "there is no limit '%s' of a tenant; see `cordon limits` for "
                     "those that are not of the process",
                     printable(name).text);
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
    const struct json_node *value, cordon_limit limit, struct tenant_told *told)
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
static cordon_error *read_limits(const struct json_node *root, struct tenant_told *told)
{
    const struct json_node *all = json_get(root, SLICE("limits"));
    const struct json_node *some = json_get(root, SLICE("set_limits"));
    told->has_limits = json_kind(all) != JSON_MISSING;
    told->sets_limits = json_kind(some) != JSON_MISSING;
    const struct json_node *object = told->has_limits ? all : some;
    if ((told->has_limits || told->sets_limits) &&
        (json_kind(object) != JSON_OBJECT || told->has_limits == told->sets_limits)) {
        return tenant_told_wrong_shape();
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

static cordon_error *read_weight(const struct json_node *root, struct tenant_told *told)
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
static cordon_error *read_tenant(const struct json_node *root, struct tenant_told *told)
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
            return tenant_told_wrong_shape();
        }
    }
    return NULL;
}

cordon_error *tenant_told_read(struct slice json, struct tenant_told *told)
{
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = 8};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(json, &limits, &doc));
    if (json_kind(json_root(doc)) != JSON_OBJECT) {
        return tenant_told_wrong_shape();
    }
    TRY(check_members(json_root(doc)));
    TRY(read_tenant(json_root(doc), told));
    return check_limits(&told->settings->limits);
}

cordon_error *tenant_told_damaged(void)
{
    return cordon_error_new(
        CORDON_E_STORE, "what the data folder holds of a tenant can't be read; start the version "
                        "that wrote it, or restore a backup");
}

cordon_error *tenant_told_read_row(struct slice value, struct tenant_told *told)
{
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = 8};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(value, &limits, &doc));
    const struct json_node *root = json_root(doc);
    return json_u64(json_get(root, SLICE("number")), &told->number) &&
                   json_u64(json_get(root, SLICE("made_ms")), &told->made_ms) &&
                   told->number > TENANT_DEFAULT && told->number < TENANT_SYSTEM
               ? read_tenant(root, told)
               : tenant_told_damaged();
}

/* -- Writing -------------------------------------------------------------------------------- */

cordon_error *tenant_told_write_settings(struct buffer *out, const struct tenant_settings *settings)
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
               : json_write_member_u64(out, "weight", settings->weight);
}

cordon_error *tenant_told_write_row(struct buffer *out, const struct tenant_told *told)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_key(out, SLICE("name")));
    TRY(json_write_string(out, slice_str(told->name)));
    TRY(json_write_member_u64(out, "number", told->number));
    TRY(json_write_member_u64(out, "made_ms", told->made_ms));
    TRY(tenant_told_write_settings(out, told->settings));
    return buffer_append_byte(out, '}');
}
