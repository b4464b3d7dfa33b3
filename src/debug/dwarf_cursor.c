/* The longer takes of a cursor over debug information. */
#include "debug/dwarf_cursor.h"

/* Looking for the end of a text costs a step for so many bytes, as that is faster than reading. */
#define TEXT_BYTES_PER_STEP 64

uint64_t dwarf_take_uleb_long(struct dwarf_cursor *c)
{
    uint64_t number = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        byte = dwarf_take_byte(c);
        if (shift > 63 || (shift == 63 && (byte & 0x7e) != 0)) {
            dwarf_fail(c);
            return 0;
        }
        number |= (uint64_t)(byte & 0x7f) << shift;
    }
    return number;
}

int64_t dwarf_take_sleb(struct dwarf_cursor *c)
{
    uint64_t number = 0;
    uint8_t byte = 0x80;
    unsigned shift = 0;
    for (; (byte & 0x80) != 0; shift += 7) {
        byte = dwarf_take_byte(c);
        if (shift > 63) {
            dwarf_fail(c);
            return 0;
        }
        number |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (shift < 64 && (byte & 0x40) != 0) {
        number |= UINT64_MAX << shift;
    }
    return (int64_t)number;
}

struct slice dwarf_take_text(struct dwarf_cursor *c)
{
    if (!dwarf_has_more(c)) {
        dwarf_fail(c);
        return (struct slice){NULL, 0};
    }
    const uint8_t *start = c->section.data + c->at;
    const size_t left = c->end - c->at;
    const uint8_t *end = memchr(start, '\0', left);
    const size_t size = end == NULL ? left : (size_t)(end - start);
    if (!dwarf_spend(c, 1 + size / TEXT_BYTES_PER_STEP) || end == NULL) {
        dwarf_fail(c);
        return (struct slice){NULL, 0};
    }
    c->at += size + 1;
    return slice_of(start, size);
}
