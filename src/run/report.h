/* One structured log line per run. */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include "observe/log.h"
#include "run/outcome.h"

void run_report(
    struct log *log, const struct outcome *outcome, struct slice path, struct slice request_id);

#endif
