/*
 * Settings from any bytes: refused with words, or texts that end and numbers in their range. The
 * parser is `cordon serve --config`'s. What stands behind a NUL is an environment, entry by entry,
 * each with a NUL behind it, that goes over the file.
 */
#include <cordon/config.h>

#include <stdint.h>
#include <string.h>

#include "api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTRIES_MAX = 16 };

static void check_config(const cordon_config *config)
{
    const uint32_t timeouts_ms[] = {
        config->request_timeout_ms, config->idle_timeout_ms, config->write_timeout_ms};
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        CORDON_ASSERT(timeouts_ms[i] == 0 || (timeouts_ms[i] >= 250 && timeouts_ms[i] <= 86400000));
    }
    const char *const texts[] = {config->listen, config->operator_listen, config->data};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CORDON_ASSERT(texts[i] == NULL || texts[i][0] != '\0');
    }
    for (size_t i = 0; i < config->host_name_count; i++) {
        CORDON_ASSERT(config->host_names[i][0] != '\0');
    }
    for (size_t i = 0; i < config->auth_provider_count; i++) {
        const cordon_auth_provider *provider = &config->auth_providers[i];
        CORDON_ASSERT(provider->issuer[0] != '\0' && provider->jwks[0] != '\0');
        CORDON_ASSERT(provider->application_id != NULL || provider->algorithm != NULL);
    }
}

/* Errors have words. */
static void let_go(cordon_error *error)
{
    CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
    cordon_error_free(error);
}

/* The entries in `text`, which ends with a NUL; a refused one leaves good settings behind. */
static void override(cordon_config *config, const char *text, size_t size)
{
    const char *entries[ENTRIES_MAX + 1] = {NULL};
    size_t count = 0;
    for (size_t at = 0; at < size && count < ENTRIES_MAX; at += strlen(text + at) + 1) {
        entries[count++] = text + at;
    }
    cordon_error *error = cordon_config_override(config, entries);
    if (error != NULL) {
        let_go(error);
    }
}

/* What it tells apart from settings that are all defaults. */
static void compare(const cordon_config *config)
{
    cordon_config *defaults = NULL;
    CORDON_CLEANUP_BUFFER struct buffer changes;
    CORDON_CLEANUP_BUFFER struct buffer fixed;
    buffer_init(&changes, SIZE_MAX);
    buffer_init(&fixed, SIZE_MAX);
    cordon_error *const errors[] = {
        cordon_config_parse("{}", 2, &defaults),
        defaults == NULL ? NULL : config_write_changes(defaults, config, &changes),
        defaults == NULL ? NULL : config_write_fixed(defaults, config, &fixed),
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        CORDON_ASSERT(errors[i] == NULL);
    }
    CORDON_ASSERT(changes.size >= 2);
    cordon_config_free(defaults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cordon_config *config = NULL;
    const uint8_t *const nul = size == 0 ? NULL : memchr(data, '\0', size);
    const size_t file_size = nul == NULL ? size : (size_t)(nul - data);
    cordon_error *error = cordon_config_parse((const char *)data, file_size, &config);
    if (error != NULL) {
        CORDON_ASSERT(config == NULL);
        let_go(error);
        return 0;
    }
    if (nul != NULL && data[size - 1] == '\0' && file_size + 1 < size) {
        override(config, (const char *)nul + 1, size - file_size - 1);
    }
    check_config(config);
    compare(config);
    cordon_config_free(config);
    return 0;
}
