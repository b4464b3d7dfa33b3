/* Documents for those who block; see documents.h. */
#include "run/data/documents.h"

#include "host/check.h"

cordon_error *documents_match(
    struct rows *rows,
    const struct validator *validator,
    const struct value *document,
    struct arena *arena,
    struct buffer *words,
    bool *out_matches)
{
    struct value fields = {0};
    struct checker checker = {.txn = rows->txn, .arena = arena};
    enum check_verdict verdict = CHECK_PENDING;
    TRY(document_without_system_fields(document, arena, &fields));
    for (;;) {
        TRY(check_value(&checker, validator, &fields, words, &verdict));
        if (verdict != CHECK_PENDING) {
            break;
        }
        event_wait(&rows->woken, UINT64_MAX);
    }
    *out_matches = verdict == CHECK_GOOD;
    return NULL;
}

cordon_error *documents_place(
    const struct document_id *id, double creation_time, struct buffer *key)
{
    static const struct value none = {.kind = VALUE_NULL};
    const struct store_index creation = {.field_count = 0};
    const struct store_id store_id = store_id_of(id);
    buffer_clear(key);
    return store_index_key(&creation, &store_id, creation_time, &none, key);
}

cordon_error *documents_place_behind(
    const struct document_id *id, double creation_time, struct buffer *key)
{
    TRY(documents_place(id, creation_time, key));
    while (key->data[key->size - 1] == UINT8_MAX) {
        key->size--; /* never all of it: a time does not begin with such a byte */
    }
    key->data[key->size - 1]++;
    return NULL;
}
