/* Providers in settings; see config_parts.h. */
#include "api/config_parts.h"

#include "auth/key_url.h"
#include "base/hash.h"
#include "value/json.h"

#include <string.h>

/* -- Reading -------------------------------------------------------------------------------- */

enum provider_field {
    FIELD_TYPE,
    FIELD_DOMAIN,
    FIELD_ISSUER,
    FIELD_APPLICATION,
    FIELD_ALGORITHM,
    FIELD_JWKS,
    FIELD_TENANT,
    PROVIDER_FIELDS
};

/* The fields of one, by Convex's names; each once. */
static cordon_error *read_provider_fields(
    struct arena *arena,
    const struct setting *setting,
    const cordon_json_value *value,
    const char *out_texts[PROVIDER_FIELDS])
{
    static const char *const names[PROVIDER_FIELDS] = {
        [FIELD_TYPE] = "type",           [FIELD_DOMAIN] = "domain",
        [FIELD_ISSUER] = "issuer",       [FIELD_APPLICATION] = "applicationID",
        [FIELD_ALGORITHM] = "algorithm", [FIELD_JWKS] = "jwks",
        [FIELD_TENANT] = "tenant"};
    cordon_json_walk walk = cordon_json_walk_begin(value);
    cordon_text name = {0};
    for (const cordon_json_value *text; (text = cordon_json_walk_next(&walk, &name)) != NULL;) {
        size_t at = 0;
        while (at < PROVIDER_FIELDS &&
               !slice_equal(slice_str(names[at]), slice_of(name.data, name.size))) {
            at++;
        }
        if (at == PROVIDER_FIELDS) {
            return config_unknown("field of a provider", name, names, PROVIDER_FIELDS);
        }
        if (out_texts[at] != NULL) {
            return cordon_error_new(
                CORDON_E_INVALID, "\"%s\" stands twice in a provider; leave one out", names[at]);
        }
        TRY(config_read_text(arena, setting, config_text_of(text), &out_texts[at]));
    }
    return NULL;
}

/* Convex has two kinds: those of OpenID Connect, and any other that signs tokens. */
cordon_error *config_read_provider(
    struct arena *arena,
    const struct setting *setting,
    const cordon_json_value *value,
    cordon_auth_provider *out_provider)
{
    const char *texts[PROVIDER_FIELDS] = {0};
    if (cordon_json_get_type(value) != CORDON_JSON_OBJECT) {
        return config_wrong(setting);
    }
    TRY(read_provider_fields(arena, setting, value, texts));
    const bool custom = texts[FIELD_TYPE] != NULL;
    if (custom && strcmp(texts[FIELD_TYPE], "customJwt") != 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "the \"type\" of a provider is \"customJwt\", or left out for one of "
                              "OpenID Connect");
    }
    const char *issuer = texts[custom ? FIELD_ISSUER : FIELD_DOMAIN];
    if (issuer == NULL || texts[FIELD_JWKS] == NULL ||
        texts[custom ? FIELD_DOMAIN : FIELD_ISSUER] ||
        (custom ? texts[FIELD_ALGORITHM] : texts[FIELD_APPLICATION]) == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "a provider has \"domain\", \"applicationID\" and \"jwks\"; or \"type\" "
            "\"customJwt\", \"issuer\", \"jwks\" and \"algorithm\", and should have "
            "\"applicationID\"");
    }
    if (key_url_is(texts[FIELD_JWKS])) {
        TRY(key_url_check(texts[FIELD_JWKS]));
    }
    *out_provider = (cordon_auth_provider){
        .issuer = issuer,
        .application_id = texts[FIELD_APPLICATION],
        .algorithm = texts[FIELD_ALGORITHM],
        .jwks = texts[FIELD_JWKS],
        .tenant = texts[FIELD_TENANT],
    };
    return NULL;
}

/* -- Comparing and writing ------------------------------------------------------------------- */

bool config_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool config_same_providers(const cordon_config *a, const cordon_config *b)
{
    bool same = a->auth_provider_count == b->auth_provider_count;
    for (size_t i = 0; same && i < a->auth_provider_count; i++) {
        const cordon_auth_provider *const in_a = &a->auth_providers[i];
        const cordon_auth_provider *const in_b = &b->auth_providers[i];
        same = config_same_text(in_a->issuer, in_b->issuer) &&
               config_same_text(in_a->application_id, in_b->application_id) &&
               config_same_text(in_a->algorithm, in_b->algorithm) &&
               config_same_text(in_a->jwks, in_b->jwks) &&
               config_same_text(in_a->tenant, in_b->tenant);
    }
    return same;
}

cordon_error *config_write_text(struct buffer *out, const char *text)
{
    return text == NULL ? buffer_append(out, SLICE("null"))
                        : json_write_string(out, slice_str(text));
}

/* Of a key set that stands in the setting itself its hash: it may be long. */
static cordon_error *write_key_set(struct buffer *out, const char *jwks)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    if (jwks == NULL || strncmp(jwks, "data:", 5) != 0) {
        return config_write_text(out, jwks);
    }
    const struct slice text = slice_str(jwks);
    hash_sha256(&text, 1, hash);
    hex_encode(slice_of(hash, sizeof hash), hex);
    return buffer_printf(out, "\"data: with SHA-256 %s\"", hex);
}

cordon_error *config_write_providers(struct buffer *out, const cordon_config *config)
{
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < config->auth_provider_count; i++) {
        const cordon_auth_provider *const provider = &config->auth_providers[i];
        TRY(json_write_comma(out));
        TRY(buffer_append(out, SLICE("{\"issuer\":")));
        TRY(config_write_text(out, provider->issuer));
        TRY(json_write_key(out, SLICE("applicationID")));
        TRY(config_write_text(out, provider->application_id));
        TRY(json_write_key(out, SLICE("algorithm")));
        TRY(config_write_text(out, provider->algorithm));
        TRY(json_write_key(out, SLICE("jwks")));
        TRY(write_key_set(out, provider->jwks));
        TRY(json_write_key(out, SLICE("tenant")));
        TRY(config_write_text(out, provider->tenant));
        TRY(buffer_append_byte(out, '}'));
    }
    return buffer_append_byte(out, ']');
}
