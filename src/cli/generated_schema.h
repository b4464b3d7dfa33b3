/*
 * `TABLE/generated_schema.jsonl` of a zip as Convex exports it: how the values in the table's
 * `documents.jsonl` are written. Today that is the line `"uniform"` (export_json.h). Exports of
 * before have the shape of the documents there, in words, and a line for each document that it
 * leaves open: in them an Int64, bytes and special floats are strings.
 */
#ifndef CLI_GENERATED_SCHEMA_H
#define CLI_GENERATED_SCHEMA_H

#include "cli/lines.h"

enum generated_schema {
    SCHEMA_NONE,    /* there is no such file: encoded JSON */
    SCHEMA_UNIFORM, /* the JSON of exports */
    SCHEMA_EXACT,   /* of before, but strings are strings and numbers are numbers */
    SCHEMA_STRINGS, /* of before, and some strings may be other values */
};

/*
 * Reads the file to its end. `*out_line` is the line that says why it is SCHEMA_STRINGS. 0, or the
 * exit code after having said what is wrong with which line of it.
 */
int generated_schema_read(
    struct lines *lines, enum generated_schema *out_schema, uint64_t *out_line);

#endif
