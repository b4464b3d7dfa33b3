/* The text of refusals. */
#include "wasm/refusal.h"

#include "base/memory.h"
#include "value/printable.h"

#include <stdarg.h>
#include <stdio.h>

/* Holds two quoted names and the words around them. */
#define WHERE_BYTES_MAX 512

static void mem_freep(char **block)
{
    mem_free(*block);
}

/* Appends to a C string of a fixed size; what does not fit is cut, which the sizes rule out. */
static CORDON_PRINTF(3, 4) void append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

static void print_place(struct wasm_place place, char *text, size_t size)
{
    text[0] = '\0';
    append(text, size, "at byte %u (0x%x)", place.offset, place.offset);
    if (place.section == WASM_SECTION_CUSTOM && place.custom.data != NULL) {
        append(text, size, " in the custom section %s", wasm_quote(place.custom).text);
    } else if (place.section == WASM_SECTION_CUSTOM) {
        append(text, size, " in a custom section");
    } else if (place.section != WASM_SECTION_NONE) {
        append(text, size, " in the %s section", wasm_section_name(place.section));
    }
    if (place.function == WASM_NO_FUNCTION) {
        return;
    }
    append(text, size, ", in function %u", place.function);
    if (place.module != NULL && place.function < place.module->function_count) {
        const struct slice name = place.module->functions[place.function].name;
        if (name.size > 0) {
            append(text, size, " %s", wasm_quote(name).text);
        }
    }
}

cordon_error *wasm_refuse(struct wasm_place place, const char *advice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CORDON_ASSERT(wanted >= 0);
    const size_t size = (size_t)wanted + 1;
    CORDON_CLEANUP(mem_freep) char *what = mem_new(size);
    if (what != NULL) {
        (void)vsnprintf(what, size, format, again);
        if (wanted > 0 && what[wanted - 1] == '.') { /* the sentence goes on with the place */
            what[wanted - 1] = '\0';
        }
    }
    va_end(again);
    if (what == NULL) {
        return error_no_memory();
    }
    char where[WHERE_BYTES_MAX];
    print_place(place, where, sizeof where);
    return cordon_error_new(CORDON_E_MODULE_REFUSED, "%s, %s. %s", what, where, advice);
}

cordon_error *wasm_refuse_feature(
    struct wasm_place place, const char *subject, enum wasm_refused_feature feature)
{
    static const struct {
        const char *text;
        const char *advice;
    } rows[] = {
#define FEATURE_ROW(id, feature_text, feature_advice)                                              \
    [WASM_FEATURE_##id] = {feature_text, feature_advice},
        WASM_REFUSED_FEATURES(FEATURE_ROW)
#undef FEATURE_ROW
    };
    return wasm_refuse(
        place, rows[feature].advice, "%s uses %s, not admitted here", subject, rows[feature].text);
}

cordon_error *wasm_refuse_invalid(
    const struct wasm_module *module, uint64_t offset, const char *reason)
{
    static const char advice[] =
        "Compilers do not make such code: build the module again with a current one, and without "
        "what edits it afterwards. `wasm-validate FILE` finds the same.";
    if (offset >= module->bytes.size) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "The module is not valid: %s. %s", reason, advice);
    }
    const struct wasm_section *section = wasm_section_at(module, offset);
    struct wasm_place place =
        wasm_place_in(module, section == NULL ? WASM_SECTION_NONE : section->id, (uint32_t)offset);
    place.custom = section == NULL ? place.custom : section->name;
    place.function = wasm_function_at(module, offset);
    return wasm_refuse(place, advice, "The module is not valid: %s", reason);
}

/* What follows the quoted part of a cut name: the closing quote, the mark and the NUL. */
#define QUOTE_TAIL sizeof "\"..."

struct wasm_quoted wasm_quote(struct slice name)
{
    struct wasm_quoted quoted = {.text = "\""};
    size_t used = 1;
    size_t at = 0;
    while (at < name.size) {
        char each[1 + PRINTABLE_BYTES_EACH] = "\\";
        size_t taken = 0;
        const size_t printed = printable_first(slice_from(name, at), each + 1, &taken);
        const bool marked = name.data[at] == '"' || name.data[at] == '\\';
        if (used + marked + printed + QUOTE_TAIL > sizeof quoted.text) {
            break;
        }
        memcpy(quoted.text + used, each + !marked, marked + printed);
        used += marked + printed;
        at += taken;
    }
    (void)snprintf(
        quoted.text + used, sizeof quoted.text - used, "\"%s", at < name.size ? "..." : "");
    return quoted;
}

/* Room that each of the two lists leaves for the other and for marks. */
#define TYPE_LIST_BYTES 48

/* "i32, i64"; what does not fit is "...", for which `text` has room behind TYPE_LIST_BYTES. */
static void print_type_list(char *text, struct slice types)
{
    for (size_t i = 0; i < types.size; i++) {
        const char *name = wasm_type_name((enum wasm_type)types.data[i]);
        const char *comma = i == 0 ? "" : ", ";
        if (strlen(text) + strlen(comma) + strlen(name) >= TYPE_LIST_BYTES) {
            append(text, TYPE_LIST_BYTES + sizeof "...", "...");
            return;
        }
        append(text, TYPE_LIST_BYTES, "%s%s", comma, name);
    }
}

struct wasm_type_text wasm_print_type(const struct wasm_func_type *type)
{
    char params[TYPE_LIST_BYTES + sizeof "..."] = "";
    char results[TYPE_LIST_BYTES + sizeof "..."] = "";
    print_type_list(params, type->params);
    print_type_list(results, type->results);
    struct wasm_type_text printed;
    (void)snprintf(printed.text, sizeof printed.text, "(%s) -> (%s)", params, results);
    return printed;
}
