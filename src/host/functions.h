/*
 * Functions of the embedding program (include/cordon/host.h), as rows of the import table.
 *
 * A guest runs on a fiber with a small stack, so the program is not asked there: the call copies
 * its arguments and waits, and the run asks between two turns of the guest, by host_ask_function().
 * What is answered is written to the tape; a replay takes it from there.
 */
#ifndef HOST_FUNCTIONS_H
#define HOST_FUNCTIONS_H

#include "host/host.h"

#include <cordon/host.h>

#define HOST_FUNCTIONS_MAX CORDON_HOST_FUNCTIONS_MAX

struct host_functions;

/*
 * Copies the functions. Errors: CORDON_E_INVALID for a row that cannot be, naming it;
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *host_functions_new(
    const cordon_host_function *functions, size_t count, struct host_functions **out_functions);

/* No run and no engine may use them any more. NULL accepted. */
void host_functions_free(struct host_functions *functions);

/* The whole import table: host_imports(), and these behind it. NULL: there are none. */
const struct engine_import *host_all_imports(
    const struct host_functions *functions, size_t *out_count);

/*
 * Asks the program for the answer to the call that the guest waits for. True if there was one, and
 * is answered now; the guest can go on then.
 */
bool host_ask_function(struct host *host);

/* Ends a call that was not answered, if there is one, and tells the program. */
void host_function_call_done(struct host *host);

#endif
