/* The shape of rows, as docs/layout.md has it; one function for each keyspace. */
#include "upkeep/row_shape.h"

enum {
    DOCUMENT_KEY = LAYOUT_PREFIX_BYTES + 4 + 16 + LAYOUT_TS_BYTES,
    ENTRY_KEY_MIN = LAYOUT_INDEX_BYTES + LAYOUT_PLACE_BYTES + LAYOUT_TS_BYTES,
    TABLE_KEY = LAYOUT_PREFIX_BYTES + 1 + 4 + LAYOUT_TS_BYTES,
    PLAIN_KEY = LAYOUT_PREFIX_BYTES + 8, /* of rows without versions */
};

uint32_t row_tenant(struct slice key)
{
    return layout_load32(key.data);
}

uint8_t row_keyspace(struct slice key)
{
    return key.data[4];
}

static bool times_hold(uint64_t ts, const struct row_times *times)
{
    return ts > times->after && ts <= times->last;
}

/* A key in groups of eight, after the prefix and `letters` bytes. */
static bool has_groups(struct slice key, size_t letters)
{
    struct layout_key text;
    if (key.size < LAYOUT_PREFIX_BYTES + letters + LAYOUT_TS_BYTES) {
        return false;
    }
    return layout_row_key(slice_from(layout_logical(key), letters), &text);
}

static const char *check_document(struct slice key, enum layout_kind kind, struct slice body)
{
    if (key.size != DOCUMENT_KEY ||
        layout_load32(key.data + LAYOUT_PREFIX_BYTES) < LAYOUT_TABLE_FIRST) {
        return "its key is none of a document";
    }
    return kind == LAYOUT_LIVE && body.size < LAYOUT_TIME_BYTES ? "it is too short" : NULL;
}

static const char *check_entry(struct slice key, struct slice body)
{
    if (key.size < ENTRY_KEY_MIN ||
        layout_load32(key.data + LAYOUT_PREFIX_BYTES) < LAYOUT_TABLE_FIRST) {
        return "its key is none of an index entry";
    }
    return body.size > 0 ? "an index entry holds something" : NULL;
}

static const char *check_table(struct slice key, enum layout_kind kind, struct slice body)
{
    const char *const wrong = "its key is none of a table's row";
    if (key.size < LAYOUT_PREFIX_BYTES + 1) {
        return wrong;
    }
    const bool is_live = kind == LAYOUT_LIVE;
    switch (key.data[LAYOUT_PREFIX_BYTES]) {
    case TABLE_BY_NAME:
        if (!has_groups(key, 1)) {
            return wrong;
        }
        return is_live && body.size != 4 ? "it holds no number of a table" : NULL;
    case TABLE_BY_NUMBER:
    case TABLE_INDEXES:
        return key.size == TABLE_KEY ? NULL : wrong;
    case TABLE_FILLED:
    case TABLE_DROPPED:
        return key.size == TABLE_KEY + 4 ? NULL : wrong;
    default:
        return wrong;
    }
}

static const char *check_queue(struct slice key, struct slice body, const struct row_times *times)
{
    if (key.size != PLAIN_KEY) {
        return "its key is none of the garbage queue";
    }
    if (!times_hold(layout_load64(key.data + LAYOUT_PREFIX_BYTES), times)) {
        return "its time is not among those of the commits";
    }
    while (body.size > 0) {
        const size_t size = body.size < 2 ? 0 : (size_t)body.data[0] << 8 | body.data[1];
        if (size <= LAYOUT_PREFIX_BYTES || size > body.size - 2 ||
            size + LAYOUT_TS_BYTES > LAYOUT_KEY_BYTES_MAX) {
            return "the garbage queue is malformed";
        }
        body = slice_from(body, 2 + size);
    }
    return NULL;
}

static const char *check_audit(struct slice key, enum layout_kind kind, struct slice body)
{
    return key.size == PLAIN_KEY && kind == LAYOUT_LIVE && body.size >= LAYOUT_AUDIT_HEAD_BYTES
               ? NULL
               : "it is no record of the audit chain";
}

static const char *check_own(struct slice key, struct slice body, const struct row_times *times)
{
    switch (row_keyspace(key)) {
    case KEYSPACE_META:
        return key.size == LAYOUT_PREFIX_BYTES ? NULL : "its key is none of the meta record";
    case KEYSPACE_GARBAGE:
        return check_queue(key, body, times);
    default:
        return "it is in a keyspace that the store does not have";
    }
}

static const char *check_tenants(struct slice key, enum layout_kind kind, struct slice body)
{
    switch (row_keyspace(key)) {
    case KEYSPACE_DOCUMENT:
        return check_document(key, kind, body);
    case KEYSPACE_INDEX:
        return check_entry(key, body);
    case KEYSPACE_TABLE:
        return check_table(key, kind, body);
    case KEYSPACE_MODULE:
    case KEYSPACE_SESSION:
    case KEYSPACE_SCHEDULE:
    case KEYSPACE_QUOTA:
        return has_groups(key, 0) ? NULL : "its key is malformed";
    case KEYSPACE_AUDIT:
        return check_audit(key, kind, body);
    default:
        return "it is in a keyspace that there is not";
    }
}

const char *row_shape_check(
    struct slice key, enum layout_kind kind, struct slice body, const struct row_times *times)
{
    if (key.size < LAYOUT_PREFIX_BYTES) {
        return "its key is too short";
    }
    if (kind == LAYOUT_TOMBSTONE && body.size > 0) {
        return "it is removed and holds something";
    }
    if (row_tenant(key) == LAYOUT_TENANT_SYSTEM) {
        return check_own(key, body, times);
    }
    const char *words = check_tenants(key, kind, body);
    if (words != NULL) {
        return words;
    }
    const uint64_t ts =
        row_keyspace(key) == KEYSPACE_AUDIT ? layout_load64(body.data) : layout_ts(key);
    return times_hold(ts, times) ? NULL : "its time is not among those of the commits";
}
