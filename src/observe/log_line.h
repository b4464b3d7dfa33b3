/*
 * What a log line looks like: a time, a level, an event and fields, as one JSON object or as text
 * for people. Control characters, and the characters that reorder or hide text on a terminal, are
 * escaped in both: what a client sends must not be able to forge a line or move a cursor.
 */
#ifndef OBSERVE_LOG_LINE_H
#define OBSERVE_LOG_LINE_H

#include "observe/log.h"

enum {
    LOG_TIME_TEXT_BYTES = 20, /* 2026-01-31T23:59:59 and a NUL */
    LOG_NUMBER_BYTES = 32,    /* at most, of a value that is one */
    LOG_COLUMN_TEXT_BYTES = LOG_COLUMN_BYTES_MAX + LOG_NUMBER_BYTES,
    LOG_KEPT_MAX = 8, /* limits differ by kind of function and by tenant: a few of each */
};

/* Recurring numbers of a line, and their text. */
struct log_kept {
    const struct log_columns *columns; /* NULL: nothing is kept */
    int64_t numbers[LOG_RECURRING_MAX];
    size_t size; /* of the text */
    uint8_t text[LOG_COLUMN_BYTES_MAX + LOG_RECURRING_MAX * LOG_COLUMN_TEXT_BYTES];
};

/* Has no memory of its own, and is used by one thread at a time. */
struct log_writer {
    bool text;       /* for people; else JSON */
    uint64_t time_s; /* whose text stands in `time_text` */
    char time_text[LOG_TIME_TEXT_BYTES];
    struct log_kept kept[LOG_KEPT_MAX]; /* by a hash of the numbers */
};

void log_writer_init(struct log_writer *writer, bool text);

/*
 * Appends a line with the end of it, at the time of now. Errors are those of the buffer, which
 * has a part of the line then.
 */
CORDON_MUST_USE cordon_error *log_writer_add(
    struct log_writer *writer,
    struct buffer *out,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count);

#endif
