/*
 * The server under faults: requests of each kind over a socket, a deploy among them, and starting
 * and stopping, while each allocation and each call of the machine fails in its turn. A client has
 * a whole answer, which says what was done, or loses its connection; the server serves the next
 * one, holds nothing of the one before, and the store has what was acknowledged.
 */
#include "fault/ground.h"

#include "contract/harness.h"
#include "support/machine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 1 << 20, ANSWER_SECONDS_MAX = 20, LARGE_ARGUMENT_BYTES = 100000 };

struct server_world {
    cordon_runtime *runtime;
    cordon_server *server;
    pthread_t thread;
    struct guests guests;
    char *large; /* the body of a call that is parsed on a compute thread */
    char answer[ANSWER_BYTES_MAX];
};

/* -- A server in this process ---------------------------------------------------------------- */

static void *run_server(void *server)
{
    return cordon_server_run(server);
}

static cordon_error *start(struct server_world *world)
{
    const cordon_server_options options = {
        .size = sizeof options, .runtime = world->runtime, .listen = "127.0.0.1:0", .loops = 1};
    return cordon_server_new(&options, &world->server);
}

/* Returns what running came to. */
static cordon_error *stop(struct server_world *world)
{
    void *error = NULL;
    cordon_server_stop(world->server);
    REQUIRE(pthread_join(world->thread, &error) == 0);
    cordon_server_free(world->server);
    world->server = NULL;
    return error;
}

static void run_in_thread(struct server_world *world)
{
    REQUIRE(pthread_create(&world->thread, NULL, run_server, world->server) == 0);
}

/* -- A client -------------------------------------------------------------------------------- */

/* A connection, or -1 if it was lost at once. */
static int connect_to(const cordon_server *server)
{
    const char *port = strrchr(cordon_server_get_url(server), ':') + 1;
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS_MAX};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    REQUIRE(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static bool is_lost(int code)
{
    return code == EPIPE || code == ECONNRESET;
}

static bool send_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        const ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        REQUIRE(sent > 0 || is_lost(errno));
        if (sent < 0) {
            return false;
        }
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* To the end of the connection; NUL-terminated. */
static size_t receive_all(const struct torture *torture, int fd, char answer[ANSWER_BYTES_MAX])
{
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0) {
        got = recv(fd, answer + size, ANSWER_BYTES_MAX - 1 - size, 0);
        if (got < 0 && !is_lost(errno)) {
            torture_failed(torture, "no answer", slice_of((const uint8_t *)answer, size));
        }
        size += got > 0 ? (size_t)got : 0;
    }
    answer[size] = '\0';
    return size;
}

struct request {
    const char *head; /* "POST /api/query" */
    const char *type; /* NULL: JSON */
    const char *key;  /* NULL: nobody's */
    struct slice body;
};

/* The status, with the body in `*out_body`; 0 if the connection was lost before an answer. */
static int ask(
    const struct torture *torture,
    struct server_world *world,
    const struct request *request,
    const char **out_body)
{
    char head[512];
    (void)snprintf(
        head, sizeof head,
        "%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n%s%s\r\n\r\n",
        request->head, request->type == NULL ? "application/json" : request->type,
        request->body.size, request->key == NULL ? "X-Nobody: " : "Authorization: Convex ",
        request->key == NULL ? "" : request->key);
    const int fd = connect_to(world->server);
    const bool is_sent =
        send_all(fd, head, strlen(head)) && send_all(fd, request->body.data, request->body.size);
    const size_t size = receive_all(torture, fd, world->answer);
    (void)close(fd);
    if (size == 0) {
        return 0;
    }
    const char *const length = strstr(world->answer, "Content-Length: ");
    const char *const body = strstr(world->answer, "\r\n\r\n");
    const bool is_whole =
        length != NULL && body != NULL &&
        strlen(body + 4) == strtoul(length + strlen("Content-Length: "), NULL, 10);
    if (!is_whole) {
        /* What the kernel would not take of it, or what a lost connection swallowed. */
        TORTURE_REQUIRE(torture, !is_sent || torture->fault == TORTURE_CALLS);
        return 0;
    }
    *out_body = body + 4;
    return (int)strtoul(world->answer + strlen("HTTP/1.1 "), NULL, 10);
}

/* -- Roads ----------------------------------------------------------------------------------- */

static enum torture_answer take_request(
    struct torture *torture, struct server_world *world, const struct request *request)
{
    const char *body = "";
    const int status = ask(torture, world, request, &body);
    const struct slice words = slice_str(body);
    (void)snprintf(torture->words, sizeof torture->words, "%d %.400s", status, body);
    if (status == 0) {
        torture->in_doubt++;
        return ANSWER_REFUSED;
    }
    if (status == 200 && strstr(body, "\"status\":\"error\"") == NULL) {
        return ANSWER_GOOD;
    }
    torture_require_words(torture, words);
    const char *const message = strstr(body, "\"message\":\"");
    if ((status != 500 && status != 503) || strstr(body, "\"code\":\"") == NULL ||
        message == NULL || message[strlen("\"message\":\"")] == '"') {
        torture_failed(torture, torture->words, words);
    }
    if (strstr(message, "The function has run") != NULL ||
        strstr(message, "may have been done") != NULL ||
        strstr(message, "a call tells whether") != NULL) {
        torture->in_doubt++;
    }
    return ANSWER_REFUSED;
}

#define REQUEST_ROAD(name, ...)                                                                    \
    static enum torture_answer take_##name(struct torture *torture, void *arg)                     \
    {                                                                                              \
        struct server_world *world = arg;                                                          \
        (void)world;                                                                               \
        const struct request request = {__VA_ARGS__};                                              \
        return take_request(torture, world, &request);                                             \
    }
REQUEST_ROAD(version, .head = "GET /version")
REQUEST_ROAD(
    query,
    .head = "POST /api/query",
    .body = SLICE("{\"path\":\"counter:get\",\"args\":{},\"format\":\"json\"}"))
REQUEST_ROAD(
    mutation,
    .head = "POST /api/mutation",
    .body = SLICE("{\"path\":\"documents:insert\",\"args\":{\"n\":3},\"format\":\"json\"}"))
REQUEST_ROAD(
    action,
    .head = "POST /api/action",
    .body = SLICE("{\"path\":\"effects:sleep\",\"args\":{\"ms\":1},\"format\":\"json\"}"))
REQUEST_ROAD(large, .head = "POST /api/query", .body = slice_str(world->large))
REQUEST_ROAD(
    deploy,
    .head = "POST /api/cordon/deploy",
    .type = "application/wasm",
    .key = torture->kept,
    .body = slice_of(world->guests.modules[0].data, world->guests.modules[0].size))

static bool is_at_work(struct runner *runner)
{
    const struct runner_counts counts = runner_get_counts(runner);
    return counts.memory_used > 0 || counts.permits_used > 0 || counts.permits_waiting > 0 ||
           counts.slots_used > 0 || counts.nests_used > 0 || counts.nests_waiting > 0;
}

/* What a request held is given back a moment after its answer; and the server may be at a probe. */
static void check_rest(struct torture *torture, void *arg)
{
    const struct server_world *world = arg;
    for (int i = 0; i < 5000 && is_at_work(world->runtime->runner); i++) {
        (void)usleep(1000);
    }
    ground_require_rest(torture, world->runtime);
}

static void check_mutations(struct torture *torture, void *arg)
{
    const struct server_world *world = arg;
    check_rest(torture, arg);
    ground_check(torture, world->runtime->store);
}

/* Starts, answers, stops. */
static enum torture_answer take_start(struct torture *torture, void *arg)
{
    struct server_world *world = arg;
    cordon_error *error = start(world);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    machine_spare_thread(true); /* the client's */
    run_in_thread(world);
    const enum torture_answer answer = take_version(torture, world);
    machine_spare_thread(false);
    error = stop(world);
    return error == NULL ? answer : torture_refuse(torture, error);
}

static enum torture_answer take_keygen(struct torture *torture, void *arg)
{
    (void)arg;
    char *key = NULL;
    cordon_error *error = cordon_keygen_admin(torture->folder, &key);
    if (error != NULL) {
        return torture_refuse(torture, error);
    }
    cordon_free(key);
    return ANSWER_GOOD;
}

/* -- Worlds ---------------------------------------------------------------------------------- */

static char *make_large_body(void)
{
    static const char head[] = "{\"path\":\"basic:echo\",\"args\":{\"a\":\"";
    static const char tail[] = "\"},\"format\":\"json\"}";
    char *body = malloc(sizeof head + LARGE_ARGUMENT_BYTES + sizeof tail);
    REQUIRE(body != NULL);
    memcpy(body, head, sizeof head - 1);
    memset(body + sizeof head - 1, 'x', LARGE_ARGUMENT_BYTES);
    memcpy(body + sizeof head - 1 + LARGE_ARGUMENT_BYTES, tail, sizeof tail);
    return body;
}

/* An admin's, for all children. */
static void keep_key(struct torture *torture)
{
    char *key = NULL;
    OK(cordon_keygen_admin(torture->folder, &key));
    (void)snprintf(torture->kept, sizeof torture->kept, "%s", key);
    cordon_free(key);
}

static void open_runtime(struct torture *torture, void **out_world)
{
    static const char *const names[GUESTS_MAX] = {"counter", "documents", "effects", "basic"};
    struct server_world *world = calloc(1, sizeof *world);
    REQUIRE(world != NULL);
    world->guests = ground_read(names);
    world->large = make_large_body();
    OK(ground_open(torture, &world->runtime));
    if (torture->taken == 0) {
        OK(ground_deploy(world->runtime, &world->guests));
        torture->memo = ground_audit_records(world->runtime->store);
        keep_key(torture);
    }
    *out_world = world;
}

static void close_runtime(struct torture *torture, void *arg)
{
    (void)torture;
    struct server_world *world = arg;
    cordon_runtime_free(world->runtime);
    ground_free(&world->guests);
    free(world->large);
    free(world);
}

/* It has made what its probes keep. */
static void await_ready(struct torture *torture, struct server_world *world)
{
    static const struct request request = {.head = "GET /readyz"};
    const char *body = "";
    int status = 0;
    for (int i = 0; i < 5000 && status != 200; i++) {
        status = ask(torture, world, &request, &body);
        (void)usleep(status == 200 ? 0 : 1000);
    }
    TORTURE_REQUIRE(torture, status == 200);
}

static void open_server(struct torture *torture, void **out_world)
{
    open_runtime(torture, out_world);
    struct server_world *world = *out_world;
    OK(start(world));
    run_in_thread(world);
    machine_spare_thread(true); /* from here on this one is the client's */
    await_ready(torture, world);
}

static void close_server(struct torture *torture, void *arg)
{
    OK(stop(arg));
    close_runtime(torture, arg);
}

/* And what was acknowledged is there after the store was opened again. */
static void close_mutations(struct torture *torture, void *arg)
{
    close_server(torture, arg);
    cordon_runtime *again = NULL;
    OK(ground_open(torture, &again));
    ground_check(torture, again->store);
    cordon_runtime_free(again);
}

static const struct torture_road roads[] = {
    {.name = "version", open_server, close_server, .take = take_version, .check = check_rest},
    {.name = "query", open_server, close_server, .take = take_query, .check = check_rest},
    {.name = "mutation",
     open_server,
     close_mutations,
     .take = take_mutation,
     .check = check_mutations},
    {.name = "action", open_server, close_server, .take = take_action, .check = check_rest},
    {.name = "large", open_server, close_server, .take = take_large, .check = check_rest},
    {.name = "deploy", open_server, close_server, .take = take_deploy, .check = check_rest},
    {.name = "start",
     open_runtime,
     close_runtime,
     .take = take_start,
     .check = check_rest,
     .forgets_descriptors = true},
    {.name = "keygen", open_runtime, close_runtime, .take = take_keygen, .check = check_rest},
};

int main(void)
{
    return torture_suite("faults/server", roads, sizeof roads / sizeof roads[0]);
}
