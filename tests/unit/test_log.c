/*
 * Log lines: their exact form, what an attacker's text becomes, and that a reader who does not read
 * makes lines get lost and counted but never makes a writer wait.
 */
#include "observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "support/size.h"

enum { TIME_BYTES = 24 }; /* 2026-01-31T23:59:59.999Z */

/* What can be read from a descriptor without waiting. */
static char *read_all(int fd)
{
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct buffer all;
    buffer_init(&all, SIZE_MAX / 2);
    for (;;) {
        char part[4096];
        const ssize_t size = read(fd, part, sizeof part);
        if (size <= 0) {
            break;
        }
        assert_null(buffer_append(&all, slice_of(part, (size_t)size)));
    }
    char *text = mem_copy_string(buffer_slice(&all));
    buffer_done(&all);
    return text;
}

static void make_pipe(int fds[2])
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* One line written in a format; what stands behind the time. */
static char *line_of(enum log_format format, const struct log_field *fields, size_t count)
{
    int fds[2];
    make_pipe(fds);
    struct log *log = NULL;
    assert_null(log_new(fds[1], format, &log));
    log_write(log, LOG_WARN, "event", fields, count);
    log_free(log);
    char *text = read_all(fds[0]);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return text;
}

static void lines_in_both_formats(void **state)
{
    (void)state;
    const struct {
        struct log_field field;
        const char *json;
        const char *text;
    } cases[] = {
        {LOG_FIELD_NUMBER("n", 0), "\"n\":0", "n=0"},
        {LOG_FIELD_NUMBER("n", -12), "\"n\":-12", "n=-12"},
        {LOG_FIELD_NUMBER("n", INT64_MIN), "\"n\":-9223372036854775808", "n=-9223372036854775808"},
        {LOG_FIELD_NUMBER("n", INT64_MAX), "\"n\":9223372036854775807", "n=9223372036854775807"},
        {LOG_FIELD_MS("ms", 0), "\"ms\":0.000", "ms=0.000"},
        {LOG_FIELD_MS("ms", 45999), "\"ms\":0.045", "ms=0.045"},
        {LOG_FIELD_MS("ms", 12345678901), "\"ms\":12345.678", "ms=12345.678"},
        {LOG_FIELD_MS("ms", UINT64_MAX), "\"ms\":18446744073709.551", "ms=18446744073709.551"},
        {LOG_FIELD_STRING("s", SLICE("word")), "\"s\":\"word\"", "s=word"},
        {LOG_FIELD_STRING("s", SLICE("")), "\"s\":\"\"", "s=\"\""},
        {LOG_FIELD_STRING("s", (struct slice){0}), "\"s\":\"\"", "s=\"\""},
        {LOG_FIELD_STRING("s", SLICE("two words")), "\"s\":\"two words\"", "s=\"two words\""},
        {LOG_FIELD_STRING("s", SLICE("a=b")), "\"s\":\"a=b\"", "s=\"a=b\""},
        {LOG_FIELD_STRING("s", SLICE("\"\\")), "\"s\":\"\\\"\\\\\"", "s=\"\\\"\\\\\""},
        {LOG_FIELD_STRING("s", SLICE("a\nb\tc")), "\"s\":\"a\\nb\\tc\"", "s=\"a\\nb\\tc\""},
        /* Clear screen, delete, a C1 control, reversed text, a line's end, an Arabic mark. */
        {LOG_FIELD_STRING("s", SLICE("\x1b[2J")), "\"s\":\"\\u001b[2J\"", "s=\"\\u001b[2J\""},
        {LOG_FIELD_STRING("s", SLICE("\0\x7f")), "\"s\":\"\\u0000\\u007f\"",
         "s=\"\\u0000\\u007f\""},
        {LOG_FIELD_STRING("s", SLICE("\xc2\x9b")), "\"s\":\"\\u009b\"", "s=\"\\u009b\""},
        {LOG_FIELD_STRING("s", SLICE("\xe2\x80\xae")), "\"s\":\"\\u202e\"", "s=\"\\u202e\""},
        {LOG_FIELD_STRING("s", SLICE("\xe2\x80\xa8")), "\"s\":\"\\u2028\"", "s=\"\\u2028\""},
        {LOG_FIELD_STRING("s", SLICE("\xd8\x9c")), "\"s\":\"\\u061c\"", "s=\"\\u061c\""},
        /* Text stays text; bytes that are none become the replacement character. */
        {LOG_FIELD_STRING("s", SLICE("h\xc3\xa9")), "\"s\":\"h\xc3\xa9\"", "s=\"h\xc3\xa9\""},
        {LOG_FIELD_STRING("s", SLICE("\xff!")), "\"s\":\"\\ufffd!\"", "s=\"\\ufffd!\""},
        {LOG_FIELD_STRING("s", SLICE("\x9b")), "\"s\":\"\\ufffd\"", "s=\"\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[128];
        char *json = line_of(LOG_JSON, &cases[i].field, 1);
        (void)snprintf(
            expected, sizeof expected, "\",\"level\":\"warn\",\"event\":\"event\",%s}\n",
            cases[i].json);
        assert_true(strlen(json) > 9 + TIME_BYTES);
        assert_memory_equal(json, "{\"time\":\"", 9);
        assert_string_equal(json + 9 + TIME_BYTES, expected);

        char *text = line_of(LOG_TEXT, &cases[i].field, 1);
        (void)snprintf(expected, sizeof expected, " WARN  event %s\n", cases[i].text);
        assert_true(strlen(text) > TIME_BYTES);
        assert_string_equal(text + TIME_BYTES, expected);
        mem_free(json);
        mem_free(text);
    }
}

static void the_time_is_utc_with_milliseconds(void **state)
{
    (void)state;
    char *text = line_of(LOG_TEXT, NULL, 0);
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
    unsigned ms;
    assert_int_equal(
        sscanf(
            text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ ", &year, &month, &day, &hour, &minute, &second,
            &ms),
        7);
    assert_int_equal((clock_wall_ns() / 1000000000 - second) % 60 < 2, 1);
    assert_true(year >= 2024 && month <= 12 && day <= 31 && hour < 24 && minute < 60);
    mem_free(text);
}

static void a_terminal_gets_text_without_control_characters(void **state)
{
    (void)state;
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_int_equal(grantpt(terminal), 0);
    assert_int_equal(unlockpt(terminal), 0);
    const int far_side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(far_side >= 0);
    struct log *log = NULL;
    assert_null(log_new(far_side, LOG_AUTO, &log));
    uint8_t every[256];
    for (size_t i = 0; i < sizeof every; i++) {
        every[i] = (uint8_t)i;
    }
    const struct log_field fields[] = {LOG_FIELD_STRING("s", slice_of(every, sizeof every))};
    log_write(log, LOG_INFO, "event", fields, 1);
    log_free(log);
    char *text = read_all(terminal);
    const size_t size = strlen(text);
    assert_true(size > 256);
    assert_int_not_equal(text[0], '{');
    for (size_t i = 0; i < size - 2; i++) { /* up to the line end, which the terminal makes \r\n */
        assert_in_range((uint8_t)text[i], 0x20, 0x7e);
    }
    mem_free(text);
    (void)close(far_side);
    (void)close(terminal);
}

/* -- Readers that do not read --------------------------------------------------------------- */

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

/* Every line that was written was read, or is counted as lost and reported as such. */
static void nothing_gets_lost_uncounted(int writer, int reader)
{
    enum { LINES = 60000 };
    struct log *log = NULL;
    assert_null(log_new(writer, LOG_JSON, &log));
    log_limit(log, UINT32_MAX);
    const struct log_field fields[] = {
        LOG_FIELD_STRING("padding", SLICE("0123456789012345678901234567890123456789"))};
    const uint64_t start_ns = clock_monotonic_ns();
    for (size_t i = 0; i < LINES; i++) {
        log_write(log, i % 10000 == 0 ? LOG_ERROR : LOG_INFO, "padded", fields, 1);
    }
    log_flush(log);
    assert_true(clock_monotonic_ns() - start_ns < 10000000000);
    const uint64_t lost = log_lost(log);
    assert_true(lost > 0 && lost < LINES);

    /* The reader comes back: the rest arrives, and a line that says what is missing. */
    struct buffer all;
    buffer_init(&all, SIZE_MAX / 2);
    for (int round = 0; round < 100; round++) {
        char *text = read_all(reader);
        assert_null(buffer_append(&all, slice_str(text)));
        mem_free(text);
        if (round == 50) {
            log_write(log, LOG_INFO, "last", NULL, 0);
        }
        log_flush(log);
    }
    assert_null(buffer_append_byte(&all, '\0'));
    const char *text = (const char *)all.data;
    assert_int_equal(log_lost(log), lost);
    assert_int_equal(count_of(text, "\"event\":\"padded\""), LINES - lost);
    assert_int_equal(count_of(text, "\"event\":\"last\""), 1);
    assert_int_equal(count_of(text, "\"event\":\"log_lines_lost\""), 1);
    char mark[64];
    (void)snprintf(mark, sizeof mark, "\"lines\":%llu}\n", (unsigned long long)lost);
    assert_int_equal(count_of(text, mark), 1);
    assert_int_equal(count_of(text, "}\n"), count_of(text, "{\"time\""));
    log_free(log);
    buffer_done(&all);
}

static void a_full_pipe_loses_lines_and_counts_them(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
    nothing_gets_lost_uncounted(fds[1], fds[0]);
    /* The flags that others see on the shared descriptor are as they were. */
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_full_socket_loses_lines_and_counts_them(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    nothing_gets_lost_uncounted(fds[1], fds[0]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* What the lines of one event and source say, added up. */
static uint64_t told_of(const char *text, const char *event, const char *source)
{
    char told[128];
    const int size =
        snprintf(told, sizeof told, "%s\"of_source\":\"%s\",\"lines\":", event, source);
    uint64_t lines = 0;
    for (const char *at = text; (at = strstr(at, told)) != NULL; at += size) {
        lines += strtoull(at + size, NULL, 10);
    }
    return lines;
}

/* All that comes out of a pipe until there is nothing more. */
static char *drain(struct log *log, int reader)
{
    struct buffer all;
    buffer_init(&all, SIZE_MAX / 2);
    for (size_t before = SIZE_MAX; before != all.size;) {
        before = all.size;
        log_flush(log);
        char *text = read_all(reader);
        assert_null(buffer_append(&all, slice_str(text)));
        mem_free(text);
    }
    char *text = mem_copy_string(buffer_slice(&all));
    buffer_done(&all);
    return text;
}

/*
 * Beside a tenant that writes without end into a pipe that nobody reads, another one's lines wait
 * for the reader, as many as its share has room for; whose lines were lost is told.
 */
static void a_noisy_source_loses_its_own_lines(void **state)
{
    (void)state;
    enum { NOISY = 8000, QUIET = 1000, LINE_BYTES = 1200 };
    static const struct {
        int before;    /* lines of the noisy one that come before the first quiet one */
        int noisy;     /* tenants that are */
        bool in_turns; /* else one after the other */
        int quiet;     /* lines of the quiet one, which are within its share */
    } cases[] = {
        {0, 1, true, QUIET},
        {NOISY / 2, 1, true, QUIET},
        {NOISY / 2, 10, true, QUIET / 8},
        {NOISY - QUIET, 10, false, QUIET / 8},
    };
    static char padding[LINE_BYTES];
    memset(padding, 'x', sizeof padding);
    const struct log_field fields[] = {
        LOG_FIELD_STRING("padding", slice_of(padding, sizeof padding))};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fds[2];
        make_pipe(fds);
        struct log *log = NULL;
        assert_null(log_new(fds[1], LOG_JSON, &log));
        log_limit(log, UINT32_MAX);
        const int every = (NOISY - cases[i].before) / cases[i].quiet;
        for (int n = 0; n < NOISY; n++) {
            char name[16];
            (void)snprintf(
                name, sizeof name, "noisy%d",
                cases[i].in_turns ? n % cases[i].noisy : n / (NOISY / cases[i].noisy));
            log_write_of(log, LOG_INFO, "loud", slice_str(name), fields, 1);
            const int later = n - cases[i].before;
            if (later >= 0 && later % every == 0 && later / every < cases[i].quiet) {
                log_write_of(log, LOG_INFO, "calm", SLICE("quiet"), fields, 1);
            }
        }
        const uint64_t lost = log_lost(log);
        char *text = drain(log, fds[0]);
        assert_int_equal(count_of(text, "\"event\":\"calm\""), cases[i].quiet);
        assert_true(lost > 0);
        uint64_t told = 0;
        for (int n = 0; n < cases[i].noisy; n++) {
            char name[16];
            (void)snprintf(name, sizeof name, "noisy%d", n);
            told += told_of(text, "\"log_lines_lost\",", name);
        }
        assert_int_equal(told, lost);
        assert_int_equal(count_of(text, "\"event\":\"loud\""), NOISY - lost);
        assert_int_equal(told_of(text, "\"log_lines_lost\",", "quiet"), 0);
        mem_free(text);
        log_free(log);
        (void)close(fds[0]);
        (void)close(fds[1]);
    }
}

static void a_reader_that_went_away_ends_nothing(void **state)
{
    (void)state;
    for (int gone_before = 0; gone_before < 2; gone_before++) {
        int fds[2];
        make_pipe(fds);
        if (gone_before == 1) {
            (void)close(fds[0]);
        }
        struct log *log = NULL;
        assert_null(log_new(fds[1], LOG_JSON, &log));
        if (gone_before == 0) {
            (void)close(fds[0]);
        }
        log_write(log, LOG_INFO, "one", NULL, 0);
        log_write(log, LOG_INFO, "two", NULL, 0);
        log_flush(log);
        assert_int_equal(log_lost(log), 2);
        sigset_t pending;
        assert_int_equal(sigpending(&pending), 0);
        assert_int_equal(sigismember(&pending, SIGPIPE), 0);
        log_free(log);
        (void)close(fds[1]);
    }
}

static void a_line_too_long_for_the_buffer_is_lost_whole(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
    struct log *log = NULL;
    assert_null(log_new(fds[1], LOG_JSON, &log));
    const size_t size = (size_t)8 << 20;
    char *long_text = mem_new(size);
    memset(long_text, 'x', size);
    const struct log_field fields[] = {LOG_FIELD_STRING("s", slice_of(long_text, size))};
    log_write(log, LOG_INFO, "long", fields, 1);
    assert_int_equal(log_lost(log), 1);
    log_write(log, LOG_INFO, "short", NULL, 0);
    log_free(log);
    char *text = read_all(fds[0]);
    assert_int_equal(count_of(text, "\"long\""), 0);
    assert_int_equal(count_of(text, "\"log_lines_lost\",\"of_source\":\"\",\"lines\":1}"), 1);
    assert_int_equal(count_of(text, "\"short\"}"), 1);
    mem_free(text);
    mem_free(long_text);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void lines_wait_for_a_flush_save_errors(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
    struct log *log = NULL;
    assert_null(log_new(fds[1], LOG_JSON, &log));
    log_write(log, LOG_INFO, "quiet", NULL, 0);
    char *text = read_all(fds[0]);
    assert_string_equal(text, "");
    mem_free(text);
    log_write(log, LOG_ERROR, "loud", NULL, 0);
    text = read_all(fds[0]);
    assert_int_equal(count_of(text, "\"quiet\""), 1);
    assert_int_equal(count_of(text, "\"loud\""), 1);
    mem_free(text);
    log_free(log);
    log_write(NULL, LOG_ERROR, "nowhere", NULL, 0);
    log_flush(NULL);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* A file to which lines are written: no reader is behind. */
static int open_file(void)
{
    char path[] = "/tmp/cordon-log-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    return fd;
}

/* How many bytes of lines there are when the first of them come, none of which an error hurries. */
static size_t first_lump(int fd, int (*count)(int fd))
{
    char padding[1000];
    memset(padding, 'p', sizeof padding);
    const struct log_field field = LOG_FIELD_STRING("padding", slice_of(padding, sizeof padding));
    struct log *log = NULL;
    size_t lines = 0;
    assert_null(log_new(fd, LOG_JSON, &log));
    while (count(fd) == 0 && lines < 1000) {
        log_write(log, LOG_INFO, "padded", &field, 1);
        lines++;
    }
    assert_true(count(fd) > 0);
    log_free(log);
    return lines * sizeof padding;
}

static int count_of_file(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return (int)status.st_size;
}

static int count_of_pipe(int fd)
{
    int bytes = 0;
    assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
    return bytes;
}

/* How far files may reach. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_and_flush(struct log *log, const char *event)
{
    log_write(log, LOG_INFO, event, NULL, 0);
    log_flush(log);
}

static void a_full_disk_cuts_one_line_and_leaves_those_after_it_whole(void **state)
{
    (void)state;
    const int fd = open_file();
    struct log *log = NULL;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_null(log_new(fd, LOG_JSON, &log));
    write_and_flush(log, "before");
    limit_files((rlim_t)count_of_file(fd) + 20);
    write_and_flush(log, "cut");
    write_and_flush(log, "lost");
    limit_files(RLIM_INFINITY);
    write_and_flush(log, "after");
    write_and_flush(log, "last");
    log_free(log);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    char *text = read_all(fd);
    static const char *const wanted[] = {
        "\"before\"}", "", "\"after\"}", "\"log_lines_lost\",\"of_source\":\"\",\"lines\":2}",
        "\"last\"}",
    };
    char *rest = NULL;
    const char *line = strtok_r(text, "\n", &rest);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(line);
        assert_memory_equal(line, "{\"time\":\"", 9);
        assert_int_equal(count_of(line, "{"), 1);
        assert_non_null(strstr(line, wanted[i]));
        line = strtok_r(NULL, "\n", &rest);
    }
    assert_null(line);
    mem_free(text);
    (void)close(fd);
}

static void lines_go_in_lumps(void **state)
{
    (void)state;
    int fds[2];
    make_pipe(fds);
    const size_t of_pipe = first_lump(fds[1], count_of_pipe);
    assert_in_range(of_pipe, 54 << 10, 64 << 10); /* a line has more than its padding */
    const int file = open_file();
    assert_in_range(first_lump(file, count_of_file), 2 * of_pipe - 2000, 2 * of_pipe);
    (void)close(file);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* -- Sources --------------------------------------------------------------------------------- */

static char *read_file(int fd)
{
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return read_all(fd);
}

/* One source that writes without end is in nobody's way, and what it lost is told. */
static void a_source_has_so_many_lines_a_second(void **state)
{
    (void)state;
    enum { LIMIT = 50, WRITTEN = 100000 };
    const int fd = open_file();
    struct log *log = NULL;
    assert_null(log_new(fd, LOG_JSON, &log));
    log_limit(log, LIMIT);
    const uint64_t began_ns = clock_monotonic_ns();
    for (int i = 0; i < WRITTEN; i++) {
        log_write_of(log, LOG_INFO, "loud", SLICE("ada"), NULL, 0);
    }
    log_write_of(log, LOG_INFO, "loud", SLICE("bob"), NULL, 0);
    log_write_of(log, LOG_WARN, "loud", SLICE("ada"), NULL, 0); /* a failure among successes */
    log_write(log, LOG_INFO, "other", NULL, 0);
    const uint64_t seconds = (clock_monotonic_ns() - began_ns) / 1000000000 + 2;
    const uint64_t counted = log_dropped(log);
    log_free(log);
    char *text = read_file(fd);
    const size_t lines = count_of(text, "\"event\":\"loud\"");
    assert_int_equal(counted + lines, WRITTEN + 2);
    assert_true(lines >= LIMIT + 2 && lines <= seconds * LIMIT + 2);
    assert_int_equal(count_of(text, "\"event\":\"other\""), 1);
    uint64_t dropped = 0;
    static const char told[] = "\"event\":\"log_lines_dropped\",\"of_event\":\"loud\","
                               "\"of_source\":\"ada\",\"lines\":";
    for (const char *at = text; (at = strstr(at, told)) != NULL; at += strlen(told)) {
        dropped += strtoull(at + strlen(told), NULL, 10);
    }
    assert_int_equal(dropped + lines, WRITTEN + 2);
    assert_int_equal(count_of(text, "bob"), 0);
    mem_free(text);
    (void)close(fd);
}

/* What a source lost is told without its help, once its second is over. */
static void what_was_dropped_is_told_by_a_flush(void **state)
{
    (void)state;
    const int fd = open_file();
    struct log *log = NULL;
    assert_null(log_new(fd, LOG_JSON, &log));
    log_limit(log, 1);
    for (int i = 0; i < 5; i++) {
        log_write(log, LOG_INFO, "loud", NULL, 0);
    }
    char *text = NULL;
    const uint64_t until_ns = clock_monotonic_ns() + (uint64_t)20 * 1000000000;
    do {
        mem_free(text);
        (void)usleep(20000);
        log_flush(log);
        text = read_file(fd);
    } while (strstr(text, "log_lines_dropped") == NULL && clock_monotonic_ns() < until_ns);
    assert_non_null(strstr(text, "\"of_source\":\"\",\"lines\":"));
    mem_free(text);
    log_free(log);
    (void)close(fd);
}

/*
 * Thousands of sources, of which some write too much: each of these loses its own lines, no other
 * loses any, and all of it is told of whom it is.
 */
static void many_sources_lose_their_own_lines(void **state)
{
    (void)state;
    enum { SOURCES = 5000, LIMIT = 2, NOISY = 10, MUCH = 8 };
    const int fd = open_file();
    struct log *log = NULL;
    assert_null(log_new(fd, LOG_JSON, &log));
    log_limit(log, LIMIT);
    for (int i = 0; i < SOURCES * MUCH; i++) {
        const int number = i % SOURCES;
        const bool is_noisy = number % NOISY == 0;
        if (i / SOURCES < (is_noisy ? MUCH : 1)) {
            char name[16];
            (void)snprintf(name, sizeof name, "s%d", number);
            const struct log_field fields[] = {LOG_FIELD_STRING("name", slice_str(name))};
            log_write_of(log, LOG_INFO, "line", slice_str(name), fields, 1);
        }
    }
    const uint64_t dropped = log_dropped(log);
    assert_int_equal(log_lost(log), 0);
    log_free(log);
    char *text = read_file(fd);
    uint64_t told = 0;
    static uint8_t lines[SOURCES];
    for (const char *at = text; (at = strstr(at, "\"name\":\"s")) != NULL; at++) {
        lines[strtoul(at + strlen("\"name\":\"s"), NULL, 10)]++;
    }
    for (const char *at = text; (at = strstr(at, "\"of_source\":\"s")) != NULL; at++) {
        char *end = NULL;
        const unsigned long number = strtoul(at + strlen("\"of_source\":\"s"), &end, 10);
        const uint64_t count = strtoull(end + strlen("\",\"lines\":"), NULL, 10);
        assert_int_equal(number % NOISY, 0);
        lines[number] = (uint8_t)(lines[number] + count);
        told += count;
    }
    assert_int_equal(told, dropped);
    for (int i = 0; i < SOURCES; i++) {
        assert_int_equal(lines[i], i % NOISY == 0 ? MUCH : 1);
    }
    mem_free(text);
    (void)close(fd);
}

/* -- Threads -------------------------------------------------------------------------------- */

enum { THREADS = 4 };

struct writer {
    struct log *log;
    size_t number;
    size_t lines;
};

static void *write_lines(void *arg)
{
    const struct writer *writer = arg;
    for (size_t i = 0; i < writer->lines; i++) {
        const struct log_field fields[] = {
            LOG_FIELD_NUMBER("writer", writer->number),
            LOG_FIELD_NUMBER("line", i),
        };
        log_write(writer->log, i % 64 == 0 ? LOG_ERROR : LOG_INFO, "line", fields, 2);
    }
    return NULL;
}

static void lines_of_threads_stay_whole_and_in_order(void **state)
{
    (void)state;
    char path[] = "/tmp/cordon-test-log-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    struct log *log = NULL;
    assert_null(log_new(fd, LOG_JSON, &log));
    log_limit(log, UINT32_MAX);
    const size_t lines = test_size(4000);
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){log, i, lines};
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &writers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    /* Threads that do nothing but log may outrun a disk; then lines are missing, and counted. */
    const uint64_t lost = log_lost(log);
    log_free(log);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    size_t next[THREADS] = {0};
    uint64_t found = 0;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, "\"event\":\"log_lines_lost\"") != NULL) {
            continue;
        }
        size_t writer = THREADS;
        size_t number = 0;
        int end = 0;
        assert_memory_equal(line, "{\"time\":\"", 9);
        const char *fields = strstr(line, "\"writer\"");
        assert_non_null(fields);
        assert_int_equal(
            sscanf(fields, "\"writer\":%zu,\"line\":%zu}%n", &writer, &number, &end), 2);
        assert_string_equal(fields + end, "\n");
        assert_true(writer < THREADS);
        assert_true(number >= next[writer]);
        next[writer] = number + 1;
        found++;
    }
    (void)fclose(file);
    assert_int_equal(found + lost, THREADS * lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_both_formats),
        cmocka_unit_test(the_time_is_utc_with_milliseconds),
        cmocka_unit_test(a_terminal_gets_text_without_control_characters),
        cmocka_unit_test(a_full_pipe_loses_lines_and_counts_them),
        cmocka_unit_test(a_full_socket_loses_lines_and_counts_them),
        cmocka_unit_test(a_noisy_source_loses_its_own_lines),
        cmocka_unit_test(a_reader_that_went_away_ends_nothing),
        cmocka_unit_test(a_line_too_long_for_the_buffer_is_lost_whole),
        cmocka_unit_test(lines_wait_for_a_flush_save_errors),
        cmocka_unit_test(a_full_disk_cuts_one_line_and_leaves_those_after_it_whole),
        cmocka_unit_test(lines_go_in_lumps),
        cmocka_unit_test(a_source_has_so_many_lines_a_second),
        cmocka_unit_test(what_was_dropped_is_told_by_a_flush),
        cmocka_unit_test(many_sources_lose_their_own_lines),
        cmocka_unit_test(lines_of_threads_stay_whole_and_in_order),
    };
    return cmocka_run_group_tests_name("observe/log", tests, NULL, NULL);
}
