/* What stands behind the public handles. */
#ifndef API_API_H
#define API_API_H

#include <cordon/cordon.h>

#include "run/run.h"

struct cordon_runtime {
    struct metrics *metrics;
    struct log *log; /* NULL: none */
    struct store *store;
    struct runner *runner;
    char *data_folder; /* NULL: a store in memory */
};

#endif
