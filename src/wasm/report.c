/* Writing the admission report. */
#include "wasm/report.h"

#include "value/json.h"
#include "value/utf8.h"
#include "wasm/admit.h"
#include "wasm/refusal.h"

/* Text that is JSON already: null, a bracket, a validator. */
static cordon_error *write_raw(struct buffer *out, const char *key, struct slice json)
{
    TRY(json_write_key(out, slice_str(key)));
    return buffer_append(out, json);
}

static cordon_error *open_item(struct buffer *out)
{
    TRY(json_write_comma(out));
    return buffer_append_byte(out, '{');
}

static cordon_error *close_with(struct buffer *out, char bracket)
{
    return buffer_append_byte(out, (uint8_t)bracket);
}

/* Functions that run one after another; together they reach what each does. */
struct calls {
    const struct wasm_callgraph *graph;
    uint32_t functions[2];
    uint32_t count;
};

static bool any_reaches(const struct calls *calls, uint32_t capability)
{
    for (uint32_t i = 0; i < calls->count; i++) {
        if (wasm_reaches(calls->graph, calls->functions[i], capability)) {
            return true;
        }
    }
    return false;
}

/* What the calls can come to, as members of an object. */
static cordon_error *write_calls(struct buffer *out, const struct calls *calls)
{
    TRY(write_raw(out, "capabilities", SLICE("[")));
    for (uint32_t i = 0; i < calls->graph->capability_count; i++) {
        if (any_reaches(calls, i)) {
            TRY(json_write_comma(out));
            TRY(json_write_string(out, calls->graph->capabilities[i]));
        }
    }
    TRY(close_with(out, ']'));
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < calls->count; i++) {
        const uint32_t depth = wasm_call_depth(calls->graph, calls->functions[i]);
        deepest = depth > deepest ? depth : deepest; /* recursive ones are the deepest */
    }
    const bool recursive = deepest == WASM_RECURSIVE;
    TRY(json_write_member_bool(out, "recursive", recursive));
    return recursive ? write_raw(out, "callDepth", SLICE("null"))
                     : json_write_member_u64(out, "callDepth", deepest);
}

static void add_export(
    struct calls *calls, const struct wasm_module *module, struct slice export_name)
{
    const struct wasm_export *export = wasm_find_export(module, export_name);
    if (export != NULL && export->kind == WASM_FUNCTION) {
        calls->functions[calls->count++] = export->index;
    }
}

static cordon_error *write_functions(
    struct buffer *out,
    const struct wasm_module *module,
    const struct wasm_callgraph *graph,
    const struct wasm_metadata *metadata)
{
    if (metadata == NULL) {
        return NULL;
    }
    TRY(write_raw(out, "functions", SLICE("[")));
    for (uint32_t i = 0; i < metadata->function_count; i++) {
        const struct wasm_metadata_function *function = &metadata->functions[i];
        struct calls calls = {.graph = graph};
        add_export(&calls, module, function->export_name);
        TRY(open_item(out));
        TRY(json_write_member_string(out, "path", function->path.text));
        TRY(json_write_member_string(out, "export", function->export_name));
        TRY(json_write_member_string(out, "kind", slice_str(cordon_kind_name(function->kind))));
        TRY(json_write_member_string(
            out, "visibility", slice_str(wasm_visibility_name(function->visibility))));
        TRY(write_raw(out, "args", function->args_json));
        TRY(write_raw(out, "returns", function->returns_json));
        TRY(write_calls(out, &calls));
        TRY(close_with(out, '}'));
    }
    return close_with(out, ']');
}

static cordon_error *write_schema(struct buffer *out, const struct schema *schema)
{
    if (schema == NULL) {
        return write_raw(out, "schema", SLICE("null"));
    }
    TRY(write_raw(out, "schema", SLICE("{")));
    TRY(write_raw(out, "tables", SLICE("[")));
    for (size_t i = 0; i < schema->table_count; i++) {
        TRY(json_write_comma(out));
        TRY(schema_table_write(&schema->tables[i], out));
    }
    TRY(close_with(out, ']'));
    TRY(json_write_member_bool(out, "schemaValidation", schema->validates));
    return close_with(out, '}');
}

/* The start section, then `_initialize`. */
static cordon_error *write_start(
    struct buffer *out, const struct wasm_module *module, const struct wasm_callgraph *graph)
{
    struct calls calls = {.graph = graph};
    if (module->start != WASM_NO_FUNCTION) {
        calls.functions[calls.count++] = module->start;
    }
    add_export(&calls, module, wasm_initialize_name);
    const bool starts = module->start != WASM_NO_FUNCTION || wasm_has_initialize(module);
    TRY(json_write_member_bool(out, "start", starts));
    if (calls.count == 0) {
        return write_raw(out, "initialization", SLICE("null"));
    }
    TRY(write_raw(out, "initialization", SLICE("{")));
    TRY(write_calls(out, &calls));
    return close_with(out, '}');
}

static cordon_error *write_imports(struct buffer *out, const struct wasm_module *module)
{
    TRY(write_raw(out, "imports", SLICE("[")));
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct wasm_import *import = &module->imports[i];
        TRY(open_item(out));
        TRY(json_write_member_string(out, "module", import->module));
        TRY(json_write_member_string(out, "name", import->name));
        TRY(json_write_member_string(out, "kind", slice_str(wasm_kind_name(import->kind))));
        if (import->kind == WASM_FUNCTION) {
            const struct wasm_type_text type = wasm_print_type(&module->types[import->type]);
            TRY(json_write_member_string(out, "type", slice_str(type.text)));
        }
        TRY(close_with(out, '}'));
    }
    return close_with(out, ']');
}

static cordon_error *write_exports(struct buffer *out, const struct wasm_module *module)
{
    TRY(write_raw(out, "exports", SLICE("[")));
    for (uint32_t i = 0; i < module->export_count; i++) {
        TRY(open_item(out));
        TRY(json_write_member_string(out, "name", module->exports[i].name));
        TRY(json_write_member_string(
            out, "kind", slice_str(wasm_kind_name(module->exports[i].kind))));
        TRY(close_with(out, '}'));
    }
    return close_with(out, ']');
}

/* {"initial…", "maximum…"} in units of `unit_size`. */
static cordon_error *write_range(
    struct buffer *out,
    struct wasm_range range,
    uint64_t unit_size,
    const char *initial_key,
    const char *maximum_key)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_u64(out, initial_key, range.min * unit_size));
    if (range.has_max) {
        TRY(json_write_member_u64(out, maximum_key, range.max * unit_size));
    } else {
        TRY(write_raw(out, maximum_key, SLICE("null")));
    }
    return close_with(out, '}');
}

static cordon_error *write_memory_and_tables(struct buffer *out, const struct wasm_module *module)
{
    if (module->memory_count == 0) {
        TRY(write_raw(out, "memory", SLICE("null")));
    } else {
        TRY(json_write_key(out, SLICE("memory")));
        TRY(write_range(
            out, module->memories[0].pages, WASM_PAGE_BYTES, "initialBytes", "maximumBytes"));
    }
    TRY(write_raw(out, "tables", SLICE("[")));
    for (uint32_t i = 0; i < module->table_count; i++) {
        TRY(json_write_comma(out));
        TRY(write_range(out, module->tables[i].elements, 1, "initialElements", "maximumElements"));
    }
    return close_with(out, ']');
}

static cordon_error *write_counts(struct buffer *out, const struct wasm_module *module)
{
    const uint32_t imported = wasm_count_imports(module, WASM_FUNCTION);
    TRY(write_raw(out, "counts", SLICE("{")));
    TRY(json_write_member_u64(out, "types", module->type_count));
    TRY(json_write_member_u64(out, "functions", module->function_count - imported));
    TRY(json_write_member_u64(out, "globals", module->global_count));
    TRY(json_write_member_u64(out, "elementSegments", module->element_count));
    TRY(json_write_member_u64(out, "dataSegments", module->data_count));
    return close_with(out, '}');
}

static cordon_error *write_largest(struct buffer *out, const struct wasm_module *module)
{
    const struct wasm_function *largest = NULL;
    for (uint32_t i = 0; i < module->function_count; i++) {
        const struct wasm_function *function = &module->functions[i];
        if (!function->imported &&
            (largest == NULL || function->body_bytes > largest->body_bytes)) {
            largest = function;
        }
    }
    if (largest == NULL) {
        return write_raw(out, "largest", SLICE("null"));
    }
    TRY(write_raw(out, "largest", SLICE("{")));
    TRY(json_write_member_u64(out, "index", (uint64_t)(largest - module->functions)));
    TRY(json_write_member_string(out, "name", utf8_cut(largest->name, WASM_NAME_SHOWN_MAX)));
    TRY(json_write_member_u64(out, "bytes", largest->body_bytes));
    return close_with(out, '}');
}

static cordon_error *write_code_and_data(struct buffer *out, const struct wasm_module *module)
{
    const struct wasm_section *code = wasm_find_section(module, WASM_SECTION_CODE);
    uint64_t data_bytes = 0;
    for (uint32_t i = 0; i < module->data_count; i++) {
        data_bytes += module->data[i].bytes.size;
    }
    TRY(write_raw(out, "code", SLICE("{")));
    TRY(json_write_member_u64(out, "bytes", code == NULL ? 0 : code->content.size));
    TRY(write_largest(out, module));
    TRY(close_with(out, '}'));
    TRY(write_raw(out, "data", SLICE("{")));
    TRY(json_write_member_u64(out, "bytes", data_bytes));
    return close_with(out, '}');
}

static cordon_error *write_sections(struct buffer *out, const struct wasm_module *module)
{
    TRY(write_raw(out, "sections", SLICE("[")));
    for (uint32_t i = 0; i < module->section_count; i++) {
        const struct wasm_section *section = &module->sections[i];
        const bool custom = section->id == WASM_SECTION_CUSTOM;
        TRY(open_item(out));
        TRY(json_write_member_string(
            out, "name", custom ? section->name : slice_str(wasm_section_name(section->id))));
        TRY(json_write_member_u64(out, "bytes", section->content.size));
        TRY(close_with(out, '}'));
    }
    return close_with(out, ']');
}

static bool has_custom(const struct wasm_module *module, struct slice name)
{
    return wasm_find_custom(module, name, NULL) != NULL;
}

static cordon_error *write_debug(struct buffer *out, const struct wasm_module *module)
{
    TRY(write_raw(out, "debug", SLICE("{")));
    TRY(json_write_member_bool(out, "names", has_custom(module, SLICE("name"))));
    TRY(json_write_member_bool(out, "dwarf", has_custom(module, SLICE(".debug_info"))));
    TRY(json_write_member_bool(out, "sourceMap", has_custom(module, SLICE("sourceMappingURL"))));
    if (module->names_fault.size > 0) {
        TRY(json_write_member_string(out, "fault", module->names_fault));
    } else {
        TRY(write_raw(out, "fault", SLICE("null")));
    }
    return close_with(out, '}');
}

cordon_error *wasm_report_json(
    const struct wasm_module *module,
    const struct wasm_callgraph *graph,
    const struct wasm_metadata *metadata,
    const struct schema *schema,
    struct buffer *buffer)
{
    TRY(buffer_append_byte(buffer, '{'));
    TRY(json_write_member_u64(buffer, "bytes", module->bytes.size));
    TRY(write_functions(buffer, module, graph, metadata));
    TRY(write_schema(buffer, schema));
    TRY(write_imports(buffer, module));
    TRY(write_exports(buffer, module));
    TRY(write_memory_and_tables(buffer, module));
    TRY(write_counts(buffer, module));
    TRY(write_code_and_data(buffer, module));
    TRY(write_start(buffer, module, graph));
    TRY(write_sections(buffer, module));
    TRY(write_debug(buffer, module));
    return close_with(buffer, '}');
}
