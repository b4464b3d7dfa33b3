/*
 * Names and lines of a trace. The module's sections are found anew, without its reader: that
 * refuses what is wrong and describes all of a module, and here the few parts are wanted that are
 * there.
 */
#include "debug/symbols.h"

#include "debug/dwarf.h"
#include "debug/dwarf_cursor.h"
#include "debug/symbols_path.h"
#include "value/utf8.h"
#include "wasm/module.h"

#include <stdio.h>

#define HEADER_BYTES 8

/*
 * Of the walks over sections and names: a module has at most 256 custom sections, and 100,000
 * functions with a name each.
 */
#define STEPS_MAX ((uint64_t)1000000)

struct module_parts {
    struct dwarf_sections debug;
    struct slice names;
    struct slice code;
    size_t code_offset; /* of the code section's contents, in the module */
};

/* What is resolved; everything here is in an arena of its own. */
struct trace {
    const struct symbols_place *places;
    size_t count;
    struct dwarf_place *known; /* by address, each once */
    size_t known_count;
    const struct dwarf_place **debug; /* of each place, or NULL */
    struct slice *names;              /* of each place, from the name section */
    size_t *by_function;              /* places in ascending order of their functions */
};

/* -- Sections ------------------------------------------------------------------------------- */

/* Where a custom section belongs; NULL: nowhere. */
static struct slice *find_part(struct module_parts *parts, struct slice name)
{
    const struct {
        const char *name;
        struct slice *part;
    } known[] = {
        {"name", &parts->names},
        {".debug_info", &parts->debug.info},
        {".debug_abbrev", &parts->debug.abbrev},
        {".debug_line", &parts->debug.line},
        {".debug_str", &parts->debug.str},
        {".debug_line_str", &parts->debug.line_str},
        {".debug_str_offsets", &parts->debug.str_offsets},
        {".debug_addr", &parts->debug.addr},
        {".debug_ranges", &parts->debug.ranges},
        {".debug_rnglists", &parts->debug.rnglists},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (slice_equal(name, slice_str(known[i].name))) {
            return known[i].part;
        }
    }
    return NULL;
}

/* Of two sections with one name the first counts. */
static void note_custom(
    struct module_parts *parts, struct slice module, size_t at, size_t end, uint64_t *steps)
{
    struct dwarf_cursor c = dwarf_cursor_over(module, at, end, steps);
    const uint32_t size = dwarf_take_uleb32(&c);
    const size_t start = c.at;
    dwarf_skip(&c, size);
    if (c.bad) {
        return;
    }
    struct slice *part = find_part(parts, slice_of(module.data + start, size));
    if (part != NULL && part->data == NULL) {
        *part = slice_of(module.data + c.at, end - c.at);
    }
}

static struct module_parts find_parts(struct slice module, uint64_t *steps)
{
    struct module_parts parts = {.code_offset = 0};
    struct dwarf_cursor c = dwarf_cursor_over(module, HEADER_BYTES, module.size, steps);
    while (dwarf_has_more(&c)) {
        const uint8_t id = dwarf_take_byte(&c);
        const uint32_t size = dwarf_take_uleb32(&c);
        const size_t start = c.at;
        dwarf_skip(&c, size);
        if (c.bad) {
            break;
        }
        if (id == WASM_SECTION_CUSTOM) {
            note_custom(&parts, module, start, c.at, steps);
        } else if (id == WASM_SECTION_CODE && parts.code_offset == 0) {
            parts.code = slice_of(module.data + start, size);
            parts.code_offset = start;
        }
    }
    return parts;
}

/* -- Debug information ---------------------------------------------------------------------- */

/*
 * From an offset in the module to one in the code section's contents, as debug information has it.
 */
static bool address_of(
    const struct module_parts *parts, const struct symbols_place *place, uint32_t *out_address)
{
    if (place->module_offset < parts->code_offset ||
        place->module_offset - parts->code_offset >= parts->code.size) {
        return false;
    }
    *out_address = (uint32_t)(place->module_offset - parts->code_offset);
    return true;
}

static int compare_addresses(const void *left, const void *right)
{
    const struct dwarf_place *a = left;
    const struct dwarf_place *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* A trace of a recursion is many times the same place: each is resolved once. */
static void drop_repeats(struct trace *trace)
{
    size_t count = 0;
    for (size_t i = 0; i < trace->known_count; i++) {
        if (count == 0 || trace->known[count - 1].address != trace->known[i].address) {
            trace->known[count++] = trace->known[i];
        }
    }
    trace->known_count = count;
}

static void resolve_debug(
    struct trace *trace, const struct module_parts *parts, struct arena *arena)
{
    for (size_t i = 0; i < trace->count; i++) {
        struct dwarf_place *place = &trace->known[trace->known_count];
        trace->known_count += address_of(parts, &trace->places[i], &place->address);
    }
    qsort(trace->known, trace->known_count, sizeof *trace->known, compare_addresses);
    drop_repeats(trace);
    dwarf_resolve(&parts->debug, arena, trace->known, trace->known_count);
    for (size_t i = 0; i < trace->count; i++) {
        struct dwarf_place wanted = {.address = 0};
        const struct dwarf_place *found = NULL;
        if (address_of(parts, &trace->places[i], &wanted.address)) {
            found = bsearch(
                &wanted, trace->known, trace->known_count, sizeof wanted, compare_addresses);
        }
        trace->debug[i] = found;
    }
}

/* -- Name section --------------------------------------------------------------------------- */

/* As function names stand in ascending order, one walk over them serves all places. */
static void find_names(struct trace *trace, struct dwarf_cursor c)
{
    size_t next = 0;
    for (uint32_t left = dwarf_take_uleb32(&c); left > 0 && next < trace->count; left--) {
        const uint32_t function = dwarf_take_uleb32(&c);
        const uint32_t size = dwarf_take_uleb32(&c);
        const size_t start = c.at;
        dwarf_skip(&c, size);
        if (c.bad) {
            return;
        }
        while (next < trace->count &&
               trace->places[trace->by_function[next]].function <= function) {
            const size_t place = trace->by_function[next++];
            if (trace->places[place].function == function) {
                trace->names[place] = slice_of(c.section.data + start, size);
            }
        }
    }
}

static void resolve_names(struct trace *trace, struct slice section, uint64_t *steps)
{
    enum { NAMES_OF_FUNCTIONS = 1 };
    struct dwarf_cursor c = dwarf_cursor_over(section, 0, section.size, steps);
    while (dwarf_has_more(&c)) {
        const uint8_t id = dwarf_take_byte(&c);
        const uint32_t size = dwarf_take_uleb32(&c);
        const size_t start = c.at;
        dwarf_skip(&c, size);
        if (!c.bad && id == NAMES_OF_FUNCTIONS) {
            find_names(trace, dwarf_cursor_over(section, start, c.at, steps));
            return;
        }
    }
}

/* Few, so that insertion is the shortest sort, and a stable one. */
static void sort_by_function(struct trace *trace)
{
    for (size_t i = 0; i < trace->count; i++) {
        size_t at = i;
        for (; at > 0 &&
               trace->places[trace->by_function[at - 1]].function > trace->places[i].function;
             at--) {
            trace->by_function[at] = trace->by_function[at - 1];
        }
        trace->by_function[at] = i;
    }
}

/* -- Texts ---------------------------------------------------------------------------------- */

/*
 * A copy that is safe to show: what is no UTF-8 and what controls a terminal becomes "?". Empty if
 * memory is out.
 */
static struct slice copy_text(struct arena *arena, struct slice text, size_t bytes_max)
{
    const struct slice cut = utf8_cut(text, bytes_max);
    uint8_t *bytes = arena_alloc(arena, cut.size);
    if (bytes == NULL) {
        return (struct slice){NULL, 0};
    }
    size_t size = 0;
    for (size_t i = 0; i < cut.size;) {
        uint32_t code_point = 0;
        size_t skip = 0;
        const size_t length = utf8_decode(slice_from(cut, i), &code_point, &skip);
        const bool is_control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
        if (length == 0 || is_control) {
            bytes[size++] = '?';
        } else {
            memcpy(bytes + size, cut.data + i, length);
            size += length;
        }
        i += length == 0 ? skip : length;
    }
    return slice_of(bytes, size);
}

/* The name that debug information gives, else that of the name section; empty: there is none. */
static struct slice find_name(
    const struct trace *trace, size_t place, const struct dwarf_frame *debug)
{
    if (debug != NULL && debug->function.size > 0) {
        return debug->function;
    }
    return debug != NULL && debug->is_inlined ? SLICE("(inlined)") : trace->names[place];
}

static struct slice copy_name(
    const struct trace *trace, size_t place, struct slice name, struct arena *arena)
{
    char number[32];
    if (name.size == 0) {
        const int size = snprintf(number, sizeof number, "func[%u]", trace->places[place].function);
        name = slice_of(number, (size_t)size);
    }
    return copy_text(arena, name, SYMBOLS_NAME_BYTES_MAX);
}

static struct slice copy_path(const struct dwarf_file *file, struct arena *arena)
{
    char buffer[SYMBOLS_PATH_BYTES_MAX];
    const struct slice path = symbols_path_show(file, buffer);
    return path.size == 0 ? path : copy_text(arena, path, SYMBOLS_PATH_BYTES_MAX);
}

/* False: memory is out. `debug` is NULL if nothing is known but the function. */
static bool make_frame(
    const struct trace *trace,
    size_t place,
    const struct dwarf_frame *debug,
    struct arena *arena,
    struct symbols_frame *out_frame)
{
    const struct slice name = find_name(trace, place, debug);
    struct symbols_frame frame = {
        .function = copy_name(trace, place, name, arena),
        .is_named = name.size > 0,
        .is_linkage_name = trace->names[place].size > 0,
    };
    if (frame.function.size == 0) {
        return false;
    }
    if (debug != NULL) {
        frame.is_linkage_name =
            debug->function.size > 0 ? debug->is_linkage_name : frame.is_linkage_name;
        frame.is_inlined = debug->is_inlined;
        frame.file = copy_path(&debug->file, arena);
        frame.line = debug->line;
        frame.column = debug->column;
    }
    *out_frame = frame;
    return true;
}

/* -- The whole ------------------------------------------------------------------------------ */

static bool allocate(struct trace *trace, struct arena *arena)
{
    const size_t count = trace->count;
    trace->known = arena_alloc(arena, count * sizeof *trace->known);
    trace->debug = arena_alloc(arena, count * sizeof(const struct dwarf_place *));
    trace->names = arena_alloc(arena, count * sizeof *trace->names);
    trace->by_function = arena_alloc(arena, count * sizeof *trace->by_function);
    return trace->known != NULL && trace->debug != NULL && trace->names != NULL &&
           trace->by_function != NULL;
}

static size_t make_frames(
    const struct trace *trace,
    struct arena *arena,
    struct symbols_frame *out_frames,
    size_t frames_max)
{
    size_t made = 0;
    for (size_t i = 0; i < trace->count; i++) {
        const struct dwarf_place *known = trace->debug[i];
        const bool has_debug = known != NULL && known->frame_count > 0;
        const size_t count = has_debug ? known->frame_count : 1;
        for (size_t k = 0; k < count && made < frames_max; k++) {
            const struct dwarf_frame *debug = has_debug ? &known->frames[k] : NULL;
            if (!make_frame(trace, i, debug, arena, &out_frames[made])) {
                return made;
            }
            made++;
        }
    }
    return made;
}

size_t symbols_resolve(
    struct slice module,
    const struct symbols_place *places,
    size_t place_count,
    struct arena *arena,
    struct symbols_frame *out_frames,
    size_t frames_max)
{
    CORDON_CLEANUP_ARENA struct arena own;
    /* For 64 places it is two tables of abbreviations, and frames as deep as they get. */
    arena_init(&own, SYMBOLS_WORK_BYTES);
    /* Each place gives a frame at least: those past the greatest number are never shown. */
    struct trace trace = {
        .places = places,
        .count = place_count < frames_max ? place_count : frames_max,
    };
    if (trace.count == 0 || !allocate(&trace, &own)) {
        return 0;
    }
    uint64_t steps = STEPS_MAX;
    const struct module_parts parts = find_parts(module, &steps);
    resolve_debug(&trace, &parts, &own);
    sort_by_function(&trace);
    resolve_names(&trace, parts.names, &steps);
    return make_frames(&trace, arena, out_frames, frames_max);
}
