/* Faults of queries; see fault.h. */
#include "query/fault.h"

#include "value/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool query_fail(struct query_fault *fault, const char *code, const char *format, ...)
{
    fault->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return false;
}

bool query_fail_memory(struct query_fault *fault)
{
    fault->code = NULL;
    fault->text[0] = '\0';
    return false;
}

bool query_fail_error(struct query_fault *fault, cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    const cordon_error_code code = cordon_error_get_code(owned);
    if (code == CORDON_E_NO_MEMORY || code == CORDON_E_TOO_LARGE || code == CORDON_E_OVERLOADED) {
        return query_fail_memory(fault);
    }
    const char *const name =
        code == CORDON_E_BAD_VALUE ? "InvalidArgument" : cordon_error_code_name(code);
    return query_fail(fault, name, "%s", cordon_error_get_message(owned));
}

struct query_shown query_show_alone(const struct value *value)
{
    enum { SHOWN_VALUE_BYTES = QUERY_SHOWN_BYTES - 64 };
    struct query_shown shown = {.text = ""};
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, (size_t)1 << 20);
    cordon_error_free(value_write_display(&text, value)); /* what fits is shown */
    const struct slice kept = utf8_cut(buffer_slice(&text), SHOWN_VALUE_BYTES);
    (void)snprintf(
        shown.text, sizeof shown.text, "%.*s%s", SLICE_FMT(kept),
        kept.size < text.size ? "..." : "");
    return shown;
}

struct query_shown query_show(const struct value *value)
{
    struct query_shown shown = query_show_alone(value);
    const size_t size = strlen(shown.text);
    (void)snprintf(
        shown.text + size, sizeof shown.text - size, " (type %s)", value_kind_name(value->kind));
    return shown;
}
