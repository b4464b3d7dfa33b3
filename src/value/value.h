/*
 * Convex values: the data model that arguments, results and documents share.
 *
 * The form in which values are kept, compared for equality and handed to guests is *canonical
 * encoded JSON*: object fields sorted by the bytes of their names, no white space, numbers as
 * ECMAScript prints them, Int64 as {"$integer": base64}, bytes as {"$bytes": base64}, and the four
 * floats that JSON lacks (NaN, both infinities, -0) as {"$float": base64}. Equal values have equal
 * texts. The tree below is what a text is turned into where somebody has to look inside.
 *
 * A value is immutable. It is 16 bytes and is copied by assignment; what it points to lives in an
 * arena (or in the JSON document it was read from) and is shared, never owned.
 *
 * What makes a text no value, and the words for it, are Convex's: an array longer than 8192, an
 * object with more than 1024 fields or a bad field name, nesting over 64, size over 32 MiB, an
 * unknown `$` object, base64 that is not canonical, an ordinary float inside `$float`.
 */
#ifndef VALUE_VALUE_H
#define VALUE_VALUE_H

#include "base/arena.h"
#include "base/buffer.h"

#include <math.h>

struct json_node;
struct value_field;

/* In the order in which values of different types sort. */
enum value_kind {
    VALUE_UNDEFINED, /* the absence of a value: in index ranges, filters and patches only */
    VALUE_NULL,
    VALUE_INT64,
    VALUE_FLOAT64,
    VALUE_BOOL,
    VALUE_STRING,
    VALUE_BYTES,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

struct value {
    enum value_kind kind : 8;
    unsigned nesting : 24; /* 0 for a scalar, else 1 + that of the deepest item */
    uint32_t count;        /* bytes of a string or bytes, items of an array, fields of an object */
    union {
        int64_t int64;
        double float64;
        bool boolean;
        const uint8_t *bytes;             /* VALUE_STRING (valid UTF-8), VALUE_BYTES */
        const struct value *items;        /* VALUE_ARRAY */
        const struct value_field *fields; /* VALUE_OBJECT: sorted by name, each name once */
    } as;
};

struct value_field {
    struct slice name;
    struct value value;
};

#define VALUE_NESTING_MAX 64
#define VALUE_SIZE_MAX ((size_t)32 << 20)
#define VALUE_ARRAY_ITEMS_MAX 8192
#define VALUE_OBJECT_FIELDS_MAX 1024

/* -- Making values -------------------------------------------------------------------------- */

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_int64(int64_t number)
{
    return (struct value){.kind = VALUE_INT64, .as.int64 = number};
}

static inline struct value value_float64(double number)
{
    return (struct value){.kind = VALUE_FLOAT64, .as.float64 = number};
}

static inline struct value value_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .as.boolean = boolean};
}

/* The bytes are borrowed and at most VALUE_SIZE_MAX; a string must be valid UTF-8. */
static inline struct value value_string(struct slice string)
{
    return (struct value){
        .kind = VALUE_STRING, .count = (uint32_t)string.size, .as.bytes = string.data};
}

static inline struct value value_bytes(struct slice bytes)
{
    return (struct value){
        .kind = VALUE_BYTES, .count = (uint32_t)bytes.size, .as.bytes = bytes.data};
}

/* The items or fields are borrowed; fields must be sorted by name, each name once. */
struct value value_array(const struct value *items, size_t count);
struct value value_object(const struct value_field *fields, size_t count);

/* True for the four floats that a JSON number can't be: NaN, both infinities, -0. */
static inline bool value_float_is_special(double number)
{
    return !isfinite(number) || (number == 0 && signbit(number));
}

/* -- Looking inside ------------------------------------------------------------------------- */

/* The bytes of a string or of bytes. */
static inline struct slice value_slice(const struct value *value)
{
    return (struct slice){value->as.bytes, value->count};
}

/* The field of that name, or NULL if there is none or no object. */
const struct value *value_field(const struct value *object, struct slice name);

/*
 * The value at a path of field names joined by dots, such as "author.name"; NULL where it leads
 * nowhere, which indexes and filters take for VALUE_UNDEFINED.
 */
const struct value *value_at(const struct value *object, struct slice path);

/*
 * The size that all of Convex's byte limits count: null, boolean 1; int, float 9; string, bytes
 * 2 + length; array 2 + items; object 2 + (name + 1 + value) of each field.
 */
size_t value_size(const struct value *value);

static inline unsigned value_nesting(const struct value *value)
{
    return value->nesting;
}

/*
 * The order of indexes and filters, total over all values: by type first; floats in IEEE total
 * order, so that -0 < 0 and NaNs have their place; strings by UTF-8 bytes; arrays and objects item
 * by item. Negative, zero or positive.
 */
int value_compare(const struct value *a, const struct value *b);

static inline bool value_equal(const struct value *a, const struct value *b)
{
    return value_compare(a, b) == 0;
}

/* The name of a value's type as Convex's error texts have it: "Int64", "String", ... Static. */
const char *value_kind_name(enum value_kind kind);

/* -- Reading -------------------------------------------------------------------------------- */
/*
 * Errors of all four: CORDON_E_BAD_VALUE, CORDON_E_VALUE_TOO_LARGE, CORDON_E_TOO_NESTED,
 * CORDON_E_TOO_MANY_FIELDS with Convex's words; CORDON_E_TOO_LARGE when the arena is full;
 * CORDON_E_NO_MEMORY.
 */

/* Reads encoded JSON. The value borrows nothing from `text`. Errors: also CORDON_E_BAD_JSON. */
CORDON_MUST_USE cordon_error *value_parse(
    struct slice text, struct arena *arena, struct value *out_value);

/*
 * Takes a value out of a JSON document. Strings are borrowed from the document, so the value lives
 * as long as the shorter-lived of document and arena.
 */
CORDON_MUST_USE cordon_error *value_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_value);

/* As value_from_json(), but {"$undefined":null} gives VALUE_UNDEFINED: for index ranges. */
CORDON_MUST_USE cordon_error *value_or_undefined_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_value);

/*
 * As value_from_json() for an object whose own fields may be {"$undefined":null}; it is the second
 * argument of value_merge() and nothing else. Anything but an object is CORDON_E_BAD_VALUE.
 */
CORDON_MUST_USE cordon_error *value_patch_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_patch);

/* -- Writing -------------------------------------------------------------------------------- */
/* Errors are those of buffer_append(). On failure the buffer may hold a part of the text. */

/* Canonical encoded JSON. VALUE_UNDEFINED is written {"$undefined":null}. */
CORDON_MUST_USE cordon_error *value_write_encoded(struct buffer *buffer, const struct value *value);

/*
 * Clean JSON (format `json`), for clients without Convex's codec: Int64 as a decimal string, bytes
 * as base64, NaN and the infinities as strings. It can't be read back without loss.
 */
CORDON_MUST_USE cordon_error *value_write_clean(struct buffer *buffer, const struct value *value);

/*
 * For error texts: {name: "x", count: 1.0}, cut after VALUE_DISPLAY_CHARS_MAX characters with the
 * mark "[...truncated]".
 */
#define VALUE_DISPLAY_CHARS_MAX 16384
CORDON_MUST_USE cordon_error *value_write_display(struct buffer *buffer, const struct value *value);

/* A number of bytes as Convex's texts have it: "17 B", "1.03 MiB", "16 MiB". */
#define VALUE_SIZE_TEXT_BYTES 32
void value_size_text(uint64_t bytes, char out_text[VALUE_SIZE_TEXT_BYTES]);

#endif
