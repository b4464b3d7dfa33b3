/*
 * The ring of the last runs: what is kept and what gives way, cursors that only grow and read back
 * exactly, who waits for what is new, and what is lost when memory is out.
 */
#include "observe/executions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"

struct fixture {
    struct executions ring;
    struct buffer out;
    uint64_t cursor_us;
};

static void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    executions_init(&fixture->ring);
    buffer_init(&fixture->out, SIZE_MAX / 2);
}

static void fixture_done(struct fixture *fixture)
{
    buffer_done(&fixture->out);
    executions_done(&fixture->ring);
}

static void add_number(struct fixture *fixture, unsigned n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "\"n\":%u", n);
    executions_add(&fixture->ring, slice_str(text));
}

/* Reads what stands after a cursor; NUL-terminated, until the next call. */
static const char *read_after(struct fixture *fixture, uint64_t after_us)
{
    buffer_clear(&fixture->out);
    assert_null(executions_write(&fixture->ring, after_us, &fixture->out, &fixture->cursor_us));
    assert_null(buffer_append_byte(&fixture->out, '\0'));
    return (const char *)fixture->out.data;
}

static size_t count_entries(const char *text)
{
    size_t count = 0;
    for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{')) {
        count++;
    }
    return count;
}

static uint64_t first_number(const char *text)
{
    const char *const at = strstr(text, "\"number\":");
    assert_non_null(at);
    return strtoull(at + strlen("\"number\":"), NULL, 10);
}

static void nothing_is_kept_before_the_start(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    add_number(&fixture, 1);
    assert_string_equal(read_after(&fixture, 0), "[]");
    executions_start(&fixture.ring);
    add_number(&fixture, 2);
    const char *const text = read_after(&fixture, 0);
    assert_int_equal(count_entries(text), 1);
    assert_int_equal(first_number(text), 1);
    assert_non_null(strstr(text, ",\"n\":2}]"));
    fixture_done(&fixture);
}

static void a_cursor_stands_between_entries(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    executions_start(&fixture.ring);
    (void)read_after(&fixture, 0);
    const uint64_t before_all = fixture.cursor_us;
    assert_true(before_all > 0);
    uint64_t cursors[4];
    for (unsigned i = 0; i < 4; i++) {
        add_number(&fixture, i);
        (void)read_after(&fixture, 0);
        cursors[i] = fixture.cursor_us;
        assert_true(cursors[i] > (i == 0 ? before_all : cursors[i - 1]));
    }
    assert_int_equal(count_entries(read_after(&fixture, before_all)), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(count_entries(read_after(&fixture, cursors[i])), 3 - i);
        assert_true(fixture.cursor_us >= cursors[3]);
    }
    fixture_done(&fixture);
}

static void the_oldest_give_way(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    executions_start(&fixture.ring);
    for (unsigned i = 1; i <= EXECUTIONS_MAX + 5; i++) {
        add_number(&fixture, i);
    }
    const char *text = read_after(&fixture, 0);
    assert_int_equal(count_entries(text), EXECUTIONS_MAX);
    assert_int_equal(first_number(text), 6);

    /* By bytes: four of a fourth each have no room for a fifth. */
    uint8_t *const bytes = mem_new(EXECUTIONS_BYTES_MAX + 1);
    memset(bytes, 'x', EXECUTIONS_BYTES_MAX + 1);
    for (unsigned i = 0; i < 5; i++) {
        executions_add(&fixture.ring, slice_of(bytes, EXECUTIONS_BYTES_MAX / 4));
    }
    text = read_after(&fixture, 0);
    assert_int_equal(count_entries(text), 4);
    assert_int_equal(first_number(text), EXECUTIONS_MAX + 5 + 2);
    assert_int_equal(fixture.ring.bytes, EXECUTIONS_BYTES_MAX);

    /* One that has no room alone is lost, and nothing gives way for it. */
    executions_add(&fixture.ring, slice_of(bytes, EXECUTIONS_BYTES_MAX + 1));
    assert_int_equal(count_entries(read_after(&fixture, 0)), 4);
    mem_free(bytes);
    fixture_done(&fixture);
}

static void what_has_no_memory_is_a_missing_number(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    executions_start(&fixture.ring);
    add_number(&fixture, 1);
    (void)mem_fail_nth(1);
    add_number(&fixture, 2);
    (void)mem_fail_nth(0);
    executions_add(&fixture.ring, (struct slice){0});
    (void)read_after(&fixture, 0);
    const uint64_t cursor_us = fixture.cursor_us;
    add_number(&fixture, 4);
    assert_int_equal(first_number(read_after(&fixture, cursor_us)), 4);
    assert_int_equal(count_entries(read_after(&fixture, 0)), 2);
    fixture_done(&fixture);
}

static void count_wake(void *arg)
{
    (*(int *)arg)++;
}

static void who_waits_is_woken_once(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    executions_start(&fixture.ring);
    int woken[3] = {0};
    struct execution_waiter waiters[3];
    add_number(&fixture, 1);
    (void)read_after(&fixture, 0);
    const uint64_t cursor_us = fixture.cursor_us;
    for (int i = 0; i < 3; i++) {
        waiters[i] = (struct execution_waiter){.wake = count_wake, .arg = &woken[i]};
        assert_int_equal(
            executions_wait(&fixture.ring, cursor_us - 1, &waiters[i]), EXECUTIONS_NEWS);
        assert_int_equal(executions_wait(&fixture.ring, cursor_us, &waiters[i]), EXECUTIONS_WAITS);
    }
    executions_leave(&fixture.ring, &waiters[1]);
    add_number(&fixture, 2);
    add_number(&fixture, 3);
    executions_leave(&fixture.ring, &waiters[0]); /* which is nothing by now */
    assert_int_equal(woken[0], 1);
    assert_int_equal(woken[1], 0);
    assert_int_equal(woken[2], 1);
    fixture_done(&fixture);
}

/* One entry wakes so many and no more, however many would like to be; who leaves makes room. */
static void so_many_may_wait(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    executions_start(&fixture.ring);
    int woken = 0;
    struct execution_waiter waiters[EXECUTIONS_WAITERS_MAX];
    struct execution_waiter late = {.wake = count_wake, .arg = &woken};
    for (int round = 0; round < 2; round++) {
        add_number(&fixture, 1);
        (void)read_after(&fixture, 0);
        const uint64_t cursor_us = fixture.cursor_us;
        for (size_t i = 0; i < EXECUTIONS_WAITERS_MAX; i++) {
            waiters[i] = (struct execution_waiter){.wake = count_wake, .arg = &woken};
            assert_int_equal(
                executions_wait(&fixture.ring, cursor_us, &waiters[i]), EXECUTIONS_WAITS);
        }
        assert_int_equal(executions_wait(&fixture.ring, cursor_us, &late), EXECUTIONS_CROWDED);
        assert_int_equal(executions_wait(&fixture.ring, cursor_us - 1, &late), EXECUTIONS_NEWS);
        executions_leave(&fixture.ring, &late); /* which is nothing */
        assert_int_equal(executions_wait(&fixture.ring, cursor_us, &late), EXECUTIONS_CROWDED);
        executions_leave(&fixture.ring, &waiters[7]);
        assert_int_equal(executions_wait(&fixture.ring, cursor_us, &late), EXECUTIONS_WAITS);
        woken = 0;
        add_number(&fixture, 2);
        assert_int_equal(woken, EXECUTIONS_WAITERS_MAX);
    }
    fixture_done(&fixture);
}

static void cursors_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
        uint64_t us;
        const char *written; /* NULL: as it was read */
    } rows[] = {
        {"0", true, 0, NULL},
        {"1", true, 1000, NULL},
        {"1764134720123.456", true, 1764134720123456, NULL},
        {"1764134720123.05", true, 1764134720123050, NULL},
        {"1764134720123.001", true, 1764134720123001, NULL},
        {"1.2345", true, 1234, "1.234"},
        {"1.", true, 1000, "1"},
        {"007", true, 7000, "7"},
        {"18446744073709550", true, 18446744073709550000u, NULL},
        {"18446744073709551", false, 0, NULL},
        {"99999999999999999999999", false, 0, NULL},
        {"", false, 0, NULL},
        {".", false, 0, NULL},
        {".5", false, 0, NULL},
        {"-1", false, 0, NULL},
        {"+1", false, 0, NULL},
        {"1e3", false, 0, NULL},
        {"1.5.5", false, 0, NULL},
        {" 1", false, 0, NULL},
        {"1 ", false, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t us = 1;
        assert_int_equal(executions_read_cursor(slice_str(rows[i].text), &us), rows[i].is_good);
        if (!rows[i].is_good) {
            assert_int_equal(us, 1);
            continue;
        }
        assert_int_equal(us, rows[i].us);
        CORDON_CLEANUP_BUFFER struct buffer out;
        buffer_init(&out, 64);
        assert_null(executions_write_cursor(&out, us));
        assert_null(buffer_append_byte(&out, '\0'));
        assert_string_equal(
            (const char *)out.data, rows[i].written == NULL ? rows[i].text : rows[i].written);
    }
}

/* A purse with room for so many bytes. */
struct purse {
    uint64_t used;
    uint64_t total;
    size_t takes;
};

static bool take(void *arg, uint64_t bytes)
{
    struct purse *purse = arg;
    if (purse->used + bytes > purse->total) {
        return false;
    }
    purse->used += bytes;
    purse->takes++;
    return true;
}

static void give(void *arg, uint64_t bytes)
{
    struct purse *purse = arg;
    assert_true(bytes <= purse->used);
    purse->used -= bytes;
}

static void memory_is_of_the_purse(void **state)
{
    (void)state;
    struct fixture fixture;
    struct purse purse = {.total = 200};
    fixture_init(&fixture);
    fixture.ring.purse = (struct execution_purse){take, give, &purse};
    executions_start(&fixture.ring);
    for (unsigned n = 1; n <= 20; n++) {
        add_number(&fixture, n);
    }
    assert_true(purse.used > 0 && purse.used <= purse.total);
    assert_true(fixture.ring.count > 1 && fixture.ring.count < 20);
    assert_int_equal(fixture.ring.number, 20); /* those that are gone are missing numbers */
    assert_non_null(strstr(read_after(&fixture, 0), ",\"n\":20}]")); /* the oldest gave way */
    const uint64_t total = purse.total;
    purse.total = 0; /* others take it all */
    add_number(&fixture, 21);
    assert_string_equal(read_after(&fixture, 0), "[]");
    assert_int_equal(purse.used, 0);
    purse.total = total;
    add_number(&fixture, 22);
    executions_clear(&fixture.ring);
    assert_int_equal(purse.used, 0);
    fixture.ring.bytes_max = 20; /* and who gives way gives back */
    for (unsigned n = 1; n <= 20; n++) {
        add_number(&fixture, n);
    }
    assert_true(fixture.ring.count >= 1 && fixture.ring.count < 5);
    executions_clear(&fixture.ring);
    assert_int_equal(purse.used, 0);
    fixture_done(&fixture);
}

/* In few blocks, so that they hold few pages of the heap; and few entries in little. */
static void entries_stand_together(void **state)
{
    (void)state;
    struct fixture fixture;
    struct purse purse = {.total = UINT64_MAX};
    uint8_t members[500];
    memset(members, 'x', sizeof members);
    fixture_init(&fixture);
    fixture.ring.purse = (struct execution_purse){take, give, &purse};
    executions_start(&fixture.ring);
    executions_add(&fixture.ring, slice_of(members, sizeof members));
    assert_true(purse.used <= 2 * sizeof members);
    for (size_t i = 1; i < 3 * EXECUTIONS_MAX; i++) {
        executions_add(&fixture.ring, slice_of(members, sizeof members));
        assert_true(purse.used < 2 * 2 * (fixture.ring.bytes + sizeof members));
    }
    assert_int_equal(fixture.ring.count, EXECUTIONS_MAX);
    assert_true(purse.takes < 50);
    executions_clear(&fixture.ring);
    assert_int_equal(purse.used, 0);
    fixture_done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_kept_before_the_start),
        cmocka_unit_test(a_cursor_stands_between_entries),
        cmocka_unit_test(the_oldest_give_way),
        cmocka_unit_test(what_has_no_memory_is_a_missing_number),
        cmocka_unit_test(memory_is_of_the_purse),
        cmocka_unit_test(entries_stand_together),
        cmocka_unit_test(who_waits_is_woken_once),
        cmocka_unit_test(so_many_may_wait),
        cmocka_unit_test(cursors_read_back),
    };
    return cmocka_run_group_tests_name("observe/executions", tests, NULL, NULL);
}
