/*
 * Line tables.
 *
 * The program is run and its rows are compared with what is wanted as they come: a row holds for
 * all addresses up to the next one. Files are looked up later, by walking their list again: a
 * trace needs few of them. Of the state that DWARF describes only address, file, line and column
 * are kept.
 */
#include "debug/dwarf_line.h"

#include "debug/dwarf_ranges.h"

enum {
    LNS_COPY = 1,
    LNS_ADVANCE_PC = 2,
    LNS_ADVANCE_LINE = 3,
    LNS_SET_FILE = 4,
    LNS_SET_COLUMN = 5,
    LNS_CONST_ADD_PC = 8,
    LNS_FIXED_ADVANCE_PC = 9,
};

enum {
    LNE_END_SEQUENCE = 1,
    LNE_SET_ADDRESS = 2,
};

enum {
    LNCT_PATH = 1,
    LNCT_DIRECTORY_INDEX = 2,
};

/* -- Header --------------------------------------------------------------------------------- */

static struct dwarf_cursor lines_from(const struct dwarf_lines *lines, uint64_t at, uint64_t end)
{
    return dwarf_cursor_over(lines->dwarf->sections.line, at, end, &lines->dwarf->steps);
}

/* What stands before the lists. False: this table can't be read. */
static bool take_header(struct dwarf_cursor *c, struct dwarf_lines *lines)
{
    lines->version = (uint16_t)dwarf_take_fixed(c, 2);
    if (lines->version == 5) {
        dwarf_skip(c, 2); /* sizes of addresses and segments */
    }
    const uint32_t bytes = dwarf_take_u32(c);
    if (c->bad || bytes > c->end - c->at) {
        return false;
    }
    lines->program = (uint32_t)(c->at + bytes);
    lines->end = (uint32_t)c->end;
    lines->instruction_bytes = dwarf_take_byte(c);
    dwarf_skip(c, 2); /* operations of an instruction, whether rows are statements */
    lines->line_base = (int8_t)dwarf_take_byte(c);
    lines->line_range = dwarf_take_byte(c);
    lines->opcode_base = dwarf_take_byte(c);
    if (lines->opcode_base > 1) {
        lines->operands = dwarf_take(c, lines->opcode_base - 1u);
    }
    lines->lists = (uint32_t)c->at;
    return !c->bad && lines->line_range > 0 && lines->opcode_base > 0 &&
           (lines->version == 4 || lines->version == 5);
}

/* -- Rows ----------------------------------------------------------------------------------- */

/*
 * A sequence is a run of rows in ascending order of addresses: a function, for WebAssembly. That
 * of a function which the linker left out begins where no code can be.
 */
struct machine {
    const struct dwarf_lines *lines;
    struct dwarf_cursor program;
    struct dwarf_row now;
    struct dwarf_row previous;
    bool in_sequence;
    bool is_live;
    struct dwarf_wanted *wanted;
    size_t count;
    size_t missing;
};

static void begin_sequence(struct machine *m)
{
    m->now = (struct dwarf_row){.file = 1, .line = 1};
    m->in_sequence = false;
}

/* The first of those wanted, which are in ascending order, at or past an address. */
static size_t first_from(const struct machine *m, uint32_t address)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (m->wanted[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The previous row holds up to `end`. */
static void claim(struct machine *m, uint32_t end)
{
    for (size_t i = first_from(m, m->previous.address);
         i < m->count && m->wanted[i].address < end && dwarf_spend(&m->program, 1); i++) {
        if (!m->wanted[i].has_row) {
            m->wanted[i].row = m->previous;
            m->wanted[i].has_row = true;
            m->missing--;
        }
    }
}

static void add_row(struct machine *m)
{
    if (!m->in_sequence) {
        m->in_sequence = true;
        m->is_live = dwarf_is_live(m->now.address);
    } else if (m->is_live && m->now.address > m->previous.address) {
        claim(m, m->now.address);
    }
    m->previous = m->now;
}

static void advance(struct machine *m, uint64_t instructions)
{
    m->now.address += (uint32_t)instructions * m->lines->instruction_bytes;
}

static void run_special(struct machine *m, uint8_t opcode)
{
    const uint8_t adjusted = (uint8_t)(opcode - m->lines->opcode_base);
    advance(m, adjusted / m->lines->line_range);
    m->now.line += (uint32_t)(m->lines->line_base + adjusted % m->lines->line_range);
    add_row(m);
}

static void run_extended(struct machine *m)
{
    struct dwarf_cursor *c = &m->program;
    const uint64_t size = dwarf_take_uleb(c);
    if (size == 0 || size > c->end - c->at) {
        dwarf_fail(c);
        return;
    }
    const size_t next = c->at + (size_t)size;
    const uint8_t opcode = dwarf_take_byte(c);
    if (opcode == LNE_END_SEQUENCE) {
        add_row(m);
        begin_sequence(m);
    } else if (opcode == LNE_SET_ADDRESS && size == 5) {
        m->now.address = dwarf_take_u32(c);
    }
    if (!c->bad) {
        c->at = next;
    }
}

/* Opcodes without a name here change what is not kept, or are of a later version. */
static void run_standard(struct machine *m, uint8_t opcode)
{
    struct dwarf_cursor *c = &m->program;
    switch (opcode) {
    case LNS_COPY:
        add_row(m);
        break;
    case LNS_ADVANCE_PC:
        advance(m, dwarf_take_uleb(c));
        break;
    case LNS_ADVANCE_LINE:
        m->now.line += (uint32_t)dwarf_take_sleb(c);
        break;
    case LNS_SET_FILE:
        m->now.file = dwarf_take_uleb32(c);
        break;
    case LNS_SET_COLUMN:
        m->now.column = dwarf_take_uleb32(c);
        break;
    case LNS_CONST_ADD_PC:
        advance(m, (255u - m->lines->opcode_base) / m->lines->line_range);
        break;
    case LNS_FIXED_ADVANCE_PC:
        m->now.address += (uint32_t)dwarf_take_fixed(c, 2);
        break;
    default:
        for (unsigned i = 0; i < m->lines->operands[opcode - 1]; i++) {
            (void)dwarf_take_uleb(c);
        }
        break;
    }
}

void dwarf_lines_find(const struct dwarf_lines *lines, struct dwarf_wanted *wanted, size_t count)
{
    struct machine m = {
        .lines = lines,
        .program = lines_from(lines, lines->program, lines->end),
        .wanted = wanted,
        .count = count,
        .missing = count,
    };
    begin_sequence(&m);
    while (m.missing > 0 && dwarf_has_more(&m.program)) {
        const uint8_t opcode = dwarf_take_byte(&m.program);
        if (opcode >= lines->opcode_base) {
            run_special(&m, opcode);
        } else if (opcode == 0) {
            run_extended(&m);
        } else {
            run_standard(&m, opcode);
        }
    }
}

/* -- Files ---------------------------------------------------------------------------------- */

struct line_entry {
    struct slice name;
    uint64_t folder;
};

/* One folder or file of DWARF 5: its parts are as the list describes. */
static void take_described(
    const struct dwarf_lines *lines,
    const struct dwarf_line_list *list,
    struct dwarf_cursor *c,
    bool is_wanted,
    struct line_entry *entry)
{
    struct dwarf_cursor formats = lines_from(lines, list->formats, lines->program);
    *entry = (struct line_entry){.folder = 0};
    for (uint32_t i = 0; i < list->format_count && !c->bad; i++) {
        const uint64_t content = dwarf_take_uleb(&formats);
        const struct dwarf_value value = dwarf_take_value(c, dwarf_take_uleb(&formats), 0);
        if (content == LNCT_PATH && is_wanted) {
            entry->name = dwarf_text(lines->dwarf, lines->unit, c->section, value);
        } else if (content == LNCT_DIRECTORY_INDEX) {
            entry->folder = value.number;
        }
    }
}

/* One folder or file of DWARF 4; without a name it is the end of the list. */
static void take_plain(struct dwarf_cursor *c, bool is_file, struct line_entry *entry)
{
    *entry = (struct line_entry){.name = dwarf_take_text(c)};
    if (is_file && entry->name.size > 0) {
        entry->folder = dwarf_take_uleb(c);
        (void)dwarf_take_uleb(c); /* time */
        (void)dwarf_take_uleb(c); /* size */
    }
}

/* The entry of that number, counted from 0. False: there is none. */
static bool find_entry(
    const struct dwarf_lines *lines,
    const struct dwarf_line_list *list,
    uint64_t number,
    struct line_entry *entry)
{
    struct dwarf_cursor c = lines_from(lines, list->entries, lines->program);
    for (uint64_t i = 0; i < list->count && dwarf_spend(&c, 1); i++) {
        if (lines->version >= 5) {
            take_described(lines, list, &c, i == number, entry);
        } else {
            take_plain(&c, list == &lines->files, entry);
        }
        if (c.bad || (lines->version < 5 && entry->name.size == 0)) {
            return false;
        }
        if (i == number) {
            return true;
        }
    }
    return false;
}

static void take_description(struct dwarf_cursor *c, struct dwarf_line_list *list)
{
    list->format_count = dwarf_take_byte(c);
    list->formats = (uint32_t)c->at;
    for (uint32_t i = 0; i < list->format_count; i++) {
        (void)dwarf_take_uleb(c);
        (void)dwarf_take_uleb(c);
    }
    list->count = dwarf_take_uleb(c);
    list->entries = (uint32_t)c->at;
}

/* The list of files stands behind that of folders, so that one must be walked to know where. */
static void find_lists(struct dwarf_lines *lines, struct dwarf_cursor c)
{
    struct line_entry entry;
    if (lines->version >= 5) {
        take_description(&c, &lines->folders);
        for (uint64_t i = 0; i < lines->folders.count && dwarf_spend(&c, 1); i++) {
            take_described(lines, &lines->folders, &c, false, &entry);
        }
        take_description(&c, &lines->files);
    } else {
        lines->folders.count = UINT64_MAX;
        lines->folders.entries = (uint32_t)c.at;
        do {
            take_plain(&c, false, &entry);
        } while (entry.name.size > 0);
        lines->files.count = UINT64_MAX;
        lines->files.entries = (uint32_t)c.at;
    }
    if (c.bad) {
        lines->files.count = 0;
    }
}

/*
 * Up to DWARF 4 both lists count from 1, and folder 0 is the one in which the compiler ran. From
 * DWARF 5 on they count from 0, and that folder is in the list.
 */
bool dwarf_lines_file(const struct dwarf_lines *lines, uint32_t number, struct dwarf_file *out_file)
{
    const unsigned first = lines->version >= 5 ? 0 : 1;
    struct line_entry file;
    if (number < first || !find_entry(lines, &lines->files, number - first, &file) ||
        file.name.size == 0) {
        return false;
    }
    struct line_entry folder = {.folder = 0};
    if (file.folder >= first && !find_entry(lines, &lines->folders, file.folder - first, &folder)) {
        folder.name = (struct slice){NULL, 0};
    }
    *out_file = (struct dwarf_file){
        .base = dwarf_text(
            lines->dwarf, lines->unit, lines->dwarf->sections.info,
            lines->unit->root.values[DWARF_FOLDER]),
        .directory = folder.name,
        .name = file.name,
    };
    return true;
}

/* -- The whole ------------------------------------------------------------------------------ */

bool dwarf_lines_open(
    struct dwarf *dwarf, const struct dwarf_unit *unit, struct dwarf_lines *out_lines)
{
    uint64_t offset = 0;
    if (!dwarf_offset(unit->root.values[DWARF_LINES], &offset)) {
        return false;
    }
    struct dwarf_lines lines = {.dwarf = dwarf, .unit = unit};
    struct dwarf_cursor c = lines_from(&lines, offset, dwarf->sections.line.size);
    const uint32_t size = dwarf_take_u32(&c);
    if (c.bad || size > c.end - c.at) {
        return false;
    }
    c.end = c.at + size;
    if (!take_header(&c, &lines)) {
        return false;
    }
    find_lists(&lines, lines_from(&lines, lines.lists, lines.program));
    *out_lines = lines;
    return true;
}
