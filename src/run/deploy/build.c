/* Building modules; see build.h. */
#include "run/deploy/build.h"

#include "base/clock.h"
#include "base/memory.h"
#include "engine/sealed.h"
#include "host/functions.h"
#include "run/internal.h"
#include "value/json.h"
#include "value/printable.h"
#include "wasm/admit.h"
#include "wasm/blank.h"
#include "wasm/reader.h"
#include "wasm/refusal.h"
#include "wasm/report.h"
#include "wasm/schema.h"

#define IMPORTS_MAX (128 + HOST_FUNCTIONS_MAX)
/* A reader's facts of a module at the limits of wasm/limits.h fit well into this. */
#define READ_BYTES_MAX ((size_t)256 << 20)

/* -- Admission ------------------------------------------------------------------------------ */

/* The import table of the host, as the admission rules want it. */
static size_t import_types(const struct runner *runner, struct wasm_import_type types[IMPORTS_MAX])
{
    size_t count = 0;
    const struct engine_import *imports = host_all_imports(runner->options.functions, &count);
    CORDON_ASSERT(count <= IMPORTS_MAX);
    for (size_t i = 0; i < count; i++) {
        types[i] = (struct wasm_import_type){
            .module = imports[i].module,
            .name = imports[i].name,
            .params = imports[i].params,
            .result = imports[i].result,
        };
    }
    return count;
}

static uint64_t process_limit(const struct runner *runner, cordon_limit limit)
{
    const struct limit_changes *changes = &runner->options.limits;
    return changes->set[limit] ? changes->value[limit]
                               : cordon_limit_get_info(limit)->defaults[CORDON_QUERY];
}

/* Reads and checks a module without generating code. Everything lives in the arena. */
static cordon_error *admit(
    struct runner *runner,
    struct slice wasm,
    struct arena *arena,
    const struct wasm_module **out_module)
{
    struct wasm_limits limits = wasm_limits_default;
    const uint64_t bytes_max = process_limit(runner, CORDON_LIMIT_MODULE_BYTES);
    limits.module_bytes = bytes_max > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes_max;
    TRY(wasm_read(wasm, &limits, arena, out_module));
    struct wasm_import_type types[IMPORTS_MAX];
    const struct wasm_rules rules = {
        .imports = types,
        .import_count = import_types(runner, types),
        .memory_bytes_max = process_limit(runner, CORDON_LIMIT_MEMORY_BYTES),
        .table_elements_max = process_limit(runner, CORDON_LIMIT_TABLE_ELEMENTS),
    };
    return wasm_admit(*out_module, &rules);
}

/* -- Machine code --------------------------------------------------------------------------- */

static void free_bytes(struct slice *bytes)
{
    mem_free((void *)(uintptr_t)bytes->data);
}

/* The validator's reason at its place in the module. */
static cordon_error *refuse_invalid(void *arg, uint64_t offset, const char *reason)
{
    return wasm_refuse_invalid(arg, offset, reason);
}

static cordon_error *compile_inside(
    struct runner *runner,
    struct slice wasm,
    const struct engine_refuser *refuser,
    struct engine_module **out_module)
{
    CORDON_CLEANUP(free_bytes) struct slice artifact = {0};
    TRY(engine_compile_inside(wasm, refuser, &artifact));
    return engine_module_load_bytes(runner->engine, artifact, out_module);
}

/* By a worker, and then into the cache. */
static cordon_error *compile_outside(
    struct runner *runner,
    uint32_t tenant,
    struct slice wasm,
    const uint8_t hash[SHA256_BYTES],
    const struct engine_refuser *refuser,
    struct engine_module **out_module)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    TRY(compiler_compile(runner->compiler, wasm, refuser, &fd));
    TRY(engine_module_load(runner->engine, fd, out_module));
    if (runner->cache != NULL) {
        /* A cache that can't be written costs a compilation later, not this deploy. */
        cordon_error_free(artifact_cache_put(runner->cache, tenant, hash, fd));
    }
    return NULL;
}

static cordon_error *compile(
    struct runner *runner,
    uint32_t tenant,
    const struct wasm_module *module,
    const uint8_t hash[SHA256_BYTES],
    struct engine_module **out_module)
{
    const struct engine_refuser refuser = {refuse_invalid, (void *)(uintptr_t)module};
    CORDON_CLEANUP(free_bytes) struct slice wasm = {0};
    TRY(wasm_blank(module, &wasm));
    if (runner->compiler == NULL) {
        return compile_inside(runner, wasm, &refuser, out_module);
    }
    return compile_outside(runner, tenant, wasm, hash, &refuser, out_module);
}

/* Leaves `*out_module` NULL if the cache does not have it. */
static cordon_error *load_cached(
    struct runner *runner,
    uint32_t tenant,
    const uint8_t hash[SHA256_BYTES],
    struct engine_module **out_module)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    bool found = false;
    if (runner->cache != NULL) {
        TRY(artifact_cache_get(runner->cache, tenant, hash, &found, &fd));
    }
    return found ? engine_module_load(runner->engine, fd, out_module) : NULL;
}

/* Machine code from the cache, or made anew; none where the order says so. */
static cordon_error *make_code(
    struct runner *runner,
    const struct build_order *order,
    const struct wasm_module *module,
    const uint8_t hash[SHA256_BYTES],
    struct built *built)
{
    const uint64_t looked_ns = clock_monotonic_ns();
    TRY(load_cached(runner, order->tenant, hash, &built->module));
    const uint64_t started = clock_monotonic_ns();
    if (built->module != NULL) {
        histogram_observe_ns(runner->metrics.compile[true], started - looked_ns);
        return NULL;
    }
    if (order->only_cached) {
        return NULL;
    }
    TRY(compile(runner, order->tenant, module, hash, &built->module));
    built->compile_ns = clock_monotonic_ns() - started;
    histogram_observe_ns(runner->metrics.compile[false], built->compile_ns);
    return NULL;
}

/* -- The report ----------------------------------------------------------------------------- */

static cordon_error *report_key(struct buffer *report, const char *key)
{
    return json_write_key(report, slice_str(key));
}

/* What was admitted, and how it became machine code. */
static cordon_error *report_module(
    const struct wasm_module *module,
    struct slice name,
    const struct built *built,
    struct arena *arena,
    struct buffer *report)
{
    const struct wasm_callgraph *graph = NULL;
    TRY(wasm_callgraph_make(module, arena, &graph));
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(built->hash, SHA256_BYTES), hex);
    TRY(json_write_comma(report));
    TRY(buffer_append_byte(report, '{'));
    TRY(report_key(report, "name"));
    TRY(json_write_string(report, name));
    TRY(report_key(report, "sha256"));
    TRY(json_write_string(report, slice_str(hex)));
    TRY(report_key(report, "module"));
    TRY(wasm_report_json(module, graph, built->metadata, built->schema, report));
    TRY(report_key(report, "compileMs"));
    TRY(json_write_number(report, (double)built->compile_ns / 1e6));
    TRY(report_key(report, "fromCache"));
    TRY(json_write_bool(report, built->compile_ns == 0));
    TRY(report_key(report, "codeBytes"));
    TRY(json_write_u64(report, engine_module_bytes(built->module)));
    TRY(report_key(report, "namesLeftOut"));
    TRY(json_write_u64(report, built->names.left_out));
    return buffer_append_byte(report, '}');
}

/* -- Whole modules -------------------------------------------------------------------------- */

/* Says which module an error is about. */
static cordon_error *name_module(struct slice name, cordon_error *error)
{
    if (name.size == 0) {
        return error;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return cordon_error_new(
        cordon_error_get_code(owned), "%s: %s", printable(name).text,
        cordon_error_get_message(owned));
}

/* The report gets one object more; after a failure the whole of it is of no use. */
static cordon_error *build(
    struct runner *runner,
    const struct build_order *order,
    const struct deploy_module *source,
    struct arena *keep,
    struct built *built,
    struct buffer *report)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, READ_BYTES_MAX);
    const struct wasm_module *module = NULL;
    TRY(admit(runner, source->wasm, &arena, &module));
    TRY(wasm_metadata_read(module, keep, &built->metadata));
    TRY(wasm_schema_read(module, keep, &built->schema));
    TRY(names_keep(module, keep, &built->names));
    built->has_initialize = wasm_has_initialize(module);
    built->loading_fuel = module->loading_fuel;
    built->has_debug = wasm_find_custom(module, SLICE(".debug_info"), NULL) != NULL;
    hash_sha256(&source->wasm, 1, built->hash); /* not before it is worth it */
    TRY(make_code(runner, order, module, built->hash, built));
    return report == NULL || built->module == NULL
               ? NULL
               : report_module(module, source->name, built, &arena, report);
}

cordon_error *build_module(
    struct runner *runner,
    const struct build_order *order,
    const struct deploy_module *source,
    struct arena *keep,
    struct built *out_built,
    struct buffer *report)
{
    struct built built = {0};
    cordon_error *error = build(runner, order, source, keep, &built, report);
    if (error != NULL) {
        engine_module_unref(built.module);
        return name_module(source->name, error);
    }
    *out_built = built;
    return NULL;
}
