/*
 * Values from any text: refused with words, or a value whose canonical text, sort key and size hold
 * what value.h promises. Two values, split at the first newline, compare as their sort keys do.
 */
#include "value/json.h"
#include "value/sortkey.h"
#include "value/utf8.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct buffers {
    struct buffer encoded;
    struct buffer again;
    struct buffer key;
};

static void must(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
}

static bool parse(struct slice text, struct arena *arena, struct value *out_value)
{
    cordon_error *error = value_parse(text, arena, out_value);
    if (error == NULL) {
        return true;
    }
    CORDON_ASSERT(cordon_error_get_message(error)[0] != '\0');
    cordon_error_free(error);
    return false;
}

/* Text and key both lead back to an equal value with the same text. */
static void check_forms(const struct value *value, struct arena *arena, struct buffers *buffers)
{
    struct value again = {0};
    must(value_write_encoded(&buffers->encoded, value));
    must(value_parse(buffer_slice(&buffers->encoded), arena, &again));
    CORDON_ASSERT(value_equal(value, &again));
    CORDON_ASSERT(value_size(value) == value_size(&again));
    must(value_write_encoded(&buffers->again, &again));
    CORDON_ASSERT(slice_equal(buffer_slice(&buffers->encoded), buffer_slice(&buffers->again)));

    must(sortkey_write(&buffers->key, value));
    struct slice rest = buffer_slice(&buffers->key);
    must(sortkey_read(&rest, arena, &again));
    CORDON_ASSERT(rest.size == 0 && value_equal(value, &again));
}

static void check_limits(const struct value *value, struct buffer *buffer)
{
    CORDON_ASSERT(value_nesting(value) <= VALUE_NESTING_MAX);
    CORDON_ASSERT(value_size(value) <= VALUE_SIZE_MAX);
    buffer_clear(buffer);
    must(value_write_display(buffer, value));
    CORDON_ASSERT(utf8_valid(buffer_slice(buffer)));
    CORDON_ASSERT(buffer->size <= (size_t)4 * VALUE_DISPLAY_CHARS_MAX + 14);

    buffer_clear(buffer);
    must(value_write_clean(buffer, value));
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = VALUE_NESTING_MAX};
    struct json_doc *doc = NULL;
    must(json_parse(buffer_slice(buffer), &limits, &doc));
    json_free(doc);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void check_pair(struct slice left, struct slice right, struct arena *arena)
{
    struct value a;
    struct value b;
    if (!parse(left, arena, &a) || !parse(right, arena, &b)) {
        return;
    }
    CORDON_CLEANUP_BUFFER struct buffer key_a;
    CORDON_CLEANUP_BUFFER struct buffer key_b;
    buffer_init(&key_a, SIZE_MAX);
    buffer_init(&key_b, SIZE_MAX);
    must(sortkey_write(&key_a, &a));
    must(sortkey_write(&key_b, &b));
    const int order = sign(value_compare(&a, &b));
    CORDON_ASSERT(order == -sign(value_compare(&b, &a)));
    CORDON_ASSERT(order == sign(slice_compare(buffer_slice(&key_a), buffer_slice(&key_b))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 30);
    const struct slice text = slice_of(data, size);
    struct value value = {0};
    if (parse(text, &arena, &value)) {
        struct buffers buffers;
        buffer_init(&buffers.encoded, SIZE_MAX);
        buffer_init(&buffers.again, SIZE_MAX);
        buffer_init(&buffers.key, SIZE_MAX);
        check_forms(&value, &arena, &buffers);
        check_limits(&value, &buffers.again);
        buffer_done(&buffers.encoded);
        buffer_done(&buffers.again);
        buffer_done(&buffers.key);
    }
    const uint8_t *newline = size == 0 ? NULL : memchr(data, '\n', size);
    if (newline != NULL) {
        const size_t at = (size_t)(newline - data);
        check_pair(slice_of(data, at), slice_from(text, at + 1), &arena);
    }
    return 0;
}
