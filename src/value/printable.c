/* Escaping what must not be printed raw. */
#include "value/printable.h"

#include "base/error.h"
#include "value/utf8.h"

#include <stdio.h>

static bool is_dangerous(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point == 0x61c ||
           code_point == 0x200e || code_point == 0x200f ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

size_t printable_first(struct slice text, char out[PRINTABLE_BYTES_EACH], size_t *out_taken)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code_point = 0;
    size_t ignored = 0;
    const size_t size = utf8_decode(text, &code_point, &ignored);
    if (size > 0 && !is_dangerous(code_point)) {
        memcpy(out, text.data, size);
        *out_taken = size;
        return size;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[text.data[0] >> 4];
    out[3] = digits[text.data[0] & 15];
    *out_taken = 1;
    return PRINTABLE_BYTES_EACH;
}

const char *printable_write(struct slice text, char *out, size_t out_size)
{
    CORDON_ASSERT(out_size >= sizeof "...");
    const size_t room = out_size - sizeof "...";
    size_t used = 0;
    size_t at = 0;
    while (at < text.size) {
        char each[PRINTABLE_BYTES_EACH];
        size_t taken = 0;
        const size_t size = printable_first(slice_from(text, at), each, &taken);
        if (size > room - used) {
            break;
        }
        memcpy(out + used, each, size);
        used += size;
        at += taken;
    }
    (void)snprintf(out + used, out_size - used, "%s", at < text.size ? "..." : "");
    return out;
}

struct printable printable(struct slice name)
{
    struct printable printable = {.text = ""};
    (void)printable_write(name, printable.text, sizeof printable.text);
    return printable;
}
