/*
 * Where checkpoints of the audit log go beside the log: a file, the system's log, or both. They are
 * told on a thread of the sink's own, as a share that does not answer holds up whoever writes to
 * it: neither the log nor the end of the server waits for that.
 *
 * Best effort: the log itself has them all, and each speaks for what came before it. So of those
 * that wait, the newest are kept; what could not be told is said in the server's log.
 */
#ifndef RUN_CHECKPOINT_SINK_H
#define RUN_CHECKPOINT_SINK_H

#include "base/error.h"
#include "base/slice.h"
#include "observe/log.h"

#include <sys/types.h>

struct checkpoint_sink;

/* A file to append to, opened. */
struct checkpoint_file {
    int fd;       /* -1: none */
    bool is_torn; /* it ends inside of a line */
};

/* NULL opens none. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *checkpoint_file_open(
    const char *path, struct checkpoint_file *out_file);
void checkpoint_file_close(struct checkpoint_file *file);

/* Texts are borrowed during checkpoint_sink_new(). */
struct checkpoint_sink_options {
    const char *file;          /* to append to, a line each; NULL: none */
    bool is_to_change;         /* there may be no place yet: checkpoint_sink_change() */
    const char *syslog_socket; /* of the system's log, such as /dev/log; NULL: not there */
    struct log *log;           /* borrowed until checkpoint_sink_free(); NULL: none */
    /* In place of write(2), for tests: a share that does not answer. NULL: that. */
    ssize_t (*write)(int fd, const void *bytes, size_t size);
};

/* How long checkpoint_sink_free() waits for what is still to be told. */
#define CHECKPOINT_SINK_END_MS 5000

/* NULL in `*out_sink` without a place to tell. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *checkpoint_sink_new(
    const struct checkpoint_sink_options *options, struct checkpoint_sink **out_sink);

/* Has it told soon: a checkpoint's body, which is copied. NULL does nothing. Never blocks. */
void checkpoint_sink_tell(struct checkpoint_sink *sink, struct slice body);

/* Has what comes from now on told to that file, in the place of the last; it is the sink's. */
void checkpoint_sink_change(struct checkpoint_sink *sink, struct checkpoint_file file);

/*
 * Ends it when all is told, or after `wait_ms`: what then hangs in a write is left to itself, and
 * the log says so. NULL accepted.
 */
void checkpoint_sink_free(struct checkpoint_sink *sink, uint64_t wait_ms);

#endif
