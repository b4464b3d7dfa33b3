/*
 * Checkpoints told elsewhere; see checkpoint_sink.h.
 *
 * The thread may hang in a write for ever, and can't be called back from there. So the sink belongs
 * to its maker and its thread together: who leaves last frees it. A thread that was left behind
 * touches nothing else any more, as the log is its maker's.
 */
#include "run/audit/checkpoint_sink.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    LINES_MAX = 64,
    LINE_BYTES_MAX = 2048,
    SYSLOG_PRIORITY = 85, /* facility authpriv, severity notice: RFC 5424, 6.2.1 */
};

struct line {
    struct line *next;
    size_t size;
    uint8_t text[];
};

struct checkpoint_sink {
    pthread_mutex_t lock; /* over all up to the blank line */
    pthread_cond_t changed;
    struct line *first;
    struct line **last;
    size_t count;
    uint64_t dropped; /* to make room */
    struct log *log;
    bool ends;    /* nothing more will come */
    bool is_left; /* its maker is gone */
    bool is_idle; /* its thread is gone, or was never there */
    bool is_changed;
    struct checkpoint_file next_file; /* what the thread is to take over, if `is_changed` */

    struct checkpoint_file file; /* of the thread alone, as the rest */
    ssize_t (*write)(int fd, const void *bytes, size_t size);
    int syslog; /* a socket, from before the process was confined; -1: none */
    struct sockaddr_un syslog_address;
};

/* -- Telling --------------------------------------------------------------------------------- */

/* What is no file, such as a terminal, has nothing to be synced. */
static bool sync_file(int fd)
{
    return fdatasync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

/* What a full disk has cut off costs that line alone. */
static bool tell_file(struct checkpoint_sink *sink, struct slice body)
{
    uint8_t text[LINE_BYTES_MAX + 2];
    size_t size = 0;
    struct checkpoint_file *const file = &sink->file;
    if (file->is_torn) {
        text[size++] = '\n';
    }
    memcpy(text + size, body.data, body.size);
    size += body.size;
    text[size++] = '\n';
    const ssize_t written = sink->write(file->fd, text, size);
    file->is_torn = written > 0 ? (size_t)written < size : file->is_torn;
    return written == (ssize_t)size && sync_file(file->fd);
}

/* A datagram each, to whoever listens there by now: the system's log is started again, too. */
static bool tell_syslog(const struct checkpoint_sink *sink, struct slice body)
{
    char text[LINE_BYTES_MAX + 64];
    const int size = snprintf(
        text, sizeof text, "<%d>cordon[%ld]: %.*s", SYSLOG_PRIORITY, (long)getpid(),
        SLICE_FMT(body));
    struct iovec part = {.iov_base = text, .iov_len = (size_t)size};
    struct sockaddr_un address = sink->syslog_address;
    const struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = sizeof address,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    return size > 0 && (size_t)size < sizeof text &&
           sendmsg(sink->syslog, &message, MSG_NOSIGNAL) == size;
}

/* With the lock, under which the log is there. */
static void complain(struct checkpoint_sink *sink, const char *words)
{
    const struct log_field fields[] = {LOG_FIELD_STRING("message", slice_str(words))};
    if (!sink->is_left) {
        log_write(sink->log, LOG_ERROR, "audit_checkpoint_unsaved", fields, 1);
    }
}

static void tell(struct checkpoint_sink *sink, struct slice body)
{
    const bool in_file = sink->file.fd < 0 || tell_file(sink, body);
    const bool in_syslog = sink->syslog < 0 || tell_syslog(sink, body);
    (void)pthread_mutex_lock(&sink->lock);
    if (!in_file) {
        complain(
            sink, "a checkpoint of the audit log could not be written to audit_checkpoint_file; "
                  "look at its disk and its rights");
    }
    if (!in_syslog) {
        complain(
            sink, "a checkpoint of the audit log could not be handed to audit_checkpoint_syslog; "
                  "look whether the system's log listens there");
    }
    (void)pthread_mutex_unlock(&sink->lock);
}

/* -- The queue ------------------------------------------------------------------------------- */

/* The line that has waited longest; NULL if there is none. With the lock. */
static struct line *take_first(struct checkpoint_sink *sink)
{
    struct line *line = sink->first;
    if (line != NULL) {
        sink->first = line->next;
        sink->last = line->next == NULL ? &sink->first : sink->last;
        sink->count--;
    }
    return line;
}

void checkpoint_sink_tell(struct checkpoint_sink *sink, struct slice body)
{
    if (sink == NULL || body.size > LINE_BYTES_MAX) {
        return;
    }
    struct line *line = mem_new(sizeof *line + body.size);
    struct line *gone = NULL;
    if (line == NULL) {
        return;
    }
    line->next = NULL;
    line->size = body.size;
    memcpy(line->text, body.data, body.size);
    (void)pthread_mutex_lock(&sink->lock);
    if (sink->count == LINES_MAX) {
        gone = take_first(sink);
        if (sink->dropped++ == 0) {
            complain(
                sink, "checkpoints of the audit log wait to be written to audit_checkpoint_file, "
                      "which does not answer; those that wait longest make room");
        }
    }
    *sink->last = line;
    sink->last = &line->next;
    sink->count++;
    (void)pthread_cond_broadcast(&sink->changed);
    (void)pthread_mutex_unlock(&sink->lock);
    mem_free(gone);
}

/* -- Life ------------------------------------------------------------------------------------ */

/* That of a share may take long, too. */
void checkpoint_file_close(struct checkpoint_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
}

static void free_sink(struct checkpoint_sink *sink)
{
    for (struct line *line = take_first(sink); line != NULL; line = take_first(sink)) {
        mem_free(line);
    }
    checkpoint_file_close(&sink->file);
    checkpoint_file_close(&sink->next_file);
    if (sink->syslog >= 0) {
        (void)close(sink->syslog);
    }
    (void)pthread_cond_destroy(&sink->changed);
    (void)pthread_mutex_destroy(&sink->lock);
    mem_free(sink);
}

/* The next line; NULL when there will be none. */
static struct line *wait_for_line(struct checkpoint_sink *sink)
{
    (void)pthread_mutex_lock(&sink->lock);
    while (sink->first == NULL && !sink->ends) {
        (void)pthread_cond_wait(&sink->changed, &sink->lock);
    }
    struct line *line = sink->is_left ? NULL : take_first(sink);
    (void)pthread_mutex_unlock(&sink->lock);
    return line;
}

/* The file that lines go to from now on is another one. */
static void take_change(struct checkpoint_sink *sink)
{
    struct checkpoint_file gone = {.fd = -1};
    (void)pthread_mutex_lock(&sink->lock);
    if (sink->is_changed) {
        gone = sink->file;
        sink->file = sink->next_file;
        sink->next_file.fd = -1;
        sink->is_changed = false;
    }
    (void)pthread_mutex_unlock(&sink->lock);
    checkpoint_file_close(&gone);
}

static void *thread_main(void *arg)
{
    struct checkpoint_sink *sink = arg;
    sigset_t before;
    (void)pipe_signal_block(&before); /* it ends with the thread */
    for (struct line *line = wait_for_line(sink); line != NULL; line = wait_for_line(sink)) {
        take_change(sink);
        tell(sink, slice_of(line->text, line->size));
        mem_free(line);
    }
    checkpoint_file_close(&sink->file);
    (void)pthread_mutex_lock(&sink->lock);
    const bool is_left = sink->is_left;
    sink->is_idle = true;
    (void)pthread_cond_broadcast(&sink->changed);
    (void)pthread_mutex_unlock(&sink->lock);
    if (is_left) {
        free_sink(sink);
    }
    return NULL;
}

void checkpoint_sink_change(struct checkpoint_sink *sink, struct checkpoint_file file)
{
    (void)pthread_mutex_lock(&sink->lock);
    struct checkpoint_file gone = sink->next_file; /* one that nothing was told to */
    sink->next_file = file;
    sink->is_changed = true;
    (void)pthread_mutex_unlock(&sink->lock);
    checkpoint_file_close(&gone);
}

void checkpoint_sink_free(struct checkpoint_sink *sink, uint64_t wait_ms)
{
    if (sink == NULL) {
        return;
    }
    const uint64_t until_ns = clock_deadline_ns(wait_ms);
    const struct timespec until = {
        .tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};
    (void)pthread_mutex_lock(&sink->lock);
    sink->ends = true;
    (void)pthread_cond_broadcast(&sink->changed);
    while (!sink->is_idle && clock_monotonic_ns() < until_ns) {
        (void)pthread_cond_timedwait(&sink->changed, &sink->lock, &until);
    }
    const bool is_idle = sink->is_idle;
    if (!is_idle) {
        complain(
            sink, "audit_checkpoint_file does not answer, and the server ends without what was to "
                  "be written there; the audit log itself has all checkpoints");
    }
    sink->is_left = true;
    (void)pthread_mutex_unlock(&sink->lock);
    if (is_idle) {
        free_sink(sink);
    }
}

/* As far as one may read it. */
static bool ends_inside_a_line(const char *path)
{
    char last = '\n';
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    const bool is_torn = size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_torn;
}

cordon_error *checkpoint_file_open(const char *path, struct checkpoint_file *out_file)
{
    struct checkpoint_file file = {.fd = -1};
    if (path != NULL) {
        const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
        file.is_torn = ends_inside_a_line(path);
        file.fd = open(path, flags, 0644); /* nor does a pipe that nobody reads block */
    }
    if (path != NULL && file.fd < 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "'%s' can't be opened for checkpoints of the audit log: %s; name another file in "
            "`audit_checkpoint_file`, which a server that is confined finds in the folder of its "
            "first one alone",
            path, strerrordesc_np(errno));
    }
    *out_file = file;
    return NULL;
}

/* Whether somebody listens there is seen with each line, as that changes. */
static cordon_error *set_syslog(struct checkpoint_sink *sink, const char *path)
{
    if (path == NULL) {
        return NULL;
    }
    if (strlen(path) >= sizeof sink->syslog_address.sun_path) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the path of a socket has at most %zu bytes; name another in "
            "`audit_checkpoint_syslog`",
            sizeof sink->syslog_address.sun_path - 1);
    }
    sink->syslog_address.sun_family = AF_UNIX;
    (void)snprintf(sink->syslog_address.sun_path, sizeof sink->syslog_address.sun_path, "%s", path);
    sink->syslog = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return sink->syslog >= 0
               ? NULL
               : cordon_error_new(
                     CORDON_E_SYSTEM, "a socket for the system's log can't be made: %s%s",
                     strerrordesc_np(errno), advice_on(errno));
}

static cordon_error *start(
    struct checkpoint_sink *sink, const struct checkpoint_sink_options *options)
{
    TRY(checkpoint_file_open(options->file, &sink->file));
    TRY(set_syslog(sink, options->syslog_socket));
    pthread_t thread;
    pthread_attr_t detached;
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sink->is_idle = false;
    const int failed = pthread_create(&thread, &detached, thread_main, sink);
    (void)pthread_attr_destroy(&detached);
    if (failed != 0) {
        sink->is_idle = true;
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the thread that tells checkpoints of the audit log could not be started: %s; let this "
            "user have more threads",
            strerrordesc_np(failed));
    }
    return NULL;
}

cordon_error *checkpoint_sink_new(
    const struct checkpoint_sink_options *options, struct checkpoint_sink **out_sink)
{
    *out_sink = NULL;
    if (options->file == NULL && options->syslog_socket == NULL && !options->is_to_change) {
        return NULL;
    }
    struct checkpoint_sink *sink = MEM_NEW(struct checkpoint_sink);
    if (sink == NULL) {
        return error_no_memory();
    }
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&sink->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&sink->lock, NULL);
    sink->file.fd = -1;
    sink->next_file.fd = -1;
    sink->syslog = -1;
    sink->last = &sink->first;
    sink->log = options->log;
    sink->write = options->write != NULL ? options->write : write;
    sink->is_idle = true;
    cordon_error *error = start(sink, options);
    if (error != NULL) {
        free_sink(sink);
        return error;
    }
    *out_sink = sink;
    return NULL;
}
