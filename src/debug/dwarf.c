/*
 * From addresses to frames: which units claim an address, what their functions and line tables say,
 * and how those functions are called.
 */
#include "debug/dwarf.h"

#include "debug/dwarf_line.h"
#include "debug/dwarf_ranges.h"
#include "debug/dwarf_scopes.h"

/* From an inlined call over its function to that function's declaration it takes three. */
#define REFERENCES_MAX 8

struct resolution {
    struct dwarf *dwarf;
    struct dwarf_place *places;
    struct dwarf_target *targets; /* one for each place */
    struct dwarf_target **order;  /* all of them */
    struct dwarf_target **claimed;
    struct dwarf_wanted *wanted;
    size_t count;
    size_t done;
};

/* -- Functions ------------------------------------------------------------------------------ */

/* What the entries of a function say about it, put together. */
struct description {
    struct slice name;
    struct slice linkage_name;
    struct slice home; /* the folder in which it was compiled */
    uint32_t file;     /* of its declaration, if the unit looked at says so; 0: not known */
    uint32_t line;
};

static void describe(
    struct dwarf *dwarf,
    const struct dwarf_unit *unit,
    const struct dwarf_entry *entry,
    struct description *out)
{
    const struct slice info = dwarf->sections.info;
    out->home = dwarf_text(dwarf, unit, info, unit->root.values[DWARF_FOLDER]);
    if (out->linkage_name.size == 0) {
        out->linkage_name = dwarf_text(dwarf, unit, info, entry->values[DWARF_LINKAGE_NAME]);
    }
    if (out->name.size == 0) {
        out->name = dwarf_text(dwarf, unit, info, entry->values[DWARF_NAME]);
    }
    if (out->line == 0 && unit == &dwarf->unit) {
        (void)dwarf_number(entry->values[DWARF_DECLARED_FILE], &out->file);
        (void)dwarf_number(entry->values[DWARF_DECLARED_LINE], &out->line);
    }
}

/*
 * An inlined call refers to its function, a function that was defined apart from its declaration to
 * that; names may be at any of them. References can go in circles, so there is a last one.
 */
static struct description describe_function(struct dwarf *dwarf, uint64_t offset)
{
    struct description description = {.line = 0};
    for (unsigned i = 0; i < REFERENCES_MAX; i++) {
        const struct dwarf_unit *unit = dwarf_unit_holding(dwarf, offset);
        if (unit == NULL) {
            break;
        }
        struct dwarf_cursor c = dwarf_unit_entries(dwarf, unit, offset);
        const struct dwarf_abbrev *abbrev = dwarf_entry_begin(&c, unit);
        if (abbrev == NULL) {
            break;
        }
        struct dwarf_entry entry;
        dwarf_entry_read(dwarf, &c, abbrev, &entry);
        describe(dwarf, unit, &entry, &description);
        if (!dwarf_reference(unit, entry.values[DWARF_ORIGIN], &offset) &&
            !dwarf_reference(unit, entry.values[DWARF_SPECIFICATION], &offset)) {
            break;
        }
    }
    return description;
}

/* -- Frames --------------------------------------------------------------------------------- */

/* A position that is in no line, as code that several lines share, is shown as its function's. */
static void locate(
    const struct dwarf_lines *lines,
    const struct dwarf_row *row,
    const struct description *function,
    struct dwarf_frame *frame)
{
    const bool has_line = row->line > 0;
    const uint32_t line = has_line ? row->line : function->line;
    const uint32_t file = has_line ? row->file : function->file;
    if (line > 0 && dwarf_lines_file(lines, file, &frame->file)) {
        frame->file.home = function->home;
        frame->line = line;
        frame->column = has_line ? row->column : 0;
    }
}

/* Where an inlined call stands in the function that it was inlined into. */
static struct dwarf_row row_of_call(const struct dwarf_scope *scope)
{
    return (struct dwarf_row){
        .file = scope->call_file,
        .line = scope->call_line,
        .column = scope->call_column,
    };
}

/*
 * The frames of one address. Of functions without inlined calls compilers leave entries out when
 * they are asked for lines alone: then a row is all there is.
 */
static void make_frames(
    struct dwarf *dwarf,
    const struct dwarf_lines *lines,
    const struct dwarf_target *target,
    struct dwarf_row row,
    struct dwarf_place *place)
{
    const size_t count = target->scope_count == 0 ? 1 : target->scope_count;
    struct dwarf_frame *frames = arena_alloc(dwarf->arena, count * sizeof *frames);
    if (frames == NULL) {
        return;
    }
    place->frames = frames;
    place->frame_count = count;
    if (target->scope_count == 0) {
        locate(lines, &row, &(struct description){.line = 0}, &frames[0]);
    }
    for (uint32_t i = 0; i < target->scope_count; i++) {
        const struct dwarf_scope *scope = &target->scopes[target->scope_count - 1 - i];
        const struct description function = describe_function(dwarf, scope->entry);
        frames[i].is_linkage_name = function.linkage_name.size > 0;
        frames[i].function = frames[i].is_linkage_name ? function.linkage_name : function.name;
        frames[i].is_inlined = i + 1 < count;
        locate(lines, &row, &function, &frames[i]);
        row = row_of_call(scope);
    }
}

/* -- Units ---------------------------------------------------------------------------------- */

/* Gathers those of the targets still to do that the unit claims; returns how many. */
static size_t claim_targets(struct resolution *r, const struct dwarf_unit *unit)
{
    struct dwarf_ranges ranges;
    struct dwarf_range range;
    if (!dwarf_ranges_begin(r->dwarf, unit, &unit->root, &ranges)) {
        return 0;
    }
    while (dwarf_ranges_next(&ranges, &range)) {
        for (size_t i = dwarf_targets_from(r->order, r->count, range.low);
             i < r->count && r->order[i]->address < range.high && dwarf_spend(&ranges.list, 1);
             i++) {
            r->order[i]->is_claimed = true;
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->order[i]->is_claimed && !r->order[i]->is_done) {
            r->claimed[count++] = r->order[i];
        }
        r->order[i]->is_claimed = false;
    }
    return count;
}

static void resolve_in_unit(struct resolution *r, size_t claimed)
{
    dwarf_scopes_find(r->dwarf, r->claimed, claimed);
    for (size_t i = 0; i < claimed; i++) {
        r->wanted[i] = (struct dwarf_wanted){.address = r->claimed[i]->address};
    }
    struct dwarf_lines lines = {.dwarf = r->dwarf, .unit = &r->dwarf->unit}; /* without files */
    if (dwarf_lines_open(r->dwarf, &r->dwarf->unit, &lines)) {
        dwarf_lines_find(&lines, r->wanted, claimed);
    }
    for (size_t i = 0; i < claimed; i++) {
        struct dwarf_target *target = r->claimed[i];
        if (target->is_done || r->wanted[i].has_row) {
            target->is_done = true;
            r->done++;
            make_frames(
                r->dwarf, &lines, target, r->wanted[i].row, &r->places[target - r->targets]);
        }
    }
}

static void resolve_in_units(struct resolution *r)
{
    uint32_t next = 0;
    while (r->done < r->count && next != UINT32_MAX) {
        struct dwarf_unit *unit = &r->dwarf->unit;
        unit->table_count = 0;
        if (!dwarf_unit_open(r->dwarf, next, unit, &next)) {
            continue;
        }
        const size_t claimed = claim_targets(r, unit);
        if (claimed > 0 && dwarf_unit_load(r->dwarf, unit)) {
            resolve_in_unit(r, claimed);
        }
    }
}

/* -- The whole ------------------------------------------------------------------------------ */

static bool allocate(struct resolution *r, struct arena *arena)
{
    r->targets = arena_alloc(arena, r->count * sizeof *r->targets);
    r->order = arena_alloc(arena, r->count * sizeof(struct dwarf_target *));
    r->claimed = arena_alloc(arena, r->count * sizeof(struct dwarf_target *));
    r->wanted = arena_alloc(arena, r->count * sizeof *r->wanted);
    struct dwarf_scope *scopes = arena_alloc(arena, r->count * DWARF_SCOPES_MAX * sizeof *scopes);
    if (r->targets == NULL || r->order == NULL || r->claimed == NULL || r->wanted == NULL ||
        scopes == NULL) {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        r->targets[i].address = r->places[i].address;
        r->targets[i].scopes = scopes + i * DWARF_SCOPES_MAX;
        r->order[i] = &r->targets[i];
    }
    return true;
}

void dwarf_resolve(
    const struct dwarf_sections *sections,
    struct arena *arena,
    struct dwarf_place *places,
    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CORDON_ASSERT(i == 0 || places[i - 1].address < places[i].address);
        places[i].frames = NULL;
        places[i].frame_count = 0;
    }
    struct dwarf dwarf = {.sections = *sections, .arena = arena, .steps = DWARF_STEPS_MAX};
    struct resolution resolution = {.dwarf = &dwarf, .places = places, .count = count};
    if (count > 0 && allocate(&resolution, arena)) {
        resolve_in_units(&resolution);
    }
}
