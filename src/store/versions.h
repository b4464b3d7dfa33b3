/*
 * Versioned reads: what a logical key holds at a timestamp, and a walk over the logical keys that
 * hold something.
 */
#ifndef STORE_VERSIONS_H
#define STORE_VERSIONS_H

#include "store/reading.h"

/* A version: its time and its body, borrowed from the reading. */
struct version {
    uint64_t ts;
    struct slice logical;
    struct slice body;
};

/* The live version of `logical` at `ts`, if there is one. */
CORDON_MUST_USE cordon_error *version_get(
    struct reading *reading,
    struct slice logical,
    uint64_t ts,
    bool *out_found,
    struct version *out_version);

/* A walk over the live logical keys from `low`, before `high`, in either order. */
struct walk {
    struct cursor cursor;
    uint64_t ts;
    enum store_order order;
    struct layout_key low;
    struct layout_key high;
    bool started;
};

/* Both ends are copied. `reading` outlives the walk. */
void walk_begin(
    struct walk *walk,
    struct reading *reading,
    uint64_t ts,
    enum store_order order,
    struct slice low,
    struct slice high);

/* The next live version, or `*out_found` false at the end, for good. */
CORDON_MUST_USE cordon_error *walk_next(
    struct walk *walk, bool *out_found, struct version *out_version);

#endif
