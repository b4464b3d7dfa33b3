/* Settings at the last start; see settings_row.h. */
#include "run/settings_row.h"

#include "run/await.h"
#include "run/runner.h"

#include <string.h>

#define ROW SLICE("settings")

enum { TRIES_MAX = 4 };

static cordon_error *is_recorded(
    struct rows *rows, const uint8_t hash[SHA256_BYTES], bool *out_is_recorded)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(rows, step, store_row_get(rows->txn, KEYSPACE_MODULE, ROW, &step, &found, &value));
    *out_is_recorded = found && slice_equal(value, slice_of(hash, SHA256_BYTES));
    return NULL;
}

static cordon_error *record(
    struct rows *rows, struct slice body, struct slice effective, bool *out_conflict)
{
    uint8_t hash[SHA256_BYTES];
    bool is_same = false;
    hash_sha256(&effective, 1, hash);
    *out_conflict = false;
    TRY(is_recorded(rows, hash, &is_same));
    if (is_same) {
        return NULL;
    }
    TRY(store_row_put(rows->txn, KEYSPACE_MODULE, ROW, slice_of(hash, sizeof hash)));
    const struct store_commit_facts facts = {.audit_body = body};
    return rows_commit(rows, &facts, out_conflict);
}

cordon_error *settings_row_record(struct store *store, struct slice body, struct slice effective)
{
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < TRIES_MAX; tries++) {
        struct rows rows;
        cordon_error *error = rows_begin(store, TENANT_DEFAULT, &rows);
        if (error == NULL) {
            error = record(&rows, body, effective, &conflict);
        }
        rows_end(&rows);
        TRY(error);
    }
    return !conflict ? NULL
                     : cordon_error_new(
                           CORDON_E_CONFLICT, "the machine was too busy to write the settings into "
                                              "the audit log; start the server again");
}

cordon_error *settings_row_forget(struct store_txn *txn)
{
    return store_row_remove(txn, KEYSPACE_MODULE, ROW);
}
