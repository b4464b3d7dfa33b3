/*
 * Settings from JSON, by a table: name, type, place in the struct, and the words that say what may
 * stand there. Strict on purpose: an unknown key, a key given twice or a value of another type is
 * refused, as each of them is a setting that somebody believes to have made.
 */
#include <cordon/config.h>
#include <cordon/json.h>

#include "api/api.h"
#include "api/config_parts.h"
#include "auth/fetcher.h"
#include "auth/provider.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "http/server.h"
#include "limits/budget.h"
#include "value/json.h"
#include "value/printable.h"

#include <inttypes.h>
#include <stddef.h>

/* What is given out, and the memory behind it. */
struct owned_config {
    cordon_config config; /* first, so that a pointer to it is one to the whole */
    struct arena arena;
};

#define SETTING(field, setting_type, words)                                                        \
    {.name = #field,                                                                               \
     .type = (setting_type),                                                                       \
     .offset = offsetof(cordon_config, field),                                                     \
     .wanted = (words)}
#define SETTING_LIST(field, count, words)                                                          \
    {.name = #field,                                                                               \
     .type = SETTING_TEXTS,                                                                        \
     .offset = offsetof(cordon_config, field),                                                     \
     .count_at = offsetof(cordon_config, count),                                                   \
     .wanted = (words)}
#define SETTING_NUMBER(field, setting_type, unit, from, to)                                        \
    {.name = #field,                                                                               \
     .type = (setting_type),                                                                       \
     .offset = offsetof(cordon_config, field),                                                     \
     .wanted = (unit),                                                                             \
     .least = (from),                                                                              \
     .most = (to)}
#define SETTING_COUNTED(field) SETTING_NUMBER(field, SETTING_U32, "", 1, UINT32_MAX)
#define SETTING_TIMEOUT(field)                                                                     \
    SETTING_NUMBER(field, SETTING_U32, " of milliseconds", HTTP_TIMEOUT_MS_MIN, HTTP_TIMEOUT_MS_MAX)

static const struct setting settings[] = {
    SETTING(listen, SETTING_TEXT, "a text such as \"127.0.0.1:3210\""),
    SETTING(data, SETTING_TEXT, "a text, the path of the data folder"),
    SETTING(operator_listen, SETTING_TEXT, "a text such as \"127.0.0.1:3211\" or \"unix:PATH\""),
    SETTING_COUNTED(loops),
    SETTING_LIST(host_names, host_name_count, "a list of texts such as [\"app.example.org\"]"),
    SETTING(limits, SETTING_LIMITS, "an object such as {\"fuel\": 20000000000}"),
    SETTING_COUNTED(permits),
    SETTING_COUNTED(slots),
    SETTING_NUMBER(turn_wait_ms, SETTING_U32, " of milliseconds", 1, UINT32_MAX),
    SETTING_NUMBER(queue_target_ms, SETTING_U32, " of milliseconds", 1, UINT32_MAX),
    SETTING_NUMBER(queue_interval_ms, SETTING_U32, " of milliseconds", 1, UINT32_MAX),
    SETTING_NUMBER(tenant_share_percent, SETTING_U32, " of percent", 1, 100),
    SETTING_COUNTED(connections_max),
    SETTING_NUMBER(memory_bytes, SETTING_U64, " of bytes", 1, UINT64_MAX),
    SETTING(production, SETTING_FLAG, "true or false"),
    SETTING_TIMEOUT(request_timeout_ms),
    SETTING_TIMEOUT(idle_timeout_ms),
    SETTING_TIMEOUT(write_timeout_ms),
    SETTING_TIMEOUT(drain_timeout_ms),
    SETTING_NUMBER(replay_sample, SETTING_U32, " of a million calls", 0, CORDON_REPLAY_SAMPLE_MAX),
    SETTING_LIST(
        record_functions, record_function_count, "a list of paths such as [\"messages:send\"]"),
    SETTING_NUMBER(records_bytes, SETTING_U64, " of bytes", 1, UINT64_MAX),
    SETTING_NUMBER(records_days, SETTING_U32, " of days", 1, 36500),
    SETTING_COUNTED(log_lines_per_second),
    SETTING_NUMBER(audit_interval_ms, SETTING_U32, " of milliseconds", 100, 86400000),
    SETTING(audit_checkpoint_file, SETTING_TEXT, "a text, the path of a file"),
    SETTING(audit_checkpoint_syslog, SETTING_TEXT, "a text, the path of a socket"),
    SETTING(confine, SETTING_FLAG, "true or false"),
    SETTING(
        auth_providers,
        SETTING_PROVIDERS,
        "a list such as [{\"domain\": \"https://auth.example.org\", \"applicationID\": \"app\", "
        "\"jwks\": \"auth.jwks\"}]"),
    SETTING_NUMBER(auth_clock_skew_s, SETTING_U32, " of seconds", 1, AUTH_SKEW_S_MAX),
    SETTING_NUMBER(
        jwks_refresh_ms,
        SETTING_U32,
        " of milliseconds",
        FETCH_REFRESH_MS_MIN,
        FETCH_REFRESH_MS_MAX),
};

enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

const struct setting *config_settings(size_t *out_count)
{
    *out_count = SETTING_COUNT;
    return settings;
}

cordon_error *config_wrong(const struct setting *setting)
{
    if (setting->most > 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "\"%s\" must be a whole number%s from %" PRIu64 " to %" PRIu64,
            setting->name, setting->wanted, setting->least, setting->most);
    }
    return cordon_error_new(CORDON_E_INVALID, "\"%s\" must be %s", setting->name, setting->wanted);
}

/* "there is no … "lisen"; did you mean "listen"?", or all that there are. */
cordon_error *config_unknown(
    const char *what, cordon_text name, const char *const *names, size_t count)
{
    const struct slice typed = slice_of(name.data, name.size);
    const size_t nearest = nearest_name(typed, names, count);
    if (nearest < count) {
        return cordon_error_new(
            CORDON_E_INVALID, "there is no %s \"%s\"; did you mean \"%s\"?", what,
            printable(typed).text, names[nearest]);
    }
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, (size_t)1 << 16);
    for (size_t i = 0; i < count; i++) {
        TRY(buffer_printf(&list, "%s%s", i == 0 ? "" : ", ", names[i]));
    }
    TRY(buffer_append_byte(&list, '\0'));
    return cordon_error_new(
        CORDON_E_INVALID, "there is no %s \"%s\"; the %ss are: %s", what, printable(typed).text,
        what, (const char *)list.data);
}

/* An empty text, and one with a NUL in it, name nothing. */
cordon_error *config_read_text(
    struct arena *arena, const struct setting *setting, struct slice text, const char **out_text)
{
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL) {
        return config_wrong(setting);
    }
    const struct slice copy = arena_copy(arena, text);
    if (copy.data == NULL) {
        return error_no_memory();
    }
    *out_text = (const char *)copy.data;
    return NULL;
}

struct slice config_text_of(const cordon_json_value *value)
{
    const cordon_text text = cordon_json_get_text(value);
    return slice_of(text.data, text.size);
}

static cordon_error *read_texts(
    struct owned_config *owned, const struct setting *setting, const cordon_json_value *value)
{
    cordon_json_walk walk = cordon_json_walk_begin(value);
    const size_t count = walk.left;
    const char **const texts = arena_alloc(&owned->arena, (count + 1) * sizeof *texts);
    if (texts == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < count; i++) {
        const struct slice text = config_text_of(cordon_json_walk_next(&walk, NULL));
        TRY(config_read_text(&owned->arena, setting, text, &texts[i]));
    }
    char *const config = (char *)&owned->config;
    *(const char *const **)(void *)(config + setting->offset) = texts;
    *(size_t *)(void *)(config + setting->count_at) = count;
    return NULL;
}

static cordon_error *read_limit(
    cordon_limit_set *set, cordon_text name, const cordon_json_value *value)
{
    const char *names[CORDON_LIMIT_COUNT];
    cordon_limit limit = CORDON_LIMIT_FUEL;
    bool found = false;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        names[i] = cordon_limit_get_info((cordon_limit)i)->name;
        if (slice_equal(slice_str(names[i]), slice_of(name.data, name.size))) {
            limit = (cordon_limit)i;
            found = true;
        }
    }
    if (!found) {
        return config_unknown("limit", name, names, CORDON_LIMIT_COUNT);
    }
    if (set->set[limit]) {
        return cordon_error_new(
            CORDON_E_INVALID, "the limit \"%s\" stands there twice; leave one out", names[limit]);
    }
    if (!cordon_json_get_u64(value, &set->value[limit])) {
        return cordon_error_new(
            CORDON_E_INVALID, "the limit \"%s\" must be a whole number", names[limit]);
    }
    if (set->value[limit] < limit_least(limit)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the limit \"%s\" must be at least %llu, or no function could run at all", names[limit],
            (unsigned long long)limit_least(limit));
    }
    set->set[limit] = true;
    return NULL;
}

static cordon_error *read_limits(cordon_limit_set *set, const cordon_json_value *value)
{
    cordon_json_walk walk = cordon_json_walk_begin(value);
    cordon_text name = {0};
    for (const cordon_json_value *number; (number = cordon_json_walk_next(&walk, &name)) != NULL;) {
        TRY(read_limit(set, name, number));
    }
    return NULL;
}

static cordon_error *read_providers(
    struct owned_config *owned, const struct setting *setting, const cordon_json_value *value)
{
    cordon_json_walk walk = cordon_json_walk_begin(value);
    const size_t count = walk.left;
    if (count > AUTH_PROVIDERS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "\"%s\" has at most %d of them", setting->name, AUTH_PROVIDERS_MAX);
    }
    cordon_auth_provider *providers = arena_alloc(&owned->arena, (count + 1) * sizeof *providers);
    if (providers == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < count; i++) {
        TRY(config_read_provider(
            &owned->arena, setting, cordon_json_walk_next(&walk, NULL), &providers[i]));
    }
    owned->config.auth_providers = providers;
    owned->config.auth_provider_count = count;
    return NULL;
}

static cordon_json_type json_type(enum setting_type type)
{
    switch (type) {
    case SETTING_TEXT:
        return CORDON_JSON_STRING;
    case SETTING_TEXTS:
    case SETTING_PROVIDERS:
        return CORDON_JSON_ARRAY;
    case SETTING_U32:
    case SETTING_U64:
        return CORDON_JSON_NUMBER;
    case SETTING_FLAG:
        return CORDON_JSON_BOOLEAN;
    case SETTING_LIMITS:
        return CORDON_JSON_OBJECT;
    }
    return CORDON_JSON_NULL;
}

static cordon_error *read_number(
    const struct setting *setting, const cordon_json_value *value, uint64_t *out_number)
{
    uint64_t number = 0;
    if (!cordon_json_get_u64(value, &number) || number < setting->least || number > setting->most) {
        return config_wrong(setting);
    }
    *out_number = number;
    return NULL;
}

static cordon_error *read_setting(
    struct owned_config *owned, const struct setting *setting, const cordon_json_value *value)
{
    char *const place = (char *)&owned->config + setting->offset;
    uint64_t number = 0;
    if (cordon_json_get_type(value) != json_type(setting->type)) {
        return config_wrong(setting);
    }
    switch (setting->type) {
    case SETTING_TEXT:
        return config_read_text(
            &owned->arena, setting, config_text_of(value), (const char **)(void *)place);
    case SETTING_TEXTS:
        return read_texts(owned, setting, value);
    case SETTING_U32:
        TRY(read_number(setting, value, &number));
        *(uint32_t *)(void *)place = (uint32_t)number;
        return NULL;
    case SETTING_U64:
        TRY(read_number(setting, value, &number));
        *(uint64_t *)(void *)place = number;
        return NULL;
    case SETTING_FLAG:
        *(bool *)place = cordon_json_is_true(value);
        return NULL;
    case SETTING_LIMITS:
        return read_limits((cordon_limit_set *)(void *)place, value);
    case SETTING_PROVIDERS:
        return read_providers(owned, setting, value);
    }
    return NULL;
}

/* The place of a setting in the table; SETTING_COUNT: there is none of that name. */
static size_t find(struct slice name, const char *out_names[SETTING_COUNT])
{
    size_t found = SETTING_COUNT;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        out_names[i] = settings[i].name;
        if (slice_equal(slice_str(settings[i].name), name)) {
            found = i;
        }
    }
    return found;
}

static cordon_error *read_settings(struct owned_config *owned, const cordon_json_value *root)
{
    if (cordon_json_get_type(root) != CORDON_JSON_OBJECT) {
        return cordon_error_new(CORDON_E_INVALID, "settings must be one JSON object");
    }
    const char *names[SETTING_COUNT];
    bool seen[SETTING_COUNT] = {false};
    cordon_json_walk walk = cordon_json_walk_begin(root);
    cordon_text name = {0};
    for (const cordon_json_value *value; (value = cordon_json_walk_next(&walk, &name)) != NULL;) {
        const size_t at = find(slice_of(name.data, name.size), names);
        if (at == SETTING_COUNT) {
            return config_unknown("setting", name, names, SETTING_COUNT);
        }
        if (seen[at]) {
            return cordon_error_new(
                CORDON_E_INVALID, "\"%s\" stands there twice; leave one out", names[at]);
        }
        seen[at] = true;
        TRY(read_setting(owned, &settings[at], value));
    }
    return NULL;
}

static void document_freep(cordon_json **json)
{
    cordon_json_free(*json);
}

static void config_freep(cordon_config **config)
{
    cordon_config_free(*config);
}

cordon_error *cordon_config_parse(const char *text, size_t size, cordon_config **out_config)
{
    TRY(api_need(out_config, "out_config"));
    CORDON_CLEANUP(document_freep) cordon_json *json = NULL;
    TRY(cordon_json_parse(text, size, &json));

    struct owned_config *const owned = MEM_NEW(struct owned_config);
    if (owned == NULL) {
        return error_no_memory();
    }
    arena_init(&owned->arena, SIZE_MAX);
    owned->config = (cordon_config)CONFIG_USUAL;
    CORDON_CLEANUP(config_freep) cordon_config *config = &owned->config;
    TRY(read_settings(owned, cordon_json_get_root(json)));

    *out_config = CORDON_TAKE(config);
    return NULL;
}

/* -- The environment ------------------------------------------------------------------------ */

#define VARIABLE_PREFIX SLICE("CORDON_")

/* Longer than any name. */
enum { VARIABLE_BYTES = 64 };

/* What commands read beside, and no settings of a server. */
static const char *const other_variables[] = {"admin_key", "compile_worker", "key_fetcher"};

/* The name of the setting that a variable is for, in `name`; false: it is for none of ours. */
static bool read_variable_name(struct slice variable, char name[VARIABLE_BYTES])
{
    if (!slice_starts_with(variable, VARIABLE_PREFIX) ||
        variable.size - VARIABLE_PREFIX.size >= VARIABLE_BYTES) {
        return false;
    }
    const struct slice rest = slice_from(variable, VARIABLE_PREFIX.size);
    for (size_t i = 0; i < rest.size; i++) {
        const uint8_t c = rest.data[i];
        if (c >= 'a' && c <= 'z') {
            return false;
        }
        name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    name[rest.size] = '\0';
    for (size_t i = 0; i < sizeof other_variables / sizeof other_variables[0]; i++) {
        if (strcmp(name, other_variables[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Texts stand there as they are, all else as JSON. */
static cordon_error *read_variable(
    struct owned_config *owned, const struct setting *setting, struct slice value)
{
    char *const place = (char *)&owned->config + setting->offset;
    if (setting->type == SETTING_TEXT) {
        return config_read_text(&owned->arena, setting, value, (const char **)(void *)place);
    }
    CORDON_CLEANUP(document_freep) cordon_json *json = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *unread =
        cordon_json_parse((const char *)value.data, value.size, &json);
    if (unread != NULL) {
        return config_wrong(setting);
    }
    if (setting->type == SETTING_LIMITS) { /* all of them, not those of the file too */
        owned->config.limits = (cordon_limit_set){0};
    }
    return read_setting(owned, setting, cordon_json_get_root(json));
}

/* One that is near to a setting is one with a slip; what is near to none is somebody else's. */
static cordon_error *read_entry(struct owned_config *owned, const char *entry)
{
    const char *names[SETTING_COUNT];
    char name[VARIABLE_BYTES];
    const char *const equals = strchr(entry, '=');
    if (equals == NULL || !read_variable_name(slice_of(entry, (size_t)(equals - entry)), name)) {
        return NULL;
    }
    const size_t at = find(slice_str(name), names);
    const size_t near = nearest_name(slice_str(name), names, SETTING_COUNT);
    if (at == SETTING_COUNT && near < SETTING_COUNT) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the environment variable %.*s is for no setting; did you mean that of \"%s\"?",
            (int)(equals - entry), entry, names[near]);
    }
    if (at == SETTING_COUNT) {
        return NULL;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        read_variable(owned, &settings[at], slice_str(equals + 1));
    return error == NULL ? NULL
                         : cordon_error_new(
                               cordon_error_get_code(error), "in the environment variable %.*s: %s",
                               (int)(equals - entry), entry, cordon_error_get_message(error));
}

cordon_error *cordon_config_override(cordon_config *config, const char *const *environment)
{
    TRY(api_need(config, "config"));
    struct owned_config *const owned = (struct owned_config *)(void *)config;
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        TRY(read_entry(owned, environment[i]));
    }
    return NULL;
}

void cordon_config_free(cordon_config *config)
{
    if (config == NULL) {
        return;
    }
    struct owned_config *const owned = (struct owned_config *)(void *)config;
    arena_done(&owned->arena);
    mem_free(owned);
}

const char *cordon_name_nearest(const char *name, const char *const *names, size_t count)
{
    const size_t nearest = nearest_name(slice_str(name), names, count);
    return nearest == count ? NULL : names[nearest];
}
