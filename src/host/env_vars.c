/* Environment variables of a deployment; see env_vars.h. */
#include "host/env_vars.h"

#include "base/memory.h"
#include "value/printable.h"

#include <stdlib.h>

/* -- What may be one ------------------------------------------------------------------------ */

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
}

/* Convex's `^[a-zA-Z_]+[a-zA-Z0-9_]*$`. */
static bool is_name(struct slice name)
{
    bool good = name.size > 0 && is_letter(name.data[0]);
    for (size_t i = 1; good && i < name.size; i++) {
        good = is_letter(name.data[i]) || (name.data[i] >= '0' && name.data[i] <= '9');
    }
    return good;
}

cordon_error *env_check_name(struct slice name)
{
    if (name.size > ENV_NAME_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_ENV_NAME_TOO_LONG,
            "The name of an environment variable has at most %zu bytes; this one has %zu.",
            ENV_NAME_BYTES_MAX, name.size);
    }
    if (!is_name(name)) {
        return cordon_error_new(
            CORDON_E_ENV_NAME_INVALID,
            "The name of an environment variable must be of ASCII letters, digits and underscores, "
            "and not begin with a digit; '%s' is none.",
            printable(name).text);
    }
    return NULL;
}

cordon_error *env_check_value(struct slice name, struct slice value)
{
    if (value.size > ENV_VALUE_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_ENV_VALUE_TOO_LARGE,
            "The value of an environment variable has at most %zu bytes; that of %s has %zu.",
            ENV_VALUE_BYTES_MAX, printable(name).text, value.size);
    }
    return NULL;
}

static cordon_error *check_all(const struct env_var *vars, size_t count, size_t *out_bytes)
{
    if (count > ENV_VARS_MAX) {
        return cordon_error_new(
            CORDON_E_ENV_LIMIT_MET,
            "a deployment has at most %zu environment variables; with these it would have %zu. "
            "Unset some",
            ENV_VARS_MAX, count);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += vars[i].name.size + vars[i].value.size;
    }
    if (bytes > ENV_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_ENV_TOTAL_SIZE_LIMIT_MET,
            "the environment variables of a deployment have at most %zu bytes, names and values "
            "together; with these they would have %zu. Unset some, or shorten their values",
            ENV_BYTES_MAX, bytes);
    }
    *out_bytes = bytes;
    return NULL;
}

/* -- All of a moment ------------------------------------------------------------------------ */

static int compare_vars(const void *a, const void *b)
{
    return slice_compare(((const struct env_var *)a)->name, ((const struct env_var *)b)->name);
}

/* Copies a text to `*at`, and steps over it. */
static struct slice put(uint8_t **at, struct slice text)
{
    const struct slice copy = slice_of(*at, text.size);
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    *at += text.size;
    return copy;
}

cordon_error *env_vars_new(const struct env_var *vars, size_t count, struct env_vars **out_vars)
{
    size_t bytes = 0;
    TRY(check_all(vars, count, &bytes));
    struct env_vars *made = mem_new(sizeof *made + count * sizeof made->vars[0] + bytes);
    if (made == NULL) {
        return error_no_memory();
    }
    atomic_init(&made->references, 1);
    made->count = count;
    uint8_t *at = (uint8_t *)(made->vars + count);
    for (size_t i = 0; i < count; i++) {
        made->vars[i].name = put(&at, vars[i].name);
        made->vars[i].value = put(&at, vars[i].value);
    }
    qsort(made->vars, count, sizeof made->vars[0], compare_vars);
    *out_vars = made;
    return NULL;
}

struct env_vars *env_vars_ref(struct env_vars *vars)
{
    if (vars != NULL) {
        (void)atomic_fetch_add(&vars->references, 1);
    }
    return vars;
}

void env_vars_unref(struct env_vars *vars)
{
    if (vars != NULL && atomic_fetch_sub(&vars->references, 1) == 1) {
        mem_free(vars);
    }
}

bool env_vars_find(const struct env_vars *vars, struct slice name, struct slice *out_value)
{
    const struct env_var wanted = {.name = name};
    const struct env_var *found =
        vars == NULL
            ? NULL
            : bsearch(&wanted, vars->vars, vars->count, sizeof vars->vars[0], compare_vars);
    if (found != NULL) {
        *out_value = found->value;
    }
    return found != NULL;
}
