/*
 * The tree of debug information: units, abbreviations, entries (DIEs) and the values of their
 * attributes.
 *
 * A unit is what came of one source file; its entries describe functions, types and variables. An
 * abbreviation says which attributes an entry has and in which form. Forms are read by a table, and
 * of an entry only the attributes are kept that lead to names and lines.
 */
#ifndef DEBUG_DWARF_UNIT_H
#define DEBUG_DWARF_UNIT_H

#include "debug/dwarf.h"
#include "debug/dwarf_cursor.h"

enum dwarf_tag {
    DWARF_TAG_INLINED = 0x1d,
    DWARF_TAG_FUNCTION = 0x2e,
};

/* The attributes that are kept; see the table of their numbers in dwarf_unit.c. */
enum dwarf_attribute {
    DWARF_NAME,
    DWARF_LINKAGE_NAME,
    DWARF_ORIGIN,
    DWARF_SPECIFICATION,
    DWARF_LOW_PC,
    DWARF_HIGH_PC,
    DWARF_RANGES,
    DWARF_CALL_FILE,
    DWARF_CALL_LINE,
    DWARF_CALL_COLUMN,
    DWARF_DECLARED_FILE,
    DWARF_DECLARED_LINE,
    DWARF_FOLDER,
    DWARF_LINES,
    DWARF_BASE_STR_OFFSETS,
    DWARF_BASE_ADDR,
    DWARF_BASE_RNGLISTS,
    DWARF_ATTRIBUTE_COUNT,
};

/* As it is in the bytes; what a number means depends on the form. An inline text is its offset. */
struct dwarf_value {
    uint16_t form; /* 0: the entry has no such attribute */
    uint64_t number;
};

struct dwarf_entry {
    uint32_t offset; /* in .debug_info */
    uint32_t tag;
    bool has_children;
    struct dwarf_value values[DWARF_ATTRIBUTE_COUNT];
};

struct dwarf_abbrev {
    uint32_t specs; /* offset of its attributes and forms in .debug_abbrev */
    uint32_t bytes; /* that each such entry takes; UINT32_MAX if that differs */
    uint16_t tag;
    bool has_children;
};

/*
 * Abbreviations that are kept for a unit. A program of 5 MB that was compiled as a whole has about
 * 500; entries that use later ones are not read.
 */
#define DWARF_ABBREVS_MAX 8192

struct dwarf_unit {
    uint32_t offset;  /* in .debug_info */
    uint32_t entries; /* offset of its first entry, the root */
    uint32_t end;
    uint32_t abbrevs; /* offset of its abbreviations in .debug_abbrev */
    uint16_t version;
    struct dwarf_entry root;
    struct dwarf_abbrev *table; /* number n at n - 1; empty until dwarf_unit_load() */
    uint32_t table_count;
};

/* One resolution. */
struct dwarf {
    struct dwarf_sections sections;
    struct arena *arena;
    uint64_t steps;          /* left */
    struct dwarf_unit unit;  /* whose code is looked at, loaded */
    struct dwarf_unit other; /* the last one that it referred to, loaded */
};

/*
 * Opens the unit at an offset of .debug_info with its root, but loads no abbreviations. False:
 * there is none, or it can't be read. `*out_next` is where the next one is, or UINT32_MAX if there
 * is none; it is set in both cases.
 */
bool dwarf_unit_open(
    struct dwarf *dwarf, uint32_t offset, struct dwarf_unit *unit, uint32_t *out_next);

/* Loads the abbreviations of an open unit. False: the arena is full. */
bool dwarf_unit_load(struct dwarf *dwarf, struct dwarf_unit *unit);

/* The unit that holds that offset of .debug_info, loaded; NULL: none can be read there. */
struct dwarf_unit *dwarf_unit_holding(struct dwarf *dwarf, uint64_t offset);

/* The entries of a loaded unit from an offset of .debug_info on. */
struct dwarf_cursor dwarf_unit_entries(
    struct dwarf *dwarf, const struct dwarf_unit *unit, uint64_t offset);

/*
 * The abbreviation of the entry at the cursor, which stands at its attributes then. NULL: it is the
 * end of a list of children, or the cursor is bad.
 */
const struct dwarf_abbrev *dwarf_entry_begin(struct dwarf_cursor *c, const struct dwarf_unit *unit);

/* Reads the attributes, or passes over them. */
void dwarf_entry_read(
    struct dwarf *dwarf,
    struct dwarf_cursor *c,
    const struct dwarf_abbrev *abbrev,
    struct dwarf_entry *entry);
void dwarf_entry_skip(
    struct dwarf *dwarf, struct dwarf_cursor *c, const struct dwarf_abbrev *abbrev);

/* One abbreviation of the table at that offset, without loading it. False: it is not there. */
bool dwarf_abbrev_find(
    struct dwarf *dwarf, uint32_t table, uint64_t wanted, struct dwarf_abbrev *abbrev);

/*
 * Reads a value of a form. `hidden` is what the abbreviation itself states (implicit constants).
 * Also used for the tables of files in .debug_line.
 */
struct dwarf_value dwarf_take_value(struct dwarf_cursor *c, uint64_t form, int64_t hidden);

/* How many bytes a value of that form takes; UINT32_MAX: that differs, or there is no such form. */
uint32_t dwarf_form_bytes(uint64_t form);

/* Whether an abbreviation states the value itself, behind the form. */
bool dwarf_form_is_hidden(uint64_t form);

/*
 * What a value means. An empty text, or false with the last argument untouched: it is missing, or
 * means something else. Inline texts stand in the section from which the value was read.
 */
struct slice dwarf_text(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    struct slice inline_texts,
    struct dwarf_value value);
bool dwarf_number(struct dwarf_value value, uint32_t *out_number);
bool dwarf_address(
    struct dwarf *dwarf, const struct dwarf_unit *unit, struct dwarf_value value, uint32_t *out);
bool dwarf_reference(const struct dwarf_unit *unit, struct dwarf_value value, uint64_t *out_offset);
bool dwarf_offset(struct dwarf_value value, uint64_t *out_offset);

/* Of a list of ranges: in .debug_ranges, or from DWARF 5 on in .debug_rnglists. */
bool dwarf_ranges_offset(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    struct dwarf_value value,
    uint64_t *out_offset);

/* The address at an index of the unit's part of .debug_addr. */
bool dwarf_address_at(
    struct dwarf *dwarf, const struct dwarf_unit *unit, uint64_t index, uint32_t *out_address);

#endif
