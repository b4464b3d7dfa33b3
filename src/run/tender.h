/*
 * The tender: a thread that does the work which changed indexes have left, so that no deploy waits
 * for it, and none must come for it to go on after a crash. It also counts what tenants have,
 * erases what removed ones have left, and, at its start and every half an hour, removes results of
 * idempotent calls that are old. At its start it has audit logs signed that were not when the
 * server before it ended, of tenants that sleep, too.
 *
 * It works some rows at a time, holds the lock of its tenant's changes for as long as that takes,
 * and pauses in between, so that it is in nobody's way. What it cannot do now, as the store fails
 * or others write too fast, it tries again later; the log says why.
 */
#ifndef RUN_TENDER_H
#define RUN_TENDER_H

#include "run/runner.h"

struct tender;

/* Starts the thread, which looks at once whether there is work. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *tender_new(struct runner *runner, struct tender **out_tender);

/* There may be work. Any thread. */
void tender_wake(struct tender *tender);

/* Ends the thread after what it is at. NULL accepted. */
void tender_free(struct tender *tender);

#endif
