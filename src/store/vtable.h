/*
 * What a store is made of: the calls of store.h as tables of functions, so that a wrapper (a
 * delay, a fault) can stand in front of any other. store.c checks arguments and dispatches; behind
 * it, arguments are known to be good.
 */
#ifndef STORE_VTABLE_H
#define STORE_VTABLE_H

#include "store/store.h"

struct store_ops {
    void (*close)(struct store *store);
    uint64_t (*visible_ts)(const struct store *store);
    uint64_t (*durable_ts)(const struct store *store);
    void (*cluster_id)(const struct store *store, uint8_t out_id[16]);
    cordon_error *(*begin)(
        struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn);
    cordon_error *(*hold)(struct store *store, uint32_t tenant, uint64_t *out_snapshot);
    void (*release)(struct store *store, uint32_t tenant, uint64_t snapshot);
    cordon_error *(*begin_held)(
        struct store *store,
        uint32_t tenant,
        uint64_t snapshot,
        struct store_wake wake,
        struct store_txn **out_txn);
    /* NULL: the store counts no audit records. */
    cordon_error *(*audit_meter)(
        struct store *store, uint32_t tenant, uint64_t *out_last, uint64_t *out_appended);
    /* NULL: no other process reads what this one writes. */
    void (*pin_elsewhere)(struct store *store, uint32_t *out_pid, uint64_t *out_snapshot);
    /* NULL: the store keeps all audit records. */
    cordon_error *(*audit_prune)(
        struct store *store, uint32_t tenant, uint64_t before, bool *out_more);
};

/* As the functions of store.h with the same names. */
struct store_txn_ops {
    cordon_error *(*begin_reserved)(
        struct store_txn **lost, enum store_step *out_step, struct store_txn **out_txn);
    /* NULL: nothing of it depends on a seed. */
    void (*seed)(struct store_txn *txn, uint64_t seed);
    uint64_t (*snapshot)(const struct store_txn *txn);
    bool (*has_writes)(const struct store_txn *txn);
    size_t (*bytes)(const struct store_txn *txn);
    void (*end)(struct store_txn *txn);
    cordon_error *(*commit)(
        struct store_txn *txn,
        const struct store_commit_facts *facts,
        enum store_step *out_step,
        struct store_commit_result *out_result);
    cordon_error *(*table_find)(
        struct store_txn *txn,
        struct slice name,
        enum store_step *out_step,
        bool *out_found,
        uint32_t *out_table);
    cordon_error *(*table_name)(
        struct store_txn *txn,
        uint32_t table,
        enum store_step *out_step,
        bool *out_found,
        struct slice *out_name);
    cordon_error *(*table_ensure)(
        struct store_txn *txn, struct slice name, enum store_step *out_step, uint32_t *out_table);
    cordon_error *(*table_claim)(
        struct store_txn *txn,
        struct slice name,
        uint32_t wanted,
        enum store_step *out_step,
        uint32_t *out_table);
    cordon_error *(*table_next)(
        struct store_txn *txn,
        uint32_t after,
        enum store_step *out_step,
        uint32_t *out_table,
        struct slice *out_name);
    cordon_error *(*get)(
        struct store_txn *txn,
        const struct store_id *id,
        enum store_step *out_step,
        bool *out_found,
        struct slice *out_body);
    cordon_error *(*put)(
        struct store_txn *txn, const struct store_id *id, double creation_time, struct slice body);
    cordon_error *(*remove)(struct store_txn *txn, const struct store_id *id, double creation_time);
    cordon_error *(*savepoint)(struct store_txn *txn, uint64_t *out_point);
    cordon_error *(*rollback)(struct store_txn *txn, uint64_t point);
    cordon_error *(*scan_open)(
        struct store_txn *txn, const struct store_range *range, struct store_scan **out_scan);
    cordon_error *(*indexes_get)(
        struct store_txn *txn,
        uint32_t table,
        enum store_step *out_step,
        struct store_indexes *out_indexes);
    cordon_error *(*indexes_put)(
        struct store_txn *txn,
        uint32_t table,
        const struct store_index *indexes,
        size_t count,
        enum store_step *out_step);
    cordon_error *(*index_work)(
        struct store_txn *txn,
        enum store_index_share share,
        size_t rows_max,
        enum store_step *out_step,
        size_t *out_rows);
    cordon_error *(*row_get)(
        struct store_txn *txn,
        enum store_keyspace keyspace,
        struct slice key,
        enum store_step *out_step,
        bool *out_found,
        struct slice *out_value);
    cordon_error *(*row_put)(
        struct store_txn *txn, enum store_keyspace keyspace, struct slice key, struct slice value);
    cordon_error *(*row_remove)(
        struct store_txn *txn, enum store_keyspace keyspace, struct slice key);
    cordon_error *(*row_next)(
        struct store_txn *txn,
        enum store_keyspace keyspace,
        struct slice from,
        bool after,
        enum store_step *out_step,
        bool *out_found,
        struct slice *out_key,
        struct slice *out_value);
    cordon_error *(*audit_read)(
        struct store_txn *txn,
        uint64_t sequence,
        enum store_step *out_step,
        bool *out_found,
        struct audit_record *out_record);
};

struct store_scan_ops {
    cordon_error *(*next)(
        struct store_scan *scan,
        enum store_step *out_step,
        bool *out_found,
        struct slice *out_body);
    void (*close)(struct store_scan *scan);
};

/* The first member of every store, transaction and scan. */
struct store {
    const struct store_ops *ops;
};

struct store_txn {
    const struct store_txn_ops *ops;
};

struct store_scan {
    const struct store_scan_ops *ops;
    bool ready; /* as store_scan_is_ready; false where nobody knows */
};

#endif
