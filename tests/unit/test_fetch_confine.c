/*
 * The process that fetches keys, once it has confined itself: other processes it reaches by
 * connections alone. Each case is a process of its own, and each attack has a twin that is not
 * confined, in which it succeeds. What the fetcher still does is tests/server/jwks.mjs's.
 */
#include "fetch/fetch.h"

#include "support/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int pipe_ends[2];
static pid_t victim;

static int result(long code)
{
    return code >= 0 ? 0 : errno;
}

static int own_pipe_by_victim(void)
{
    return result(fcntl(pipe_ends[0], F_SETOWN, victim));
}

static int choose_signal_of_pipe(void)
{
    return result(fcntl(pipe_ends[0], F_SETSIG, SIGKILL));
}

static int have_pipe_send_signals(void)
{
    return result(fcntl(pipe_ends[0], F_SETFL, O_ASYNC));
}

static int limit_victim(void)
{
    const struct rlimit none = {0, 0};
    return result(prlimit(victim, RLIMIT_NOFILE, &none, NULL));
}

static int slow_victim_down(void)
{
    return result(setpriority(PRIO_PROCESS, (id_t)victim, 19));
}

static int signal_victim(void)
{
    return result(kill(victim, 0));
}

static int pair(int type)
{
    int ends[2];
    return result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends));
}

static int pair_for_messages(void)
{
    return pair(SOCK_DGRAM | SOCK_NONBLOCK);
}

static int open_unix_socket(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int pair_for_bytes(void)
{
    return pair(SOCK_STREAM | SOCK_NONBLOCK);
}

static int open_socket(void)
{
    return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int have_pipe_not_wait(void)
{
    return result(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK));
}

static int ask_own_limit(void)
{
    struct rlimit limit;
    return result(getrlimit(RLIMIT_NOFILE, &limit));
}

static const struct {
    const char *name;
    int (*act)(void);
    int wanted; /* errno */
} rows[] = {
    {"another process gets the signals of a pipe", own_pipe_by_victim, ENOSYS},
    {"the signal of a pipe is chosen", choose_signal_of_pipe, ENOSYS},
    {"a pipe is to send signals", have_pipe_send_signals, ENOSYS},
    {"another process is limited", limit_victim, ENOSYS},
    {"another process is slowed down", slow_victim_down, ENOSYS},
    {"another process is sent a signal", signal_victim, ENOSYS},
    {"a pair that sends messages to any socket", pair_for_messages, ENOSYS},
    {"a Unix socket is opened", open_unix_socket, ENOSYS},
    {"a pair that sends to each other", pair_for_bytes, 0},
    {"a socket for connections", open_socket, 0},
    {"a pipe that does not wait", have_pipe_not_wait, 0},
    {"its own limit", ask_own_limit, 0},
};

/* Another process, until this one ends, by whose end it is sent no signal either. */
static bool start_victim(void)
{
    int life[2];
    char byte = 0;
    if (pipe2(life, O_CLOEXEC) != 0) {
        return false;
    }
    victim = fork();
    if (victim == 0) {
        (void)close(life[1]);
        _exit(read(life[0], &byte, 1) == 0 ? 0 : 1);
    }
    return close(life[0]) == 0 && victim > 0;
}

/* What the act fails with, in a process of its own. */
static int play(size_t row, bool is_confined)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        int32_t landlock = 0;
        char words[FETCH_WORDS_BYTES] = "";
        if (pipe2(pipe_ends, O_CLOEXEC) != 0 || !start_victim()) {
            _exit(200);
        }
        if (is_confined) {
            fetch_confine("/tmp", &landlock, words);
        }
        const bool is_whole = !is_confined || (words[0] == '\0') == (landlock >= 6);
        const int failed = rows[row].act();
        _exit(is_whole ? failed : 201);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static void test_acts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int code = play(i, true);
        const int twin = play(i, false);
        if (code != rows[i].wanted || twin != 0) {
            fail_msg("%s: %d, not %d; not confined %d", rows[i].name, code, rows[i].wanted, twin);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acts),
    };
    return cmocka_run_group_tests_name("fetch_confine", tests, NULL, NULL);
}
