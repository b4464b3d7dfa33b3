/*
 * Constant expressions: the initial values of globals, the offsets of segments and the items of
 * element segments, with extended arithmetic (i32 and i64 add, sub, mul).
 *
 * They are typed and computed here on a small stack, so that the facts can say where a segment
 * goes. The engine computes them again at every instantiation; that is why they are kept short.
 */
#include "wasm/sections.h"

/* Compilers emit one operator, and up to about five in position-independent code. */
#define OPERATORS_MAX 64

struct stack {
    struct wasm_constant values[OPERATORS_MAX]; /* an operator pushes at most one */
    uint32_t size;
};

enum opcode {
    OP_END = 0x0b,
    OP_GLOBAL_GET = 0x23,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_F32_CONST = 0x43,
    OP_F64_CONST = 0x44,
    OP_I32_ADD = 0x6a,
    OP_I32_SUB = 0x6b,
    OP_I32_MUL = 0x6c,
    OP_I64_ADD = 0x7c,
    OP_I64_SUB = 0x7d,
    OP_I64_MUL = 0x7e,
    OP_REF_NULL = 0xd0,
    OP_REF_FUNC = 0xd2,
    OP_PREFIX_GC = 0xfb,
    OP_PREFIX_SIMD = 0xfd,
};

#define SIMD_V128_CONST 12

static void push(struct stack *stack, enum wasm_type type, bool known, uint64_t bits)
{
    stack->values[stack->size++] =
        (struct wasm_constant){.type = type, .known = known, .bits = bits};
}

static cordon_error *take_global(struct wasm_cursor *c, struct stack *stack)
{
    const struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    uint32_t index = 0;
    TRY(wasm_take_index(c, "The global in a constant expression", module->global_count, &index));
    const struct wasm_global *global = &module->globals[index];
    if (!global->imported || global->is_mutable) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "A constant expression reads global %u, which is not an imported constant", index);
    }
    push(stack, global->type, false, 0);
    return NULL;
}

static cordon_error *take_null(struct wasm_cursor *c, struct stack *stack)
{
    TRY(wasm_take_null(c));
    push(stack, WASM_FUNCREF, false, 0);
    return NULL;
}

static cordon_error *take_function(struct wasm_cursor *c, struct stack *stack)
{
    uint32_t index = 0;
    TRY(wasm_take_index(
        c, "The function in a constant expression", c->module->function_count, &index));
    c->module->functions[index].referenced = true;
    push(stack, WASM_FUNCREF, false, 0);
    return NULL;
}

/* A constant of fixed size, little-endian. */
static cordon_error *take_fixed(
    struct wasm_cursor *c, enum wasm_type type, uint32_t size, struct stack *stack)
{
    struct slice bytes;
    TRY(wasm_take_bytes(c, size, "A constant", &bytes));
    uint64_t bits = 0;
    for (uint32_t i = 0; i < size && i < 8; i++) {
        bits |= (uint64_t)bytes.data[i] << (8 * i);
    }
    const bool known = type != WASM_V128;
    push(stack, type, known, known ? bits : 0);
    return NULL;
}

static cordon_error *take_simd(struct wasm_cursor *c, uint32_t start, struct stack *stack)
{
    uint32_t code = 0;
    TRY(wasm_take_u32(c, "A SIMD operator", &code));
    if (code != SIMD_V128_CONST) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "SIMD operator %u stands in a constant expression", code);
    }
    return take_fixed(c, WASM_V128, 16, stack);
}

/* Wraps as the machine does; the upper half of an i32 is cut off by the caller. */
static uint64_t compute(enum opcode op, uint64_t left, uint64_t right)
{
    if (op == OP_I32_ADD || op == OP_I64_ADD) {
        return left + right;
    }
    if (op == OP_I32_SUB || op == OP_I64_SUB) {
        return left - right;
    }
    return left * right;
}

static cordon_error *take_arithmetic(
    struct wasm_cursor *c, uint32_t start, enum opcode op, struct stack *stack)
{
    const enum wasm_type type = op <= OP_I32_MUL ? WASM_I32 : WASM_I64;
    const struct wasm_constant *top = &stack->values[stack->size];
    if (stack->size < 2 || top[-1].type != type || top[-2].type != type) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "An operator in a constant expression lacks its two operands of type %s",
            wasm_type_name(type));
    }
    const bool known = top[-1].known && top[-2].known;
    const uint64_t bits = known ? compute(op, top[-2].bits, top[-1].bits) : 0;
    stack->size -= 2;
    push(stack, type, known, type == WASM_I32 ? bits & UINT32_MAX : bits);
    return NULL;
}

static cordon_error *take_integer(
    struct wasm_cursor *c, enum wasm_type type, unsigned bits, struct stack *stack)
{
    int64_t value = 0;
    TRY(wasm_take_signed(c, bits, "A constant", &value));
    push(stack, type, true, type == WASM_I32 ? (uint64_t)value & UINT32_MAX : (uint64_t)value);
    return NULL;
}

static cordon_error *take_operator(
    struct wasm_cursor *c, uint32_t start, uint8_t op, struct stack *stack)
{
    switch (op) {
    case OP_I32_CONST:
        return take_integer(c, WASM_I32, 32, stack);
    case OP_I64_CONST:
        return take_integer(c, WASM_I64, 64, stack);
    case OP_F32_CONST:
        return take_fixed(c, WASM_F32, 4, stack);
    case OP_F64_CONST:
        return take_fixed(c, WASM_F64, 8, stack);
    case OP_GLOBAL_GET:
        return take_global(c, stack);
    case OP_REF_NULL:
        return take_null(c, stack);
    case OP_REF_FUNC:
        return take_function(c, stack);
    case OP_PREFIX_SIMD:
        return take_simd(c, start, stack);
    case OP_I32_ADD:
    case OP_I32_SUB:
    case OP_I32_MUL:
    case OP_I64_ADD:
    case OP_I64_SUB:
    case OP_I64_MUL:
        return take_arithmetic(c, start, (enum opcode)op, stack);
    case OP_PREFIX_GC:
        return wasm_refuse_feature(wasm_at(c, start), "A constant expression", WASM_FEATURE_GC);
    default:
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "Operator 0x%02x stands in a constant expression", op);
    }
}

cordon_error *wasm_take_constant(
    struct wasm_cursor *c, enum wasm_type type, struct wasm_constant *out_constant)
{
    const uint32_t first = c->at;
    struct stack stack = {.size = 0};
    uint32_t operators = 0;
    for (;; operators++) {
        const uint32_t start = c->at;
        uint8_t op = 0;
        TRY(wasm_take_byte(c, "A constant expression", &op));
        if (op == OP_END) {
            break;
        }
        if (operators == OPERATORS_MAX) {
            return wasm_refuse(
                wasm_at(c, first), "Compute the value in code, in an initialisation function.",
                "A constant expression has more than %d operators", OPERATORS_MAX);
        }
        TRY(take_operator(c, start, op, &stack));
    }
    if (stack.size != 1 || stack.values[0].type != type) {
        return wasm_refuse(
            wasm_at(c, first), WASM_ADVICE_DAMAGED,
            "A constant expression does not leave exactly one %s", wasm_type_name(type));
    }
    *out_constant = stack.values[0];
    out_constant->computed = operators > 1;
    return NULL;
}
