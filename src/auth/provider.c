/* Providers and their verdicts; see provider.h. */
#include "auth/provider.h"

#include "auth/keys.h"
#include "auth/source.h"
#include "auth/token.h"
#include "base/memory.h"
#include "base/random.h"

#include <stdatomic.h>

struct provider {
    char *tenant;
    char *issuer;
    char *application_id; /* NULL: any */
    bool has_algorithm;
    enum auth_algorithm algorithm;
    struct auth_source *source; /* of its keys */
};

struct auth_config {
    atomic_uint references;
    uint64_t number;
    atomic_uint_fast64_t verifications;
    double skew_s;
    struct auth_accepted *accepted;
    size_t count;
    struct provider providers[];
};

/* -- Making --------------------------------------------------------------------------------- */

static cordon_error *copy_text(const char *text, char **out_copy)
{
    *out_copy = mem_copy_string(slice_str(text));
    return *out_copy == NULL ? error_no_memory() : NULL;
}

static cordon_error *read_algorithm(struct provider *provider, const char *name)
{
    provider->has_algorithm = name != NULL;
    if (name != NULL && !auth_algorithm_read(slice_str(name), &provider->algorithm)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the algorithm of the provider '%s' must be RS256, ES256 or EdDSA",
            provider->issuer);
    }
    return NULL;
}

static cordon_error *read_provider(
    const struct auth_provider *given, struct auth_teller teller, struct provider *provider)
{
    if (given->issuer == NULL || given->issuer[0] == '\0' || strchr(given->issuer, '|') != NULL) {
        return cordon_error_new(
            CORDON_E_INVALID, "a provider needs an issuer, which has no `|`, such as "
                              "\"https://auth.example.org\"");
    }
    TRY(copy_text(given->tenant, &provider->tenant));
    TRY(copy_text(given->issuer, &provider->issuer));
    if (given->application_id != NULL) {
        TRY(copy_text(given->application_id, &provider->application_id));
    }
    TRY(read_algorithm(provider, given->algorithm));
    if (given->jwks == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the provider '%s' needs `jwks`, the path of a file with its public keys, or their URL",
            provider->issuer);
    }
    return auth_source_new(given->jwks, given->url_folder, teller, &provider->source);
}

/* Counts each before it is read: what there is of it goes with the others then. */
static cordon_error *read_providers(
    const struct auth_provider *given,
    size_t count,
    struct auth_teller teller,
    struct auth_config *config)
{
    TRY(auth_accepted_new(&config->accepted));
    while (config->count < count) {
        const size_t at = config->count++;
        TRY(read_provider(&given[at], teller, &config->providers[at]));
    }
    return NULL;
}

cordon_error *auth_config_new(
    const struct auth_provider *providers,
    size_t count,
    uint32_t skew_s,
    struct auth_teller teller,
    struct auth_config **out_config)
{
    if (count > AUTH_PROVIDERS_MAX || skew_s > AUTH_SKEW_S_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "a deployment has at most %d providers, and clocks that differ by %d seconds at most",
            AUTH_PROVIDERS_MAX, AUTH_SKEW_S_MAX);
    }
    struct auth_config *config = mem_new(sizeof *config + count * sizeof config->providers[0]);
    if (config == NULL) {
        return error_no_memory();
    }
    atomic_init(&config->references, 1);
    random_system(&config->number, sizeof config->number);
    config->skew_s = skew_s;
    cordon_error *error = read_providers(providers, count, teller, config);
    if (error != NULL) {
        auth_config_unref(config);
        return error;
    }
    *out_config = config;
    return NULL;
}

struct auth_config *auth_config_ref(struct auth_config *config)
{
    if (config != NULL) {
        (void)atomic_fetch_add(&config->references, 1);
    }
    return config;
}

void auth_config_unref(struct auth_config *config)
{
    if (config == NULL || atomic_fetch_sub(&config->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < config->count; i++) {
        mem_free(config->providers[i].tenant);
        mem_free(config->providers[i].issuer);
        mem_free(config->providers[i].application_id);
        auth_source_free(config->providers[i].source);
    }
    auth_accepted_free(config->accepted);
    mem_free(config);
}

uint64_t auth_config_number(const struct auth_config *config)
{
    return config->number;
}

uint64_t auth_config_verifications(const struct auth_config *config)
{
    return atomic_load(&config->verifications);
}

size_t auth_config_count(const struct auth_config *config)
{
    return config->count;
}

const char *auth_config_key_file(const struct auth_config *config, size_t provider)
{
    return auth_source_path(config->providers[provider].source);
}

const char *auth_config_url(const struct auth_config *config, size_t provider)
{
    return auth_source_url(config->providers[provider].source);
}

bool auth_config_take_wish(struct auth_config *config, size_t provider)
{
    return auth_source_take_wish(config->providers[provider].source);
}

/* -- Judging -------------------------------------------------------------------------------- */

/* An issuer without what does not tell it from others. */
static struct slice bare_issuer(struct slice issuer)
{
    if (slice_starts_with(issuer, SLICE("https://"))) {
        issuer = slice_from(issuer, SLICE("https://").size);
    }
    if (issuer.size > 0 && issuer.data[issuer.size - 1] == '/') {
        issuer.size--;
    }
    return issuer;
}

static struct provider *find_provider(
    struct auth_config *config, struct slice tenant, const struct auth_token *token)
{
    const struct slice issuer = bare_issuer(token->issuer);
    for (size_t i = 0; config != NULL && i < config->count; i++) {
        struct provider *provider = &config->providers[i];
        if (slice_equal(slice_str(provider->tenant), tenant) &&
            slice_equal(bare_issuer(slice_str(provider->issuer)), issuer) &&
            (provider->application_id == NULL ||
             auth_token_is_for(token, slice_str(provider->application_id)))) {
            return provider;
        }
    }
    return NULL;
}

/* What a token is held against. */
struct judging {
    struct auth_config *config;
    const struct provider *provider;
    const struct auth_keys *keys;
    const struct auth_token *token;
    double now_s;
};

/* By the key that is meant, or by any other: one signature. */
static bool verify(
    const struct judging *judging, enum auth_algorithm algorithm, const struct auth_key *meant)
{
    const struct auth_key *key = meant == NULL ? auth_keys_any(judging->keys, algorithm) : meant;
    const struct auth_token *token = judging->token;
    const bool verified = public_key_verify(key->key, token->signed_part, token->signature);
    (void)atomic_fetch_add(&judging->config->verifications, 1);
    return verified && meant != NULL;
}

/*
 * All but the signature is looked at first, and the signature is verified then whatever came of
 * that.
 */
static bool is_genuine(const struct judging *judging)
{
    const struct auth_token *token = judging->token;
    const struct provider *provider = judging->provider;
    enum auth_algorithm algorithm = AUTH_RS256;
    const bool known = auth_algorithm_read(token->algorithm, &algorithm);
    const struct auth_key *meant =
        known ? auth_keys_find(judging->keys, algorithm, token->key_id) : NULL;
    const bool wanted = !provider->has_algorithm || provider->algorithm == algorithm;
    const bool timely = auth_times_hold(&token->times, judging->now_s, judging->config->skew_s);
    const bool good = meant != NULL && wanted && timely && token->is_plain;
    auth_source_wish(provider->source, meant == NULL && token->key_id.size > 0);
    const bool verified = verify(judging, algorithm, meant);
    return good && verified;
}

/* Also tells by which reading of the provider's keys. */
static enum auth_verdict judge_by(
    const struct judging *given,
    struct provider *provider,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance)
{
    struct auth_keys *keys = auth_source_keys(provider->source, &out_acceptance->reading);
    struct judging judging = *given;
    judging.provider = provider;
    judging.keys = keys;
    const bool genuine = keys != NULL && is_genuine(&judging);
    auth_source_wish(provider->source, keys == NULL);
    auth_keys_unref(keys);
    if (!genuine) {
        return AUTH_REJECTED;
    }
    const size_t before = out_text->size;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        identity_from_claims(json_root(given->token->claims), out_text, &out_acceptance->identity);
    if (error == NULL) {
        out_acceptance->provider = provider;
        out_acceptance->times = given->token->times;
        return AUTH_ACCEPTED;
    }
    out_text->size = before;
    const cordon_error_code code = cordon_error_get_code(error);
    return code == CORDON_E_INVALID || code == CORDON_E_TOO_LARGE ? AUTH_REJECTED : AUTH_UNSEEN;
}

static enum auth_verdict judge(
    struct auth_config *config,
    struct slice tenant,
    struct slice text,
    double now_s,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance)
{
    struct auth_token token;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = auth_token_read(text, &token);
    enum auth_verdict verdict = AUTH_MALFORMED;
    if (error == NULL) {
        struct provider *provider = find_provider(config, tenant, &token);
        const struct judging judging = {.config = config, .token = &token, .now_s = now_s};
        verdict = provider == NULL ? AUTH_NO_PROVIDER
                                   : judge_by(&judging, provider, out_text, out_acceptance);
    } else if (cordon_error_get_code(error) == CORDON_E_NO_MEMORY) {
        verdict = AUTH_UNSEEN;
    }
    auth_token_done(&token);
    return verdict;
}

/* By nothing that it hung on having changed. */
bool auth_config_holds(
    const struct auth_config *config, const struct auth_acceptance *acceptance, double now_s)
{
    const struct provider *provider = acceptance->provider;
    uint64_t reading = 0;
    struct auth_keys *keys = auth_source_keys(provider->source, &reading);
    const bool holds = keys != NULL && reading == acceptance->reading &&
                       auth_times_hold(&acceptance->times, now_s, config->skew_s);
    auth_keys_unref(keys);
    return holds;
}

/* Whether it was accepted lately, and still is. */
static bool recall(
    struct auth_config *config,
    const struct auth_token_id *id,
    double now_s,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance)
{
    if (!auth_accepted_look(config->accepted, id, out_acceptance)) {
        return false;
    }
    if (!auth_config_holds(config, out_acceptance, now_s)) {
        auth_accepted_drop(config->accepted, id);
        return false;
    }
    return auth_accepted_take(config->accepted, id, out_acceptance, out_text);
}

enum auth_verdict auth_config_judge(
    struct auth_config *config,
    struct slice tenant,
    struct slice text,
    double now_s,
    struct buffer *out_text,
    struct auth_acceptance *out_acceptance)
{
    struct auth_acceptance acceptance = {0};
    enum auth_verdict verdict = AUTH_ACCEPTED;
    if (config == NULL || text.size > AUTH_TOKEN_BYTES_MAX) { /* which accepts none */
        return judge(config, tenant, text, now_s, out_text, &acceptance);
    }
    const struct auth_token_id id = auth_token_id_of(tenant, text);
    if (!recall(config, &id, now_s, out_text, &acceptance)) {
        verdict = judge(config, tenant, text, now_s, out_text, &acceptance);
        if (verdict == AUTH_ACCEPTED) {
            auth_accepted_add(config->accepted, &id, &acceptance);
        }
    }
    if (verdict == AUTH_ACCEPTED) {
        *out_acceptance = acceptance;
    }
    return verdict;
}
