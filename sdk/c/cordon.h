/*
 * cordon.h: functions for Cordon in C (or C++20).
 *
 *     #include "cordon.h"
 *
 *     CORDON_FUNCTIONS(
 *         CORDON_QUERY("messages:list", list_messages, CORDON_NO_ARGS, CORDON_ANY),
 *         CORDON_MUTATION("messages:send", send_message,
 *             CORDON_OBJECT(
 *                 CORDON_FIELD("author", CORDON_STRING),
 *                 CORDON_FIELD("body", CORDON_STRING)),
 *             CORDON_ID("messages")))
 *
 *     cordon_value *list_messages(void)
 *     {
 *         return cordon_db_list("messages");
 *     }
 *
 *     cordon_value *send_message(void)
 *     {
 *         return cordon_string(cordon_db_insert("messages", cordon_args()));
 *     }
 *
 * A function takes nothing, asks cordon_args() for its arguments and returns its result; NULL is
 * null. The host has checked the arguments against what the table says before the function starts,
 * and checks the result after it.
 *
 * Every run has a fresh instance: nothing static survives it, and memory is given back when it
 * ends. So there is no free here; loops over many documents have cordon_mark and cordon_release.
 *
 * What goes wrong ends the run, with a message and without a trace in the database: a failed
 * allocation, a value of another type than asked for, a call the host refuses. Whoever wants to go
 * on after a refusal uses cordon_call; calls of other functions tell of their failure themselves.
 *
 * Compile with clang, for wasm32-wasi, as C23; link cordon.c with it:
 *
 *     clang-19 --target=wasm32-wasi -std=c23 -O2 -g -c functions.c cordon.c
 *     clang-19 --target=wasm32-wasi -mexec-model=reactor -Wl,--stack-first \
 *         -o functions.wasm functions.o cordon.o
 *
 * In two steps, without -O in the second: else the driver runs wasm-opt, where it is installed,
 * and that loses the names and lines that errors are shown with.
 */
#ifndef CORDON_H
#define CORDON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * 1. Values
 *
 * A value is null, a boolean, a number (Float64), an Int64, a string, bytes, an array or an object.
 * NULL stands for no value at all, such as a field that is not there; every reader accepts it.
 */
typedef struct cordon_value cordon_value;

typedef enum cordon_type {
    CORDON_TYPE_NONE, /* the type of NULL */
    CORDON_TYPE_NULL,
    CORDON_TYPE_BOOLEAN,
    CORDON_TYPE_NUMBER,
    CORDON_TYPE_INT64,
    CORDON_TYPE_STRING,
    CORDON_TYPE_BYTES,
    CORDON_TYPE_ARRAY,
    CORDON_TYPE_OBJECT,
} cordon_type;

cordon_type cordon_type_of(const cordon_value *value);

/* New values. Strings and bytes are copied; a string must be UTF-8 and may hold zero bytes. */
cordon_value *cordon_null(void);
cordon_value *cordon_boolean(bool boolean);
cordon_value *cordon_number(double number);
cordon_value *cordon_int64(int64_t integer);
cordon_value *cordon_string(const char *text);
cordon_value *cordon_string_of_size(const char *text, size_t size);
cordon_value *cordon_bytes(const void *bytes, size_t size);
cordon_value *cordon_array(void);
cordon_value *cordon_object(void);

/*
 * Add to an array, or set a field of an object, and return the array or object. The value is not
 * copied: later changes to it show. Its place among the fields is kept if the name is there
 * already. Setting a field to NULL removes it.
 */
cordon_value *cordon_push(cordon_value *array, cordon_value *value);
cordon_value *cordon_set(cordon_value *object, const char *name, cordon_value *value);

/* The field of that name; NULL if it is not there or `object` is NULL. */
cordon_value *cordon_get(const cordon_value *object, const char *name);

/* How many items an array has, or fields an object; 0 for NULL. */
size_t cordon_count(const cordon_value *value);

/* The item, or the field's value, at that place; NULL from cordon_count() on. */
cordon_value *cordon_at(const cordon_value *value, size_t index);

/* The name of the field at that place; NULL from cordon_count() on. */
const char *cordon_name_at(const cordon_value *object, size_t index);

/* What is in a value. One of another type, or NULL, ends the run with a message that says so. */
bool cordon_to_boolean(const cordon_value *value);
double cordon_to_number(const cordon_value *value);
int64_t cordon_to_int64(const cordon_value *value);

/* Ends in a zero byte, which is not counted in cordon_size(). */
const char *cordon_to_string(const cordon_value *value);
const void *cordon_to_bytes(const cordon_value *value);

/* Bytes of a string or of bytes. */
size_t cordon_size(const cordon_value *value);

/* A value from its JSON in Convex's encoding; NULL if the text is malformed. */
cordon_value *cordon_parse(const char *json, size_t size);

/* The JSON of a value, in Convex's encoding; ends in a zero byte. `out_size` may be NULL. */
const char *cordon_print(const cordon_value *value, size_t *out_size);

/*
 * 2. The run
 */

/* The arguments: an object. Parsed at the first call; the same object at every further one. */
cordon_value *cordon_args(void);

/* Milliseconds since 1970. Stands still in queries and mutations. */
int64_t cordon_now_ms(void);

/* Random bytes; a number from 0 up to, not including, 1. In queries and mutations a replay of the
 * run draws the same. */
void cordon_random_fill(void *bytes, size_t size);
double cordon_random_number(void);

/* What remains of each limit: an object of numbers by the names of `cordon limits`. */
cordon_value *cordon_left(void);

/* The deployment's environment variable of that name, as it was when the run began; NULL if there
 * is none. `cordon env set` sets one. */
const char *cordon_env_get(const char *name);

/*
 * Who has signed in, as a token said it that the host has verified; NULL if nobody has. An object
 * with `tokenIdentifier`, one text for each user, `issuer` and `subject`; what else the token said
 * has Convex's names (`email`, `givenName`), claims of one's own theirs, members of objects with
 * dots: `properties.role`. The functions that a function calls are told the same.
 */
cordon_value *cordon_identity(void);

typedef enum cordon_level {
    CORDON_DEBUG,
    CORDON_LOG,
    CORDON_INFO,
    CORDON_WARN,
    CORDON_ERROR,
} cordon_level;

/* Writes one line to the log of the run. printf works too, with level LOG; stderr with ERROR. */
void cordon_log(cordon_level level, const char *message);

/* A string made as by printf. */
__attribute__((format(printf, 1, 2))) const char *cordon_format(const char *format, ...);

/* Ends the run with an error. In production clients are not shown the message. */
__attribute__((noreturn)) void cordon_fail(const char *message);

/* Ends the run with a ConvexError: clients get `data`, in production too. */
__attribute__((noreturn)) void cordon_fail_data(const cordon_value *data);

/*
 * 3. The database
 *
 * Queries and mutations may read, mutations may write; an action that tries either is ended, and
 * so is a query that tries to write. A document is an object; its fields `_id` (a string) and
 * `_creationTime` (a number, milliseconds) are set by the system.
 */

/* The document of that id; NULL if there is none. */
cordon_value *cordon_db_get(const char *id);

/* Writes a new document and returns its id. */
const char *cordon_db_insert(const char *table, const cordon_value *fields);

/* Sets the fields given and leaves the others; a field that is cordon_undefined() is removed. */
cordon_value *cordon_db_patch(const char *id, const cordon_value *fields);
cordon_value *cordon_undefined(void);

/* Sets all fields. Both return the document as it is then. */
cordon_value *cordon_db_replace(const char *id, const cordon_value *fields);

/* Returns the document as it was. */
cordon_value *cordon_db_delete(const char *id);

/* The id, if the text is one of that table's, whether or not it has such a document; else NULL. */
const char *cordon_db_normalize_id(const char *table, const char *text);

/* All documents of a table, oldest first. */
cordon_value *cordon_db_list(const char *table);

/*
 * 4. Queries
 *
 * Which documents of a table are read, in which order, and how many of them.
 *
 *     cordon_query *query = cordon_query_index("messages", "by_author");
 *     cordon_query_eq(query, "author", cordon_get(cordon_args(), "author"));
 *     cordon_query_order(query, CORDON_DESC);
 *     return cordon_query_take(query, 10);
 *
 * What makes a query returns it. Nothing is read before one of the functions that end it, and then
 * no more than it needs; what a filter leaves out is read too. A query sees what the run wrote
 * before.
 */
typedef struct cordon_query cordon_query;

/* All documents of a table, in order of creation. */
cordon_query *cordon_query_table(const char *table);

/* Those in an index, in its order: one of the schema, "by_creation_time" or "by_id". */
cordon_query *cordon_query_index(const char *table, const char *index);

/*
 * Conditions on fields of the index: equalities on the first ones, then a lower and an upper bound
 * on the next. Every index ends with "_creationTime" and "_id". NULL stands for a field that is
 * missing; such documents come before all others. The host refuses what is no range of the index.
 */
cordon_query *cordon_query_eq(cordon_query *query, const char *field, const cordon_value *value);
cordon_query *cordon_query_gt(cordon_query *query, const char *field, const cordon_value *value);
cordon_query *cordon_query_gte(cordon_query *query, const char *field, const cordon_value *value);
cordon_query *cordon_query_lt(cordon_query *query, const char *field, const cordon_value *value);
cordon_query *cordon_query_lte(cordon_query *query, const char *field, const cordon_value *value);

typedef enum cordon_order {
    CORDON_ASC,
    CORDON_DESC,
} cordon_order;

/* Ascending unless told otherwise. */
cordon_query *cordon_query_order(cordon_query *query, cordon_order order);

/*
 * Filters, which the host evaluates for each document:
 *
 *     cordon_query_filter(
 *         query, cordon_q_gt(cordon_q_field("stars"), cordon_q_value(cordon_number(3))));
 *
 * Comparisons are over all types, in Convex's order, where a missing field comes first; arithmetic
 * is over two numbers or two Int64; the last three take booleans, and so does the filter. A field
 * may be a path: "address.city". A value of NULL is a field that is missing.
 */
typedef struct cordon_expression cordon_expression;

cordon_expression *cordon_q_field(const char *path);
cordon_expression *cordon_q_value(const cordon_value *value);
cordon_expression *cordon_q_eq(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_neq(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_lt(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_lte(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_gt(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_gte(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_add(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_sub(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_mul(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_div(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_mod(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_neg(const cordon_expression *a);
cordon_expression *cordon_q_not(const cordon_expression *a);
cordon_expression *cordon_q_and(const cordon_expression *a, const cordon_expression *b);
cordon_expression *cordon_q_or(const cordon_expression *a, const cordon_expression *b);

/* Leaves out documents for which it is false; lets so many documents pass. They hold in the order
 * in which they were added. */
cordon_query *cordon_query_filter(cordon_query *query, const cordon_expression *filter);
cordon_query *cordon_query_limit(cordon_query *query, uint32_t count);

/* The first document; the only one, where a second ends the run. NULL if there is none. */
cordon_value *cordon_query_first(cordon_query *query);
cordon_value *cordon_query_unique(cordon_query *query);

/* An array of the first documents, at most so many; of all. */
cordon_value *cordon_query_take(cordon_query *query, uint32_t count);
cordon_value *cordon_query_collect(cordon_query *query);

/*
 * One page, with `options` as clients send them, CORDON_PAGINATION_OPTIONS: `{"numItems": n,
 * "cursor": null}` for the first, then with the `continueCursor` of the page before. The result is
 * what Convex's clients expect, CORDON_PAGINATION_RESULT. A run can read one page.
 */
cordon_value *cordon_query_page(cordon_query *query, const cordon_value *options);

/* A walk over the documents, for whoever need not see all, or not at once. */
typedef struct cordon_scan cordon_scan;
cordon_scan *cordon_query_scan(cordon_query *query);

/* The next document; NULL at the end. */
cordon_value *cordon_db_next(cordon_scan *scan);

/* Ends a walk early. Not needed at the end, nor when the run ends. */
void cordon_db_stop(cordon_scan *scan);

/* The JSON of a query, as sdk/abi.md has it; ends in a zero byte. `out_size` may be NULL. */
const char *cordon_query_print(const cordon_query *query, size_t *out_size);

/*
 * 5. Calls of other functions
 *
 * By their paths: those of the same deployment, internal ones too. NULL stands for no arguments.
 *
 *     cordon_value *failure;
 *     cordon_value *id = cordon_run_mutation("messages:send", cordon_args(), &failure);
 *     if (failure != NULL) {
 *         cordon_log(CORDON_WARN, cordon_to_string(cordon_get(failure, "message")));
 *         return cordon_null();
 *     }
 *     return id;
 *
 * A call that fails returns NULL, and `*out_failure` says why: an object with `code` and `message`,
 * and with `data` if the function ended by cordon_fail_data. Else `*out_failure` is NULL. Where
 * `out_failure` is NULL itself, a failure ends the caller too, with the same message and data.
 */

/*
 * For queries and mutations; the former call queries alone. The call is a part of the caller's
 * transaction. If it fails, exactly what it wrote is undone.
 */
cordon_value *cordon_run_query(
    const char *path, const cordon_value *args, cordon_value **out_failure);
cordon_value *cordon_run_mutation(
    const char *path, const cordon_value *args, cordon_value **out_failure);

/*
 * For actions. Each call is a run of its own; what a mutation wrote is there, durable, when it
 * comes back, and stays there if the action fails.
 */
cordon_value *cordon_action_run_query(
    const char *path, const cordon_value *args, cordon_value **out_failure);
cordon_value *cordon_action_run_mutation(
    const char *path, const cordon_value *args, cordon_value **out_failure);
cordon_value *cordon_action_run_action(
    const char *path, const cordon_value *args, cordon_value **out_failure);

/*
 * 6. Effects
 *
 * For actions alone: they can't be repeated. A query or mutation that calls one is ended.
 */

/* Sleeps; that is the action's own time, and ends at its limit. At most 2,147,483,647 ms. */
void cordon_effect_sleep(uint32_t ms);

/* Random bytes from the operating system, fit for keys; no seed makes them repeat. */
void cordon_effect_crypto_random(void *bytes, size_t size);

/*
 * 7. Memory
 */

/* Zeroed bytes, aligned for anything. Never NULL. */
void *cordon_alloc(size_t size);

/*
 * Gives back whatever was made since the mark: values, strings, scans, cordon_alloc. Nothing older
 * may point to it; so an older array or object must not have been added to in between, either. The
 * arguments are not concerned.
 *
 *     for (;;) {
 *         cordon_mark mark = cordon_mark_now();
 *         cordon_value *document = cordon_db_next(scan);
 *         if (document == NULL) {
 *             break;
 *         }
 *         sum += cordon_to_number(cordon_get(document, "amount"));
 *         cordon_release(mark);
 *     }
 */
typedef struct cordon_mark {
    void *block;
    size_t used;
} cordon_mark;

cordon_mark cordon_mark_now(void);
void cordon_release(cordon_mark mark);

/*
 * 8. The table of functions, and the schema
 *
 * CORDON_FUNCTIONS stands once in a program. Each row declares its function, exports it, and
 * becomes a line of the metadata by which the host knows it: what clients call it by, the C
 * function, the validators of its arguments and of its result. The internal kinds cannot be called
 * by clients.
 */
/* clang-format off */
#define CORDON_QUERY(path, function, args, returns)                                                \
    ("query", "public", path, function, "args": args, "returns": returns)
#define CORDON_MUTATION(path, function, args, returns)                                             \
    ("mutation", "public", path, function, "args": args, "returns": returns)
#define CORDON_ACTION(path, function, args, returns)                                               \
    ("action", "public", path, function, "args": args, "returns": returns)
#define CORDON_INTERNAL_QUERY(path, function, args, returns)                                       \
    ("query", "internal", path, function, "args": args, "returns": returns)
#define CORDON_INTERNAL_MUTATION(path, function, args, returns)                                    \
    ("mutation", "internal", path, function, "args": args, "returns": returns)
#define CORDON_INTERNAL_ACTION(path, function, args, returns)                                      \
    ("action", "internal", path, function, "args": args, "returns": returns)

/* Validators. They are JSON, made of the preprocessor's tokens. */
#define CORDON_ANY {"type": "any"}
#define CORDON_NULL {"type": "null"}
#define CORDON_BOOLEAN {"type": "boolean"}
#define CORDON_NUMBER {"type": "number"}
#define CORDON_INT64 {"type": "bigint"}
#define CORDON_STRING {"type": "string"}
#define CORDON_BYTES {"type": "bytes"}
#define CORDON_ID(table) {"type": "id", "tableName": table}
#define CORDON_LITERAL(json) {"type": "literal", "value": json}
#define CORDON_ARRAY(...) {"type": "array", "value": __VA_ARGS__}
#define CORDON_UNION(...) {"type": "union", "value": [__VA_ARGS__]}
#define CORDON_RECORD(names, of)                                                                   \
    {"type": "record", "keys": names, "values": {"fieldType": of, "optional": false}}
#define CORDON_OBJECT(...) {"type": "object", "value": {__VA_ARGS__}}
#define CORDON_FIELD(name, of) name: {"fieldType": of, "optional": false}
#define CORDON_OPTIONAL(name, of) name: {"fieldType": of, "optional": true}
#define CORDON_NO_ARGS CORDON_OBJECT()

/* A document of a table: its own fields, and those of the system. */
#define CORDON_DOCUMENT(table, ...)                                                                \
    CORDON_OBJECT(                                                                                 \
        CORDON_FIELD("_id", CORDON_ID(table)),                                                     \
        CORDON_FIELD("_creationTime", CORDON_NUMBER) __VA_OPT__(,) __VA_ARGS__)

/* What clients send as the argument `paginationOpts`, and what they get for it. */
#define CORDON_PAGINATION_OPTIONS                                                                  \
    CORDON_OBJECT(                                                                                 \
        CORDON_FIELD("numItems", CORDON_NUMBER),                                                   \
        CORDON_FIELD("cursor", CORDON_UNION(CORDON_STRING, CORDON_NULL)),                          \
        CORDON_OPTIONAL("endCursor", CORDON_UNION(CORDON_STRING, CORDON_NULL)),                    \
        CORDON_OPTIONAL("maximumRowsRead", CORDON_NUMBER),                                         \
        CORDON_OPTIONAL("maximumBytesRead", CORDON_NUMBER),                                        \
        CORDON_OPTIONAL("id", CORDON_NUMBER))
#define CORDON_PAGINATION_RESULT(...)                                                              \
    CORDON_OBJECT(                                                                                 \
        CORDON_FIELD("page", CORDON_ARRAY(__VA_ARGS__)),                                           \
        CORDON_FIELD("isDone", CORDON_BOOLEAN),                                                    \
        CORDON_FIELD("continueCursor", CORDON_STRING),                                             \
        CORDON_FIELD("splitCursor", CORDON_UNION(CORDON_STRING, CORDON_NULL)),                     \
        CORDON_FIELD("pageStatus",                                                                 \
            CORDON_UNION(                                                                          \
                CORDON_LITERAL("SplitRecommended"),                                                \
                CORDON_LITERAL("SplitRequired"),                                                   \
                CORDON_NULL)))

#ifdef __wasm__
#if defined __cplusplus ? __cplusplus < 202002L : __STDC_VERSION__ < 202311L
#error "cordon.h needs C23 or C++20: compile with -std=c23 (or -std=c++20)"
#endif
#endif

#define CORDON_FUNCTIONS(...)                                                                      \
    extern const char cordon_functions_stand_once;                                                 \
    const char cordon_functions_stand_once = 1;                                                    \
    CORDON_UNROLL_(CORDON_EACH_(CORDON_EXPORT_, __VA_ARGS__))                                      \
    CORDON_SECTION_("convex.functions",                                                            \
        {"abi": 1, "functions": [CORDON_UNROLL_(CORDON_LIST_(__VA_ARGS__))]})

/*
 * The schema stands once in a program, if at all. The host makes the indexes, checks every write to
 * these tables, and refuses a deploy while a document does not fit. Of several modules in a
 * deployment each may have a schema, of tables of its own.
 *
 *     CORDON_SCHEMA(
 *         CORDON_TABLE("messages",
 *             CORDON_OBJECT(
 *                 CORDON_FIELD("author", CORDON_STRING),
 *                 CORDON_FIELD("body", CORDON_STRING)),
 *             CORDON_INDEX("by_author", "author")))
 *
 * A document is an object without the fields of the system, a union of such, or CORDON_ANY; behind
 * it stand the indexes, if any, each with its fields. CORDON_SCHEMA_OF_INDEXES has documents go
 * unchecked.
 *
 * CORDON_TABLE_WITH_STAGED has, between the document and the indexes, some that are staged: those
 * are filled and kept up as any other, and no deploy waits for them; but queries are refused until
 * a later deploy has them among the others.
 *
 *     CORDON_TABLE_WITH_STAGED("messages", CORDON_ANY,
 *         CORDON_STAGED(CORDON_INDEX("by_stars", "stars", "author")),
 *         CORDON_INDEX("by_author", "author"))
 */
#define CORDON_SCHEMA(...)                                                                         \
    CORDON_SCHEMA_({"tables": [__VA_ARGS__], "schemaValidation": true})
#define CORDON_SCHEMA_OF_INDEXES(...)                                                              \
    CORDON_SCHEMA_({"tables": [__VA_ARGS__], "schemaValidation": false})
#define CORDON_TABLE(name, document, ...)                                                          \
    {"tableName": name, "indexes": [__VA_ARGS__], "searchIndexes": [], "vectorIndexes": [],        \
     "documentType": document}
#define CORDON_TABLE_WITH_STAGED(name, document, staged, ...)                                      \
    {"tableName": name, "indexes": [__VA_ARGS__], "stagedDbIndexes": staged, "searchIndexes": [],  \
     "vectorIndexes": [], "documentType": document}
#define CORDON_STAGED(...) [__VA_ARGS__]
#define CORDON_INDEX(name, ...) {"indexDescriptor": name, "fields": [__VA_ARGS__]}
#define CORDON_SCHEMA_(...)                                                                        \
    extern const char cordon_schema_stands_once;                                                   \
    const char cordon_schema_stands_once = 1;                                                      \
    CORDON_SECTION_("convex.schema", __VA_ARGS__)

/*
 * How the table works. A row is a tuple, whose tail is JSON. It is walked twice: for declarations
 * and exports, and for the metadata. The latter is quoted twice, for the string in the assembler
 * directive and for the string that directive is in, as only the assembler can make a custom
 * section. CORDON_UNROLL_ lets a list have 256 rows.
 */
#define CORDON_EXPORT_(kind, visibility, path, function, ...)                                      \
    cordon_value *function(void);                                                                  \
    __attribute__((export_name(path))) void cordon_run_##function(void);                           \
    void cordon_run_##function(void)                                                               \
    {                                                                                              \
        cordon_finish_(function());                                                                \
    }
#define CORDON_DESCRIBE_(kind, visibility, path, function, ...)                                    \
    {"path": path, "export": path, "kind": kind, "visibility": visibility, __VA_ARGS__}

#define CORDON_EACH_(macro, row, ...)                                                              \
    macro row __VA_OPT__(CORDON_EACH_LATER_ CORDON_NOTHING_ (macro, __VA_ARGS__))
#define CORDON_EACH_LATER_() CORDON_EACH_
#define CORDON_LIST_(row, ...)                                                                     \
    CORDON_DESCRIBE_ row __VA_OPT__(, CORDON_LIST_LATER_ CORDON_NOTHING_ (__VA_ARGS__))
#define CORDON_LIST_LATER_() CORDON_LIST_
#define CORDON_NOTHING_ ()

#define CORDON_UNROLL_(...)                                                                        \
    CORDON_UNROLL3_(CORDON_UNROLL3_(CORDON_UNROLL3_(CORDON_UNROLL3_(__VA_ARGS__))))
#define CORDON_UNROLL3_(...)                                                                       \
    CORDON_UNROLL2_(CORDON_UNROLL2_(CORDON_UNROLL2_(CORDON_UNROLL2_(__VA_ARGS__))))
#define CORDON_UNROLL2_(...)                                                                       \
    CORDON_UNROLL1_(CORDON_UNROLL1_(CORDON_UNROLL1_(CORDON_UNROLL1_(__VA_ARGS__))))
#define CORDON_UNROLL1_(...)                                                                       \
    CORDON_UNROLL0_(CORDON_UNROLL0_(CORDON_UNROLL0_(CORDON_UNROLL0_(__VA_ARGS__))))
#define CORDON_UNROLL0_(...) __VA_ARGS__

#define CORDON_SECTION_(name, ...)                                                                 \
    __asm__(".section .custom_section." name ",\"\",@\n"                                           \
            ".ascii " CORDON_QUOTE_TWICE_(__VA_ARGS__) "\n"                                        \
            ".text\n");
#define CORDON_QUOTE_TWICE_(...) CORDON_QUOTE_(#__VA_ARGS__)
#define CORDON_QUOTE_(text) #text

/* clang-format on */

/* Writes the result of a function; for the table. */
void cordon_finish_(const cordon_value *result);

/*
 * 9. The host calls, as sdk/abi.md describes them
 *
 * For what the functions above don't offer. A host call takes a range of memory and returns
 * status << 32 | length.
 */
#ifdef __wasm__
#define CORDON_IMPORT_(module, name) __attribute__((import_module(module), import_name(name)))
#else
#define CORDON_IMPORT_(module, name)
#endif

typedef int64_t cordon_host_call(const void *range, size_t size);

/*
 * A call that is none of Cordon's but of the program that has the library in it, for cordon_call():
 *
 *     CORDON_IMPORT("shop", "prices") cordon_host_call prices;
 */
#define CORDON_IMPORT(module, name) CORDON_IMPORT_(module, name)

CORDON_IMPORT_("convex/core", "input_read") cordon_host_call cordon_host_input_read;
CORDON_IMPORT_("convex/core", "reply_read") cordon_host_call cordon_host_reply_read;
CORDON_IMPORT_("convex/core", "output_write") cordon_host_call cordon_host_output_write;
CORDON_IMPORT_("convex/core", "fail") cordon_host_call cordon_host_fail;
CORDON_IMPORT_("convex/core", "log") cordon_host_call cordon_host_log;
CORDON_IMPORT_("convex/core", "random_fill") cordon_host_call cordon_host_random_fill;
CORDON_IMPORT_("convex/core", "now_ms") int64_t cordon_host_now_ms(void);
CORDON_IMPORT_("convex/core", "left") cordon_host_call cordon_host_left;
CORDON_IMPORT_("convex/core", "env_get") cordon_host_call cordon_host_env_get;
CORDON_IMPORT_("convex/core", "1.0/getUserIdentity")
cordon_host_call cordon_host_get_user_identity;
CORDON_IMPORT_("convex/db-read", "1.0/get") cordon_host_call cordon_host_get;
CORDON_IMPORT_("convex/db-read", "1.0/queryStream") cordon_host_call cordon_host_query_stream;
CORDON_IMPORT_("convex/db-read", "1.0/queryStreamNext")
cordon_host_call cordon_host_query_stream_next;
CORDON_IMPORT_("convex/db-read", "1.0/queryCleanup") cordon_host_call cordon_host_query_cleanup;
CORDON_IMPORT_("convex/db-read", "1.0/queryPage") cordon_host_call cordon_host_query_page;
CORDON_IMPORT_("convex/db-read", "1.0/db/normalizeId") cordon_host_call cordon_host_normalize_id;
CORDON_IMPORT_("convex/db-write", "1.0/insert") cordon_host_call cordon_host_insert;
CORDON_IMPORT_("convex/db-write", "1.0/shallowMerge") cordon_host_call cordon_host_shallow_merge;
CORDON_IMPORT_("convex/db-write", "1.0/replace") cordon_host_call cordon_host_replace;
CORDON_IMPORT_("convex/db-write", "1.0/remove") cordon_host_call cordon_host_remove;
CORDON_IMPORT_("convex/run", "1.0/runUdf") cordon_host_call cordon_host_run_udf;
CORDON_IMPORT_("convex/run", "1.0/actions/query") cordon_host_call cordon_host_action_query;
CORDON_IMPORT_("convex/run", "1.0/actions/mutation") cordon_host_call cordon_host_action_mutation;
CORDON_IMPORT_("convex/run", "1.0/actions/action") cordon_host_call cordon_host_action_action;
CORDON_IMPORT_("convex/effect", "crypto_random") cordon_host_call cordon_host_crypto_random;
CORDON_IMPORT_("convex/effect", "sleep") cordon_host_call cordon_host_sleep;

/*
 * Makes a host call that takes an object and has a reply. True: done, the reply is a value of the
 * call. False: refused, the reply is `{"code": "...", "message": "..."}`, and the run may go on.
 */
bool cordon_call(cordon_host_call *call, const cordon_value *argument, cordon_value **out_reply);

#ifdef __cplusplus
}
#endif

#endif
