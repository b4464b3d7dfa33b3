/*
 * Documents, for those who block and go through many of them, as deploys, exports and imports do:
 * holding one against a schema, and its place in the order of creation, from which a scan goes on.
 */
#ifndef RUN_DOCUMENTS_H
#define RUN_DOCUMENTS_H

#include "run/await.h"
#include "value/document.h"
#include "value/validator.h"

/*
 * Holds the fields that are its user's against a validator, and waits for what that asks the store.
 * Where it does not match, `words` gets why. The arena is for the time of the call. Errors: those
 * of check_value(), and of the arena.
 */
CORDON_MUST_USE cordon_error *documents_match(
    struct rows *rows,
    const struct validator *validator,
    const struct value *document,
    struct arena *arena,
    struct buffer *words,
    bool *out_matches);

/* Writes its key in the order of creation, in the place of what the buffer has. */
CORDON_MUST_USE cordon_error *documents_place(
    const struct document_id *id, double creation_time, struct buffer *key);

/* The same for the least key behind it. */
CORDON_MUST_USE cordon_error *documents_place_behind(
    const struct document_id *id, double creation_time, struct buffer *key);

#endif
