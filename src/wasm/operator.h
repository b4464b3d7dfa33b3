/*
 * The operators of function bodies, one at a time.
 *
 * A decoder that needs no memory: it takes an operator with everything that stands behind its code
 * and says what that is, indices checked against the module. Operators of proposals that are not
 * admitted are refused by name. What it does not do is to type operands; that is for the engine's
 * validator, which sees every module that passes here.
 */
#ifndef WASM_OPERATOR_H
#define WASM_OPERATOR_H

#include "wasm/cursor.h"

/* The operators that readers of bodies tell apart. To 0xfc00 and 0xfd00 the rest is added. */
enum wasm_opcode {
    WASM_OP_BLOCK = 0x02,
    WASM_OP_LOOP = 0x03,
    WASM_OP_IF = 0x04,
    WASM_OP_ELSE = 0x05,
    WASM_OP_END = 0x0b,
    WASM_OP_BR = 0x0c,
    WASM_OP_BR_IF = 0x0d,
    WASM_OP_BR_TABLE = 0x0e,
    WASM_OP_RETURN = 0x0f,
    WASM_OP_CALL = 0x10,
    WASM_OP_CALL_INDIRECT = 0x11,
    WASM_OP_LOCAL_GET = 0x20,
    WASM_OP_LOCAL_SET = 0x21,
    WASM_OP_LOCAL_TEE = 0x22,
    WASM_OP_TABLE_GET = 0x25,
    WASM_OP_MEMORY_GROW = 0x40,
    WASM_OP_REF_FUNC = 0xd2,
    WASM_OP_BULK = 0xfc00,
    WASM_OP_MEMORY_INIT = 0xfc08,
    WASM_OP_TABLE_INIT = 0xfc0c,
    WASM_OP_TABLE_GROW = 0xfc0f,
    WASM_OP_TABLE_FILL = 0xfc11,
    WASM_OP_SIMD = 0xfd00,
};

struct wasm_operator {
    uint32_t offset; /* of its first byte */
    uint32_t code;   /* an enum wasm_opcode, or another */
    /* What it names: a label, function, type, local, global, table or segment. */
    uint32_t index;
    /* Of br_table: how many labels there are, the last one included, and where they stand. */
    uint32_t label_count;
    uint32_t labels_at;
    struct wasm_func_type block; /* of block, loop and if: what it takes and gives */
};

/*
 * The next operator of the body of `c->function`. All indices are good but labels, as only a reader
 * that follows the nesting knows how many there are. Errors: CORDON_E_MODULE_REFUSED.
 */
CORDON_MUST_USE cordon_error *wasm_take_operator(
    struct wasm_cursor *c, struct wasm_operator *out_operator);

/* Passes over the locals that a body begins with, to its first operator. Errors as above. */
CORDON_MUST_USE cordon_error *wasm_skip_locals(struct wasm_cursor *body);

#endif
