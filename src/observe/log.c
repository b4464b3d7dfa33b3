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
 *
 * Control characters, and the characters that reorder or hide text on a terminal, are escaped in
 * both formats: what a client sends must not be able to forge a line or move a cursor.
 */
#include "observe/log.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "observe/log_sources.h"
#include "value/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FLUSH_BYTES = 64 << 10,
    PENDING_BYTES_MAX = 4 << 20, /* what may wait for a reader */
    LINE_BYTES_MAX = 256 << 10,  /* of one that comes when so much is waiting */
    KEPT_BYTES_MAX = 256 << 10,  /* a buffer that grew past this is given back once it is empty */
    TIME_TEXT_BYTES = 20,        /* 2026-01-31T23:59:59 and a NUL */
    KEY_MARKS_BYTES = 4,         /* around the key of a field */
    NUMBER_BYTES = 32,           /* of a value that is one */
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
    bool text;
    pthread_mutex_t lock;  /* guards what follows, save that the flushing thread owns `leaving` */
    struct buffer pending; /* whole lines */
    struct buffer marks;   /* a struct mark for each of them */
    struct buffer leaving; /* what is being written */
    size_t left;           /* bytes of `leaving` that are written */
    bool flushing;
    struct round round;
    uint64_t now_s;  /* as of the last line that was asked for */
    uint64_t told_s; /* when it was last looked for what was dropped */
    uint64_t time_s; /* whose text stands in `time_text` */
    char time_text[TIME_TEXT_BYTES];
    uint32_t lines_per_second;
    _Atomic uint64_t lost;
    _Atomic uint64_t dropped;
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

/*
 * Writes `leaving`. False: the reader is behind, and the rest stays for later. Adds to `*out_lost`
 * what could not be written.
 */
static bool write_leaving(struct log *log, uint64_t *out_lost)
{
    while (log->left < log->leaving.size) {
        const struct slice rest = slice_from(buffer_slice(&log->leaving), log->left);
        const ssize_t written = write_some(log->sink, rest);
        if (written >= 0) {
            log->left += (size_t)written;
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) { /* the reader is gone or the disk is full */
            *out_lost += count_lines(rest);
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
    log->text = format == LOG_TEXT || (format == LOG_AUTO && isatty(fd) == 1);
    log->time_s = UINT64_MAX;
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

/* -- Strings -------------------------------------------------------------------------------- */

/* Characters that move, hide or reorder what stands around them. */
static bool is_unsafe(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
           (code_point >= 0x200b && code_point <= 0x200f) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2060 && code_point <= 0x206f) || code_point == 0xfeff;
}

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* One character that is not plain ASCII. `*text` moves past it. */
static cordon_error *write_special(struct buffer *buffer, struct slice *text)
{
    const uint8_t byte = text->data[0];
    if (byte == '"' || byte == '\\') {
        const uint8_t escaped[2] = {'\\', byte};
        *text = slice_from(*text, 1);
        return buffer_append(buffer, slice_of(escaped, 2));
    }
    if (byte == '\n' || byte == '\t') {
        *text = slice_from(*text, 1);
        return buffer_append(buffer, byte == '\n' ? SLICE("\\n") : SLICE("\\t"));
    }
    uint32_t code_point = 0;
    size_t skip = 0;
    const size_t size = utf8_decode(*text, &code_point, &skip);
    if (size == 0) {
        *text = slice_from(*text, skip);
        return buffer_append(buffer, SLICE("\\ufffd"));
    }
    const struct slice character = slice_of(text->data, size);
    *text = slice_from(*text, size);
    if (is_unsafe(code_point)) {
        return buffer_printf(buffer, "\\u%04" PRIx32, code_point);
    }
    return buffer_append(buffer, character);
}

/* A string in quotes, valid JSON and safe to look at. */
static cordon_error *write_string(struct buffer *buffer, struct slice text)
{
    TRY(buffer_append_byte(buffer, '"'));
    while (text.size > 0) {
        size_t plain = 0;
        while (plain < text.size && is_plain(text.data[plain])) {
            plain++;
        }
        TRY(buffer_append(buffer, slice_of(text.data, plain)));
        text = slice_from(text, plain);
        if (text.size > 0) {
            TRY(write_special(buffer, &text));
        }
    }
    return buffer_append_byte(buffer, '"');
}

/* For people: without quotes where nothing needs them. */
static cordon_error *write_word(struct buffer *buffer, struct slice text)
{
    bool bare = text.size > 0;
    for (size_t i = 0; i < text.size && bare; i++) {
        bare = is_plain(text.data[i]) && text.data[i] != ' ' && text.data[i] != '=';
    }
    return bare ? buffer_append(buffer, text) : write_string(buffer, text);
}

/* The digits of a number up to `end`, of which there is room for; returns where they begin. */
static uint8_t *format_i64(int64_t number, uint8_t *end)
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        *--end = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--end = '-';
    }
    return end;
}

/* Microseconds as milliseconds, in the same way. */
static uint8_t *format_duration(int64_t us, uint8_t *end)
{
    const unsigned rest = (unsigned)(us % 1000);
    end[-1] = (uint8_t)('0' + rest % 10);
    end[-2] = (uint8_t)('0' + rest / 10 % 10);
    end[-3] = (uint8_t)('0' + rest / 100);
    end[-4] = '.';
    return format_i64(us / 1000, end - 4);
}

/* Appends a number, of which there is room. */
static void put_number(struct buffer *buffer, int64_t number, bool is_duration)
{
    uint8_t digits[NUMBER_BYTES];
    uint8_t *const end = digits + sizeof digits;
    const uint8_t *const at = is_duration ? format_duration(number, end) : format_i64(number, end);
    memcpy(buffer->data + buffer->size, at, (size_t)(end - at));
    buffer->size += (size_t)(end - at);
}

/* What stands before a value; there is room for a number behind it. */
static cordon_error *write_key(struct log *log, const char *key)
{
    struct buffer *const line = &log->pending;
    const size_t size = strlen(key);
    TRY(buffer_reserve(line, size + KEY_MARKS_BYTES + NUMBER_BYTES));
    uint8_t *at = line->data + line->size;
    if (!log->text) {
        *at++ = ',';
        *at++ = '"';
    } else {
        *at++ = ' ';
    }
    memcpy(at, key, size);
    at += size;
    if (!log->text) {
        *at++ = '"';
        *at++ = ':';
    } else {
        *at++ = '=';
    }
    line->size = (size_t)(at - line->data);
    return NULL;
}

static cordon_error *write_columns(struct log *log, const struct log_field *field)
{
    struct buffer *const line = &log->pending;
    const size_t count = (size_t)field->number;
    TRY(buffer_reserve(line, count * (LOG_COLUMN_BYTES_MAX + KEY_MARKS_BYTES + NUMBER_BYTES)));
    for (size_t i = 0; i < count; i++) {
        const struct log_column *const column = &field->columns[i];
        if (!log->text) {
            memcpy(line->data + line->size, column->json.data, column->json.size);
            line->size += column->json.size;
        } else if ((field->details >> i & 1) != 0) {
            continue;
        } else {
            TRY(write_key(log, column->key));
        }
        put_number(line, field->numbers[i], column->is_duration);
    }
    return NULL;
}

static cordon_error *write_field(struct log *log, const struct log_field *field)
{
    struct buffer *const line = &log->pending;
    if (field->type == LOG_COLUMNS) {
        return write_columns(log, field);
    }
    TRY(write_key(log, field->key));
    switch (field->type) {
    case LOG_STRING:
        return log->text ? write_word(line, field->string) : write_string(line, field->string);
    case LOG_NUMBER:
    case LOG_DURATION:
        put_number(line, field->number, field->type == LOG_DURATION);
        return NULL;
    case LOG_COLUMNS:
        break;
    }
    return NULL;
}

/* -- Lines ---------------------------------------------------------------------------------- */

/* UTC with milliseconds. The text of a second is made once. */
static cordon_error *write_time(struct log *log, uint64_t now_ns)
{
    const uint64_t now_s = now_ns / 1000000000;
    if (now_s != log->time_s) {
        const time_t seconds = (time_t)now_s;
        struct tm parts;
        if (gmtime_r(&seconds, &parts) == NULL ||
            strftime(log->time_text, sizeof log->time_text, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
            log->time_text[0] = '\0';
        }
        log->time_s = now_s;
    }
    const unsigned ms = (unsigned)(now_ns / 1000000 % 1000);
    const uint8_t fraction[5] = {
        '.', (uint8_t)('0' + ms / 100), (uint8_t)('0' + ms / 10 % 10), (uint8_t)('0' + ms % 10),
        'Z',
    };
    TRY(buffer_append(&log->pending, slice_str(log->time_text)));
    return buffer_append(&log->pending, slice_of(fraction, sizeof fraction));
}

static cordon_error *write_line(
    struct log *log,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count)
{
    static const char *const json_levels[] = {"debug", "info", "warn", "error"};
    static const char *const text_levels[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
    struct buffer *const line = &log->pending;
    if (!log->text) {
        TRY(buffer_append(line, SLICE("{\"time\":\"")));
    }
    TRY(write_time(log, clock_wall_ns()));
    if (log->text) {
        TRY(buffer_append(line, slice_str(text_levels[level])));
        TRY(buffer_append(line, slice_str(event)));
    } else {
        TRY(buffer_append(line, SLICE("\",\"level\":\"")));
        TRY(buffer_append(line, slice_str(json_levels[level])));
        TRY(buffer_append(line, SLICE("\",\"event\":\"")));
        TRY(buffer_append(line, slice_str(event)));
        TRY(buffer_append_byte(line, '"'));
    }
    for (size_t i = 0; i < field_count; i++) {
        if (!log->text || !fields[i].is_detail) {
            TRY(write_field(log, &fields[i]));
        }
    }
    return buffer_append(line, log->text ? SLICE("\n") : SLICE("}\n"));
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
        error = write_line(log, level, event, fields, field_count);
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
    const bool flush = log->pending.size >= FLUSH_BYTES || level == LOG_ERROR;
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
