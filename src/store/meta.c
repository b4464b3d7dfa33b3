/*
 * The meta record; see meta.h. Its magic and its format are where they are in every later format,
 * and are looked at before the checksum, so that a version that seals rows otherwise is still
 * named.
 */
#include "store/meta.h"

#include "store/layout.h"

#define META_MAGIC "cordonDB"

enum {
    META_FORMAT_AT = 8,
    META_CLUSTER_AT = META_FORMAT_AT + 4,
    META_TS_AT = META_CLUSTER_AT + 16,
    META_BYTES = META_TS_AT + 8,
};

cordon_error *meta_check_format(uint32_t format)
{
    if (format == LAYOUT_FORMAT) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_STORE,
        "the data folder is of format version %u and this program reads version %u; %s", format,
        LAYOUT_FORMAT,
        format > LAYOUT_FORMAT ? "start it with the newer cordon that wrote it"
                               : "start it with the older cordon that wrote it");
}

static cordon_error *read_body(struct kv_row row, struct meta *out_meta)
{
    const struct slice value = row.value;
    const struct slice raw =
        value.size > LAYOUT_SEAL_BYTES ? slice_from(value, LAYOUT_SEAL_BYTES) : (struct slice){0};
    if (raw.size < META_CLUSTER_AT || !slice_starts_with(raw, SLICE(META_MAGIC))) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data folder holds a database that is not this program's; choose another folder");
    }
    out_meta->format = layout_load32(raw.data + META_FORMAT_AT);
    if (out_meta->format > LAYOUT_FORMAT) {
        return meta_check_format(out_meta->format);
    }
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    TRY(layout_open(row.key, value, &kind, &body));
    if (body.size != META_BYTES) {
        return cordon_error_new(
            CORDON_E_STORE, "the meta record is damaged; restore the data folder from a backup");
    }
    memcpy(out_meta->cluster_id, body.data + META_CLUSTER_AT, sizeof out_meta->cluster_id);
    out_meta->last_ts = layout_load64(body.data + META_TS_AT);
    return NULL;
}

cordon_error *meta_read(struct kv *kv, struct meta *out_meta)
{
    struct layout_key key;
    layout_meta(&key);
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    TRY(kv->ops->reader_open(kv, &reader));
    struct kv_row row = {0};
    bool found = false;
    struct meta meta = {0};
    TRY(reader->ops->seek(reader, layout_slice(&key), &found, &row));
    const bool is_there = found && slice_equal(row.key, layout_slice(&key));
    TRY(read_body(is_there ? row : (struct kv_row){0}, &meta));
    *out_meta = meta;
    return NULL;
}

cordon_error *meta_put(struct kv *kv, const struct meta *meta)
{
    struct layout_key key;
    layout_meta(&key);
    uint8_t value[LAYOUT_SEAL_BYTES + META_BYTES];
    uint8_t *body = value + LAYOUT_SEAL_BYTES;
    memcpy(body, META_MAGIC, sizeof META_MAGIC - 1);
    layout_store32(body + META_FORMAT_AT, meta->format);
    memcpy(body + META_CLUSTER_AT, meta->cluster_id, sizeof meta->cluster_id);
    layout_store64(body + META_TS_AT, meta->last_ts);
    const uint64_t body_hash = layout_seal_body(value, sizeof value, LAYOUT_LIVE);
    layout_seal_key(value, layout_slice(&key), body_hash);
    return kv->ops->write_put(kv, layout_slice(&key), slice_of(value, sizeof value));
}
