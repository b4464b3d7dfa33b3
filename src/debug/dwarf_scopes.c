/*
 * A unit's entries are walked once, in their order, with the depth in the tree as the only state:
 * there is no recursion for deep nesting to exhaust. What is below a function that holds none of
 * the addresses is passed over without a look.
 *
 * The first function that holds an address is taken. That a unit claims an address is not enough:
 * where a function was left out by the linker, old ones left ranges that begin at 0.
 */
#include "debug/dwarf_scopes.h"

#include "debug/dwarf_ranges.h"

#define NOT_PASSING UINT32_MAX

struct walk {
    struct dwarf *dwarf;
    struct dwarf_cursor entries;
    struct dwarf_target **targets;
    size_t count;
    size_t missing;
    uint32_t depth;
    uint32_t passing; /* everything deeper than this holds no target; or NOT_PASSING */
    uint32_t open;    /* depth of the function in which targets were found */
    bool is_open;
};

size_t dwarf_targets_from(struct dwarf_target *const *targets, size_t count, uint32_t address)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (targets[middle]->address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Adds a scope to a target, in place of those that turned out not to be around this one. */
static bool add_scope(
    const struct walk *w, struct dwarf_target *target, const struct dwarf_entry *entry)
{
    if (target->is_done) {
        return false;
    }
    while (target->scope_count > 0 && target->scopes[target->scope_count - 1].depth >= w->depth) {
        target->scope_count--;
    }
    const bool is_function = entry->tag == DWARF_TAG_FUNCTION;
    if (is_function != (target->scope_count == 0) || target->scope_count == DWARF_SCOPES_MAX) {
        return false;
    }
    struct dwarf_scope scope = {.entry = entry->offset, .depth = w->depth};
    (void)dwarf_number(entry->values[DWARF_CALL_FILE], &scope.call_file);
    (void)dwarf_number(entry->values[DWARF_CALL_LINE], &scope.call_line);
    (void)dwarf_number(entry->values[DWARF_CALL_COLUMN], &scope.call_column);
    target->scopes[target->scope_count++] = scope;
    return true;
}

/* Whether the entry, which has code, holds a target. */
static bool add_to_targets(
    struct walk *w, struct dwarf_ranges *ranges, const struct dwarf_entry *entry)
{
    bool holds = false;
    struct dwarf_range range;
    while (dwarf_ranges_next(ranges, &range)) {
        for (size_t i = dwarf_targets_from(w->targets, w->count, range.low);
             i < w->count && w->targets[i]->address < range.high && dwarf_spend(&w->entries, 1);
             i++) {
            holds = add_scope(w, w->targets[i], entry) || holds;
        }
    }
    return holds;
}

static void look_at(struct walk *w, const struct dwarf_entry *entry)
{
    struct dwarf_ranges ranges;
    if (!dwarf_ranges_begin(w->dwarf, &w->dwarf->unit, entry, &ranges)) {
        return;
    }
    if (!add_to_targets(w, &ranges, entry)) {
        w->passing = w->depth;
    } else if (!w->is_open) {
        w->open = w->depth;
        w->is_open = true;
    }
}

/* Back at this depth: what was found in the function that ends here is complete. */
static void leave(struct walk *w)
{
    if (w->passing != NOT_PASSING && w->depth <= w->passing) {
        w->passing = NOT_PASSING;
    }
    if (!w->is_open || w->depth > w->open) {
        return;
    }
    w->is_open = false;
    for (size_t i = 0; i < w->count; i++) {
        if (!w->targets[i]->is_done && w->targets[i]->scope_count > 0) {
            w->targets[i]->is_done = true;
            w->missing--;
        }
    }
}

static void step(struct walk *w)
{
    const uint32_t offset = (uint32_t)w->entries.at;
    const struct dwarf_abbrev *abbrev = dwarf_entry_begin(&w->entries, &w->dwarf->unit);
    if (abbrev == NULL) {
        if (w->depth <= 1) { /* the root's children end, or there is no root */
            dwarf_fail(&w->entries);
        }
        w->depth -= w->depth > 0;
        leave(w);
        return;
    }
    const bool is_scope = abbrev->tag == DWARF_TAG_FUNCTION || abbrev->tag == DWARF_TAG_INLINED;
    if (is_scope && w->passing == NOT_PASSING) {
        struct dwarf_entry entry;
        dwarf_entry_read(w->dwarf, &w->entries, abbrev, &entry);
        entry.offset = offset;
        look_at(w, &entry);
    } else {
        dwarf_entry_skip(w->dwarf, &w->entries, abbrev);
    }
    if (abbrev->has_children) {
        w->depth++;
    } else {
        leave(w);
    }
}

void dwarf_scopes_find(struct dwarf *dwarf, struct dwarf_target **targets, size_t count)
{
    struct walk w = {
        .dwarf = dwarf,
        .entries = dwarf_unit_entries(dwarf, &dwarf->unit, dwarf->unit.entries),
        .targets = targets,
        .count = count,
        .passing = NOT_PASSING,
    };
    for (size_t i = 0; i < count; i++) {
        w.missing += !targets[i]->is_done;
    }
    while (w.missing > 0 && dwarf_has_more(&w.entries)) {
        step(&w);
    }
    w.depth = 0;
    leave(&w); /* of a unit that breaks off, what was found counts */
}
