/* What stands behind the public handles. */
#ifndef API_API_H
#define API_API_H

#include <cordon/cordon.h>

#include "base/buffer.h"
#include "run/run.h"

struct cordon_runtime {
    struct metrics *metrics;
    struct log *log; /* NULL: none */
    struct store *store;
    struct runner *runner;
    char *data_folder; /* NULL: a store in memory */
};

/* Hands a buffer's bytes over as a NUL-terminated text of the caller's, freed by cordon_free(). */
CORDON_MUST_USE cordon_error *api_give_text(struct buffer *buffer, char **out_text);

#endif
