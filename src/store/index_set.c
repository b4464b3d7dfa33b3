/* Index sets; see index_set.h. Numbers in a row are big-endian, as everywhere in the layout. */
#include "store/index_set.h"

#include "base/memory.h"
#include "store/layout.h"
#include "value/row.h"
#include "value/sortkey.h"

#define SET_FORMAT 1

/* Beside the state of an index. */
#define STAGED_BIT 0x10

/* -- Life ------------------------------------------------------------------------------------ */

static size_t text_bytes(const struct store_index *items, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += items[i].name.size;
        for (size_t j = 0; j < items[i].field_count; j++) {
            bytes += items[i].fields[j].size;
        }
    }
    return bytes;
}

static struct slice copy_text(struct slice text, uint8_t **at)
{
    uint8_t *copy = *at;
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    *at += text.size;
    return slice_of(copy, text.size);
}

cordon_error *index_set_new(
    const struct store_index *items, size_t count, uint32_t next_number, struct index_set **out_set)
{
    const size_t texts = text_bytes(items, count);
    struct index_set *set = mem_new(sizeof *set + count * sizeof *items + texts);
    if (set == NULL) {
        return error_no_memory();
    }
    *set = (struct index_set){.next_number = next_number, .count = count};
    uint8_t *at = (uint8_t *)&set->items[count];
    for (size_t i = 0; i < count; i++) {
        set->items[i] = items[i];
        set->items[i].name = copy_text(items[i].name, &at);
        for (size_t j = 0; j < items[i].field_count; j++) {
            set->items[i].fields[j] = copy_text(items[i].fields[j], &at);
        }
    }
    *out_set = set;
    return NULL;
}

void index_set_free(struct index_set *set)
{
    while (set != NULL) {
        struct index_set *const older = set->older;
        mem_free(set);
        set = older;
    }
}

/* -- Rows ------------------------------------------------------------------------------------ */

static cordon_error *write32(struct buffer *out, uint32_t number)
{
    uint8_t bytes[4];
    layout_store32(bytes, number);
    return buffer_append(out, slice_of(bytes, sizeof bytes));
}

static cordon_error *write_text(struct buffer *out, struct slice text)
{
    TRY(write32(out, (uint32_t)text.size));
    return buffer_append(out, text);
}

cordon_error *index_set_write(const struct index_set *set, struct buffer *out)
{
    TRY(buffer_append_byte(out, SET_FORMAT));
    TRY(write32(out, set->next_number));
    TRY(write32(out, (uint32_t)set->count));
    for (size_t i = 0; i < set->count; i++) {
        const struct store_index *index = &set->items[i];
        TRY(write32(out, index->number));
        TRY(buffer_append_byte(out, (uint8_t)(index->state | (index->staged ? STAGED_BIT : 0))));
        TRY(write_text(out, index->name));
        TRY(buffer_append_byte(out, (uint8_t)index->field_count));
        for (size_t j = 0; j < index->field_count; j++) {
            TRY(write_text(out, index->fields[j]));
        }
    }
    return NULL;
}

static bool read8(struct slice *from, uint8_t *out_number)
{
    if (from->size < 1) {
        return false;
    }
    *out_number = from->data[0];
    *from = slice_from(*from, 1);
    return true;
}

static bool read32(struct slice *from, uint32_t *out_number)
{
    if (from->size < 4) {
        return false;
    }
    *out_number = layout_load32(from->data);
    *from = slice_from(*from, 4);
    return true;
}

static bool read_text(struct slice *from, struct slice *out_text)
{
    uint32_t size = 0;
    if (!read32(from, &size) || size > from->size) {
        return false;
    }
    *out_text = slice_of(from->data, size);
    *from = slice_from(*from, size);
    return true;
}

static bool read_index(struct slice *from, struct store_index *out_index)
{
    uint8_t state = 0;
    uint8_t fields = 0;
    if (!read32(from, &out_index->number) || !read8(from, &state) ||
        !read_text(from, &out_index->name) || !read8(from, &fields) ||
        fields > STORE_INDEX_FIELDS_MAX) {
        return false;
    }
    out_index->staged = (state & STAGED_BIT) != 0;
    state &= (uint8_t)~STAGED_BIT;
    if (state != STORE_INDEX_FILLING && state != STORE_INDEX_ENABLED) {
        return false;
    }
    out_index->state = (enum store_index_state)state;
    out_index->field_count = fields;
    for (size_t i = 0; i < fields; i++) {
        if (!read_text(from, &out_index->fields[i])) {
            return false;
        }
    }
    return true;
}

static bool read_set(
    struct slice row,
    struct store_index items[STORE_INDEXES_MAX],
    uint32_t *out_next,
    size_t *out_count)
{
    uint8_t format = 0;
    uint32_t count = 0;
    if (!read8(&row, &format) || format != SET_FORMAT || !read32(&row, out_next) ||
        !read32(&row, &count) || count > STORE_INDEXES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_index(&row, &items[i])) {
            return false;
        }
    }
    *out_count = count;
    return row.size == 0;
}

cordon_error *index_set_read(struct slice row, struct index_set **out_set)
{
    struct store_index items[STORE_INDEXES_MAX];
    uint32_t next_number = 0;
    size_t count = 0;
    if (!read_set(row, items, &next_number, &count)) {
        return cordon_error_new(
            CORDON_E_STORE, "the stored indexes of a table are malformed, or of a newer version; "
                            "restore the folder from a backup");
    }
    return index_set_new(items, count, next_number, out_set);
}

/* -- Looking up ------------------------------------------------------------------------------ */

const struct index_set *index_set_at(const struct index_set *newest, uint64_t snapshot)
{
    const struct index_set *set = newest;
    while (set != NULL && set->ts > snapshot) {
        set = set->older;
    }
    return set;
}

const struct store_index *index_set_find(const struct index_set *set, uint32_t number)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (set->items[i].number == number) {
            return &set->items[i];
        }
    }
    return NULL;
}

bool index_is_same(const struct store_index *a, const struct store_index *b)
{
    bool same = slice_equal(a->name, b->name) && a->field_count == b->field_count;
    for (size_t i = 0; same && i < a->field_count; i++) {
        same = slice_equal(a->fields[i], b->fields[i]);
    }
    return same;
}

/* -- Keys ------------------------------------------------------------------------------------ */

cordon_error *index_parse_body(struct slice body, struct arena *arena, struct value *out_document)
{
    struct row row;
    TRY(row_read(body, &row));
    cordon_error *error = value_parse(row.json, arena, out_document);
    if (error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY) {
        return error;
    }
    cordon_error_free(error);
    return cordon_error_new(
        CORDON_E_STORE, "a stored document is no value; restore the folder from a backup");
}

cordon_error *index_write_fields(
    const struct store_index *index, const struct value *document, struct buffer *out)
{
    static const struct value undefined = {.kind = VALUE_UNDEFINED};
    for (size_t i = 0; i < index->field_count; i++) {
        const struct value *value = value_at(document, index->fields[i]);
        TRY(sortkey_write(out, value == NULL ? &undefined : value));
    }
    return NULL;
}

cordon_error *index_write_fields_of(
    const struct store_index *index, struct slice body, struct buffer *out)
{
    if (index->field_count == 0) {
        return NULL;
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, INDEX_TREE_BYTES_MAX);
    struct value document = {0};
    TRY(index_parse_body(body, &arena, &document));
    return index_write_fields(index, &document, out);
}

cordon_error *store_index_key(
    const struct store_index *index,
    const struct store_id *id,
    double creation_time,
    const struct value *document,
    struct buffer *out)
{
    TRY(index_write_fields(index, document, out));
    uint8_t place[LAYOUT_PLACE_BYTES];
    layout_place(id, creation_time, place);
    return buffer_append(out, slice_of(place, sizeof place));
}
