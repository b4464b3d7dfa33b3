/* The bounds on a module, from the X-macro in wasm/limits.h: for the reader, and for people. */
#include "wasm/limits.h"

#include <cordon/limits.h>

const struct wasm_limits wasm_limits_default = {
    .module_bytes = 20971520,
#define WASM_BOUND_DEFAULT(field, most, unit, text) .field = (most),
    WASM_BOUNDS(WASM_BOUND_DEFAULT)
#undef WASM_BOUND_DEFAULT
};

static const cordon_module_bound bounds[] = {
#define WASM_BOUND_ROW(field, most, unit, text) {"module_" #field, unit, most, text},
    WASM_BOUNDS(WASM_BOUND_ROW)
#undef WASM_BOUND_ROW
};

const cordon_module_bound *cordon_module_bound_get(size_t index)
{
    return index < sizeof bounds / sizeof bounds[0] ? &bounds[index] : NULL;
}
