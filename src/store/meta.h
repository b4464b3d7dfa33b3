/*
 * The meta record: whose data this is, in which format, and how far it goes. A record that is
 * missing, foreign, of another format or damaged is an error that says what to do.
 */
#ifndef STORE_META_H
#define STORE_META_H

#include "store/kv.h"

struct meta {
    uint32_t format;
    uint8_t cluster_id[16];
    uint64_t last_ts; /* of the newest commit that the backend has */
};

/* Any format. Errors: CORDON_E_STORE. */
CORDON_MUST_USE cordon_error *meta_read(struct kv *kv, struct meta *out_meta);

/* NULL if this program reads that format; else CORDON_E_STORE, which names both. */
CORDON_MUST_USE cordon_error *meta_check_format(uint32_t format);

/* Puts the record into the batch that the backend is being given. */
CORDON_MUST_USE cordon_error *meta_put(struct kv *kv, const struct meta *meta);

#endif
