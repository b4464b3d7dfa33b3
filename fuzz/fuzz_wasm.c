/*
 * Modules: the reader, admission, metadata and the report, in the order in which a deploy runs
 * them. Whatever was read must be consistent: the accessors are asked about all of it.
 */
#include "base/buffer.h"
#include "wasm/admit.h"
#include "wasm/metadata.h"
#include "wasm/reader.h"
#include "wasm/report.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)64 << 20);
    const struct wasm_module *module = NULL;
    expect_refusal(wasm_read(slice_of(data, size), &wasm_limits_default, &arena, &module));
    if (module == NULL) {
        return 0;
    }
    check_facts(module);
    expect_refusal(wasm_admit(module, &rules));
    const struct wasm_metadata *metadata = NULL;
    expect_refusal(wasm_metadata_read(module, &arena, &metadata));

    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, (size_t)64 << 20);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        wasm_report_json(module, metadata, &report);
    CORDON_ASSERT(error == NULL || cordon_error_get_code(error) == CORDON_E_TOO_LARGE);
    return 0;
}
