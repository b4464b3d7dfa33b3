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

static cordon_error *refusal(wasmtime_error_t *error)
{
    wasm_name_t text;
    char words[REFUSAL_BYTES_MAX];
    wasmtime_error_message(error, &text);
    refusal_reword(slice_of(text.data, text.size), words);
    wasm_name_delete(&text);
    wasmtime_error_delete(error);
    return cordon_error_new(CORDON_E_MODULE_REFUSED, "%s", words);
}

static cordon_error *compile(const wasm_engine_t *native, struct slice wasm, wasm_byte_vec_t *out)
{
    /* An empty slice may have no address, and the engine's Rust wants one. */
    static const uint8_t nothing[1];
    const uint8_t *data = wasm.size > 0 ? wasm.data : nothing;
    wasmtime_error_t *error = cordon_native_precompile(native, data, wasm.size, out);
    return error != NULL ? refusal(error) : NULL;
}

cordon_error *codegen_run(struct codegen *codegen, struct slice wasm, struct slice *out_artifact)
{
    wasm_byte_vec_delete(&codegen->artifact);
    wasm_byte_vec_new_empty(&codegen->artifact);
    TRY(compile(codegen->native, wasm, &codegen->artifact));
    *out_artifact = slice_of(codegen->artifact.data, codegen->artifact.size);
    return NULL;
}

cordon_error *engine_compile_inside(
    struct engine *engine, struct slice wasm, struct slice *out_artifact)
{
    wasm_byte_vec_t artifact;
    TRY(compile(engine->native, wasm, &artifact));
    uint8_t *copy = mem_new(artifact.size);
    if (copy != NULL) {
        memcpy(copy, artifact.data, artifact.size);
        *out_artifact = slice_of(copy, artifact.size);
    }
    wasm_byte_vec_delete(&artifact);
    return copy != NULL ? NULL : error_no_memory();
}
