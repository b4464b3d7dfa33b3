/*
 * Documents: objects with two fields of the system's, `_id` and `_creationTime`, and tighter limits
 * than other values.
 */
#ifndef VALUE_DOCUMENT_H
#define VALUE_DOCUMENT_H

#include "value/id.h"
#include "value/value.h"

#define DOCUMENT_SIZE_MAX ((size_t)1 << 20)
#define DOCUMENT_NESTING_MAX 16

/*
 * The fields of `base` overwritten by those of `patch`; fields that are VALUE_UNDEFINED in `patch`
 * are removed. Both are objects and stay as they are; the new one shares their items. Errors:
 * CORDON_E_TOO_MANY_FIELDS, CORDON_E_TOO_LARGE when the arena is full, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *value_merge(
    const struct value *base,
    const struct value *patch,
    struct arena *arena,
    struct value *out_object);

/*
 * A copy of `object` with both system fields set, whatever it had in their place. `id_text` is
 * borrowed by the new object; `creation_time` is in ms. Errors as value_merge().
 */
CORDON_MUST_USE cordon_error *document_with_system_fields(
    const struct value *object,
    struct slice id_text,
    double creation_time,
    struct arena *arena,
    struct value *out_document);

/*
 * The fields of a document that are its user's: all but those whose names begin with `_`. It shares
 * their values. Errors are those of the arena.
 */
CORDON_MUST_USE cordon_error *document_without_system_fields(
    const struct value *document, struct arena *arena, struct value *out_object);

/* Both system fields of a stored document. Errors: CORDON_E_STORE if it lacks them. */
CORDON_MUST_USE cordon_error *document_system_fields(
    const struct value *document, struct document_id *out_id, double *out_creation_time);

/*
 * The names of a document as a user may write it: none begins with an underscore save `_id` and
 * `_creationTime`, whose values the caller compares. Errors: CORDON_E_BAD_VALUE.
 */
CORDON_MUST_USE cordon_error *document_check_names(const struct value *object);

/*
 * Size at most DOCUMENT_SIZE_MAX, nesting at most DOCUMENT_NESTING_MAX; `*out_size` (may be NULL)
 * is its value_size(). Errors: CORDON_E_VALUE_TOO_LARGE, CORDON_E_TOO_NESTED, in Convex's words.
 */
CORDON_MUST_USE cordon_error *document_check_limits(const struct value *document, size_t *out_size);

#endif
