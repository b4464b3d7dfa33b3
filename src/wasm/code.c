/* The code section: where each body is, how many locals it has, and what operators. */
#include "wasm/body.h"
#include "wasm/sections.h"

/* The groups of locals. A group may be empty, so their number is bounded like the locals. */
static cordon_error *take_locals(struct wasm_cursor *c, struct wasm_function *function)
{
    const uint32_t start = c->at;
    const size_t parameters = c->module->types[function->type].params.size;
    uint32_t groups = 0;
    TRY(wasm_take_count(c, "groups of locals", c->limits->locals, 2, &groups));
    uint64_t locals = 0;
    for (uint32_t i = 0; i < groups; i++) {
        uint32_t count = 0;
        enum wasm_type type;
        TRY(wasm_take_u32(c, "The number of locals in a group", &count));
        TRY(wasm_take_type(c, "The type of a local", &type));
        locals += count; /* at most 2^32 groups of less than 2^32: no overflow */
    }
    const uint64_t all = locals + parameters;
    if (all > c->limits->locals) {
        return wasm_refuse(
            wasm_at(c, start), "Split the function, or build it with optimisation.",
            "%llu parameters and locals are declared; the limit is %u", (unsigned long long)all,
            c->limits->locals);
    }
    function->locals = (uint32_t)locals;
    return NULL;
}

/* `body` is a cursor over exactly one body. */
static cordon_error *take_body(
    struct wasm_cursor *body, struct wasm_scan *scan, struct wasm_function *function)
{
    function->body_offset = body->at;
    function->body_bytes = wasm_left(body);
    TRY(take_locals(body, function));
    return wasm_scan_body(scan, body);
}

static cordon_error *take_function(struct wasm_cursor *c, struct wasm_scan *scan, uint32_t index)
{
    struct wasm_cursor body = *c;
    body.function = index;
    const uint32_t start = c->at;
    uint32_t size = 0;
    TRY(wasm_take_u32(&body, "The size of a function body", &size));
    if (size > c->limits->body_bytes) {
        return wasm_refuse(
            wasm_at(&body, start), "Split the function into smaller ones.",
            "The function body is %u bytes long; the limit is %u", size, c->limits->body_bytes);
    }
    if (size > wasm_left(&body)) {
        return wasm_refuse(
            wasm_at(&body, start), WASM_ADVICE_DAMAGED,
            "The function body is %u bytes long, but only %u are left in the section", size,
            wasm_left(&body));
    }
    body.end = body.at + size;
    TRY(take_body(&body, scan, &c->module->functions[index]));
    c->at = body.end;
    return NULL;
}

cordon_error *wasm_read_code(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t start = c->at;
    const uint32_t imported = wasm_count_imports(module, WASM_FUNCTION);
    const uint32_t defined = module->function_count - imported;
    uint32_t count = 0;
    TRY(wasm_take_count(c, "function bodies", c->limits->functions, 3, &count));
    if (count != defined) {
        return wasm_refuse(
            wasm_at(c, start), WASM_ADVICE_DAMAGED, "There are %u function bodies for %u functions",
            count, defined);
    }
    if (count == 0) {
        return NULL;
    }
    struct wasm_scan scan;
    TRY(wasm_scan_init(&scan, c));
    uint64_t locals = 0;
    for (uint32_t i = imported; i < imported + count; i++) {
        TRY(take_function(c, &scan, i));
        locals += module->functions[i].locals;
        if (locals > c->limits->all_locals) {
            return wasm_refuse(
                wasm_at(c, module->functions[i].body_offset), WASM_ADVICE_SMALLER,
                "The functions have more than %u locals together", c->limits->all_locals);
        }
    }
    return NULL;
}
