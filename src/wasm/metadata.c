/*
 * Reading `convex.functions`: one JSON text, each function checked for itself, then all paths
 * against each other. Everything that goes wrong below (JSON, paths, validators) comes up as a
 * refusal of the module that names the function.
 */
#include "wasm/metadata.h"

#include "base/buffer.h"
#include "limits/budget.h"
#include "value/json.h"
#include "value/validator.h"
#include "wasm/admit.h"
#include "wasm/refusal.h"

#include <stdio.h>

/* A text makes up to one node of 16 bytes for each byte, and the parser reserves ahead. */
#define JSON_BYTES_MAX (WASM_METADATA_BYTES_MAX * 32)

#define ADVICE_SDK                                                                                 \
    "Build with an SDK, which writes this section, or write it as section 2 of the guest ABI "     \
    "(sdk/abi.md) says."

/* What the readers of the parts share. */
struct reading {
    const struct wasm_module *module;
    struct arena *arena;
    struct wasm_place place; /* where the JSON text begins */
    uint32_t number;         /* of the function, from 0 */
    struct slice path;       /* of the function, as soon as it is known */
};

/* -- Errors --------------------------------------------------------------------------------- */

/* "Function 2 of the metadata, "messages:list"", for the beginning of a text. */
struct subject {
    char text[192];
};

static struct subject name_function(const struct reading *r)
{
    struct subject subject;
    if (r->path.data == NULL) {
        (void)snprintf(subject.text, sizeof subject.text, "Function %u of the metadata", r->number);
    } else {
        (void)snprintf(
            subject.text, sizeof subject.text, "Function %u of the metadata, %s,", r->number,
            wasm_quote(r->path).text);
    }
    return subject;
}

static cordon_error *no_room(const struct reading *r)
{
    if (!r->arena->full) {
        return error_no_memory();
    }
    return wasm_refuse(
        r->place, WASM_ADVICE_SMALLER, "Describing the functions takes more than %zu bytes",
        r->arena->bytes_max);
}

/* Makes an error from below, which it takes over, a refusal of `what` of the function. */
static cordon_error *refuse_because(const struct reading *r, const char *what, cordon_error *cause)
{
    if (cause == NULL || cordon_error_get_code(cause) == CORDON_E_NO_MEMORY) {
        return cause;
    }
    cordon_error *refusal = r->arena->full
                                ? no_room(r)
                                : wasm_refuse(
                                      r->place, ADVICE_SDK, "%s has %s that is not valid: %s",
                                      name_function(r).text, what, cordon_error_get_message(cause));
    cordon_error_free(cause);
    return refusal;
}

/* No object of it may have a key twice: which of the two values holds nobody could tell. */
static cordon_error *check_keys(const struct reading *r, const struct json_node *node)
{
    bool found = false;
    struct slice key = {NULL, 0};
    TRY(json_find_repeated(node, &found, &key));
    return !found ? NULL
                  : wasm_refuse(
                        r->place, "Keep one of the two.", "%s has the key %s twice in one object",
                        name_function(r).text, wasm_quote(key).text);
}

/* -- One function --------------------------------------------------------------------------- */

static cordon_error *take_text(
    const struct reading *r,
    const struct json_node *object,
    const char *key,
    struct slice *out_text)
{
    const struct json_node *node = json_get(object, slice_str(key));
    if (node == NULL) {
        return wasm_refuse(
            r->place, ADVICE_SDK, "%s lacks the key \"%s\"", name_function(r).text, key);
    }
    if (json_kind(node) != JSON_STRING) {
        return wasm_refuse(
            r->place, ADVICE_SDK, "%s has a \"%s\" that is no string", name_function(r).text, key);
    }
    *out_text = json_string(node);
    return NULL;
}

static cordon_error *read_path(
    struct reading *r, const struct json_node *object, struct wasm_metadata_function *function)
{
    struct slice text = {NULL, 0};
    TRY(take_text(r, object, "path", &text));
    r->path = text;
    return refuse_because(r, "a path", function_path_parse(text, r->arena, &function->path));
}

static cordon_error *read_export(
    const struct reading *r,
    const struct json_node *object,
    struct wasm_metadata_function *function)
{
    struct slice name = {NULL, 0};
    TRY(take_text(r, object, "export", &name));
    const struct wasm_export *export = wasm_find_export(r->module, name);
    if (export == NULL) {
        return wasm_refuse(
            r->place, "Export it by that name, or correct the name in the metadata.",
            "%s names the export %s, which does not exist", name_function(r).text,
            wasm_quote(name).text);
    }
    char subject[sizeof(struct subject) + sizeof(struct wasm_quoted)];
    (void)snprintf(
        subject, sizeof subject, "%s names an export that cannot be called: it",
        name_function(r).text);
    TRY(wasm_check_callable(r->module, export, subject));
    function->export_name = arena_copy(r->arena, name);
    return function->export_name.data == NULL ? no_room(r) : NULL;
}

static cordon_error *read_kind(
    const struct reading *r,
    const struct json_node *object,
    struct wasm_metadata_function *function)
{
    struct slice name = {NULL, 0};
    TRY(take_text(r, object, "kind", &name));
    if (!kind_parse(name, &function->kind)) {
        return wasm_refuse(
            r->place, ADVICE_SDK, "%s has the kind %s; there are query, mutation and action",
            name_function(r).text, wasm_quote(name).text);
    }
    return NULL;
}

static const char *const visibility_names[] = {
    [WASM_PUBLIC] = "public",
    [WASM_INTERNAL] = "internal",
};

const char *wasm_visibility_name(enum wasm_visibility visibility)
{
    return visibility_names[visibility];
}

static cordon_error *read_visibility(
    const struct reading *r,
    const struct json_node *object,
    struct wasm_metadata_function *function)
{
    struct slice name = {NULL, 0};
    TRY(take_text(r, object, "visibility", &name));
    if (slice_equal(name, SLICE("public"))) {
        function->visibility = WASM_PUBLIC;
        return NULL;
    }
    if (slice_equal(name, SLICE("internal"))) {
        function->visibility = WASM_INTERNAL;
        return NULL;
    }
    return wasm_refuse(
        r->place, ADVICE_SDK, "%s has the visibility %s; there are public and internal",
        name_function(r).text, wasm_quote(name).text);
}

/* A validator's JSON as a text of its own, without what Convex's tools do not need to see. */
static cordon_error *copy_json(
    const struct reading *r, const struct json_node *node, struct slice *out_json)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, JSON_BYTES_MAX);
    if (json_kind(node) == JSON_MISSING || json_kind(node) == JSON_NULL) {
        TRY(buffer_append(&text, SLICE("{\"type\":\"any\"}")));
    } else {
        TRY(json_write_node(&text, node));
    }
    *out_json = arena_copy(r->arena, buffer_slice(&text));
    return out_json->data == NULL ? no_room(r) : NULL;
}

static cordon_error *read_validators(
    const struct reading *r,
    const struct json_node *object,
    struct wasm_metadata_function *function)
{
    const struct json_node *args = json_get(object, SLICE("args"));
    const struct json_node *returns = json_get(object, SLICE("returns"));
    TRY(refuse_because(
        r, "a validator \"args\"", validator_parse_args(args, r->arena, &function->args)));
    TRY(refuse_because(
        r, "a validator \"returns\"", validator_parse(returns, r->arena, &function->returns)));
    TRY(copy_json(r, args, &function->args_json));
    return copy_json(r, returns, &function->returns_json);
}

#define ADVICE_LIMITS "`cordon limits` lists them; those of a run can be lowered."

/* One limit that a function lowers for itself: a name of the table, a whole number. */
static cordon_error *read_limit(
    const struct reading *r,
    struct slice name,
    const struct json_node *node,
    struct limit_changes *limits)
{
    char text[64];
    cordon_limit limit = CORDON_LIMIT_FUEL;
    const bool fits = name.size < sizeof text && memchr(name.data, 0, name.size) == NULL;
    if (fits) {
        (void)snprintf(text, sizeof text, "%.*s", SLICE_FMT(name));
    }
    if (!fits || !cordon_limit_find(text, &limit) ||
        cordon_limit_get_info(limit)->scope != CORDON_SCOPE_RUN) {
        return wasm_refuse(
            r->place, ADVICE_LIMITS, "%s lowers the limit %s, which is none of a run",
            name_function(r).text, wasm_quote(name).text);
    }
    if (!json_u64(node, &limits->value[limit])) {
        return wasm_refuse(
            r->place, ADVICE_SDK, "%s lowers the limit %s to something that is no whole number",
            name_function(r).text, wasm_quote(name).text);
    }
    limits->set[limit] = true;
    return NULL;
}

static cordon_error *read_limits(
    const struct reading *r,
    const struct json_node *object,
    struct wasm_metadata_function *function)
{
    const struct json_node *node = json_get(object, SLICE("limits"));
    if (json_kind(node) == JSON_MISSING || json_kind(node) == JSON_NULL) {
        return NULL;
    }
    if (json_kind(node) != JSON_OBJECT) {
        return wasm_refuse(
            r->place, ADVICE_SDK, "%s has \"limits\" that are no object", name_function(r).text);
    }
    struct limit_changes *limits = arena_alloc(r->arena, sizeof *limits);
    if (limits == NULL) {
        return no_room(r);
    }
    struct json_walk walk = json_walk_fields(node);
    struct slice name;
    for (const struct json_node *value = json_next_field(&walk, &name); value != NULL;
         value = json_next_field(&walk, &name)) {
        TRY(read_limit(r, name, value, limits));
    }
    function->limits = limits;
    return NULL;
}

static cordon_error *read_function(
    struct reading *r, const struct json_node *object, struct wasm_metadata_function *out_function)
{
    r->path = (struct slice){NULL, 0};
    if (json_kind(object) != JSON_OBJECT) {
        return wasm_refuse(r->place, ADVICE_SDK, "%s is no object", name_function(r).text);
    }
    struct wasm_metadata_function function = {.kind = CORDON_QUERY};
    TRY(read_path(r, object, &function));
    TRY(check_keys(r, object));
    TRY(read_export(r, object, &function));
    TRY(read_kind(r, object, &function));
    TRY(read_visibility(r, object, &function));
    TRY(read_validators(r, object, &function));
    TRY(read_limits(r, object, &function));
    *out_function = function;
    return NULL;
}

/* -- All of them ---------------------------------------------------------------------------- */

static int compare_paths(const void *a, const void *b, void *functions)
{
    const struct wasm_metadata_function *all = functions;
    const uint32_t first = *(const uint32_t *)a;
    const uint32_t second = *(const uint32_t *)b;
    const int order = slice_compare(all[first].path.text, all[second].path.text);
    return order != 0 ? order : (first > second) - (first < second);
}

static cordon_error *check_paths(struct reading *r, const struct wasm_metadata *metadata)
{
    uint32_t *order = arena_alloc(r->arena, metadata->function_count * sizeof *order);
    if (order == NULL) {
        return no_room(r);
    }
    for (uint32_t i = 0; i < metadata->function_count; i++) {
        order[i] = i;
    }
    qsort_r(order, metadata->function_count, sizeof *order, compare_paths, metadata->functions);
    for (uint32_t i = 1; i < metadata->function_count; i++) {
        const struct slice path = metadata->functions[order[i]].path.text;
        if (slice_equal(path, metadata->functions[order[i - 1]].path.text)) {
            return wasm_refuse(
                r->place, "Give each function a path of its own.",
                "Functions %u and %u of the metadata have the same path %s", order[i - 1], order[i],
                wasm_quote(path).text);
        }
    }
    return NULL;
}

static cordon_error *read_functions(
    struct reading *r, const struct json_node *array, struct wasm_metadata *metadata)
{
    const size_t count = json_count(array);
    if (count > WASM_METADATA_FUNCTIONS_MAX) {
        return wasm_refuse(
            r->place, WASM_ADVICE_SMALLER, "The metadata declares %zu functions; the limit is %d",
            count, WASM_METADATA_FUNCTIONS_MAX);
    }
    metadata->functions = arena_alloc(r->arena, count * sizeof *metadata->functions);
    if (metadata->functions == NULL) {
        return no_room(r);
    }
    struct json_walk walk = json_walk_items(array);
    for (const struct json_node *item = json_next_item(&walk); item != NULL;
         item = json_next_item(&walk)) {
        r->number = metadata->function_count;
        TRY(read_function(r, item, &metadata->functions[metadata->function_count]));
        metadata->function_count++;
    }
    return check_paths(r, metadata);
}

/* The keys of the outermost object; those that nobody reads may be as they like. */
static cordon_error *check_once(
    const struct reading *r, const struct json_node *root, const char *key)
{
    size_t count = 0;
    struct slice name;
    struct json_walk walk = json_walk_fields(root);
    while (json_next_field(&walk, &name) != NULL) {
        count += slice_equal(name, slice_str(key));
    }
    return count < 2 ? NULL
                     : wasm_refuse(
                           r->place,
                           "Keep one of the two; link the functions of one module with "
                           "one SDK.",
                           "The metadata has the key \"%s\" twice", key);
}

static cordon_error *check_abi(const struct reading *r, const struct json_node *root)
{
    const struct json_node *node = json_get(root, SLICE("abi"));
    int64_t abi = 0;
    if (!json_i64(node, &abi)) {
        return wasm_refuse(
            r->place, ADVICE_SDK,
            "The metadata has no number \"abi\" that says for which ABI it is");
    }
    if (abi != WASM_ABI) {
        return wasm_refuse(
            r->place, "Build with an SDK of this release.",
            "The metadata is for ABI %lld; this host speaks ABI %d", (long long)abi, WASM_ABI);
    }
    return NULL;
}

static cordon_error *read_root(
    struct reading *r, const struct json_node *root, const struct wasm_metadata **out_metadata)
{
    if (json_kind(root) != JSON_OBJECT) {
        return wasm_refuse(r->place, ADVICE_SDK, "The metadata is no JSON object");
    }
    TRY(check_once(r, root, "abi"));
    TRY(check_once(r, root, "functions"));
    TRY(check_abi(r, root));
    const struct json_node *functions = json_get(root, SLICE("functions"));
    if (json_kind(functions) != JSON_ARRAY) {
        return wasm_refuse(r->place, ADVICE_SDK, "The metadata has no array \"functions\"");
    }
    if (json_count(functions) == 0) {
        return wasm_refuse(
            r->place, "Declare at least one query, mutation or action.",
            "The metadata declares no function");
    }
    struct wasm_metadata *metadata = arena_alloc(r->arena, sizeof *metadata);
    if (metadata == NULL) {
        return no_room(r);
    }
    TRY(read_functions(r, functions, metadata));
    *out_metadata = metadata;
    return NULL;
}

/* The one section, of a size that may be parsed. */
static cordon_error *find_section(
    const struct wasm_module *module, const struct wasm_section **out_section)
{
    const struct slice name = SLICE(WASM_METADATA_SECTION);
    const struct wasm_section *section = wasm_find_custom(module, name, NULL);
    if (section == NULL) {
        return wasm_refuse(
            wasm_place_in(module, WASM_SECTION_NONE, (uint32_t)module->bytes.size), ADVICE_SDK,
            "The module has no custom section \"%s\", which lists its functions",
            WASM_METADATA_SECTION);
    }
    const struct wasm_section *second = wasm_find_custom(module, name, section);
    if (second != NULL) {
        return wasm_refuse(
            wasm_place_in_custom(module, second, second->offset),
            "Keep one of them; link the functions of one module with one SDK.",
            "The custom section \"%s\" is there twice", WASM_METADATA_SECTION);
    }
    if (section->content.size > WASM_METADATA_BYTES_MAX) {
        return wasm_refuse(
            wasm_place_in_custom(module, section, section->offset), WASM_ADVICE_SMALLER,
            "The metadata is %zu bytes long; the limit is %zu", section->content.size,
            WASM_METADATA_BYTES_MAX);
    }
    *out_section = section;
    return NULL;
}

cordon_error *wasm_metadata_read(
    const struct wasm_module *module,
    struct arena *arena,
    const struct wasm_metadata **out_metadata)
{
    const struct wasm_section *section = NULL;
    TRY(find_section(module, &section));
    CORDON_ASSERT(section != NULL);
    const uint32_t offset = wasm_offset_of(module, section->content);
    struct reading reading = {
        .module = module,
        .arena = arena,
        .place = wasm_place_in_custom(module, section, offset),
    };
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = JSON_DEPTH_MAX};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        json_parse(section->content, &limits, &doc);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_NO_MEMORY) {
        return CORDON_TAKE(error);
    }
    if (error != NULL) {
        return wasm_refuse(
            reading.place, ADVICE_SDK, "The metadata cannot be read: %s",
            cordon_error_get_message(error));
    }
    return read_root(&reading, json_root(doc), out_metadata);
}
