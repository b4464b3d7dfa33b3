/* The default bounds on a module, from the X-macro in wasm/limits.h. */
#include "wasm/limits.h"

const struct wasm_limits wasm_limits_default = {
#define WASM_LIMIT_DEFAULT(field, default_value, text) .field = (default_value),
    WASM_LIMITS(WASM_LIMIT_DEFAULT)
#undef WASM_LIMIT_DEFAULT
};
