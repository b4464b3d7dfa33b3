/*
 * The log lines of one run, as its answer shows them: `[LEVEL] message`. At most `log_lines`, each
 * at most `log_line_bytes`; what is over is cut or dropped with a mark, in Convex's words.
 *
 * Standard output and standard error of a guest are collected into lines here too.
 */
#ifndef HOST_LOG_LINES_H
#define HOST_LOG_LINES_H

#include "base/arena.h"
#include "base/buffer.h"

struct log_lines {
    struct arena *arena; /* of the run; lines live there, and its account pays for the rest */
    struct slice *lines;
    size_t count;
    size_t capacity;
    size_t count_max;
    size_t bytes_max; /* of one line's body */
    bool overflowed;
    struct buffer open[2];    /* unfinished lines of stdout and stderr */
    struct buffer error_tail; /* the end of what stderr said, and what was before it */
};

void log_lines_init(
    struct log_lines *log, struct arena *arena, uint64_t count_max, uint64_t bytes_max);
void log_lines_done(struct log_lines *log);

/* Levels as Convex has them. */
bool log_level_known(struct slice level);

/* Adds `[level] body`. Errors, of all three: those of arena_error(). */
CORDON_MUST_USE cordon_error *log_lines_add(
    struct log_lines *log, struct slice level, struct slice body);

/*
 * Bytes written to descriptor 1 or 2: each finished line becomes a [LOG] or [ERROR] line. Once
 * there are as many lines as there may be, bytes are not looked at, so that newlines cost no more
 * than other bytes.
 */
CORDON_MUST_USE cordon_error *log_lines_write(struct log_lines *log, int fd, struct slice bytes);

/* The end of what was written to descriptor 2: a panic's message is in there. Borrowed. */
struct slice log_lines_error_tail(const struct log_lines *log);

/* Turns unfinished lines into lines, at the end of a run. */
CORDON_MUST_USE cordon_error *log_lines_flush(struct log_lines *log);

/* Adds the lines of another run's that are finished, as they are, as far as there is room. */
CORDON_MUST_USE cordon_error *log_lines_take(struct log_lines *log, const struct log_lines *from);

#endif
