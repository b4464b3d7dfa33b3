/* Rows of schemas; see schema_row.h. */
#include "host/schema_row.h"

#include "value/json.h"

#define PREFIX_BYTES (sizeof SCHEMA_ROW_PREFIX - 1)
#define UNFIT_BYTES (sizeof SCHEMA_UNFIT_PREFIX - 1)

/* Of a row's JSON: a node of 16 bytes for each byte of text, and the parser reserves ahead. */
#define JSON_BYTES_MAX (SCHEMA_ROW_BYTES_MAX * 32)

struct slice schema_row_key(struct schema_row_key *key, uint32_t table)
{
    memcpy(key->bytes, SCHEMA_ROW_PREFIX, PREFIX_BYTES);
    for (size_t i = 0; i < 4; i++) {
        key->bytes[PREFIX_BYTES + i] = (uint8_t)(table >> (24 - 8 * i));
    }
    return slice_of(key->bytes, sizeof key->bytes);
}

bool schema_row_is_key(struct slice key, uint32_t *out_table)
{
    if (key.size != sizeof(struct schema_row_key) ||
        memcmp(key.data, SCHEMA_ROW_PREFIX, PREFIX_BYTES) != 0) {
        return false;
    }
    uint32_t table = 0;
    for (size_t i = 0; i < 4; i++) {
        table = table << 8 | key.data[PREFIX_BYTES + i];
    }
    *out_table = table;
    return true;
}

struct slice schema_unfit_key(struct schema_unfit_key *key, const struct document_id *id)
{
    memcpy(key->text, SCHEMA_UNFIT_PREFIX, UNFIT_BYTES);
    const size_t size = document_id_encode(id, key->text + UNFIT_BYTES);
    return slice_of(key->text, UNFIT_BYTES + size);
}

bool schema_unfit_is_key(struct slice key, struct document_id *out_id)
{
    return key.size > UNFIT_BYTES && memcmp(key.data, SCHEMA_UNFIT_PREFIX, UNFIT_BYTES) == 0 &&
           document_id_decode(slice_of(key.data + UNFIT_BYTES, key.size - UNFIT_BYTES), out_id);
}

static cordon_error *write_table(const struct schema_table *table, struct buffer *out)
{
    return table == NULL ? buffer_append(out, SLICE("null")) : schema_table_write(table, out);
}

cordon_error *schema_row_write(const struct schema_row *row, struct buffer *out)
{
    TRY(buffer_append(out, SLICE("{\"now\":")));
    TRY(write_table(row->now, out));
    TRY(buffer_append(out, SLICE(",\"next\":")));
    TRY(write_table(row->next, out));
    return buffer_append_byte(out, '}');
}

static cordon_error *damaged(void)
{
    return cordon_error_new(
        CORDON_E_STORE, "what the store keeps of a table's schema is damaged; restore the data "
                        "folder from a backup");
}

/* Nothing that is wrong with its form can be the fault of who reads it. */
static cordon_error *as_damage(cordon_error *error)
{
    if (error == NULL) {
        return NULL;
    }
    const cordon_error_code code = cordon_error_get_code(error);
    const bool is_form = code == CORDON_E_BAD_JSON || code == CORDON_E_BAD_VALUE ||
                         code == CORDON_E_TOO_NESTED || code == CORDON_E_INVALID;
    if (!is_form) {
        return error;
    }
    cordon_error_free(error);
    return damaged();
}

static cordon_error *read_table(
    const struct json_node *json, struct arena *arena, const struct schema_table **out_table)
{
    if (json_kind(json) == JSON_NULL) {
        *out_table = NULL;
        return NULL;
    }
    struct schema_table *table = arena_alloc(arena, sizeof *table);
    if (table == NULL) {
        return arena_error(arena);
    }
    TRY(schema_table_read(json, arena, table));
    *out_table = table;
    return NULL;
}

static cordon_error *read_both(
    struct slice bytes, struct arena *arena, struct account *account, struct schema_row *row)
{
    const struct json_limits limits = {
        .bytes_max = JSON_BYTES_MAX, .depth_max = JSON_DEPTH_MAX, .account = account};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(bytes, &limits, &doc));
    TRY(read_table(json_get(json_root(doc), SLICE("now")), arena, &row->now));
    return read_table(json_get(json_root(doc), SLICE("next")), arena, &row->next);
}

cordon_error *schema_row_read(
    struct slice bytes, struct arena *arena, struct account *account, struct schema_row *out_row)
{
    struct schema_row row = {.now = NULL};
    TRY(as_damage(read_both(bytes, arena, account, &row)));
    if (row.now == NULL && row.next == NULL) {
        return damaged();
    }
    *out_row = row;
    return NULL;
}

bool schema_same_documents(const struct schema_table *a, const struct schema_table *b)
{
    return a == NULL || b == NULL ? a == b : slice_equal(a->document_json, b->document_json);
}
