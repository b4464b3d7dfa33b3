/*
 * The JSON reader: yyjson in front of our rules.
 *
 * yyjson turns a text into one flat array of 16-byte nodes without recursion, strictly by RFC 8259;
 * what it lacks is added here: a ceiling on memory, a limit of depth, and errors that say where.
 * Everything lies in at most two blocks: the document with its copy of the text (strings are
 * unescaped in that copy, in place), and the nodes, which for a short text fit into the first.
 *
 * How many nodes a text makes is not known beforehand: up to one for each byte. So memory can reach
 * 17 times the text while it is parsed, which is why the ceiling counts memory and not text, and an
 * account is charged as the nodes grow.
 */
#include "value/json.h"

#include "base/arena.h"

#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <yyjson.h>

/* Up to this size of text the nodes of a usual text have room in the document's own block. */
#define INLINE_TEXT_BYTES_MAX ((size_t)4096)

/* What yyjson asks for at first, in nodes: its header, and one for every six bytes of text. */
#define NODES_GUESSED(text_size) ((text_size) / 6 + 8)

struct json_doc {
    const yyjson_val *root;
    void *nodes;        /* a block of their own, NULL while they fit below */
    size_t nodes_bytes; /* of that block */
    size_t bytes;       /* of this block */
    size_t bytes_max;   /* of both */
    bool over;          /* the ceiling refused an allocation */
    struct account *account;
    size_t inside_bytes;
    alignas(16) uint8_t inside[]; /* room for nodes, then the text unless it lies in an arena */
};

static const yyjson_val *val_of(const struct json_node *node)
{
    return (const yyjson_val *)node;
}

static const struct json_node *node_of(const yyjson_val *val)
{
    return (const struct json_node *)val;
}

static bool is_container(const yyjson_val *val)
{
    const uint64_t type = val->tag & YYJSON_TYPE_MASK;
    return type == YYJSON_TYPE_ARR || type == YYJSON_TYPE_OBJ;
}

/* The first value behind `val` and all that is inside it. */
static const yyjson_val *behind(const yyjson_val *val)
{
    const size_t distance = is_container(val) ? val->uni.ofs : sizeof *val;
    return (const yyjson_val *)(const void *)((const char *)val + distance);
}

/* -- Memory for yyjson ---------------------------------------------------------------------- */

static void *nodes_resize(void *arg, void *old, size_t old_size, size_t size)
{
    struct json_doc *doc = arg;
    doc->over = size > doc->bytes_max - doc->bytes;
    if (doc->over) {
        return NULL;
    }
    void *nodes = account_realloc(doc->account, doc->nodes, doc->nodes_bytes, size);
    if (nodes == NULL) {
        return NULL;
    }
    if (doc->nodes == NULL && old != NULL) { /* they outgrew the room inside */
        memcpy(nodes, old, old_size);
    }
    doc->nodes = nodes;
    doc->nodes_bytes = size;
    return nodes;
}

static void *nodes_alloc(void *arg, size_t size)
{
    struct json_doc *doc = arg;
    return size <= doc->inside_bytes ? doc->inside : nodes_resize(doc, NULL, 0, size);
}

/* yyjson frees the nodes of a bad text; ours go with the document. */
static void nodes_free(void *arg, void *nodes)
{
    (void)arg;
    (void)nodes;
}

/* Gives back what was guessed too much. Nodes know each other by distance, so they may move. */
static void trim_nodes(struct json_doc *doc, const yyjson_doc *parsed)
{
    doc->root = parsed->root;
    if (doc->nodes == NULL) {
        return;
    }
    const size_t before_root = (size_t)((const char *)parsed->root - (const char *)parsed);
    const size_t used = before_root + parsed->val_read * sizeof(yyjson_val);
    uint8_t *nodes = account_realloc(doc->account, doc->nodes, doc->nodes_bytes, used);
    if (nodes != NULL) {
        doc->nodes = nodes;
        doc->nodes_bytes = used;
        doc->root = (const yyjson_val *)(const void *)(nodes + before_root);
    }
}

/* -- Errors --------------------------------------------------------------------------------- */

static cordon_error *bad_text(struct slice text, size_t at, const char *reason)
{
    size_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < at && i < text.size; i++) {
        if (text.data[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    return cordon_error_new(
        CORDON_E_BAD_JSON, "%s at byte %zu (line %zu, column %zu)", reason, at, line,
        at - line_start + 1);
}

/* Where a text that is known to be well formed opens its `depth`th container at once. */
static size_t find_depth(struct slice text, unsigned depth)
{
    bool in_string = false;
    unsigned open = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (in_string) {
            i += byte == '\\';
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            open++;
            if (open == depth) {
                return i;
            }
        } else if (byte == ']' || byte == '}') {
            open--;
        }
    }
    return text.size;
}

static bool within_depth(const yyjson_val *root, size_t count, unsigned depth_max)
{
    const yyjson_val *ends[JSON_DEPTH_MAX]; /* of the containers that are open */
    unsigned depth = 0;
    for (const yyjson_val *val = root; val < root + count; val++) {
        while (depth > 0 && val == ends[depth - 1]) {
            depth--;
        }
        if (!is_container(val)) {
            continue;
        }
        if (depth == depth_max) {
            return false;
        }
        ends[depth] = behind(val);
        depth++;
    }
    return true;
}

/* -- Parsing -------------------------------------------------------------------------------- */

/* Parses `copy`, which has the padding behind it, in place; `text` is the original, for errors. */
static cordon_error *parse(struct json_doc *doc, char *copy, struct slice text, unsigned depth_max)
{
    const yyjson_alc memory = {nodes_alloc, nodes_resize, nodes_free, doc};
    yyjson_read_err failure = {0};
    const yyjson_doc *parsed =
        yyjson_read_opts(copy, text.size, YYJSON_READ_INSITU, &memory, &failure);
    if (parsed == NULL && failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return doc->over ? cordon_error_new(
                               CORDON_E_TOO_LARGE,
                               "a JSON text of %zu bytes takes more than %zu bytes of memory",
                               text.size, doc->bytes_max)
                         : account_error(doc->account);
    }
    if (parsed == NULL) {
        return bad_text(text, failure.pos, failure.msg);
    }
    if (!within_depth(parsed->root, parsed->val_read, depth_max)) {
        char reason[64];
        (void)snprintf(reason, sizeof reason, "nested more than %u levels deep", depth_max);
        return bad_text(text, find_depth(text, depth_max + 1), reason);
    }
    trim_nodes(doc, parsed);
    return NULL;
}

/* In `*doc`, if it is there and has room; what it has more is room for nodes. */
static cordon_error *new_doc(
    struct slice text, const struct json_limits *limits, size_t extra, struct json_doc **doc)
{
    CORDON_ASSERT(limits->depth_max <= JSON_DEPTH_MAX);
    if (text.size == 0) {
        return cordon_error_new(CORDON_E_BAD_JSON, "the text is empty where JSON is expected");
    }
    const size_t inside =
        text.size > INLINE_TEXT_BYTES_MAX ? 0 : NODES_GUESSED(text.size) * sizeof(yyjson_val);
    const size_t bytes = sizeof(struct json_doc) + inside + extra;
    if (extra > SIZE_MAX / 2 || bytes > limits->bytes_max) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "a JSON text of %zu bytes takes more than %zu bytes of memory",
            text.size, limits->bytes_max);
    }
    const bool fits = *doc != NULL && (*doc)->bytes >= bytes && (*doc)->nodes == NULL;
    if (!fits) {
        json_freep(doc);
        *doc = account_realloc(limits->account, NULL, 0, bytes);
        if (*doc == NULL) {
            return account_error(limits->account);
        }
        (*doc)->bytes = bytes;
    }
    **doc = (struct json_doc){
        .bytes = (*doc)->bytes,
        .bytes_max = limits->bytes_max,
        .account = limits->account,
        .inside_bytes = inside,
    };
    return NULL;
}

cordon_error *json_parse(
    struct slice text, const struct json_limits *limits, struct json_doc **out_doc)
{
    struct json_doc *doc = NULL;
    TRY(json_parse_again(text, limits, &doc));
    *out_doc = doc;
    return NULL;
}

cordon_error *json_parse_again(
    struct slice text, const struct json_limits *limits, struct json_doc **in_out_doc)
{
    CORDON_CLEANUP(json_freep) struct json_doc *doc = CORDON_TAKE(*in_out_doc);
    TRY(new_doc(text, limits, text.size + YYJSON_PADDING_SIZE, &doc));
    char *copy = (char *)doc->inside + doc->inside_bytes;
    memcpy(copy, text.data, text.size);
    memset(copy + text.size, 0, YYJSON_PADDING_SIZE);
    TRY(parse(doc, copy, text, limits->depth_max));
    *in_out_doc = CORDON_TAKE(doc);
    return NULL;
}

cordon_error *json_parse_in_arena(
    struct slice text,
    const struct json_limits *limits,
    struct arena *arena,
    struct json_doc **out_doc)
{
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(new_doc(text, limits, 0, &doc));
    char *copy = arena_alloc(arena, text.size + YYJSON_PADDING_SIZE);
    if (copy == NULL) {
        return arena_error(arena);
    }
    memcpy(copy, text.data, text.size);
    TRY(parse(doc, copy, text, limits->depth_max));
    *out_doc = CORDON_TAKE(doc);
    return NULL;
}

void json_free(struct json_doc *doc)
{
    if (doc != NULL) {
        struct account *account = doc->account;
        account_free(account, doc->nodes, doc->nodes_bytes);
        account_free(account, doc, doc->bytes);
    }
}

size_t json_doc_bytes(const struct json_doc *doc)
{
    return doc == NULL ? 0 : doc->bytes + doc->nodes_bytes;
}

/* -- Asking --------------------------------------------------------------------------------- */

const struct json_node *json_root(const struct json_doc *doc)
{
    return doc == NULL ? NULL : node_of(doc->root);
}

enum json_kind json_kind(const struct json_node *node)
{
    static const uint8_t kinds[8] = {
        [YYJSON_TYPE_NULL] = JSON_NULL,  [YYJSON_TYPE_BOOL] = JSON_BOOL,
        [YYJSON_TYPE_NUM] = JSON_NUMBER, [YYJSON_TYPE_STR] = JSON_STRING,
        [YYJSON_TYPE_ARR] = JSON_ARRAY,  [YYJSON_TYPE_OBJ] = JSON_OBJECT,
    };
    return node == NULL ? JSON_MISSING : (enum json_kind)kinds[val_of(node)->tag & 7];
}

const struct json_node *json_get(const struct json_node *object, struct slice name)
{
    const struct json_node *found = NULL;
    struct json_walk walk = json_walk_fields(object);
    struct slice key;
    for (const struct json_node *node; (node = json_next_field(&walk, &key)) != NULL;) {
        if (slice_equal(key, name)) {
            found = node;
        }
    }
    return found;
}

const struct json_node *json_at(const struct json_node *array, size_t index)
{
    if (json_kind(array) != JSON_ARRAY) {
        return NULL;
    }
    /* yyjson's readers take and give non-const pointers and change nothing. */
    return node_of(yyjson_arr_get((yyjson_val *)(uintptr_t)array, index));
}

size_t json_count(const struct json_node *container)
{
    const enum json_kind kind = json_kind(container);
    return kind == JSON_ARRAY || kind == JSON_OBJECT
               ? (size_t)(val_of(container)->tag >> YYJSON_TAG_BIT)
               : 0;
}

static struct slice string_of(const yyjson_val *val)
{
    return slice_of(val->uni.str, (size_t)(val->tag >> YYJSON_TAG_BIT));
}

struct slice json_string(const struct json_node *node)
{
    return json_kind(node) == JSON_STRING ? string_of(val_of(node)) : (struct slice){0};
}

bool json_is_true(const struct json_node *node)
{
    return json_kind(node) == JSON_BOOL &&
           (val_of(node)->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE;
}

double json_number(const struct json_node *node)
{
    if (json_kind(node) != JSON_NUMBER) {
        return 0;
    }
    const yyjson_val *val = val_of(node);
    switch (val->tag & YYJSON_SUBTYPE_MASK) {
    case YYJSON_SUBTYPE_REAL:
        return val->uni.f64;
    case YYJSON_SUBTYPE_SINT: /* written with a minus, so a zero is -0 */
        return val->uni.i64 == 0 ? -0.0 : (double)val->uni.i64;
    default:
        return (double)val->uni.u64;
    }
}

/* Splits a whole number into sign and size; false if it is none or does not fit 64 bits. */
static bool whole(const struct json_node *node, bool *out_negative, uint64_t *out_size)
{
    if (json_kind(node) != JSON_NUMBER) {
        return false;
    }
    const yyjson_val *val = val_of(node);
    if ((val->tag & YYJSON_SUBTYPE_MASK) != YYJSON_SUBTYPE_REAL) {
        *out_negative = (val->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_SINT;
        *out_size = *out_negative ? 0 - val->uni.u64 : val->uni.u64;
        return true;
    }
    const double size = fabs(val->uni.f64);
    if (size >= 0x1p64 || size != floor(size)) {
        return false;
    }
    *out_negative = val->uni.f64 < 0;
    *out_size = (uint64_t)size;
    return true;
}

bool json_i64(const struct json_node *node, int64_t *out_number)
{
    bool negative = false;
    uint64_t size = 0;
    if (!whole(node, &negative, &size) || size > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *out_number = (int64_t)(negative ? 0 - size : size);
    return true;
}

bool json_u64(const struct json_node *node, uint64_t *out_number)
{
    bool negative = false;
    uint64_t size = 0;
    if (!whole(node, &negative, &size) || (negative && size > 0)) {
        return false;
    }
    *out_number = size;
    return true;
}

/* -- Walking -------------------------------------------------------------------------------- */

static struct json_walk walk_over(const struct json_node *node, enum json_kind kind)
{
    if (json_kind(node) != kind) {
        return (struct json_walk){0};
    }
    return (struct json_walk){.next = node_of(val_of(node) + 1), .left = json_count(node)};
}

struct json_walk json_walk_items(const struct json_node *array)
{
    return walk_over(array, JSON_ARRAY);
}

struct json_walk json_walk_fields(const struct json_node *object)
{
    return walk_over(object, JSON_OBJECT);
}

const struct json_node *json_next_item(struct json_walk *walk)
{
    if (walk->left == 0) {
        return NULL;
    }
    const struct json_node *item = walk->next;
    walk->next = node_of(behind(val_of(item)));
    walk->left--;
    return item;
}

const struct json_node *json_next_field(struct json_walk *walk, struct slice *out_name)
{
    if (walk->left == 0) {
        return NULL;
    }
    const yyjson_val *key = val_of(walk->next);
    *out_name = string_of(key);
    walk->next = node_of(key + 1);
    return json_next_item(walk);
}
