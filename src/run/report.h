/* One structured log line per run. */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include "host/env_vars.h"
#include "observe/log.h"
#include "run/outcome.h"

/* What a line says beside the outcome; all borrowed. */
struct run_report {
    const struct outcome *outcome;
    const uint64_t *allowed;    /* by limit; NULL: no function was found, and nothing was allowed */
    const struct env_vars *env; /* whose values are left out of it; NULL: none */
    struct slice tenant;        /* its name */
    struct slice path;
    struct slice request_id;
    struct slice user;        /* hash of who has signed in (auth/identity.h); empty: nobody */
    struct slice traceparent; /* empty: none */
};

void run_report(struct log *log, const struct run_report *report);

#endif
