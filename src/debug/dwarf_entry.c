/*
 * Abbreviations and entries.
 *
 * Compilers number the abbreviations of a unit from 1 on without a gap, so that a table is an
 * array; of a table that is numbered otherwise only the part before that is read. The number of
 * bytes that an entry takes is worked out once, where it is always the same: most entries are
 * passed over.
 */
#include "debug/dwarf_unit.h"

enum {
    AT_NAME = 0x03,
    AT_STMT_LIST = 0x10,
    AT_LOW_PC = 0x11,
    AT_HIGH_PC = 0x12,
    AT_COMP_DIR = 0x1b,
    AT_ABSTRACT_ORIGIN = 0x31,
    AT_DECL_FILE = 0x3a,
    AT_DECL_LINE = 0x3b,
    AT_SPECIFICATION = 0x47,
    AT_RANGES = 0x55,
    AT_CALL_COLUMN = 0x57,
    AT_CALL_FILE = 0x58,
    AT_CALL_LINE = 0x59,
    AT_LINKAGE_NAME = 0x6e,
    AT_STR_OFFSETS_BASE = 0x72,
    AT_ADDR_BASE = 0x73,
    AT_RNGLISTS_BASE = 0x74,
    AT_COUNT,
};

/* Which attribute of ours a number of DWARF's is, plus one; 0: none. */
static const uint8_t kept[AT_COUNT] = {
    [AT_NAME] = DWARF_NAME + 1,
    [AT_STMT_LIST] = DWARF_LINES + 1,
    [AT_LOW_PC] = DWARF_LOW_PC + 1,
    [AT_HIGH_PC] = DWARF_HIGH_PC + 1,
    [AT_COMP_DIR] = DWARF_FOLDER + 1,
    [AT_ABSTRACT_ORIGIN] = DWARF_ORIGIN + 1,
    [AT_DECL_FILE] = DWARF_DECLARED_FILE + 1,
    [AT_DECL_LINE] = DWARF_DECLARED_LINE + 1,
    [AT_SPECIFICATION] = DWARF_SPECIFICATION + 1,
    [AT_RANGES] = DWARF_RANGES + 1,
    [AT_CALL_COLUMN] = DWARF_CALL_COLUMN + 1,
    [AT_CALL_FILE] = DWARF_CALL_FILE + 1,
    [AT_CALL_LINE] = DWARF_CALL_LINE + 1,
    [AT_LINKAGE_NAME] = DWARF_LINKAGE_NAME + 1,
    [AT_STR_OFFSETS_BASE] = DWARF_BASE_STR_OFFSETS + 1,
    [AT_ADDR_BASE] = DWARF_BASE_ADDR + 1,
    [AT_RNGLISTS_BASE] = DWARF_BASE_RNGLISTS + 1,
};

/* One attribute of an abbreviation. */
struct spec {
    uint64_t attribute;
    uint64_t form;
    int64_t hidden;
};

/* False: there are no more. */
static bool take_spec(struct dwarf_cursor *c, struct spec *spec)
{
    spec->attribute = dwarf_take_uleb(c);
    spec->form = dwarf_take_uleb(c);
    spec->hidden = dwarf_form_is_hidden(spec->form) ? dwarf_take_sleb(c) : 0;
    return !c->bad && (spec->attribute != 0 || spec->form != 0);
}

/* One abbreviation. False: the table ends here. */
static bool take_abbrev(struct dwarf_cursor *c, uint64_t *out_number, struct dwarf_abbrev *abbrev)
{
    *out_number = dwarf_take_uleb(c);
    if (*out_number == 0) {
        return false;
    }
    const uint64_t tag = dwarf_take_uleb(c);
    abbrev->tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
    abbrev->has_children = dwarf_take_byte(c) != 0;
    abbrev->specs = (uint32_t)c->at;
    uint64_t bytes = 0;
    struct spec spec;
    while (take_spec(c, &spec)) {
        const uint32_t more = dwarf_form_bytes(spec.form);
        bytes = more == UINT32_MAX || bytes >= UINT32_MAX ? UINT32_MAX : bytes + more;
    }
    abbrev->bytes = (uint32_t)bytes;
    return !c->bad;
}

static struct dwarf_cursor abbrevs_from(struct dwarf *dwarf, uint64_t offset)
{
    const struct slice section = dwarf->sections.abbrev;
    return dwarf_cursor_over(section, offset, section.size, &dwarf->steps);
}

bool dwarf_unit_load(struct dwarf *dwarf, struct dwarf_unit *unit)
{
    if (unit->table == NULL) {
        unit->table = arena_alloc(dwarf->arena, DWARF_ABBREVS_MAX * sizeof *unit->table);
    }
    if (unit->table == NULL) {
        return false;
    }
    struct dwarf_cursor c = abbrevs_from(dwarf, unit->abbrevs);
    uint64_t number = 0;
    unit->table_count = 0;
    while (unit->table_count < DWARF_ABBREVS_MAX &&
           take_abbrev(&c, &number, &unit->table[unit->table_count]) &&
           number == unit->table_count + 1) {
        unit->table_count++;
    }
    return true;
}

bool dwarf_abbrev_find(
    struct dwarf *dwarf, uint32_t table, uint64_t wanted, struct dwarf_abbrev *abbrev)
{
    struct dwarf_cursor c = abbrevs_from(dwarf, table);
    uint64_t number = 0;
    while (take_abbrev(&c, &number, abbrev)) {
        if (number == wanted) {
            return true;
        }
    }
    return false;
}

struct dwarf_cursor dwarf_unit_entries(
    struct dwarf *dwarf, const struct dwarf_unit *unit, uint64_t offset)
{
    struct dwarf_cursor c =
        dwarf_cursor_over(dwarf->sections.info, offset, unit->end, &dwarf->steps);
    if (offset < unit->entries) {
        dwarf_fail(&c);
    }
    return c;
}

const struct dwarf_abbrev *dwarf_entry_begin(struct dwarf_cursor *c, const struct dwarf_unit *unit)
{
    const uint64_t number = dwarf_take_uleb(c);
    if (number > unit->table_count) {
        dwarf_fail(c);
        return NULL;
    }
    return number == 0 ? NULL : &unit->table[number - 1];
}

void dwarf_entry_read(
    struct dwarf *dwarf,
    struct dwarf_cursor *c,
    const struct dwarf_abbrev *abbrev,
    struct dwarf_entry *entry)
{
    *entry = (struct dwarf_entry){.tag = abbrev->tag};
    struct dwarf_cursor specs = abbrevs_from(dwarf, abbrev->specs);
    struct spec spec;
    while (!c->bad && take_spec(&specs, &spec)) {
        const struct dwarf_value value = dwarf_take_value(c, spec.form, spec.hidden);
        const unsigned slot = spec.attribute < AT_COUNT ? kept[spec.attribute] : 0;
        if (slot != 0) {
            entry->values[slot - 1] = value;
        }
    }
}

void dwarf_entry_skip(
    struct dwarf *dwarf, struct dwarf_cursor *c, const struct dwarf_abbrev *abbrev)
{
    if (abbrev->bytes != UINT32_MAX) {
        dwarf_skip(c, abbrev->bytes);
        return;
    }
    struct dwarf_cursor specs = abbrevs_from(dwarf, abbrev->specs);
    struct spec spec;
    while (!c->bad && take_spec(&specs, &spec)) {
        (void)dwarf_take_value(c, spec.form, spec.hidden);
    }
}
