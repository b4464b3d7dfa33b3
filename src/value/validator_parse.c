/*
 * From validator JSON to the tree. The text is a tenant's: depth is bounded by
 * VALIDATOR_NESTING_MAX, memory by the arena, and an error says where it is, as in
 * "in the validator at .author.tags[]: ...".
 */
#include "value/validator_tree.h"

#include "value/json.h"
#include "value/name.h"
#include "value/printable.h"
#include "value/value_error.h"

#include <stdio.h>

/* The way from the outermost validator to this one; the steps lie on the stack. */
struct step {
    const struct step *up;
    struct slice name; /* with its punctuation or, for a field, the bare name */
    bool is_field;
    unsigned depth;
};

static cordon_error *parse(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out);

/* Where a step is, into a text that is cut from the left: the innermost names matter most. */
static struct slice place_of(const struct step *step, char *text, size_t text_size)
{
    size_t start = text_size;
    for (; step != NULL; step = step->up) {
        const size_t size = step->name.size + (step->is_field ? 1 : 0);
        if (size > start) {
            break;
        }
        start -= size;
        if (step->is_field) {
            text[start] = '.';
        }
        if (step->name.size > 0) { /* the outermost step has no name at all */
            memcpy(text + start + (step->is_field ? 1 : 0), step->name.data, step->name.size);
        }
    }
    return slice_of(text + start, text_size - start);
}

static cordon_error *bad(const struct step *step, const char *what)
{
    char text[256];
    const struct slice place = place_of(step, text, sizeof text);
    return place.size == 0
               ? cordon_error_new(CORDON_E_BAD_VALUE, "in the validator: %s", what)
               : cordon_error_new(
                     CORDON_E_BAD_VALUE, "in the validator at %s: %s", printable(place).text, what);
}

/* One more level: `name` is what stands behind the place of `up`. */
static struct step step_into(const struct step *up, struct slice name, bool is_field)
{
    return (struct step){.up = up, .name = name, .is_field = is_field, .depth = up->depth + 1};
}

/* Room for `count` items, at least one. */
static cordon_error *new_row(struct arena *arena, size_t count, size_t item_size, void **out_row)
{
    void *row = arena_alloc(arena, (count == 0 ? 1 : count) * item_size);
    if (row == NULL) {
        return arena_error(arena);
    }
    *out_row = row;
    return NULL;
}

static cordon_error *copy(struct arena *arena, struct slice text, struct slice *out_copy)
{
    *out_copy = arena_copy(arena, text);
    return out_copy->data == NULL ? arena_error(arena) : NULL;
}

/* -- The kinds that hold something ---------------------------------------------------------- */

static cordon_error *parse_literal(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    struct value literal;
    TRY(value_from_json(json_get(json, SLICE("value")), arena, &literal));
    if (literal.kind == VALUE_STRING) {
        struct slice text;
        TRY(copy(arena, value_slice(&literal), &text));
        literal = value_string(text);
    } else if (
        literal.kind != VALUE_INT64 && literal.kind != VALUE_FLOAT64 &&
        literal.kind != VALUE_BOOL) {
        return bad(step, "a literal is a string, a number, a bigint or a boolean");
    }
    *out = (struct validator){.kind = VALIDATOR_LITERAL, .as.literal = literal};
    return NULL;
}

static cordon_error *parse_id(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    const struct slice table = json_string(json_get(json, SLICE("tableName")));
    if (!name_is_identifier(table)) {
        return bad(step, "`tableName` of an id is not the name of a table");
    }
    *out = (struct validator){.kind = VALIDATOR_ID};
    return copy(arena, table, &out->as.table);
}

static cordon_error *parse_array(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    void *item = NULL;
    TRY(new_row(arena, 1, sizeof(struct validator), &item));
    const struct step inner = step_into(step, SLICE("[]"), false);
    TRY(parse(json_get(json, SLICE("value")), &inner, arena, item));
    *out = (struct validator){.kind = VALIDATOR_ARRAY, .as.item = item};
    return NULL;
}

static cordon_error *parse_union(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    const struct json_node *list = json_get(json, SLICE("value"));
    if (json_kind(list) != JSON_ARRAY) {
        return bad(step, "`value` of a union is not an array");
    }
    const size_t count = json_count(list);
    void *row = NULL;
    TRY(new_row(arena, count, sizeof(struct validator), &row));
    struct validator *members = row;
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        const int size = snprintf(text, sizeof text, "<%zu>", i);
        const struct step inner = step_into(step, slice_of(text, (size_t)size), false);
        TRY(parse(json_next_item(&walk), &inner, arena, &members[i]));
    }
    *out = (struct validator){
        .kind = VALIDATOR_UNION, .count = (uint32_t)count, .as.members = members};
    return NULL;
}

/* {"fieldType": V, "optional": bool}; an absent `optional` is false. */
static cordon_error *parse_field_type(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    bool *out_optional,
    struct validator *out)
{
    const struct json_node *type = json_get(json, SLICE("fieldType"));
    const struct json_node *optional = json_get(json, SLICE("optional"));
    if (type == NULL || (optional != NULL && json_kind(optional) != JSON_BOOL)) {
        return bad(step, "a field is {\"fieldType\": validator, \"optional\": boolean}");
    }
    *out_optional = json_is_true(optional);
    return parse(type, step, arena, out);
}

/* Puts a field where its name belongs; of a repeated name the last one stays. */
static size_t insert_field(
    struct validator_field *fields, size_t count, struct validator_field field)
{
    size_t at = count;
    while (at > 0 && slice_compare(fields[at - 1].name, field.name) > 0) {
        at--;
    }
    if (at > 0 && slice_equal(fields[at - 1].name, field.name)) {
        fields[at - 1] = field;
        return count;
    }
    memmove(&fields[at + 1], &fields[at], (count - at) * sizeof *fields);
    fields[at] = field;
    return count + 1;
}

static cordon_error *parse_object(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    const struct json_node *list = json_get(json, SLICE("value"));
    if (json_kind(list) != JSON_OBJECT || json_count(list) > VALUE_OBJECT_FIELDS_MAX) {
        return bad(step, "`value` of an object is not an object of at most 1024 fields");
    }
    void *row = NULL;
    TRY(new_row(arena, json_count(list), sizeof(struct validator_field), &row));
    size_t count = 0;
    struct json_walk walk = json_walk_fields(list);
    struct slice name;
    for (const struct json_node *node; (node = json_next_field(&walk, &name)) != NULL;) {
        TRY(name_check_field(name));
        struct validator_field field;
        TRY(copy(arena, name, &field.name));
        const struct step inner = step_into(step, name, true);
        TRY(parse_field_type(node, &inner, arena, &field.optional, &field.type));
        count = insert_field(row, count, field);
    }
    *out = (struct validator){.kind = VALIDATOR_OBJECT, .count = (uint32_t)count, .as.fields = row};
    return NULL;
}

static cordon_error *parse_record(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    void *row = NULL;
    TRY(new_row(arena, 2, sizeof(struct validator), &row));
    struct validator *pair = row;
    const struct step key_step = step_into(step, SLICE("<keys>"), false);
    TRY(parse(json_get(json, SLICE("keys")), &key_step, arena, &pair[0]));
    const struct step value_step = step_into(step, SLICE("<values>"), false);
    bool optional = false;
    TRY(parse_field_type(json_get(json, SLICE("values")), &value_step, arena, &optional, &pair[1]));
    if (optional) {
        return bad(&value_step, "the values of a record can't be optional");
    }
    *out = (struct validator){.kind = VALIDATOR_RECORD,
                              .as.record = {.keys = &pair[0], .values = &pair[1]}};
    return NULL;
}

/* -- By type -------------------------------------------------------------------------------- */

typedef cordon_error *parse_kind(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out);

struct type_row {
    const char *name;
    enum validator_kind kind;
    parse_kind *parse; /* NULL if the kind says it all */
};

static const struct type_row type_rows[] = {
    {"any", VALIDATOR_ANY, NULL},
    {"null", VALIDATOR_NULL, NULL},
    {"number", VALIDATOR_FLOAT64, NULL},
    {"bigint", VALIDATOR_INT64, NULL},
    {"boolean", VALIDATOR_BOOL, NULL},
    {"string", VALIDATOR_STRING, NULL},
    {"bytes", VALIDATOR_BYTES, NULL},
    {"literal", VALIDATOR_LITERAL, parse_literal},
    {"id", VALIDATOR_ID, parse_id},
    {"array", VALIDATOR_ARRAY, parse_array},
    {"object", VALIDATOR_OBJECT, parse_object},
    {"record", VALIDATOR_RECORD, parse_record},
    {"union", VALIDATOR_UNION, parse_union},
};

static cordon_error *parse(
    const struct json_node *json,
    const struct step *step,
    struct arena *arena,
    struct validator *out)
{
    if (step->depth > VALIDATOR_NESTING_MAX) {
        return value_too_nested(step->depth, VALIDATOR_NESTING_MAX);
    }
    const struct json_node *type = json_get(json, SLICE("type"));
    if (json_kind(type) != JSON_STRING) {
        return bad(step, "a validator is an object with a string `type`");
    }
    for (size_t i = 0; i < sizeof type_rows / sizeof type_rows[0]; i++) {
        const struct type_row *row = &type_rows[i];
        if (slice_equal(json_string(type), slice_str(row->name))) {
            *out = (struct validator){.kind = row->kind};
            return row->parse == NULL ? NULL : row->parse(json, step, arena, out);
        }
    }
    char name[PRINTABLE_SIZE(64)];
    char what[sizeof name + sizeof "the type \"\" is unknown"];
    (void)snprintf(
        what, sizeof what, "the type \"%s\" is unknown",
        printable_write(json_string(type), name, sizeof name));
    return bad(step, what);
}

/* -- The way in ----------------------------------------------------------------------------- */

static const struct validator any = {.kind = VALIDATOR_ANY};

cordon_error *validator_parse(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator)
{
    if (json == NULL || json_kind(json) == JSON_NULL) {
        *out_validator = &any;
        return NULL;
    }
    void *row = NULL;
    TRY(new_row(arena, 1, sizeof(struct validator), &row));
    const struct step outermost = {0};
    TRY(parse(json, &outermost, arena, row));
    *out_validator = row;
    return NULL;
}

cordon_error *validator_parse_args(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator)
{
    const struct validator *validator = NULL;
    TRY(validator_parse(json, arena, &validator));
    if (validator->kind != VALIDATOR_OBJECT && validator->kind != VALIDATOR_ANY) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "the validator of arguments must be an object or any");
    }
    *out_validator = validator;
    return NULL;
}

/* The objects of a validator of documents. */
static cordon_error *check_document(const struct validator *validator)
{
    if (validator->kind == VALIDATOR_UNION) {
        for (uint32_t i = 0; i < validator->count; i++) {
            TRY(check_document(&validator->as.members[i]));
        }
        return NULL;
    }
    if (validator->kind != VALIDATOR_OBJECT && validator->kind != VALIDATOR_ANY) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE,
            "the validator of documents must be an object, a union of objects or any");
    }
    for (uint32_t i = 0; validator->kind == VALIDATOR_OBJECT && i < validator->count; i++) {
        const struct slice name = validator->as.fields[i].name;
        if (name.data[0] == '_') {
            return cordon_error_new(
                CORDON_E_BAD_VALUE,
                "the validator of documents has the field `%s`; names that begin with `_` are the "
                "system's, and its fields are in every document",
                printable(name).text);
        }
    }
    return NULL;
}

cordon_error *validator_parse_document(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator)
{
    const struct validator *validator = NULL;
    TRY(validator_parse(json, arena, &validator));
    TRY(check_document(validator));
    *out_validator = validator;
    return NULL;
}

bool validator_is_any(const struct validator *validator)
{
    return validator->kind == VALIDATOR_ANY;
}
