/* Whether a row is one that the layout knows: its key, by its keyspace, and its times. */
#ifndef UPKEEP_ROW_SHAPE_H
#define UPKEEP_ROW_SHAPE_H

#include "store/kv.h"
#include "store/layout.h"

/* No commit is before `after` + 1 or behind `last`. */
struct row_times {
    uint64_t after;
    uint64_t last;
};

/* NULL, or words on what is wrong; the row's value has been opened. */
CORDON_MUST_USE const char *row_shape_check(
    struct slice key, enum layout_kind kind, struct slice body, const struct row_times *times);

/* The number of a tenant, and a keyspace; `key` has LAYOUT_PREFIX_BYTES at least. */
uint32_t row_tenant(struct slice key);
uint8_t row_keyspace(struct slice key);

#endif
