/*
 * A cursor over a section of debug information: the only code that touches its bytes, and the meter
 * of all work on it.
 *
 * Every take checks that what it reads lies inside the part given, and spends a step. So no loop
 * that reads can run away, whatever counts, offsets and cycles hostile bytes state: the steps of
 * one resolution are counted down in one place (dwarf.h says how many there are), and a spent
 * meter looks like the end of the bytes.
 *
 * A failure sticks: the cursor is bad, stands at its end, and gives zeros and empty texts from then
 * on. So readers check once, after a sequence of takes, and not after each. Nothing here allocates
 * and nothing makes an error: what can't be read is not there.
 */
#ifndef DEBUG_DWARF_CURSOR_H
#define DEBUG_DWARF_CURSOR_H

#include "base/slice.h"

struct dwarf_cursor {
    struct slice section;
    size_t at; /* next byte, from the start of the section */
    size_t end;
    uint64_t *steps; /* left for the whole resolution; shared by all its cursors */
    bool bad;
};

static inline void dwarf_fail(struct dwarf_cursor *c)
{
    c->bad = true;
    c->at = c->end;
}

/* Over the bytes from `at` up to `end`; bad at once if the section does not have them. */
static inline struct dwarf_cursor dwarf_cursor_over(
    struct slice section, uint64_t at, uint64_t end, uint64_t *steps)
{
    struct dwarf_cursor c = {.section = section, .end = section.size, .steps = steps};
    if (at > end || end > section.size) {
        dwarf_fail(&c);
        return c;
    }
    c.at = (size_t)at;
    c.end = (size_t)end;
    return c;
}

/* Whether there is more to read; false once the cursor is bad. */
static inline bool dwarf_has_more(const struct dwarf_cursor *c)
{
    return c->at < c->end;
}

/* Pays for work that no take pays for; false, and a bad cursor, if there are not so many steps. */
static inline bool dwarf_spend(struct dwarf_cursor *c, uint64_t steps)
{
    if (*c->steps < steps) {
        *c->steps = 0;
        dwarf_fail(c);
        return false;
    }
    *c->steps -= steps;
    return true;
}

/*
 * The next `size` bytes, of which there is at least one; NULL, and a bad cursor, if there are not.
 */
static inline const uint8_t *dwarf_take(struct dwarf_cursor *c, uint64_t size)
{
    if (size > c->end - c->at || !dwarf_spend(c, 1)) {
        dwarf_fail(c);
        return NULL;
    }
    const uint8_t *bytes = c->section.data + c->at;
    c->at += (size_t)size;
    return bytes;
}

static inline uint8_t dwarf_take_byte(struct dwarf_cursor *c)
{
    const uint8_t *byte = dwarf_take(c, 1);
    return byte == NULL ? 0 : *byte;
}

/* A little-endian number of 1 to 8 bytes. */
static inline uint64_t dwarf_take_fixed(struct dwarf_cursor *c, unsigned size)
{
    const uint8_t *bytes = dwarf_take(c, size);
    uint64_t number = 0;
    for (unsigned i = 0; bytes != NULL && i < size; i++) {
        number |= (uint64_t)bytes[i] << (8 * i);
    }
    return number;
}

static inline uint32_t dwarf_take_u32(struct dwarf_cursor *c)
{
    return (uint32_t)dwarf_take_fixed(c, 4);
}

/* LEB128 of at most 64 bits, padded or not; one that is longer or has bits past the 64th is bad. */
uint64_t dwarf_take_uleb_long(struct dwarf_cursor *c);
int64_t dwarf_take_sleb(struct dwarf_cursor *c);

static inline uint64_t dwarf_take_uleb(struct dwarf_cursor *c)
{
    if (c->at < c->end && c->section.data[c->at] < 0x80) {
        return dwarf_take_byte(c);
    }
    return dwarf_take_uleb_long(c);
}

/* An unsigned LEB128 for a place that holds 32 bits; larger ones are bad. */
static inline uint32_t dwarf_take_uleb32(struct dwarf_cursor *c)
{
    const uint64_t number = dwarf_take_uleb(c);
    if (number > UINT32_MAX) {
        dwarf_fail(c);
        return 0;
    }
    return (uint32_t)number;
}

/* Passes over `size` bytes. */
static inline void dwarf_skip(struct dwarf_cursor *c, uint64_t size)
{
    if (size > 0) {
        (void)dwarf_take(c, size);
    }
}

/* The bytes up to a NUL, which is passed over. */
struct slice dwarf_take_text(struct dwarf_cursor *c);

#endif
