/* Decoding operators; see operator.h. */
#include "wasm/operator.h"

#include "wasm/sections.h"

/* What stands behind the code of an operator. */
enum form {
    U_, /* there is no such operator */
    PL, /* nothing */
    BL, /* a block type */
    LB, /* a label */
    LT, /* a table of labels */
    CA, /* a function */
    CI, /* a type and a table */
    ST, /* a list of types, which has one */
    LV, /* a local */
    GG, /* a global */
    GS, /* a global that can be written */
    TA, /* a table */
    ME, /* a memory, as a byte of zero */
    CI32,
    CI64,
    CF32,
    CF64,
    RN, /* the type of a null reference */
    RF, /* a function whose reference may be taken */
    PB, /* the rest of a bulk operator's code */
    PV, /* the rest of a SIMD operator's code */
    CV, /* 16 bytes */
    SH, /* 16 lanes of 32 */
    /* An alignment of at most so many bits, and an offset. */
    A0,
    A1,
    A2,
    A3,
    A4,
    /* The same, and a lane of the vector. */
    L0,
    L1,
    L2,
    L3,
    /* A lane: of 16, 8, 4, 2. */
    N0,
    N1,
    N2,
    N3,
    XX, /* of a proposal that is not admitted */
};

/* clang-format off: rows of a table */
static const uint8_t forms[256] = {
    /*        0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f  */
    /* 0 */ PL, PL,   BL,   BL,   BL,   PL, XX, XX, XX, XX, XX, PL, LB, LB, LT, PL,
    /* 1 */ CA, CI,   XX,   XX,   XX,   XX, U_, U_, XX, XX, PL, PL, ST, U_, U_, XX,
    /* 2 */ LV, LV,   LV,   GG,   GS,   TA, TA, U_, A2, A3, A2, A3, A0, A0, A1, A1,
    /* 3 */ A0, A0,   A1,   A1,   A2,   A2, A2, A3, A2, A3, A0, A1, A0, A1, A2, ME,
    /* 4 */ ME, CI32, CI64, CF32, CF64, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 5 */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 6 */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 7 */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 8 */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 9 */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* a */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* b */ PL, PL,   PL,   PL,   PL,   PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* c */ PL, PL,   PL,   PL,   PL,   U_, U_, U_, U_, U_, U_, U_, U_, U_, U_, U_,
    /* d */ RN, PL,   RF,   XX,   XX,   XX, XX, U_, U_, U_, U_, U_, U_, U_, U_, U_,
    /* e */ XX, XX,   XX,   XX,   XX,   XX, XX, U_, U_, U_, U_, U_, U_, U_, U_, U_,
    /* f */ U_, U_,   U_,   U_,   U_,   U_, U_, U_, U_, U_, U_, XX, PB, PV, XX, U_,
};

static const uint8_t simd_forms[256] = {
    /*        0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f  */
    /* 0 */ A4, A3, A3, A3, A3, A3, A3, A0, A1, A2, A3, A4, CV, SH, PL, PL,
    /* 1 */ PL, PL, PL, PL, PL, N0, N0, N0, N1, N1, N1, N2, N2, N3, N3, N2,
    /* 2 */ N2, N3, N3, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 3 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 4 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 5 */ PL, PL, PL, PL, L0, L1, L2, L3, L0, L1, L2, L3, A2, A3, PL, PL,
    /* 6 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 7 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 8 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* 9 */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, U_, PL, PL, PL, PL, PL,
    /* a */ PL, PL, U_, PL, PL, U_, U_, PL, PL, PL, PL, PL, PL, PL, PL, U_,
    /* b */ U_, PL, U_, U_, U_, PL, PL, PL, PL, PL, PL, U_, PL, PL, PL, PL,
    /* c */ PL, PL, U_, PL, PL, U_, U_, PL, PL, PL, PL, PL, PL, PL, PL, U_,
    /* d */ U_, PL, U_, U_, U_, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
    /* e */ PL, PL, U_, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, U_, PL,
    /* f */ PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL, PL,
};
/* clang-format on */

/* Relaxed SIMD stands behind what the table has. */
enum { SIMD_RELAXED_FIRST = 0x100, SIMD_RELAXED_LAST = 0x113 };

/* -- Refusals ------------------------------------------------------------------------------- */

static enum wasm_refused_feature feature_of(uint8_t code)
{
    switch (code) {
    case 0x12: /* return_call, return_call_indirect, return_call_ref */
    case 0x13:
    case 0x15:
        return WASM_FEATURE_TAIL_CALLS;
    case 0x14: /* call_ref, ref.as_non_null, br_on_null, br_on_non_null */
    case 0xd4:
    case 0xd5:
    case 0xd6:
        return WASM_FEATURE_FUNCTION_REFERENCES;
    case 0xd3: /* ref.eq */
    case 0xfb:
        return WASM_FEATURE_GC;
    case 0xe0: /* cont.new, cont.bind, suspend, resume, resume_throw, resume_throw_ref, switch */
    case 0xe1:
    case 0xe2:
    case 0xe3:
    case 0xe4:
    case 0xe5:
    case 0xe6:
        return WASM_FEATURE_STACK_SWITCHING;
    case 0xfe:
        return WASM_FEATURE_THREADS;
    default: /* try, catch, throw, rethrow, throw_ref, delegate, catch_all, try_table */
        return WASM_FEATURE_EXCEPTIONS;
    }
}

static cordon_error *refuse_feature(
    const struct wasm_cursor *c, const struct wasm_operator *op, enum wasm_refused_feature feature)
{
    return wasm_refuse_feature(wasm_at(c, op->offset), "The code", feature);
}

static cordon_error *refuse_unknown(const struct wasm_cursor *c, const struct wasm_operator *op)
{
    return wasm_refuse(
        wasm_at(c, op->offset), WASM_ADVICE_DAMAGED, "There is no operator 0x%02x", op->code);
}

/* -- What stands behind a code -------------------------------------------------------------- */

/* Most numbers are one byte. */
static inline cordon_error *take_u32(struct wasm_cursor *c, const char *what, uint32_t *out_value)
{
    if (c->at < c->end && c->module->bytes.data[c->at] < 0x80) {
        *out_value = c->module->bytes.data[c->at++];
        return NULL;
    }
    return wasm_take_u32(c, what, out_value);
}

static inline cordon_error *take_index(
    struct wasm_cursor *c, const char *what, uint32_t count, uint32_t *out_index)
{
    const uint32_t start = c->at;
    TRY(take_u32(c, what, out_index));
    if (*out_index >= count) {
        c->at = start;
        return wasm_take_index(c, what, count, out_index);
    }
    return NULL;
}

/* Empty, one result, or the index of a function type, as a signed number of 33 bits. */
static cordon_error *take_block_type(struct wasm_cursor *c, struct wasm_func_type *out_type)
{
    const struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    const uint8_t first = wasm_left(c) > 0 ? module->bytes.data[start] : 0;
    *out_type = (struct wasm_func_type){{NULL, 0}, {NULL, 0}};
    if (first == 0x40) {
        c->at++;
        return NULL;
    }
    if ((first & 0xc0) == 0x40) {
        enum wasm_type type;
        TRY(wasm_take_type(c, "The type of a block", &type));
        out_type->results = slice_of(module->bytes.data + start, 1);
        return NULL;
    }
    int64_t index = 0;
    TRY(wasm_take_signed(c, 33, "The type of a block", &index));
    if (index < 0 || index >= module->type_count) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The type of a block is %lld, but the module has %u of them", (long long)index,
            module->type_count);
    }
    *out_type = module->types[index];
    return NULL;
}

static cordon_error *take_labels(struct wasm_cursor *c, struct wasm_operator *op)
{
    uint32_t count = 0;
    TRY(wasm_take_count(c, "branch targets", c->limits->branch_targets, 1, &count));
    op->label_count = count + 1;
    op->labels_at = c->at;
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t label = 0;
        TRY(take_u32(c, "A branch target", &label));
    }
    return NULL;
}

static cordon_error *take_select_type(struct wasm_cursor *c)
{
    const uint32_t start = c->at;
    uint32_t count = 0;
    TRY(take_u32(c, "The number of types of a selection", &count));
    if (count != 1) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "A selection has %u types, not one", count);
    }
    enum wasm_type type;
    return wasm_take_type(c, "The type of a selection", &type);
}

static cordon_error *take_global(struct wasm_cursor *c, bool written, uint32_t *out_index)
{
    const struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    TRY(take_index(c, "The global of an operator", module->global_count, out_index));
    if (written && !module->globals[*out_index].is_mutable) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "Global %u is written, but is a constant",
            *out_index);
    }
    return NULL;
}

/* That there is a memory of that index, which is 0. */
static cordon_error *check_memory(const struct wasm_cursor *c, uint32_t offset, uint32_t index)
{
    if (index != 0) {
        return wasm_refuse_feature(wasm_at(c, offset), "The code", WASM_FEATURE_MULTI_MEMORY);
    }
    if (c->module->memory_count > 0) {
        return NULL;
    }
    return wasm_refuse(
        wasm_at(c, offset), "Define one and export it as `memory`; calls pass their data in it.",
        "An operator works on memory, but the module has none");
}

/* `memory.size` and `memory.grow` were given one byte for it, before it was an index. */
static cordon_error *take_memory_byte(struct wasm_cursor *c)
{
    const uint32_t start = c->at;
    uint8_t byte = 0;
    TRY(wasm_take_byte(c, "The memory of an operator", &byte));
    return check_memory(c, start, byte);
}

static cordon_error *take_memory_index(struct wasm_cursor *c)
{
    const uint32_t start = c->at;
    uint32_t index = 0;
    TRY(take_u32(c, "The memory of an operator", &index));
    return check_memory(c, start, index);
}

/* The bit of an alignment that says that the index of a memory follows. */
enum { ALIGNMENT_NAMES_MEMORY = 0x40 };

static cordon_error *take_address(struct wasm_cursor *c, uint32_t alignment_max)
{
    const uint32_t start = c->at;
    uint32_t alignment = 0;
    uint32_t ignored = 0;
    TRY(take_u32(c, "The alignment of an access", &alignment));
    if (alignment > alignment_max) {
        if ((alignment & ALIGNMENT_NAMES_MEMORY) != 0) {
            return wasm_refuse_feature(wasm_at(c, start), "The code", WASM_FEATURE_MULTI_MEMORY);
        }
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The alignment of an access is 2^%u bytes, more than the 2^%u of its size", alignment,
            alignment_max);
    }
    TRY(take_u32(c, "The offset of an access", &ignored));
    return check_memory(c, start, 0);
}

static cordon_error *take_lane(struct wasm_cursor *c, uint8_t lanes)
{
    const uint32_t start = c->at;
    uint8_t lane = 0;
    TRY(wasm_take_byte(c, "A lane", &lane));
    if (lane >= lanes) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "A lane is %u, but there are %u", lane, lanes);
    }
    return NULL;
}

static cordon_error *take_shuffle(struct wasm_cursor *c)
{
    for (int i = 0; i < 16; i++) {
        TRY(take_lane(c, 32));
    }
    return NULL;
}

static cordon_error *take_reference(struct wasm_cursor *c, uint32_t *out_index)
{
    const struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    TRY(take_index(c, "The function of a reference", module->function_count, out_index));
    const struct wasm_function *function = &module->functions[*out_index];
    if (!function->referenced && !function->exported) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED,
            "The reference of function %u is taken, but no element segment declares that",
            *out_index);
    }
    return NULL;
}

/* -- Bulk operators ------------------------------------------------------------------------- */

enum bulk {
    BULK_MEMORY_INIT = 8,
    BULK_DATA_DROP = 9,
    BULK_MEMORY_COPY = 10,
    BULK_MEMORY_FILL = 11,
    BULK_TABLE_INIT = 12,
    BULK_ELEM_DROP = 13,
    BULK_TABLE_COPY = 14,
    BULK_TABLE_GROW = 15,
    BULK_TABLE_SIZE = 16,
    BULK_TABLE_FILL = 17,
    BULK_MEMORY_DISCARD = 18,
    BULK_WIDE_FIRST = 19,
    BULK_WIDE_LAST = 22,
};

static cordon_error *take_data(struct wasm_cursor *c, uint32_t *out_index)
{
    if (!c->module->has_data_count) {
        return wasm_refuse(
            wasm_here(c), WASM_ADVICE_DAMAGED,
            "An operator names a data segment, but there is no data count section");
    }
    return take_index(
        c, "The data segment of an operator", c->module->declared_data_count, out_index);
}

static cordon_error *take_element(struct wasm_cursor *c, uint32_t *out_index)
{
    return take_index(c, "The element segment of an operator", c->module->element_count, out_index);
}

static cordon_error *take_table(struct wasm_cursor *c, uint32_t *out_index)
{
    return take_index(c, "The table of an operator", c->module->table_count, out_index);
}

static cordon_error *take_bulk(struct wasm_cursor *c, struct wasm_operator *op)
{
    uint32_t code = 0;
    uint32_t ignored = 0;
    TRY(take_u32(c, "An operator", &code));
    op->code = WASM_OP_BULK + code;
    switch (code) {
    case BULK_MEMORY_INIT:
        TRY(take_data(c, &op->index));
        return take_memory_index(c);
    case BULK_DATA_DROP:
        return take_data(c, &op->index);
    case BULK_MEMORY_COPY:
        TRY(take_memory_index(c));
        return take_memory_index(c);
    case BULK_MEMORY_FILL:
        return take_memory_index(c);
    case BULK_TABLE_INIT:
        TRY(take_element(c, &op->index));
        return take_table(c, &ignored);
    case BULK_ELEM_DROP:
        return take_element(c, &op->index);
    case BULK_TABLE_COPY:
        TRY(take_table(c, &op->index));
        return take_table(c, &ignored);
    case BULK_TABLE_GROW:
    case BULK_TABLE_SIZE:
    case BULK_TABLE_FILL:
        return take_table(c, &op->index);
    case BULK_MEMORY_DISCARD:
        return refuse_feature(c, op, WASM_FEATURE_MEMORY_CONTROL);
    default: /* below: saturating conversions, which have nothing behind them */
        if (code >= BULK_WIDE_FIRST && code <= BULK_WIDE_LAST) {
            return refuse_feature(c, op, WASM_FEATURE_WIDE_ARITHMETIC);
        }
        return code < BULK_MEMORY_INIT ? NULL : refuse_unknown(c, op);
    }
}

/* -- SIMD ----------------------------------------------------------------------------------- */

static cordon_error *take_form(struct wasm_cursor *c, enum form form, struct wasm_operator *op);

static cordon_error *take_simd(struct wasm_cursor *c, struct wasm_operator *op)
{
    uint32_t code = 0;
    TRY(take_u32(c, "A SIMD operator", &code));
    op->code = WASM_OP_SIMD + code;
    if (code < sizeof simd_forms) {
        return take_form(c, (enum form)simd_forms[code], op);
    }
    return code >= SIMD_RELAXED_FIRST && code <= SIMD_RELAXED_LAST
               ? refuse_feature(c, op, WASM_FEATURE_RELAXED_SIMD)
               : refuse_unknown(c, op);
}

/* -- All of them ---------------------------------------------------------------------------- */

static cordon_error *take_form(struct wasm_cursor *c, enum form form, struct wasm_operator *op)
{
    const struct wasm_module *module = c->module;
    const struct wasm_function *function = &module->functions[c->function];
    struct slice bytes;
    int64_t number = 0;
    uint32_t ignored = 0;
    switch (form) {
    case U_:
        return refuse_unknown(c, op);
    case PL:
        return NULL;
    case BL:
        return take_block_type(c, &op->block);
    case LB:
        return take_u32(c, "A branch target", &op->index);
    case LT:
        return take_labels(c, op);
    case CA:
        return take_index(c, "The function of a call", module->function_count, &op->index);
    case CI:
        TRY(take_index(c, "The type of an indirect call", module->type_count, &op->index));
        return take_table(c, &ignored);
    case ST:
        return take_select_type(c);
    case LV:
        return take_index(
            c, "The local of an operator",
            (uint32_t)module->types[function->type].params.size + function->locals, &op->index);
    case GG:
        return take_global(c, false, &op->index);
    case GS:
        return take_global(c, true, &op->index);
    case TA:
        return take_table(c, &op->index);
    case ME:
        return take_memory_byte(c);
    case CI32:
        return wasm_take_signed(c, 32, "A constant", &number);
    case CI64:
        return wasm_take_signed(c, 64, "A constant", &number);
    case CF32:
        return wasm_take_bytes(c, 4, "A constant", &bytes);
    case CF64:
        return wasm_take_bytes(c, 8, "A constant", &bytes);
    case RN:
        return wasm_take_null(c);
    case RF:
        return take_reference(c, &op->index);
    case PB:
        return take_bulk(c, op);
    case PV:
        return take_simd(c, op);
    case CV:
        return wasm_take_bytes(c, 16, "A constant", &bytes);
    case SH:
        return take_shuffle(c);
    case A0:
    case A1:
    case A2:
    case A3:
    case A4:
        return take_address(c, (uint32_t)(form - A0));
    case L0:
    case L1:
    case L2:
    case L3:
        TRY(take_address(c, (uint32_t)(form - L0)));
        return take_lane(c, (uint8_t)(16 >> (form - L0)));
    case N0:
    case N1:
    case N2:
    case N3:
        return take_lane(c, (uint8_t)(16 >> (form - N0)));
    case XX:
        return refuse_feature(c, op, feature_of((uint8_t)op->code));
    }
    return refuse_unknown(c, op);
}

cordon_error *wasm_take_operator(struct wasm_cursor *c, struct wasm_operator *out_operator)
{
    uint8_t code = 0;
    out_operator->offset = c->at;
    if (c->at == c->end) {
        return wasm_take_byte(c, "An operator", &code); /* which says that it is cut off */
    }
    code = c->module->bytes.data[c->at++];
    out_operator->code = code;
    const enum form form = (enum form)forms[code];
    return form == PL ? NULL : take_form(c, form, out_operator);
}

cordon_error *wasm_skip_locals(struct wasm_cursor *body)
{
    uint32_t groups = 0;
    TRY(take_u32(body, "The number of groups of locals", &groups));
    for (uint32_t i = 0; i < groups; i++) {
        uint32_t count = 0;
        enum wasm_type type;
        TRY(take_u32(body, "The number of locals in a group", &count));
        TRY(wasm_take_type(body, "The type of a local", &type));
    }
    return NULL;
}
