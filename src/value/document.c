/*
 * Documents: system fields, patches, limits. A change makes a new row of fields and shares all that
 * did not change, so its price is the number of fields at the top and not the size of the document.
 */
#include "value/document.h"

#include "value/value_error.h"

static size_t merge_fields(
    const struct value *base, const struct value *patch, struct value_field *out_fields)
{
    size_t count = 0;
    size_t left = 0;
    size_t right = 0;
    while (left < base->count || right < patch->count) {
        int order = left == base->count ? 1 : right == patch->count ? -1 : 0;
        if (order == 0) {
            order = slice_compare(base->as.fields[left].name, patch->as.fields[right].name);
        }
        const struct value_field *next =
            order < 0 ? &base->as.fields[left] : &patch->as.fields[right];
        left += order <= 0;
        right += order >= 0;
        if (next->value.kind != VALUE_UNDEFINED) {
            out_fields[count] = *next;
            count++;
        }
    }
    return count;
}

cordon_error *value_merge(
    const struct value *base,
    const struct value *patch,
    struct arena *arena,
    struct value *out_object)
{
    CORDON_ASSERT(base->kind == VALUE_OBJECT && patch->kind == VALUE_OBJECT);
    if (patch->count == 0) {
        *out_object = *base;
        return NULL;
    }
    const size_t count_max = (size_t)base->count + patch->count;
    struct value_field *fields = arena_alloc(arena, count_max * sizeof *fields);
    if (fields == NULL) {
        return arena_error(arena);
    }
    const size_t count = merge_fields(base, patch, fields);
    if (count > VALUE_OBJECT_FIELDS_MAX) {
        return value_too_many_fields(count);
    }
    *out_object = value_object(fields, count);
    return NULL;
}

cordon_error *document_with_system_fields(
    const struct value *object,
    struct slice id_text,
    double creation_time,
    struct arena *arena,
    struct value *out_document)
{
    const struct value_field fields[] = {
        {SLICE("_creationTime"), value_float64(creation_time)},
        {SLICE("_id"), value_string(id_text)},
    };
    const struct value system = value_object(fields, 2);
    return value_merge(object, &system, arena, out_document);
}

cordon_error *document_without_system_fields(
    const struct value *document, struct arena *arena, struct value *out_object)
{
    CORDON_ASSERT(document->kind == VALUE_OBJECT);
    struct value_field *fields = arena_alloc(arena, (document->count + 1) * sizeof *fields);
    if (fields == NULL) {
        return arena_error(arena);
    }
    size_t count = 0;
    for (size_t i = 0; i < document->count; i++) {
        if (document->as.fields[i].name.data[0] != '_') {
            fields[count++] = document->as.fields[i];
        }
    }
    *out_object = value_object(fields, count);
    return NULL;
}

cordon_error *document_system_fields(
    const struct value *document, struct document_id *out_id, double *out_creation_time)
{
    const struct value *id = value_field(document, SLICE("_id"));
    const struct value *time = value_field(document, SLICE("_creationTime"));
    if (id == NULL || id->kind != VALUE_STRING || time == NULL || time->kind != VALUE_FLOAT64 ||
        !document_id_decode(value_slice(id), out_id)) {
        return cordon_error_new(
            CORDON_E_STORE, "a stored document lacks its system fields; restore the data folder "
                            "from a backup");
    }
    *out_creation_time = time->as.float64;
    return NULL;
}

cordon_error *document_check_names(const struct value *object)
{
    CORDON_ASSERT(object->kind == VALUE_OBJECT);
    for (size_t i = 0; i < object->count; i++) {
        const struct slice name = object->as.fields[i].name;
        if (name.data[0] == '_' && !slice_equal(name, SLICE("_id")) &&
            !slice_equal(name, SLICE("_creationTime"))) {
            return cordon_error_new(
                CORDON_E_BAD_VALUE,
                "Field '%.*s' starts with an underscore, which is only allowed for system fields "
                "like '_id'",
                SLICE_FMT(name));
        }
    }
    return NULL;
}

cordon_error *document_check_limits(const struct value *document, size_t *out_size)
{
    if (document->nesting > DOCUMENT_NESTING_MAX) {
        return value_too_nested(document->nesting, DOCUMENT_NESTING_MAX);
    }
    const size_t size = value_size(document);
    if (size > DOCUMENT_SIZE_MAX) {
        return value_too_large(size, DOCUMENT_SIZE_MAX);
    }
    if (out_size != NULL) {
        *out_size = size;
    }
    return NULL;
}
