/*
 * The walk over the call graph.
 *
 * Tarjan's algorithm, with its two stacks in arrays. Functions that can come to call each other are
 * one component and reach the same; a component is complete when those that it calls are, so one
 * walk settles everything. Edges are not stored: a frame of the walk stands at a byte of a body and
 * decodes on from there, so that each body is decoded once.
 *
 * Besides functions there is a node for each type, which stands between indirect calls of the type
 * and the functions they may mean; else m calls that may mean n functions would be m * n edges.
 */
#include "wasm/callgraph.h"

#include "wasm/operator.h"

struct node {
    uint32_t order; /* in which nodes were come upon, from 1 on; 0: not yet */
    uint32_t low;   /* the lowest order known to be reached and not settled */
    uint32_t depth;
    bool open; /* come upon, but not settled */
    bool recursive;
};

/* A node that is being walked, and where its next edge is looked for. */
struct step {
    uint32_t node;
    uint32_t at;
};

struct walk {
    const struct wasm_module *module;
    struct arena *arena;
    bool full; /* the arena gave nothing */

    uint32_t *sorted;     /* scratch for sorting */
    uint32_t *same_types; /* for each type the first that is equal */
    uint32_t *meant;      /* functions whose address is taken, by type */
    uint32_t *meant_ends; /* for each type where its functions end */
    struct slice *names;  /* of capabilities */
    uint32_t name_count;

    struct node *nodes; /* functions, then types */
    uint64_t *reached;  /* `words` for each node */
    uint32_t words;
    struct step *steps; /* from where the walk began to where it is */
    uint32_t step_count;
    uint32_t *open; /* nodes that are not settled, in their order */
    uint32_t open_count;
    uint32_t last_order;
};

static void *take(struct walk *walk, size_t count, size_t item_bytes)
{
    void *items = arena_alloc(walk->arena, count * item_bytes);
    walk->full = walk->full || items == NULL;
    return items;
}

/* Everything a walk needs, counted by what the module has, which its reader has bounded. */
static cordon_error *make_room(struct walk *walk)
{
    const struct wasm_module *module = walk->module;
    const size_t functions = module->function_count;
    const size_t types = module->type_count;
    const size_t nodes = functions + types;
    walk->same_types = take(walk, types, sizeof *walk->same_types);
    walk->meant = take(walk, functions, sizeof *walk->meant);
    walk->meant_ends = take(walk, types, sizeof *walk->meant_ends);
    walk->names = take(walk, module->import_count, sizeof *walk->names);
    walk->sorted = take(
        walk, types > module->import_count ? types : module->import_count, sizeof *walk->sorted);
    walk->nodes = take(walk, nodes, sizeof *walk->nodes);
    walk->steps = take(walk, nodes, sizeof *walk->steps);
    walk->open = take(walk, nodes, sizeof *walk->open);
    return walk->full ? arena_error(walk->arena) : NULL;
}

/* -- Types ---------------------------------------------------------------------------------- */

static int compare_types(const void *a, const void *b, void *types)
{
    const struct wasm_func_type *all = types;
    const struct wasm_func_type *one = &all[*(const uint32_t *)a];
    const struct wasm_func_type *other = &all[*(const uint32_t *)b];
    const int order = slice_compare(one->params, other->params);
    return order != 0 ? order : slice_compare(one->results, other->results);
}

/* Equal types are one: an indirect call does not mind by which index a function names its type. */
static void find_same_types(struct walk *walk)
{
    const struct wasm_module *module = walk->module;
    uint32_t *sorted = walk->sorted;
    for (uint32_t i = 0; i < module->type_count; i++) {
        sorted[i] = i;
    }
    qsort_r(sorted, module->type_count, sizeof *sorted, compare_types, module->types);
    for (uint32_t i = 0; i < module->type_count; i++) {
        const bool same = i > 0 && compare_types(&sorted[i - 1], &sorted[i], module->types) == 0;
        walk->same_types[sorted[i]] = same ? walk->same_types[sorted[i - 1]] : sorted[i];
    }
}

/* Which functions an indirect call may mean, sorted by type, by counting. */
static void find_meant(struct walk *walk)
{
    const struct wasm_module *module = walk->module;
    for (uint32_t i = 0; i < module->function_count; i++) {
        if (module->functions[i].referenced) {
            walk->meant_ends[walk->same_types[module->functions[i].type]]++;
        }
    }
    uint32_t end = 0;
    for (uint32_t i = 0; i < module->type_count; i++) { /* first where each type begins */
        const uint32_t count = walk->meant_ends[i];
        walk->meant_ends[i] = end;
        end += count;
    }
    for (uint32_t i = 0; i < module->function_count; i++) {
        if (module->functions[i].referenced) {
            walk->meant[walk->meant_ends[walk->same_types[module->functions[i].type]]++] = i;
        }
    }
}

/* -- Capabilities --------------------------------------------------------------------------- */

static int compare_imports(const void *a, const void *b, void *imports)
{
    const struct wasm_import *all = imports;
    return slice_compare(all[*(const uint32_t *)a].module, all[*(const uint32_t *)b].module);
}

static uint64_t *reached_of(const struct walk *walk, uint32_t node)
{
    return &walk->reached[(size_t)node * walk->words];
}

/* Numbers the modules that functions are imported from; `walk->sorted` has each import's number. */
static uint32_t name_capabilities(struct walk *walk, uint32_t *numbers)
{
    const struct wasm_module *module = walk->module;
    uint32_t sorted_count = 0;
    for (uint32_t i = 0; i < module->import_count; i++) {
        if (module->imports[i].kind == WASM_FUNCTION) {
            walk->sorted[sorted_count++] = i;
        }
    }
    qsort_r(walk->sorted, sorted_count, sizeof *walk->sorted, compare_imports, module->imports);
    uint32_t count = 0;
    for (uint32_t i = 0; i < sorted_count; i++) {
        const struct slice name = module->imports[walk->sorted[i]].module;
        if (count == 0 || !slice_equal(walk->names[count - 1], name)) {
            walk->names[count++] = name;
        }
        numbers[walk->sorted[i]] = count - 1;
    }
    return count;
}

/* Gives imported functions the bit of their module. Functions are numbered as they are imported. */
static cordon_error *begin_capabilities(struct walk *walk)
{
    const struct wasm_module *module = walk->module;
    uint32_t *numbers = take(walk, module->import_count, sizeof *numbers);
    if (walk->full) {
        return arena_error(walk->arena);
    }
    walk->name_count = name_capabilities(walk, numbers);
    walk->words = walk->name_count / 64 + 1;
    const size_t nodes = (size_t)module->function_count + module->type_count;
    walk->reached = take(walk, nodes * walk->words, sizeof *walk->reached);
    if (walk->full) {
        return arena_error(walk->arena);
    }
    uint32_t function = 0;
    for (uint32_t i = 0; i < module->import_count; i++) {
        if (module->imports[i].kind == WASM_FUNCTION) {
            reached_of(walk, function)[numbers[i] / 64] |= (uint64_t)1 << (numbers[i] % 64);
            function++;
        }
    }
    return NULL;
}

/* -- Edges ---------------------------------------------------------------------------------- */

static uint32_t type_node(const struct walk *walk, uint32_t type)
{
    return walk->module->function_count + walk->same_types[type];
}

/* The next call in the body that a step stands in. */
static cordon_error *next_call(
    const struct walk *walk, struct step *step, bool *out_found, uint32_t *out_node)
{
    const struct wasm_function *function = &walk->module->functions[step->node];
    struct wasm_cursor c = {
        .module = (struct wasm_module *)(uintptr_t)walk->module,
        .limits = &wasm_limits_default,
        .at = step->at,
        .end = function->body_offset + function->body_bytes,
        .section = WASM_SECTION_CODE,
        .function = step->node,
    };
    if (c.at == function->body_offset) {
        TRY(wasm_skip_locals(&c));
    }
    bool found = false;
    while (!found && wasm_left(&c) > 0) {
        struct wasm_operator op;
        TRY(wasm_take_operator(&c, &op));
        if (op.code == WASM_OP_CALL) {
            *out_node = op.index;
            found = true;
        } else if (op.code == WASM_OP_CALL_INDIRECT) {
            *out_node = type_node(walk, op.index);
            found = true;
        }
    }
    step->at = c.at;
    *out_found = found;
    return NULL;
}

static cordon_error *next_edge(
    const struct walk *walk, struct step *step, bool *out_found, uint32_t *out_node)
{
    const struct wasm_module *module = walk->module;
    if (step->node >= module->function_count) {
        const uint32_t type = step->node - module->function_count;
        *out_found = step->at < walk->meant_ends[type];
        *out_node = *out_found ? walk->meant[step->at++] : 0;
        return NULL;
    }
    if (module->functions[step->node].imported) {
        *out_found = false;
        return NULL;
    }
    return next_call(walk, step, out_found, out_node);
}

/* -- The walk ------------------------------------------------------------------------------- */

static void enter(struct walk *walk, uint32_t node)
{
    const struct wasm_module *module = walk->module;
    const uint32_t type = node - module->function_count;
    uint32_t first = 0;
    if (node < module->function_count) {
        first = module->functions[node].body_offset;
    } else if (type > 0) { /* the functions of a type stand behind those of the one before */
        first = walk->meant_ends[type - 1];
    }
    walk->last_order++;
    walk->nodes[node] =
        (struct node){.order = walk->last_order, .low = walk->last_order, .open = true};
    walk->open[walk->open_count++] = node;
    walk->steps[walk->step_count++] = (struct step){node, first};
}

static void reach_too(struct walk *walk, uint32_t node, uint32_t other)
{
    uint64_t *words = reached_of(walk, node);
    const uint64_t *more = reached_of(walk, other);
    for (uint32_t i = 0; i < walk->words; i++) {
        words[i] |= more[i];
    }
}

/* What `node` has from a node that it calls. */
static void learn(struct walk *walk, uint32_t node, uint32_t called)
{
    struct node *n = &walk->nodes[node];
    const struct node *other = &walk->nodes[called];
    reach_too(walk, node, called);
    if (other->open) { /* there is a way back from it; `node` itself is the shortest */
        n->low = other->low < n->low ? other->low : n->low;
        n->recursive = n->recursive || node == called;
        return;
    }
    n->depth = other->depth > n->depth ? other->depth : n->depth;
    n->recursive = n->recursive || other->recursive;
}

/* All that are open from `node` on call each other: what one reaches, each does. */
static void settle(struct walk *walk, uint32_t node)
{
    uint32_t first = walk->open_count - 1;
    bool recursive = walk->nodes[walk->open[first]].recursive;
    while (walk->open[first] != node) {
        reach_too(walk, node, walk->open[first]);
        first--;
        recursive = true;
    }
    recursive = recursive || walk->nodes[node].recursive;
    for (uint32_t i = first; i < walk->open_count; i++) {
        struct node *member = &walk->nodes[walk->open[i]];
        member->open = false;
        member->recursive = recursive;
        if (walk->open[i] != node) {
            memcpy(
                reached_of(walk, walk->open[i]), reached_of(walk, node),
                walk->words * sizeof *walk->reached);
        }
    }
    walk->open_count = first;
    if (node < walk->module->function_count && !walk->module->functions[node].imported) {
        walk->nodes[node].depth++;
    }
}

static cordon_error *walk_from(struct walk *walk, uint32_t start)
{
    enter(walk, start);
    while (walk->step_count > 0) {
        struct step *step = &walk->steps[walk->step_count - 1];
        bool found = false;
        uint32_t called = 0;
        TRY(next_edge(walk, step, &found, &called));
        if (found && walk->nodes[called].order == 0) {
            enter(walk, called);
        } else if (found) {
            learn(walk, step->node, called);
        } else {
            const uint32_t node = step->node;
            if (walk->nodes[node].low == walk->nodes[node].order) {
                settle(walk, node);
            }
            walk->step_count--;
            if (walk->step_count > 0) {
                learn(walk, walk->steps[walk->step_count - 1].node, node);
            }
        }
    }
    return NULL;
}

/* -- All of it ------------------------------------------------------------------------------ */

static cordon_error *give(struct walk *walk, const struct wasm_callgraph **out_graph)
{
    const uint32_t count = walk->module->function_count;
    struct wasm_callgraph *graph = take(walk, 1, sizeof *graph);
    uint32_t *depths = take(walk, count, sizeof *depths);
    if (walk->full) {
        return arena_error(walk->arena);
    }
    for (uint32_t i = 0; i < count; i++) {
        depths[i] = walk->nodes[i].recursive ? WASM_RECURSIVE : walk->nodes[i].depth;
    }
    *graph = (struct wasm_callgraph){
        .capabilities = walk->names,
        .capability_count = walk->name_count,
        .reached = walk->reached,
        .words = walk->words,
        .depths = depths,
    };
    *out_graph = graph;
    return NULL;
}

cordon_error *wasm_callgraph_make(
    const struct wasm_module *module, struct arena *arena, const struct wasm_callgraph **out_graph)
{
    struct walk walk = {.module = module, .arena = arena};
    TRY(make_room(&walk));
    find_same_types(&walk);
    find_meant(&walk);
    TRY(begin_capabilities(&walk));
    for (uint32_t i = 0; i < module->function_count; i++) {
        if (walk.nodes[i].order == 0) {
            TRY(walk_from(&walk, i));
        }
    }
    return give(&walk, out_graph);
}
