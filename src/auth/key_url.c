/* URLs of key sets; see key_url.h. */
#include "auth/key_url.h"

#include "base/hash.h"
#include "value/printable.h"

#include <arpa/inet.h>
#include <string.h>

#define SECURE "https://"
#define PLAIN "http://"

static bool begins(const char *text, const char *with)
{
    return slice_starts_with_letters(slice_str(text), slice_str(with));
}

bool key_url_is_secure(const char *url)
{
    return begins(url, SECURE);
}

bool key_url_is(const char *place)
{
    return begins(place, SECURE) || begins(place, PLAIN);
}

/* What stands between the scheme and the path: host and port. */
static struct slice authority_of(const char *url)
{
    const char *const start = strstr(url, "://") + 3;
    return slice_of(start, strcspn(start, "/?#"));
}

/* Without its port. */
static struct slice host_of(struct slice authority)
{
    const bool is_bracketed = authority.size > 0 && authority.data[0] == '[';
    const uint8_t *const end =
        authority.size == 0 ? NULL
                            : memchr(authority.data, is_bracketed ? ']' : ':', authority.size);
    if (end == NULL) {
        return authority;
    }
    return slice_of(authority.data, (size_t)(end - authority.data) + (is_bracketed ? 1 : 0));
}

/* By its text, before anything is looked up: a name could lead anywhere. */
static bool is_loopback(struct slice host)
{
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr address = {0};
    if (slice_equal(host, SLICE("localhost")) || slice_equal(host, SLICE("[::1]"))) {
        return true;
    }
    if (host.size >= sizeof text) {
        return false;
    }
    memcpy(text, host.data, host.size);
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool is_plain_text(const char *url)
{
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '\\') {
            return false;
        }
    }
    return true;
}

cordon_error *key_url_check(const char *url)
{
    if (strlen(url) > KEY_URL_BYTES_MAX || !is_plain_text(url) || strchr(url, '#') != NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the URL of a key set, '%s', has at most %d bytes, with no blanks, no `#`, and what is "
            "not ASCII written as %%XX",
            printable(slice_str(url)).text, KEY_URL_BYTES_MAX);
    }
    const struct slice authority = authority_of(url);
    const struct slice host = host_of(authority);
    if (host.size == 0 || memchr(authority.data, '@', authority.size) != NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the URL of a key set, '%s', names a host, and no user or password; such as "
            "\"https://auth.example.org/.well-known/jwks.json\"",
            printable(slice_str(url)).text);
    }
    if (!key_url_is_secure(url) && !is_loopback(host)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the key set '%s' would be fetched by http://, where anybody on the way can be every "
            "user; write https://. Only this machine itself may be asked by http:// (127.0.0.1, "
            "[::1], localhost)",
            printable(slice_str(url)).text);
    }
    return NULL;
}

cordon_error *key_url_path(const char *folder, const char *url, struct buffer *out)
{
    const struct slice text = slice_str(url);
    uint8_t hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    hash_sha256(&text, 1, hash);
    hex_encode(slice_of(hash, sizeof hash), hex);
    TRY(buffer_printf(out, "%s/%s.jwks", folder, hex));
    return buffer_append_byte(out, '\0');
}
