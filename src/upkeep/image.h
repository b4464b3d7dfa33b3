/*
 * The data file as bytes: LMDB's format read by a reader of ours that trusts none of them. It
 * follows no number before it is known to lie inside, walks no deeper than a tree may be, and
 * takes no page twice, so that damage of any kind is words with a place in the file, where LMDB
 * itself would follow a wild pointer. For checking alone; the store reads through LMDB.
 *
 * The bytes are a map of the file, or of the part of a backup that holds it. They must not change
 * where the snapshot has its pages: a read transaction of LMDB keeps them (kv.h, kv_pin).
 */
#ifndef UPKEEP_IMAGE_H
#define UPKEEP_IMAGE_H

#include "store/kv.h"

/* For image_read(): the newest snapshot there is. */
#define IMAGE_NEWEST UINT64_MAX

/* One of the two trees of a snapshot, as its meta page describes it. */
struct image_tree {
    uint64_t root; /* IMAGE_NO_PAGE: it is empty */
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
};

#define IMAGE_NO_PAGE UINT64_MAX

struct image {
    struct slice bytes;
    uint64_t page_bytes;
    uint64_t page_count; /* of the snapshot; the file may have more */
    /*
     * Of them, those that the file has. It may lack some at its end that are free: what a
     * transaction took there and gave back again is never written (LMDB's loose pages).
     */
    uint64_t written_count;
    uint64_t txn; /* LMDB's number of the snapshot */
    struct image_tree free;
    struct image_tree rows;
};

/*
 * Reads the meta pages and takes the snapshot `txn`, or the newest. `*out_image` borrows the
 * bytes. Errors: CORDON_E_STORE, with what is wrong and at which byte.
 */
CORDON_MUST_USE cordon_error *image_read(struct slice bytes, uint64_t txn, struct image *out_image);

/* The words of it: CORDON_E_STORE. */
CORDON_MUST_USE cordon_error *image_cut_short(const struct image *image);

/* Who is told what a check meets. `offset` counts from the start of the bytes. */
struct image_visit {
    void *arg;
    /* Each row in order of keys, sound or not: the check knows nothing of what is in it. */
    cordon_error *(*row)(void *arg, const struct kv_row *row, uint64_t offset);
    /* Words without a full stop, such as "page 7 is not a leaf". */
    cordon_error *(*damage)(void *arg, uint64_t offset, const char *words);
};

/* What a check went over. */
struct image_counts {
    uint64_t pages; /* used by the two trees */
    uint64_t free_pages;
    uint64_t lost_pages; /* neither used nor free: wasted, and harmless */
    uint64_t damages;
};

/*
 * Walks every page of the snapshot: its own number and kind, its nodes, the order of all keys, the
 * keys of branches, each page in one place at most, the free pages apart from the used ones, and
 * the counts of the meta page. What is under a damaged page is left out. Errors: those of the
 * visitor; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *image_check(
    const struct image *image, const struct image_visit *visit, struct image_counts *out_counts);

/*
 * Walks down from the root along `paths` ways that `seed` chooses, and checks each page on the way.
 * Errors: CORDON_E_STORE for the first damage.
 */
CORDON_MUST_USE cordon_error *image_sample(
    const struct image *image, unsigned paths, uint64_t seed);

/* A backend over the image that only reads. The image's bytes must outlive it. */
CORDON_MUST_USE cordon_error *kv_open_image(const struct image *image, struct kv **out_kv);

#endif
