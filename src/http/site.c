/* Host names and providers; see site.h. */
#include "http/site.h"

#include "base/memory.h"
#include "http/internal.h"
#include "http/request_headers.h"
#include "value/printable.h"

void site_init(struct site *site)
{
    *site = (struct site){0};
    (void)pthread_rwlock_init(&site->lock, NULL);
}

void site_done(struct site *site)
{
    for (size_t i = 0; i < site->names.count; i++) {
        mem_free(site->names.list[i]);
    }
    mem_free(site->names.list);
    auth_config_unref(site->auth);
    (void)pthread_rwlock_destroy(&site->lock);
}

/*
 * In small letters. What could match no request is a slip. An address may be one of IPv6, in
 * brackets.
 */
static cordon_error *check_name(const char *name)
{
    const struct slice text = slice_str(name);
    const bool is_v6 = text.size > 2 && name[0] == '[' && name[text.size - 1] == ']' &&
                       strspn(name + 1, "0123456789abcdef:.") == text.size - 2;
    const char *const wrong = is_v6 ? NULL : tenant_host_wrong(text);
    return wrong == NULL ? NULL
                         : cordon_error_new(
                               CORDON_E_INVALID, "'%.80s' of `host_names` is no host name: %s",
                               printable(text).text, wrong);
}

static cordon_error *copy_names(const struct http_server_options *options, struct site_names *names)
{
    names->list = mem_new_array(options->host_name_count + 1, sizeof *names->list);
    if (names->list == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < options->host_name_count; i++) {
        char *name = mem_copy_string(slice_str(options->host_names[i]));
        if (name == NULL) {
            return error_no_memory();
        }
        for (char *at = name; *at != '\0'; at++) {
            *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
        }
        names->list[names->count++] = name;
        TRY(check_name(name));
    }
    return NULL;
}

cordon_error *site_read(struct site *site, const struct http_server_options *options)
{
    const uint32_t skew_s =
        options->auth_clock_skew_s > 0 ? options->auth_clock_skew_s : AUTH_SKEW_S_DEFAULT;
    TRY(copy_names(options, &site->names));
    return auth_config_new(
        options->auth_providers, options->auth_provider_count, skew_s,
        (struct auth_teller){authorize_tell, options->log}, &site->auth);
}

cordon_error *site_copy_hosts(const struct site *site, struct tenant_settings **out_hosts)
{
    const struct tenant_settings hosts = {
        .hosts = site->names.list, .host_count = site->names.count};
    return tenant_settings_copy(&hosts, out_hosts);
}

void site_swap(struct site *site, struct site *next)
{
    (void)pthread_rwlock_wrlock(&site->lock);
    const struct site_names names = site->names;
    struct auth_config *const auth = site->auth;
    site->names = next->names;
    site->auth = next->auth;
    (void)pthread_rwlock_unlock(&site->lock);
    next->names = names;
    next->auth = auth;
}

bool site_has_host(struct site *site, struct slice host)
{
    (void)pthread_rwlock_rdlock(&site->lock);
    const bool has =
        http_host_accepted(host, (const char *const *)site->names.list, site->names.count);
    (void)pthread_rwlock_unlock(&site->lock);
    return has;
}

struct auth_config *site_auth(struct site *site)
{
    (void)pthread_rwlock_rdlock(&site->lock);
    struct auth_config *const auth = auth_config_ref(site->auth);
    (void)pthread_rwlock_unlock(&site->lock);
    return auth;
}
