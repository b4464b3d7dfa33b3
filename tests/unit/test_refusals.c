/*
 * Refused requests in the log: one line a minute for each tenant or host with one code, whatever
 * comes, and each request in one of them.
 */
#include "http/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

#define SECOND ((uint64_t)1000000000)

static const struct http_refusal bad_key = {401, "BadAdminKey", ""};
static const struct http_refusal foreign = {421, "MisdirectedRequest", ""};

/* Refusals with a log in a file. */
struct world {
    int fd;
    struct log *log;
    struct metrics *metrics;
    struct refusals *refusals;
};

static void begin(struct world *world)
{
    char path[] = "/tmp/cordon-refusals-XXXXXX";
    world->fd = mkstemp(path);
    assert_true(world->fd >= 0);
    (void)unlink(path);
    assert_null(log_new(world->fd, LOG_TEXT, &world->log));
    assert_null(metrics_new(&world->metrics));
    assert_null(refusals_new(world->metrics, world->log, &world->refusals));
}

/* What was told so far, of all lines their fields; for the caller to free. */
static char *told(const struct world *world)
{
    log_flush(world->log);
    static char text[1 << 20];
    const ssize_t size = pread(world->fd, text, sizeof text - 1, 0);
    assert_true(size >= 0);
    struct buffer out;
    buffer_init(&out, sizeof text);
    static const char mark[] = "requests_refused ";
    text[size] = '\0';
    for (const char *at = text; (at = strstr(at, mark)) != NULL;) {
        at += sizeof mark - 1;
        assert_null(buffer_append(&out, slice_of(at, strcspn(at, "\n") + 1)));
    }
    char *copy = mem_copy_string(buffer_slice(&out));
    buffer_done(&out);
    return copy;
}

static void expect_told(const struct world *world, const char *expected)
{
    char *text = told(world);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void end(struct world *world)
{
    refusals_free(world->refusals);
    log_free(world->log);
    metrics_free(world->metrics);
    (void)close(world->fd);
}

static void a_minute_is_one_line(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    uint64_t now_ns = 1000 * SECOND;
    for (int i = 0; i < 100; i++) {
        refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns);
        refusals_tell(world.refusals, now_ns);
        now_ns += SECOND / 2;
    }
    static const char first[] = "tenant=ada host=\"\" code=BadAdminKey requests=1\n";
    expect_told(&world, first);
    now_ns = 1060 * SECOND;
    refusals_tell(world.refusals, now_ns);
    static const char both[] = "tenant=ada host=\"\" code=BadAdminKey requests=1\n"
                               "tenant=ada host=\"\" code=BadAdminKey requests=99\n";
    expect_told(&world, both);
    refusals_tell(world.refusals, now_ns + 200 * SECOND);
    expect_told(&world, both);
    /* After a silent minute the next is a first one again, and what is left is told at the end. */
    refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns + 200 * SECOND);
    refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns + 201 * SECOND);
    refusals_free(CORDON_TAKE(world.refusals));
    char *text = told(&world);
    assert_int_equal(strlen(text), strlen(both) + 2 * strlen(first));
    mem_free(text);
    end(&world);
}

/* Of several, each when its own minute is over, or up to a second later. */
static void each_is_told_when_it_is_due(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    const uint64_t now_ns = 1000 * SECOND;
    for (int i = 0; i < 3; i++) {
        refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns);
        refusals_note(world.refusals, &foreign, SLICE(""), SLICE("h"), now_ns + SECOND / 2);
        refusals_note(world.refusals, &bad_key, SLICE("bob"), SLICE("h"), now_ns + 30 * SECOND);
    }
    char *const first = told(&world);
    static const struct {
        uint64_t at_ms;
        const char *line; /* "": none */
    } rows[] = {
        {59999, ""},  {60000, "tenant=ada host=\"\" code=BadAdminKey requests=2\n"},
        {60400, ""},  {61000, "tenant=\"\" host=h code=MisdirectedRequest requests=2\n"},
        {89999, ""},  {90000, "tenant=bob host=\"\" code=BadAdminKey requests=2\n"},
        {200000, ""},
    };
    size_t known = strlen(first);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refusals_tell(world.refusals, now_ns + rows[i].at_ms * (SECOND / 1000));
        char *const text = told(&world);
        assert_string_equal(text + known, rows[i].line);
        known = strlen(text);
        mem_free(text);
    }
    mem_free(first);
    end(&world);
}

/* Loops read their clocks before they have their turn here. */
static void an_earlier_clock_is_the_same_minute(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    const uint64_t now_ns = 1000 * SECOND;
    refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns);
    refusals_note(world.refusals, &bad_key, SLICE("ada"), SLICE("h"), now_ns - 1);
    refusals_tell(world.refusals, now_ns - 1);
    expect_told(&world, "tenant=ada host=\"\" code=BadAdminKey requests=1\n");
    end(&world);
}

static void each_is_counted_where_it_belongs(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    static const struct http_refusal others[] = {
        {400, "BadRequest", ""}, {503, "Overloaded", ""}, {404, "NotFound", ""}};
    const uint64_t now_ns = 1000 * SECOND;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        refusals_note(world.refusals, &others[i], SLICE("ada"), SLICE("h"), now_ns);
    }
    static const struct http_refusal operator_key = {401, "BadOperatorKey", ""};
    refusals_note(world.refusals, &operator_key, SLICE(""), SLICE("h"), now_ns);
    refusals_note(world.refusals, &foreign, SLICE("ada"), SLICE("h.example:80"), now_ns);
    expect_told(
        &world, "tenant=\"\" host=\"\" code=BadOperatorKey requests=1\n"
                "tenant=\"\" host=h.example code=MisdirectedRequest requests=1\n");
    end(&world);
}

/* A thousand tenants beside clients that make hosts up: each tenant has its line. */
static void many_are_told_apart(void **state)
{
    (void)state;
    enum { TENANTS = 1000, HOSTS = 3000 };
    struct world world;
    begin(&world);
    const uint64_t now_ns = 1000 * SECOND;
    char name[32];
    for (int i = 0; i < HOSTS; i++) {
        (void)snprintf(name, sizeof name, "h%d.example", i);
        refusals_note(world.refusals, &foreign, SLICE(""), slice_str(name), now_ns);
    }
    for (int i = 0; i < TENANTS; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        refusals_note(world.refusals, &bad_key, slice_str(name), SLICE("h"), now_ns);
    }
    char *text = told(&world);
    for (int i = 0; i < TENANTS; i++) {
        (void)snprintf(name, sizeof name, "tenant=t%d ", i);
        assert_non_null(strstr(text, name));
    }
    assert_null(strstr(text, "tenant=other "));
    assert_non_null(strstr(text, "host=other "));
    mem_free(text);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minute_is_one_line),
        cmocka_unit_test(each_is_told_when_it_is_due),
        cmocka_unit_test(an_earlier_clock_is_the_same_minute),
        cmocka_unit_test(each_is_counted_where_it_belongs),
        cmocka_unit_test(many_are_told_apart),
    };
    return cmocka_run_group_tests_name("http/refusals", tests, NULL, NULL);
}
