/* Messages for the log; see redact.h. */
#include "run/redact.h"

#include "base/memory.h"
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

/* For each beginning of it, how long the longest other one is that this one ends with. */
static void find_borders(struct slice value, uint16_t *out_borders)
{
    size_t border = 0;
    out_borders[0] = 0;
    for (size_t i = 1; i < value.size; i++) {
        while (border > 0 && value.data[i] != value.data[border]) {
            border = out_borders[border - 1];
        }
        border += value.data[i] == value.data[border] ? 1 : 0;
        out_borders[i] = (uint16_t)border;
    }
}

/* A text, and of each of its bytes whether it is one of a variable's value. */
struct hiding {
    struct slice text;
    bool is_cut; /* the value that it ends in may go on */
    uint8_t *hidden;
    uint16_t *borders; /* of the value that is looked for */
};

static void free_hiding(struct hiding *hiding)
{
    mem_free(hiding->hidden);
    mem_free(hiding->borders);
}

/*
 * All places of a value from `from` on, those that overlap each other among them, in a time that
 * does not depend on how often it stands there (Knuth, Morris and Pratt).
 */
static void mark(struct hiding *hiding, size_t from, struct slice value)
{
    const struct slice text = hiding->text;
    size_t matched = 0;
    size_t marked = from; /* up to here it is done */
    find_borders(value, hiding->borders);
    for (size_t i = from; i < text.size; i++) {
        while (matched > 0 && text.data[i] != value.data[matched]) {
            matched = hiding->borders[matched - 1];
        }
        matched += text.data[i] == value.data[matched] ? 1 : 0;
        if (matched == value.size) {
            const size_t begin = i + 1 - matched > marked ? i + 1 - matched : marked;
            memset(hiding->hidden + begin, 1, i + 1 - begin);
            marked = i + 1;
            matched = hiding->borders[matched - 1];
        }
    }
    if (hiding->is_cut && matched > 0) {
        memset(hiding->hidden + text.size - matched, 1, matched);
    }
}

/* Where to begin to look: before it, the value is nowhere. The text's size: it is not there. */
static size_t begin_of(const struct hiding *hiding, struct slice value)
{
    const size_t size = hiding->text.size;
    const size_t first = find(hiding->text, 0, value);
    const size_t tail = size < value.size ? 0 : size - value.size + 1;
    return first != SIZE_MAX ? first : hiding->is_cut ? tail : size;
}

/*
 * In their places stand as many stars. All are found before the first is written: a value may
 * have another one inside, or begin in it.
 */
static cordon_error *hide_env(struct buffer *text, bool is_cut, const struct env_vars *env)
{
    if (env == NULL || env->count == 0 || text->size == 0) {
        return NULL;
    }
    CORDON_CLEANUP(free_hiding) struct hiding hiding = {buffer_slice(text), is_cut, NULL, NULL};
    hiding.hidden = mem_new(text->size);
    hiding.borders = mem_new_array(ENV_VALUE_BYTES_MAX, sizeof hiding.borders[0]);
    if (hiding.hidden == NULL || hiding.borders == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < env->count; i++) {
        const struct slice value = env->vars[i].value;
        if (value.size < REDACTED_VALUE_BYTES_MIN) {
            continue;
        }
        CORDON_ASSERT(value.size <= ENV_VALUE_BYTES_MAX);
        const size_t from = begin_of(&hiding, value);
        if (from < text->size) {
            mark(&hiding, from, value);
        }
    }
    for (size_t i = 0; i < text->size; i++) {
        text->data[i] = hiding.hidden[i] != 0 ? '*' : text->data[i];
    }
    return NULL;
}

cordon_error *redact(struct buffer *out, struct slice message, const struct env_vars *env)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, SIZE_MAX);
    /* A value that the cut would leave the beginning of is looked for as a whole. */
    const struct slice looked_at = utf8_cut(message, REDACTED_BYTES_MAX + ENV_VALUE_BYTES_MAX);
    TRY(is_about_values(message) ? write_kind(&text, looked_at)
                                 : write_without_values(&text, looked_at));
    TRY(hide_env(&text, looked_at.size < message.size, env));
    return buffer_append(out, utf8_cut(buffer_slice(&text), REDACTED_BYTES_MAX));
}
