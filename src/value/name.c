/*
 * Names. Every refusal quotes the name, cut, and says which rule it breaks; where Convex's clients
 * know a text for it, it is that text.
 */
#include "value/name.h"

#include "value/printable.h"
#include "value/utf8.h"

#include <stdio.h>

/* How much of a bad name a refusal quotes, in bytes. */
#define QUOTE_BYTES_MAX 128

#define QUOTE(name) printable(utf8_cut((name), QUOTE_BYTES_MAX)).text

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* -- Identifiers ---------------------------------------------------------------------------- */

/* What is wrong with an identifier, or NULL. */
static const char *identifier_fault(struct slice name)
{
    if (name.size == 0) {
        return "it is empty";
    }
    if (name.size > IDENTIFIER_BYTES_MAX) {
        return "it is longer than 64 characters";
    }
    if (is_digit(name.data[0])) {
        return "it begins with a digit";
    }
    bool only_underscores = true;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '_') {
            continue;
        }
        only_underscores = false;
        if (!is_letter(name.data[i]) && !is_digit(name.data[i])) {
            return "it may hold only letters, digits and underscores";
        }
    }
    return only_underscores ? "it is made of underscores only" : NULL;
}

bool name_is_identifier(struct slice name)
{
    return identifier_fault(name) == NULL;
}

cordon_error *name_check_identifier(const char *what, struct slice name)
{
    const char *fault = identifier_fault(name);
    if (fault == NULL) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_INVALID, "\"%s\" is no valid %s: %s", QUOTE(name), what, fault);
}

/* -- Fields --------------------------------------------------------------------------------- */

cordon_error *name_check_field(struct slice name)
{
    if (name.size == 0) {
        return cordon_error_new(CORDON_E_BAD_VALUE, "Field names cannot be empty");
    }
    if (name.size > FIELD_NAME_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "Field name %s... exceeds maximum field name length %d",
            QUOTE(name), FIELD_NAME_BYTES_MAX);
    }
    if (name.data[0] == '$') {
        return cordon_error_new(
            CORDON_E_BAD_VALUE, "Field name %s starts with a '$', which is reserved", QUOTE(name));
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x20 || name.data[i] > 0x7e) {
            return cordon_error_new(
                CORDON_E_BAD_VALUE,
                "Field name %s has an invalid character at byte %zu: field names can only "
                "contain non-control ASCII characters",
                QUOTE(name), i);
        }
    }
    return NULL;
}

cordon_error *name_check_field_path(struct slice path)
{
    if (path.size == 0) { /* it may have no bytes to point to */
        return name_check_identifier("field of an index", path);
    }
    size_t start = 0;
    for (size_t i = 0; i <= path.size; i++) {
        if (i == path.size || path.data[i] == '.') {
            const struct slice part = slice_of(slice_from(path, start).data, i - start);
            TRY(name_check_identifier("field of an index", part));
            start = i + 1;
        }
    }
    return NULL;
}

/* -- Functions ------------------------------------------------------------------------------ */

static cordon_error *check_component(struct slice component)
{
    if (component.size == 0) {
        return cordon_error_new(CORDON_E_INVALID, "Path component is empty.");
    }
    if (component.size > IDENTIFIER_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "Path component is too long (%zu > maximum %d).", component.size,
            IDENTIFIER_BYTES_MAX);
    }
    bool has_word = false;
    for (size_t i = 0; i < component.size; i++) {
        const uint8_t byte = component.data[i];
        const bool word = is_letter(byte) || is_digit(byte);
        has_word = has_word || word;
        if (!word && byte != '_' && byte != '.') {
            return cordon_error_new(
                CORDON_E_INVALID,
                "Path component %s can only contain alphanumeric characters, underscores, or "
                "periods.",
                QUOTE(component));
        }
    }
    return has_word ? NULL
                    : cordon_error_new(
                          CORDON_E_INVALID,
                          "Path component %s must have at least one alphanumeric character.",
                          QUOTE(component));
}

static cordon_error *check_module(struct slice module)
{
    size_t start = 0;
    for (size_t i = 0; i <= module.size; i++) {
        if (i == module.size || module.data[i] == '/') {
            TRY(check_component(slice_of(module.data + start, i - start)));
            start = i + 1;
        }
    }
    return NULL;
}

static struct slice without_js(struct slice module)
{
    const size_t suffix = 3;
    if (module.size > suffix && memcmp(module.data + module.size - suffix, ".js", suffix) == 0) {
        module.size -= suffix;
    }
    return module;
}

/* Both texts side by side in the arena, and the parts inside the first one. */
static cordon_error *make_path(
    struct slice module, struct slice function, struct arena *arena, struct function_path *out_path)
{
    TRY(check_module(module));
    TRY(name_check_identifier("function name", function));
    const size_t text_size = module.size + 1 + function.size;
    const size_t canonical_size = text_size + 3;
    char *text = arena_alloc(arena, text_size + canonical_size + 2);
    if (text == NULL) {
        return arena_error(arena);
    }
    char *canonical = text + text_size + 1;
    (void)snprintf(text, text_size + 1, "%.*s:%.*s", SLICE_FMT(module), SLICE_FMT(function));
    (void)snprintf(
        canonical, canonical_size + 1, "%.*s.js:%.*s", SLICE_FMT(module), SLICE_FMT(function));
    *out_path = (struct function_path){
        .text = slice_of(text, text_size),
        .canonical = slice_of(canonical, canonical_size),
        .module = slice_of(text, module.size),
        .function = slice_of(text + module.size + 1, function.size),
    };
    return NULL;
}

/* Where `mark` stands last, or the size if nowhere. */
static size_t find_last(struct slice text, uint8_t mark)
{
    const uint8_t *at = text.size == 0 ? NULL : memrchr(text.data, mark, text.size);
    return at == NULL ? text.size : (size_t)(at - text.data);
}

static cordon_error *check_path_size(struct slice text)
{
    if (text.size <= FUNCTION_PATH_BYTES_MAX) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_INVALID, "Function path is too long (%zu > maximum %d).", text.size,
        FUNCTION_PATH_BYTES_MAX);
}

cordon_error *function_path_parse(
    struct slice text, struct arena *arena, struct function_path *out_path)
{
    TRY(check_path_size(text));
    const size_t colon = find_last(text, ':');
    const struct slice module = slice_of(text.data, colon);
    const struct slice function =
        colon == text.size ? SLICE("default") : slice_from(text, colon + 1);
    return make_path(without_js(module), function, arena, out_path);
}

cordon_error *function_path_parse_slashes(
    struct slice text, struct arena *arena, struct function_path *out_path)
{
    TRY(check_path_size(text));
    const size_t slash = find_last(text, '/');
    if (slash == text.size) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "\"%s\" names no function: it takes a module and a function, as in messages/list",
            QUOTE(text));
    }
    const struct slice module = slice_of(text.data, slash);
    return make_path(without_js(module), slice_from(text, slash + 1), arena, out_path);
}
