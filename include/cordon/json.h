/*
 * Reading JSON. Reports, outcomes and a server's answers are JSON texts; whoever has no reader of
 * their own takes them apart with this one. Strict: RFC 8259, valid UTF-8, one value and nothing
 * after it. Values are borrowed from the text they came from, and every question may be asked of
 * NULL, so a path into a text reads as one expression:
 *
 *     cordon_json_get_text(cordon_json_get_member(cordon_json_get_root(json), "url"))
 */
#ifndef CORDON_JSON_H
#define CORDON_JSON_H

#include <cordon/outcome.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A parsed text. It may be read by several threads at once. */
typedef struct cordon_json cordon_json;

/* A value in it; lives as long as the text. */
typedef struct cordon_json_value cordon_json_value;

typedef enum cordon_json_type {
    CORDON_JSON_NULL,
    CORDON_JSON_BOOLEAN,
    CORDON_JSON_NUMBER,
    CORDON_JSON_STRING,
    CORDON_JSON_ARRAY,
    CORDON_JSON_OBJECT,
} cordon_json_type;

/*
 * Parses `size` bytes; the text itself is not kept. Errors: CORDON_E_BAD_JSON with line and column,
 * also for more than 256 values within each other; CORDON_E_TOO_LARGE for a text whose tree would
 * take over 1 GiB; CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_json_parse(
    const char *text, size_t size, cordon_json **out_json);

/* NULL accepted. */
CORDON_API void cordon_json_free(cordon_json *json);

/* The value that the text is. */
CORDON_API const cordon_json_value *cordon_json_get_root(const cordon_json *json);

/* CORDON_JSON_NULL for NULL. */
CORDON_API cordon_json_type cordon_json_get_type(const cordon_json_value *value);

/* The member of that name, the last if it is repeated; NULL if there is none or no object. */
CORDON_API const cordon_json_value *cordon_json_get_member(
    const cordon_json_value *object, const char *name);

/* The bytes of a string, unescaped; empty for anything else. */
CORDON_API cordon_text cordon_json_get_text(const cordon_json_value *value);

/* False for anything but a whole number from 0 to 2^64 - 1, however it is written. */
CORDON_API bool cordon_json_get_u64(const cordon_json_value *value, uint64_t *out_number);

/* A number as a double; 0 for anything else. */
CORDON_API double cordon_json_get_number(const cordon_json_value *value);

/* False for anything but true. */
CORDON_API bool cordon_json_is_true(const cordon_json_value *value);

/* A walk over the items of an array or the members of an object. */
typedef struct cordon_json_walk {
    const cordon_json_value *next;
    size_t left; /* items not yet given out; at first the count of all */
    bool named;  /* an object's members */
} cordon_json_walk;

/* Nothing to walk over for any other value. */
CORDON_API cordon_json_walk cordon_json_walk_begin(const cordon_json_value *container);

/* The next item, or NULL at the end. `out_name` (may be NULL) gets the name of a member. */
CORDON_API const cordon_json_value *cordon_json_walk_next(
    cordon_json_walk *walk, cordon_text *out_name);

/*
 * The value as JSON text on one line, NUL-terminated; the caller's, freed with cordon_free().
 * Errors: CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_json_write(
    const cordon_json_value *value, char **out_text);

/*
 * The text as a JSON string, quotes included and whatever needs it escaped, NUL-terminated; bytes
 * that are no UTF-8 become U+FFFD. The caller's, freed with cordon_free(). Errors:
 * CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_json_quote(cordon_text text, char **out_text);

/*
 * An error in the shape that cordon_outcome_to_json() gives a failed run: status, code,
 * errorMessage, errorData, logLines, usage. The text is the caller's; free it with cordon_free().
 * Errors: CORDON_E_NO_MEMORY.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_error_to_json(
    const cordon_error *error, char **out_json);

#ifdef __cplusplus
}
#endif

#endif
