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
 * for memory. Errors: what `refuser` makes of a module that is not valid.
 */
CORDON_MUST_USE cordon_error *codegen_run(
    struct codegen *codegen,
    struct slice wasm,
    const struct engine_refuser *refuser,
    struct slice *out_artifact);

/* What `refuser` makes of it; with NULL the words of this folder. */
CORDON_MUST_USE cordon_error *codegen_refuse(
    const struct engine_refuser *refuser, uint64_t offset, const char *reason);

/* Most bytes of a reason, with its NUL. */
enum { REASON_BYTES_MAX = 512 };

/* What the validator has against a module. */
struct refusal {
    uint64_t offset; /* of the byte in question; ENGINE_NO_OFFSET: it does not say */
    char reason[REASON_BYTES_MAX];
};

/*
 * The validator's complaint in our words: the cause without the chain around it, no name of a part
 * of ours, no address, printable characters only, cut where it is too long. Pure.
 */
struct refusal refusal_read(struct slice complaint);

#endif
