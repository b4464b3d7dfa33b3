/*
 * Keys and values in bytes; see layout.h and docs/layout.md.
 *
 * Two properties carry the store. Order: comparing keys byte by byte compares what they mean, so
 * integers are big-endian, doubles are mapped, and free-form keys are cut into groups of eight
 * whose ninth byte says how many count, which keeps their order and makes no key the prefix of
 * another. Bounds: every key ends at or below 511 bytes by construction, so none is ever refused
 * deep inside a commit.
 */
#include "store/layout.h"

void layout_store32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void layout_store64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

uint32_t layout_load32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint64_t layout_load64(const uint8_t *at)
{
    return (uint64_t)layout_load32(at) << 32 | layout_load32(at + 4);
}

uint64_t layout_ordered_double(double number)
{
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    const uint64_t sign = (uint64_t)1 << 63;
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

double layout_double_of(uint64_t ordered)
{
    const uint64_t sign = (uint64_t)1 << 63;
    const uint64_t bits = (ordered & sign) != 0 ? ordered & ~sign : ~ordered;
    double number = 0;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* -- Building -------------------------------------------------------------------------------- */

static void append32(struct layout_key *key, uint32_t value)
{
    layout_store32(key->bytes + key->size, value);
    key->size += 4;
}

static void append64(struct layout_key *key, uint64_t value)
{
    layout_store64(key->bytes + key->size, value);
    key->size += 8;
}

static void append_bytes(struct layout_key *key, const uint8_t *bytes, size_t size)
{
    if (size > 0) {
        memcpy(key->bytes + key->size, bytes, size);
        key->size += size;
    }
}

static void begin(struct layout_key *key, uint32_t tenant, enum store_keyspace keyspace)
{
    layout_store32(key->bytes, tenant);
    key->bytes[4] = (uint8_t)keyspace;
    key->size = LAYOUT_PREFIX_BYTES;
}

enum {
    GROUP_BYTES = 8,
    ID_BYTES = 16,
    DOCUMENT_KEY_BYTES = LAYOUT_PREFIX_BYTES + 4 + ID_BYTES,
    TABLE_ROW_BYTES = LAYOUT_PREFIX_BYTES + 1 + 4,
};

/* Full groups are marked 8 and followed by another; the last holds 0 to 7 bytes, zero-padded. */
static void append_groups(struct layout_key *key, struct slice bytes)
{
    CORDON_ASSERT(bytes.size <= LAYOUT_ROW_KEY_BYTES_MAX);
    while (bytes.size >= GROUP_BYTES) {
        append_bytes(key, bytes.data, GROUP_BYTES);
        key->bytes[key->size++] = GROUP_BYTES;
        bytes = slice_from(bytes, GROUP_BYTES);
    }
    uint8_t last[GROUP_BYTES + 1] = {0};
    if (bytes.size > 0) {
        memcpy(last, bytes.data, bytes.size);
    }
    last[GROUP_BYTES] = (uint8_t)bytes.size;
    append_bytes(key, last, sizeof last);
}

void layout_document(struct layout_key *out_key, uint32_t tenant, const struct store_id *id)
{
    begin(out_key, tenant, KEYSPACE_DOCUMENT);
    append32(out_key, id->table);
    append_bytes(out_key, id->internal, ID_BYTES);
}

void layout_place(
    const struct store_id *id, double creation_time, uint8_t out_place[LAYOUT_PLACE_BYTES])
{
    layout_store64(out_place, layout_ordered_double(creation_time));
    memcpy(out_place + LAYOUT_TIME_BYTES, id->internal, ID_BYTES);
}

double layout_creation_time(struct slice logical)
{
    CORDON_ASSERT(logical.size >= LAYOUT_INDEX_BYTES + LAYOUT_PLACE_BYTES);
    return layout_double_of(layout_load64(logical.data + logical.size - LAYOUT_PLACE_BYTES));
}

void layout_entry(
    struct layout_key *out_key,
    uint32_t tenant,
    const struct store_id *id,
    uint32_t index,
    struct slice fields,
    double creation_time)
{
    uint8_t place[LAYOUT_PLACE_BYTES];
    layout_place(id, creation_time, place);
    begin(out_key, tenant, KEYSPACE_INDEX);
    append32(out_key, id->table);
    append32(out_key, index);
    const bool cut = fields.size > LAYOUT_FIELDS_BYTES_MAX;
    append_bytes(out_key, fields.data, cut ? LAYOUT_FIELDS_BYTES_MAX : fields.size);
    append_bytes(out_key, place, sizeof place);
}

void layout_documents_range(
    uint32_t tenant, uint32_t table, struct layout_key *out_low, struct layout_key *out_high)
{
    begin(out_low, tenant, KEYSPACE_DOCUMENT);
    append32(out_low, table);
    layout_set(out_high, layout_slice(out_low));
    layout_after_prefix(out_high);
}

void layout_index_range(
    uint32_t tenant,
    uint32_t table,
    uint32_t index,
    struct layout_key *out_low,
    struct layout_key *out_high)
{
    begin(out_low, tenant, KEYSPACE_INDEX);
    append32(out_low, table);
    append32(out_low, index);
    layout_set(out_high, layout_slice(out_low));
    layout_after_prefix(out_high);
}

void layout_row(
    struct layout_key *out_key, uint32_t tenant, enum store_keyspace keyspace, struct slice key)
{
    begin(out_key, tenant, keyspace);
    append_groups(out_key, key);
}

bool layout_row_key(struct slice logical, struct layout_key *out_key)
{
    out_key->size = 0;
    struct slice rest = slice_from(logical, LAYOUT_PREFIX_BYTES);
    while (rest.size >= GROUP_BYTES + 1) {
        const size_t count = rest.data[GROUP_BYTES];
        if (count > GROUP_BYTES || out_key->size + count > LAYOUT_ROW_KEY_BYTES_MAX) {
            return false;
        }
        append_bytes(out_key, rest.data, count);
        rest = slice_from(rest, GROUP_BYTES + 1);
        if (count < GROUP_BYTES) {
            return rest.size == 0;
        }
    }
    return false;
}

void layout_keyspace_range(
    uint32_t tenant,
    enum store_keyspace keyspace,
    struct layout_key *out_low,
    struct layout_key *out_high)
{
    begin(out_low, tenant, keyspace);
    layout_set(out_high, layout_slice(out_low));
    layout_after_prefix(out_high);
}

void layout_table_name(struct layout_key *out_key, uint32_t tenant, struct slice name)
{
    begin(out_key, tenant, KEYSPACE_TABLE);
    out_key->bytes[out_key->size++] = TABLE_BY_NAME;
    append_groups(out_key, name);
}

void layout_table_row(
    struct layout_key *out_key,
    uint32_t tenant,
    enum layout_table_row row,
    uint32_t table,
    uint32_t index)
{
    begin(out_key, tenant, KEYSPACE_TABLE);
    out_key->bytes[out_key->size++] = (uint8_t)row;
    append32(out_key, table);
    if (row == TABLE_FILLED || row == TABLE_DROPPED) {
        append32(out_key, index);
    }
}

void layout_table_row_range(
    uint32_t tenant,
    enum layout_table_row row,
    struct layout_key *out_low,
    struct layout_key *out_high)
{
    begin(out_low, tenant, KEYSPACE_TABLE);
    out_low->bytes[out_low->size++] = (uint8_t)row;
    layout_set(out_high, layout_slice(out_low));
    layout_after_prefix(out_high);
}

uint32_t layout_table_of_row(struct slice logical)
{
    CORDON_ASSERT(logical.size >= TABLE_ROW_BYTES);
    return layout_load32(logical.data + LAYOUT_PREFIX_BYTES + 1);
}

uint32_t layout_index_of_row(struct slice logical)
{
    CORDON_ASSERT(logical.size == TABLE_ROW_BYTES + 4);
    return layout_load32(logical.data + TABLE_ROW_BYTES);
}

bool layout_document_of(struct slice logical, struct store_id *out_id)
{
    const uint8_t keyspace = logical.size > 4 ? logical.data[4] : KEYSPACE_META;
    const bool document = keyspace == KEYSPACE_DOCUMENT && logical.size == DOCUMENT_KEY_BYTES;
    const bool entry =
        keyspace == KEYSPACE_INDEX && logical.size >= LAYOUT_INDEX_BYTES + LAYOUT_PLACE_BYTES;
    if (!document && !entry) {
        return false;
    }
    out_id->table = layout_load32(logical.data + LAYOUT_PREFIX_BYTES);
    memcpy(out_id->internal, logical.data + logical.size - ID_BYTES, ID_BYTES);
    return true;
}

/* Drops trailing ff bytes and counts the last one up. A key of nothing but ff is never made: no
 * keyspace has that number. */
void layout_after_prefix(struct layout_key *key)
{
    while (key->size > 0 && key->bytes[key->size - 1] == 0xff) {
        key->size--;
    }
    CORDON_ASSERT(key->size > 0);
    key->bytes[key->size - 1]++;
}

/* -- Versions -------------------------------------------------------------------------------- */

void layout_put_ts(uint8_t *at, uint64_t ts)
{
    layout_store64(at, ~ts);
}

void layout_append_ts(struct layout_key *key, uint64_t ts)
{
    CORDON_ASSERT(key->size + LAYOUT_TS_BYTES <= LAYOUT_KEY_BYTES_MAX);
    append64(key, ~ts);
}

uint64_t layout_ts(struct slice physical)
{
    CORDON_ASSERT(physical.size > LAYOUT_TS_BYTES);
    return ~layout_load64(physical.data + physical.size - LAYOUT_TS_BYTES);
}

void layout_audit(struct layout_key *out_key, uint32_t tenant, uint64_t sequence)
{
    begin(out_key, tenant, KEYSPACE_AUDIT);
    append64(out_key, sequence);
}

uint64_t layout_audit_sequence(struct slice key)
{
    CORDON_ASSERT(key.size == LAYOUT_PREFIX_BYTES + 8);
    return layout_load64(key.data + LAYOUT_PREFIX_BYTES);
}

void layout_garbage(struct layout_key *out_key, uint64_t ts)
{
    begin(out_key, LAYOUT_TENANT_SYSTEM, KEYSPACE_GARBAGE);
    append64(out_key, ts);
}

void layout_meta(struct layout_key *out_key)
{
    begin(out_key, LAYOUT_TENANT_SYSTEM, KEYSPACE_META);
}

/* -- Values ---------------------------------------------------------------------------------- */

uint64_t layout_seal_body(uint8_t *value, size_t size, enum layout_kind kind)
{
    value[8] = (uint8_t)kind;
    return hash_fast(slice_of(value + 8, size - 8), 0);
}

void layout_seal_key(uint8_t *value, struct slice key, uint64_t body_hash)
{
    layout_store64(value, hash_fast(key, body_hash));
}

const char *layout_keyspace_name(uint8_t keyspace)
{
    static const char *const names[] = {
        [KEYSPACE_META] = "meta",         [KEYSPACE_DOCUMENT] = "document",
        [KEYSPACE_INDEX] = "index",       [KEYSPACE_TABLE] = "table",
        [KEYSPACE_MODULE] = "module",     [KEYSPACE_SESSION] = "session",
        [KEYSPACE_SCHEDULE] = "schedule", [KEYSPACE_AUDIT] = "audit",
        [KEYSPACE_QUOTA] = "quota",       [KEYSPACE_GARBAGE] = "garbage",
    };
    return keyspace < sizeof names / sizeof names[0] ? names[keyspace] : "unknown";
}

static cordon_error *damaged(struct slice key, const char *what)
{
    char hex[2 * LAYOUT_KEY_BYTES_MAX + 1];
    if (key.size > LAYOUT_KEY_BYTES_MAX) {
        key.size = LAYOUT_KEY_BYTES_MAX;
    }
    hex_encode(key, hex);
    return cordon_error_new(
        CORDON_E_STORE,
        "the stored row %s in keyspace '%s' is damaged: %s; restore the data folder from a backup",
        hex, layout_keyspace_name(key.size > 4 ? key.data[4] : UINT8_MAX), what);
}

cordon_error *layout_open(
    struct slice key, struct slice value, enum layout_kind *out_kind, struct slice *out_body)
{
    if (value.size < LAYOUT_SEAL_BYTES) {
        return damaged(key, "it is too short");
    }
    const uint64_t body_hash = hash_fast(slice_from(value, 8), 0);
    if (hash_fast(key, body_hash) != layout_load64(value.data)) {
        return damaged(key, "its checksum does not match");
    }
    if (value.data[8] != LAYOUT_LIVE && value.data[8] != LAYOUT_TOMBSTONE) {
        return damaged(key, "it is of an unknown kind");
    }
    *out_kind = (enum layout_kind)value.data[8];
    *out_body = slice_from(value, LAYOUT_SEAL_BYTES);
    return NULL;
}
