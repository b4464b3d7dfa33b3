/* Validators in the form users wrote them: v.object({a: v.string(), b: v.optional(v.any())}). */
#include "value/validator_tree.h"

#include "value/display.h"

static cordon_error *put_type(struct display *display, const struct validator *validator);

/* The call in front of what it holds, and its end. */
static cordon_error *put_around(
    struct display *display, struct slice opening, const struct validator *inner)
{
    TRY(display_put(display, opening));
    TRY(put_type(display, inner));
    return display_put(display, SLICE(")"));
}

static cordon_error *put_union(struct display *display, const struct validator *validator)
{
    TRY(display_put(display, SLICE("v.union(")));
    for (size_t i = 0; i < validator->count && !display->cut; i++) {
        if (i > 0) {
            TRY(display_put(display, SLICE(", ")));
        }
        TRY(put_type(display, &validator->as.members[i]));
    }
    return display_put(display, SLICE(")"));
}

static cordon_error *put_object(struct display *display, const struct validator *validator)
{
    TRY(display_put(display, SLICE("v.object({")));
    for (size_t i = 0; i < validator->count && !display->cut; i++) {
        const struct validator_field *field = &validator->as.fields[i];
        if (i > 0) {
            TRY(display_put(display, SLICE(", ")));
        }
        TRY(display_put_name(display, field->name));
        TRY(display_put(display, SLICE(": ")));
        TRY(field->optional ? put_around(display, SLICE("v.optional("), &field->type)
                            : put_type(display, &field->type));
    }
    return display_put(display, SLICE("})"));
}

static cordon_error *put_record(struct display *display, const struct validator *validator)
{
    TRY(display_put(display, SLICE("v.record(")));
    TRY(put_type(display, validator->as.record.keys));
    TRY(display_put(display, SLICE(", ")));
    TRY(put_type(display, validator->as.record.values));
    return display_put(display, SLICE(")"));
}

static cordon_error *put_type(struct display *display, const struct validator *validator)
{
    switch (validator->kind) {
    case VALIDATOR_ANY:
        return display_put(display, SLICE("v.any()"));
    case VALIDATOR_NULL:
        return display_put(display, SLICE("v.null()"));
    case VALIDATOR_FLOAT64:
        return display_put(display, SLICE("v.float64()"));
    case VALIDATOR_INT64:
        return display_put(display, SLICE("v.int64()"));
    case VALIDATOR_BOOL:
        return display_put(display, SLICE("v.boolean()"));
    case VALIDATOR_STRING:
        return display_put(display, SLICE("v.string()"));
    case VALIDATOR_BYTES:
        return display_put(display, SLICE("v.bytes()"));
    case VALIDATOR_LITERAL:
        TRY(display_put(display, SLICE("v.literal(")));
        TRY(display_put_value(display, &validator->as.literal));
        return display_put(display, SLICE(")"));
    case VALIDATOR_ID:
        TRY(display_put(display, SLICE("v.id(")));
        TRY(display_put_string(display, validator->as.table));
        return display_put(display, SLICE(")"));
    case VALIDATOR_ARRAY:
        return put_around(display, SLICE("v.array("), validator->as.item);
    case VALIDATOR_OBJECT:
        return put_object(display, validator);
    case VALIDATOR_RECORD:
        return put_record(display, validator);
    case VALIDATOR_UNION:
        return put_union(display, validator);
    }
    return NULL;
}

cordon_error *validator_write_display(struct buffer *buffer, const struct validator *validator)
{
    struct display display = display_begin(buffer);
    TRY(put_type(&display, validator));
    return display_end(&display);
}
