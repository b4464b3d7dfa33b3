/* Messages for the log; see redact.h. */
#include "run/redact.h"

#include "value/utf8.h"

#include <string.h>

/* Where `text` begins in `in`, from `from` on; SIZE_MAX: nowhere. */
static size_t find(struct slice in, size_t from, struct slice text)
{
    if (from >= in.size) {
        return SIZE_MAX;
    }
    const uint8_t *at = memmem(in.data + from, in.size - from, text.data, text.size);
    return at == NULL ? SIZE_MAX : (size_t)(at - in.data);
}

/* What says that arguments or a result are wrong names their fields and shows their values. */
static bool is_about_values(struct slice message)
{
    return slice_starts_with(message, SLICE("ArgumentValidationError: ")) ||
           slice_starts_with(message, SLICE("ReturnsValidationError: "));
}

static cordon_error *write_kind(struct buffer *out, struct slice message)
{
    const size_t end = find(message, 0, SLICE(": "));
    TRY(buffer_append(out, slice_of(message.data, end)));
    return buffer_append(
        out, SLICE(": Value does not match validator. What it is stands in `cordon logs`."));
}

/* The same of documents, inside of a text: from a label to the next line that is ours. */
static cordon_error *write_without_values(struct buffer *out, struct slice message)
{
    static const char *const labels[] = {"\nValue: ", "\nObject: "};
    size_t at = 0;
    for (;;) {
        size_t next = SIZE_MAX;
        size_t size = 0;
        for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
            const size_t found = find(message, at, slice_str(labels[i]));
            if (found < next) {
                next = found;
                size = strlen(labels[i]);
            }
        }
        if (next == SIZE_MAX) {
            return buffer_append(out, slice_from(message, at));
        }
        TRY(buffer_append(out, slice_of(message.data + at, next + size - at)));
        TRY(buffer_append(out, SLICE("(left out)")));
        const size_t end = find(message, next, SLICE("\nValidator: "));
        at = end == SIZE_MAX ? message.size : end;
    }
}

/* In their places stand as many stars. */
static void hide_env(uint8_t *text, size_t size, const struct env_vars *env)
{
    const struct slice all = slice_of(text, size);
    for (size_t i = 0; env != NULL && i < env->count; i++) {
        const struct slice value = env->vars[i].value;
        if (value.size < REDACTED_VALUE_BYTES_MIN) {
            continue;
        }
        for (size_t at = find(all, 0, value); at != SIZE_MAX; at = find(all, at, value)) {
            memset(text + at, '*', value.size);
            at += value.size;
        }
    }
}

cordon_error *redact(struct buffer *out, struct slice message, const struct env_vars *env)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    /* A value that the cut would leave the beginning of is looked for as a whole. */
    const struct slice looked_at = utf8_cut(message, REDACTED_BYTES_MAX + ENV_VALUE_BYTES_MAX);
    TRY(is_about_values(message) ? write_kind(&text, looked_at)
                                 : write_without_values(&text, looked_at));
    hide_env(text.data, text.size, env);
    return buffer_append(out, utf8_cut(buffer_slice(&text), REDACTED_BYTES_MAX));
}
