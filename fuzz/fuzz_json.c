/*
 * JSON from any bytes: refused with words, or a tree that can be walked, written and read again
 * with the same text; the same by each of the reader's three doors. Ceilings on memory hold
 * whatever the text is. The bytes as a string, and what a tree holds as members, come back whole.
 */
#include "base/arena.h"
#include "value/json.h"
#include "value/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT_MAX 64 /* items asked for by index: each costs a walk up to it */

/* Asks every question of every node; returns how many nodes there are. */
static size_t walk(const struct json_node *node)
{
    size_t count = 1;
    int64_t number = 0;
    uint64_t size = 0;
    CORDON_ASSERT(utf8_valid(json_string(node)));
    CORDON_ASSERT(!json_i64(node, &number) || (double)number == json_number(node));
    CORDON_ASSERT(!json_u64(node, &size) || (double)size == json_number(node));
    struct json_walk items = json_walk_items(node);
    size_t index = 0;
    for (const struct json_node *item; (item = json_next_item(&items)) != NULL; index++) {
        CORDON_ASSERT(index >= AT_MAX || json_at(node, index) == item);
        count += walk(item);
    }
    CORDON_ASSERT(json_at(node, index) == NULL);
    struct json_walk fields = json_walk_fields(node);
    struct slice name;
    for (const struct json_node *field; (field = json_next_field(&fields, &name)) != NULL;) {
        CORDON_ASSERT(utf8_valid(name));
        CORDON_ASSERT(json_get(node, name) != NULL);
        count += walk(field);
    }
    return count;
}

/* The slow way: each name of each object asks for the last of its kind. */
static bool has_repeated(const struct json_node *node)
{
    bool repeated = false;
    struct json_walk items = json_walk_items(node);
    for (const struct json_node *item; (item = json_next_item(&items)) != NULL;) {
        repeated = repeated || has_repeated(item);
    }
    struct json_walk fields = json_walk_fields(node);
    struct slice name;
    for (const struct json_node *field; (field = json_next_field(&fields, &name)) != NULL;) {
        repeated = repeated || json_get(node, name) != field || has_repeated(field);
    }
    return repeated;
}

static void check_repeated(const struct json_node *root)
{
    bool found = false;
    struct slice name = {0};
    cordon_error *error = json_find_repeated(root, &found, &name);
    CORDON_ASSERT(error == NULL);
    CORDON_ASSERT(found == has_repeated(root));
    CORDON_ASSERT(!found || name.data != NULL);
}

static struct json_doc *parse(struct slice text, size_t bytes_max)
{
    const struct json_limits limits = {.bytes_max = bytes_max, .depth_max = 64};
    struct json_doc *doc = NULL;
    cordon_error *error = json_parse(text, &limits, &doc);
    CORDON_ASSERT((error == NULL) != (doc == NULL));
    CORDON_ASSERT(json_doc_bytes(doc) <= bytes_max);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
        cordon_error_free(error);
    }
    return doc;
}

static void write(struct buffer *buffer, const struct json_doc *doc)
{
    cordon_error *error = json_write_node(buffer, json_root(doc));
    CORDON_ASSERT(error == NULL);
}

/* The other doors see what json_parse() saw: one with memory of before, one with the caller's. */
static void check_doors(struct slice text, struct slice written)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = 64};
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, SIZE_MAX);
    CORDON_CLEANUP(json_freep) struct json_doc *borrowed = NULL;
    CORDON_CLEANUP(json_freep) struct json_doc *again =
        parse(SLICE("[{\"before\":[0]}]"), SIZE_MAX);
    cordon_error *by_arena = json_parse_in_arena(text, &limits, &arena, &borrowed);
    cordon_error *by_again = json_parse_again(text, &limits, &again);
    CORDON_ASSERT((by_arena == NULL) == (written.size > 0));
    CORDON_ASSERT((by_again == NULL) == (written.size > 0));
    cordon_error_free(by_arena);
    cordon_error_free(by_again);
    if (written.size > 0) {
        CORDON_CLEANUP_BUFFER struct buffer same;
        buffer_init(&same, SIZE_MAX);
        write(&same, borrowed);
        write(&same, again);
        CORDON_ASSERT(same.size == 2 * written.size);
        CORDON_ASSERT(slice_equal(slice_of(same.data, written.size), written));
        CORDON_ASSERT(slice_equal(slice_of(same.data + written.size, written.size), written));
    }
}

/* Members of any bytes and numbers: the string as it was where it is UTF-8, else mended. */
static void check_members(struct slice bytes)
{
    uint64_t number = 0;
    memcpy(&number, bytes.data, bytes.size < sizeof number ? bytes.size : sizeof number);
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    cordon_error *error = buffer_append(&text, SLICE("{"));
    error = error != NULL ? error : json_write_member_u64(&text, "number", number);
    error = error != NULL ? error : json_write_member_bool(&text, "odd", number % 2 == 1);
    error = error != NULL ? error : json_write_member_string(&text, "string", bytes);
    error = error != NULL ? error : json_write_key(&text, SLICE("hundredths"));
    error = error != NULL ? error : json_write_decimal(&text, number, 100);
    error = error != NULL ? error : buffer_append(&text, SLICE("}"));
    CORDON_ASSERT(error == NULL);
    CORDON_CLEANUP(json_freep) struct json_doc *doc = parse(buffer_slice(&text), SIZE_MAX);
    CORDON_ASSERT(doc != NULL);
    const struct json_node *root = json_root(doc);
    CORDON_ASSERT(json_count(root) == 4);
    CORDON_ASSERT(json_number(json_get(root, SLICE("number"))) == (double)number);
    CORDON_ASSERT(json_is_true(json_get(root, SLICE("odd"))) == (number % 2 == 1));
    const double hundredths = json_number(json_get(root, SLICE("hundredths")));
    CORDON_ASSERT(number > (UINT64_C(1) << 53) || hundredths == (double)number / 100);
    const struct slice string = json_string(json_get(root, SLICE("string")));
    CORDON_ASSERT(utf8_valid(string) && (!utf8_valid(bytes) || slice_equal(string, bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice text = slice_of(data, size);
    check_members(text);
    json_free(parse(text, 2 * size)); /* too little for most */
    CORDON_CLEANUP(json_freep) struct json_doc *doc = parse(text, SIZE_MAX);
    if (doc == NULL) {
        check_doors(text, (struct slice){0});
        return 0;
    }
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, SIZE_MAX);
    buffer_init(&second, SIZE_MAX);
    write(&first, doc);
    check_doors(text, buffer_slice(&first));
    CORDON_CLEANUP(json_freep) struct json_doc *again = parse(buffer_slice(&first), SIZE_MAX);
    CORDON_ASSERT(again != NULL);
    CORDON_ASSERT(walk(json_root(doc)) == walk(json_root(again)));
    check_repeated(json_root(doc));
    write(&second, again);
    CORDON_ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    return 0;
}
