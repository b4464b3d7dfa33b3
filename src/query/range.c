/* Ranges of indexes; see range.h. */
#include "query/range.h"

#include "value/id.h"
#include "value/printable.h"
#include "value/sortkey.h"

#include <stdio.h>

/* Fields of an index (Convex: 16), and what every index ends with. */
#define PARTS_MAX (64 + 2)

enum part_type { PART_FIELD, PART_TIME, PART_ID };

/* One part of an index's keys, and what the query says about it. */
struct part {
    enum part_type type;
    struct slice path;
    const struct query_bound *equal;
    const struct query_bound *lower;
    const struct query_bound *upper;
};

struct parts {
    struct part items[PARTS_MAX];
    size_t count;
};

static void add_part(struct parts *parts, enum part_type type, struct slice path)
{
    parts->items[parts->count++] = (struct part){.type = type, .path = path};
}

static void begin_parts(struct parts *parts, const struct query_index *index)
{
    CORDON_ASSERT(index->field_count <= PARTS_MAX - 2);
    parts->count = 0;
    for (size_t i = 0; i < index->field_count; i++) {
        add_part(parts, PART_FIELD, index->fields[i]);
    }
    if (!index->by_id) {
        add_part(parts, PART_TIME, SLICE("_creationTime"));
    }
    add_part(parts, PART_ID, SLICE("_id"));
}

/* -- What the conditions say ---------------------------------------------------------------- */

static struct part *find_part(struct parts *parts, struct slice path)
{
    for (size_t i = 0; i < parts->count; i++) {
        if (slice_equal(parts->items[i].path, path)) {
            return &parts->items[i];
        }
    }
    return NULL;
}

/* A list of fields for words: ["a", "b"]; cut where it is longer. */
struct field_list {
    char text[QUERY_FAULT_BYTES / 3];
    size_t size;
};

static void list_add(struct field_list *list, struct slice path)
{
    const int size = snprintf(
        list->text + list->size, sizeof list->text - list->size, "%s\"%s\"",
        list->size == 0 ? "" : ", ", printable(path).text);
    list->size += (size_t)size;
    if (list->size >= sizeof list->text) {
        list->size = sizeof list->text - 1;
    }
}

/* Convex does not show that each index ends with the id. */
static struct field_list fields_of(const struct parts *parts)
{
    struct field_list list = {.size = 0};
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].type != PART_ID || parts->count == 1) {
            list_add(&list, parts->items[i].path);
        }
    }
    return list;
}

static bool has_bounds(const struct part *part)
{
    return part->lower != NULL || part->upper != NULL;
}

static struct field_list fields_asked(const struct parts *parts)
{
    struct field_list list = {.size = 0};
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->items[i].equal != NULL || has_bounds(&parts->items[i])) {
            list_add(&list, parts->items[i].path);
        }
    }
    return list;
}

static bool defined_twice(const struct query_bound *bound, struct query_fault *fault)
{
    static const struct {
        const char *what;
        const char *sign;
    } ops[] = {
        [QUERY_EQ] = {"equality", "=="}, [QUERY_GT] = {"lower", ">"},
        [QUERY_GTE] = {"lower", ">="},   [QUERY_LT] = {"upper", "<"},
        [QUERY_LTE] = {"upper", "<="},
    };
    return query_fail(
        fault, "AlreadyDefinedBound",
        "Already defined %s bound in index range. Can't add \"%s\" %s %s.", ops[bound->op].what,
        printable(bound->path).text, ops[bound->op].sign, query_show_alone(&bound->value).text);
}

static bool add_bound(
    const struct query *query,
    struct parts *parts,
    const struct query_bound *bound,
    struct query_fault *fault)
{
    struct part *part = find_part(parts, bound->path);
    if (part == NULL) {
        return query_fail(
            fault, "FieldNotInIndex",
            "The index range included a comparison with \"%s\", but %.*s.%.*s with fields [%s] "
            "doesn't index this field.",
            printable(bound->path).text, SLICE_FMT(query->table), SLICE_FMT(query->index),
            fields_of(parts).text);
    }
    const bool is_lower = bound->op == QUERY_GT || bound->op == QUERY_GTE;
    const struct query_bound **place = bound->op == QUERY_EQ ? &part->equal
                                       : is_lower            ? &part->lower
                                                             : &part->upper;
    if (*place != NULL) {
        return defined_twice(bound, fault);
    }
    *place = bound;
    return true;
}

/* Equalities first, then one field with bounds, then nothing; `*out_equal` are the former. */
static bool check_shape(
    const struct query *query,
    const struct parts *parts,
    size_t *out_equal,
    struct query_fault *fault)
{
    size_t equal = 0;
    while (equal < parts->count && parts->items[equal].equal != NULL) {
        equal++;
    }
    const struct part *bounded = NULL;
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        const bool is_bounded = has_bounds(part);
        if (is_bounded && bounded != NULL) {
            return query_fail(
                fault, "BoundsOnMultipleFields",
                "Upper and lower bounds in `range` can only be applied to a single index field. "
                "This query against index %.*s.%.*s attempted to set a range bound on both "
                "\"%.*s\" and \"%.*s\". Consider using `filter` instead.",
                SLICE_FMT(query->table), SLICE_FMT(query->index), SLICE_FMT(bounded->path),
                SLICE_FMT(part->path));
        }
        bounded = is_bounded ? part : bounded;
        if ((part->equal != NULL && (i >= equal || is_bounded)) || (is_bounded && i != equal)) {
            return query_fail(
                fault, "InvalidIndexRange",
                "Tried to query index %.*s.%.*s but the query didn't use the index fields in "
                "order.\nIndex fields: [%s]\nQuery fields: [%s]\nFirst incorrect field: \"%.*s\"",
                SLICE_FMT(query->table), SLICE_FMT(query->index), fields_of(parts).text,
                fields_asked(parts).text, SLICE_FMT(part->path));
        }
    }
    *out_equal = equal;
    return true;
}

/* -- Keys ----------------------------------------------------------------------------------- */

/* Where the keys with a value of a part lie. */
enum place {
    PLACE_AT,      /* the part's bytes are in `out` */
    PLACE_BEFORE,  /* before every key of the part: no key has the value */
    PLACE_BEHIND,  /* the same, behind */
    PLACE_BETWEEN, /* no key has it, but the bytes of the next one up are in `out` */
};

static void store64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        at[i] = (uint8_t)number;
        number >>= 8;
    }
}

static enum place place_time(const struct value *value, uint8_t out[8])
{
    if (value->kind != VALUE_FLOAT64) {
        return value->kind < VALUE_FLOAT64 ? PLACE_BEFORE : PLACE_BEHIND;
    }
    uint64_t bits = 0;
    memcpy(&bits, &value->as.float64, sizeof bits);
    const uint64_t sign = (uint64_t)1 << 63;
    store64(out, (bits & sign) != 0 ? ~bits : bits | sign);
    return PLACE_AT;
}

/* The order of a text and the text of an id. */
static int compare_text(uint32_t table, const uint8_t internal[16], struct slice text)
{
    struct document_id id = {.table = table};
    memcpy(id.internal, internal, sizeof id.internal);
    char own[DOCUMENT_ID_TEXT_MAX + 1];
    const size_t size = document_id_encode(&id, own);
    return slice_compare(slice_of(own, size), text);
}

/*
 * Ids of a table sort as their texts do, so the place of any text among them is found by halving:
 * bit by bit the greatest id whose text is less, and then the next.
 */
static enum place place_id(uint32_t table, const struct value *value, uint8_t out[16])
{
    if (value->kind != VALUE_STRING) {
        return value->kind < VALUE_STRING ? PLACE_BEFORE : PLACE_BEHIND;
    }
    const struct slice text = value_slice(value);
    struct document_id id;
    if (document_id_decode(text, &id) && id.table == table) {
        memcpy(out, id.internal, sizeof id.internal);
        return PLACE_AT;
    }
    memset(out, 0, 16);
    if (compare_text(table, out, text) > 0) {
        return PLACE_BEFORE;
    }
    for (size_t bit = 0; bit < 128; bit++) {
        const uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
        out[bit / 8] |= mask;
        if (compare_text(table, out, text) > 0) {
            out[bit / 8] &= (uint8_t)~mask;
        }
    }
    size_t at = 16; /* the next one up */
    while (at > 0 && out[at - 1] == 0xff) {
        out[--at] = 0;
    }
    if (at == 0) {
        return PLACE_BEHIND;
    }
    out[at - 1]++;
    return PLACE_BETWEEN;
}

/* Appends the bytes of a part with that value. */
static bool write_part(
    const struct part *part,
    uint32_t table,
    const struct value *value,
    struct buffer *out,
    enum place *out_place,
    struct query_fault *fault)
{
    uint8_t bytes[16];
    cordon_error *error = NULL;
    *out_place = PLACE_AT;
    if (part->type == PART_FIELD) {
        error = sortkey_write(out, value);
    } else {
        const bool is_time = part->type == PART_TIME;
        *out_place = is_time ? place_time(value, bytes) : place_id(table, value, bytes);
        if (*out_place == PLACE_AT || *out_place == PLACE_BETWEEN) {
            error = buffer_append(out, slice_of(bytes, is_time ? 8 : 16));
        }
    }
    return error == NULL || query_fail_error(fault, error);
}

bool query_pass_prefix(struct buffer *key)
{
    while (key->size > 0 && key->data[key->size - 1] == 0xff) {
        key->size--;
    }
    if (key->size == 0) {
        return false;
    }
    key->data[key->size - 1]++;
    return true;
}

/* -- Ends ----------------------------------------------------------------------------------- */

struct ends {
    struct buffer *low;
    struct buffer *high;
    bool empty;
    bool open; /* the high end is that of the index */
};

/*
 * From the keys that have these values, the last of them that of `part`, to what is behind them. A
 * string's key ends in 00, and that of "a" begins the key of "a\0b" too, which has ff there; what
 * follows on a whole field is always less than that (value/sortkey.c).
 */
static bool pass_values(
    const struct part *part, struct buffer *key, bool *out_passed, struct query_fault *fault)
{
    *out_passed = true;
    if (part->type == PART_FIELD) {
        cordon_error *error = buffer_append_byte(key, UINT8_MAX);
        return error == NULL || query_fail_error(fault, error);
    }
    *out_passed = query_pass_prefix(key);
    return true;
}

/* What both ends begin with: the values of the equalities. */
static bool write_equal(
    const struct query_index *index,
    const struct parts *parts,
    size_t equal,
    struct ends *ends,
    struct query_fault *fault)
{
    for (size_t i = 0; i < equal; i++) {
        enum place place = PLACE_AT;
        const struct part *part = &parts->items[i];
        CORDON_ASSERT(part->equal != NULL);
        if (!write_part(part, index->table, &part->equal->value, ends->low, &place, fault)) {
            return false;
        }
        ends->empty = ends->empty || place != PLACE_AT;
    }
    cordon_error *error = buffer_append(ends->high, buffer_slice(ends->low));
    return error == NULL || query_fail_error(fault, error);
}

static bool write_low(
    const struct query_index *index,
    const struct part *part,
    struct ends *ends,
    struct query_fault *fault)
{
    enum place place = PLACE_AT;
    if (!write_part(part, index->table, &part->lower->value, ends->low, &place, fault)) {
        return false;
    }
    bool passed = place != PLACE_BEHIND;
    if (place == PLACE_AT && part->lower->op == QUERY_GT &&
        !pass_values(part, ends->low, &passed, fault)) {
        return false;
    }
    ends->empty = ends->empty || !passed;
    return true;
}

/* Behind all that has the values of the equalities; `last` is the last of them, NULL: none. */
static bool write_high_of_equal(
    const struct part *last, struct ends *ends, struct query_fault *fault)
{
    bool passed = false;
    if (last != NULL && !pass_values(last, ends->high, &passed, fault)) {
        return false;
    }
    ends->open = !passed;
    return true;
}

static bool write_high(
    const struct query_index *index,
    const struct part *part,
    const struct part *last_equal,
    struct ends *ends,
    struct query_fault *fault)
{
    enum place place = PLACE_BEHIND;
    if (part->upper != NULL &&
        !write_part(part, index->table, &part->upper->value, ends->high, &place, fault)) {
        return false;
    }
    if (place == PLACE_BEHIND) { /* nothing was written, and nothing is left out */
        return write_high_of_equal(last_equal, ends, fault);
    }
    bool passed = true;
    if (place == PLACE_AT && part->upper->op == QUERY_LTE &&
        !pass_values(part, ends->high, &passed, fault)) {
        return false;
    }
    ends->open = !passed;
    ends->empty = ends->empty || place == PLACE_BEFORE;
    return true;
}

bool query_range(
    const struct query *query,
    const struct query_index *index,
    struct buffer *low,
    struct buffer *high,
    bool *out_empty,
    struct query_fault *fault)
{
    struct parts parts;
    size_t equal = 0;
    begin_parts(&parts, index);
    for (size_t i = 0; i < query->bound_count; i++) {
        if (!add_bound(query, &parts, &query->bounds[i], fault)) {
            return false;
        }
    }
    if (!check_shape(query, &parts, &equal, fault)) {
        return false;
    }
    static const struct part unbounded = {.type = PART_FIELD};
    const struct part *bounded = equal < parts.count ? &parts.items[equal] : &unbounded;
    const struct part *last_equal = equal > 0 ? &parts.items[equal - 1] : NULL;
    struct ends ends = {.low = low, .high = high};
    if (!write_equal(index, &parts, equal, &ends, fault) ||
        (bounded->lower != NULL && !write_low(index, bounded, &ends, fault)) ||
        !write_high(index, bounded, last_equal, &ends, fault)) {
        return false;
    }
    if (ends.open) {
        buffer_clear(high);
    }
    *out_empty =
        ends.empty || (!ends.open && slice_compare(buffer_slice(low), buffer_slice(high)) >= 0);
    return true;
}
