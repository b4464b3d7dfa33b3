/* Targets, taken apart where they stand. */
#include "http/target.h"

#include <string.h>

struct slice http_target_path(struct slice target)
{
    const uint8_t *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    return slice_of(target.data, mark == NULL ? target.size : (size_t)(mark - target.data));
}

bool http_target_find(struct slice target, const char *name, struct slice *out_value)
{
    const struct slice path = http_target_path(target);
    size_t at = path.size + 1;
    const size_t name_size = strlen(name);
    while (at < target.size) {
        const uint8_t *end = memchr(target.data + at, '&', target.size - at);
        const size_t stop = end == NULL ? target.size : (size_t)(end - target.data);
        if (stop - at > name_size && target.data[at + name_size] == '=' &&
            memcmp(target.data + at, name, name_size) == 0) {
            *out_value = slice_of(target.data + at + name_size + 1, stop - at - name_size - 1);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool http_target_decode(struct buffer *out, struct slice part, bool plus_is_space)
{
    for (size_t i = 0; i < part.size; i++) {
        uint8_t byte = part.data[i];
        if (byte == '%') {
            if (part.size - i < 3) {
                return false;
            }
            const int high = hex_value(part.data[i + 1]);
            const int low = hex_value(part.data[i + 2]);
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        cordon_error *error = buffer_append_byte(out, byte);
        if (error != NULL) {
            cordon_error_free(error);
            return false;
        }
    }
    return true;
}

bool http_target_parameter(
    struct slice target, const char *name, struct buffer *out, bool *out_found)
{
    struct slice value = {0};
    *out_found = http_target_find(target, name, &value);
    return !*out_found || http_target_decode(out, value, true);
}

bool http_read_number(struct slice text, uint64_t most, uint64_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || digit > most || number > (most - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    return text.size > 0;
}
