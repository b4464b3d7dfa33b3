/*
 * One page of an image. A page is looked at whole before anything in it is used, so that what
 * these hand out lies inside the image.
 */
#ifndef UPKEEP_IMAGE_PAGE_H
#define UPKEEP_IMAGE_PAGE_H

#include "upkeep/image.h"

enum image_page_kind { IMAGE_BRANCH = 1, IMAGE_LEAF = 2 };

enum { IMAGE_DEPTH_MAX = 32 };

struct image_page {
    const uint8_t *at;
    uint64_t number;
    enum image_page_kind kind;
    unsigned count; /* of its nodes */
};

/* A page of that kind, or words on why it is none. */
CORDON_MUST_USE const char *image_page_read(
    const struct image *image,
    uint64_t number,
    enum image_page_kind kind,
    struct image_page *out_page);

/* The key of a node; that of a branch's first node is empty. */
struct slice image_node_key(const struct image_page *page, unsigned node);

/* The page that a branch's node leads to; it may be any number. */
uint64_t image_node_child(const struct image_page *page, unsigned node);

/*
 * The value of a leaf's node. One that is too long for a leaf has pages of its own: their first
 * number and count are told, else 0. Or words on what is wrong with those.
 */
CORDON_MUST_USE const char *image_node_value(
    const struct image *image,
    const struct image_page *page,
    unsigned node,
    struct slice *out_value,
    uint64_t *out_overflow,
    uint64_t *out_overflow_count);

/* Where a node is, in bytes from the start of the image. */
uint64_t image_node_offset(const struct image *image, const struct image_page *page, unsigned node);

#endif
