/*
 * JSON texts: a strict reader and the pieces of a writer.
 *
 * The reader takes RFC 8259 and nothing else: no comments, no trailing commas, no byte order mark,
 * no NaN, valid UTF-8, no lone surrogates, one value and only white space after it. A number too
 * large for a double is refused rather than made infinite. Of repeated keys the last one wins, as
 * in every JSON.parse. Memory and depth are bounded by the caller; nothing here recurses deeper
 * than JSON_DEPTH_MAX.
 *
 * Every question may be asked of NULL (a node that is not there), so that a path into a text reads
 * as one expression:
 *
 *     json_string(json_get(json_get(root, SLICE("error")), SLICE("message")))
 *
 * Threads: a document is read-only once parsed and may be read by several threads at once.
 */
#ifndef VALUE_JSON_H
#define VALUE_JSON_H

#include "base/buffer.h"

struct account;
struct arena;
struct json_doc;
struct json_node; /* a value inside a document; lives as long as the document */

enum json_kind {
    JSON_MISSING, /* the kind of NULL */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* The deepest that any caller may allow: [[1]] has depth 2. */
#define JSON_DEPTH_MAX 256

struct json_limits {
    size_t bytes_max;   /* of memory for the document, its copy of the text included */
    unsigned depth_max; /* nested arrays and objects; at most JSON_DEPTH_MAX */
    /* Who pays for that memory, while it is parsed too; NULL: nobody. Outlives the document. */
    struct account *account;
};

/*
 * Parses a text, which is copied. The document is the caller's, freed with json_free().
 * Errors: CORDON_E_BAD_JSON with byte, line and column; CORDON_E_TOO_LARGE over `bytes_max`; those
 * of account_error().
 */
CORDON_MUST_USE cordon_error *json_parse(
    struct slice text, const struct json_limits *limits, struct json_doc **out_doc);

/*
 * As json_parse(), in the memory of a document that nobody needs any more and has room for it, or
 * frees that one. `*doc` is either, or NULL, with the account of `limits`; NULL if it fails.
 */
CORDON_MUST_USE cordon_error *json_parse_again(
    struct slice text, const struct json_limits *limits, struct json_doc **doc);

/*
 * As json_parse(), but the copy of the text and with it all strings lie in the arena and outlive
 * the document. Errors: as json_parse(), CORDON_E_TOO_LARGE also when the arena is full.
 */
CORDON_MUST_USE cordon_error *json_parse_in_arena(
    struct slice text,
    const struct json_limits *limits,
    struct arena *arena,
    struct json_doc **out_doc);

/* NULL accepted. */
void json_free(struct json_doc *doc);

static inline void json_freep(struct json_doc **doc)
{
    json_free(*doc);
    *doc = NULL;
}

/* The memory a document holds, in bytes. 0 for NULL. */
size_t json_doc_bytes(const struct json_doc *doc);

/* NULL for NULL. */
const struct json_node *json_root(const struct json_doc *doc);

enum json_kind json_kind(const struct json_node *node);

/* The field of that name, the last if it is repeated; NULL if there is none or no object. */
const struct json_node *json_get(const struct json_node *object, struct slice name);

/* The item with that index, or NULL. Costs a walk up to it. */
const struct json_node *json_at(const struct json_node *array, size_t index);

/* Items of an array, fields of an object (repeated ones counted), 0 for anything else. */
size_t json_count(const struct json_node *container);

/* The bytes of a string, unescaped, valid UTF-8; empty for anything else. */
struct slice json_string(const struct json_node *node);

/* False for anything but `true`. */
bool json_is_true(const struct json_node *node);

/* A number as JavaScript would read it, -0 included; 0 for anything else. */
double json_number(const struct json_node *node);

/*
 * A whole number in range, however it is written: 3, 3.0 and 30e-1 are the same. False, and
 * nothing written, for anything else.
 */
bool json_i64(const struct json_node *node, int64_t *out_number);
bool json_u64(const struct json_node *node, uint64_t *out_number);

/* A walk over a container, in the order of the text; a repeated field comes up each time. */
struct json_walk {
    const struct json_node *next;
    size_t left;
};

/* Nothing to walk over for NULL and for what is no container. */
struct json_walk json_walk_items(const struct json_node *array);
struct json_walk json_walk_fields(const struct json_node *object);

/* The next item or field, NULL at the end. */
const struct json_node *json_next_item(struct json_walk *walk);
const struct json_node *json_next_field(struct json_walk *walk, struct slice *out_name);

/*
 * Finds a name that an object has twice, in the node or anywhere below it, for texts in which that
 * could only be a mistake. `*out_name`, borrowed from the document, is written where one is found.
 * Errors: CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *json_find_repeated(
    const struct json_node *node, bool *out_found, struct slice *out_name);

/* -- Writing -------------------------------------------------------------------------------- */
/*
 * Each appends to a buffer; errors are those of buffer_append(). On failure the buffer may hold a
 * part of what was to be written.
 */

/*
 * A string with its quotes, escaped exactly as JSON.stringify does it. The bytes may be anything:
 * each ill-formed sequence becomes U+FFFD, so that the text is always valid.
 */
CORDON_MUST_USE cordon_error *json_write_string(struct buffer *buffer, struct slice string);

/* A finite number in the form of ECMAScript's Number::toString, save that -0 is written "-0". */
CORDON_MUST_USE cordon_error *json_write_number(struct buffer *buffer, double number);
CORDON_MUST_USE cordon_error *json_write_i64(struct buffer *buffer, int64_t number);
CORDON_MUST_USE cordon_error *json_write_u64(struct buffer *buffer, uint64_t number);

/* `units` of which `per_whole`, a power of ten, make one, without zeros at the end: 1.05 or 7. */
CORDON_MUST_USE cordon_error *json_write_decimal(
    struct buffer *buffer, uint64_t units, uint64_t per_whole);
CORDON_MUST_USE cordon_error *json_write_bool(struct buffer *buffer, bool boolean);

/* A node and all below it, without white space; fields in the order of the text. */
CORDON_MUST_USE cordon_error *json_write_node(struct buffer *buffer, const struct json_node *node);

/* A comma, unless the buffer is empty or ends in `{`, `[`, `:` or `,`. */
CORDON_MUST_USE cordon_error *json_write_comma(struct buffer *buffer);

/* A comma if one is needed, the name as a string, a colon: a value must follow. */
CORDON_MUST_USE cordon_error *json_write_key(struct buffer *buffer, struct slice name);

/* A member: its key as above, and the value. */
CORDON_MUST_USE cordon_error *json_write_member_u64(
    struct buffer *buffer, const char *name, uint64_t number);
CORDON_MUST_USE cordon_error *json_write_member_bool(
    struct buffer *buffer, const char *name, bool boolean);
CORDON_MUST_USE cordon_error *json_write_member_string(
    struct buffer *buffer, const char *name, struct slice string);

/* The digits of json_write_number(), without a NUL; returns how many. */
#define JSON_NUMBER_BYTES 32
size_t json_format_number(double number, char out_text[JSON_NUMBER_BYTES]);

#endif
