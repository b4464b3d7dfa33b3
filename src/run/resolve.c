/* Finding the function and reading the arguments; see resolve.h. */
#include "run/resolve.h"

#include "host/host.h"
#include "value/printable.h"
#include "value/validator.h"

bool resolve_function(
    struct outcome *outcome,
    const struct run_request *request,
    const struct deployed_function *function)
{
    const bool visible = function != NULL && (request->caller == CALLER_ADMIN ||
                                              function->metadata->visibility == WASM_PUBLIC);
    if (!visible) {
        char path[PRINTABLE_SIZE(FUNCTION_PATH_BYTES_MAX)];
        (void)printable_write(request->path, path, sizeof path);
        if (request->any_kind) { /* Convex's words are those of its endpoints */
            outcome_set(
                outcome, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
                "Could not find function for '%s'. Did you forget to run `cordon deploy`?", path);
        } else {
            outcome_set(
                outcome, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
                "Could not find public function for '%s'.", path);
        }
        return false;
    }
    if (!request->any_kind && request->kind != function->metadata->kind) {
        outcome_set(
            outcome, CORDON_OUTCOME_FUNCTION_NOT_FOUND,
            "Trying to execute %.*s as %s, but it is defined as %s.",
            SLICE_FMT(function->metadata->path.canonical), kind_title(request->kind),
            kind_title(function->metadata->kind));
        return false;
    }
    return true;
}

/* The commonest arguments need no parser. */
static bool is_empty_object(struct slice text)
{
    return slice_equal(text, SLICE("{}")) || slice_equal(text, SLICE("[{}]"));
}

static cordon_error *write_args(
    const struct value *value, struct arena *arena, size_t size_max, struct slice *out_json)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init_charged(&text, size_max, arena->account);
    const bool wrap = value->kind != VALUE_ARRAY;
    if (wrap) {
        TRY(buffer_append_byte(&text, '['));
    }
    TRY(value_write_encoded(&text, value));
    if (wrap) {
        TRY(buffer_append_byte(&text, ']'));
    }
    *out_json = arena_copy(arena, buffer_slice(&text));
    return out_json->data == NULL ? arena_error(arena) : NULL;
}

static cordon_error *read_args(
    struct budget *budget, struct slice text, struct arena *arena, struct call_args *args)
{
    /* Canonical text may be longer than what was sent, if that escaped less; twice is plenty. */
    const size_t size_max = 2 * (size_t)budget->allowed[CORDON_LIMIT_ARGS_BYTES] + 64;
    struct value value;
    TRY(value_parse(text, arena, &value));
    if (value.kind != VALUE_OBJECT && value.kind != VALUE_ARRAY) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "Arguments must be one object, or an array with one object.");
    }
    if (value.kind == VALUE_ARRAY && value.count > 1) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE,
            "there are %zu arguments; a function takes one object: put them into it as its fields",
            (size_t)value.count);
    }
    TRY(write_args(&value, arena, size_max, &args->json));
    args->object = value;
    if (value.kind == VALUE_ARRAY && value.count == 1) {
        args->object = value.as.items[0];
    }
    return NULL;
}

/* What is no value is the caller's fault; for what there is no room it is not. */
static void set_error(
    struct outcome *outcome, const struct deployed_function *function, const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    const char *words = cordon_error_get_message(error);
    if (code == CORDON_E_OVERLOADED) {
        outcome_set(
            outcome, CORDON_OUTCOME_OVERLOADED,
            "The server has no memory for these arguments now. Nothing was run; a retry is safe.");
    } else if (code == CORDON_E_NO_MEMORY) {
        outcome_set(outcome, CORDON_OUTCOME_INTERNAL, "%s", words);
    } else {
        outcome_set(
            outcome, CORDON_OUTCOME_INVALID_ARGUMENTS, "Invalid arguments for %.*s: %s",
            SLICE_FMT(function->metadata->path.text), words);
    }
}

bool resolve_args(
    struct outcome *outcome,
    struct budget *budget,
    const struct deployed_function *function,
    struct slice text,
    struct arena *arena,
    struct call_args *out_args)
{
    const uint64_t allowed = budget->allowed[CORDON_LIMIT_ARGS_BYTES];
    if (text.size > allowed) {
        budget_trip(budget, CORDON_LIMIT_ARGS_BYTES, text.size);
        outcome_set_limit(outcome, CORDON_LIMIT_ARGS_BYTES, text.size, allowed);
        return false;
    }
    if (is_empty_object(text)) {
        *out_args = (struct call_args){.json = SLICE("[{}]"), .object = value_object(NULL, 0)};
    } else {
        struct call_args args = {0};
        CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
            read_args(budget, text, arena, &args);
        if (error != NULL) {
            set_error(outcome, function, error);
            return false;
        }
        *out_args = args;
    }
    if (validator_is_any(function->metadata->args)) {
        out_args->object = (struct value){.kind = VALUE_UNDEFINED};
    }
    return true;
}
