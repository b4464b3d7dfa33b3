/*
 * Lines of an import: JSON texts, one below the other, each a document. Pure: bytes become values,
 * and what is wrong with them becomes words.
 */
#ifndef RUN_DATA_LINE_H
#define RUN_DATA_LINE_H

#include "base/arena.h"
#include "value/document.h"
#include "value/id.h"
#include "value/name.h"

/* No table number that a document of ours was ever given is higher. */
#define DATA_TABLE_NUMBER_MAX 10000000u

/* What a document gets that does not bring it, and where it goes. */
struct line_defaults {
    uint32_t table;
    double creation_time;                     /* ms */
    uint8_t random[DOCUMENT_ID_RANDOM_BYTES]; /* of its id */
};

struct line {
    struct value document; /* with its system fields */
    size_t size;           /* as all limits count it */
    struct document_id id;
    double creation_time;
    bool has_creation_time; /* it brought one */
};

/* Takes the next line off `rest`, without the line break; false: there is none. */
bool line_next(struct slice *rest, struct slice *out_text);

/*
 * The table number in the `_id` of the first line that is not empty; 0 if it has none, whatever the
 * reason: reading the line tells.
 */
uint32_t line_first_table(struct slice lines);

/*
 * Reads one document: an object of encoded JSON whose fields are a document's and whose `_id`, if
 * it has one, is of the table. All lives in the arena. Errors: those of value_parse() and
 * document_check_limits(), CORDON_E_INVALID.
 */
CORDON_MUST_USE cordon_error *line_read(
    struct slice text,
    const struct line_defaults *defaults,
    struct arena *arena,
    struct line *out_line);

/* Both system fields of a stored document. Errors: CORDON_E_STORE if it lacks them. */
CORDON_MUST_USE cordon_error *line_system_fields(
    struct slice json, struct arena *arena, struct document_id *out_id, double *out_creation_time);

/* The second alone. */
CORDON_MUST_USE cordon_error *line_creation_time(
    struct slice json, struct arena *arena, double *out_creation_time);

#endif
