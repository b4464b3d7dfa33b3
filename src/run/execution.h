/* What is kept of a run for those who follow the functions' logs. */
#ifndef RUN_EXECUTION_H
#define RUN_EXECUTION_H

#include "observe/executions.h"
#include "run/outcome.h"

/*
 * Adds an entry for a run that is done, if entries are kept; so many of its lines were told before.
 * Any thread.
 */
void execution_keep(
    struct executions *executions,
    const struct outcome *outcome,
    size_t told_lines,
    struct slice path,
    struct slice request_id);

/* Adds one for lines of an action that goes on, if entries are kept. Any thread. */
void execution_keep_lines(
    struct executions *executions,
    const struct slice *lines,
    size_t count,
    struct slice path,
    struct slice request_id);

#endif
