/* The Host header, request ids and traces. */
#include "http/request_headers.h"

#include "http/parse.h"

/* The host without its port: `[::1]:3210` and `name:3210`. */
static struct slice without_port(struct slice host)
{
    size_t at = host.size;
    while (at > 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9') {
        at--;
    }
    if (at > 0 && at < host.size + 1 && host.data[at - 1] == ':' &&
        (host.data[0] != '[' || (at > 1 && host.data[at - 2] == ']'))) {
        return slice_of(host.data, at - 1);
    }
    return host;
}

/* 127.0.0.0/8 in dotted form, four numbers up to 255. */
static bool is_loopback_v4(struct slice host)
{
    unsigned parts[4] = {0};
    unsigned part = 0;
    unsigned digits = 0;
    for (size_t i = 0; i < host.size; i++) {
        const uint8_t c = host.data[i];
        if (c == '.' && digits > 0 && part < 3) {
            part++;
            digits = 0;
        } else if (c >= '0' && c <= '9' && digits < 3) {
            parts[part] = parts[part] * 10 + (unsigned)(c - '0');
            digits++;
        } else {
            return false;
        }
    }
    return part == 3 && digits > 0 && parts[0] == 127 && parts[1] < 256 && parts[2] < 256 &&
           parts[3] < 256;
}

struct slice http_host_name(struct slice host)
{
    return without_port(host);
}

bool http_host_accepted(struct slice host, const char *const *names, size_t name_count)
{
    const struct slice name = without_port(host);
    if (http_token_is(name, "localhost") || http_token_is(name, "[::1]") || is_loopback_v4(name)) {
        return true;
    }
    for (size_t i = 0; i < name_count; i++) {
        if (http_token_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

bool http_request_id_accepted(struct slice id)
{
    if (id.size == 0 || id.size > 64) {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        const uint8_t c = id.data[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain) {
            return false;
        }
    }
    return true;
}

/* So many hexadecimal digits, small ones; `*out_zero`: all of them are 0. */
static bool take_hex(struct slice *text, size_t digits, bool *out_zero)
{
    *out_zero = true;
    if (text->size < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        const uint8_t c = text->data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *out_zero = *out_zero && c == '0';
    }
    *text = slice_from(*text, digits);
    return true;
}

static bool take_dash(struct slice *text)
{
    if (text->size == 0 || text->data[0] != '-') {
        return false;
    }
    *text = slice_from(*text, 1);
    return true;
}

struct slice http_traceparent(struct slice header)
{
    enum { BYTES = 2 + 1 + 32 + 1 + 16 + 1 + 2 };
    const struct slice none = {0};
    struct slice rest = header;
    bool no_trace = false;
    bool no_parent = false;
    bool unused = false;
    if (!take_hex(&rest, 2, &unused) || !take_dash(&rest) || !take_hex(&rest, 32, &no_trace) ||
        !take_dash(&rest) || !take_hex(&rest, 16, &no_parent) || !take_dash(&rest) ||
        !take_hex(&rest, 2, &unused) || no_trace || no_parent) {
        return none;
    }
    const struct slice version = slice_of(header.data, 2);
    const bool is_first = slice_equal(version, SLICE("00"));
    const bool is_none = slice_equal(version, SLICE("ff"));
    /* Later versions may say more, behind a dash; this one has nothing behind. */
    const bool good = !is_none && (rest.size == 0 || (!is_first && rest.data[0] == '-'));
    return good ? slice_of(header.data, BYTES) : none;
}
