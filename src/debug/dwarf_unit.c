/*
 * Units: their headers, and which one holds an offset.
 *
 * Units stand one behind the other, each with its size, so that one that can't be used (of another
 * version, a type unit, for addresses of 64 bits) is passed over and the next is read.
 */
#include "debug/dwarf_unit.h"

enum {
    UNIT_COMPILE = 0x01,
    UNIT_PARTIAL = 0x03,
};

/* Sizes from here on mean another format; only files over 4 GB need it. */
#define UNIT_BYTES_END 0xfffffff0u

#define ADDRESS_BYTES 4

/* Reads what stands before the entries. False: this unit can't be used. */
static bool take_header(struct dwarf_cursor *c, struct dwarf_unit *unit)
{
    unit->version = (uint16_t)dwarf_take_fixed(c, 2);
    uint8_t type = UNIT_COMPILE;
    uint8_t address_bytes = 0;
    if (unit->version == 5) {
        type = dwarf_take_byte(c);
        address_bytes = dwarf_take_byte(c);
        unit->abbrevs = dwarf_take_u32(c);
    } else {
        unit->abbrevs = dwarf_take_u32(c);
        address_bytes = dwarf_take_byte(c);
    }
    unit->entries = (uint32_t)c->at;
    return !c->bad && (unit->version == 4 || unit->version == 5) &&
           (type == UNIT_COMPILE || type == UNIT_PARTIAL) && address_bytes == ADDRESS_BYTES;
}

/* A root has one of the first abbreviations: looking for it beats loading all of them. */
static bool take_root(struct dwarf *dwarf, struct dwarf_cursor *c, struct dwarf_unit *unit)
{
    struct dwarf_abbrev abbrev;
    if (!dwarf_abbrev_find(dwarf, unit->abbrevs, dwarf_take_uleb(c), &abbrev)) {
        return false;
    }
    dwarf_entry_read(dwarf, c, &abbrev, &unit->root);
    return !c->bad;
}

bool dwarf_unit_open(
    struct dwarf *dwarf, uint32_t offset, struct dwarf_unit *unit, uint32_t *out_next)
{
    *out_next = UINT32_MAX;
    struct dwarf_cursor c =
        dwarf_cursor_over(dwarf->sections.info, offset, dwarf->sections.info.size, &dwarf->steps);
    const uint32_t size = dwarf_take_u32(&c);
    if (c.bad || size >= UNIT_BYTES_END || size > c.end - c.at) {
        return false;
    }
    c.end = c.at + size;
    *out_next = (uint32_t)c.end;
    unit->offset = offset;
    unit->end = (uint32_t)c.end;
    return take_header(&c, unit) && take_root(dwarf, &c, unit);
}

static bool holds(const struct dwarf_unit *unit, uint64_t offset)
{
    return unit->table_count > 0 && offset >= unit->entries && offset < unit->end;
}

/* Without reading a root: only sizes. */
static bool find_unit(struct dwarf *dwarf, uint64_t offset, uint32_t *out_start)
{
    struct dwarf_cursor c =
        dwarf_cursor_over(dwarf->sections.info, 0, dwarf->sections.info.size, &dwarf->steps);
    while (dwarf_has_more(&c)) {
        const size_t start = c.at;
        dwarf_skip(&c, dwarf_take_u32(&c));
        if (!c.bad && offset < c.at) {
            *out_start = (uint32_t)start;
            return true;
        }
    }
    return false;
}

struct dwarf_unit *dwarf_unit_holding(struct dwarf *dwarf, uint64_t offset)
{
    if (holds(&dwarf->unit, offset)) {
        return &dwarf->unit;
    }
    if (holds(&dwarf->other, offset)) {
        return &dwarf->other;
    }
    uint32_t start = 0;
    uint32_t next = 0;
    dwarf->other.table_count = 0;
    const bool is_good = find_unit(dwarf, offset, &start) &&
                         dwarf_unit_open(dwarf, start, &dwarf->other, &next) &&
                         dwarf_unit_load(dwarf, &dwarf->other) && holds(&dwarf->other, offset);
    return is_good ? &dwarf->other : NULL;
}
