/*
 * A server one of whose loops is blocked says so, on the loops that are not, and is well again when
 * that one goes on. Its loops are reached from inside here: nothing that a client does blocks one.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "support/expect.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

static char folder[] = "/tmp/cordon-health-XXXXXX";
static char operator_path[64];
static atomic_bool blocks = true;
static atomic_bool is_blocked;

/* Holds its loop up for as long as it is told. */
static void block(uv_async_t *async)
{
    atomic_store(&is_blocked, true);
    while (atomic_load(&blocks)) {
        (void)poll(NULL, 0, 5);
    }
    uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *arg)
{
    expect_ok(http_server_run(arg));
    return NULL;
}

/* The answer of the operator's listener, which is the first loop's; "" if there is none in time. */
static void ask(const char *path, char out_answer[2048])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char request[128];
    size_t size = 0;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", operator_path);
    (void)snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        ssize_t got = 1;
        while (got > 0 && size < 2047 && poll(&readable, 1, PATIENCE_MS) == 1) {
            got = recv(fd, out_answer + size, 2047 - size, 0);
            size += got > 0 ? (size_t)got : 0;
        }
    }
    out_answer[size] = '\0';
    (void)close(fd);
}

/* Whether the answer comes to have all of these. */
static bool becomes(const char *path, const char *status, const char *part)
{
    const uint64_t deadline = clock_deadline_ns(PATIENCE_MS);
    char answer[2048] = "";
    do {
        ask(path, answer);
        if (strstr(answer, status) != NULL && strstr(answer, part) != NULL) {
            return true;
        }
        (void)poll(NULL, 0, 50);
    } while (clock_poll_ms(deadline) > 0);
    print_error("%s\n", answer);
    return false;
}

static void test_a_blocked_loop(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct metrics *metrics = NULL;
    struct runner *runner = NULL;
    struct http_server *server = NULL;
    const struct store_options in_memory = {.flusher_thread = true};
    expect_ok(store_open_memory(&in_memory, &store));
    expect_ok(metrics_new(&metrics));
    const struct runner_options runs = {
        .store = store,
        .metrics = metrics,
        .compile_inside = true,
        .permits = 1,
        .slots = 1,
        .turns_ns = (uint64_t)PATIENCE_MS * 1000000,
        .memory_bytes = 1 << 26,
    };
    expect_ok(runner_new(&runs, &runner));
    char listen[80];
    (void)snprintf(listen, sizeof listen, "unix:%s", operator_path);
    const struct http_server_options options = {
        .runner = runner,
        .metrics = metrics,
        .listen = "127.0.0.1:0",
        .operator_listen = listen,
        .loops = 2,
    };
    expect_ok(http_server_new(&options, &server));
    uv_async_t async;
    assert_int_equal(uv_async_init(&server->loops[1].uv, &async, block), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, server), 0);
    assert_true(becomes("/readyz", " 200 ", "\"status\":\"ready\""));
    assert_true(becomes("/healthz", " 200 ", "\"status\":\"alive\""));

    assert_int_equal(uv_async_send(&async), 0);
    const uint64_t began_ns = clock_monotonic_ns();
    assert_true(becomes("/readyz", " 503 ", "loop 1 has stood still for"));
    assert_true(atomic_load(&is_blocked));
    assert_true(clock_monotonic_ns() - began_ns >= (uint64_t)(PROBER_DEADLINE_MS - 500) * 1000000);
    assert_true(becomes("/healthz", " 503 ", "\"status\":\"stuck\"")); /* a restart would help */

    atomic_store(&blocks, false);
    assert_true(becomes("/readyz", " 200 ", "\"status\":\"ready\""));
    assert_true(becomes("/healthz", " 200 ", "\"status\":\"alive\""));
    http_server_stop(server);
    assert_int_equal(pthread_join(thread, NULL), 0);
    http_server_free(server);
    runner_free(runner);
    metrics_free(metrics);
    store_close(store);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(operator_path, sizeof operator_path, "%s/op", mkdtemp(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_blocked_loop)};
    return cmocka_run_group_tests_name("health", tests, make_folder, remove_folder);
}
