/*
 * A backend over the bytes of a data file that only reads: what reads the store over LMDB reads a
 * backup, or a file that may be damaged, by the same code. A page that cannot be is an error, with
 * its place.
 */
#include "base/memory.h"
#include "upkeep/image_page.h"

#include <inttypes.h>

/* Where a cursor stands: a node in each page from the root to a leaf. */
struct image_cursor {
    struct kv_reader base;
    const struct image *image;
    unsigned depth; /* 0: nowhere */
    struct {
        struct image_page page;
        unsigned node;
    } path[IMAGE_DEPTH_MAX];
};

struct image_kv {
    struct kv base;
    struct image image;
};

static cordon_error *reader_open(struct kv *base, struct kv_reader **out_reader)
{
    struct image_cursor *cursor = MEM_NEW(struct image_cursor);
    if (cursor == NULL) {
        return error_no_memory();
    }
    cursor->base.ops = base->ops;
    cursor->image = &((const struct image_kv *)base)->image;
    *out_reader = &cursor->base;
    return NULL;
}

static void reader_close(struct kv_reader *base)
{
    mem_free(base);
}

static cordon_error *enter(struct image_cursor *cursor, uint64_t number)
{
    const struct image_tree *tree = &cursor->image->rows;
    const bool is_leaf = cursor->depth + 1 == tree->depth;
    const char *words = image_page_read(
        cursor->image, number, is_leaf ? IMAGE_LEAF : IMAGE_BRANCH,
        &cursor->path[cursor->depth].page);
    if (words != NULL) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data file is damaged: page %" PRIu64 " %s; restore the data folder from a backup",
            number, words);
    }
    cursor->path[cursor->depth].node = 0;
    cursor->depth++;
    return NULL;
}

/* The first node whose key is at or after `key`. Of a branch the last one before that leads to it;
 * a branch's first node has no key and comes before all. */
static unsigned find_node(const struct image_page *page, struct slice key)
{
    unsigned low = page->kind == IMAGE_BRANCH ? 1 : 0;
    unsigned high = page->count;
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        const int order = slice_compare(image_node_key(page, middle), key);
        if (order < 0 || (order == 0 && page->kind == IMAGE_BRANCH)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return page->kind == IMAGE_BRANCH ? low - 1 : low;
}

/* From the page that was entered last down to a leaf, along the first nodes or the last ones. */
static cordon_error *go_down(struct image_cursor *cursor, bool to_last)
{
    while (cursor->depth < cursor->image->rows.depth) {
        const unsigned top = cursor->depth - 1;
        const struct image_page *page = &cursor->path[top].page;
        TRY(enter(cursor, image_node_child(page, cursor->path[top].node)));
        if (to_last) {
            cursor->path[cursor->depth - 1].node = cursor->path[cursor->depth - 1].page.count - 1;
        }
    }
    return NULL;
}

/* Moves the cursor to the neighbour of where it stands; nowhere at the end. */
static cordon_error *step(struct image_cursor *cursor, bool forward)
{
    while (cursor->depth > 0) {
        unsigned *node = &cursor->path[cursor->depth - 1].node;
        const unsigned count = cursor->path[cursor->depth - 1].page.count;
        if (forward ? *node + 1 < count : *node > 0) {
            *node = forward ? *node + 1 : *node - 1;
            return go_down(cursor, !forward);
        }
        cursor->depth--;
    }
    return NULL;
}

static cordon_error *answer(
    const struct image_cursor *cursor, bool *out_found, struct kv_row *out_row)
{
    *out_found = cursor->depth > 0;
    if (cursor->depth == 0) {
        return NULL;
    }
    const unsigned top = cursor->depth - 1;
    const struct image_page *page = &cursor->path[top].page;
    uint64_t first = 0;
    uint64_t count = 0;
    out_row->key = image_node_key(page, cursor->path[top].node);
    const char *words = image_node_value(
        cursor->image, page, cursor->path[top].node, &out_row->value, &first, &count);
    if (words != NULL) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data file is damaged: a row in page %" PRIu64 " %s; restore the data folder from "
            "a backup",
            page->number, words);
    }
    return NULL;
}

static cordon_error *go_to(struct image_cursor *cursor, struct slice key)
{
    const struct image_tree *tree = &cursor->image->rows;
    cursor->depth = 0;
    if (tree->root == IMAGE_NO_PAGE) {
        return NULL;
    }
    uint64_t number = tree->root;
    while (cursor->depth < tree->depth) {
        TRY(enter(cursor, number));
        const unsigned top = cursor->depth - 1;
        const struct image_page *page = &cursor->path[top].page;
        cursor->path[top].node = find_node(page, key);
        number = page->kind == IMAGE_BRANCH ? image_node_child(page, cursor->path[top].node) : 0;
    }
    return NULL;
}

static cordon_error *seek(
    struct kv_reader *base, struct slice key, bool *out_found, struct kv_row *out_row)
{
    struct image_cursor *cursor = (struct image_cursor *)base;
    TRY(go_to(cursor, key));
    if (cursor->depth > 0) {
        const unsigned top = cursor->depth - 1;
        if (cursor->path[top].node == cursor->path[top].page.count) {
            cursor->path[top].node--; /* all are before it: the next leaf has it */
            TRY(step(cursor, true));
        }
    }
    return answer(cursor, out_found, out_row);
}

static cordon_error *seek_before(
    struct kv_reader *base, struct slice key, bool *out_found, struct kv_row *out_row)
{
    struct image_cursor *cursor = (struct image_cursor *)base;
    TRY(go_to(cursor, key));
    TRY(step(cursor, false));
    return answer(cursor, out_found, out_row);
}

static cordon_error *next(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    struct image_cursor *cursor = (struct image_cursor *)base;
    TRY(step(cursor, true));
    return answer(cursor, out_found, out_row);
}

static cordon_error *previous(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    struct image_cursor *cursor = (struct image_cursor *)base;
    TRY(step(cursor, false));
    return answer(cursor, out_found, out_row);
}

static void close_kv(struct kv *base)
{
    mem_free(base);
}

cordon_error *kv_open_image(const struct image *image, struct kv **out_kv)
{
    static const struct kv_ops ops = {
        .reader_open = reader_open,
        .reader_close = reader_close,
        .seek = seek,
        .seek_before = seek_before,
        .next = next,
        .previous = previous,
        .close = close_kv,
    };
    struct image_kv *kv = MEM_NEW(struct image_kv);
    if (kv == NULL) {
        return error_no_memory();
    }
    kv->base.ops = &ops;
    kv->image = *image;
    *out_kv = &kv->base;
    return NULL;
}
