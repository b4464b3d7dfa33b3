/* The server's side of cordon-fetch; see fetcher.h. */
#include "auth/fetcher.h"

#include "base/advice.h"
#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long it may take to say hello, and to end by itself. */
enum { HELLO_MS = 30000, END_MS = 1000 };

/* How often the wishes of tokens are looked at. */
enum { LOOK_MS = 500 };

/* What it is told of our environment: where certificates are, as for other programs. */
static const char *const variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};

enum { VARIABLE_COUNT = sizeof variables / sizeof variables[0] };

enum { NO_FD = -1 };

struct fetcher {
    struct fetcher_options options; /* without path and folder */
    int socket;
    int process; /* pidfd */
    int ending;  /* eventfd: the thread is to end */
    bool is_lost;
    pthread_t watcher;
    bool has_watcher;
    pthread_mutex_t lock; /* over orders, so that lists do not mix, and the two below */
    uint32_t refresh_ms;
    bool needs_list; /* the last one did not get through */
};

/* -- Orders --------------------------------------------------------------------------------- */

/* Never waits: a worker that does not read is told again later. */
static bool send_order(const struct fetcher *fetcher, enum fetch_order_kind kind, const char *url)
{
    struct fetch_order order = {.kind = kind, .refresh_ms = fetcher->refresh_ms};
    (void)snprintf(order.url, sizeof order.url, "%s", url);
    ssize_t sent = -1;
    do {
        sent = send(fetcher->socket, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof order;
}

static size_t count_of(const struct auth_config *config)
{
    return config == NULL ? 0 : auth_config_count(config);
}

static void send_list(struct fetcher *fetcher)
{
    struct auth_config *const config = fetcher->options.providers(fetcher->options.arg);
    bool sent = send_order(fetcher, FETCH_BEGIN, "");
    for (size_t i = 0; sent && i < count_of(config); i++) {
        const char *const url = auth_config_url(config, i);
        sent = url == NULL || send_order(fetcher, FETCH_URL, url);
    }
    fetcher->needs_list = !sent || !send_order(fetcher, FETCH_END, "");
    auth_config_unref(config);
}

void fetcher_change(struct fetcher *fetcher, uint32_t refresh_ms)
{
    (void)pthread_mutex_lock(&fetcher->lock);
    fetcher->refresh_ms = refresh_ms;
    send_list(fetcher);
    (void)pthread_mutex_unlock(&fetcher->lock);
}

/* A wish that does not get through comes again with the next such token. */
static void pass_wishes(struct fetcher *fetcher)
{
    struct auth_config *const config = fetcher->options.providers(fetcher->options.arg);
    (void)pthread_mutex_lock(&fetcher->lock);
    if (fetcher->needs_list) {
        send_list(fetcher);
    }
    for (size_t i = 0; i < count_of(config); i++) {
        if (auth_config_take_wish(config, i)) {
            (void)send_order(fetcher, FETCH_NOW, auth_config_url(config, i));
        }
    }
    (void)pthread_mutex_unlock(&fetcher->lock);
    auth_config_unref(config);
}

/* -- Events --------------------------------------------------------------------------------- */

static bool receive(const struct fetcher *fetcher, struct fetch_event *out_event)
{
    ssize_t got = -1;
    do {
        got = recv(fetcher->socket, out_event, sizeof *out_event, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    out_event->url[sizeof out_event->url - 1] = '\0';
    out_event->words[sizeof out_event->words - 1] = '\0';
    return got == (ssize_t)sizeof *out_event && out_event->magic == FETCH_MAGIC;
}

static void hear(struct fetcher *fetcher, const struct fetch_event *event)
{
    fetcher->options.tell(fetcher->options.arg, event, event->words);
    if (event->kind == FETCH_HELLO) {
        (void)pthread_mutex_lock(&fetcher->lock);
        send_list(fetcher);
        (void)pthread_mutex_unlock(&fetcher->lock);
    }
}

static void see_end(struct fetcher *fetcher)
{
    const siginfo_t info = spawn_reap(fetcher->process);
    char words[256];
    (void)snprintf(
        words, sizeof words,
        "The process that fetches key sets ended (%s %d). The keys that there are stay good, and "
        "no new ones come: restart this program.",
        info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
    fetcher->is_lost = true;
    fetcher->options.tell(fetcher->options.arg, NULL, words);
}

static void *watch(void *data)
{
    struct fetcher *const fetcher = data;
    struct pollfd waits[] = {
        {.fd = fetcher->ending, .events = POLLIN},
        {.fd = fetcher->process, .events = POLLIN},
        {.fd = fetcher->socket, .events = POLLIN},
    };
    for (;;) {
        (void)poll(waits, sizeof waits / sizeof waits[0], LOOK_MS);
        if (waits[0].revents != 0) {
            return NULL;
        }
        struct fetch_event event;
        while (receive(fetcher, &event)) {
            hear(fetcher, &event);
        }
        if (spawn_is_ready(fetcher->process, 0)) {
            see_end(fetcher);
            return NULL;
        }
        pass_wishes(fetcher);
    }
}

/* -- Life ----------------------------------------------------------------------------------- */

static cordon_error *unwatched(int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "the process that fetches key sets could not be watched: %s%s",
        strerrordesc_np(code), advice_on(code));
}

/* Fills the environment of the helper; texts and list are the caller's to free. */
static cordon_error *read_variables(char *out_texts[VARIABLE_COUNT + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        /* Nobody sets variables while a server is made. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const char *const value = getenv(variables[i]);
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        const size_t size = strlen(variables[i]) + strlen(value) + 2;
        out_texts[count] = mem_new(size);
        if (out_texts[count] == NULL) {
            return error_no_memory();
        }
        (void)snprintf(out_texts[count++], size, "%s=%s", variables[i], value);
    }
    return NULL;
}

static cordon_error *spawn_with(
    const struct fetcher_options *options, char *const environment[], int socket, pid_t *out_pid)
{
    char *const argv[] = {
        (char *)(uintptr_t)"cordon-fetch", (char *)(uintptr_t)options->folder, NULL};
    const int failed = spawn_program(options->path, argv, environment, socket, out_pid);
    return failed == 0 ? NULL
                       : cordon_error_new(
                             CORDON_E_SYSTEM,
                             "the program that fetches key sets, %s, could not be started: %s; "
                             "build or install cordon-fetch beside cordon, or name files in `jwks`",
                             options->path, strerrordesc_np(failed));
}

static cordon_error *start_process(struct fetcher *fetcher, const struct fetcher_options *options)
{
    char *environment[VARIABLE_COUNT + 1] = {NULL};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return unwatched(errno);
    }
    fetcher->socket = ends[0];
    pid_t pid = 0;
    cordon_error *error = read_variables(environment);
    error = error != NULL ? error : spawn_with(options, environment, ends[1], &pid);
    (void)close(ends[1]);
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        mem_free(environment[i]);
    }
    TRY(error);
    fetcher->process = pidfd_open(pid, 0);
    /* Without one the socket closes with this failure, and the helper ends by that. */
    return fetcher->process == NO_FD ? unwatched(errno) : NULL;
}

static cordon_error *greet(struct fetcher *fetcher, const char *path)
{
    struct fetch_event hello = {0};
    if (!spawn_is_ready(fetcher->socket, HELLO_MS) || !receive(fetcher, &hello) ||
        hello.kind != FETCH_HELLO) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s does not answer as the program that fetches key sets; install cordon and "
            "cordon-fetch of one build",
            path);
    }
    hear(fetcher, &hello);
    return NULL;
}

static void fetcher_endp(struct fetcher **fetcher)
{
    fetcher_end(*fetcher);
}

cordon_error *fetcher_start(const struct fetcher_options *options, struct fetcher **out_fetcher)
{
    CORDON_CLEANUP(fetcher_endp) struct fetcher *fetcher = MEM_NEW(struct fetcher);
    if (fetcher == NULL) {
        return error_no_memory();
    }
    fetcher->options = *options;
    fetcher->options.path = NULL;
    fetcher->options.folder = NULL;
    fetcher->refresh_ms = options->refresh_ms;
    fetcher->socket = NO_FD;
    fetcher->process = NO_FD;
    (void)pthread_mutex_init(&fetcher->lock, NULL);
    fetcher->ending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fetcher->ending == NO_FD) {
        return unwatched(errno);
    }
    TRY(start_process(fetcher, options));
    TRY(greet(fetcher, options->path));
    const int failed = spawn_watcher(watch, fetcher, &fetcher->watcher);
    if (failed != 0) {
        return unwatched(failed);
    }
    fetcher->has_watcher = true;
    *out_fetcher = CORDON_TAKE(fetcher);
    return NULL;
}

static void close_fd(int fd)
{
    if (fd != NO_FD) {
        (void)close(fd);
    }
}

void fetcher_end(struct fetcher *fetcher)
{
    if (fetcher == NULL) {
        return;
    }
    if (fetcher->has_watcher) {
        (void)eventfd_write(fetcher->ending, 1);
        (void)pthread_join(fetcher->watcher, NULL);
    }
    close_fd(fetcher->socket);
    if (fetcher->process != NO_FD && !fetcher->is_lost) {
        spawn_end(fetcher->process, END_MS);
    }
    close_fd(fetcher->process);
    close_fd(fetcher->ending);
    (void)pthread_mutex_destroy(&fetcher->lock);
    mem_free(fetcher);
}
