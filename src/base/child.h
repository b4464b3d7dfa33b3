/*
 * Work in a child process: whatever becomes of it there, the caller lives and is told. For reading
 * what may be damaged, by code that is not ours.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/buffer.h"

struct child;

/* What a child does, and who is told of its progress, in the caller's process. */
struct child_work {
    const char *what; /* for errors, such as "the check of the data folder" */
    cordon_error *(*run)(void *arg, struct child *child, struct buffer *out);
    void *arg;
    uint64_t deadline_ms;    /* of the whole; 0: none */
    uint64_t stall_ms;       /* without any processor time, after which it is ended; 0: none */
    size_t answer_bytes_max; /* of what `run` appends to `out` */
    void (*progress)(void *arg, const char *phase, uint64_t done, uint64_t total); /* or NULL */
    void *progress_arg;
};

/*
 * Forks, runs `run` there and appends what it appended to `*out`. The child has one thread, the
 * memory of the caller as it was, no handlers of signals for faults, no core dump, and ends with
 * its caller. Errors: that of `run`; CORDON_E_STORE if a fault or the deadline ended it;
 * CORDON_E_SYSTEM if it could not be started, was ended from outside, or has stalled: somebody has
 * stopped it, or what it waits for does not come. For as long as the caller itself stands still
 * nothing is a stall. Any thread.
 */
CORDON_MUST_USE cordon_error *child_run(const struct child_work *work, struct buffer *out);

/*
 * Within `run`: tells how far it is. `phase` is static and short. What finds no room, as nobody
 * reads it, is left out: a caller that was stopped holds up no child.
 */
void child_tell(struct child *child, const char *phase, uint64_t done, uint64_t total);

#endif
