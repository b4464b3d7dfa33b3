/*
 * What a `generated_schema.jsonl` says; see generated_schema.h. Of a shape in words it only
 * matters whether a string may be anything but a string, so its words are looked at one by one:
 * `{"n": normalfloat64, "name": string | null}` has none that does.
 */
#include "cli/generated_schema.h"

#include <string.h>

#include "cli/terminal.h"

static int malformed(const struct lines *lines)
{
    return terminal_fail(
        CLI_USAGE,
        "'%s' in the zip, line %llu: it is not as Convex writes it, which is `\"uniform\"` and no "
        "more; export again, or leave the file out if the documents are in encoded JSON",
        lines->name, (unsigned long long)lines->number);
}

/* -- A shape -------------------------------------------------------------------------------- */

struct word {
    const char *text;
    bool may_be_string; /* a value that is not one, but is written as one */
};

static const struct word words[] = {
    {"array", false},
    {"boolean", false},
    {"bytes", true},
    {"field_name", false},
    {"float64", true},
    {"id", false},
    {"inf", true},
    {"int64", true},
    {"map", true},
    {"NaN", true},
    {"never", false},
    {"null", false},
    {"normalfloat64", false},
    {"record", false},
    {"set", true},
    {"string", false},
    {"unknown", true},
};

static const struct word *find_word(const char *text, size_t size)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].text) == size && memcmp(words[i].text, text, size) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

/* The place behind a word, a name in quotes, a number or a sign; 0: there is none of them. */
static size_t skip_token(cordon_text shape, size_t at, bool *may_be_string)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (shape.data[at] == '"') {
        const char *const end = memchr(shape.data + at + 1, '"', shape.size - at - 1);
        return end == NULL ? 0 : (size_t)(end - shape.data) + 1;
    }
    size_t end = at;
    while (end < shape.size && memchr(letters, shape.data[end], sizeof letters - 1) != NULL) {
        end++;
    }
    if (end == at) {
        return memchr("{}<>|,:?- ", shape.data[at], 10) == NULL ? 0 : at + 1;
    }
    if (shape.data[at] >= '0' && shape.data[at] <= '9') { /* of a table, or -0 */
        return end;
    }
    const struct word *const word = find_word(shape.data + at, end - at);
    *may_be_string = *may_be_string || (word != NULL && word->may_be_string);
    return word == NULL ? 0 : end;
}

static bool read_shape(cordon_text shape, bool *may_be_string)
{
    size_t at = 0;
    while (at < shape.size) {
        at = skip_token(shape, at, may_be_string);
        if (at == 0) {
            return false;
        }
    }
    return shape.size > 0;
}

/* -- Lines ---------------------------------------------------------------------------------- */

static int read_first(struct lines *lines, enum generated_schema *out_schema)
{
    cordon_text line = {0};
    JSON_CLEANUP json = NULL;
    const int failed = lines_next(lines, &line);
    if (failed != CLI_OK) {
        return failed;
    }
    cordon_error *const error = cordon_json_parse(line.data, line.size, &json);
    cordon_error_free(error);
    const cordon_json_value *const root = error != NULL ? NULL : cordon_json_get_root(json);
    const cordon_text shape = cordon_json_get_text(root);
    bool may_be_string = false;
    if (shape.size == 7 && memcmp(shape.data, "uniform", 7) == 0) {
        *out_schema = SCHEMA_UNIFORM;
        return CLI_OK;
    }
    if (!read_shape(shape, &may_be_string)) {
        return malformed(lines);
    }
    *out_schema = may_be_string ? SCHEMA_STRINGS : SCHEMA_EXACT;
    return CLI_OK;
}

/* {"ID": what the shape leaves open}. */
static bool is_override(cordon_text line)
{
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(line.data, line.size, &json);
    cordon_error_free(error);
    const cordon_json_value *const root = error != NULL ? NULL : cordon_json_get_root(json);
    return cordon_json_get_type(root) == CORDON_JSON_OBJECT &&
           cordon_json_walk_begin(root).left == 1;
}

int generated_schema_read(
    struct lines *lines, enum generated_schema *out_schema, uint64_t *out_line)
{
    enum generated_schema schema = SCHEMA_NONE;
    int failed = read_first(lines, &schema);
    uint64_t why = lines->number;
    while (failed == CLI_OK) {
        cordon_text line = {0};
        failed = lines_next(lines, &line);
        if (failed != CLI_OK || line.data == NULL) {
            break;
        }
        if (line.size > 0 && (schema == SCHEMA_UNIFORM || !is_override(line))) {
            failed = malformed(lines);
        } else if (line.size > 0 && schema == SCHEMA_EXACT) {
            schema = SCHEMA_STRINGS;
            why = lines->number;
        }
    }
    *out_schema = schema;
    *out_line = why;
    return failed;
}
