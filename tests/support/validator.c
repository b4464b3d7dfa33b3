/* The engine's validator; see validator.h. */
#include "support/validator.h"

#include "engine/codegen.h"
#include "engine/config.h"
#include "engine/native.h"

#include <stdio.h>
#include <stdlib.h>

struct support_validator {
    wasm_engine_t *engine;
};

struct support_validator *support_validator_new(void)
{
    struct support_validator *validator = calloc(1, sizeof *validator);
    if (validator == NULL || config_engine_for_compiling(&validator->engine) != NULL) {
        (void)fputs("no engine for a validator\n", stderr);
        abort();
    }
    return validator;
}

void support_validator_free(struct support_validator *validator)
{
    wasm_engine_delete(validator->engine);
    free(validator);
}

bool support_validator_accepts(
    const struct support_validator *validator, struct slice wasm, char *words, size_t words_size)
{
    /* An empty slice may have no address, and the engine's Rust wants one. */
    static const uint8_t nothing[1];
    const uint8_t *data = wasm.size > 0 ? wasm.data : nothing;
    wasmtime_error_t *error = wasmtime_module_validate(validator->engine, data, wasm.size);
    if (error == NULL) {
        return true;
    }
    wasm_name_t text;
    wasmtime_error_message(error, &text);
    const struct refusal refusal = refusal_read(slice_of(text.data, text.size));
    (void)snprintf(words, words_size, "%s", refusal.reason);
    wasm_name_delete(&text);
    wasmtime_error_delete(error);
    return false;
}
