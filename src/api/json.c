/* JSON for embedding programs: the library's own reader and writer under public names. */
#include <cordon/json.h>

#include "api/api.h"

#include "base/memory.h"
#include "value/json.h"

/* Twenty times the largest text that a server answers with; a tree is larger than its text. */
#define TREE_BYTES_MAX ((size_t)1 << 30)

static const struct json_node *node_of(const cordon_json_value *value)
{
    return (const struct json_node *)(const void *)value;
}

static const cordon_json_value *value_of(const struct json_node *node)
{
    return (const cordon_json_value *)(const void *)node;
}

cordon_error *api_take_struct(
    const void *given, const char *name, const char *type, size_t size, void *out)
{
    size_t given_size = 0;
    if (given != NULL) {
        memcpy(&given_size, given, sizeof given_size);
    }
    if (given_size < sizeof given_size || given_size > size) {
        return cordon_error_new(
            CORDON_E_INVALID, "%s.size must be sizeof(%s) of this version or an older one", name,
            type);
    }
    memset(out, 0, size);
    memcpy(out, given, given_size);
    return NULL;
}

cordon_error *api_need(const void *given, const char *name)
{
    return given != NULL ? NULL : cordon_error_new(CORDON_E_INVALID, "%s must not be NULL", name);
}

cordon_error *api_need_items(const void *given, size_t count, const char *name)
{
    return given != NULL || count == 0
               ? NULL
               : cordon_error_new(
                     CORDON_E_INVALID, "%s must not be NULL where there are %zu of it", name,
                     count);
}

cordon_error *api_need_texts(const char *const *texts, size_t count, const char *name)
{
    TRY(api_need_items((const void *)texts, count, name));
    for (size_t i = 0; i < count; i++) {
        TRY(api_need(texts[i], name));
    }
    return NULL;
}

cordon_error *api_give_text(struct buffer *buffer, char **out_text)
{
    TRY(buffer_append_byte(buffer, '\0'));
    size_t size = 0;
    *out_text = (char *)buffer_take(buffer, &size);
    return NULL;
}

cordon_error *cordon_json_parse(const char *text, size_t size, cordon_json **out_json)
{
    TRY(api_need_items(text, size, "text"));
    TRY(api_need(out_json, "out_json"));
    static const struct json_limits limits = {
        .bytes_max = TREE_BYTES_MAX, .depth_max = JSON_DEPTH_MAX};
    struct json_doc *doc = NULL;
    TRY(json_parse(slice_of(text, size), &limits, &doc));
    *out_json = (cordon_json *)(void *)doc;
    return NULL;
}

void cordon_json_free(cordon_json *json)
{
    json_free((struct json_doc *)(void *)json);
}

const cordon_json_value *cordon_json_get_root(const cordon_json *json)
{
    return value_of(json_root((const struct json_doc *)(const void *)json));
}

cordon_json_type cordon_json_get_type(const cordon_json_value *value)
{
    switch (json_kind(node_of(value))) {
    case JSON_MISSING:
    case JSON_NULL:
        return CORDON_JSON_NULL;
    case JSON_BOOL:
        return CORDON_JSON_BOOLEAN;
    case JSON_NUMBER:
        return CORDON_JSON_NUMBER;
    case JSON_STRING:
        return CORDON_JSON_STRING;
    case JSON_ARRAY:
        return CORDON_JSON_ARRAY;
    case JSON_OBJECT:
        return CORDON_JSON_OBJECT;
    }
    return CORDON_JSON_NULL;
}

const cordon_json_value *cordon_json_get_member(const cordon_json_value *object, const char *name)
{
    return name == NULL ? NULL : value_of(json_get(node_of(object), slice_str(name)));
}

cordon_text cordon_json_get_text(const cordon_json_value *value)
{
    const struct slice text = json_string(node_of(value));
    return (cordon_text){(const char *)text.data, text.size};
}

bool cordon_json_get_u64(const cordon_json_value *value, uint64_t *out_number)
{
    return json_u64(node_of(value), out_number);
}

double cordon_json_get_number(const cordon_json_value *value)
{
    return json_number(node_of(value));
}

bool cordon_json_is_true(const cordon_json_value *value)
{
    return json_is_true(node_of(value));
}

cordon_json_walk cordon_json_walk_begin(const cordon_json_value *container)
{
    const struct json_node *const node = node_of(container);
    const bool named = json_kind(node) == JSON_OBJECT;
    const struct json_walk walk = named ? json_walk_fields(node) : json_walk_items(node);
    return (cordon_json_walk){.next = value_of(walk.next), .left = walk.left, .named = named};
}

const cordon_json_value *cordon_json_walk_next(cordon_json_walk *walk, cordon_text *out_name)
{
    struct json_walk inner = {.next = node_of(walk->next), .left = walk->left};
    struct slice name = {0};
    const struct json_node *const node =
        walk->named ? json_next_field(&inner, &name) : json_next_item(&inner);
    walk->next = value_of(inner.next);
    walk->left = inner.left;
    if (out_name != NULL) {
        *out_name = (cordon_text){(const char *)name.data, name.size};
    }
    return value_of(node);
}

cordon_error *cordon_json_write(const cordon_json_value *value, char **out_text)
{
    TRY(api_need(out_text, "out_text"));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    TRY(json_write_node(&text, node_of(value)));
    return api_give_text(&text, out_text);
}

cordon_error *cordon_json_quote(cordon_text text, char **out_text)
{
    TRY(api_need_items(text.data, text.size, "text.data"));
    TRY(api_need(out_text, "out_text"));
    CORDON_CLEANUP_BUFFER struct buffer quoted;
    buffer_init(&quoted, SIZE_MAX);
    TRY(json_write_string(&quoted, slice_of(text.data, text.size)));
    return api_give_text(&quoted, out_text);
}

cordon_error *cordon_error_to_json(const cordon_error *error, char **out_json)
{
    TRY(api_need(error, "error"));
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    TRY(buffer_printf(
        &text, "{\"status\":\"error\",\"code\":\"%s\",\"errorMessage\":",
        cordon_error_code_name(cordon_error_get_code(error))));
    TRY(json_write_string(&text, slice_str(cordon_error_get_message(error))));
    TRY(buffer_append(&text, SLICE(",\"errorData\":null,\"logLines\":[],\"usage\":{\"fuel\":0}}")));
    return api_give_text(&text, out_json);
}
