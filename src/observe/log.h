/*
 * Log lines of our own: one JSON object a line to a file descriptor, or readable text if it is a
 * terminal. Lines are collected per call to log_flush() or when 64 KiB have gathered (for a file
 * 128), so that a request costs no system call of its own. A reader that does not read makes lines
 * get lost (and counted), never a request wait.
 *
 * Each source of lines has so many a second: who fails or calls without end fills no disk, and is
 * in nobody's way. What is left out is counted, and a line says how many they were, and whose. Each
 * has its share of what may wait for the reader, too: lines are lost of those who have more.
 */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include "base/buffer.h"

struct log;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT };

/* `fd` is borrowed. LOG_AUTO is text on a terminal, JSON elsewhere. */
CORDON_MUST_USE cordon_error *log_new(int fd, enum log_format format, struct log **out_log);

/* Lines of one source a second, unless log_limit() says otherwise. */
#define LOG_LINES_PER_SECOND 10000

/* Before the first line. NULL does nothing. */
void log_limit(struct log *log, uint32_t lines_per_second);

/* Flushes and frees. NULL accepted. */
void log_free(struct log *log);

/* A number of a line that has many, each in its column: what is written before it is made once. */
struct log_column {
    struct slice json; /* the key as JSON has it behind another member */
    const char *key;   /* in text */
    bool is_duration;  /* in microseconds */
    bool recurs;       /* see below */
};

/* Most columns of one field; those of them that recur; and bytes of the key of each in JSON. */
enum { LOG_COLUMNS_MAX = 64, LOG_RECURRING_MAX = 16, LOG_COLUMN_BYTES_MAX = 40 };

/* A key that is longer does not compile. */
#define LOG_COLUMN_BYTES(k)                                                                        \
    (sizeof(k) + 3 + 0 * sizeof(char[sizeof(k) + 3 <= LOG_COLUMN_BYTES_MAX ? 1 : -1]))
#define LOG_COLUMN_JSON(k) {(const uint8_t *)(",\"" k "\":"), LOG_COLUMN_BYTES(k)}
#define LOG_COLUMN(k) {LOG_COLUMN_JSON(k), (k), false, false}
#define LOG_COLUMN_MS(k) {LOG_COLUMN_JSON(k), (k), true, false}
/* `name`: the key in JSON. */
#define LOG_COLUMN_RECURRING(k, name) {LOG_COLUMN_JSON(name), (k), false, true}

/*
 * The columns of a kind of line; static. The numbers of those that recur are mostly those of a line
 * before: JSON has them in an object, as the last of all, with the text that they had then.
 */
struct log_columns {
    const struct log_column *list;
    size_t count;
    struct slice recurring; /* the object's key as JSON has it behind another member */
};

/* The numbers of a line. */
struct log_row {
    const struct log_columns *columns;
    const int64_t *numbers;
    uint64_t details; /* a bit for each that is left out of text */
};

/* A field of a line. Strings are escaped; control characters never reach a terminal raw. */
struct log_field {
    const char *key; /* static; a row has none */
    enum { LOG_STRING, LOG_NUMBER, LOG_DURATION, LOG_ROW } type;
    bool is_detail; /* left out of text, which is for people */
    union {
        struct slice string;
        int64_t number; /* of a duration: microseconds */
        const struct log_row *row;
    };
};

#define LOG_FIELD_STRING(k, s) {.key = (k), .type = LOG_STRING, .string = (s)}
#define LOG_FIELD_NUMBER(k, n) {.key = (k), .type = LOG_NUMBER, .number = (int64_t)(n)}
/* Written as milliseconds, to the microsecond. */
#define LOG_FIELD_MS(k, ns) {.key = (k), .type = LOG_DURATION, .number = (int64_t)((ns) / 1000)}

/*
 * Writes one line: time, level, event, fields; it is one of those of its event and level, in which
 * `source`, such as a tenant, is told apart. A NULL log does nothing. Any thread.
 */
void log_write_of(
    struct log *log,
    enum log_level level,
    const char *event,
    struct slice source,
    const struct log_field *fields,
    size_t field_count);

/*
 * The two halves of it, for who has much to do before there are fields: whether its source may have
 * a line more, which is counted as written or left out; and the line that may be written then.
 */
CORDON_MUST_USE bool log_admits(
    struct log *log, enum log_level level, const char *event, struct slice source);
void log_write_admitted(
    struct log *log,
    enum log_level level,
    const char *event,
    struct slice source,
    const struct log_field *fields,
    size_t field_count);

/* The same, of no source in particular. */
void log_write(
    struct log *log,
    enum log_level level,
    const char *event,
    const struct log_field *fields,
    size_t field_count);

/* Hands what was collected to the operating system. Any thread; cheap if there is nothing. */
void log_flush(struct log *log);

/* Lines lost because the reader did not keep up; and those left out of sources with too many. */
uint64_t log_lost(const struct log *log);
uint64_t log_dropped(const struct log *log);

#endif
