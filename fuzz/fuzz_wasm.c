/*
 * Modules: the reader, admission, metadata and the report, in the order in which a deploy runs
 * them. Whatever was read must be consistent: the accessors are asked about all of it.
 */
#include "base/buffer.h"
#include "wasm/admit.h"
#include "wasm/metadata.h"
#include "wasm/reader.h"
#include "wasm/report.h"
#include "wasm/schema.h"

static const struct wasm_import_type offered[] = {
    {"convex/core", "log", "ii", "I"},
    {"convex/core", "now_ms", "", "I"},
    {"convex/core", "every_type", "iIfF", "F"},
    {"wasi_snapshot_preview1", "proc_exit", "i", ""},
};

static const struct wasm_rules rules = {
    .imports = offered,
    .import_count = sizeof offered / sizeof offered[0],
    .memory_bytes_max = (uint64_t)256 << 20,
    .table_elements_max = 100000,
};

/* Bounds that small inputs can pass, so that their refusals are reached. */
static const struct wasm_limits tight = {
    .module_bytes = 1 << 20,
    .types = 10,
    .parameters = 4,
    .results = 2,
    .type_values = 20,
    .imports = 10,
    .functions = 10,
    .tables = 1,
    .globals = 4,
    .exports = 10,
    .element_segments = 4,
    .element_items = 10,
    .data_segments = 4,
    .body_bytes = 4096,
    .locals = 10,
    .all_locals = 20,
    .nesting = 6,
    .branches = 8,
    .branch_targets = 6,
    .carried_values = 8,
    .call_values = 20,
    .local_places = 60,
    .local_branches = 16,
    .custom_sections = 6,
    .name_bytes = 64,
};

/* A refusal is the one error that hostile bytes may make, and it always has its three parts. */
static void expect_refusal(cordon_error *error)
{
    if (error == NULL) {
        return;
    }
    const char *text = cordon_error_get_message(error);
    CORDON_ASSERT(cordon_error_get_code(error) == CORDON_E_MODULE_REFUSED);
    CORDON_ASSERT(
        strstr(text, "at byte ") != NULL || strstr(text, "bytes long; the limit") != NULL);
    CORDON_ASSERT(text[strlen(text) - 1] == '.');
    cordon_error_free(error);
}

/* What the tight bounds admit the real ones admit too. */
static void read_tightly(struct slice bytes, bool admitted)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)64 << 20);
    const struct wasm_module *module = NULL;
    expect_refusal(wasm_read(bytes, &tight, &arena, &module));
    CORDON_ASSERT(module == NULL || admitted);
}

static void check_facts(const struct wasm_module *module)
{
    const uint8_t *end = module->bytes.data + module->bytes.size;
    for (uint32_t i = 0; i < module->function_count; i++) {
        const struct wasm_function *function = &module->functions[i];
        CORDON_ASSERT(function->type < module->type_count);
        CORDON_ASSERT(
            function->imported ||
            module->bytes.data + function->body_offset + function->body_bytes <= end);
    }
    for (uint32_t i = 0; i < module->export_count; i++) {
        CORDON_ASSERT(wasm_find_export(module, module->exports[i].name) == &module->exports[i]);
    }
    for (uint32_t i = 0; i < module->section_count; i++) {
        const struct slice content = module->sections[i].content;
        CORDON_ASSERT(content.data + content.size <= end);
    }
}

/* Whatever calls what, each function has an answer that can be. */
static const struct wasm_callgraph *check_graph(
    const struct wasm_module *module, struct arena *arena)
{
    const struct wasm_callgraph *graph = NULL;
    CORDON_ASSERT(wasm_callgraph_make(module, arena, &graph) == NULL);
    for (uint32_t i = 0; i < module->function_count; i++) {
        const uint32_t depth = wasm_call_depth(graph, i);
        CORDON_ASSERT((depth == 0) == module->functions[i].imported);
        CORDON_ASSERT(depth == WASM_RECURSIVE || depth <= module->function_count);
        for (uint32_t capability = 0; capability < graph->capability_count; capability++) {
            (void)wasm_reaches(graph, i, capability);
        }
    }
    return graph;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)64 << 20);
    const struct wasm_module *module = NULL;
    expect_refusal(wasm_read(slice_of(data, size), &wasm_limits_default, &arena, &module));
    read_tightly(slice_of(data, size), module != NULL);
    if (module == NULL) {
        return 0;
    }
    check_facts(module);
    expect_refusal(wasm_admit(module, &rules));
    const struct wasm_metadata *metadata = NULL;
    expect_refusal(wasm_metadata_read(module, &arena, &metadata));
    const struct schema *schema = NULL;
    expect_refusal(wasm_schema_read(module, &arena, &schema));

    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, (size_t)64 << 20);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_report_json(module, check_graph(module, &arena), metadata, schema, &report);
    CORDON_ASSERT(error == NULL || cordon_error_get_code(error) == CORDON_E_TOO_LARGE);
    return 0;
}
