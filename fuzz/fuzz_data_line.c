/*
 * Lines of an import from any text: each is refused with words, or becomes a document that has both
 * system fields, is within the limits, and is read from its own text as the same again.
 */
#include "run/data/data_line.h"
#include "value/utf8.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES_MAX ((size_t)1 << 26)

static const struct line_defaults defaults = {
    .table = 10001,
    .creation_time = 1700000000000.5,
    .random = {1, 2, 3},
};

/* False, and the error freed, if there was one. */
static bool succeeded(cordon_error *error)
{
    if (error == NULL) {
        return true;
    }
    const char *words = cordon_error_get_message(error);
    CORDON_ASSERT(words[0] != '\0' && utf8_valid(slice_str(words)));
    cordon_error_free(error);
    return false;
}

static void check_line(const struct line *line, struct arena *arena)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    CORDON_CLEANUP_BUFFER struct buffer again_text;
    buffer_init(&text, (size_t)1 << 26);
    buffer_init(&again_text, (size_t)1 << 26);
    struct document_id id;
    struct line again;
    double time = 0;
    CORDON_ASSERT(line->id.table == defaults.table && line->size <= DOCUMENT_SIZE_MAX);
    CORDON_ASSERT(succeeded(value_write_encoded(&text, &line->document)));
    CORDON_ASSERT(succeeded(line_read(buffer_slice(&text), &defaults, arena, &again)));
    CORDON_ASSERT(again.has_creation_time && again.creation_time == line->creation_time);
    CORDON_ASSERT(memcmp(&again.id, &line->id, sizeof again.id) == 0);
    CORDON_ASSERT(again.size == line->size);
    CORDON_ASSERT(succeeded(value_write_encoded(&again_text, &again.document)));
    CORDON_ASSERT(slice_equal(buffer_slice(&text), buffer_slice(&again_text)));
    CORDON_ASSERT(succeeded(line_system_fields(buffer_slice(&text), arena, &id, &time)));
    CORDON_ASSERT(memcmp(&id, &line->id, sizeof id) == 0 && time == line->creation_time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct slice text = {0};
    const uint32_t table = line_first_table(rest);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    bool is_first = true;
    while (line_next(&rest, &text)) {
        CORDON_ASSERT(text.size == 0 || memchr(text.data, '\n', text.size) == NULL);
        struct line line;
        double time = 0;
        arena_reset(&arena);
        if (text.size == 0) {
            continue;
        }
        if (succeeded(line_read(text, &defaults, &arena, &line))) {
            CORDON_ASSERT(!is_first || table == 0 || table == defaults.table);
            check_line(&line, &arena);
        }
        (void)succeeded(line_creation_time(text, &arena, &time));
        is_first = false;
    }
    return 0;
}
