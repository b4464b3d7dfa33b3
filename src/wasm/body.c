/*
 * The operators of a function body: that they exist, in blocks that are closed, and that they do
 * not ask too much of the compiler.
 *
 * One pass, by the decoder in operator.c. It follows the nesting, as a branch names a block by how
 * far out it is, and counts what the compiler takes more than linear time or memory for;
 * docs/decisions/014-bounds-on-code.md has the measurements. Its memory is one frame for each level
 * of nesting, allocated once for all bodies. Whether operands have the right types is for the
 * engine's validator.
 */
#include "wasm/body.h"

#include "wasm/operator.h"

struct body {
    struct wasm_scan *scan;
    struct wasm_cursor *c;
    struct wasm_frame *frames;
    uint32_t first_block;
    uint32_t depth;    /* frames in use */
    uint32_t blocks;   /* block, loop, if */
    uint32_t branches; /* whatever makes code go more than one way */
    uint32_t crossing; /* locals that are read in another block than wrote them */
    uint64_t targets;  /* of branch tables */
    uint64_t joined;   /* values of locals that may be joined where paths meet */
    uint64_t locals;   /* parameters included */
    uint64_t carried;  /* values over the edges of blocks */
    uint64_t called;   /* values to and from calls, and what each call costs beside */
};

/* A call costs the compiler what some values do, if it passes none. */
enum { VALUES_OF_A_CALL = 4 };

/* So many targets of a branch table cost it what one branch does. */
enum { TARGETS_OF_A_BRANCH = 8 };

/* -- Bounds --------------------------------------------------------------------------------- */

static cordon_error *refuse_more(
    const struct body *b, uint32_t offset, uint32_t most, const char *what)
{
    return wasm_refuse(
        wasm_at(b->c, offset), "Split the function into smaller ones.",
        "The function has more than %u %s", most, what);
}

static cordon_error *refuse_product(
    const struct body *b, uint32_t offset, uint64_t locals, const char *what, uint32_t most)
{
    return wasm_refuse(
        wasm_at(b->c, offset),
        "Split the function into smaller ones, or build it with optimisation.",
        "The function has %llu %s, and so many blocks and branches that their product is over %u",
        (unsigned long long)locals, what, most);
}

/* What blocks and branches come to. */
static cordon_error *check_bounds(const struct body *b, uint32_t offset)
{
    const struct wasm_limits *limits = b->c->limits;
    const uint64_t places = (uint64_t)b->blocks + b->branches;
    const uint64_t ways = b->branches + b->targets / TARGETS_OF_A_BRANCH;
    if (b->branches > limits->branches) {
        return refuse_more(b, offset, limits->branches, "loops, ifs, branches and indirect calls");
    }
    if (b->carried > limits->carried_values) {
        return refuse_more(
            b, offset, limits->carried_values, "values that blocks and branches carry");
    }
    if (b->locals * places > limits->local_places) {
        return refuse_product(b, offset, b->locals, "parameters and locals", limits->local_places);
    }
    if (b->joined > limits->joined_values) {
        return wasm_refuse(
            wasm_at(b->c, offset),
            "Split the function into smaller ones, or build it with optimisation.",
            "The function has more than %u values of locals that may differ where paths meet",
            limits->joined_values);
    }
    if (b->crossing * ways > limits->local_branches) {
        return refuse_product(
            b, offset, b->crossing, "locals that live across blocks", limits->local_branches);
    }
    return NULL;
}

/* -- Nesting -------------------------------------------------------------------------------- */

static cordon_error *refuse_depth(
    const struct body *b, uint32_t offset, const char *what, uint32_t most)
{
    return wasm_refuse(
        wasm_at(b->c, offset), "Split the function into smaller ones.",
        "%s are nested more than %u deep", what, most);
}

static cordon_error *open_block(struct body *b, const struct wasm_operator *op)
{
    const struct wasm_limits *limits = b->c->limits;
    const struct wasm_frame *outer = &b->frames[b->depth - 1];
    const bool loop = op->code == WASM_OP_LOOP;
    const struct slice carried = loop ? op->block.params : op->block.results;
    const struct wasm_frame frame = {
        .carries = (uint32_t)carried.size,
        .code = op->code,
        .opened = b->scan->block,
        .loops = outer->loops + (loop ? 1 : 0),
        .others = outer->others + (loop ? 0 : 1),
    };
    if (b->depth > limits->nesting) {
        return refuse_depth(b, op->offset, "Blocks", limits->nesting);
    }
    if (frame.loops > limits->loop_nesting) {
        return refuse_depth(b, op->offset, "Loops", limits->loop_nesting);
    }
    b->frames[b->depth++] = frame;
    b->blocks++;
    b->branches += op->code != WASM_OP_BLOCK;
    b->carried += op->block.params.size + op->block.results.size;
    return NULL;
}

static cordon_error *take_else(struct body *b, const struct wasm_operator *op)
{
    struct wasm_frame *innermost = &b->frames[b->depth - 1];
    if (innermost->code != WASM_OP_IF) {
        return wasm_refuse(
            wasm_at(b->c, op->offset), WASM_ADVICE_DAMAGED,
            "The operator `else` stands outside of an `if`");
    }
    innermost->code = WASM_OP_ELSE;
    innermost->opened = b->scan->block;
    return NULL;
}

static cordon_error *take_branch(struct body *b, uint32_t offset, uint32_t label)
{
    if (label >= b->depth) {
        return wasm_refuse(
            wasm_at(b->c, offset), WASM_ADVICE_DAMAGED,
            "A branch goes %u blocks out, but stands in %u", label, b->depth - 1);
    }
    b->carried += b->frames[b->depth - 1 - label].carries;
    return NULL;
}

static cordon_error *take_branch_table(struct body *b, const struct wasm_operator *op)
{
    struct wasm_cursor labels = *b->c;
    labels.at = op->labels_at;
    b->targets += op->label_count - 1; /* the default is part of the branch */
    if (b->targets > b->c->limits->branch_targets) {
        return refuse_more(b, op->offset, b->c->limits->branch_targets, "targets of branch tables");
    }
    for (uint32_t i = 0; i < op->label_count; i++) {
        const uint32_t offset = labels.at;
        uint32_t label = 0;
        TRY(wasm_take_u32(&labels, "A branch target", &label));
        TRY(take_branch(b, offset, label));
    }
    return NULL;
}

/* -- Operators ------------------------------------------------------------------------------ */

static cordon_error *count_call(
    struct body *b, const struct wasm_operator *op, const struct wasm_func_type *type)
{
    const uint32_t most = b->c->limits->call_values;
    b->called += VALUES_OF_A_CALL + type->params.size + type->results.size;
    return b->called <= most
               ? NULL
               : refuse_more(b, op->offset, most, "values that calls pass and give back");
}

/* The innermost frame that is open and has that block in it. */
static const struct wasm_frame *frame_around(const struct body *b, uint32_t block)
{
    uint32_t inside = 0; /* the body, which has them all */
    for (uint32_t beyond = b->depth; beyond - inside > 1;) {
        const uint32_t middle = inside + (beyond - inside) / 2;
        if (b->frames[middle].opened <= block) {
            inside = middle;
        } else {
            beyond = middle;
        }
    }
    return &b->frames[inside];
}

/*
 * A local that is read or written. What was its value before may meet another at the end of each
 * block or `if` that has been left since, and at the head of each loop that has been entered. Which
 * of them do the compiler finds out by making a value for each.
 */
static cordon_error *touch_local(struct body *b, const struct wasm_operator *op)
{
    struct wasm_local *local = &b->scan->locals[op->index];
    if (local->touched == b->scan->block) {
        return NULL;
    }
    const bool first = local->touched < b->first_block;
    const struct wasm_frame *here = &b->frames[b->depth - 1];
    const struct wasm_frame *around = frame_around(b, first ? b->first_block : local->touched);
    const uint32_t left = first ? 0 : local->others - around->others;
    b->joined += left + (here->loops - around->loops);
    local->touched = b->scan->block;
    local->others = here->others;
    return check_bounds(b, op->offset);
}

/* What reaches a block from several others is joined there, for each local that lives so long. */
static cordon_error *read_local(struct body *b, const struct wasm_operator *op)
{
    struct wasm_local *local = &b->scan->locals[op->index];
    const uint32_t written = local->written < b->first_block ? b->first_block : local->written;
    if (written == b->scan->block || local->crossed == b->first_block) {
        return NULL;
    }
    local->crossed = b->first_block;
    b->crossing++;
    return check_bounds(b, op->offset);
}

static void write_local(struct body *b, uint32_t index)
{
    b->scan->locals[index].written = b->scan->block;
}

/* Follows the nesting and counts. */
static cordon_error *note(struct body *b, const struct wasm_operator *op)
{
    switch (op->code) {
    case WASM_OP_LOCAL_GET:
        TRY(touch_local(b, op));
        return read_local(b, op);
    case WASM_OP_LOCAL_SET:
    case WASM_OP_LOCAL_TEE:
        write_local(b, op->index);
        return touch_local(b, op);
    case WASM_OP_BLOCK:
    case WASM_OP_LOOP:
    case WASM_OP_IF:
        b->scan->block++;
        TRY(open_block(b, op));
        break;
    case WASM_OP_ELSE:
        b->scan->block++;
        return take_else(b, op);
    case WASM_OP_END:
        b->scan->block++;
        b->depth--;
        return NULL;
    case WASM_OP_BR:
    case WASM_OP_BR_IF:
        b->scan->block++;
        b->branches++;
        TRY(take_branch(b, op->offset, op->index));
        break;
    case WASM_OP_BR_TABLE:
        b->branches++;
        TRY(take_branch_table(b, op));
        break;
    case WASM_OP_REF_FUNC:
        b->c->module->functions[op->index].referenced = true;
        return NULL;
    case WASM_OP_CALL:
        return count_call(b, op, wasm_function_type(b->c->module, op->index));
    case WASM_OP_CALL_INDIRECT:
        b->branches++;
        TRY(count_call(b, op, &b->c->module->types[op->index]));
        break;
    default: /* code that looks into a table, or that the engine calls out for and comes back */
        if (op->code != WASM_OP_TABLE_GET && op->code != WASM_OP_MEMORY_GROW &&
            (op->code < WASM_OP_MEMORY_INIT || op->code > WASM_OP_TABLE_FILL)) {
            return NULL;
        }
        b->branches++;
        break;
    }
    return check_bounds(b, op->offset);
}

cordon_error *wasm_scan_init(struct wasm_scan *scan, const struct wasm_cursor *c)
{
    void *frames = NULL;
    void *locals = NULL;
    TRY(wasm_allocate(c, c->limits->nesting + 1, sizeof *scan->frames, &frames));
    TRY(wasm_allocate(c, c->limits->locals, sizeof *scan->locals, &locals));
    *scan = (struct wasm_scan){.frames = frames, .locals = locals};
    return NULL;
}

static void begin(struct body *b)
{
    const struct wasm_function *function = &b->c->module->functions[b->c->function];
    const struct wasm_func_type *type = &b->c->module->types[function->type];
    b->first_block = ++b->scan->block;
    b->locals = type->params.size + function->locals;
    b->frames[0] = (struct wasm_frame){
        .carries = (uint32_t)type->results.size,
        .code = WASM_OP_BLOCK,
        .opened = b->first_block,
    };
    b->depth = 1;
}

cordon_error *wasm_scan_body(struct wasm_scan *scan, struct wasm_cursor *c)
{
    struct body b = {.scan = scan, .c = c, .frames = scan->frames};
    begin(&b);
    while (b.depth > 0) {
        struct wasm_operator op;
        if (wasm_left(c) == 0) {
            return wasm_refuse(
                wasm_here(c), WASM_ADVICE_DAMAGED,
                "The function body does not end with the operator `end`");
        }
        TRY(wasm_take_operator(c, &op));
        TRY(note(&b, &op));
    }
    if (wasm_left(c) > 0) {
        return wasm_refuse(
            wasm_here(c), WASM_ADVICE_DAMAGED,
            "%u bytes are left over behind the `end` of the function body", wasm_left(c));
    }
    return NULL;
}
