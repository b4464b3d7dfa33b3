/*
 * A validator and a value from any text, {"validator": V, "value": v}: the validator is refused
 * with words or can be shown, and the check gives a verdict within its steps, with words exactly
 * when it is a mismatch, and the same verdict each time.
 */
#include "value/json.h"
#include "value/utf8.h"
#include "value/validator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 100000

/* Table numbers stand for every kind of answer. */
static enum validator_table lookup(void *arg, uint32_t table, struct slice *out_name)
{
    (void)arg;
    switch (table % 4) {
    case 0:
        return VALIDATOR_TABLE_UNKNOWN;
    case 1:
        *out_name = SLICE("messages");
        return VALIDATOR_TABLE_NAMED;
    case 2:
        *out_name = SLICE("_storage");
        return VALIDATOR_TABLE_NAMED;
    default:
        return VALIDATOR_TABLE_PENDING;
    }
}

/* False, and the error freed, if there was one. */
static bool succeeded(cordon_error *error)
{
    if (error == NULL) {
        return true;
    }
    CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
    cordon_error_free(error);
    return false;
}

static void check(const struct validator *validator, const struct value *value)
{
    enum validator_verdict verdicts[2] = {VALIDATOR_MATCH, VALIDATOR_MATCH};
    for (size_t i = 0; i < 2; i++) {
        CORDON_CLEANUP_BUFFER struct buffer message;
        buffer_init(&message, (size_t)1 << 20);
        struct validator_context context = {.lookup = lookup, .steps_left = STEPS};
        if (!succeeded(validator_check(validator, value, &context, &message, &verdicts[i]))) {
            return;
        }
        CORDON_ASSERT((verdicts[i] == VALIDATOR_MISMATCH) == (message.size > 0));
        CORDON_ASSERT(utf8_valid(buffer_slice(&message)));
        CORDON_ASSERT(context.steps_left < STEPS);
        CORDON_ASSERT(!validator_is_any(validator) || verdicts[i] == VALIDATOR_MATCH);
    }
    CORDON_ASSERT(verdicts[0] == verdicts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits limits = {.bytes_max = (size_t)1 << 28, .depth_max = JSON_DEPTH_MAX};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 28);
    const struct validator *validator = NULL;
    struct value value = {0};
    if (!succeeded(json_parse(slice_of(data, size), &limits, &doc))) {
        return 0;
    }
    const struct json_node *root = json_root(doc);
    if (!succeeded(validator_parse(json_get(root, SLICE("validator")), &arena, &validator))) {
        return 0;
    }
    CORDON_CLEANUP_BUFFER struct buffer shown;
    buffer_init(&shown, (size_t)1 << 20);
    CORDON_ASSERT(succeeded(validator_write_display(&shown, validator)));
    CORDON_ASSERT(shown.size > 0 && utf8_valid(buffer_slice(&shown)));
    if (succeeded(value_from_json(json_get(root, SLICE("value")), &arena, &value))) {
        check(validator, &value);
    }
    return 0;
}
