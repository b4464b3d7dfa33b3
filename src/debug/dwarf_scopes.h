/* Which functions, inlined into one another, hold an address. */
#ifndef DEBUG_DWARF_SCOPES_H
#define DEBUG_DWARF_SCOPES_H

#include "debug/dwarf_unit.h"

/* A function with code of its own, or a call that was inlined into the scope before. */
struct dwarf_scope {
    uint32_t entry; /* offset in .debug_info */
    uint32_t depth; /* in the tree of entries */
    uint32_t call_file;
    uint32_t call_line;
    uint32_t call_column;
};

/* An address whose scopes are wanted. */
struct dwarf_target {
    uint32_t address;
    bool is_claimed; /* by the unit that is looked at */
    bool is_done;    /* the function that holds it was found, and all that is inlined into it */
    struct dwarf_scope *scopes; /* DWARF_SCOPES_MAX; outermost first */
    uint32_t scope_count;
};

/* The first of the targets, which are in ascending order, at or past an address. */
size_t dwarf_targets_from(struct dwarf_target *const *targets, size_t count, uint32_t address);

/*
 * Walks the unit in `dwarf->unit` and finds the scopes of all targets that its functions hold. The
 * targets are in ascending order of their addresses; `is_done` says which were found.
 */
void dwarf_scopes_find(struct dwarf *dwarf, struct dwarf_target **targets, size_t count);

#endif
