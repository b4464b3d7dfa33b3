/*
 * Versions of a key lie side by side, newest first, because the inverted timestamp ends the key.
 * A point read is one seek to "this key at this time". A walk must also pass what it does not
 * want: versions newer than the snapshot, older ones, tombstones. A hot document can have
 * thousands, so a walk never steps through more than a few: it seeks over the rest.
 */
#include "store/versions.h"

enum { STEPS_BEFORE_SEEK = 4 };

static struct slice with_ts(struct layout_key *key, struct slice logical, uint64_t ts)
{
    layout_set(key, logical);
    layout_append_ts(key, ts);
    return layout_slice(key);
}

static bool is_version_of(struct slice physical, struct slice logical)
{
    return physical.size == logical.size + LAYOUT_TS_BYTES && slice_starts_with(physical, logical);
}

/* The newest version of `logical` at or before `ts`: memtables first, as theirs are newer. */
static cordon_error *find_row(
    struct reading *reading,
    struct slice logical,
    struct slice physical,
    bool *out_found,
    struct kv_row *out_row)
{
    for (size_t i = 0; i < VIEW_TABLES; i++) {
        const struct memtable *table = reading->view->tables[i];
        const struct skip_node *node = table == NULL ? NULL : skip_seek(&table->rows, physical);
        if (node != NULL && is_version_of(node->key, logical)) {
            *out_found = true;
            *out_row = (struct kv_row){.key = node->key, .value = node->value};
            return NULL;
        }
    }
    struct kv_reader *reader = NULL;
    TRY(reading_reader(reading, &reader));
    TRY(reader->ops->seek(reader, physical, out_found, out_row));
    *out_found = *out_found && is_version_of(out_row->key, logical);
    return NULL;
}

cordon_error *version_get(
    struct reading *reading,
    struct slice logical,
    uint64_t ts,
    bool *out_found,
    struct version *out_version)
{
    struct layout_key key;
    struct kv_row row = {0};
    bool found = false;
    TRY(find_row(reading, logical, with_ts(&key, logical, ts), &found, &row));
    if (found) {
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        TRY(layout_open(row.key, row.value, &kind, &body));
        found = kind == LAYOUT_LIVE;
        if (found) {
            *out_version = (struct version){
                .ts = layout_ts(row.key), .logical = layout_logical(row.key), .body = body};
        }
    }
    *out_found = found;
    return NULL;
}

/* -- Walking --------------------------------------------------------------------------------- */

void walk_begin(
    struct walk *walk,
    struct reading *reading,
    uint64_t ts,
    enum store_order order,
    struct slice low,
    struct slice high)
{
    walk->cursor = (struct cursor){.reading = reading};
    walk->ts = ts;
    walk->order = order;
    layout_set(&walk->low, low);
    layout_set(&walk->high, high);
    walk->started = false;
}

/* Whether the cursor stands on a row inside the bounds; the one that it came from is behind it. */
static bool inside(const struct walk *walk)
{
    const struct slice key = walk->cursor.row.key;
    if (!walk->cursor.found) {
        return false;
    }
    switch (walk->order) {
    case STORE_ASCENDING:
        return slice_compare(key, layout_slice(&walk->high)) < 0;
    case STORE_DESCENDING:
        return slice_compare(key, layout_slice(&walk->low)) >= 0;
    }
    return false;
}

static cordon_error *start(struct walk *walk)
{
    walk->started = true;
    switch (walk->order) {
    case STORE_ASCENDING:
        return cursor_seek(&walk->cursor, layout_slice(&walk->low));
    case STORE_DESCENDING:
        return cursor_seek_before(&walk->cursor, layout_slice(&walk->high));
    }
    return NULL;
}

/* Ascending, from the newest version of a key to the newest version at the snapshot; whether there
 * is one inside the bounds. */
static cordon_error *skip_newer(struct walk *walk, bool *out_inside)
{
    struct cursor *cursor = &walk->cursor;
    for (int steps = 0;; steps++) {
        *out_inside = inside(walk);
        if (!*out_inside || layout_ts(cursor->row.key) <= walk->ts) {
            return NULL;
        }
        if (steps < STEPS_BEFORE_SEEK) {
            TRY(cursor_next(cursor));
        } else {
            struct layout_key key;
            const struct slice logical = layout_logical(cursor->row.key);
            TRY(cursor_seek(cursor, with_ts(&key, logical, walk->ts)));
        }
    }
}

/* Ascending, past the older versions of `logical`. No version has the timestamp 0. */
static cordon_error *skip_older(struct walk *walk, struct slice logical)
{
    struct cursor *cursor = &walk->cursor;
    for (int steps = 0; cursor->found && is_version_of(cursor->row.key, logical); steps++) {
        if (steps < STEPS_BEFORE_SEEK) {
            TRY(cursor_next(cursor));
        } else {
            struct layout_key key;
            TRY(cursor_seek(cursor, with_ts(&key, logical, 0)));
        }
    }
    return NULL;
}

/* Descending, a key's oldest version comes first: goes on to the newest at the snapshot and leaves
 * the cursor before the key. */
static cordon_error *newest_backwards(struct walk *walk, bool *out_found, struct kv_row *out_row)
{
    struct cursor *cursor = &walk->cursor;
    const struct slice logical = layout_logical(cursor->row.key);
    *out_found = false;
    for (int steps = 0; cursor->found && is_version_of(cursor->row.key, logical); steps++) {
        if (steps == STEPS_BEFORE_SEEK) {
            struct layout_key key;
            TRY(find_row(
                cursor->reading, logical, with_ts(&key, logical, walk->ts), out_found, out_row));
            return cursor_seek_before(cursor, logical);
        }
        if (layout_ts(cursor->row.key) <= walk->ts) {
            *out_found = true;
            *out_row = cursor->row;
        }
        TRY(cursor_previous(cursor));
    }
    return NULL;
}

/* The next row that is the newest of its key at the snapshot, live or not. */
static cordon_error *next_row(struct walk *walk, bool *out_found, struct kv_row *out_row)
{
    switch (walk->order) {
    case STORE_ASCENDING:
        TRY(skip_newer(walk, out_found));
        if (*out_found) {
            *out_row = walk->cursor.row;
            TRY(skip_older(walk, layout_logical(out_row->key)));
        }
        return NULL;
    case STORE_DESCENDING:
        *out_found = false;
        while (!*out_found && inside(walk)) {
            TRY(newest_backwards(walk, out_found, out_row));
        }
        return NULL;
    }
    return NULL;
}

cordon_error *walk_next(struct walk *walk, bool *out_found, struct version *out_version)
{
    if (!walk->started) {
        TRY(start(walk));
    }
    for (;;) {
        struct kv_row row = {0};
        bool found = false;
        TRY(next_row(walk, &found, &row));
        if (!found) {
            *out_found = false;
            return NULL;
        }
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        TRY(layout_open(row.key, row.value, &kind, &body));
        if (kind == LAYOUT_LIVE) {
            *out_version = (struct version){
                .ts = layout_ts(row.key), .logical = layout_logical(row.key), .body = body};
            *out_found = true;
            return NULL;
        }
    }
}
