/*
 * UTF-8, decoded by the table of RFC 3629: the first byte says how many follow and which range the
 * second one must be in; that range is what keeps out overlong forms, surrogates and what lies
 * above U+10FFFF.
 */
#include "value/utf8.h"

struct lead {
    uint8_t size;       /* bytes of the character */
    uint8_t second_min; /* range of its second byte */
    uint8_t second_max;
};

static struct lead lead_of(uint8_t first)
{
    if (first < 0xc2) { /* a continuation byte, or overlong */
        return (struct lead){0};
    }
    if (first < 0xe0) {
        return (struct lead){2, 0x80, 0xbf};
    }
    if (first < 0xf0) {
        return (struct lead){3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf};
    }
    if (first < 0xf5) {
        return (struct lead){4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf};
    }
    return (struct lead){0};
}

size_t utf8_decode(struct slice text, uint32_t *out_code_point, size_t *out_skip)
{
    const uint8_t first = text.data[0];
    if (first < 0x80) {
        *out_code_point = first;
        return 1;
    }
    const struct lead lead = lead_of(first);
    uint32_t code_point = first & (0xffU >> (lead.size + 1U));
    uint8_t min = lead.second_min;
    uint8_t max = lead.second_max;
    size_t at = 1;
    for (; at < lead.size; at++) {
        if (at == text.size || text.data[at] < min || text.data[at] > max) {
            break;
        }
        code_point = code_point << 6 | (text.data[at] & 0x3fU);
        min = 0x80;
        max = 0xbf;
    }
    if (at < lead.size || lead.size == 0) {
        *out_skip = at; /* as much of a character as was there: what one U+FFFD stands for */
        return 0;
    }
    *out_code_point = code_point;
    return lead.size;
}

bool utf8_valid(struct slice text)
{
    size_t at = 0;
    while (at < text.size) {
        uint64_t eight = 0;
        if (text.size - at >= sizeof eight) {
            memcpy(&eight, text.data + at, sizeof eight);
            if ((eight & 0x8080808080808080U) == 0) { /* plain ASCII, as most text is */
                at += sizeof eight;
                continue;
            }
        }
        uint32_t code_point = 0;
        size_t skip = 0;
        const size_t size = utf8_decode(slice_from(text, at), &code_point, &skip);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

struct slice utf8_cut(struct slice text, size_t size_max)
{
    if (text.size <= size_max) {
        return text;
    }
    size_t size = size_max;
    /* A character has at most three continuation bytes: more of them are no character at all. */
    for (unsigned back = 0; back < 3 && size > 0 && (text.data[size] & 0xc0) == 0x80; back++) {
        size--;
    }
    return slice_of(text.data, size);
}
