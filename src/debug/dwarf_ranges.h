/* The ranges of code that a unit, a function or an inlined call is, one after the other. */
#ifndef DEBUG_DWARF_RANGES_H
#define DEBUG_DWARF_RANGES_H

#include "debug/dwarf_unit.h"

/* From `low` up to but without `high`. */
struct dwarf_range {
    uint32_t low;
    uint32_t high;
};

struct dwarf_ranges {
    struct dwarf *dwarf;
    const struct dwarf_unit *unit;
    struct dwarf_cursor list; /* at its end if there is no list, or no more of it; always metered */
    struct dwarf_range single;
    uint32_t base;
    bool has_single;
};

/*
 * Begins with the first range of an entry of the unit. False: the entry has no code, as that of a
 * function which was only declared, or inlined everywhere.
 */
bool dwarf_ranges_begin(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    const struct dwarf_entry *entry,
    struct dwarf_ranges *ranges);

/*
 * The next range that holds code. Those of functions which the linker left out are passed over.
 * False: there are no more.
 */
bool dwarf_ranges_next(struct dwarf_ranges *ranges, struct dwarf_range *out_range);

/*
 * Whether code can begin at this address. Where a function was left out, wasm-ld writes -1 or, in
 * lists where that has a meaning, -2; before version 11 it wrote 0, where no function can be.
 */
static inline bool dwarf_is_live(uint32_t address)
{
    return address != 0 && address < UINT32_MAX - 1;
}

#endif
