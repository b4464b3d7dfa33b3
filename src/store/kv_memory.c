/*
 * The memory backend: one skip list under a reader-writer lock. It is the model the durable
 * backends are checked against, so it is written to be obviously right: a batch is gathered
 * first, with all the memory it needs, and applied in one go that cannot fail.
 */
#include "base/memory.h"
#include "store/kv.h"
#include "store/skip.h"

#include <pthread.h>

struct change {
    struct skip_node *node; /* owned until applied */
    bool removal;           /* the node only carries the key */
};

struct memory_kv {
    struct kv base;
    pthread_rwlock_t lock; /* over `rows` */
    struct skip rows;
    /* The batch being gathered; of the one writer. */
    struct change *changes;
    size_t change_count;
    size_t change_capacity;
    uint64_t random;
};

struct memory_reader {
    struct kv_reader base;
    struct memory_kv *kv;
    struct skip_node *at; /* the row found last */
};

/* -- Reading --------------------------------------------------------------------------------- */

static cordon_error *reader_open(struct kv *kv, struct kv_reader **out_reader)
{
    struct memory_reader *reader = MEM_NEW(struct memory_reader);
    if (reader == NULL) {
        return error_no_memory();
    }
    reader->base.ops = kv->ops;
    reader->kv = (struct memory_kv *)kv;
    const int failed = pthread_rwlock_rdlock(&reader->kv->lock);
    CORDON_ASSERT(failed == 0);
    *out_reader = &reader->base;
    return NULL;
}

static void reader_close(struct kv_reader *base)
{
    struct memory_reader *reader = (struct memory_reader *)base;
    (void)pthread_rwlock_unlock(&reader->kv->lock);
    mem_free(reader);
}

static cordon_error *answer(
    struct kv_reader *base, struct skip_node *node, bool *out_found, struct kv_row *out_row)
{
    ((struct memory_reader *)base)->at = node;
    *out_found = node != NULL;
    if (node != NULL) {
        *out_row = (struct kv_row){.key = node->key, .value = node->value};
    }
    return NULL;
}

static const struct skip *rows_of(struct kv_reader *base)
{
    return &((struct memory_reader *)base)->kv->rows;
}

static cordon_error *seek(
    struct kv_reader *base, struct slice key, bool *out_found, struct kv_row *out_row)
{
    return answer(base, skip_seek(rows_of(base), key), out_found, out_row);
}

static cordon_error *seek_before(
    struct kv_reader *base, struct slice key, bool *out_found, struct kv_row *out_row)
{
    return answer(base, skip_seek_before(rows_of(base), key, false), out_found, out_row);
}

static cordon_error *next(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    const struct skip_node *at = ((struct memory_reader *)base)->at;
    CORDON_ASSERT(at != NULL);
    return answer(base, skip_next(at), out_found, out_row);
}

static cordon_error *previous(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    const struct skip_node *at = ((struct memory_reader *)base)->at;
    CORDON_ASSERT(at != NULL);
    return seek_before(base, at->key, out_found, out_row);
}

/* -- Writing --------------------------------------------------------------------------------- */

static void forget_changes(struct memory_kv *kv)
{
    for (size_t i = 0; i < kv->change_count; i++) {
        mem_free(kv->changes[i].node);
    }
    kv->change_count = 0;
}

static cordon_error *write_begin(struct kv *base)
{
    CORDON_ASSERT(((struct memory_kv *)base)->change_count == 0);
    return NULL;
}

static void write_abort(struct kv *base)
{
    forget_changes((struct memory_kv *)base);
}

static cordon_error *gather(
    struct memory_kv *kv, bool removal, struct slice key, struct slice value)
{
    if (kv->change_count == kv->change_capacity) {
        const size_t capacity = kv->change_capacity == 0 ? 64 : 2 * kv->change_capacity;
        struct change *grown = mem_realloc(kv->changes, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_no_memory();
        }
        kv->changes = grown;
        kv->change_capacity = capacity;
    }
    const uint32_t height = skip_height(skip_random(&kv->random));
    const size_t head = skip_node_bytes(height);
    struct skip_node *node = mem_new(head + key.size + value.size);
    if (node == NULL) {
        return error_no_memory();
    }
    uint8_t *bytes = (uint8_t *)node + head;
    memcpy(bytes, key.data, key.size);
    if (value.size > 0) {
        memcpy(bytes + key.size, value.data, value.size);
    }
    node->height = height;
    node->key = slice_of(bytes, key.size);
    node->value = slice_of(bytes + key.size, value.size);
    kv->changes[kv->change_count++] = (struct change){.node = node, .removal = removal};
    return NULL;
}

static cordon_error *write_put(struct kv *base, struct slice key, struct slice value)
{
    return gather((struct memory_kv *)base, false, key, value);
}

static cordon_error *write_remove(struct kv *base, struct slice key)
{
    return gather((struct memory_kv *)base, true, key, (struct slice){0});
}

static void apply(struct memory_kv *kv, const struct change *change)
{
    struct skip_node *old = skip_find(&kv->rows, change->node->key);
    if (old != NULL) {
        skip_remove(&kv->rows, old);
        mem_free(old);
    }
    if (change->removal) {
        mem_free(change->node);
    } else {
        skip_insert(&kv->rows, change->node);
    }
}

static cordon_error *write_commit(struct kv *base)
{
    struct memory_kv *kv = (struct memory_kv *)base;
    const int failed = pthread_rwlock_wrlock(&kv->lock);
    CORDON_ASSERT(failed == 0);
    for (size_t i = 0; i < kv->change_count; i++) {
        apply(kv, &kv->changes[i]);
    }
    kv->change_count = 0;
    (void)pthread_rwlock_unlock(&kv->lock);
    return NULL;
}

static uint64_t free_bytes(struct kv *base)
{
    (void)base;
    return UINT64_MAX;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void close_kv(struct kv *base)
{
    struct memory_kv *kv = (struct memory_kv *)base;
    forget_changes(kv);
    mem_free(kv->changes);
    struct skip_node *node = skip_first(&kv->rows);
    while (node != NULL) {
        struct skip_node *following = skip_next(node);
        mem_free(node);
        node = following;
    }
    (void)pthread_rwlock_destroy(&kv->lock);
    mem_free(kv);
}

static const struct kv_ops memory_ops = {
    .reader_open = reader_open,
    .reader_close = reader_close,
    .seek = seek,
    .seek_before = seek_before,
    .next = next,
    .previous = previous,
    .write_begin = write_begin,
    .write_put = write_put,
    .write_remove = write_remove,
    .write_commit = write_commit,
    .write_abort = write_abort,
    .free_bytes = free_bytes,
    .close = close_kv,
};

/* glibc's default lets a stream of readers starve the writer, which here is every commit. */
static int init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    int failed = pthread_rwlockattr_init(&attributes);
    if (failed == 0) {
        failed = pthread_rwlockattr_setkind_np(
            &attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        if (failed == 0) {
            failed = pthread_rwlock_init(lock, &attributes);
        }
        (void)pthread_rwlockattr_destroy(&attributes);
    }
    return failed;
}

cordon_error *kv_open_memory(struct kv **out_kv)
{
    struct memory_kv *kv = MEM_NEW(struct memory_kv);
    if (kv == NULL) {
        return error_no_memory();
    }
    kv->base.ops = &memory_ops;
    kv->random = 1;
    if (init_lock(&kv->lock) != 0) {
        mem_free(kv);
        return cordon_error_new(
            CORDON_E_SYSTEM, "a lock could not be made; free some memory and try again");
    }
    *out_kv = &kv->base;
    return NULL;
}
