/*
 * Merging memtables and backend. The same physical row may be in two of them for a moment (after
 * its flush and before the drop); the copies are equal, and the cursor shows one.
 */
#include "store/reading.h"

cordon_error *reading_reader(struct reading *reading, struct kv_reader **out_reader)
{
    if (reading->reader == NULL) {
        TRY(reading->kv->ops->reader_open(reading->kv, &reading->reader));
    }
    *out_reader = reading->reader;
    return NULL;
}

/* Settles on the least (or greatest) of what the sources stand on. */
static void choose(struct cursor *cursor, bool greatest)
{
    cursor->found = cursor->kv_found;
    cursor->row = cursor->kv_row;
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        const struct skip_node *node = cursor->nodes[i];
        if (node == NULL) {
            continue;
        }
        const int order = cursor->found ? slice_compare(node->key, cursor->row.key) : 0;
        if (!cursor->found || (greatest ? order > 0 : order < 0)) {
            cursor->found = true;
            cursor->row = (struct kv_row){.key = node->key, .value = node->value};
        }
    }
}

cordon_error *cursor_seek(struct cursor *cursor, struct slice key)
{
    struct kv_reader *reader = NULL;
    TRY(reading_reader(cursor->reading, &reader));
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        const struct memtable *table = cursor->reading->view->tables[i];
        cursor->nodes[i] = table == NULL ? NULL : skip_seek(&table->rows, key);
    }
    TRY(reader->ops->seek(reader, key, &cursor->kv_found, &cursor->kv_row));
    choose(cursor, false);
    return NULL;
}

cordon_error *cursor_seek_before(struct cursor *cursor, struct slice key)
{
    struct kv_reader *reader = NULL;
    TRY(reading_reader(cursor->reading, &reader));
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        const struct memtable *table = cursor->reading->view->tables[i];
        cursor->nodes[i] = table == NULL ? NULL : skip_seek_before(&table->rows, key, false);
    }
    TRY(reader->ops->seek_before(reader, key, &cursor->kv_found, &cursor->kv_row));
    choose(cursor, true);
    return NULL;
}

cordon_error *cursor_next(struct cursor *cursor)
{
    CORDON_ASSERT(cursor->found);
    const struct slice passed = cursor->row.key;
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        struct skip_node *node = cursor->nodes[i];
        if (node != NULL && slice_equal(node->key, passed)) {
            cursor->nodes[i] = skip_next(node);
        }
    }
    if (cursor->kv_found && slice_equal(cursor->kv_row.key, passed)) {
        struct kv_reader *reader = cursor->reading->reader;
        TRY(reader->ops->next(reader, &cursor->kv_found, &cursor->kv_row));
    }
    choose(cursor, false);
    return NULL;
}

cordon_error *cursor_previous(struct cursor *cursor)
{
    CORDON_ASSERT(cursor->found);
    const struct slice passed = cursor->row.key;
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        const struct skip_node *node = cursor->nodes[i];
        if (node != NULL && slice_equal(node->key, passed)) {
            const struct memtable *table = cursor->reading->view->tables[i];
            cursor->nodes[i] = skip_seek_before(&table->rows, passed, false);
        }
    }
    if (cursor->kv_found && slice_equal(cursor->kv_row.key, passed)) {
        struct kv_reader *reader = cursor->reading->reader;
        TRY(reader->ops->previous(reader, &cursor->kv_found, &cursor->kv_row));
    }
    choose(cursor, true);
    return NULL;
}
