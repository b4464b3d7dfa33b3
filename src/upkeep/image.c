/*
 * Meta pages, and the walk over a whole snapshot. See image.h; pages are image_page.c's.
 *
 * The two meta pages take turns: transaction N writes page N mod 2, so that their numbers differ
 * by one, but in a file that nobody has written to. Nothing seals them; what can be checked of
 * them is all held against what the walk finds.
 */
#include "upkeep/image.h"

#include "base/hash.h"
#include "base/memory.h"
#include "upkeep/image_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MAGIC 0xbeefc0deu

/* Most that a transaction of LMDB takes (MDB_IDL_UM_MAX): no more may be lacking at the end. */
#define UNWRITTEN_MAX ((uint64_t)131071)

enum {
    VERSION = 1,
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 65536,
    META_PAGES = 2,
    META_KIND = 8,
    META_BYTES = 152,
    KIND_AT = 10,
    MAGIC_AT = 16,
    VERSION_AT = 20,
    ADDRESS_AT = 24,
    FREE_AT = 40,
    ROWS_AT = 88,
    LAST_PAGE_AT = 136,
    TXN_AT = 144,
    FLAGS_IN_TREE = 4,
    INTEGER_KEYS = 8,
    ONE_FILE = 0x4000, /* noted by who makes an environment without a folder; means nothing */
    WORDS_BYTES = 160,
};

static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t number = 0;
    memcpy(&number, at, size);
    return number;
}

/* -- Meta pages ------------------------------------------------------------------------------ */

static cordon_error *damaged(uint64_t offset, const char *words)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "the data file is damaged at byte %" PRIu64 ": %s; restore the data folder from a backup",
        offset, words);
}

static struct image_tree read_tree(const uint8_t *at)
{
    return (struct image_tree){
        .depth = (uint16_t)load(at + 6, 2),
        .branch_pages = load(at + 8, 8),
        .leaf_pages = load(at + 16, 8),
        .overflow_pages = load(at + 24, 8),
        .entries = load(at + 32, 8),
        .root = load(at + 40, 8),
    };
}

/* The size of pages, from the first meta page. */
static cordon_error *read_page_bytes(struct slice bytes, uint64_t *out_page_bytes)
{
    if (bytes.size < META_BYTES || load(bytes.data + MAGIC_AT, 4) != MAGIC) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data file is not one of this program; move it away or restore the data folder "
            "from a backup");
    }
    const uint64_t size = load(bytes.data + FREE_AT, 4);
    if (size < PAGE_BYTES_MIN || size > PAGE_BYTES_MAX || (size & (size - 1)) != 0) {
        return damaged(FREE_AT, "the size of pages is none");
    }
    if (bytes.size < META_PAGES * size) {
        return damaged(bytes.size, "it was cut short");
    }
    *out_page_bytes = size;
    return NULL;
}

/* What is the same in every meta page of ours, and in the right place. */
static const char *check_meta(const uint8_t *meta, uint64_t number, uint64_t page_bytes)
{
    const uint64_t txn = load(meta + TXN_AT, 8);
    if (load(meta, 8) != number || load(meta + KIND_AT, 2) != META_KIND ||
        load(meta + MAGIC_AT, 4) != MAGIC || load(meta + VERSION_AT, 4) != VERSION) {
        return "it is no meta page";
    }
    if (load(meta + FREE_AT, 4) != page_bytes || load(meta + ADDRESS_AT, 8) != 0 ||
        (load(meta + FREE_AT + FLAGS_IN_TREE, 2) & ~(uint64_t)ONE_FILE) != INTEGER_KEYS ||
        load(meta + ROWS_AT, 4) != 0 || load(meta + ROWS_AT + FLAGS_IN_TREE, 2) != 0) {
        return "the meta page says what this program never writes";
    }
    return txn == 0 || txn % META_PAGES == number ? NULL
                                                  : "the meta page has another's transaction";
}

cordon_error *image_cut_short(const struct image *image)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "the data file ends at byte %zu of %" PRIu64 "; it was cut short: restore the data folder "
        "from a backup",
        image->bytes.size, image->page_count * image->page_bytes);
}

static bool tree_is_possible(const struct image_tree *tree, uint64_t page_count)
{
    if (tree->root == IMAGE_NO_PAGE) {
        return tree->depth == 0 && tree->entries == 0;
    }
    return tree->root >= META_PAGES && tree->root < page_count && tree->depth > 0 &&
           tree->depth <= IMAGE_DEPTH_MAX;
}

static cordon_error *read_snapshot(const uint8_t *meta, uint64_t at, struct image *image)
{
    image->txn = load(meta + TXN_AT, 8);
    image->free = read_tree(meta + FREE_AT);
    image->rows = read_tree(meta + ROWS_AT);
    const uint64_t last = load(meta + LAST_PAGE_AT, 8);
    if (last == 0 || last >= UINT32_MAX * (uint64_t)PAGE_BYTES_MAX) {
        return damaged(at + LAST_PAGE_AT, "the number of pages is none");
    }
    image->page_count = last + 1;
    const uint64_t in_file = image->bytes.size / image->page_bytes;
    if (image->page_count > in_file + UNWRITTEN_MAX) {
        return image_cut_short(image);
    }
    image->written_count = in_file < image->page_count ? in_file : image->page_count;
    if (!tree_is_possible(&image->free, image->page_count)) {
        return damaged(at + FREE_AT, "the tree of free pages cannot be");
    }
    if (!tree_is_possible(&image->rows, image->page_count)) {
        return damaged(at + ROWS_AT, "the tree of rows cannot be");
    }
    return NULL;
}

/* The last key of the tree of free pages, if there is one and the way to it can be read. */
static bool last_free_key(const struct image *image, uint64_t *out_key)
{
    struct image_page page;
    uint64_t number = image->free.root;
    for (unsigned level = 0; level < image->free.depth; level++) {
        const bool is_leaf = level + 1 == image->free.depth;
        if (image_page_read(image, number, is_leaf ? IMAGE_LEAF : IMAGE_BRANCH, &page) != NULL) {
            return false;
        }
        const struct slice key = image_node_key(&page, page.count - 1);
        if (is_leaf && key.size == sizeof *out_key) {
            *out_key = load(key.data, sizeof *out_key);
            return true;
        }
        number = image_node_child(&page, page.count - 1);
    }
    return false;
}

/*
 * Each transaction notes under its own number which pages it has freed, and frees some: the root.
 * So a meta page whose number has changed, which would bring an older state back, is found out.
 */
static cordon_error *check_number(struct slice bytes, uint64_t page_bytes, uint64_t number)
{
    struct image image = {.bytes = bytes, .page_bytes = page_bytes};
    const uint64_t at = number * page_bytes;
    uint64_t key = 0;
    cordon_error *error = read_snapshot(bytes.data + at, at, &image);
    if (error != NULL) {
        cordon_error_free(error); /* if it is of the one that counts, it is told later */
        return NULL;
    }
    return last_free_key(&image, &key) && key != image.txn
               ? damaged(at + TXN_AT, "the meta page has another's transaction")
               : NULL;
}

cordon_error *image_read(struct slice bytes, uint64_t txn, struct image *out_image)
{
    struct image image = {.bytes = bytes};
    TRY(read_page_bytes(bytes, &image.page_bytes));
    uint64_t txns[META_PAGES];
    for (uint64_t i = 0; i < META_PAGES; i++) {
        const uint8_t *meta = bytes.data + i * image.page_bytes;
        const char *words = check_meta(meta, i, image.page_bytes);
        if (words != NULL) {
            return damaged(i * image.page_bytes, words);
        }
        txns[i] = load(meta + TXN_AT, 8);
    }
    for (uint64_t i = 0; i < META_PAGES; i++) {
        TRY(check_number(bytes, image.page_bytes, i));
    }
    const uint64_t newest = txns[1] > txns[0] ? 1 : 0;
    if (txns[newest] - txns[1 - newest] > 1) {
        return damaged(image.page_bytes, "the meta pages do not follow each other");
    }
    const uint64_t chosen = txn == IMAGE_NEWEST ? newest : txn % META_PAGES;
    if (txn != IMAGE_NEWEST && txns[chosen] != txn) {
        return damaged(chosen * image.page_bytes, "the snapshot is gone");
    }
    const uint64_t at = chosen * image.page_bytes;
    TRY(read_snapshot(bytes.data + at, at, &image));
    *out_image = image;
    return NULL;
}

/* -- The walk -------------------------------------------------------------------------------- */

struct check {
    const struct image *image;
    const struct image_visit *visit;
    const struct image_tree *tree; /* that is walked */
    bool is_free_tree;
    struct image_tree seen; /* counted on the way */
    struct slice last_key;  /* of the leaf before; in the image */
    bool has_key;
    uint8_t *used; /* a bit for each page */
    struct image_counts counts;
};

static void check_done(struct check *check)
{
    mem_free(check->used);
}

CORDON_PRINTF(3, 4) static cordon_error *tell(
    struct check *check, uint64_t offset, const char *format, ...)
{
    char words[WORDS_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(words, sizeof words, format, list);
    va_end(list);
    check->counts.damages++;
    return check->visit->damage(check->visit->arg, offset, words);
}

/* False if one of them has been met before; then none is taken. */
static bool take_pages(struct check *check, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++) {
        if ((check->used[i / 8] >> (i % 8) & 1) != 0) {
            return false;
        }
    }
    for (uint64_t i = first; i < first + count; i++) {
        check->used[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    return true;
}

/* Free pages' keys are numbers of transactions, as the machine has them. */
static int compare_keys(const struct check *check, struct slice a, struct slice b)
{
    if (!check->is_free_tree) {
        return slice_compare(a, b);
    }
    const uint64_t x = a.size == 8 ? load(a.data, 8) : UINT64_MAX;
    const uint64_t y = b.size == 8 ? load(b.data, 8) : UINT64_MAX;
    return (x > y) - (x < y);
}

/* A row of the tree of free pages: a count and so many numbers of pages. */
static cordon_error *check_free_row(struct check *check, const struct kv_row *row, uint64_t offset)
{
    const struct slice value = row->value;
    const uint64_t room = value.size / 8;
    const uint64_t count = room == 0 ? 0 : load(value.data, 8);
    if (row->key.size != 8 || room == 0 || count >= room) {
        return tell(check, offset, "a list of free pages is malformed");
    }
    for (uint64_t i = 1; i <= count; i++) {
        const uint64_t number = load(value.data + 8 * i, 8);
        if (number < META_PAGES || number >= check->image->page_count) {
            return tell(check, offset, "a free page %" PRIu64 " is outside of the file", number);
        }
        if (!take_pages(check, number, 1)) {
            return tell(check, offset, "page %" PRIu64 " is free and in use", number);
        }
        check->counts.free_pages++;
    }
    return NULL;
}

static cordon_error *check_node(struct check *check, const struct image_page *page, unsigned node)
{
    const struct image *image = check->image;
    const uint64_t offset = image_node_offset(image, page, node);
    struct kv_row row = {.key = image_node_key(page, node)};
    uint64_t first = 0;
    uint64_t count = 0;
    if (check->has_key && compare_keys(check, check->last_key, row.key) >= 0) {
        return tell(check, offset, "a row is out of order in page %" PRIu64, page->number);
    }
    check->last_key = row.key;
    check->has_key = true;
    check->seen.entries++;
    const char *words = image_node_value(image, page, node, &row.value, &first, &count);
    if (words != NULL) {
        return tell(check, offset, "a row in page %" PRIu64 " %s", page->number, words);
    }
    if (count > 0 && !take_pages(check, first, count)) {
        return tell(check, offset, "page %" PRIu64 " is in two places", first);
    }
    check->seen.overflow_pages += count;
    check->counts.pages += count;
    return check->is_free_tree ? check_free_row(check, &row, offset)
                               : check->visit->row(check->visit->arg, &row, offset);
}

/* Where in the tree a page is: the keys below it are from `low` on and before `high`. */
struct place {
    unsigned level;
    struct slice low;
    struct slice high; /* empty: there is no end */
};

static cordon_error *check_page(struct check *check, uint64_t number, struct place place);

static cordon_error *check_branch(
    struct check *check, const struct image_page *page, struct place place)
{
    for (unsigned i = 0; i < page->count; i++) {
        const struct place below = {
            .level = place.level + 1,
            .low = i == 0 ? place.low : image_node_key(page, i),
            .high = i + 1 < page->count ? image_node_key(page, i + 1) : place.high,
        };
        if (below.low.size > 0 && below.high.size > 0 &&
            compare_keys(check, below.low, below.high) >= 0) {
            TRY(tell(
                check, image_node_offset(check->image, page, i),
                "a key of branch %" PRIu64 " is out of order", page->number));
            continue;
        }
        TRY(check_page(check, image_node_child(page, i), below));
    }
    return NULL;
}

static cordon_error *check_leaf(
    struct check *check, const struct image_page *page, struct place place)
{
    const struct slice first = image_node_key(page, 0);
    const struct slice last = image_node_key(page, page->count - 1);
    if ((place.low.size > 0 && compare_keys(check, first, place.low) < 0) ||
        (place.high.size > 0 && compare_keys(check, last, place.high) >= 0)) {
        TRY(tell(
            check, page->number * check->image->page_bytes,
            "page %" PRIu64 " has rows outside of what its branch says", page->number));
    }
    for (unsigned i = 0; i < page->count; i++) {
        TRY(check_node(check, page, i));
    }
    return NULL;
}

/* Recursive, but no deeper than a tree may be. */
static cordon_error *check_page(struct check *check, uint64_t number, struct place place)
{
    const bool is_leaf = place.level + 1 == check->tree->depth;
    struct image_page page;
    const char *words =
        image_page_read(check->image, number, is_leaf ? IMAGE_LEAF : IMAGE_BRANCH, &page);
    if (words == NULL && !take_pages(check, number, 1)) {
        words = "is in two places";
    }
    if (words != NULL) {
        const bool is_inside = number < check->image->written_count;
        const uint64_t offset = is_inside ? number * check->image->page_bytes : 0;
        return tell(check, offset, "page %" PRIu64 " %s", number, words);
    }
    check->counts.pages++;
    check->seen.leaf_pages += is_leaf ? 1 : 0;
    check->seen.branch_pages += is_leaf ? 0 : 1;
    return is_leaf ? check_leaf(check, &page, place) : check_branch(check, &page, place);
}

static cordon_error *check_tree(
    struct check *check, const struct image_tree *tree, uint64_t meta_offset, const char *what)
{
    check->tree = tree;
    check->seen = (struct image_tree){0};
    check->has_key = false;
    const uint64_t damages = check->counts.damages;
    if (tree->root != IMAGE_NO_PAGE) {
        TRY(check_page(check, tree->root, (struct place){0}));
    }
    const struct image_tree *seen = &check->seen;
    const bool is_as_counted =
        seen->branch_pages == tree->branch_pages && seen->leaf_pages == tree->leaf_pages &&
        seen->overflow_pages == tree->overflow_pages && seen->entries == tree->entries;
    if (!is_as_counted && check->counts.damages == damages) {
        return tell(check, meta_offset, "the meta page counts other %s than there are", what);
    }
    return NULL;
}

/* What the file lacks was taken and given back by its last transactions, or is lost. */
static cordon_error *check_unwritten(struct check *check)
{
    const struct image *image = check->image;
    for (uint64_t page = image->written_count; page < image->page_count; page++) {
        if ((check->used[page / 8] >> (page % 8) & 1) == 0) {
            return tell(
                check, image->bytes.size,
                "page %" PRIu64 " lies behind the end of the file, which was cut short", page);
        }
    }
    return NULL;
}

cordon_error *image_check(
    const struct image *image, const struct image_visit *visit, struct image_counts *out_counts)
{
    CORDON_CLEANUP(check_done) struct check check = {.image = image, .visit = visit};
    check.used = mem_new((size_t)(image->page_count / 8 + 1));
    if (check.used == NULL) {
        return error_no_memory();
    }
    const uint64_t meta = image->txn % META_PAGES * image->page_bytes;
    TRY(check_tree(&check, &image->rows, meta + ROWS_AT, "rows or pages"));
    check.is_free_tree = true;
    TRY(check_tree(&check, &image->free, meta + FREE_AT, "free pages"));
    TRY(check_unwritten(&check));
    const uint64_t known = META_PAGES + check.counts.pages + check.counts.free_pages;
    if (check.counts.damages == 0) {
        check.counts.lost_pages = image->page_count - known;
    }
    *out_counts = check.counts;
    return NULL;
}

/* -- Samples --------------------------------------------------------------------------------- */

static cordon_error *check_sampled_leaf(const struct image *image, const struct image_page *page)
{
    for (unsigned i = 0; i < page->count; i++) {
        struct kv_row row = {.key = image_node_key(page, i)};
        uint64_t first = 0;
        uint64_t count = 0;
        const char *words = image_node_value(image, page, i, &row.value, &first, &count);
        if (words != NULL) {
            return damaged(image_node_offset(image, page, i), words);
        }
    }
    return NULL;
}

static cordon_error *walk_down(const struct image *image, uint64_t *choices)
{
    uint64_t number = image->rows.root;
    for (unsigned level = 0; level < image->rows.depth; level++) {
        const bool is_leaf = level + 1 == image->rows.depth;
        struct image_page page;
        const char *words =
            image_page_read(image, number, is_leaf ? IMAGE_LEAF : IMAGE_BRANCH, &page);
        if (words != NULL) {
            char text[WORDS_BYTES];
            (void)snprintf(text, sizeof text, "page %" PRIu64 " %s", number, words);
            return damaged(number < image->written_count ? number * image->page_bytes : 0, text);
        }
        if (is_leaf) {
            return check_sampled_leaf(image, &page);
        }
        *choices = hash_fast(slice_of((const uint8_t *)choices, sizeof *choices), number);
        number = image_node_child(&page, (unsigned)(*choices % page.count));
    }
    return NULL;
}

cordon_error *image_sample(const struct image *image, unsigned paths, uint64_t seed)
{
    uint64_t choices = seed;
    for (unsigned i = 0; i < paths; i++) {
        TRY(walk_down(image, &choices));
    }
    return NULL;
}
