/*
 * Reading in two steps: first the frame of every section, then the contents, in the order in which
 * one needs another's facts. So the names of functions are known before their bodies are read, and
 * a module cut short is refused at once and as such.
 */
#include "wasm/reader.h"

#include "wasm/sections.h"

#define HEADER_BYTES 8

static struct wasm_place in_header(uint32_t offset)
{
    return wasm_place_in(NULL, WASM_SECTION_NONE, offset);
}

/* A text module begins with "(" or with a comment, after white space. */
static bool looks_like_text(struct slice bytes)
{
    size_t at = 0;
    while (at < bytes.size && memchr(" \t\r\n", bytes.data[at], 4) != NULL) {
        at++;
    }
    return slice_starts_with(slice_from(bytes, at), SLICE("(")) ||
           slice_starts_with(slice_from(bytes, at), SLICE(";;"));
}

static cordon_error *check_magic(struct slice bytes)
{
    if (bytes.size == 0) {
        return wasm_refuse(
            in_header(0), "Pass the .wasm file that the compiler made.", "The module is empty");
    }
    if (slice_starts_with(bytes, slice_of("\0asm", 4))) {
        return NULL;
    }
    if (looks_like_text(bytes)) {
        return wasm_refuse(
            in_header(0), "Translate it first: wat2wasm FILE.wat -o FILE.wasm.",
            "The module is in the text format, not the binary one");
    }
    return wasm_refuse(
        in_header(0), "Pass the .wasm file that the compiler made.",
        "The file does not begin as a WebAssembly module does (00 61 73 6d)");
}

/* A version is 16 bits, then 16 bits for the layer: 0 for a module, 1 for a component. */
static cordon_error *check_version(struct slice bytes)
{
    if (bytes.size < HEADER_BYTES) {
        return wasm_refuse(
            in_header((uint32_t)bytes.size), WASM_ADVICE_DAMAGED,
            "The module ends inside its header of %d bytes", HEADER_BYTES);
    }
    const unsigned version = bytes.data[4] | (unsigned)bytes.data[5] << 8;
    const unsigned layer = bytes.data[6] | (unsigned)bytes.data[7] << 8;
    if (layer == 1) {
        return wasm_refuse_feature(in_header(4), "The file", WASM_FEATURE_COMPONENT);
    }
    if (version != 1 || layer != 0) {
        return wasm_refuse(
            in_header(4), "Build for version 1 of the binary format.",
            "The module is of version %u.%u of the binary format, not 1.0", version, layer);
    }
    return NULL;
}

static cordon_error *check_header(struct slice bytes, const struct wasm_limits *limits)
{
    if (bytes.size > limits->module_bytes) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "The module is %zu bytes long; the limit module_bytes is %u. Strip its debug "
            "information (wasm-strip, or -Wl,--strip-debug), split its functions over several "
            "modules, or raise module_bytes.",
            bytes.size, limits->module_bytes);
    }
    TRY(check_magic(bytes));
    return check_version(bytes);
}

/* The order that the specification gives; 0 for custom sections, which may stand anywhere. */
static const uint8_t section_ranks[WASM_SECTION_COUNT] = {
    [WASM_SECTION_TYPE] = 1,     [WASM_SECTION_IMPORT] = 2,      [WASM_SECTION_FUNCTION] = 3,
    [WASM_SECTION_TABLE] = 4,    [WASM_SECTION_MEMORY] = 5,      [WASM_SECTION_TAG] = 6,
    [WASM_SECTION_GLOBAL] = 7,   [WASM_SECTION_EXPORT] = 8,      [WASM_SECTION_START] = 9,
    [WASM_SECTION_ELEMENT] = 10, [WASM_SECTION_DATA_COUNT] = 11, [WASM_SECTION_CODE] = 12,
    [WASM_SECTION_DATA] = 13,
};

static cordon_error *take_section(struct wasm_cursor *c, struct wasm_section *out_section)
{
    struct wasm_section section = {.offset = c->at};
    uint8_t id = 0;
    TRY(wasm_take_byte(c, "A section", &id));
    if (id >= WASM_SECTION_COUNT) {
        return wasm_refuse(
            wasm_at(c, section.offset), WASM_ADVICE_DAMAGED, "There is no section of kind %u", id);
    }
    section.id = (enum wasm_section_id)id;
    uint32_t size = 0;
    TRY(wasm_take_u32(c, "The size of a section", &size));
    if (size > wasm_left(c)) {
        return wasm_refuse(
            wasm_at(c, section.offset), WASM_ADVICE_DAMAGED,
            "The %s section is %u bytes long, but the module ends after %u of them",
            wasm_section_name(section.id), size, wasm_left(c));
    }
    section.content = slice_of(c->module->bytes.data + c->at, size);
    c->at += size;
    *out_section = section;
    return NULL;
}

/* `*rank` is that of the last section that is not custom. */
static cordon_error *check_order(
    const struct wasm_cursor *c, const struct wasm_section *section, uint8_t *rank)
{
    const uint8_t own = section_ranks[section->id];
    if (own == 0) {
        return NULL;
    }
    if (own <= *rank) {
        return wasm_refuse(
            wasm_at(c, section->offset), WASM_ADVICE_DAMAGED, "The %s section %s",
            wasm_section_name(section->id),
            own == *rank ? "is there twice" : "stands behind one that must follow it");
    }
    *rank = own;
    return NULL;
}

/* Walks the frames once, to check their order and to know how many there are. */
static cordon_error *count_sections(struct wasm_cursor c, uint32_t *out_count)
{
    uint32_t count = 0;
    uint32_t customs = 0;
    uint8_t rank = 0;
    for (; wasm_left(&c) > 0; count++) {
        struct wasm_section section = {.id = WASM_SECTION_NONE};
        TRY(take_section(&c, &section));
        TRY(check_order(&c, &section, &rank));
        customs += section.id == WASM_SECTION_CUSTOM;
        if (customs > c.limits->custom_sections) {
            return wasm_refuse(
                wasm_at(&c, section.offset), "Strip custom sections, for example by wasm-strip.",
                "There are more than %u custom sections", c.limits->custom_sections);
        }
    }
    *out_count = count;
    return NULL;
}

/* A cursor over the content of a section, or over nothing. */
static struct wasm_cursor open_section(
    const struct wasm_cursor *whole, const struct wasm_section *section)
{
    struct wasm_cursor c = *whole;
    c.absent = section == NULL;
    c.at = section == NULL ? c.end : wasm_offset_of(c.module, section->content);
    c.end = section == NULL ? c.end : c.at + (uint32_t)section->content.size;
    c.section = section == NULL ? WASM_SECTION_NONE : section->id;
    return c;
}

/* Splits the content of a custom section into its name and the rest. */
static cordon_error *read_custom_name(const struct wasm_cursor *whole, struct wasm_section *section)
{
    struct wasm_cursor c = open_section(whole, section);
    TRY(wasm_take_name(&c, "The name of a custom section", c.limits->name_bytes, &section->name));
    section->content = slice_of(c.module->bytes.data + c.at, wasm_left(&c));
    return NULL;
}

static cordon_error *read_frames(const struct wasm_cursor *whole)
{
    struct wasm_module *module = whole->module;
    uint32_t count = 0;
    TRY(count_sections(*whole, &count));
    void *items = NULL;
    TRY(wasm_allocate(whole, count, sizeof *module->sections, &items));
    module->sections = items;
    struct wasm_cursor c = *whole;
    for (; module->section_count < count; module->section_count++) {
        struct wasm_section *section = &module->sections[module->section_count];
        TRY(take_section(&c, section));
        if (section->id == WASM_SECTION_CUSTOM) {
            TRY(read_custom_name(whole, section));
        }
    }
    return NULL;
}

typedef cordon_error *section_reader(struct wasm_cursor *c);

static cordon_error *read_section(
    const struct wasm_cursor *whole, enum wasm_section_id id, section_reader *read)
{
    const struct wasm_section *section = wasm_find_section(whole->module, id);
    struct wasm_cursor c = open_section(whole, section);
    /* cppcheck-suppress returnDanglingLifetime ; `read` is no constructor but a function */
    TRY(read(&c));
    if (wasm_left(&c) > 0 && section != NULL) {
        return wasm_refuse(
            wasm_here(&c), WASM_ADVICE_DAMAGED, "%u bytes are left over at the end of the section",
            wasm_left(&c));
    }
    return NULL;
}

static cordon_error *read_contents(struct wasm_cursor *whole)
{
    TRY(read_section(whole, WASM_SECTION_TYPE, wasm_read_types));
    TRY(read_section(whole, WASM_SECTION_IMPORT, wasm_read_imports));
    TRY(read_section(whole, WASM_SECTION_FUNCTION, wasm_read_functions));
    TRY(read_section(whole, WASM_SECTION_TABLE, wasm_read_tables));
    TRY(read_section(whole, WASM_SECTION_MEMORY, wasm_read_memories));
    TRY(read_section(whole, WASM_SECTION_TAG, wasm_read_tags));
    TRY(read_section(whole, WASM_SECTION_GLOBAL, wasm_read_globals));
    TRY(read_section(whole, WASM_SECTION_EXPORT, wasm_read_exports));
    TRY(read_section(whole, WASM_SECTION_START, wasm_read_start));
    TRY(read_section(whole, WASM_SECTION_ELEMENT, wasm_read_elements));
    TRY(read_section(whole, WASM_SECTION_DATA_COUNT, wasm_read_data_count));
    TRY(wasm_read_names(whole));
    TRY(read_section(whole, WASM_SECTION_CODE, wasm_read_code));
    TRY(read_section(whole, WASM_SECTION_DATA, wasm_read_data));
    return wasm_weigh_loading(whole);
}

cordon_error *wasm_read(
    struct slice bytes,
    const struct wasm_limits *limits,
    struct arena *arena,
    const struct wasm_module **out_module)
{
    TRY(check_header(bytes, limits));
    struct wasm_cursor whole = {
        .limits = limits,
        .arena = arena,
        .at = HEADER_BYTES,
        .end = (uint32_t)bytes.size, /* limits.module_bytes has 32 bits */
        .section = WASM_SECTION_NONE,
        .function = WASM_NO_FUNCTION,
    };
    void *item = NULL;
    TRY(wasm_allocate(&whole, 1, sizeof *whole.module, &item));
    whole.module = item;
    whole.module->bytes = bytes;
    whole.module->start = WASM_NO_FUNCTION;
    TRY(read_frames(&whole));
    TRY(read_contents(&whole));
    *out_module = whole.module;
    return NULL;
}
