/*
 * Collecting log lines. Texts of the marks: Convex's `Log overflow (maximum 256). Remaining log
 * lines omitted.` and ` (truncated due to length)`.
 */
#include "host/log_lines.h"

#include "value/utf8.h"

#include <stdio.h>

/* Enough for a panic's message with its place. */
#define ERROR_TAIL_BYTES_MAX ((size_t)4096)

static const char truncated_mark[] = " (truncated due to length)";

void log_lines_init(
    struct log_lines *log, struct arena *arena, uint64_t count_max, uint64_t bytes_max)
{
    *log = (struct log_lines){
        .arena = arena,
        .count_max = count_max > SIZE_MAX / 64 ? SIZE_MAX / 64 : (size_t)count_max,
        .bytes_max = bytes_max > SIZE_MAX / 4 ? SIZE_MAX / 4 : (size_t)bytes_max,
    };
    /* One byte over the limit is kept, so that a line which is too long can be told from one
     * that just fits. */
    buffer_init_charged(&log->open[0], log->bytes_max + 1, arena->account);
    buffer_init_charged(&log->open[1], log->bytes_max + 1, arena->account);
    buffer_init_charged(&log->error_tail, 2 * ERROR_TAIL_BYTES_MAX, arena->account);
}

void log_lines_done(struct log_lines *log)
{
    account_free(log->arena->account, log->lines, log->capacity * sizeof *log->lines);
    log->lines = NULL;
    log->capacity = 0;
    buffer_done(&log->open[0]);
    buffer_done(&log->open[1]);
    buffer_done(&log->error_tail);
}

bool log_level_known(struct slice level)
{
    static const char *const levels[] = {"DEBUG", "ERROR", "WARN", "INFO", "LOG"};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (slice_equal(level, slice_str(levels[i]))) {
            return true;
        }
    }
    return false;
}

static cordon_error *append_line(struct log_lines *log, struct slice line)
{
    if (line.data == NULL) {
        return arena_error(log->arena);
    }
    if (log->count == log->capacity) {
        struct account *account = log->arena->account;
        const size_t capacity = log->capacity == 0 ? 16 : log->capacity * 2;
        struct slice *grown = account_realloc(
            account, log->lines, log->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) {
            return account_error(account);
        }
        log->lines = grown;
        log->capacity = capacity;
    }
    log->lines[log->count++] = line;
    return NULL;
}

/* In the place of the last line that there may be. */
static cordon_error *mark_overflow(struct log_lines *log)
{
    char mark[96];
    const int size = snprintf(
        mark, sizeof mark, "[ERROR] Log overflow (maximum %zu). Remaining log lines omitted.",
        log->count_max);
    log->overflowed = true;
    return append_line(log, arena_copy(log->arena, slice_of(mark, (size_t)size)));
}

cordon_error *log_lines_take(struct log_lines *log, const struct log_lines *from)
{
    for (size_t i = 0; i < from->count && !log->overflowed && log->count_max > 0; i++) {
        TRY(log->count + 1 >= log->count_max
                ? mark_overflow(log)
                : append_line(log, arena_copy(log->arena, from->lines[i])));
    }
    return NULL;
}

cordon_error *log_lines_add(struct log_lines *log, struct slice level, struct slice body)
{
    if (log->overflowed || log->count_max == 0) {
        return NULL;
    }
    if (log->count + 1 >= log->count_max) {
        return mark_overflow(log);
    }
    const bool cut = body.size > log->bytes_max;
    const size_t kept = utf8_cut(body, log->bytes_max).size;
    const size_t mark_size = cut ? sizeof truncated_mark - 1 : 0;
    const size_t size = 1 + level.size + 2 + kept + mark_size;
    uint8_t *line = arena_alloc(log->arena, size + 1);
    if (line == NULL) {
        return arena_error(log->arena);
    }
    uint8_t *at = line;
    *at++ = '[';
    memcpy(at, level.data, level.size);
    at += level.size;
    *at++ = ']';
    *at++ = ' ';
    if (kept > 0) {
        memcpy(at, body.data, kept);
        at += kept;
    }
    memcpy(at, truncated_mark, mark_size);
    return append_line(log, slice_of(line, size));
}

/*
 * Guests print what they like: bytes that are no UTF-8 become U+FFFD, as the lines travel in JSON.
 */
static cordon_error *repair_utf8(struct arena *arena, struct slice bytes, struct slice *out_text)
{
    uint8_t *text = arena_alloc(arena, bytes.size * 3 + 1);
    if (text == NULL) {
        return arena_error(arena);
    }
    size_t size = 0;
    while (bytes.size > 0) {
        uint32_t code_point = 0;
        size_t skip = 0;
        const size_t length = utf8_decode(bytes, &code_point, &skip);
        if (length > 0) {
            memcpy(text + size, bytes.data, length);
            size += length;
        } else {
            memcpy(text + size, "\xef\xbf\xbd", 3);
            size += 3;
        }
        bytes = slice_from(bytes, length > 0 ? length : skip);
    }
    *out_text = slice_of(text, size);
    return NULL;
}

/* What is before the tail is dropped when as much has gathered: that moves each byte once. */
static cordon_error *keep_tail(struct buffer *tail, struct slice bytes)
{
    if (bytes.size > ERROR_TAIL_BYTES_MAX) {
        bytes = slice_from(bytes, bytes.size - ERROR_TAIL_BYTES_MAX);
    }
    if (bytes.size > tail->size_max - tail->size) {
        const size_t kept = ERROR_TAIL_BYTES_MAX - bytes.size;
        memmove(tail->data, tail->data + tail->size - kept, kept);
        tail->size = kept;
    }
    return buffer_append(tail, bytes);
}

struct slice log_lines_error_tail(const struct log_lines *log)
{
    const struct slice kept = buffer_slice(&log->error_tail);
    return kept.size > ERROR_TAIL_BYTES_MAX ? slice_from(kept, kept.size - ERROR_TAIL_BYTES_MAX)
                                            : kept;
}

static bool takes_no_more(const struct log_lines *log)
{
    return log->overflowed || log->count_max == 0;
}

static cordon_error *close_line(struct log_lines *log, int fd)
{
    struct buffer *open = &log->open[fd - 1];
    struct slice text;
    TRY(repair_utf8(log->arena, buffer_slice(open), &text));
    buffer_clear(open);
    return log_lines_add(log, fd == 1 ? SLICE("LOG") : SLICE("ERROR"), text);
}

cordon_error *log_lines_write(struct log_lines *log, int fd, struct slice bytes)
{
    struct buffer *open = &log->open[fd - 1];
    if (fd == 2) {
        TRY(keep_tail(&log->error_tail, bytes));
    }
    size_t from = 0;
    while (from < bytes.size && !takes_no_more(log)) {
        const uint8_t *newline = memchr(bytes.data + from, '\n', bytes.size - from);
        const size_t end = newline == NULL ? bytes.size : (size_t)(newline - bytes.data);
        size_t take = end - from;
        if (take > open->size_max - open->size) { /* the rest of an overlong line is not kept */
            take = open->size_max - open->size;
        }
        TRY(buffer_append(open, slice_of(bytes.data + from, take)));
        if (newline == NULL) {
            return NULL;
        }
        TRY(close_line(log, fd));
        from = end + 1;
    }
    return NULL;
}

cordon_error *log_lines_flush(struct log_lines *log)
{
    for (int fd = 1; fd <= 2; fd++) {
        if (log->open[fd - 1].size > 0 && !takes_no_more(log)) {
            TRY(close_line(log, fd));
        }
    }
    return NULL;
}
