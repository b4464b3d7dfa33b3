/* Memtables and views; see overlay.h. */
#include "store/overlay.h"

#include "base/memory.h"

cordon_error *memtable_new(struct memtable **out_table)
{
    struct memtable *table = MEM_NEW(struct memtable);
    if (table == NULL) {
        return error_no_memory();
    }
    atomic_store(&table->references, 1);
    *out_table = table;
    return NULL;
}

void memtable_ref(struct memtable *table)
{
    (void)atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
}

void memtable_unref(struct memtable *table)
{
    if (table == NULL ||
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    struct batch *batch = table->batches;
    while (batch != NULL) {
        struct batch *next = batch->next;
        batch_free(batch);
        batch = next;
    }
    mem_free(table);
}

void memtable_add(struct memtable *table, struct batch *batch, uint64_t ts)
{
    for (struct batch_row *row = batch->first; row != NULL; row = row->next) {
        skip_insert(&table->rows, row->node);
        table->has_garbage = table->has_garbage || row->stamp == STAMP_TIME;
    }
    batch->next = table->batches;
    table->batches = batch;
    table->bytes += batch->bytes;
    table->last_ts = ts;
}

cordon_error *overlay_init(struct overlay *overlay)
{
    TRY(memtable_new(&overlay->active));
    (void)pthread_mutex_init(&overlay->lock, NULL);
    overlay->flushing = NULL;
    atomic_store(&overlay->generation, 1);
    return NULL;
}

void overlay_done(struct overlay *overlay)
{
    if (overlay->active == NULL) {
        return; /* never made */
    }
    memtable_unref(overlay->active);
    memtable_unref(overlay->flushing);
    (void)pthread_mutex_destroy(&overlay->lock);
}

void overlay_rotate(struct overlay *overlay, struct memtable *fresh)
{
    (void)pthread_mutex_lock(&overlay->lock);
    CORDON_ASSERT(overlay->flushing == NULL);
    overlay->flushing = overlay->active;
    overlay->active = fresh;
    (void)atomic_fetch_add(&overlay->generation, 1);
    (void)pthread_mutex_unlock(&overlay->lock);
}

struct memtable *overlay_flushing(struct overlay *overlay)
{
    (void)pthread_mutex_lock(&overlay->lock);
    struct memtable *flushing = overlay->flushing;
    (void)pthread_mutex_unlock(&overlay->lock);
    return flushing;
}

void overlay_drop(struct overlay *overlay)
{
    (void)pthread_mutex_lock(&overlay->lock);
    struct memtable *dropped = CORDON_TAKE(overlay->flushing);
    (void)atomic_fetch_add(&overlay->generation, 1);
    (void)pthread_mutex_unlock(&overlay->lock);
    memtable_unref(dropped);
}

void view_done(struct view *view)
{
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        memtable_unref(view->tables[i]);
    }
    *view = (struct view){0};
}

void view_refresh(struct view *view, struct overlay *overlay)
{
    if (view->generation == atomic_load(&overlay->generation)) {
        return;
    }
    struct view fresh = {0};
    (void)pthread_mutex_lock(&overlay->lock);
    fresh.generation = atomic_load(&overlay->generation);
    fresh.tables[0] = overlay->active;
    fresh.tables[1] = overlay->flushing;
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        if (fresh.tables[i] != NULL) {
            memtable_ref(fresh.tables[i]);
        }
    }
    (void)pthread_mutex_unlock(&overlay->lock);
    view_done(view);
    *view = fresh;
}
