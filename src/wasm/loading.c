/*
 * What has to be done for a module each time a run loads it, before its first operator.
 *
 * Most of what a module has at its start costs an instance nothing: memory is mapped copy-on-write
 * from an image that was made once, tables are filled lazily, plain globals are copied. The rest is
 * computed anew by code that the compiler makes for it, item by item: two hundred thousand
 * functions in a passive segment take 10 to 14 ms at each start, and that code two minutes to
 * compile. So such items have a bound, and each a price that the run pays before anything is done
 * for it.
 *
 *   passive element segments   with each of their items
 *   active ones                if one has expressions for items, or a target that is computed
 *   globals                    that are computed or refer to a function
 *   active data segments       if they span more than an image may, or a target is computed
 *
 * Modules from C, C++, Rust and Go have none of these.
 */
#include "wasm/sections.h"

/* Above this the engine makes an image only of memory that is half full; here it is never free. */
#define IMAGE_BYTES_MAX ((uint64_t)16 << 20)

/*
 * Prices, about five units a nanosecond as those of host calls. An item takes 50 to 95 ns, a
 * page of such data, far from the next and touched for the first time, 0.4 to 1.9 us.
 */
enum { ITEM_FUEL = 400, PAGE_FUEL = 8000, PAGE_BYTES = 4096 };

struct load {
    uint64_t items;
    uint64_t pages;
};

static void weigh_globals(const struct wasm_module *module, struct load *load)
{
    for (uint32_t i = 0; i < module->global_count; i++) {
        const struct wasm_global *global = &module->globals[i];
        const bool computed = global->type == WASM_FUNCREF || global->initial.computed;
        load->items += !global->imported && computed ? 1 : 0;
    }
}

static void weigh_elements(const struct wasm_module *module, struct load *load)
{
    uint64_t active = 0;
    bool plain = true;
    for (uint32_t i = 0; i < module->element_count; i++) {
        const struct wasm_element_segment *segment = &module->elements[i];
        const uint64_t items = (uint64_t)segment->count + 1;
        if (segment->mode == WASM_PASSIVE) {
            load->items += items;
        } else if (segment->mode == WASM_ACTIVE) {
            active += items;
            plain = plain && !segment->expressions && !segment->target.computed;
        }
    }
    load->items += plain ? 0 : active;
}

static void weigh_data(const struct wasm_module *module, struct load *load)
{
    struct load active = {0};
    uint64_t first = UINT64_MAX;
    uint64_t end = 0;
    bool plain = true;
    for (uint32_t i = 0; i < module->data_count; i++) {
        const struct wasm_data_segment *segment = &module->data[i];
        if (segment->mode != WASM_ACTIVE || segment->bytes.size == 0) {
            continue;
        }
        const uint64_t begin = segment->target.bits;
        active.items++;
        active.pages += 1 + segment->bytes.size / PAGE_BYTES;
        first = begin < first ? begin : first;
        end = begin + segment->bytes.size > end ? begin + segment->bytes.size : end;
        plain = plain && segment->target.known && !segment->target.computed;
    }
    if (active.items > 0 && (!plain || end - first >= IMAGE_BYTES_MAX)) {
        load->items += active.items;
        load->pages += active.pages;
    }
}

cordon_error *wasm_weigh_loading(struct wasm_cursor *c)
{
    struct wasm_module *module = c->module;
    const uint32_t most = c->limits->loading_items;
    struct load load = {0};
    weigh_globals(module, &load);
    weigh_elements(module, &load);
    weigh_data(module, &load);
    if (load.items > most) {
        return wasm_refuse(
            wasm_at(c, (uint32_t)module->bytes.size),
            "Use active element segments of plain functions, and keep static data close together.",
            "%llu items would have to be computed whenever a run begins; the limit is %u",
            (unsigned long long)load.items, most);
    }
    module->loading_fuel = load.items * ITEM_FUEL + load.pages * PAGE_FUEL;
    return NULL;
}
