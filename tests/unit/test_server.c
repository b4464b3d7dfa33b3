/* The options of a server, as a program that embeds it gives them: bounds, older callers. */
#include <cordon/server.h>

#include "support/expect.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static cordon_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    const cordon_runtime_options options = {.size = sizeof options, .compile_inside = true};
    expect_ok(cordon_runtime_new(&options, &runtime));
    return 0;
}

static int close_runtime(void **state)
{
    (void)state;
    cordon_runtime_free(runtime);
    return 0;
}

static cordon_server_options on_any_port(void)
{
    return (cordon_server_options){
        .size = sizeof(cordon_server_options), .runtime = runtime, .listen = "127.0.0.1:0"};
}

struct change {
    size_t offset; /* of a uint32_t */
    uint32_t value;
    const char *says; /* NULL: it is taken */
};

#define CHANGE(field, number, words)                                                               \
    {.offset = offsetof(cordon_server_options, field), .value = (number), .says = (words)}

static const struct change changes[] = {
    CHANGE(loops, 2, NULL),
    CHANGE(loops, 257, "`loops` is at most 256"),
    CHANGE(request_timeout_ms, 0, NULL),
    CHANGE(request_timeout_ms, 250, NULL),
    CHANGE(request_timeout_ms, 86400000, NULL),
    CHANGE(request_timeout_ms, 249, "`request_timeout_ms` is a number of milliseconds from 250"),
    CHANGE(request_timeout_ms, 86400001, "to 86400000, or 0 for 30000"),
    CHANGE(idle_timeout_ms, 1, "`idle_timeout_ms` is a number of milliseconds"),
    CHANGE(idle_timeout_ms, UINT32_MAX, "or 0 for 60000"),
    CHANGE(write_timeout_ms, 249, "`write_timeout_ms` is a number of milliseconds"),
    CHANGE(write_timeout_ms, 250, NULL),
    CHANGE(drain_timeout_ms, 250, NULL),
    CHANGE(drain_timeout_ms, 86400001, "or 0 for 10000"),
    CHANGE(audit_interval_ms, 99, "`audit_interval_ms` is a number of milliseconds from 100"),
    CHANGE(audit_interval_ms, 100, NULL),
    CHANGE(audit_interval_ms, 86400000, NULL),
    CHANGE(audit_interval_ms, 86400001, "to 86400000, or 0 for 60000"),
};

static void bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        cordon_server_options options = on_any_port();
        memcpy((char *)&options + changes[i].offset, &changes[i].value, sizeof changes[i].value);
        cordon_server *server = NULL;
        cordon_error *error = cordon_server_new(&options, &server);
        if (changes[i].says == NULL) {
            expect_ok(error);
            assert_non_null(server);
        } else {
            expect_error(error, CORDON_E_INVALID, changes[i].says);
            assert_null(server);
        }
        cordon_server_free(server);
    }
}

/* A caller compiled before there was a write timeout, and callers that are none. */
static void callers(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        bool taken;
    } rows[] = {
        {sizeof(cordon_server_options), true},
        {offsetof(cordon_server_options, write_timeout_ms), true},
        {sizeof(cordon_server_options) + 1, false},
        {0, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cordon_server_options options = on_any_port();
        options.size = rows[i].size;
        options.write_timeout_ms = 1; /* refused where it is read */
        if (rows[i].size == sizeof options) {
            options.write_timeout_ms = 0;
        }
        cordon_server *server = NULL;
        cordon_error *error = cordon_server_new(&options, &server);
        if (rows[i].taken) {
            expect_ok(error);
            assert_memory_equal(cordon_server_get_url(server), "http://127.0.0.1:", 17);
            cordon_server_free(server);
        } else {
            expect_error(error, CORDON_E_INVALID, "options.size");
        }
    }
    cordon_server *server = NULL;
    expect_error(cordon_server_new(NULL, &server), CORDON_E_INVALID, "options.size");
    const cordon_server_options no_runtime = {.size = sizeof no_runtime};
    expect_error(cordon_server_new(&no_runtime, &server), CORDON_E_INVALID, "options.runtime");
    cordon_server_free(NULL);
}

static int lowest_free_descriptor(void)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    return fd;
}

/*
 * Wherever the descriptors end, it says so. A server that could be made gives all of them back; one
 * that could not may leave an epoll behind, which libuv 1.44 forgets when its loop can't be made.
 */
static void too_few_descriptors(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    bool enough = false;
    for (int count = 0; !enough; count += 3) {
        assert_true(count < 100);
        const int first = lowest_free_descriptor();
        const struct rlimit few = {
            .rlim_cur = (rlim_t)(first + count), .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        cordon_server_options options = on_any_port();
        options.loops = 2;
        cordon_server *server = NULL;
        cordon_error *error = cordon_server_new(&options, &server);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        enough = error == NULL;
        if (!enough) {
            expect_error(error, CORDON_E_SYSTEM, "too many open files");
        }
        cordon_server_free(server);
        if (enough) {
            assert_int_equal(lowest_free_descriptor(), first);
        }
    }
}

static void *run_server(void *server)
{
    return cordon_server_run(server);
}

/* A connection to a server of this process. */
static int connect_to(const cordon_server *server)
{
    const char *port = strrchr(cordon_server_get_url(server), ':') + 1;
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static const char request[] = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";

/*
 * Clients who ask for many things and leave: what is written to them is a SIGPIPE, of which the
 * process that embeds the server knows nothing and must not end.
 */
static void clients_leave(void **state)
{
    (void)state;
    enum { REQUESTS = 100, CLIENTS = 50 };
    struct sigaction pipe_before;
    const struct sigaction deadly = {.sa_handler = SIG_DFL};
    assert_int_equal(sigaction(SIGPIPE, &deadly, &pipe_before), 0);
    const cordon_server_options options = on_any_port();
    cordon_server *server = NULL;
    expect_ok(cordon_server_new(&options, &server));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_server, server), 0);
    char many[REQUESTS * (sizeof request - 1)];
    for (size_t i = 0; i < REQUESTS; i++) {
        memcpy(many + i * (sizeof request - 1), request, sizeof request - 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        const int fd = connect_to(server);
        assert_int_equal(send(fd, many, sizeof many, MSG_NOSIGNAL), sizeof many);
        assert_int_equal(close(fd), 0);
    }
    char answer[16];
    const int fd = connect_to(server);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_int_equal(close(fd), 0);
    cordon_server_stop(server);
    void *error = NULL;
    assert_int_equal(pthread_join(thread, &error), 0);
    expect_ok(error);
    cordon_server_free(server);
    assert_int_equal(sigaction(SIGPIPE, &pipe_before, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),
        cmocka_unit_test(callers),
        cmocka_unit_test(too_few_descriptors),
        cmocka_unit_test(clients_leave),
    };
    return cmocka_run_group_tests_name("server", tests, open_runtime, close_runtime);
}
