/* The rules of admission. */
#include "wasm/admit.h"

#include "wasm/refusal.h"

/* -- Imports -------------------------------------------------------------------------------- */

static bool is_named(const struct wasm_import_type *row, struct slice module, struct slice name)
{
    return slice_equal(module, slice_str(row->module)) && slice_equal(name, slice_str(row->name));
}

const struct wasm_import_type *wasm_find_import_type(
    const struct wasm_rules *rules, const struct wasm_import *import)
{
    for (size_t i = 0; i < rules->import_count; i++) {
        if (is_named(&rules->imports[i], import->module, import->name)) {
            return &rules->imports[i];
        }
    }
    return NULL;
}

#define PARAMS_MAX 16

static uint8_t code_of(char letter)
{
    switch (letter) {
    case 'i':
        return WASM_I32;
    case 'I':
        return WASM_I64;
    case 'f':
        return WASM_F32;
    default:
        CORDON_ASSERT(letter == 'F');
        return WASM_F64;
    }
}

/* Letters into the codes that a module has, in `codes`. */
static struct slice codes_of(const char *letters, uint8_t codes[PARAMS_MAX])
{
    size_t count = 0;
    for (; letters[count] != '\0'; count++) {
        CORDON_ASSERT(count < PARAMS_MAX);
        codes[count] = code_of(letters[count]);
    }
    return slice_of(codes, count);
}

static struct wasm_place at_import(const struct wasm_module *m, const struct wasm_import *import)
{
    return wasm_place_in(m, WASM_SECTION_IMPORT, import->offset);
}

/* Nothing is offered by that name. Says so by the most likely reason. */
static cordon_error *refuse_unknown(
    const struct wasm_module *m, const struct wasm_rules *rules, const struct wasm_import *import)
{
    const struct wasm_place place = at_import(m, import);
    const struct wasm_quoted module = wasm_quote(import->module);
    const struct wasm_quoted name = wasm_quote(import->name);
    for (size_t i = 0; i < rules->import_count; i++) {
        const struct wasm_import_type *row = &rules->imports[i];
        if (slice_equal(import->name, slice_str(row->name))) {
            return wasm_refuse(
                place, "Import it by that module name.",
                "The import %s of %s does not exist; there is one of that name in \"%s\"",
                name.text, module.text, row->module);
        }
    }
    if (slice_equal(import->module, SLICE("env"))) {
        return wasm_refuse(
            place,
            "Link what defines it, or remove the call: a symbol that no object file and no "
            "library defines becomes such an import.",
            "The import %s of %s does not exist", name.text, module.text);
    }
    return wasm_refuse(
        place, "Remove what calls it; the guest ABI (sdk/abi.md) lists every call there is.",
        "The import %s of %s does not exist", name.text, module.text);
}

static cordon_error *check_function_import(
    const struct wasm_module *m, const struct wasm_rules *rules, const struct wasm_import *import)
{
    const struct wasm_import_type *row = wasm_find_import_type(rules, import);
    if (row == NULL) {
        return refuse_unknown(m, rules, import);
    }
    uint8_t params[PARAMS_MAX];
    uint8_t results[PARAMS_MAX];
    const struct wasm_func_type offered = {
        .params = codes_of(row->params, params), .results = codes_of(row->result, results)};
    const struct wasm_func_type *wanted = &m->types[import->type];
    if (slice_equal(offered.params, wanted->params) &&
        slice_equal(offered.results, wanted->results)) {
        return NULL;
    }
    return wasm_refuse(
        at_import(m, import), "Declare it with the type that is offered.",
        "The import %s of %s has the type %s, but is offered as %s", wasm_quote(import->name).text,
        wasm_quote(import->module).text, wasm_print_type(wanted).text,
        wasm_print_type(&offered).text);
}

static const char *const import_advice[WASM_KIND_COUNT] = {
    [WASM_MEMORY] = "Build without --import-memory: a module defines its memory and exports it.",
    [WASM_TABLE] = "Build without --import-table: a module defines its table.",
    [WASM_GLOBAL] = "Build a plain executable module, without -fPIC and -shared: there is no "
                    "dynamic linker here.",
};

static cordon_error *check_import(
    const struct wasm_module *m, const struct wasm_rules *rules, const struct wasm_import *import)
{
    if (import->kind == WASM_FUNCTION) {
        return check_function_import(m, rules, import);
    }
    return wasm_refuse(
        at_import(m, import), import_advice[import->kind],
        "The import %s of %s is a %s; only functions may be imported",
        wasm_quote(import->name).text, wasm_quote(import->module).text,
        wasm_kind_name(import->kind));
}

/* -- What a linker should have done --------------------------------------------------------- */

static cordon_error *check_linked(const struct wasm_module *m)
{
    const struct wasm_section *linking = wasm_find_custom(m, SLICE("linking"), NULL);
    if (linking != NULL) {
        return wasm_refuse(
            wasm_place_in_custom(m, linking, linking->offset),
            "Link it: wasm-ld, or the compiler without -c.", "The file is an object file");
    }
    const struct wasm_section *dynamic = wasm_find_custom(m, SLICE("dylink.0"), NULL);
    if (dynamic != NULL) {
        return wasm_refuse(
            wasm_place_in_custom(m, dynamic, dynamic->offset),
            "Build without -shared: there is no dynamic linker here.",
            "The file is a shared library");
    }
    return NULL;
}

/* -- Memory, tables and their contents ------------------------------------------------------ */

static cordon_error *check_memory(const struct wasm_module *m, const struct wasm_rules *rules)
{
    if (m->memory_count == 0) {
        return wasm_refuse(
            wasm_place_in(m, WASM_SECTION_NONE, (uint32_t)m->bytes.size),
            "Define one and export it as `memory`; calls pass their data in it.",
            "The module has no memory");
    }
    const struct wasm_memory *memory = &m->memories[0];
    const uint64_t bytes = (uint64_t)memory->pages.min * WASM_PAGE_BYTES;
    if (bytes > rules->memory_bytes_max) {
        return wasm_refuse(
            wasm_place_in(m, WASM_SECTION_MEMORY, memory->offset),
            "Build it with less static data and a smaller stack (-z stack-size=..., "
            "--initial-memory=...), or raise memory_bytes.",
            "The memory begins with %llu bytes; the limit memory_bytes is %llu",
            (unsigned long long)bytes, (unsigned long long)rules->memory_bytes_max);
    }
    return NULL;
}

static cordon_error *check_tables(const struct wasm_module *m, const struct wasm_rules *rules)
{
    uint64_t elements = 0;
    for (uint32_t i = 0; i < m->table_count; i++) {
        elements += m->tables[i].elements.min;
        if (elements > rules->table_elements_max) {
            return wasm_refuse(
                wasm_place_in(m, WASM_SECTION_TABLE, m->tables[i].offset),
                "Take fewer addresses of functions, or raise table_elements.",
                "The tables begin with %llu elements; the limit table_elements is %llu",
                (unsigned long long)elements, (unsigned long long)rules->table_elements_max);
        }
    }
    return NULL;
}

#define SEGMENT_ADVICE "Such a module cannot start; build it with a larger initial size."

/* Whether [target, target + size) is inside `room`, where the target is known. */
static bool fits(struct wasm_constant target, uint64_t size, uint64_t room)
{
    return !target.known || target.bits + size <= room;
}

static cordon_error *check_segments(const struct wasm_module *m)
{
    for (uint32_t i = 0; i < m->data_count; i++) {
        const struct wasm_data_segment *data = &m->data[i];
        if (data->mode != WASM_ACTIVE) {
            continue;
        }
        const uint64_t room = (uint64_t)m->memories[0].pages.min * WASM_PAGE_BYTES;
        if (!fits(data->target, data->bytes.size, room)) {
            return wasm_refuse(
                wasm_place_in(m, WASM_SECTION_DATA, data->offset), SEGMENT_ADVICE,
                "Data segment %u has %zu bytes at address %llu, past the initial memory of %llu", i,
                data->bytes.size, (unsigned long long)data->target.bits, (unsigned long long)room);
        }
    }
    for (uint32_t i = 0; i < m->element_count; i++) {
        const struct wasm_element_segment *segment = &m->elements[i];
        if (segment->mode != WASM_ACTIVE) {
            continue;
        }
        const uint64_t room = m->tables[segment->table].elements.min;
        if (!fits(segment->target, segment->count, room)) {
            return wasm_refuse(
                wasm_place_in(m, WASM_SECTION_ELEMENT, segment->offset), SEGMENT_ADVICE,
                "Element segment %u has %u items at element %llu, past the initial table of %llu",
                i, segment->count, (unsigned long long)segment->target.bits,
                (unsigned long long)room);
        }
    }
    return NULL;
}

/* -- Exports and what runs by itself -------------------------------------------------------- */

static cordon_error *check_memory_export(const struct wasm_module *m)
{
    const struct wasm_export *memory = wasm_find_export(m, SLICE("memory"));
    if (memory == NULL) {
        return wasm_refuse(
            wasm_place_in(m, WASM_SECTION_MEMORY, m->memories[0].offset),
            "Export it: wasm-ld does so by itself, unless given --no-export-memory.",
            "The module does not export its memory as \"memory\"");
    }
    if (memory->kind != WASM_MEMORY) {
        return wasm_refuse(
            wasm_place_in(m, WASM_SECTION_EXPORT, memory->offset),
            "Give it another name, and export the memory by this one.",
            "The export \"memory\" is a %s", wasm_kind_name(memory->kind));
    }
    return NULL;
}

cordon_error *wasm_check_callable(
    const struct wasm_module *m, const struct wasm_export *export, const char *subject)
{
    struct wasm_place place = wasm_place_in(m, WASM_SECTION_EXPORT, export->offset);
    if (export->kind != WASM_FUNCTION) {
        return wasm_refuse(
            place, "Export a function by this name.", "%s is a %s", subject,
            wasm_kind_name(export->kind));
    }
    place.function = export->index;
    if (m->functions[export->index].imported) {
        return wasm_refuse(
            place, "Export a function of the module's own.", "%s is an imported function", subject);
    }
    const struct wasm_func_type *type = wasm_function_type(m, export->index);
    if (type->params.size > 0 || type->results.size > 0) {
        return wasm_refuse(
            place,
            "Export a function without parameters and results: arguments are read by input_read, "
            "the result is written by output_write.",
            "%s has the type %s, not () -> ()", subject, wasm_print_type(type).text);
    }
    return NULL;
}

const struct slice wasm_initialize_name = {(const uint8_t *)"_initialize", 11};

bool wasm_has_initialize(const struct wasm_module *module)
{
    return wasm_find_export(module, wasm_initialize_name) != NULL;
}

static cordon_error *check_initialize(const struct wasm_module *m)
{
    const struct wasm_export *initialize = wasm_find_export(m, wasm_initialize_name);
    return initialize == NULL ? NULL
                              : wasm_check_callable(m, initialize, "The export \"_initialize\"");
}

static cordon_error *check_start(const struct wasm_module *m)
{
    if (m->start == WASM_NO_FUNCTION || !m->functions[m->start].imported) {
        return NULL;
    }
    const struct wasm_section *section = wasm_find_section(m, WASM_SECTION_START);
    struct wasm_place place = wasm_place_in(m, WASM_SECTION_START, section->offset);
    place.function = m->start;
    return wasm_refuse(
        place, "Start with a function of the module's own.",
        "The start function is an imported one");
}

cordon_error *wasm_admit(const struct wasm_module *module, const struct wasm_rules *rules)
{
    TRY(check_linked(module));
    for (uint32_t i = 0; i < module->import_count; i++) {
        TRY(check_import(module, rules, &module->imports[i]));
    }
    TRY(check_memory(module, rules));
    TRY(check_tables(module, rules));
    TRY(check_segments(module));
    TRY(check_memory_export(module));
    TRY(check_start(module));
    return check_initialize(module);
}
