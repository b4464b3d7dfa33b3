/*
 * What a server's settings were when one last started on a data folder, so that the audit log says
 * when they have changed: `"settings"` in KEYSPACE_MODULE of the default tenant has the SHA-256 of
 * what was recorded last, in the very commit of its audit record.
 */
#ifndef RUN_SETTINGS_ROW_H
#define RUN_SETTINGS_ROW_H

#include "audit/actor.h"
#include "store/store.h"

/*
 * Appends the audit record {"kind": "settings", "effective": `effective`}, unless the last one of
 * its kind had the same. `effective` is JSON without secrets. Blocks until it is durable; for a
 * start. Errors: CORDON_E_CONFLICT if that took longer than a snapshot lasts, those of the store
 * and of a buffer.
 */
CORDON_MUST_USE cordon_error *settings_row_record(
    struct store *store, struct slice effective, const struct audit_actor *actor);

/*
 * The next start records its settings, whatever they are; before a server takes over others, which
 * may be those of the start again when it ends. Blocks until it is durable. Errors: as above.
 */
CORDON_MUST_USE cordon_error *settings_row_forget(struct store *store);

#endif
