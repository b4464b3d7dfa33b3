/*
 * The backend of an embedding program: its functions (include/cordon/store.h) behind the interface
 * of kv.h. A step to the next row is a search from behind the last one, so that a program has one
 * way to read; a batch is gathered here, so that it has one way to write.
 *
 * A program's store is trusted as its code is, but it may well have faults: rows that are not where
 * they were looked for are an error, and never a loop without end.
 */
#include "base/arena.h"
#include "base/memory.h"
#include "store/kv.h"
#include "store/layout.h"

#include <cordon/store.h>

/* Of the changes of a batch together: far over what a flush has. */
#define BATCH_BYTES_MAX ((size_t)8 << 30)

struct program_kv {
    struct kv base;
    cordon_store_functions functions;
    void *arg;
    /* The batch being gathered; of the one writer. */
    struct arena bytes;
    cordon_store_change *changes;
    size_t change_count;
    size_t change_capacity;
};

struct program_reader {
    struct kv_reader base;
    struct program_kv *kv;
    void *snapshot;
    struct slice at; /* the key of the row found last */
};

static cordon_text text_of(struct slice bytes)
{
    return (cordon_text){(const char *)bytes.data, bytes.size};
}

static struct slice slice_of_text(cordon_text text)
{
    return slice_of((const uint8_t *)text.data, text.size);
}

/* -- Reading --------------------------------------------------------------------------------- */

static cordon_error *reader_open(struct kv *base, struct kv_reader **out_reader)
{
    struct program_kv *kv = (struct program_kv *)base;
    struct program_reader *reader = MEM_NEW(struct program_reader);
    if (reader == NULL) {
        return error_no_memory();
    }
    reader->base.ops = base->ops;
    reader->kv = kv;
    cordon_error *error = kv->functions.snapshot(kv->arg, &reader->snapshot);
    if (error != NULL) {
        mem_free(reader);
        return error;
    }
    *out_reader = &reader->base;
    return NULL;
}

static void reader_close(struct kv_reader *base)
{
    struct program_reader *reader = (struct program_reader *)base;
    reader->kv->functions.release(reader->kv->arg, reader->snapshot);
    mem_free(reader);
}

static bool is_there(struct slice key, struct slice asked, cordon_store_place place)
{
    if (key.data == NULL || key.size == 0 || key.size > LAYOUT_KEY_BYTES_MAX) {
        return false;
    }
    const int order = slice_compare(key, asked);
    return place == CORDON_STORE_BEFORE ? order < 0 : order >= 0;
}

static cordon_error *find(
    struct program_reader *reader,
    struct slice key,
    cordon_store_place place,
    bool *out_found,
    struct kv_row *out_row)
{
    const struct program_kv *kv = reader->kv;
    bool found = false;
    cordon_text found_key = {0};
    cordon_text value = {0};
    TRY(kv->functions.find(
        kv->arg, reader->snapshot, text_of(key), place, &found, &found_key, &value));
    *out_found = found;
    if (!found) {
        return NULL;
    }
    reader->at = slice_of_text(found_key);
    if (!is_there(reader->at, key, place)) {
        return cordon_error_new(
            CORDON_E_STORE, "the program's store gave a row that is not where it was looked for; "
                            "correct its `find`");
    }
    if (value.data == NULL && value.size > 0) {
        return cordon_error_new(
            CORDON_E_STORE, "the program's store gave a row without its bytes; correct its `find`");
    }
    *out_row = (struct kv_row){.key = reader->at, .value = slice_of_text(value)};
    return NULL;
}

static cordon_error *seek(
    struct kv_reader *reader, struct slice key, bool *out_found, struct kv_row *out_row)
{
    return find((struct program_reader *)reader, key, CORDON_STORE_AT_OR_AFTER, out_found, out_row);
}

static cordon_error *seek_before(
    struct kv_reader *reader, struct slice key, bool *out_found, struct kv_row *out_row)
{
    return find((struct program_reader *)reader, key, CORDON_STORE_BEFORE, out_found, out_row);
}

/*
 * The least key over that of the row found last has a zero byte more, and of the longest keys, as
 * there are no longer ones, a last byte that is one more: the program is asked for no key that it
 * could not have.
 */
static cordon_error *next(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    const struct slice at = ((struct program_reader *)base)->at;
    uint8_t key[LAYOUT_KEY_BYTES_MAX];
    size_t size = at.size;
    memcpy(key, at.data, size);
    if (size < sizeof key) {
        key[size++] = 0;
        return seek(base, slice_of(key, size), out_found, out_row);
    }
    while (size > 0 && key[size - 1] == UINT8_MAX) {
        size--;
    }
    if (size == 0) {
        *out_found = false;
        return NULL;
    }
    key[size - 1]++;
    return seek(base, slice_of(key, size), out_found, out_row);
}

static cordon_error *previous(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    return seek_before(base, ((struct program_reader *)base)->at, out_found, out_row);
}

/* -- Writing --------------------------------------------------------------------------------- */

static void forget_changes(struct program_kv *kv)
{
    arena_done(&kv->bytes);
    arena_init(&kv->bytes, BATCH_BYTES_MAX);
    kv->change_count = 0;
}

static cordon_error *write_begin(struct kv *base)
{
    CORDON_ASSERT(((struct program_kv *)base)->change_count == 0);
    return NULL;
}

static void write_abort(struct kv *base)
{
    forget_changes((struct program_kv *)base);
}

static cordon_error *gather(
    struct program_kv *kv, struct slice key, struct slice value, bool removes)
{
    if (kv->change_count == kv->change_capacity) {
        const size_t capacity = kv->change_capacity == 0 ? 64 : 2 * kv->change_capacity;
        cordon_store_change *grown = mem_realloc(kv->changes, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_no_memory();
        }
        kv->changes = grown;
        kv->change_capacity = capacity;
    }
    const struct slice key_kept = arena_copy(&kv->bytes, key);
    const struct slice value_kept = arena_copy(&kv->bytes, value);
    if (key_kept.data == NULL || value_kept.data == NULL) {
        return arena_error(&kv->bytes);
    }
    kv->changes[kv->change_count++] = (cordon_store_change){
        .key = text_of(key_kept),
        .value = text_of(value_kept),
        .removes = removes,
    };
    return NULL;
}

static cordon_error *write_put(struct kv *kv, struct slice key, struct slice value)
{
    return gather((struct program_kv *)kv, key, value, false);
}

static cordon_error *write_remove(struct kv *kv, struct slice key)
{
    return gather((struct program_kv *)kv, key, SLICE(""), true);
}

static cordon_error *write_commit(struct kv *base)
{
    struct program_kv *kv = (struct program_kv *)base;
    cordon_error *error = kv->functions.commit(kv->arg, kv->changes, kv->change_count);
    forget_changes(kv);
    return error;
}

/* The program knows; a commit that has no room fails. */
static uint64_t free_bytes(struct kv *kv)
{
    (void)kv;
    return UINT64_MAX;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void close_kv(struct kv *base)
{
    struct program_kv *kv = (struct program_kv *)base;
    if (kv->functions.close != NULL) {
        kv->functions.close(kv->arg);
    }
    arena_done(&kv->bytes);
    mem_free(kv->changes);
    mem_free(kv);
}

static const struct kv_ops program_ops = {
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

static cordon_error *look_for_rows(struct kv *kv, bool *out_new)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    TRY(reader_open(kv, &reader));
    bool found = false;
    struct kv_row row;
    TRY(seek(reader, SLICE("\0"), &found, &row));
    *out_new = !found;
    return NULL;
}

cordon_error *kv_open_program(
    const cordon_store_functions *functions, void *arg, bool *out_new, struct kv **out_kv)
{
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    struct program_kv *made = MEM_NEW(struct program_kv);
    if (made == NULL) {
        if (functions->close != NULL) {
            functions->close(arg);
        }
        return error_no_memory();
    }
    kv = &made->base;
    made->base.ops = &program_ops;
    made->functions = *functions;
    made->arg = arg;
    arena_init(&made->bytes, BATCH_BYTES_MAX);
    TRY(look_for_rows(kv, out_new));
    *out_kv = CORDON_TAKE(kv);
    return NULL;
}
