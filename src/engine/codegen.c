/* The compiler; see codegen.h. */
#include "engine/codegen.h"

#include "base/memory.h"
#include "engine/config.h"
#include "engine/internal.h"

struct codegen {
    wasm_engine_t *native;
    wasm_byte_vec_t artifact;
};

cordon_error *codegen_new(struct codegen **out_codegen)
{
    struct codegen *codegen = MEM_NEW(struct codegen);
    if (codegen == NULL) {
        return error_no_memory();
    }
    cordon_error *error = config_engine_for_compiling(&codegen->native);
    if (error != NULL) {
        mem_free(codegen);
        return error;
    }
    *out_codegen = codegen;
    return NULL;
}

void codegen_free(struct codegen *codegen)
{
    if (codegen == NULL) {
        return;
    }
    wasm_byte_vec_delete(&codegen->artifact);
    wasm_engine_delete(codegen->native);
    mem_free(codegen);
}

cordon_error *codegen_refuse(
    const struct engine_refuser *refuser, uint64_t offset, const char *reason)
{
    if (refuser != NULL) {
        return refuser->refuse(refuser->arg, offset, reason);
    }
    if (offset == ENGINE_NO_OFFSET) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "the module is not valid: %s; build it anew", reason);
    }
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED, "the module is not valid: %s, at byte %llu; build it anew", reason,
        (unsigned long long)offset);
}

/* What the engine has against the module, which is taken over. */
static cordon_error *refuse(wasmtime_error_t *error, const struct engine_refuser *refuser)
{
    wasm_name_t text;
    wasmtime_error_message(error, &text);
    const struct refusal refusal = refusal_read(slice_of(text.data, text.size));
    wasm_name_delete(&text);
    wasmtime_error_delete(error);
    return codegen_refuse(refuser, refusal.offset, refusal.reason);
}

static cordon_error *compile(
    const wasm_engine_t *native,
    struct slice wasm,
    const struct engine_refuser *refuser,
    wasm_byte_vec_t *out)
{
    /* An empty slice may have no address, and the engine's Rust wants one. */
    static const uint8_t nothing[1];
    const uint8_t *data = wasm.size > 0 ? wasm.data : nothing;
    wasmtime_error_t *error = cordon_native_precompile(native, data, wasm.size, out);
    return error != NULL ? refuse(error, refuser) : NULL;
}

cordon_error *codegen_run(
    struct codegen *codegen,
    struct slice wasm,
    const struct engine_refuser *refuser,
    struct slice *out_artifact)
{
    wasm_byte_vec_delete(&codegen->artifact);
    wasm_byte_vec_new_empty(&codegen->artifact);
    TRY(compile(codegen->native, wasm, refuser, &codegen->artifact));
    *out_artifact = slice_of(codegen->artifact.data, codegen->artifact.size);
    return NULL;
}

static void codegen_freep(struct codegen **codegen)
{
    codegen_free(*codegen);
}

cordon_error *engine_compile_inside(
    struct slice wasm, const struct engine_refuser *refuser, struct slice *out_artifact)
{
    CORDON_CLEANUP(codegen_freep) struct codegen *codegen = NULL;
    struct slice artifact = {0};
    TRY(codegen_new(&codegen));
    TRY(codegen_run(codegen, wasm, refuser, &artifact));
    uint8_t *const copy = mem_new(artifact.size);
    if (copy == NULL) {
        return error_no_memory();
    }
    memcpy(copy, artifact.data, artifact.size);
    *out_artifact = slice_of(copy, artifact.size);
    return NULL;
}
