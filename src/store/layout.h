/*
 * The bytes of a row: how keys and values of the key-value backends are made. docs/layout.md is
 * the description; every number here is part of the on-disk format.
 *
 * A *logical* key names a thing (a document, an index entry, a module); a *physical* key is a
 * logical key and the inverted timestamp of one version of it, so that newer versions come first.
 * Logical keys are prefix-free within a keyspace, so versions of two things never interleave.
 */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "base/hash.h"
#include "store/store.h"

#define LAYOUT_FORMAT 1u

/* The tenant of rows that belong to the store itself: the meta record and the garbage queue. */
#define LAYOUT_TENANT_SYSTEM UINT32_MAX
#define LAYOUT_TABLE_FIRST 10001u
#define LAYOUT_TABLE_LAST UINT32_MAX

enum {
    LAYOUT_KEY_BYTES_MAX = 511, /* what the embedded backend takes */
    LAYOUT_TS_BYTES = 8,
    LAYOUT_PREFIX_BYTES = 5,        /* tenant and keyspace */
    LAYOUT_SEAL_BYTES = 9,          /* checksum and kind in front of each body */
    LAYOUT_TIME_BYTES = 8,          /* creation time in front of a document's text */
    LAYOUT_ROW_KEY_BYTES_MAX = 400, /* before encoding; 472 after, timestamp included */
    LAYOUT_PLACE_BYTES = 24,        /* creation time and id at the end of each index entry */
    LAYOUT_INDEX_BYTES = 13,        /* tenant, keyspace, table and index in front of it */
    /* Of the sort keys of an entry's fields; longer ones are cut. */
    LAYOUT_FIELDS_BYTES_MAX =
        LAYOUT_KEY_BYTES_MAX - LAYOUT_TS_BYTES - LAYOUT_INDEX_BYTES - LAYOUT_PLACE_BYTES,
    LAYOUT_AUDIT_HEAD_BYTES = 8 + SHA256_BYTES + SHA256_BYTES,
};

/* A key under construction; not zeroed, only `size` bytes count. */
struct layout_key {
    size_t size;
    uint8_t bytes[LAYOUT_KEY_BYTES_MAX];
};

static inline struct slice layout_slice(const struct layout_key *key)
{
    return (struct slice){key->bytes, key->size};
}

/* Copies the bytes that count; `bytes` may be at most LAYOUT_KEY_BYTES_MAX. */
static inline void layout_set(struct layout_key *key, struct slice bytes)
{
    CORDON_ASSERT(bytes.size <= LAYOUT_KEY_BYTES_MAX);
    memcpy(key->bytes, bytes.data, bytes.size);
    key->size = bytes.size;
}

/* Big-endian integers, the only ones in the layout. */
void layout_store32(uint8_t *at, uint32_t value);
void layout_store64(uint8_t *at, uint64_t value);
uint32_t layout_load32(const uint8_t *at);
uint64_t layout_load64(const uint8_t *at);

/* -- Logical keys ---------------------------------------------------------------------------- */

void layout_document(struct layout_key *out_key, uint32_t tenant, const struct store_id *id);

/*
 * An entry of an index: the sort keys of its fields, of which LAYOUT_FIELDS_BYTES_MAX are kept,
 * and the document's place in the creation order. Index 0 is that order, and has no fields.
 */
void layout_entry(
    struct layout_key *out_key,
    uint32_t tenant,
    const struct store_id *id,
    uint32_t index,
    struct slice fields,
    double creation_time);

/*
 * Whether the entry may have lost the end of its fields. Such entries that are equal up to their
 * place are in no order among themselves.
 */
static inline bool layout_entry_is_cut(struct slice logical)
{
    return logical.size == LAYOUT_KEY_BYTES_MAX - LAYOUT_TS_BYTES;
}

/* The creation time in an entry's key, ms. */
double layout_creation_time(struct slice logical);

/* Creation time and id as bytes in their order: what ends each entry. */
void layout_place(
    const struct store_id *id, double creation_time, uint8_t out_place[LAYOUT_PLACE_BYTES]);

/* All documents of a table by id: from `low`, before `high`. */
void layout_documents_range(
    uint32_t tenant, uint32_t table, struct layout_key *out_low, struct layout_key *out_high);

/* All entries of one index of a table: from `low`, before `high`. */
void layout_index_range(
    uint32_t tenant,
    uint32_t table,
    uint32_t index,
    struct layout_key *out_low,
    struct layout_key *out_high);

/* A row of another keyspace, its key of at most LAYOUT_ROW_KEY_BYTES_MAX in groups of eight. */
void layout_row(
    struct layout_key *out_key, uint32_t tenant, enum store_keyspace keyspace, struct slice key);

/* The key given to layout_row, from the logical key; at most LAYOUT_ROW_KEY_BYTES_MAX. False if
 * the logical key is malformed. */
bool layout_row_key(struct slice logical, struct layout_key *out_key);

/* All rows of a keyspace of a tenant. */
void layout_keyspace_range(
    uint32_t tenant,
    enum store_keyspace keyspace,
    struct layout_key *out_low,
    struct layout_key *out_high);

void layout_table_name(struct layout_key *out_key, uint32_t tenant, struct slice name);

/* Rows about tables, by what stands in them; the letters are part of the format. */
enum layout_table_row {
    TABLE_BY_NAME = 'n',
    TABLE_BY_NUMBER = '#',
    TABLE_INDEXES = 'i',
    TABLE_FILLED = 'f',  /* how far an index is filled; with its number */
    TABLE_DROPPED = 'x', /* an index whose entries are to be removed; with its number */
};

/* `index` counts in rows that are about one. */
void layout_table_row(
    struct layout_key *out_key,
    uint32_t tenant,
    enum layout_table_row row,
    uint32_t table,
    uint32_t index);

/* All rows of that sort, but those by name. */
void layout_table_row_range(
    uint32_t tenant,
    enum layout_table_row row,
    struct layout_key *out_low,
    struct layout_key *out_high);
uint32_t layout_table_of_row(struct slice logical);
uint32_t layout_index_of_row(struct slice logical);

/* What the key of a document or of an index entry names; false for every other key. */
bool layout_document_of(struct slice logical, struct store_id *out_id);

/* The smallest key after `key` and everything that starts with it. */
void layout_after_prefix(struct layout_key *key);

/* -- Physical keys --------------------------------------------------------------------------- */

/* Appends the inverted timestamp. */
void layout_append_ts(struct layout_key *key, uint64_t ts);
void layout_put_ts(uint8_t *at, uint64_t ts);
uint64_t layout_ts(struct slice physical);

static inline struct slice layout_logical(struct slice physical)
{
    return (struct slice){physical.data, physical.size - LAYOUT_TS_BYTES};
}

/* Keys of rows that have no versions. */
void layout_audit(struct layout_key *out_key, uint32_t tenant, uint64_t sequence);
uint64_t layout_audit_sequence(struct slice key);
void layout_garbage(struct layout_key *out_key, uint64_t ts);
void layout_meta(struct layout_key *out_key);

/* -- Values ---------------------------------------------------------------------------------- */

enum layout_kind { LAYOUT_TOMBSTONE = 0, LAYOUT_LIVE = 1 };

/*
 * A value is checksum ‖ kind ‖ body. The caller writes the body at value + LAYOUT_SEAL_BYTES and
 * calls layout_seal_body, which hashes it (the long part), and, when the key is complete,
 * layout_seal_key, which finishes the checksum.
 */
uint64_t layout_seal_body(uint8_t *value, size_t size, enum layout_kind kind);
void layout_seal_key(uint8_t *value, struct slice key, uint64_t body_hash);

/*
 * Checks a value against its key. `*out_body` points into the value. Errors: CORDON_E_STORE, which
 * names the keyspace and the key in hex.
 */
CORDON_MUST_USE cordon_error *layout_open(
    struct slice key, struct slice value, enum layout_kind *out_kind, struct slice *out_body);

/* A double as eight bytes in the order of numbers, and back; not NaN. */
uint64_t layout_ordered_double(double number);
double layout_double_of(uint64_t ordered);

/* The name of a keyspace, for messages. */
const char *layout_keyspace_name(uint8_t keyspace);

#endif
