/*
 * `cordon serve` under a service manager: it is told when the server answers, not before, when
 * settings are read again, and when it stops. The manager is this test, with a socket of its own;
 * so is the system's log, to which checkpoints of the audit log go.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static char folder[] = "/tmp/cordon-notify-XXXXXX";

/* Binds the manager's socket; `name` as $NOTIFY_SOCKET has it, with an @ for the abstract ones. */
static int manager_open(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(name);
    assert_true(size < sizeof address.sun_path);
    memcpy(address.sun_path, name, size);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, bytes), 0);
    return fd;
}

static const char *build_folder(void)
{
    const char *build = getenv("CORDON_BUILD_DIR");
    return build == NULL ? "build" : build;
}

/* With the data and the settings of these names in the folder. */
static pid_t serve(const char *socket_name, int out, const char *data_name, const char *config_name)
{
    char program[512];
    char data[128];
    char config[128];
    (void)snprintf(program, sizeof program, "%s/cordon", build_folder());
    (void)snprintf(data, sizeof data, "%s/%s", folder, data_name);
    (void)snprintf(config, sizeof config, "%s/%s", folder, config_name);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setenv("NOTIFY_SOCKET", socket_name, 1);
        (void)dup2(out, STDOUT_FILENO);
        (void)execl(
            program, program, "serve", "--listen", "127.0.0.1:0", "--data", data, "--config",
            config, NULL);
        _exit(127);
    }
    return pid;
}

/* What comes next begins so. */
static void expect(int fd, const char *state)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char text[64] = "";
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_memory_equal(text, state, strlen(state));
}

static void is_told(const char *socket_name)
{
    const int manager = manager_open(socket_name);
    int out[2];
    assert_int_equal(pipe(out), 0);
    const pid_t pid = serve(socket_name, out[1], "data", "config");
    (void)close(out[1]);
    expect(manager, "READY=1");
    char line[256] = "";
    assert_true(read(out[0], line, sizeof line - 1) > 0);
    assert_non_null(strstr(line, "Cordon serves http://127.0.0.1:"));

    assert_int_equal(kill(pid, SIGHUP), 0);
    expect(manager, "RELOADING=1\nMONOTONIC_USEC=");
    expect(manager, "READY=1");
    assert_int_equal(kill(pid, SIGTERM), 0);
    expect(manager, "STOPPING=1");
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(out[0]);
    (void)close(manager);
}

static void a_manager_with_a_path_is_told(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "%s/socket", folder);
    is_told(name);
}

static void a_manager_with_an_abstract_name_is_told(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@%s", folder);
    is_told(name);
}

/* Sends what fills the manager's queue. */
static void crowd(const char *socket_name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_name);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    while (send(fd, "X", 1, MSG_DONTWAIT) == 1) {
    }
    (void)close(fd);
}

/* One that reads later than it is told, as when many services start at one time. */
static void a_manager_that_is_behind_is_told_all_the_same(void **state)
{
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "%s/crowded", folder);
    const int manager = manager_open(name);
    crowd(name);
    int out[2];
    assert_int_equal(pipe(out), 0);
    const pid_t pid = serve(name, out[1], "crowded.d", "config");
    (void)close(out[1]);
    char line[256] = "";
    assert_true(read(out[0], line, sizeof line - 1) > 0);
    (void)poll(NULL, 0, 200);
    char text[64] = "X";
    while (text[0] == 'X') {
        struct pollfd poll_fd = {.fd = manager, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 5000), 1);
        assert_true(recv(manager, text, sizeof text, 0) > 0);
    }
    assert_memory_equal(text, "READY=1", strlen("READY=1"));
    assert_int_equal(kill(pid, SIGTERM), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(out[0]);
    (void)close(manager);
}

/* -- The system's log ------------------------------------------------------------------------- */

/* Has a function commit something, so that there is something to sign. */
static void commit_something(const char *data)
{
    char program[512];
    char module[512];
    (void)snprintf(program, sizeof program, "%s/cordon", build_folder());
    (void)snprintf(module, sizeof module, "%s/tests/guests/counter.wasm", build_folder());
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execl(program, program, "run", "--data", data, module, "counter:add", NULL);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Also by a server that has confined itself, which opens no socket any more. */
static void checkpoints_go_to_the_systems_log(void **state)
{
    (void)state;
    char data[64];
    char name[64];
    char ready[64];
    char config[64];
    (void)snprintf(data, sizeof data, "%s/signed", folder);
    (void)snprintf(name, sizeof name, "%s/log", folder);
    (void)snprintf(ready, sizeof ready, "%s/ready", folder);
    (void)snprintf(config, sizeof config, "%s/config.json", folder);
    FILE *file = fopen(config, "we");
    assert_non_null(file);
    (void)fprintf(file, "{\"audit_interval_ms\": 100, \"audit_checkpoint_syslog\": \"%s\"}", name);
    assert_int_equal(fclose(file), 0);
    const int log = manager_open(name);
    const int manager = manager_open(ready);
    commit_something(data);
    const pid_t pid = serve(ready, STDOUT_FILENO, "signed", "config.json");
    struct pollfd poll_fd = {.fd = log, .events = POLLIN};
    char text[2048] = "";
    char head[64];
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_true(recv(log, text, sizeof text - 1, 0) > 0);
    (void)snprintf(
        head, sizeof head, "<85>cordon[%ld]: {\"kind\":\"checkpoint\",\"epoch\":", (long)pid);
    assert_memory_equal(text, head, strlen(head));
    expect(manager, "READY=1");
    assert_int_equal(kill(pid, SIGTERM), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)close(log);
    (void)close(manager);
}

static int make_folder(void **state)
{
    (void)state;
    char config[128];
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(config, sizeof config, "%s/config", folder);
    FILE *const file = fopen(config, "we");
    if (file == NULL) {
        return -1;
    }
    const int written = fputs("{}", file);
    return fclose(file) == 0 && written >= 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command); /* NOLINT(*-env33-c, concurrency-mt-unsafe): a folder of our own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manager_with_a_path_is_told),
        cmocka_unit_test(a_manager_with_an_abstract_name_is_told),
        cmocka_unit_test(a_manager_that_is_behind_is_told_all_the_same),
        cmocka_unit_test(checkpoints_go_to_the_systems_log),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
