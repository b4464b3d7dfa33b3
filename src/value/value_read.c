/*
 * Reading values out of JSON, with Convex's checks.
 *
 * One recursive pass makes the tree and measures it. It may go as deep as the JSON reader allows
 * (JSON_DEPTH_MAX), so that an error can say how deep a value really is, and only then compares
 * with VALUE_NESTING_MAX. Strings are borrowed from the document; everything else is in the arena.
 */
#include "value/value.h"

#include "value/base64.h"
#include "value/json.h"
#include "value/name.h"
#include "value/value_error.h"

/* Where `{"$undefined":null}` may stand. */
enum undefined { UNDEFINED_NOWHERE, UNDEFINED_HERE, UNDEFINED_IN_FIELDS };

/* `*size` grows by the size of the value. */
static cordon_error *read_value(
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    size_t *size,
    struct value *out_value);

/* -- Objects that stand for something else -------------------------------------------------- */

/* The bytes behind `$integer`, `$float` or `$bytes`, in the arena. */
static cordon_error *decode(
    const struct json_node *node, const char *key, struct arena *arena, struct slice *out_bytes)
{
    if (json_kind(node) != JSON_STRING) {
        return cordon_error_new(CORDON_E_BAD_VALUE, "`%s` takes a base64 string", key);
    }
    const struct slice text = json_string(node);
    uint8_t *bytes = arena_alloc(arena, base64_decoded_size_max(text.size));
    if (bytes == NULL) {
        return arena_error(arena);
    }
    size_t size = 0;
    if (!base64_decode(text, BASE64_STANDARD, bytes, &size)) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE,
            "`%s` holds a string that is not canonical base64; encode it as RFC 4648 does, with "
            "padding",
            key);
    }
    *out_bytes = slice_of(bytes, size);
    return NULL;
}

static cordon_error *decode_u64(
    const struct json_node *node, const char *key, struct arena *arena, uint64_t *out_number)
{
    struct slice bytes;
    TRY(decode(node, key, arena, &bytes));
    if (bytes.size != 8) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "`%s` takes 8 bytes in base64, got %zu", key, bytes.size);
    }
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        number |= (uint64_t)bytes.data[i] << (8 * i);
    }
    *out_number = number;
    return NULL;
}

static cordon_error *read_float(
    const struct json_node *node, struct arena *arena, struct value *out_value)
{
    uint64_t bits = 0;
    TRY(decode_u64(node, "$float", arena, &bits));
    double number = 0;
    memcpy(&number, &bits, sizeof number);
    if (!value_float_is_special(number)) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "`$float` is only for NaN, the infinities and -0: write a number");
    }
    *out_value = value_float64(number);
    return NULL;
}

/* The one field of an object whose name begins with `$`. */
static cordon_error *read_tagged(
    struct slice key,
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    struct value *out_value)
{
    if (slice_equal(key, SLICE("$integer"))) {
        uint64_t number = 0;
        TRY(decode_u64(node, "$integer", arena, &number));
        *out_value = value_int64((int64_t)number);
        return NULL;
    }
    if (slice_equal(key, SLICE("$float"))) {
        return read_float(node, arena, out_value);
    }
    if (slice_equal(key, SLICE("$bytes"))) {
        struct slice bytes;
        TRY(decode(node, "$bytes", arena, &bytes));
        if (bytes.size > VALUE_SIZE_MAX) {
            return value_too_large(bytes.size + 2, VALUE_SIZE_MAX);
        }
        *out_value = value_bytes(bytes);
        return NULL;
    }
    if (undefined == UNDEFINED_HERE && slice_equal(key, SLICE("$undefined")) &&
        json_kind(node) == JSON_NULL) {
        *out_value = (struct value){.kind = VALUE_UNDEFINED};
        return NULL;
    }
    return name_check_field(key);
}

/* -- Ordinary objects ----------------------------------------------------------------------- */

/*
 * By name; of one name's fields the last in the text comes last. Unescaping happens in place, so
 * the address of a name says where in the text it stood, and no two fields ever compare equal.
 */
static int compare_fields(const struct value_field *a, const struct value_field *b)
{
    const int order = slice_compare(a->name, b->name);
    return order != 0 ? order : (a->name.data > b->name.data) - (a->name.data < b->name.data);
}

static void sift_down(struct value_field *fields, size_t root, size_t count)
{
    const struct value_field moved = fields[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare_fields(&fields[child], &fields[child + 1]) < 0) {
            child++;
        }
        if (compare_fields(&moved, &fields[child]) >= 0) {
            break;
        }
        fields[root] = fields[child];
        root = child;
    }
    fields[root] = moved;
}

/* Heap sort: in place, without recursion, and no order of the input makes it slow. */
static void sort_fields(struct value_field *fields, size_t count)
{
    for (size_t root = count / 2; root > 0; root--) {
        sift_down(fields, root - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        const struct value_field largest = fields[0];
        fields[0] = fields[end - 1];
        fields[end - 1] = largest;
        sift_down(fields, 0, end - 1);
    }
}

/* Keeps the last of each run of equal names; returns how many are left. */
static size_t drop_repeated(struct value_field *fields, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && slice_equal(fields[i].name, fields[i + 1].name)) {
            continue;
        }
        fields[kept] = fields[i];
        kept++;
    }
    return kept;
}

/* Sorts and makes unique. Our own writer sorts, so most objects are in order already. */
static size_t order_fields(struct value_field *fields, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (slice_compare(fields[i - 1].name, fields[i].name) >= 0) {
            sort_fields(fields, count);
            return drop_repeated(fields, count);
        }
    }
    return count;
}

static cordon_error *read_object(
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    size_t *size,
    struct value *out_value)
{
    const size_t count = json_count(node);
    if (count > VALUE_OBJECT_FIELDS_MAX) {
        return value_too_many_fields(count);
    }
    struct value_field *fields = NULL;
    if (count > 0) {
        fields = arena_alloc(arena, count * sizeof *fields);
        if (fields == NULL) {
            return arena_error(arena);
        }
    }
    const enum undefined below =
        undefined == UNDEFINED_IN_FIELDS ? UNDEFINED_HERE : UNDEFINED_NOWHERE;
    struct json_walk walk = json_walk_fields(node);
    for (size_t i = 0; i < count; i++) {
        const struct json_node *child = json_next_field(&walk, &fields[i].name);
        TRY(name_check_field(fields[i].name));
        TRY(read_value(child, below, arena, size, &fields[i].value));
        *size += fields[i].name.size + 1;
    }
    *size += 2;
    *out_value = value_object(fields, order_fields(fields, count));
    return NULL;
}

static cordon_error *read_object_or_tagged(
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    size_t *size,
    struct value *out_value)
{
    if (json_count(node) == 1) {
        struct json_walk walk = json_walk_fields(node);
        struct slice key;
        const struct json_node *child = json_next_field(&walk, &key);
        if (key.size > 0 && key.data[0] == '$') {
            TRY(read_tagged(key, child, undefined, arena, out_value));
            *size += value_size(out_value);
            return NULL;
        }
    }
    return read_object(node, undefined, arena, size, out_value);
}

static cordon_error *read_array(
    const struct json_node *node, struct arena *arena, size_t *size, struct value *out_value)
{
    const size_t count = json_count(node);
    if (count > VALUE_ARRAY_ITEMS_MAX) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "Array length is too long (%zu > maximum length %d)", count,
            VALUE_ARRAY_ITEMS_MAX);
    }
    struct value *items = NULL;
    if (count > 0) {
        items = arena_alloc(arena, count * sizeof *items);
        if (items == NULL) {
            return arena_error(arena);
        }
    }
    struct json_walk walk = json_walk_items(node);
    for (size_t i = 0; i < count; i++) {
        TRY(read_value(json_next_item(&walk), UNDEFINED_NOWHERE, arena, size, &items[i]));
    }
    *size += 2;
    *out_value = value_array(items, count);
    return NULL;
}

static cordon_error *read_value(
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    size_t *size,
    struct value *out_value)
{
    switch (json_kind(node)) {
    case JSON_MISSING:
        return cordon_error_new(CORDON_E_BAD_VALUE, "there is no value; give one, or null");
    case JSON_NULL:
        *out_value = value_null();
        break;
    case JSON_BOOL:
        *out_value = value_bool(json_is_true(node));
        break;
    case JSON_NUMBER:
        *out_value = value_float64(json_number(node));
        break;
    case JSON_STRING:
        if (json_string(node).size > VALUE_SIZE_MAX) {
            return value_too_large(json_string(node).size + 2, VALUE_SIZE_MAX);
        }
        *out_value = value_string(json_string(node));
        break;
    case JSON_ARRAY:
        return read_array(node, arena, size, out_value);
    case JSON_OBJECT:
        return read_object_or_tagged(node, undefined, arena, size, out_value);
    }
    *size += value_size(out_value);
    return NULL;
}

/* -- The way in ----------------------------------------------------------------------------- */

static cordon_error *read_whole(
    const struct json_node *node,
    enum undefined undefined,
    struct arena *arena,
    struct value *out_value)
{
    size_t size = 0;
    struct value value = {0};
    TRY(read_value(node, undefined, arena, &size, &value));
    if (value.nesting > VALUE_NESTING_MAX) {
        return value_too_nested(value.nesting, VALUE_NESTING_MAX);
    }
    if (size > VALUE_SIZE_MAX) {
        return value_too_large(size, VALUE_SIZE_MAX);
    }
    *out_value = value;
    return NULL;
}

cordon_error *value_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_value)
{
    return read_whole(node, UNDEFINED_NOWHERE, arena, out_value);
}

cordon_error *value_or_undefined_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_value)
{
    return read_whole(node, UNDEFINED_HERE, arena, out_value);
}

cordon_error *value_patch_from_json(
    const struct json_node *node, struct arena *arena, struct value *out_patch)
{
    struct value patch;
    TRY(read_whole(node, UNDEFINED_IN_FIELDS, arena, &patch));
    if (patch.kind != VALUE_OBJECT) {
        return cordon_error_new(CORDON_E_BAD_VALUE, "Value must be an Object");
    }
    *out_patch = patch;
    return NULL;
}

cordon_error *value_parse(struct slice text, struct arena *arena, struct value *out_value)
{
    const struct json_limits limits = {
        .bytes_max = arena->bytes_max - arena->bytes,
        .depth_max = JSON_DEPTH_MAX,
        .account = arena->account,
    };
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse_in_arena(text, &limits, arena, &doc));
    return value_from_json(json_root(doc), arena, out_value);
}
