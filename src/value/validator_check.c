/*
 * Checking a value against a validator. The first thing that does not fit ends the check, and its
 * words name the way to it (`Path: .author.tags[3]`), the value there and the validator there.
 *
 * Matching costs no memory. A union tries its members silently: a mismatch in each is one mismatch
 * of the union. Recursion is bounded by the validator, whose nesting is bounded when it is parsed.
 */
#include "value/validator_tree.h"

#include "value/id.h"
#include "value/name.h"

/* The way from the outermost value to this one; the steps lie on the stack. */
struct step {
    const struct step *up;
    struct slice field; /* data NULL: an item of an array */
    size_t index;
};

struct check {
    struct validator_context *context;
    struct buffer *message; /* NULL while a mismatch is not to be told */
    enum validator_verdict verdict;
};

static cordon_error *check_value(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step);

/* -- The words ------------------------------------------------------------------------------ */

static cordon_error *write_steps(struct buffer *message, const struct step *step)
{
    if (step == NULL) {
        return NULL;
    }
    TRY(write_steps(message, step->up));
    return step->field.data == NULL ? buffer_printf(message, "[%zu]", step->index)
                                    : buffer_printf(message, ".%.*s", SLICE_FMT(step->field));
}

/* `Path: .a.b`, or nothing for the outermost value. */
static cordon_error *write_path(struct buffer *message, const struct step *step)
{
    if (step == NULL) {
        return NULL;
    }
    TRY(buffer_append(message, SLICE("Path: ")));
    return write_steps(message, step);
}

/* The lines below the first one of a long message: path, value and validator. */
static cordon_error *write_details(
    struct buffer *message,
    const struct step *step,
    const char *label,
    const struct value *value,
    const struct validator *validator)
{
    TRY(buffer_append_byte(message, '\n'));
    TRY(write_path(message, step));
    TRY(buffer_printf(message, "\n%s: ", label));
    TRY(value_write_display(message, value));
    TRY(buffer_append(message, SLICE("\nValidator: ")));
    return validator_write_display(message, validator);
}

static cordon_error *no_match(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    check->verdict = VALIDATOR_MISMATCH;
    if (check->message == NULL) {
        return NULL;
    }
    TRY(buffer_append(check->message, SLICE("Value does not match validator.")));
    return write_details(check->message, step, "Value", value, validator);
}

static cordon_error *missing_field(
    struct check *check,
    const struct validator *validator,
    struct slice name,
    const struct value *object,
    const struct step *step)
{
    check->verdict = VALIDATOR_MISMATCH;
    if (check->message == NULL) {
        return NULL;
    }
    TRY(buffer_printf(
        check->message,
        "Object is missing the required field `%.*s`. Consider wrapping the field validator in "
        "`v.optional(...)` if this is expected.",
        SLICE_FMT(name)));
    return write_details(check->message, step, "Object", object, validator);
}

static cordon_error *extra_field(
    struct check *check,
    const struct validator *validator,
    struct slice name,
    const struct value *object,
    const struct step *step)
{
    check->verdict = VALIDATOR_MISMATCH;
    if (check->message == NULL) {
        return NULL;
    }
    TRY(buffer_printf(
        check->message, "Object contains extra field `%.*s` that is not in the validator.",
        SLICE_FMT(name)));
    return write_details(check->message, step, "Object", object, validator);
}

static cordon_error *other_literal(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    check->verdict = VALIDATOR_MISMATCH;
    struct buffer *message = check->message;
    if (message == NULL) {
        return NULL;
    }
    TRY(buffer_append_byte(message, '`'));
    TRY(value_write_display(message, value));
    TRY(buffer_append(message, SLICE("` does not match literal validator `")));
    TRY(validator_write_display(message, validator));
    TRY(buffer_append(message, SLICE("`.")));
    return write_path(message, step);
}

static cordon_error *other_table(
    struct check *check,
    const struct validator *validator,
    struct slice id,
    struct slice table,
    const struct step *step)
{
    check->verdict = VALIDATOR_MISMATCH;
    struct buffer *message = check->message;
    if (message == NULL) {
        return NULL;
    }
    TRY(buffer_printf(message, "Found ID \"%.*s\" from ", SLICE_FMT(id)));
    TRY(name_is_system_table(table) ? buffer_append(message, SLICE("a system table"))
                                    : buffer_printf(message, "table `%.*s`", SLICE_FMT(table)));
    TRY(buffer_append(message, SLICE(", which does not match the table name in validator `")));
    TRY(validator_write_display(message, validator));
    TRY(buffer_append(message, SLICE("`.")));
    return write_path(message, step);
}

/* -- The kinds ------------------------------------------------------------------------------ */

static cordon_error *check_id(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    struct document_id id;
    if (value->kind != VALUE_STRING || !document_id_decode(value_slice(value), &id)) {
        return no_match(check, validator, value, step);
    }
    struct slice table = {0};
    switch (check->context->lookup(check->context->lookup_arg, id.table, &table)) {
    case VALIDATOR_TABLE_PENDING:
        check->verdict = VALIDATOR_PENDING;
        return NULL;
    case VALIDATOR_TABLE_UNKNOWN:
        return no_match(check, validator, value, step);
    case VALIDATOR_TABLE_NAMED:
        break;
    }
    return slice_equal(table, validator->as.table)
               ? NULL
               : other_table(check, validator, value_slice(value), table, step);
}

static cordon_error *check_array(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    if (value->kind != VALUE_ARRAY) {
        return no_match(check, validator, value, step);
    }
    for (size_t i = 0; i < value->count && check->verdict == VALIDATOR_MATCH; i++) {
        const struct step inner = {.up = step, .index = i};
        TRY(check_value(check, validator->as.item, &value->as.items[i], &inner));
    }
    return NULL;
}

/* The fields that the validator names; `*out_found` is how many of them the object has. */
static cordon_error *check_fields(
    struct check *check,
    const struct validator *validator,
    const struct value *object,
    const struct step *step,
    size_t *out_found)
{
    size_t found = 0;
    size_t at = 0; /* in the object: both lists are sorted */
    for (size_t i = 0; i < validator->count && check->verdict == VALIDATOR_MATCH; i++) {
        const struct validator_field *wanted = &validator->as.fields[i];
        while (at < object->count && slice_compare(object->as.fields[at].name, wanted->name) < 0) {
            at++;
        }
        if (at < object->count && slice_equal(object->as.fields[at].name, wanted->name)) {
            const struct step inner = {.up = step, .field = wanted->name};
            TRY(check_value(check, &wanted->type, &object->as.fields[at].value, &inner));
            found++;
        } else if (!wanted->optional) {
            TRY(missing_field(check, validator, wanted->name, object, step));
        }
    }
    *out_found = found;
    return NULL;
}

/* The first field that the validator does not name; there must be one. */
static struct slice find_extra(const struct validator *validator, const struct value *object)
{
    size_t named = 0;
    size_t at = 0;
    while (named < validator->count &&
           slice_compare(validator->as.fields[named].name, object->as.fields[at].name) <= 0) {
        at += slice_equal(validator->as.fields[named].name, object->as.fields[at].name);
        named++;
    }
    return object->as.fields[at].name;
}

/* Takes steps for comparing names, so that a union of large objects pays for its work. */
static void pay(struct check *check, size_t steps)
{
    uint64_t *left = &check->context->steps_left;
    *left -= steps < *left ? steps : *left;
}

static cordon_error *check_object(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    if (value->kind != VALUE_OBJECT) {
        return no_match(check, validator, value, step);
    }
    pay(check, (size_t)validator->count + value->count);
    size_t found = 0;
    TRY(check_fields(check, validator, value, step, &found));
    if (check->verdict != VALIDATOR_MATCH || found == value->count) {
        return NULL;
    }
    return extra_field(check, validator, find_extra(validator, value), value, step);
}

static cordon_error *check_record(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    if (value->kind != VALUE_OBJECT) {
        return no_match(check, validator, value, step);
    }
    for (size_t i = 0; i < value->count && check->verdict == VALIDATOR_MATCH; i++) {
        const struct value_field *field = &value->as.fields[i];
        const struct value key = value_string(field->name);
        const struct step inner = {.up = step, .field = field->name};
        TRY(check_value(check, validator->as.record.keys, &key, &inner));
        if (check->verdict == VALIDATOR_MATCH) {
            TRY(check_value(check, validator->as.record.values, &field->value, &inner));
        }
    }
    return NULL;
}

static cordon_error *check_union(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    struct check silent = {.context = check->context};
    for (size_t i = 0; i < validator->count; i++) {
        silent.verdict = VALIDATOR_MATCH;
        TRY(check_value(&silent, &validator->as.members[i], value, step));
        if (silent.verdict != VALIDATOR_MISMATCH) {
            check->verdict = silent.verdict;
            return NULL;
        }
    }
    return no_match(check, validator, value, step);
}

static cordon_error *check_kind(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    enum value_kind kind,
    const struct step *step)
{
    return value->kind == kind ? NULL : no_match(check, validator, value, step);
}

static cordon_error *check_value(
    struct check *check,
    const struct validator *validator,
    const struct value *value,
    const struct step *step)
{
    if (check->context->steps_left == 0) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "checking a value against its validator takes too many steps");
    }
    check->context->steps_left--;
    switch (validator->kind) {
    case VALIDATOR_ANY:
        return NULL;
    case VALIDATOR_NULL:
        return check_kind(check, validator, value, VALUE_NULL, step);
    case VALIDATOR_FLOAT64:
        return check_kind(check, validator, value, VALUE_FLOAT64, step);
    case VALIDATOR_INT64:
        return check_kind(check, validator, value, VALUE_INT64, step);
    case VALIDATOR_BOOL:
        return check_kind(check, validator, value, VALUE_BOOL, step);
    case VALIDATOR_STRING:
        return check_kind(check, validator, value, VALUE_STRING, step);
    case VALIDATOR_BYTES:
        return check_kind(check, validator, value, VALUE_BYTES, step);
    case VALIDATOR_LITERAL:
        return value_equal(&validator->as.literal, value)
                   ? NULL
                   : other_literal(check, validator, value, step);
    case VALIDATOR_ID:
        return check_id(check, validator, value, step);
    case VALIDATOR_ARRAY:
        return check_array(check, validator, value, step);
    case VALIDATOR_OBJECT:
        return check_object(check, validator, value, step);
    case VALIDATOR_RECORD:
        return check_record(check, validator, value, step);
    case VALIDATOR_UNION:
        return check_union(check, validator, value, step);
    }
    return NULL;
}

cordon_error *validator_check(
    const struct validator *validator,
    const struct value *value,
    struct validator_context *context,
    struct buffer *message,
    enum validator_verdict *out_verdict)
{
    struct check check = {.context = context, .message = message, .verdict = VALIDATOR_MATCH};
    TRY(check_value(&check, validator, value, NULL));
    *out_verdict = check.verdict;
    return NULL;
}
