/*
 * What a server's settings were when one last started on a data folder, so that the audit log says
 * when they have changed: `"settings"` in KEYSPACE_MODULE of the default tenant has the SHA-256 of
 * what was recorded last, in the very commit of its audit record.
 */
#ifndef RUN_SETTINGS_ROW_H
#define RUN_SETTINGS_ROW_H

#include "store/store.h"

/*
 * Appends the audit record `body`, unless the last one of its kind was of the same `effective`
 * settings. Blocks until it is durable; for a start. Errors: CORDON_E_CONFLICT if that took longer
 * than a snapshot lasts, those of the store.
 */
CORDON_MUST_USE cordon_error *settings_row_record(
    struct store *store, struct slice body, struct slice effective);

/*
 * Has the next start record its settings, whatever they are, once this commits: others hold
 * meanwhile. Errors: those of the store.
 */
CORDON_MUST_USE cordon_error *settings_row_forget(struct store_txn *txn);

#endif
