/*
 * Settings compared and written: what somebody has said, what a server takes over while it runs,
 * and what would take a new start.
 */
#include <cordon/config.h>

#include "api/api.h"
#include "api/config_parts.h"
#include "limits/budget.h"
#include "value/json.h"

static const char *const live[] = {
    "request_timeout_ms", "idle_timeout_ms",   "write_timeout_ms",      "drain_timeout_ms",
    "connections_max",    "audit_interval_ms", "audit_checkpoint_file", "host_names",
    "auth_providers",     "auth_clock_skew_s", "jwks_refresh_ms",
};

static bool is_live(const struct setting *setting)
{
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
        if (strcmp(live[i], setting->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_same(const struct setting *setting, const cordon_config *a, const cordon_config *b)
{
    const void *const in_a = (const char *)a + setting->offset;
    const void *const in_b = (const char *)b + setting->offset;
    switch (setting->type) {
    case SETTING_TEXT:
        return config_same_text(*(const char *const *)in_a, *(const char *const *)in_b);
    case SETTING_TEXTS: {
        const size_t count = *(const size_t *)(const void *)((const char *)a + setting->count_at);
        bool same = count == *(const size_t *)(const void *)((const char *)b + setting->count_at);
        for (size_t i = 0; same && i < count; i++) {
            same = config_same_text(
                (*(const char *const *const *)in_a)[i], (*(const char *const *const *)in_b)[i]);
        }
        return same;
    }
    case SETTING_U32:
        return *(const uint32_t *)in_a == *(const uint32_t *)in_b;
    case SETTING_U64:
        return *(const uint64_t *)in_a == *(const uint64_t *)in_b;
    case SETTING_FLAG:
        return *(const bool *)in_a == *(const bool *)in_b;
    case SETTING_PROVIDERS:
        return config_same_providers(a, b);
    case SETTING_LIMITS:
        return memcmp(in_a, in_b, sizeof(cordon_limit_set)) == 0;
    }
    return false;
}

static cordon_error *write_texts(struct buffer *out, const char *const *texts, size_t count)
{
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < count; i++) {
        TRY(json_write_comma(out));
        TRY(config_write_text(out, texts[i]));
    }
    return buffer_append_byte(out, ']');
}

static cordon_error *write_limits(struct buffer *out, const cordon_limit_set *set)
{
    TRY(buffer_append_byte(out, '{'));
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (set->set[i]) {
            TRY(json_write_key(out, slice_str(cordon_limit_get_info((cordon_limit)i)->name)));
            TRY(json_write_u64(out, set->value[i]));
        }
    }
    return buffer_append_byte(out, '}');
}

static cordon_error *write_value(
    const struct setting *setting, const cordon_config *config, struct buffer *out)
{
    const void *const place = (const char *)config + setting->offset;
    switch (setting->type) {
    case SETTING_TEXT:
        return config_write_text(out, *(const char *const *)place);
    case SETTING_TEXTS:
        return write_texts(
            out, *(const char *const *const *)place,
            *(const size_t *)(const void *)((const char *)config + setting->count_at));
    case SETTING_U32:
        return json_write_u64(out, *(const uint32_t *)place);
    case SETTING_U64:
        return json_write_u64(out, *(const uint64_t *)place);
    case SETTING_FLAG:
        return json_write_bool(out, *(const bool *)place);
    case SETTING_PROVIDERS:
        return config_write_providers(out, config);
    case SETTING_LIMITS:
        return write_limits(out, place);
    }
    return NULL;
}

cordon_error *config_write_effective(const cordon_config *config, struct buffer *out)
{
    size_t count = 0;
    const struct setting *const settings = config_settings(&count);
    const cordon_config usual = CONFIG_USUAL;
    TRY(buffer_append_byte(out, '{'));
    for (size_t i = 0; i < count; i++) {
        if (!is_same(&settings[i], &usual, config)) {
            TRY(json_write_key(out, slice_str(settings[i].name)));
            TRY(write_value(&settings[i], config, out));
        }
    }
    return buffer_append_byte(out, '}');
}

static bool is_same_limit(const cordon_limit_set *a, const cordon_limit_set *b, int limit)
{
    return a->set[limit] == b->set[limit] && (!a->set[limit] || a->value[limit] == b->value[limit]);
}

/* Limits that have changed, null for one that has its default again; nothing if there are none. */
static cordon_error *write_changed_limits(
    const cordon_limit_set *before, const cordon_limit_set *after, struct buffer *out)
{
    bool any = false;
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (!limit_can_change((cordon_limit)i) || is_same_limit(before, after, i)) {
            continue;
        }
        if (!any) {
            TRY(json_write_key(out, SLICE("limits")));
            TRY(buffer_append_byte(out, '{'));
            any = true;
        }
        TRY(json_write_key(out, slice_str(cordon_limit_get_info((cordon_limit)i)->name)));
        TRY(after->set[i] ? json_write_u64(out, after->value[i])
                          : buffer_append(out, SLICE("null")));
    }
    return any ? buffer_append_byte(out, '}') : NULL;
}

cordon_error *config_write_changes(
    const cordon_config *before, const cordon_config *after, struct buffer *out)
{
    size_t count = 0;
    const struct setting *const settings = config_settings(&count);
    TRY(buffer_append_byte(out, '{'));
    for (size_t i = 0; i < count; i++) {
        if (is_live(&settings[i]) && !is_same(&settings[i], before, after)) {
            TRY(json_write_key(out, slice_str(settings[i].name)));
            TRY(write_value(&settings[i], after, out));
        }
    }
    TRY(write_changed_limits(&before->limits, &after->limits, out));
    return buffer_append_byte(out, '}');
}

static cordon_error *write_fixed(const char *name, const char *part, struct buffer *out)
{
    return buffer_printf(
        out, "%s%s%s%s", out->size == 0 ? "" : ", ", name, part == NULL ? "" : ".",
        part == NULL ? "" : part);
}

static cordon_error *write_fixed_limits(
    const cordon_limit_set *before, const cordon_limit_set *after, struct buffer *out)
{
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (!limit_can_change((cordon_limit)i) && !is_same_limit(before, after, i)) {
            TRY(write_fixed("limits", cordon_limit_get_info((cordon_limit)i)->name, out));
        }
    }
    return NULL;
}

cordon_error *config_write_fixed(
    const cordon_config *before, const cordon_config *after, struct buffer *out)
{
    size_t count = 0;
    const struct setting *const settings = config_settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (settings[i].type == SETTING_LIMITS) {
            TRY(write_fixed_limits(&before->limits, &after->limits, out));
        } else if (!is_live(&settings[i]) && !is_same(&settings[i], before, after)) {
            TRY(write_fixed(settings[i].name, NULL, out));
        }
    }
    return NULL;
}
