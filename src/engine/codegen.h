/*
 * Validation and compilation of one module, for whoever does it: the worker process, or this one
 * if asked for by name.
 */
#ifndef ENGINE_CODEGEN_H
#define ENGINE_CODEGEN_H

#include "engine/engine.h"

struct codegen;

/* A compiler with our settings. Starts no thread. Errors: CORDON_E_ENGINE, CORDON_E_NO_MEMORY. */
CORDON_MUST_USE cordon_error *codegen_new(struct codegen **out_codegen);
void codegen_free(struct codegen *codegen);

/*
 * Compiles. `*out_artifact` is borrowed until the next run or the end. Makes no system call but
 * for memory. Errors: CORDON_E_MODULE_REFUSED with the reason in our words.
 */
CORDON_MUST_USE cordon_error *codegen_run(
    struct codegen *codegen, struct slice wasm, struct slice *out_artifact);

/* Most bytes of a refusal's words. */
enum { REFUSAL_BYTES_MAX = 512 };

/*
 * The validator's complaint in our words: the cause without the chain around it, no name of a part
 * of ours, no address, printable characters only, not longer than REFUSAL_BYTES_MAX. `out` is
 * NUL-terminated. Pure.
 */
void refusal_reword(struct slice complaint, char out[REFUSAL_BYTES_MAX]);

#endif
