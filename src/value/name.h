/*
 * Names: of tables, indexes, fields and functions. Everything a client or a module calls by name
 * passes one of these checks before it is used as a key.
 */
#ifndef VALUE_NAME_H
#define VALUE_NAME_H

#include "base/arena.h"

#define IDENTIFIER_BYTES_MAX 64
#define FIELD_NAME_BYTES_MAX 1024
#define FUNCTION_PATH_BYTES_MAX 1024

/* A letter or `_`, then letters, digits and `_`, at most 64 in all and not only `_`. */
bool name_is_identifier(struct slice name);

/*
 * As name_is_identifier(), as an error that says what is wrong; `what` is what the name is of, such
 * as "table name". Errors: CORDON_E_INVALID.
 */
CORDON_MUST_USE cordon_error *name_check_identifier(const char *what, struct slice name);

/* Tables of the system's own begin with `_`. */
static inline bool name_is_system_table(struct slice name)
{
    return name.size > 0 && name.data[0] == '_';
}

/* 1 to 1024 printable ASCII characters, the first no `$`. Errors: CORDON_E_BAD_VALUE. */
CORDON_MUST_USE cordon_error *name_check_field(struct slice name);

/* Identifiers joined by dots, as indexes name fields: "author.name". Errors: CORDON_E_INVALID. */
CORDON_MUST_USE cordon_error *name_check_field_path(struct slice path);

/*
 * What a function is called by. For `dir/messages.js:list`, `dir/messages:list` alike:
 */
struct function_path {
    struct slice text;      /* "dir/messages:list", as users and metadata write it; the key */
    struct slice canonical; /* "dir/messages.js:list", as some error texts have it */
    struct slice module;    /* "dir/messages" */
    struct slice function;  /* "list"; "default" where none was given */
};

/*
 * Takes a path apart: `dir/module:export`; `.js` after the module is optional, an absent export is
 * `default`. A directory and the module may hold letters, digits, `_` and `.`, at most 64 each and
 * at least one letter or digit; the export is an identifier. The slices live in the arena. Errors:
 * CORDON_E_INVALID, CORDON_E_TOO_LARGE when the arena is full, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *function_path_parse(
    struct slice text, struct arena *arena, struct function_path *out_path);

/* The same for the form with slashes only, `dir/messages/list`, of /api/run. At least two parts. */
CORDON_MUST_USE cordon_error *function_path_parse_slashes(
    struct slice text, struct arena *arena, struct function_path *out_path);

#endif
