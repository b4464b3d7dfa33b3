/* Lines of an import; see data_line.h. */
#include "run/data/data_line.h"

#include <math.h>

/* Of a line that is read only to learn its table. */
#define PEEK_BYTES_MAX ((size_t)256 << 20)

bool line_next(struct slice *rest, struct slice *out_text)
{
    if (!slice_take_line(rest, out_text)) {
        return false;
    }
    while (out_text->size > 0 && strchr(" \t\r", out_text->data[out_text->size - 1]) != NULL) {
        out_text->size--;
    }
    return true;
}

static uint32_t table_of(struct slice text)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, PEEK_BYTES_MAX);
    struct value document = {0};
    struct document_id id = {0};
    cordon_error *error = value_parse(text, &arena, &document);
    const struct value *field = error == NULL ? value_field(&document, SLICE("_id")) : NULL;
    cordon_error_free(error);
    const bool good =
        field != NULL && field->kind == VALUE_STRING && document_id_decode(value_slice(field), &id);
    return good ? id.table : 0;
}

uint32_t line_first_table(struct slice lines)
{
    struct slice text = {0};
    do {
        if (!line_next(&lines, &text)) {
            return 0;
        }
    } while (text.size == 0);
    return table_of(text);
}

/* A new id says when, so the time is known before. */
static cordon_error *read_id(
    const struct value *document, const struct line_defaults *defaults, struct line *line)
{
    const struct value *field = value_field(document, SLICE("_id"));
    line->id = document_id_new(defaults->table, line->creation_time, defaults->random);
    if (field == NULL) {
        return NULL;
    }
    if (field->kind != VALUE_STRING || !document_id_decode(value_slice(field), &line->id)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the field `_id` is no document ID; leave it out, and the document "
                              "gets one");
    }
    if (line->id.table != defaults->table) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the field `_id` is the ID of a document of another table: its number is %u, and that "
            "of this table %u; leave it out, and the document gets one",
            line->id.table, defaults->table);
    }
    return NULL;
}

static cordon_error *read_creation_time(
    const struct value *document, const struct line_defaults *defaults, struct line *line)
{
    const struct value *field = value_field(document, SLICE("_creationTime"));
    line->has_creation_time = field != NULL;
    line->creation_time = defaults->creation_time;
    if (field == NULL) {
        return NULL;
    }
    if (field->kind != VALUE_FLOAT64 || !isfinite(field->as.float64) || field->as.float64 < 0 ||
        value_float_is_special(field->as.float64)) {
        return cordon_error_new(
            CORDON_E_INVALID, "the field `_creationTime` is no time in milliseconds since 1970; "
                              "leave it out, and the document gets one");
    }
    line->creation_time = field->as.float64;
    return NULL;
}

cordon_error *line_read(
    struct slice text,
    const struct line_defaults *defaults,
    struct arena *arena,
    struct line *out_line)
{
    struct value given = {0};
    struct line line = {.size = 0};
    TRY(value_parse(text, arena, &given));
    if (given.kind != VALUE_OBJECT) {
        return cordon_error_new(CORDON_E_BAD_VALUE, "a document is an object");
    }
    TRY(document_check_names(&given));
    TRY(read_creation_time(&given, defaults, &line));
    TRY(read_id(&given, defaults, &line));
    char *id_text = arena_alloc(arena, DOCUMENT_ID_TEXT_MAX + 1);
    if (id_text == NULL) {
        return arena_error(arena);
    }
    const size_t id_size = document_id_encode(&line.id, id_text);
    TRY(document_with_system_fields(
        &given, slice_of(id_text, id_size), line.creation_time, arena, &line.document));
    TRY(document_check_limits(&line.document, &line.size));
    *out_line = line;
    return NULL;
}

cordon_error *line_system_fields(
    struct slice json, struct arena *arena, struct document_id *out_id, double *out_creation_time)
{
    struct value document = {0};
    TRY(value_parse(json, arena, &document));
    return document_system_fields(&document, out_id, out_creation_time);
}

cordon_error *line_creation_time(struct slice json, struct arena *arena, double *out_creation_time)
{
    struct document_id id;
    return line_system_fields(json, arena, &id, out_creation_time);
}
