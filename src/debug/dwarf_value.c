/*
 * Values: in which form a value is written, and what it means.
 *
 * How far a form reaches is a table, for every form of DWARF 4 and 5: a reader that does not know
 * one loses its place. What it means is asked later and of few, as most values are passed over.
 */
#include "debug/dwarf_unit.h"

enum form {
    FORM_ADDR = 0x01,
    FORM_BLOCK2 = 0x03,
    FORM_BLOCK4 = 0x04,
    FORM_DATA2 = 0x05,
    FORM_DATA4 = 0x06,
    FORM_DATA8 = 0x07,
    FORM_STRING = 0x08,
    FORM_BLOCK = 0x09,
    FORM_BLOCK1 = 0x0a,
    FORM_DATA1 = 0x0b,
    FORM_FLAG = 0x0c,
    FORM_SDATA = 0x0d,
    FORM_STRP = 0x0e,
    FORM_UDATA = 0x0f,
    FORM_REF_ADDR = 0x10,
    FORM_REF1 = 0x11,
    FORM_REF2 = 0x12,
    FORM_REF4 = 0x13,
    FORM_REF8 = 0x14,
    FORM_REF_UDATA = 0x15,
    FORM_INDIRECT = 0x16,
    FORM_SEC_OFFSET = 0x17,
    FORM_EXPRLOC = 0x18,
    FORM_FLAG_PRESENT = 0x19,
    FORM_STRX = 0x1a,
    FORM_ADDRX = 0x1b,
    FORM_REF_SUP4 = 0x1c,
    FORM_STRP_SUP = 0x1d,
    FORM_DATA16 = 0x1e,
    FORM_LINE_STRP = 0x1f,
    FORM_REF_SIG8 = 0x20,
    FORM_IMPLICIT_CONST = 0x21,
    FORM_LOCLISTX = 0x22,
    FORM_RNGLISTX = 0x23,
    FORM_REF_SUP8 = 0x24,
    FORM_STRX1 = 0x25,
    FORM_STRX2 = 0x26,
    FORM_STRX3 = 0x27,
    FORM_STRX4 = 0x28,
    FORM_ADDRX1 = 0x29,
    FORM_ADDRX2 = 0x2a,
    FORM_ADDRX3 = 0x2b,
    FORM_ADDRX4 = 0x2c,
    FORM_COUNT,
};

enum shape {
    SHAPE_UNKNOWN,
    SHAPE_FIXED, /* so many bytes */
    SHAPE_WIDE,  /* so many bytes, which are no number of ours */
    SHAPE_ULEB,
    SHAPE_SLEB,
    SHAPE_TEXT,    /* up to a NUL */
    SHAPE_BLOCK,   /* a size in so many bytes, then the block; 0: the size is a ULEB128 */
    SHAPE_HIDDEN,  /* in the abbreviation */
    SHAPE_PRESENT, /* nothing at all */
};

static const struct {
    uint8_t shape;
    uint8_t bytes;
} forms[FORM_COUNT] = {
    [FORM_ADDR] = {SHAPE_FIXED, 4},
    [FORM_BLOCK2] = {SHAPE_BLOCK, 2},
    [FORM_BLOCK4] = {SHAPE_BLOCK, 4},
    [FORM_DATA2] = {SHAPE_FIXED, 2},
    [FORM_DATA4] = {SHAPE_FIXED, 4},
    [FORM_DATA8] = {SHAPE_FIXED, 8},
    [FORM_STRING] = {SHAPE_TEXT, 0},
    [FORM_BLOCK] = {SHAPE_BLOCK, 0},
    [FORM_BLOCK1] = {SHAPE_BLOCK, 1},
    [FORM_DATA1] = {SHAPE_FIXED, 1},
    [FORM_FLAG] = {SHAPE_FIXED, 1},
    [FORM_SDATA] = {SHAPE_SLEB, 0},
    [FORM_STRP] = {SHAPE_FIXED, 4},
    [FORM_UDATA] = {SHAPE_ULEB, 0},
    [FORM_REF_ADDR] = {SHAPE_FIXED, 4},
    [FORM_REF1] = {SHAPE_FIXED, 1},
    [FORM_REF2] = {SHAPE_FIXED, 2},
    [FORM_REF4] = {SHAPE_FIXED, 4},
    [FORM_REF8] = {SHAPE_FIXED, 8},
    [FORM_REF_UDATA] = {SHAPE_ULEB, 0},
    [FORM_SEC_OFFSET] = {SHAPE_FIXED, 4},
    [FORM_EXPRLOC] = {SHAPE_BLOCK, 0},
    [FORM_FLAG_PRESENT] = {SHAPE_PRESENT, 0},
    [FORM_STRX] = {SHAPE_ULEB, 0},
    [FORM_ADDRX] = {SHAPE_ULEB, 0},
    [FORM_REF_SUP4] = {SHAPE_FIXED, 4},
    [FORM_STRP_SUP] = {SHAPE_FIXED, 4},
    [FORM_DATA16] = {SHAPE_WIDE, 16},
    [FORM_LINE_STRP] = {SHAPE_FIXED, 4},
    [FORM_REF_SIG8] = {SHAPE_FIXED, 8},
    [FORM_IMPLICIT_CONST] = {SHAPE_HIDDEN, 0},
    [FORM_LOCLISTX] = {SHAPE_ULEB, 0},
    [FORM_RNGLISTX] = {SHAPE_ULEB, 0},
    [FORM_REF_SUP8] = {SHAPE_FIXED, 8},
    [FORM_STRX1] = {SHAPE_FIXED, 1},
    [FORM_STRX2] = {SHAPE_FIXED, 2},
    [FORM_STRX3] = {SHAPE_FIXED, 3},
    [FORM_STRX4] = {SHAPE_FIXED, 4},
    [FORM_ADDRX1] = {SHAPE_FIXED, 1},
    [FORM_ADDRX2] = {SHAPE_FIXED, 2},
    [FORM_ADDRX3] = {SHAPE_FIXED, 3},
    [FORM_ADDRX4] = {SHAPE_FIXED, 4},
};

uint32_t dwarf_form_bytes(uint64_t form)
{
    if (form >= FORM_COUNT) {
        return UINT32_MAX;
    }
    switch ((enum shape)forms[form].shape) {
    case SHAPE_FIXED:
    case SHAPE_WIDE:
    case SHAPE_HIDDEN:
    case SHAPE_PRESENT:
        return forms[form].bytes;
    case SHAPE_UNKNOWN:
    case SHAPE_ULEB:
    case SHAPE_SLEB:
    case SHAPE_TEXT:
    case SHAPE_BLOCK:
        break;
    }
    return UINT32_MAX;
}

bool dwarf_form_is_hidden(uint64_t form)
{
    return form == FORM_IMPLICIT_CONST;
}

struct dwarf_value dwarf_take_value(struct dwarf_cursor *c, uint64_t form, int64_t hidden)
{
    if (form == FORM_INDIRECT) {
        form = dwarf_take_uleb(c);
    }
    struct dwarf_value value = {.form = (uint16_t)form};
    const unsigned bytes = form < FORM_COUNT ? forms[form].bytes : 0;
    const enum shape shape = form < FORM_COUNT ? (enum shape)forms[form].shape : SHAPE_UNKNOWN;
    switch (shape) {
    case SHAPE_FIXED:
        value.number = dwarf_take_fixed(c, bytes);
        break;
    case SHAPE_WIDE:
        dwarf_skip(c, bytes);
        break;
    case SHAPE_ULEB:
        value.number = dwarf_take_uleb(c);
        break;
    case SHAPE_SLEB:
        value.number = (uint64_t)dwarf_take_sleb(c);
        break;
    case SHAPE_TEXT:
        value.number = c->at;
        (void)dwarf_take_text(c);
        break;
    case SHAPE_BLOCK:
        dwarf_skip(c, bytes == 0 ? dwarf_take_uleb(c) : dwarf_take_fixed(c, bytes));
        break;
    case SHAPE_HIDDEN:
        value.number = (uint64_t)hidden;
        break;
    case SHAPE_PRESENT:
        break;
    case SHAPE_UNKNOWN: /* and an indirect one that says so once more */
        dwarf_fail(c);
        break;
    }
    return value;
}

/* The entry of an array of 32-bit numbers that begins at `base` of a section. */
static bool number_at(
    struct dwarf *dwarf, struct slice section, uint64_t base, uint64_t index, uint64_t *out)
{
    if (index > UINT32_MAX) {
        return false;
    }
    struct dwarf_cursor c =
        dwarf_cursor_over(section, base + 4 * index, section.size, &dwarf->steps);
    const uint32_t number = dwarf_take_u32(&c);
    if (c.bad) {
        return false;
    }
    *out = number;
    return true;
}

bool dwarf_address_at(
    struct dwarf *dwarf, const struct dwarf_unit *unit, uint64_t index, uint32_t *out_address)
{
    uint64_t base = 0;
    uint64_t address = 0;
    if (!dwarf_offset(unit->root.values[DWARF_BASE_ADDR], &base) ||
        !number_at(dwarf, dwarf->sections.addr, base, index, &address)) {
        return false;
    }
    *out_address = (uint32_t)address;
    return true;
}

bool dwarf_address(
    struct dwarf *dwarf, const struct dwarf_unit *unit, struct dwarf_value value, uint32_t *out)
{
    switch (value.form) {
    case FORM_ADDR:
        *out = (uint32_t)value.number;
        return true;
    case FORM_ADDRX:
    case FORM_ADDRX1:
    case FORM_ADDRX2:
    case FORM_ADDRX3:
    case FORM_ADDRX4:
        return dwarf_address_at(dwarf, unit, value.number, out);
    default:
        return false;
    }
}

bool dwarf_number(struct dwarf_value value, uint32_t *out_number)
{
    switch (value.form) {
    case FORM_DATA1:
    case FORM_DATA2:
    case FORM_DATA4:
    case FORM_DATA8:
    case FORM_UDATA:
    case FORM_SDATA:
    case FORM_IMPLICIT_CONST:
        break;
    default:
        return false;
    }
    if (value.number > UINT32_MAX) {
        return false;
    }
    *out_number = (uint32_t)value.number;
    return true;
}

bool dwarf_reference(const struct dwarf_unit *unit, struct dwarf_value value, uint64_t *out_offset)
{
    switch (value.form) {
    case FORM_REF1:
    case FORM_REF2:
    case FORM_REF4:
    case FORM_REF8:
    case FORM_REF_UDATA:
        if (value.number >= unit->end - unit->offset) {
            return false;
        }
        *out_offset = unit->offset + value.number;
        return true;
    case FORM_REF_ADDR:
        *out_offset = value.number;
        return true;
    default:
        return false;
    }
}

bool dwarf_offset(struct dwarf_value value, uint64_t *out_offset)
{
    if (value.form != FORM_SEC_OFFSET && value.form != FORM_DATA4) {
        return false;
    }
    *out_offset = value.number;
    return true;
}

/* The offset of a list of ranges; DWARF 5 has it as an index too. */
bool dwarf_ranges_offset(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    struct dwarf_value value,
    uint64_t *out_offset)
{
    if (value.form != FORM_RNGLISTX) {
        return dwarf_offset(value, out_offset);
    }
    uint64_t base = 0;
    uint64_t offset = 0;
    if (!dwarf_offset(unit->root.values[DWARF_BASE_RNGLISTS], &base) ||
        !number_at(dwarf, dwarf->sections.rnglists, base, value.number, &offset)) {
        return false;
    }
    *out_offset = base + offset;
    return true;
}

static struct slice text_at(struct dwarf *dwarf, struct slice section, uint64_t offset)
{
    struct dwarf_cursor c = dwarf_cursor_over(section, offset, section.size, &dwarf->steps);
    return dwarf_take_text(&c);
}

struct slice dwarf_text(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    struct slice inline_texts,
    struct dwarf_value value)
{
    uint64_t base = 0;
    uint64_t offset = 0;
    switch (value.form) {
    case FORM_STRING:
        return text_at(dwarf, inline_texts, value.number);
    case FORM_STRP:
        return text_at(dwarf, dwarf->sections.str, value.number);
    case FORM_LINE_STRP:
        return text_at(dwarf, dwarf->sections.line_str, value.number);
    case FORM_STRX:
    case FORM_STRX1:
    case FORM_STRX2:
    case FORM_STRX3:
    case FORM_STRX4:
        if (dwarf_offset(unit->root.values[DWARF_BASE_STR_OFFSETS], &base) &&
            number_at(dwarf, dwarf->sections.str_offsets, base, value.number, &offset)) {
            return text_at(dwarf, dwarf->sections.str, offset);
        }
        break;
    default:
        break;
    }
    return (struct slice){NULL, 0};
}
