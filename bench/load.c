/*
 * A load generator: keep-alive connections to one HTTP server, each sending the same request
 * again, or the next of a file, as soon as its answer is whole. It does as little as it can per
 * request, so that on a core of its own it is not what is measured; it tells how busy that core
 * was, so that one sees if it was.
 *
 * That is two system calls and one look at the clock for an answer, and one epoll_wait for all
 * answers that have come. Events are edges, as the kernel looks twice at a socket that is polled by
 * level. An answer's head is parsed only if it differs from the last one's. More than nine tenths
 * of what is left is the kernel's, most of it the way of the bytes to the server. A generator that
 * has time left waits for fewer answers at a time; so it looks busier than it would have to be.
 *
 *     bench_load [--connections N] [--seconds S] [--warmup S] [--core N] [--header LINE]...
 *                [--save-answer FILE] HOST:PORT PATH [BODY | --bodies FILE]
 *
 * With a BODY it is a POST; with a file each of its lines is one, and all connections together
 * send them in turn, from the first again after the last. Prints one JSON object; anything but
 * status 200 is an error and exit code 1. HOST is an IPv4 address.
 */
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    ANSWER_BYTES_MAX = 1 << 20,
    REQUEST_BYTES_MAX = 1 << 20,
    BODIES_MAX = 1 << 16,
    HEAD_BYTES_MAX = 1024,
    EVENTS = 256,
    /* Latencies in ns, log-linear: 32 steps for each doubling, so within 3 % of the truth. */
    STEP_BITS = 5,
    BUCKETS = 64 << STEP_BITS,
};

struct request {
    char *bytes;
    size_t size;
};

struct options {
    unsigned connections;
    double seconds;
    double warmup;
    int core; /* -1: any */
    const char *save_answer;
    struct sockaddr_in address;
    struct request *requests; /* sent in turn */
    size_t request_count;
};

struct client {
    int fd;
    uint64_t sent_ns;
    char *answer;
    size_t size;      /* bytes of the answer that have come */
    size_t wanted;    /* of the whole answer; 0 until its head is there */
    uint64_t answers; /* that were counted */
};

/* The last head that was parsed, and the size of the whole answer it stands for. */
struct head {
    char bytes[HEAD_BYTES_MAX];
    size_t size;
    size_t answer_size;
};

struct tally {
    uint64_t began_cpu_ns; /* of this thread, when counting began */
    uint64_t answers;
    uint64_t errors;
    uint64_t longest_ns;
    uint64_t latencies[BUCKETS];
};

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static _Noreturn void fail_usage(const char *what)
{
    (void)fprintf(stderr, "bench_load: %s; see the head of bench/load.c\n", what);
    exit(2);
}

/* -- Latencies ------------------------------------------------------------------------------ */

static size_t bucket_of(uint64_t ns)
{
    const uint64_t first = (uint64_t)1 << STEP_BITS;
    if (ns < first) {
        return (size_t)ns;
    }
    const unsigned exponent = 63u - (unsigned)__builtin_clzll(ns);
    const unsigned shift = exponent - STEP_BITS;
    return ((size_t)(shift + 1) << STEP_BITS) + (size_t)(ns >> shift) - (size_t)first;
}

static double bucket_us(size_t bucket)
{
    const size_t first = (size_t)1 << STEP_BITS;
    if (bucket < first) {
        return (double)bucket / 1000;
    }
    const size_t shift = (bucket >> STEP_BITS) - 1;
    const uint64_t low = (uint64_t)(first + (bucket & (first - 1))) << shift;
    return ((double)low + (double)((uint64_t)1 << shift) / 2) / 1000;
}

static double percentile_us(const struct tally *tally, double share)
{
    const double wanted = share * (double)tally->answers;
    double seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += (double)tally->latencies[i];
        if (seen >= wanted && seen > 0) {
            return bucket_us(i);
        }
    }
    return 0;
}

/* -- One connection ------------------------------------------------------------------------- */

static void send_request(struct client *client, const struct options *options, uint64_t now_ns)
{
    static size_t turn = 0;
    const struct request *request = &options->requests[turn];
    turn = turn + 1 < options->request_count ? turn + 1 : 0;
    client->size = 0;
    client->wanted = 0;
    client->sent_ns = now_ns;
    size_t at = 0;
    while (at < request->size) {
        const ssize_t sent =
            send(client->fd, request->bytes + at, request->size - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            fail("send");
        }
        at += (size_t)sent;
    }
}

static void connect_client(struct client *client, const struct options *options, int poll_fd)
{
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client->answer = malloc(ANSWER_BYTES_MAX);
    const int yes = 1;
    if (client->fd < 0 || client->answer == NULL ||
        connect(client->fd, (const struct sockaddr *)&options->address, sizeof options->address) !=
            0 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) {
        fail("connect");
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = client};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

/* The whole size of an answer whose head is there, or 0. */
static size_t answer_size(const struct client *client, struct head *last)
{
    if (last->size > 0 && client->size >= last->size &&
        memcmp(client->answer, last->bytes, last->size) == 0) {
        return last->answer_size;
    }
    const char *end = memmem(client->answer, client->size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    const size_t head = (size_t)(end - client->answer) + 4;
    static const char name[] = "Content-Length: ";
    const char *length = memmem(client->answer, head, name, sizeof name - 1);
    if (length == NULL) {
        fail("an answer without Content-Length");
    }
    const size_t answer = head + strtoul(length + sizeof name - 1, NULL, 10);
    if (head <= sizeof last->bytes) {
        memcpy(last->bytes, client->answer, head);
        last->size = head;
        last->answer_size = answer;
    }
    return answer;
}

/*
 * Reads what has come; all of it, as it asks for more than there can be. True if that makes the
 * answer whole.
 */
static bool read_answer(struct client *client, struct head *last)
{
    const ssize_t size =
        recv(client->fd, client->answer + client->size, (size_t)ANSWER_BYTES_MAX - client->size, 0);
    if (size <= 0) {
        fail("the server closed a connection");
    }
    client->size += (size_t)size;
    if (client->wanted == 0) {
        client->wanted = answer_size(client, last);
        if (client->wanted > ANSWER_BYTES_MAX) {
            fail("an answer larger than 1 MiB");
        }
    }
    return client->wanted != 0 && client->size >= client->wanted;
}

static void count_answer(struct tally *tally, struct client *client, uint64_t now_ns)
{
    const uint64_t waited_ns = now_ns - client->sent_ns;
    static const char good[] = "HTTP/1.1 200 ";
    if (memcmp(client->answer, good, sizeof good - 1) != 0) {
        tally->errors++;
    }
    tally->answers++;
    client->answers++;
    tally->latencies[bucket_of(waited_ns)]++;
    if (waited_ns > tally->longest_ns) {
        tally->longest_ns = waited_ns;
    }
}

/* -- The load ------------------------------------------------------------------------------- */

static void save_answer(const struct client *client, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(client->answer, 1, client->wanted, file) != client->wanted ||
        fclose(file) != 0) {
        fail(path);
    }
}

/* Forgets the answers of the warm-up, but not its errors. */
static void begin_counting(
    struct tally *tally, struct client *clients, const struct options *options)
{
    *tally = (struct tally){
        .errors = tally->errors,
        .began_cpu_ns = clock_thread_cpu_ns(),
    };
    for (unsigned i = 0; i < options->connections; i++) {
        clients[i].answers = 0;
    }
}

/* Until the time is over; counts only after the warm-up. */
static void run_load(
    struct client *clients, int poll_fd, const struct options *options, struct tally *tally)
{
    const uint64_t start_ns = clock_monotonic_ns();
    const uint64_t count_ns = start_ns + (uint64_t)(options->warmup * 1e9);
    const uint64_t end_ns = count_ns + (uint64_t)(options->seconds * 1e9);
    const char *save = options->save_answer;
    struct head last = {.size = 0};
    bool counting = false;
    for (unsigned i = 0; i < options->connections; i++) {
        send_request(&clients[i], options, clock_monotonic_ns());
    }
    for (uint64_t now = start_ns; now < end_ns; now = clock_monotonic_ns()) {
        struct epoll_event events[EVENTS];
        const int count = epoll_wait(poll_fd, events, EVENTS, 1000);
        if (count < 0) {
            fail("epoll_wait");
        }
        if (!counting && now >= count_ns) {
            counting = true;
            begin_counting(tally, clients, options);
        }
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!read_answer(client, &last)) {
                continue;
            }
            now = clock_monotonic_ns();
            count_answer(tally, client, now);
            if (save != NULL) {
                save_answer(client, save);
                save = NULL;
            }
            send_request(client, options, now);
        }
    }
}

/* Who waited longest may still be waiting. */
static uint64_t longest_wait_ns(
    const struct options *options, const struct tally *tally, const struct client *clients)
{
    const uint64_t now_ns = clock_monotonic_ns();
    uint64_t longest_ns = tally->longest_ns;
    for (unsigned i = 0; i < options->connections; i++) {
        const uint64_t waited_ns = now_ns - clients[i].sent_ns;
        longest_ns = waited_ns > longest_ns ? waited_ns : longest_ns;
    }
    return longest_ns;
}

static uint64_t fewest_answers(const struct options *options, const struct client *clients)
{
    uint64_t fewest = UINT64_MAX;
    for (unsigned i = 0; i < options->connections; i++) {
        fewest = clients[i].answers < fewest ? clients[i].answers : fewest;
    }
    return fewest;
}

static void print_result(
    const struct options *options, const struct tally *tally, const struct client *clients)
{
    const double longest_us = (double)longest_wait_ns(options, tally, clients) / 1000;
    const double cpu_ns = (double)(clock_thread_cpu_ns() - tally->began_cpu_ns);
    (void)printf(
        "{\"connections\": %u, \"seconds\": %.1f, \"requests\": %" PRIu64 ", \"errors\": %" PRIu64
        ", \"requests_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
        "\"longest_us\": %.1f, \"fewest_answers\": %" PRIu64
        ", \"generator_busy\": %.3f, \"generator_us_each\": %.3f}\n",
        options->connections, options->seconds, tally->answers, tally->errors,
        (double)tally->answers / options->seconds, percentile_us(tally, 0.5),
        percentile_us(tally, 0.99), longest_us, fewest_answers(options, clients),
        cpu_ns / (options->seconds * 1e9), cpu_ns / 1000 / (double)tally->answers);
}

/* -- Options -------------------------------------------------------------------------------- */

static void read_address(const char *text, struct options *options)
{
    char host[64];
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        fail_usage("HOST:PORT is an IPv4 address and a port");
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    options->address.sin_family = AF_INET;
    options->address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &options->address.sin_addr) != 1) {
        fail_usage("HOST is an IPv4 address");
    }
}

/* The next request to send in turn, with a body or, if that is NULL, without. */
static void add_request(
    struct options *options,
    const char *host,
    const char *path,
    const char *headers,
    const char *body)
{
    static char text[REQUEST_BYTES_MAX];
    char length[128] = "";
    if (body != NULL) {
        (void)snprintf(
            length, sizeof length, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
            strlen(body));
    }
    const int size = snprintf(
        text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n%s",
        body == NULL ? "GET" : "POST", path, host, headers, length, body == NULL ? "" : body);
    if (size < 0 || (size_t)size >= sizeof text || options->request_count == BODIES_MAX) {
        fail_usage("the request is too long, or there are too many");
    }
    char *bytes = strdup(text);
    if (bytes == NULL) {
        fail("memory");
    }
    options->requests[options->request_count++] = (struct request){bytes, (size_t)size};
}

static void read_bodies(
    struct options *options,
    const char *host,
    const char *path,
    const char *headers,
    const char *file_name)
{
    FILE *file = fopen(file_name, "re");
    char *line = NULL;
    size_t room = 0;
    if (file == NULL) {
        fail(file_name);
    }
    while (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        add_request(options, host, path, headers, line);
    }
    free(line);
    (void)fclose(file);
    if (options->request_count == 0) {
        fail_usage("the file of bodies is empty");
    }
}

/* HOST:PORT PATH [BODY | --bodies FILE] */
static void read_requests(struct options *options, int count, char **arguments, const char *headers)
{
    options->requests = calloc(BODIES_MAX, sizeof *options->requests);
    if (options->requests == NULL) {
        fail("memory");
    }
    if (count == 4 && strcmp(arguments[2], "--bodies") == 0) {
        read_bodies(options, arguments[0], arguments[1], headers, arguments[3]);
    } else if (count == 2 || count == 3) {
        add_request(options, arguments[0], arguments[1], headers, count == 3 ? arguments[2] : NULL);
    } else {
        fail_usage("wrong arguments");
    }
}

static void pin(int core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
        fail("--core");
    }
}

static void read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.connections = 64, .seconds = 5, .warmup = 1, .core = -1};
    char headers[8192] = "";
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        const char *value = argv[at + 1];
        if (strcmp(argv[at], "--connections") == 0) {
            options->connections = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(argv[at], "--seconds") == 0) {
            options->seconds = strtod(value, NULL);
        } else if (strcmp(argv[at], "--warmup") == 0) {
            options->warmup = strtod(value, NULL);
        } else if (strcmp(argv[at], "--core") == 0) {
            options->core = (int)strtol(value, NULL, 10);
        } else if (strcmp(argv[at], "--save-answer") == 0) {
            options->save_answer = value;
        } else if (strcmp(argv[at], "--header") == 0) {
            const size_t used = strlen(headers);
            const int size = snprintf(headers + used, sizeof headers - used, "%s\r\n", value);
            if (size < 0 || (size_t)size >= sizeof headers - used) {
                fail_usage("the headers are too long");
            }
        } else {
            fail_usage("an unknown option");
        }
    }
    if (argc - at < 2 || options->connections == 0 || options->connections > CONNECTIONS_MAX ||
        !(options->seconds > 0)) {
        fail_usage("wrong arguments");
    }
    read_address(argv[at], options);
    read_requests(options, argc - at, argv + at, headers);
}

int main(int argc, char **argv)
{
    struct options options;
    read_options(argc, argv, &options);
    if (options.core >= 0) {
        pin(options.core);
    }
    const int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = calloc(options.connections, sizeof *clients);
    static struct tally tally;
    if (poll_fd < 0 || clients == NULL) {
        fail("epoll");
    }
    for (unsigned i = 0; i < options.connections; i++) {
        connect_client(&clients[i], &options, poll_fd);
    }
    run_load(clients, poll_fd, &options, &tally);
    print_result(&options, &tally, clients);
    for (unsigned i = 0; i < options.connections; i++) {
        (void)close(clients[i].fd);
        free(clients[i].answer);
    }
    free(clients);
    for (size_t i = 0; i < options.request_count; i++) {
        free(options.requests[i].bytes);
    }
    free(options.requests);
    (void)close(poll_fd);
    return tally.errors == 0 && tally.answers > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
