/*
 * Pages of LMDB's format 1, on a little-endian machine of 64 bits:
 *
 *     number u64 ‖ pad u16 ‖ flags u16 ‖ lower u16 ‖ upper u16 ‖ offsets of nodes u16 each …
 *
 * and nodes from `upper` to the end of the page, without gaps. A node is four numbers of 16 bits,
 * a key and, in a leaf, a value or the number of the first page that has it. In a branch the first
 * three of the numbers are the child; in a leaf the first two are the value's size.
 */
#include "upkeep/image_page.h"

enum {
    PAGE_HEAD_BYTES = 16,
    NODE_HEAD_BYTES = 8,
    PAGE_OVERFLOW = 4,
    NODE_HAS_PAGES = 1, /* the only flag of a node that a database without duplicates has */
    KEY_BYTES_MAX = 511,
    REFERENCE_BYTES = 8,
};

static uint16_t load16(const uint8_t *at)
{
    uint16_t number = 0;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint32_t load32(const uint8_t *at)
{
    uint32_t number = 0;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t number = 0;
    memcpy(&number, at, sizeof number);
    return number;
}

static const uint8_t *node_at(const struct image_page *page, unsigned node)
{
    return page->at + load16(page->at + PAGE_HEAD_BYTES + 2 * (size_t)node);
}

static uint64_t value_size(const uint8_t *node)
{
    return (uint64_t)load16(node) | (uint64_t)load16(node + 2) << 16;
}

static bool has_pages(const uint8_t *node)
{
    return (load16(node + 4) & NODE_HAS_PAGES) != 0;
}

/* All that a node takes up, or 0 if it is none. `room` is what is left of the page behind it. */
static uint64_t node_bytes(const uint8_t *node, enum image_page_kind kind, uint64_t room)
{
    if (room < NODE_HEAD_BYTES) {
        return 0;
    }
    const uint64_t key_bytes = load16(node + 6);
    uint64_t size = NODE_HEAD_BYTES + key_bytes;
    if (kind == IMAGE_LEAF) {
        if ((load16(node + 4) & ~NODE_HAS_PAGES) != 0 || key_bytes == 0) {
            return 0;
        }
        size += has_pages(node) ? REFERENCE_BYTES : value_size(node);
    }
    size = (size + 1) & ~(uint64_t)1;
    return key_bytes <= KEY_BYTES_MAX && size <= room ? size : 0;
}

/* Every node lies inside, and all of them together fill their part of the page. */
static const char *check_nodes(const struct image *image, const struct image_page *page)
{
    const uint64_t lower = load16(page->at + 12);
    const uint64_t upper = load16(page->at + 14);
    uint64_t filled = 0;
    for (unsigned i = 0; i < page->count; i++) {
        const uint64_t offset = load16(page->at + PAGE_HEAD_BYTES + 2 * (size_t)i);
        if (offset < upper || offset >= image->page_bytes || offset % 2 != 0 || upper < lower) {
            return "has a node outside of itself";
        }
        const uint64_t size = node_bytes(page->at + offset, page->kind, image->page_bytes - offset);
        if (size == 0) {
            return "has a malformed node";
        }
        filled += size;
    }
    return filled == image->page_bytes - upper ? NULL : "has nodes that overlap or are missing";
}

const char *image_page_read(
    const struct image *image,
    uint64_t number,
    enum image_page_kind kind,
    struct image_page *out_page)
{
    if (number < 2 || number >= image->page_count) {
        return "is outside of the file";
    }
    if (number >= image->written_count) {
        return "lies behind the end of the file, which was cut short";
    }
    const uint8_t *at = image->bytes.data + number * image->page_bytes;
    if (load64(at) != number) {
        return "holds another page";
    }
    if (load16(at + 10) != (uint16_t)kind) {
        return kind == IMAGE_LEAF ? "is not a leaf" : "is not a branch";
    }
    const uint64_t lower = load16(at + 12);
    const uint64_t upper = load16(at + 14);
    if (lower <= PAGE_HEAD_BYTES || lower % 2 != 0 || lower > upper || upper > image->page_bytes) {
        return "has a malformed head";
    }
    const struct image_page page = {
        .at = at,
        .number = number,
        .kind = kind,
        .count = (unsigned)(lower - PAGE_HEAD_BYTES) / 2,
    };
    const char *words = check_nodes(image, &page);
    if (words == NULL) {
        *out_page = page;
    }
    return words;
}

struct slice image_node_key(const struct image_page *page, unsigned node)
{
    const uint8_t *at = node_at(page, node);
    const bool is_first_of_branch = page->kind == IMAGE_BRANCH && node == 0;
    return slice_of(at + NODE_HEAD_BYTES, is_first_of_branch ? 0 : load16(at + 6));
}

uint64_t image_node_child(const struct image_page *page, unsigned node)
{
    const uint8_t *at = node_at(page, node);
    return (uint64_t)load16(at) | (uint64_t)load16(at + 2) << 16 | (uint64_t)load16(at + 4) << 32;
}

const char *image_node_value(
    const struct image *image,
    const struct image_page *page,
    unsigned node,
    struct slice *out_value,
    uint64_t *out_overflow,
    uint64_t *out_overflow_count)
{
    const uint8_t *at = node_at(page, node);
    const uint8_t *behind_key = at + NODE_HEAD_BYTES + load16(at + 6);
    const uint64_t size = value_size(at);
    *out_overflow = 0;
    *out_overflow_count = 0;
    if (!has_pages(at)) {
        *out_value = slice_of(behind_key, (size_t)size);
        return NULL;
    }
    const uint64_t first = load64(behind_key);
    const uint64_t needed = (PAGE_HEAD_BYTES + size + image->page_bytes - 1) / image->page_bytes;
    if (first < 2 || first >= image->written_count) {
        return "leads to a long value outside of the file";
    }
    const uint8_t *pages = image->bytes.data + first * image->page_bytes;
    const uint64_t count = load32(pages + 12);
    if (load64(pages) != first || load16(pages + 10) != PAGE_OVERFLOW) {
        return "leads to a page that holds no long value";
    }
    if (count < needed || count > image->written_count - first) {
        return "leads to a long value with too few pages, or too many";
    }
    *out_value = slice_of(pages + PAGE_HEAD_BYTES, (size_t)size);
    *out_overflow = first;
    *out_overflow_count = count;
    return NULL;
}

uint64_t image_node_offset(const struct image *image, const struct image_page *page, unsigned node)
{
    return (uint64_t)(node_at(page, node) - image->bytes.data);
}
