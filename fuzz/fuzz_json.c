/*
 * JSON from any bytes: refused with words, or a tree that can be walked, written and read again
 * with the same text. Ceilings on memory hold whatever the text is.
 */
#include "value/json.h"

#include "value/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    for (const struct json_node *item; (item = json_next_item(&items)) != NULL;) {
        count += walk(item);
    }
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice text = slice_of(data, size);
    json_free(parse(text, 2 * size)); /* too little for most */
    CORDON_CLEANUP(json_freep) struct json_doc *doc = parse(text, SIZE_MAX);
    if (doc == NULL) {
        return 0;
    }
    CORDON_CLEANUP_BUFFER struct buffer first;
    CORDON_CLEANUP_BUFFER struct buffer second;
    buffer_init(&first, SIZE_MAX);
    buffer_init(&second, SIZE_MAX);
    write(&first, doc);
    CORDON_CLEANUP(json_freep) struct json_doc *again = parse(buffer_slice(&first), SIZE_MAX);
    CORDON_ASSERT(again != NULL);
    CORDON_ASSERT(walk(json_root(doc)) == walk(json_root(again)));
    check_repeated(json_root(doc));
    write(&second, again);
    CORDON_ASSERT(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    return 0;
}
