/*
 * Modules: machine code in memory, with one prepared instance for each kind of function.
 *
 * Loading trusts its bytes wholly; whoever loads has compiled them itself or checked a MAC over
 * them (artifact.c). They are read from a sealed memfd, so that nobody changes them between that
 * check and here.
 */
#include "engine/internal.h"

#include "base/memory.h"
#include "engine/sealed.h"

/* A module needs more than its slot of the pool has, or imports what nobody offers. */
static cordon_error *refuse_load(wasmtime_error_t *error, const char *why)
{
    wasmtime_error_delete(error);
    return cordon_error_new(CORDON_E_MODULE_REFUSED, "%s", why);
}

static cordon_error *prepare(struct engine_module *module)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        wasmtime_error_t *error = wasmtime_linker_instantiate_pre(
            module->engine->linkers[kind], module->native, &module->prepared[kind]);
        if (error != NULL) {
            return refuse_load(
                error, "the module imports something that is not offered, or with "
                       "another type");
        }
    }
    return NULL;
}

static void module_free(struct engine_module *module)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (module->prepared[kind] != NULL) {
            wasmtime_instance_pre_delete(module->prepared[kind]);
        }
    }
    if (module->native != NULL) {
        wasmtime_module_delete(module->native);
    }
    atomic_fetch_sub(&module->engine->modules, 1);
    mem_free(module);
}

static void module_freep(struct engine_module **module)
{
    if (*module != NULL) {
        module_free(*module);
    }
}

cordon_error *engine_module_load_bytes(
    struct engine *engine, struct slice artifact, struct engine_module **out_module)
{
    CORDON_CLEANUP(module_freep) struct engine_module *module = MEM_NEW(struct engine_module);
    if (module == NULL) {
        return error_no_memory();
    }
    module->engine = engine;
    module->references = 1;
    atomic_fetch_add(&engine->modules, 1);
    wasmtime_error_t *error =
        wasmtime_module_deserialize(engine->native, artifact.data, artifact.size, &module->native);
    if (error != NULL) {
        return refuse_load(
            error, "the module does not fit an instance: its memory or table is "
                   "larger than the limits allow, too many of its functions are "
                   "exported or have their address taken, or it has too many "
                   "passive data segments");
    }
    TRY(prepare(module));
    *out_module = CORDON_TAKE(module);
    return NULL;
}

cordon_error *engine_module_load(struct engine *engine, int fd, struct engine_module **out_module)
{
    CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
    TRY(sealed_view_open(fd, &view));
    return engine_module_load_bytes(engine, view.bytes, out_module);
}

struct engine_module *engine_module_ref(struct engine_module *module)
{
    atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
    return module;
}

void engine_module_unref(struct engine_module *module)
{
    if (module != NULL && atomic_fetch_sub(&module->references, 1) == 1) {
        module_free(module);
    }
}

size_t engine_module_bytes(const struct engine_module *module)
{
    void *start = NULL;
    void *end = NULL;
    wasmtime_module_image_range(module->native, &start, &end);
    return (size_t)((const uint8_t *)end - (const uint8_t *)start);
}
