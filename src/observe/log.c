/*
 * Log lines: built under one lock into memory, handed to the operating system in lumps.
 *
 * Never waiting for a reader is the hard part. A borrowed descriptor cannot be made non-blocking:
 * that flag belongs to everybody who shares it, the shell that started us among them. So a pipe or
 * terminal is opened once more through /proc, which gives flags of our own; a socket takes the flag
 * with each send; a file never makes a writer wait for a reader. Where /proc is missing, we ask for
 * room first and write no more than a pipe promises to take at once.
 *
 * Two buffers: lines are added to one while the other is on its way, so that nobody waits for a
 * write but the thread that does it. When the reader is behind and the first is full, lines are
 * lost and counted, and the next buffer begins with lines that say how many, and whose.
 *
 * What is pending is shared: alone, a source, such as a tenant, has all of it. When there is no
 * room for one that has less than its part, which is one of as many as there are sources in this
 * buffer, rounded up to a power of two, those that have more lose their newest lines, and from then
 * on nobody gets more. So a buffer is gone through at most once for each doubling of those who
 * write, not for each line.
 */
#include "observe/log.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "observe/log_line.h"
#include "observe/log_sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLUSH_BYTES = 64 << 10,
    FLUSH_FILE_BYTES = 128 << 10, /* of the cache's pages, the first and the last cost twice */
    PENDING_BYTES_MAX = 4 << 20,  /* what may wait for a reader */
    LINE_BYTES_MAX = 256 << 10,   /* of one that comes when so much is waiting */
    KEPT_BYTES_MAX = 256 << 10,   /* a buffer that grew past this is given back once it is empty */
};

enum sink_kind { SINK_FILE, SINK_OWN, SINK_SOCKET, SINK_SHARED };

struct sink {
    int fd;
    enum sink_kind kind; /* SINK_OWN: opened again without blocking, and closed by us */
};

/* Whose a line of `pending` is. */
struct mark {
    struct log_source *share;
    uint64_t tells; /* how many others it says are missing; 0: it is none of ours */
    size_t bytes;
};

/* What those who write into one buffer have of it. */
struct round {
    uint64_t number;
    size_t sources; /* that have written or tried */
    size_t parts;   /* a power of two, not less than them */
    bool is_tight;  /* nobody gets more than a part */
};

struct log {
    struct sink sink;
    pthread_mutex_t lock;  /* guards what follows; see `leaving` */
    struct buffer pending; /* whole lines */
    struct buffer marks;   /* a struct mark for each of them */
    struct buffer leaving; /* what is being written; the flushing thread's, as the next two */
    size_t left;           /* bytes of `leaving` that are written */
    bool is_torn;          /* what was written last is the beginning of a line that is lost */
    bool flushing;
    struct round round;
    uint64_t now_s;  /* as of the last line that was asked for */
    uint64_t told_s; /* when it was last looked for what was dropped */
    uint32_t lines_per_second;
    _Atomic uint64_t lost;
    _Atomic uint64_t dropped;
    struct log_writer writer; /* to `pending` */
    struct log_sources sources;
};

/* -- The descriptor ------------------------------------------------------------------------- */

static struct sink open_sink(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) {
        return (struct sink){fd, SINK_FILE};
    }
    if (S_ISSOCK(status.st_mode)) {
        return (struct sink){fd, SINK_SOCKET};
    }
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own >= 0 ? (struct sink){own, SINK_OWN} : (struct sink){fd, SINK_SHARED};
}

/* As write(2), but EAGAIN in place of waiting for a reader. */
static ssize_t write_some(struct sink sink, struct slice bytes)
{
    if (sink.kind == SINK_SOCKET) {
        return send(sink.fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (sink.kind == SINK_SHARED) {
        struct pollfd room = {.fd = sink.fd, .events = POLLOUT};
        if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) {
            errno = (room.revents & (POLLERR | POLLNVAL)) != 0 ? EPIPE : EAGAIN;
            return -1;
        }
        bytes.size = bytes.size < PIPE_BUF ? bytes.size : PIPE_BUF;
    }
    return write(sink.fd, bytes.data, bytes.size);
}

static uint64_t count_lines(struct slice bytes)
{
    uint64_t lines = 0;
    const uint8_t *at = bytes.data;
    const uint8_t *const end = at + bytes.size;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines++;
        at++;
    }
    return lines;
}

static bool is_inside_a_line(const struct log *log)
{
    return log->left > 0 && log->leaving.data[log->left - 1] != '\n';
}

/*
 * Writes `leaving`. False: the reader is behind, and the rest stays for later. Adds to `*out_lost`
 * what could not be written. A line that a full disk has cut off is ended before the next one.
 */
static bool write_leaving(struct log *log, uint64_t *out_lost)
{
    while (log->left < log->leaving.size) {
        const struct slice rest = slice_from(buffer_slice(&log->leaving), log->left);
        const ssize_t written = write_some(log->sink, log->is_torn ? SLICE("\n") : rest);
        if (written > 0 && log->is_torn) {
            log->is_torn = false;
        } else if (written >= 0) {
            log->left += (size_t)written;
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) { /* the reader is gone or the disk is full */
            *out_lost += count_lines(rest);
            log->is_torn = log->is_torn || is_inside_a_line(log);
            break;
        }
    }
    if (log->leaving.capacity > KEPT_BYTES_MAX) {
        buffer_done(&log->leaving);
    }
    buffer_clear(&log->leaving);
    log->left = 0;
    return true;
}

/* These write lines: see there. */
static void tell_dropped(struct log *log, uint64_t now_s);
static void tell_lost(struct log *log);
static void lose_of(struct log *log, struct slice source, uint64_t lines);

/* With the lock. What comes next finds an empty buffer, and everybody a whole share of it. */
static void begin_round(struct log *log)
{
    const struct buffer empty = log->leaving;
    log->leaving = log->pending;
    log->pending = empty;
    if (log->marks.capacity > KEPT_BYTES_MAX) {
        buffer_done(&log->marks);
    }
    buffer_clear(&log->marks);
    log->round = (struct round){.number = log->round.number + 1, .parts = 1};
    tell_lost(log);
}

/* With the lock, which it gives up while it writes. Returns how many lines could not be written. */
static uint64_t write_out(struct log *log)
{
    uint64_t lost = 0;
    /* Two rounds: what stood there before, and what came meanwhile. */
    for (int round = 0; round < 2 && (log->leaving.size > 0 || log->pending.size > 0); round++) {
        if (log->leaving.size == 0) {
            begin_round(log);
        }
        (void)pthread_mutex_unlock(&log->lock);
        const bool all = write_leaving(log, &lost);
        (void)pthread_mutex_lock(&log->lock);
        if (!all) {
            break;
        }
    }
    return lost;
}

void log_flush(struct log *log)
{
    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    tell_dropped(log, clock_monotonic_ns() / 1000000000);
    if (log->flushing || (log->pending.size == 0 && log->leaving.size == 0)) {
        (void)pthread_mutex_unlock(&log->lock);
        return;
    }
    log->flushing = true;
    sigset_t before;
    const bool blocked = pipe_signal_block(&before);
    const uint64_t lost = write_out(log);
    if (lost > 0) {
        lose_of(log, (struct slice){0}, lost); /* whose they were is not known any more */
    }
    log->flushing = false;
    (void)pthread_mutex_unlock(&log->lock);
    if (blocked) {
        pipe_signal_unblock(&before, lost > 0);
    }
}

/* -- Life ----------------------------------------------------------------------------------- */

cordon_error *log_new(int fd, enum log_format format, struct log **out_log)
{
    struct log *log = MEM_NEW(struct log);
    if (log == NULL) {
        return error_no_memory();
    }
    log->sink = open_sink(fd);
    log_writer_init(&log->writer, format == LOG_TEXT || (format == LOG_AUTO && isatty(fd) == 1));
    log->round = (struct round){.number = 1, .parts = 1};
    log->lines_per_second = LOG_LINES_PER_SECOND;
    buffer_init(&log->pending, PENDING_BYTES_MAX + LINE_BYTES_MAX);
    buffer_init(&log->leaving, PENDING_BYTES_MAX + LINE_BYTES_MAX);
    buffer_init(&log->marks, PENDING_BYTES_MAX);
    (void)pthread_mutex_init(&log->lock, NULL);
    *out_log = log;
    return NULL;
}

void log_free(struct log *log)
{
    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    tell_dropped(log, UINT64_MAX);
    tell_lost(log);
    (void)pthread_mutex_unlock(&log->lock);
    log_flush(log);
    log_flush(log); /* what could only be told once there was room */
    if (log->sink.kind == SINK_OWN) {
        (void)close(log->sink.fd);
    }
    buffer_done(&log->pending);
    buffer_done(&log->leaving);
    buffer_done(&log->marks);
    (void)pthread_mutex_destroy(&log->lock);
    mem_free(log);
}

void log_limit(struct log *log, uint32_t lines_per_second)
{
    if (log != NULL) {
        log->lines_per_second = lines_per_second;
    }
}

uint64_t log_lost(const struct log *log)
{
    return log == NULL ? 0 : atomic_load(&log->lost);
}

uint64_t log_dropped(const struct log *log)
{
    return log == NULL ? 0 : atomic_load(&log->dropped);
}

/* -- Shares --------------------------------------------------------------------------------- */

/* All below with the lock. */
static struct log_source *find_source(
    struct log *log, const char *event, unsigned level, struct slice name)
{
    return log_sources_find(&log->sources, event, level, name, log->now_s, log->round.number);
}

static struct log_source *find_share(struct log *log, struct slice name)
{
    struct log_source *const share = find_source(log, LOG_SHARES, 0, name);
    share->second = log->now_s;
    if (share->round != log->round.number) {
        share->round = log->round.number;
        share->bytes = 0;
        log->round.sources++;
        if (log->round.parts < log->round.sources) {
            log->round.parts *= 2;
        }
    }
    return share;
}

static void lose(struct log *log, struct log_source *share, uint64_t lines)
{
    (void)atomic_fetch_add(&log->lost, lines);
    log_sources_note(&log->sources, share, lines);
}

static void lose_of(struct log *log, struct slice source, uint64_t lines)
{
    lose(log, find_share(log, source), lines);
}

/* Whether it has no more than its part with so many bytes more. */
static bool is_within_part(const struct log *log, const struct log_source *share, size_t more)
{
    return share->bytes + more <= (size_t)PENDING_BYTES_MAX / log->round.parts;
}

/* The newest lines of those who have more than their part. What they told of is told again. */
static void take_back(struct log *log)
{
    struct mark *const marks = (struct mark *)(void *)log->marks.data;
    const size_t count = log->marks.size / sizeof *marks;
    for (size_t i = 0; i < count; i++) {
        marks[i].share->bytes = 0;
    }
    uint8_t *const lines = log->pending.data;
    size_t from = 0;
    size_t to = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const struct mark mark = marks[i];
        if (is_within_part(log, mark.share, mark.bytes)) {
            mark.share->bytes += mark.bytes;
            memmove(lines + to, lines + from, mark.bytes);
            to += mark.bytes;
            marks[kept++] = mark;
        } else if (mark.tells > 0) {
            log_sources_note(&log->sources, mark.share, mark.tells);
        } else {
            lose(log, mark.share, 1);
        }
        from += mark.bytes;
    }
    log->marks.size = kept * sizeof *marks;
    memmove(lines + to, lines + from, log->pending.size - from); /* the line that is to be added */
    log->pending.size -= from - to;
    log->round.is_tight = true;
}

/* Whether the line that was just written behind the others may stay; makes room for it. */
static bool admit(struct log *log, const struct log_source *share, size_t bytes)
{
    const bool is_within = is_within_part(log, share, bytes);
    const bool fits = log->pending.size <= PENDING_BYTES_MAX;
    if (fits && (is_within || !log->round.is_tight)) {
        return true;
    }
    if (is_within) {
        take_back(log);
    }
    return is_within;
}

/* A line that does not fit whole, or is too much of its source, is taken back. */
static bool add_line(
    struct log *log,
    struct log_source *share,
    uint64_t tells,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count)
{
    const size_t before = log->pending.size;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        buffer_reserve(&log->marks, sizeof(struct mark));
    if (error == NULL) {
        error = log_writer_add(&log->writer, &log->pending, level, event, fields, field_count);
    }
    const size_t bytes = log->pending.size - before;
    if (error != NULL || !admit(log, share, bytes)) {
        log->pending.size = before;
        return false;
    }
    share->bytes += bytes;
    const struct mark mark = {share, tells, bytes};
    memcpy(log->marks.data + log->marks.size, &mark, sizeof mark);
    log->marks.size += sizeof mark;
    return true;
}

/* -- What was left out ---------------------------------------------------------------------- */

static void tell_source(struct log *log, struct log_source *source)
{
    const struct slice name = slice_str(source->name);
    const struct log_field fields[] = {
        LOG_FIELD_STRING("of_event", slice_str(source->event)),
        LOG_FIELD_STRING("of_source", name),
        LOG_FIELD_NUMBER("lines", source->untold),
    };
    struct log_source *const share = find_share(log, name);
    if (add_line(log, share, source->untold, LOG_WARN, "log_lines_dropped", fields, 3)) {
        source->untold = 0;
    }
}

/* One of a list; if something of it remains untold, it is in the list again. */
static struct log_source *take_untold(struct log_source **list)
{
    struct log_source *const source = *list;
    *list = source->next_untold;
    source->is_listed = false;
    return source;
}

/* What was left out in seconds that are over. Once a second is enough. */
static void tell_dropped(struct log *log, uint64_t now_s)
{
    if (log->told_s == now_s) {
        return;
    }
    log->told_s = now_s;
    struct log_source *list = log->sources.dropped;
    log->sources.dropped = NULL;
    while (list != NULL) {
        struct log_source *const source = take_untold(&list);
        if (source->untold > 0 && source->second < now_s) {
            tell_source(log, source);
        }
        log_sources_relist(&log->sources, source);
    }
}

/* What did not fit into the buffers before. */
static void tell_lost(struct log *log)
{
    struct log_source *list = log->sources.lost;
    log->sources.lost = NULL;
    while (list != NULL) {
        struct log_source *const source = take_untold(&list);
        const struct slice name = slice_str(source->name);
        const struct log_field fields[] = {
            LOG_FIELD_STRING("of_source", name),
            LOG_FIELD_NUMBER("lines", source->untold),
        };
        struct log_source *const share = find_share(log, name);
        if (add_line(log, share, source->untold, LOG_WARN, "log_lines_lost", fields, 2)) {
            source->untold = 0;
        }
        log_sources_relist(&log->sources, source);
    }
}

/* Whether its source may have one more line in this second. */
static bool may_write(struct log *log, enum log_level level, const char *event, struct slice name)
{
    const uint64_t now_s = clock_monotonic_ns() / 1000000000;
    log->now_s = now_s;
    struct log_source *source = find_source(log, event, level, name);
    if (source->second != now_s) {
        if (source->untold > 0) {
            tell_source(log, source);
        }
        source->second = now_s;
        source->lines = 0;
    }
    if (source->lines < log->lines_per_second) {
        source->lines++;
        return true;
    }
    (void)atomic_fetch_add(&log->dropped, 1);
    log_sources_note(&log->sources, source, 1);
    return false;
}

/* -- Writing -------------------------------------------------------------------------------- */

bool log_admits(struct log *log, enum log_level level, const char *event, struct slice source)
{
    if (log == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&log->lock);
    const bool is_admitted = may_write(log, level, event, source);
    (void)pthread_mutex_unlock(&log->lock);
    return is_admitted;
}

void log_write_admitted(
    struct log *log,
    enum log_level level,
    const char *event,
    struct slice source,
    const struct log_field *fields,
    size_t field_count)
{
    (void)pthread_mutex_lock(&log->lock);
    struct log_source *const share = find_share(log, source);
    const bool may_fit = is_within_part(log, share, 1) ||
                         (log->pending.size < PENDING_BYTES_MAX && !log->round.is_tight);
    if (!may_fit || !add_line(log, share, 0, level, event, fields, field_count)) {
        lose(log, share, 1);
    }
    const size_t lump = log->sink.kind == SINK_FILE ? FLUSH_FILE_BYTES : FLUSH_BYTES;
    const bool flush = log->pending.size >= lump || level == LOG_ERROR;
    (void)pthread_mutex_unlock(&log->lock);
    if (flush) {
        log_flush(log);
    }
}

void log_write_of(
    struct log *log,
    enum log_level level,
    const char *event,
    struct slice source,
    const struct log_field *fields,
    size_t field_count)
{
    if (log_admits(log, level, event, source)) {
        log_write_admitted(log, level, event, source, fields, field_count);
    }
}

void log_write(
    struct log *log,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count)
{
    log_write_of(log, level, event, (struct slice){0}, fields, field_count);
}
