/*
 * Lines of an action that goes on, for those who follow its tenant's logs. An action is never begun
 * anew, so what it has logged stays true; a query or a mutation may be, and is told of at its end.
 *
 * Not each line by itself: what has gathered in a quarter of a second is one entry. So an action
 * that is shorter has one, at its end, as any other run, and one that goes on takes four a second
 * at most of those that are kept. Nor more than so many bytes at once, as a loop does it.
 */
#include "run/execution.h"
#include "run/state.h"

#define PROGRESS_NS ((uint64_t)250000000)
#define PROGRESS_BYTES ((size_t)64 << 10)

static bool is_told_of(const struct run *run)
{
    return run->function != NULL && run->has_host && !run_is_transactional(run) &&
           !run_is_inner(run) && !run_is_replay(run) && !run->is_probe && run->home != NULL &&
           executions_are_kept(&run->home->executions);
}

/* How many of the next lines are told together; one is, however long. */
static size_t count_next(const struct log_lines *log, size_t from)
{
    size_t bytes = log->lines[from].size;
    size_t to = from + 1;
    while (to < log->count && bytes + log->lines[to].size <= PROGRESS_BYTES) {
        bytes += log->lines[to].size;
        to++;
    }
    return to - from;
}

bool run_tell_lines(struct run *run, uint64_t now_ns)
{
    const struct log_lines *const log = &run->host.log;
    if (!is_told_of(run) || log->count <= run->told_lines) {
        return false;
    }
    const uint64_t since_ns = run->told_ns != 0 ? run->told_ns : run->started_ns;
    if (now_ns < since_ns || now_ns - since_ns < PROGRESS_NS) {
        return false;
    }
    const size_t count = count_next(log, run->told_lines);
    execution_keep_lines(
        &run->home->executions, log->lines + run->told_lines, count, run->path, run->request_id);
    run->told_lines += count;
    run->told_ns = now_ns;
    return true;
}

bool run_tell_waiting(struct run *run, uint64_t now_ns)
{
    bool has_told = false;
    for (; run != NULL; run = run->child) {
        has_told = run_tell_lines(run, now_ns) || has_told;
    }
    return has_told;
}
