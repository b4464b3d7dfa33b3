/*
 * What stands in function bodies, checked operator by operator.
 */
#ifndef WASM_BODY_H
#define WASM_BODY_H

#include "wasm/cursor.h"

/* A block that is open. The outermost is the body itself. */
struct wasm_frame {
    uint32_t carries; /* values of a branch to it */
    uint32_t code;    /* of the operator that opened it */
    uint32_t opened;  /* the block it begins with; of the other arm behind `else` */
    uint32_t loops;   /* how many of the frames to here are loops, */
    uint32_t others;  /* and how many are not, the body aside */
};

/* Where a local stands in the numbering of struct wasm_scan. */
struct wasm_local {
    uint32_t written; /* the block that wrote it last */
    uint32_t crossed; /* the body in which a block read it that another wrote */
    uint32_t touched; /* the block that read or wrote it last, */
    uint32_t others;  /* and how many frames around that are no loops */
};

/*
 * What scanning bodies takes, made once for all of them. Blocks and bodies are numbered through, so
 * that nothing need be cleared between bodies.
 */
struct wasm_scan {
    struct wasm_frame *frames; /* limits.nesting and one */
    struct wasm_local *locals; /* limits.locals */
    uint32_t block;
};

/* In the arena of the cursor. Errors: those of wasm_allocate(). */
CORDON_MUST_USE cordon_error *wasm_scan_init(struct wasm_scan *scan, const struct wasm_cursor *c);

/*
 * Scans the operators of the body of `c->function`, whose locals have been taken, to its end.
 * Errors: CORDON_E_MODULE_REFUSED.
 */
CORDON_MUST_USE cordon_error *wasm_scan_body(struct wasm_scan *scan, struct wasm_cursor *c);

#endif
