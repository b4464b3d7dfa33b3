/* Names of tenants and of hosts; see tenant_name.h. */
#include "run/tenant/tenant_name.h"

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A label of a host name: letters, digits, and hyphens that are neither first nor last. */
static bool is_label(struct slice text)
{
    if (text.size == 0 || text.size > TENANT_NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const bool is_edge = i == 0 || i + 1 == text.size;
        if (!is_letter_or_digit(text.data[i]) && (is_edge || text.data[i] != '-')) {
            return false;
        }
    }
    return true;
}

bool tenant_name_is_good(struct slice name)
{
    bool has_letter = false;
    for (size_t i = 0; i < name.size; i++) {
        has_letter = has_letter || (name.data[i] >= 'a' && name.data[i] <= 'z');
    }
    return has_letter && is_label(name);
}

bool tenant_host_is_of_machine(struct slice host)
{
    return slice_equal(host, SLICE("localhost")) || slice_starts_with(host, SLICE("127."));
}

/* What a byte that no label has was probably meant for. */
static const char *wrong_byte(uint8_t c)
{
    switch (c) {
    case ':':
        return "leave the port out";
    case '/':
        return "leave scheme and path out";
    case '*':
        return "there are no wildcards; name each host by itself";
    case ' ':
    case '\t':
        return "it has a space; leave that out";
    default:
        return c >= 0x80 ? "its letters are not of ASCII; name it as in the DNS, with xn--"
                         : "it may have letters, digits, hyphens and dots alone";
    }
}

static const char *wrong_label(struct slice label)
{
    if (label.size == 0) {
        return "a part of it between dots, or at an end, is empty";
    }
    for (size_t i = 0; i < label.size; i++) {
        if (!is_letter_or_digit(label.data[i]) && label.data[i] != '-') {
            return wrong_byte(label.data[i]);
        }
    }
    if (label.size > TENANT_NAME_BYTES_MAX) {
        return "a part of it between dots has more than 63 letters";
    }
    return is_label(label) ? NULL : "a part of it between dots has a hyphen at an end";
}

const char *tenant_host_wrong(struct slice host)
{
    size_t from = 0;
    if (host.size == 0) {
        return "it is empty";
    }
    for (size_t at = 0; at + 2 < host.size; at++) {
        if (memcmp(host.data + at, "://", 3) == 0) {
            return "leave the scheme out";
        }
    }
    if (host.size > TENANT_HOST_BYTES_MAX) {
        return "it has more than 253 letters";
    }
    for (size_t at = 0; at <= host.size; at++) {
        if (at == host.size || host.data[at] == '.') {
            const char *const wrong = wrong_label(slice_of(host.data + from, at - from));
            if (wrong != NULL) {
                return wrong;
            }
            from = at + 1;
        }
    }
    return NULL;
}
