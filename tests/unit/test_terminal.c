/* What the command line says to people is said in one write: two programs may share a terminal. */
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Of a socket of datagrams in the place of stderr each write is one. */
struct ear {
    int fd;
    int stderr_before;
};

static struct ear listen_to_stderr(void)
{
    int ends[2] = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    const struct ear ear = {ends[0], dup(STDERR_FILENO)};
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(ends[1]);
    return ear;
}

/* The first write, and that there was no other. */
static void expect_one(struct ear ear, const char *expected)
{
    char said[8192];
    char more[8192];
    if (ear.stderr_before < 0) {
        fail();
        return;
    }
    assert_int_equal(dup2(ear.stderr_before, STDERR_FILENO), STDERR_FILENO);
    (void)close(ear.stderr_before);
    const ssize_t size = recv(ear.fd, said, sizeof said - 1, MSG_DONTWAIT);
    assert_true(size > 0);
    said[size] = '\0';
    assert_string_equal(said, expected);
    assert_true(recv(ear.fd, more, sizeof more, MSG_DONTWAIT) <= 0);
    (void)close(ear.fd);
}

static void a_failure_is_one_write(void **state)
{
    (void)state;
    const struct ear ear = listen_to_stderr();
    const int code = terminal_fail(CLI_MACHINE, "no \033[2J in '%s',\nbut two lines", "app");
    expect_one(ear, "cordon: no \\u001b[2J in 'app',\n  but two lines\n");
    assert_int_equal(code, CLI_MACHINE);
}

static void an_error_is_one_write_with_its_name(void **state)
{
    (void)state;
    cordon_error *error = cordon_error_new(CORDON_E_NOT_FOUND, "there is no tenant '%s'", "ada");
    const struct ear ear = listen_to_stderr();
    (void)terminal_error(error);
    expect_one(ear, "cordon: NotFound: there is no tenant 'ada'\n");
}

static void a_long_quote_is_cut(void **state)
{
    (void)state;
    char quote[6000];
    char expected[8192];
    memset(quote, 'q', sizeof quote - 1);
    quote[sizeof quote - 1] = '\0';
    struct ear ear = listen_to_stderr();
    (void)terminal_fail(CLI_USAGE, "%.4095s", quote);
    (void)snprintf(expected, sizeof expected, "cordon: %.4095s\n", quote);
    expect_one(ear, expected);
    ear = listen_to_stderr();
    (void)terminal_fail(CLI_USAGE, "%.4096s", quote);
    (void)snprintf(expected, sizeof expected, "cordon: %.4095s… (cut)\n", quote);
    expect_one(ear, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_one_write),
        cmocka_unit_test(an_error_is_one_write_with_its_name),
        cmocka_unit_test(a_long_quote_is_cut),
    };
    return cmocka_run_group_tests_name("cli/terminal", tests, NULL, NULL);
}
