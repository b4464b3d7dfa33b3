/*
 * The JSON of documents in an export. Convex's says of a number what it is by how it is written: 5
 * is an Int64, 5.0 a Float64; all else is as in encoded JSON. A table whose documents are written
 * so has `"uniform"` in its `generated_schema.jsonl`. What such a text is in encoded JSON, in which
 * every number is a Float64, and back.
 *
 * Only numbers are looked at, so a text that is no JSON stays one, and whoever reads it says where.
 */
#ifndef CLI_EXPORT_JSON_H
#define CLI_EXPORT_JSON_H

#include "cli/text.h"

/* Appends a line of an export as encoded JSON: a whole number in 64 bits as {"$integer": …}. */
void export_json_to_encoded(struct text *out, cordon_text line);

/*
 * Appends encoded JSON as a line of an export: each number with a point or an exponent. Other
 * values stay as they are, Int64 among them, which both readers take in both forms.
 */
void export_json_from_encoded(struct text *out, cordon_text json);

#endif
