/*
 * Validators: the types that functions declare for their arguments and results, and tables for
 * their documents. They come as Convex's validator JSON, from a module's metadata or a schema, so
 * their text is hostile; once parsed they are immutable and shared by all runs of a deployment.
 *
 * A check either matches or says why not in exactly Convex's words, without the prefix
 * (`ArgumentValidationError: `, `ReturnsValidationError: `), which is the caller's.
 */
#ifndef VALUE_VALIDATOR_H
#define VALUE_VALIDATOR_H

#include "value/value.h"

struct json_node;
struct validator;

#define VALIDATOR_NESTING_MAX 64

/*
 * Parses one validator into the arena; nothing is borrowed from the JSON. NULL and `null` are any.
 * Errors: CORDON_E_BAD_VALUE, which says where in the validator; CORDON_E_TOO_NESTED;
 * CORDON_E_TOO_LARGE when the arena is full; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *validator_parse(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator);

/* The same for arguments, which must be an object or `any`. */
CORDON_MUST_USE cordon_error *validator_parse_args(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator);

/*
 * The same for documents, which must be an object, a union of such, or `any`. Fields whose names
 * begin with `_` are the system's, and no part of it.
 */
CORDON_MUST_USE cordon_error *validator_parse_document(
    const struct json_node *json, struct arena *arena, const struct validator **out_validator);

/* True if every value matches, so that a caller need not even parse the value. */
bool validator_is_any(const struct validator *validator);

/* Appends the form users wrote: v.object({a: v.string()}). Errors are those of buffer_append(). */
CORDON_MUST_USE cordon_error *validator_write_display(
    struct buffer *buffer, const struct validator *validator);

/* What is known about the table with a number, for validators of ids. */
enum validator_table {
    VALIDATOR_TABLE_NAMED,
    VALIDATOR_TABLE_UNKNOWN, /* there is no such table: no id of it matches */
    VALIDATOR_TABLE_PENDING, /* the store has to be asked first */
};

/* Looks a table up. `*out_name` is borrowed for the duration of the check. */
typedef enum validator_table validator_table_lookup(
    void *arg, uint32_t table, struct slice *out_name);

struct validator_context {
    validator_table_lookup *lookup;
    void *lookup_arg;
    /*
     * How many validators may still be held against a value, or names of fields compared; counted
     * down. A union is tried member by member for each item of an array, so a small text can ask
     * for much work; the caller charges what was used.
     */
    uint64_t steps_left;
};

enum validator_verdict {
    VALIDATOR_MATCH,
    VALIDATOR_MISMATCH, /* the reason is in the message */
    VALIDATOR_PENDING,  /* a lookup was pending: make the same call again once it is answered */
};

/*
 * Checks a value. On a mismatch the words are appended to `message`, else it is left alone.
 * Errors: CORDON_E_TOO_LARGE when no steps are left or `message` is full, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *validator_check(
    const struct validator *validator,
    const struct value *value,
    struct validator_context *context,
    struct buffer *message,
    enum validator_verdict *out_verdict);

#endif
