/* Rows of one commit; see batch.h. */
#include "store/batch.h"

#include "base/hash.h"
#include "base/memory.h"

/* More than the largest commit that the store takes; reached only by a fault of ours. */
#define BATCH_BYTES_MAX ((size_t)2 << 30)

cordon_error *batch_new(uint64_t seed, struct batch **out_batch)
{
    struct batch *batch = MEM_NEW(struct batch);
    if (batch == NULL) {
        return error_no_memory();
    }
    arena_init(&batch->arena, BATCH_BYTES_MAX);
    batch->random = hash_fast(slice_of(&seed, sizeof seed), 0) | 1;
    *out_batch = batch;
    return NULL;
}

void batch_free(struct batch *batch)
{
    if (batch != NULL) {
        arena_done(&batch->arena);
        mem_free(batch);
    }
}

static size_t total_size(const struct slice *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
    }
    return size;
}

static void copy_parts(uint8_t *at, const struct slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0) {
            memcpy(at, parts[i].data, parts[i].size);
            at += parts[i].size;
        }
    }
}

cordon_error *batch_add(
    struct batch *batch,
    enum batch_stamp stamp,
    struct slice key,
    enum layout_kind kind,
    const struct slice *parts,
    size_t part_count)
{
    CORDON_ASSERT(key.size + LAYOUT_TS_BYTES <= LAYOUT_KEY_BYTES_MAX);
    const size_t head =
        LAYOUT_SEAL_BYTES + (stamp == STAMP_AUDIT ? (size_t)LAYOUT_AUDIT_HEAD_BYTES : 0);
    const size_t value_bytes = head + total_size(parts, part_count);
    const size_t key_bytes = key.size + LAYOUT_TS_BYTES;

    struct batch_row *row = arena_alloc(&batch->arena, sizeof *row);
    uint8_t *bytes = NULL;
    struct skip_node *node = skip_node_in_arena(
        &batch->arena, skip_random(&batch->random), BATCH_FRAME_BYTES + key_bytes + value_bytes,
        &bytes);
    if (row == NULL || node == NULL) {
        return error_no_memory();
    }
    layout_store32(bytes, (uint32_t)key_bytes);
    layout_store32(bytes + 4, (uint32_t)value_bytes);
    bytes += BATCH_FRAME_BYTES;
    memcpy(bytes, key.data, key.size);
    row->key = bytes;
    row->value = bytes + key_bytes;
    copy_parts(row->value + head, parts, part_count);
    row->node = node;
    row->stamp = stamp;
    node->key = slice_of(row->key, key_bytes);
    node->value = slice_of(row->value, value_bytes);
    row->body_hash = layout_seal_body(row->value, value_bytes, kind);

    if (batch->last == NULL) {
        batch->first = row;
    } else {
        batch->last->next = row;
    }
    batch->last = row;
    batch->count++;
    batch->bytes += key_bytes + value_bytes;
    return NULL;
}

struct audit_record batch_audit_record(struct slice key, struct slice body)
{
    struct audit_record record = {
        .sequence = layout_audit_sequence(key),
        .ts = layout_load64(body.data),
        .body = slice_from(body, LAYOUT_AUDIT_HEAD_BYTES),
    };
    memcpy(record.previous, body.data + 8, SHA256_BYTES);
    memcpy(record.hash, body.data + 8 + SHA256_BYTES, SHA256_BYTES);
    return record;
}

/* Writes ts, previous hash and hash in front of the record's text, and seals it anew. */
static void chain(struct batch_row *row, uint64_t ts, struct audit_head *head)
{
    uint8_t *at = row->value + LAYOUT_SEAL_BYTES;
    const size_t fixed = LAYOUT_SEAL_BYTES + LAYOUT_AUDIT_HEAD_BYTES;
    struct audit_record record = {
        .sequence = ++head->sequence, .ts = ts, .body = slice_from(row->node->value, fixed)};
    memcpy(record.previous, head->hash, SHA256_BYTES);
    audit_record_hash(&record, head->hash);
    head->appended += record.body.size + AUDIT_RECORD_BYTES;
    layout_store64(at, ts);
    memcpy(at + 8, record.previous, SHA256_BYTES);
    memcpy(at + 8 + SHA256_BYTES, head->hash, SHA256_BYTES);
    row->body_hash = layout_seal_body(row->value, row->node->value.size, LAYOUT_LIVE);
}

void batch_finish(struct batch *batch, uint64_t ts, struct audit_head *head)
{
    for (struct batch_row *row = batch->first; row != NULL; row = row->next) {
        uint8_t *tail = row->key + row->node->key.size - LAYOUT_TS_BYTES;
        switch (row->stamp) {
        case STAMP_VERSION:
            layout_put_ts(tail, ts);
            break;
        case STAMP_TIME:
            layout_store64(tail, ts);
            break;
        case STAMP_AUDIT:
            chain(row, ts, head);
            layout_store64(tail, head->sequence);
            break;
        }
        layout_seal_key(row->value, row->node->key, row->body_hash);
    }
}
