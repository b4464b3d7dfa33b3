/*
 * Settings from any bytes: refused with words, or texts that end and numbers in their range. The
 * parser is `cordon serve --config`'s.
 */
#include <cordon/config.h>

#include <stdint.h>
#include <string.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cordon_config *config = NULL;
    cordon_error *error = cordon_config_parse((const char *)data, size, &config);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
        CORDON_ASSERT(config == NULL);
        cordon_error_free(error);
        return 0;
    }
    check_config(config);
    cordon_config_free(config);
    return 0;
}
