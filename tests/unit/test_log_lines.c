/* Log lines of a run: caps, marks, and what a guest may write to its standard output. */
#include "host/log_lines.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct log_lines log;
};

static void open_log(struct fixture *fixture, uint64_t lines, uint64_t bytes)
{
    arena_init(&fixture->arena, (size_t)1 << 24);
    log_lines_init(&fixture->log, &fixture->arena, lines, bytes);
}

static void close_log(struct fixture *fixture)
{
    log_lines_done(&fixture->log);
    arena_done(&fixture->arena);
}

static void assert_line(const struct fixture *fixture, size_t index, const char *expected)
{
    assert_true(index < fixture->log.count);
    const struct slice line = fixture->log.lines[index];
    if (!slice_equal(line, slice_str(expected))) {
        fail_msg("line %zu is \"%.*s\", not \"%s\"", index, SLICE_FMT(line), expected);
    }
}

static void lines_past_the_cap_become_one_mark(void **state)
{
    (void)state;
    static const struct {
        uint64_t cap;
        size_t written;
        size_t kept;
        bool marked;
    } cases[] = {
        {256, 255, 255, false},
        {256, 256, 256, true},
        {256, 1000, 256, true},
        {1, 5, 1, true},
        {0, 5, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        open_log(&fixture, cases[i].cap, 100);
        for (size_t k = 0; k < cases[i].written; k++) {
            assert_null(log_lines_add(&fixture.log, SLICE("LOG"), SLICE("x")));
        }
        assert_int_equal(fixture.log.count, cases[i].kept);
        if (cases[i].marked) {
            char mark[100];
            (void)snprintf(
                mark, sizeof mark,
                "[ERROR] Log overflow (maximum %zu). Remaining log lines omitted.",
                (size_t)cases[i].cap);
            assert_line(&fixture, cases[i].kept - 1, mark);
        } else if (cases[i].kept > 0) {
            assert_line(&fixture, cases[i].kept - 1, "[LOG] x");
        }
        close_log(&fixture);
    }
}

static void long_lines_are_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *line;
    } cases[] = {
        {"12345678", "[INFO] 12345678"},
        {"123456789", "[INFO] 12345678 (truncated due to length)"},
        {"1234567\xc3\xa9", "[INFO] 1234567 (truncated due to length)"},
        {"123456\xc3\xa9", "[INFO] 123456\xc3\xa9"},
        {"12345\xf0\x9f\x98\x80", "[INFO] 12345 (truncated due to length)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        open_log(&fixture, 10, 8);
        assert_null(log_lines_add(&fixture.log, SLICE("INFO"), slice_str(cases[i].body)));
        assert_line(&fixture, 0, cases[i].line);
        close_log(&fixture);
    }
}

static void output_is_gathered_into_lines(void **state)
{
    (void)state;
    struct fixture fixture;
    open_log(&fixture, 10, 100);
    assert_null(log_lines_write(&fixture.log, 1, SLICE("one\ntw")));
    assert_null(log_lines_write(&fixture.log, 2, SLICE("oh no")));
    assert_null(log_lines_write(&fixture.log, 1, SLICE("o\n\n")));
    assert_int_equal(fixture.log.count, 3);
    assert_null(log_lines_flush(&fixture.log));
    assert_int_equal(fixture.log.count, 4);
    assert_line(&fixture, 0, "[LOG] one");
    assert_line(&fixture, 1, "[LOG] two");
    assert_line(&fixture, 2, "[LOG] ");
    assert_line(&fixture, 3, "[ERROR] oh no");
    assert_true(slice_equal(log_lines_error_tail(&fixture.log), SLICE("oh no")));
    close_log(&fixture);
}

static void output_that_is_no_text_is_repaired(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        const char *line;
    } cases[] = {
        {{(const uint8_t *)"a\xff"
                           "b\n",
          4},
         "[LOG] a\xef\xbf\xbd"
         "b"},
        {{(const uint8_t *)"\xc3\n", 2}, "[LOG] \xef\xbf\xbd"},
        {{(const uint8_t *)"\xed\xa0\x80\n", 4},
         "[LOG] \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {{(const uint8_t *)"\xc0\x80\n", 3}, "[LOG] \xef\xbf\xbd\xef\xbf\xbd"},
        {{(const uint8_t *)"\xf0\x9f\x98\x80\n", 5}, "[LOG] \xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        open_log(&fixture, 10, 100);
        assert_null(log_lines_write(&fixture.log, 1, cases[i].bytes));
        assert_line(&fixture, 0, cases[i].line);
        close_log(&fixture);
    }
}

static void an_endless_line_is_bounded(void **state)
{
    (void)state;
    struct fixture fixture;
    open_log(&fixture, 4, 8);
    for (int i = 0; i < 1000; i++) {
        assert_null(log_lines_write(&fixture.log, 1, SLICE("0123456789")));
    }
    assert_true(fixture.log.open[0].capacity <= 9);
    assert_null(log_lines_flush(&fixture.log));
    assert_line(&fixture, 0, "[LOG] 01234567 (truncated due to length)");
    close_log(&fixture);
}

/* Once the cap is reached, lines cost no memory; the end of standard error is still kept. */
static void dropped_lines_cost_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    open_log(&fixture, 2, 100);
    for (int i = 0; i < 3; i++) {
        assert_null(log_lines_write(&fixture.log, 2, SLICE("early\n")));
    }
    const size_t before = arena_bytes(&fixture.arena);
    for (int i = 0; i < 100000; i++) {
        assert_null(log_lines_write(&fixture.log, 2, SLICE("more and more\n")));
    }
    assert_null(log_lines_write(&fixture.log, 2, SLICE("the end\n")));
    assert_int_equal(arena_bytes(&fixture.arena), before);
    const struct slice tail = log_lines_error_tail(&fixture.log);
    assert_int_equal(tail.size, 4096);
    assert_memory_equal(tail.data + tail.size - 8, "the end\n", 8);
    close_log(&fixture);
}

/* The end of standard error, however it came. */
static void the_tail_is_the_end(void **state)
{
    (void)state;
    static uint8_t said[20000];
    for (size_t i = 0; i < sizeof said; i++) {
        said[i] = (uint8_t)(i * 7919 >> 3);
    }
    static const size_t pieces[] = {1, 100, 4095, 4096, 4097, 8191, 8192, 20000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct fixture fixture;
        open_log(&fixture, 2, 100);
        for (size_t at = 0; at < sizeof said;) {
            const size_t left = sizeof said - at;
            const size_t size = pieces[i] < left ? pieces[i] : left;
            assert_null(log_lines_write(&fixture.log, 2, slice_of(said + at, size)));
            at += size;
            const struct slice tail = log_lines_error_tail(&fixture.log);
            assert_int_equal(tail.size, at < 4096 ? at : 4096);
            assert_memory_equal(tail.data, said + at - tail.size, tail.size);
        }
        close_log(&fixture);
    }
}

/* Newlines that become no line any more cost as much as other bytes: nothing to speak of. */
static void newlines_cost_nothing(void **state)
{
    (void)state;
    static uint8_t newlines[1 << 20];
    memset(newlines, '\n', sizeof newlines);
    for (int fd = 1; fd <= 2; fd++) {
        for (uint64_t lines = 0; lines < 3; lines++) {
            struct fixture fixture;
            open_log(&fixture, lines, 100);
            const uint64_t began = clock_monotonic_ns();
            for (int i = 0; i < 1000; i++) {
                assert_null(log_lines_write(&fixture.log, fd, slice_of(newlines, sizeof newlines)));
            }
            assert_true(clock_monotonic_ns() - began < 1000000000);
            assert_int_equal(fixture.log.count, lines);
            close_log(&fixture);
        }
    }
}

static void levels_are_convexs(void **state)
{
    (void)state;
    assert_true(log_level_known(SLICE("DEBUG")));
    assert_true(log_level_known(SLICE("LOG")));
    assert_false(log_level_known(SLICE("info")));
    assert_false(log_level_known(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_past_the_cap_become_one_mark),
        cmocka_unit_test(long_lines_are_cut_between_characters),
        cmocka_unit_test(output_is_gathered_into_lines),
        cmocka_unit_test(output_that_is_no_text_is_repaired),
        cmocka_unit_test(an_endless_line_is_bounded),
        cmocka_unit_test(dropped_lines_cost_nothing),
        cmocka_unit_test(the_tail_is_the_end),
        cmocka_unit_test(newlines_cost_nothing),
        cmocka_unit_test(levels_are_convexs),
    };
    return cmocka_run_group_tests_name("log_lines", tests, NULL, NULL);
}
