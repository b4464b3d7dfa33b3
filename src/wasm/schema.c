/*
 * Reading `convex.schema`. A key that an object has twice is refused: which of the two values holds
 * nobody could tell.
 */
#include "wasm/schema.h"

#include "value/json.h"
#include "wasm/refusal.h"

/* A text makes up to one node of 16 bytes for each byte, and the parser reserves ahead. */
#define JSON_BYTES_MAX (WASM_SCHEMA_BYTES_MAX * 32)

#define ADVICE_SCHEMA "Write it as the guest ABI (sdk/abi.md) says."

static cordon_error *check_section(
    const struct wasm_module *module, const struct wasm_section *section)
{
    const struct wasm_section *second =
        wasm_find_custom(module, SLICE(WASM_SCHEMA_SECTION), section);
    if (second != NULL) {
        return wasm_refuse(
            wasm_place_in_custom(module, second, second->offset), "Keep one of them.",
            "The custom section \"%s\" is there twice", WASM_SCHEMA_SECTION);
    }
    if (section->content.size > WASM_SCHEMA_BYTES_MAX) {
        return wasm_refuse(
            wasm_place_in_custom(module, section, section->offset),
            "Split its tables over several modules.",
            "The schema is %zu bytes long; the limit is %zu", section->content.size,
            WASM_SCHEMA_BYTES_MAX);
    }
    return NULL;
}

static cordon_error *read_text(struct slice text, struct arena *arena, struct schema *schema)
{
    const struct json_limits limits = {.bytes_max = JSON_BYTES_MAX, .depth_max = JSON_DEPTH_MAX};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(text, &limits, &doc));
    bool found = false;
    struct slice key = {NULL, 0};
    TRY(json_find_repeated(json_root(doc), &found, &key));
    if (found) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "it has the key %s twice in one object; keep one of the two",
            wasm_quote(key).text);
    }
    return schema_read(json_root(doc), arena, schema);
}

cordon_error *wasm_schema_read(
    const struct wasm_module *module, struct arena *arena, const struct schema **out_schema)
{
    const struct wasm_section *section = wasm_find_custom(module, SLICE(WASM_SCHEMA_SECTION), NULL);
    if (section == NULL) {
        *out_schema = NULL;
        return NULL;
    }
    TRY(check_section(module, section));
    struct schema *schema = arena_alloc(arena, sizeof *schema);
    if (schema == NULL) {
        return arena_error(arena);
    }
    cordon_error *error = read_text(section->content, arena, schema);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_NO_MEMORY) {
        CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
        return wasm_refuse(
            wasm_place_in_custom(module, section, wasm_offset_of(module, section->content)),
            ADVICE_SCHEMA, "The schema is not valid: %s", cordon_error_get_message(owned));
    }
    TRY(error);
    *out_schema = schema;
    return NULL;
}
