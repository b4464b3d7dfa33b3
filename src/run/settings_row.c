/* Settings at the last start; see settings_row.h. */
#include "run/settings_row.h"

#include "audit/record.h"
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
    struct rows *rows, struct slice effective, const struct audit_actor *actor, bool *out_conflict)
{
    uint8_t hash[SHA256_BYTES];
    bool is_same = false;
    hash_sha256(&effective, 1, hash);
    *out_conflict = false;
    TRY(is_recorded(rows, hash, &is_same));
    if (is_same) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, AUDIT_BODY_BYTES_MAX);
    TRY(buffer_append(&body, SLICE("{\"kind\":\"settings\",\"effective\":")));
    TRY(buffer_append(&body, effective));
    TRY(audit_actor_end(&body, actor));
    TRY(store_row_put(rows->txn, KEYSPACE_MODULE, ROW, slice_of(hash, sizeof hash)));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&body)};
    return rows_commit(rows, &facts, out_conflict);
}

static cordon_error *forget(struct rows *rows, bool *out_conflict)
{
    const struct store_commit_facts facts = {0};
    TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, ROW));
    return rows_commit(rows, &facts, out_conflict);
}

/* What is to be recorded, and who says so; nothing where it is to be forgotten. */
struct change {
    struct slice effective;
    const struct audit_actor *actor;
};

static cordon_error *make(struct store *store, const struct change *change)
{
    bool conflict = true;
    for (unsigned tries = 0; conflict && tries < TRIES_MAX; tries++) {
        struct rows rows;
        cordon_error *error = rows_begin(store, TENANT_DEFAULT, &rows);
        if (error == NULL) {
            error = change == NULL ? forget(&rows, &conflict)
                                   : record(&rows, change->effective, change->actor, &conflict);
        }
        rows_end(&rows);
        TRY(error);
    }
    return !conflict ? NULL
                     : cordon_error_new(
                           CORDON_E_CONFLICT, "the machine was too busy to write the settings into "
                                              "the audit log; try again");
}

cordon_error *settings_row_record(
    struct store *store, struct slice effective, const struct audit_actor *actor)
{
    const struct change change = {effective, actor};
    return make(store, &change);
}

cordon_error *settings_row_forget(struct store *store)
{
    return make(store, NULL);
}
