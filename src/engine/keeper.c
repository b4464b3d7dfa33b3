/* Spawning, watching and ending the processes of cordon-compile; see keeper.h. */
#include "engine/keeper.h"

#include "base/advice.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "engine/protocol.h"
#include "engine/sealed.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long the first starter may take to say hello. */
enum { HELLO_MS = 10000 };

/* How long the keeper may take to end by itself before it is killed. */
enum { END_MS = 1000 };

struct keeper {
    struct keeper_options options; /* without the path */
    int socket;
    int process; /* pidfd */
    int ending;  /* eventfd: the watcher is to end */
    pthread_t watcher;
    bool has_watcher;
    pthread_mutex_t lock; /* from here on */
    bool is_lost;         /* and reaped */
};

/* -- Starting ------------------------------------------------------------------------------- */

static cordon_error *start_process(struct keeper *keeper, const char *path)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "no socket for the compile worker: %s%s", strerrordesc_np(errno),
            advice_on(errno));
    }
    keeper->socket = ends[0];
    pid_t pid = 0;
    char *const argv[] = {
        (char *)(uintptr_t)"cordon-compile", (char *)(uintptr_t)"--starter", NULL};
    char *const environment[] = {NULL};
    const int failed = spawn_program(path, argv, environment, ends[1], &pid);
    (void)close(ends[1]);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the compile worker %s could not be started: %s; build or install cordon-compile "
            "beside cordon",
            path, strerrordesc_np(failed));
    }
    keeper->process = pidfd_open(pid, 0);
    if (keeper->process == NO_FD) {
        /* The socket closes with this failure, and the keeper ends by that. */
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be watched: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    return NULL;
}

/* Waits for the starter's first message: it proves that both ends are of one build. */
static cordon_error *greet(const struct keeper *keeper, const char *path)
{
    struct protocol_hello hello = {0};
    uint8_t digest[CONFIG_DIGEST_BYTES];
    config_digest(digest);
    if (!spawn_is_ready(keeper->socket, HELLO_MS) ||
        !protocol_receive(keeper->socket, &hello, sizeof hello, NULL, 0) ||
        hello.magic != PROTOCOL_MAGIC) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s does not answer as a compile worker; build or install cordon-compile beside cordon",
            path);
    }
    if (memcmp(hello.digest, digest, sizeof digest) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the compile worker %s is of another version; install cordon and cordon-compile of one "
            "build",
            path);
    }
    return NULL;
}

static void keeper_endp(struct keeper **keeper)
{
    keeper_end(*keeper);
}

cordon_error *keeper_start(const struct keeper_options *options, struct keeper **out_keeper)
{
    CORDON_CLEANUP(keeper_endp) struct keeper *keeper = MEM_NEW(struct keeper);
    if (keeper == NULL) {
        return error_no_memory();
    }
    keeper->options = *options;
    keeper->options.path = NULL;
    keeper->socket = NO_FD;
    keeper->process = NO_FD;
    (void)pthread_mutex_init(&keeper->lock, NULL);
    keeper->ending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (keeper->ending == NO_FD) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be watched: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    TRY(start_process(keeper, options->path));
    TRY(greet(keeper, options->path));
    *out_keeper = CORDON_TAKE(keeper);
    return NULL;
}

int keeper_socket(const struct keeper *keeper)
{
    return keeper->socket;
}

/* -- Looking -------------------------------------------------------------------------------- */

static void tell(const struct keeper *keeper, enum keeper_event event, const char *words)
{
    if (keeper->options.tell != NULL) {
        keeper->options.tell(keeper->options.tell_arg, event, words);
    }
}

/* Each starter after the first says hello too, and what became of the one before it. */
static void hear_starters(const struct keeper *keeper)
{
    struct protocol_hello hello = {0};
    while (spawn_is_ready(keeper->socket, 0) &&
           protocol_receive(keeper->socket, &hello, sizeof hello, NULL, 0)) {
        char words[192];
        (void)snprintf(
            words, sizeof words,
            "The process that starts compile workers died (signal %u) and was started again. A "
            "deploy that was being compiled then failed; deploy again.",
            hello.signal);
        tell(keeper, KEEPER_STARTER_REPLACED, words);
    }
}

static void see_end(struct keeper *keeper)
{
    if (keeper->is_lost || !spawn_is_ready(keeper->process, 0)) {
        return;
    }
    const siginfo_t info = spawn_reap(keeper->process);
    keeper->is_lost = true;
    char words[256];
    (void)snprintf(
        words, sizeof words,
        "The process that keeps the starter of compile workers ended (%s %d). No module is "
        "compiled any more: restart this program to deploy. What is deployed goes on.",
        info.si_code == CLD_EXITED ? "exit code" : "signal", info.si_status);
    tell(keeper, KEEPER_LOST, words);
}

bool keeper_look(struct keeper *keeper)
{
    (void)pthread_mutex_lock(&keeper->lock);
    hear_starters(keeper);
    see_end(keeper);
    const bool is_there = !keeper->is_lost;
    (void)pthread_mutex_unlock(&keeper->lock);
    return is_there;
}

static void *watch(void *data)
{
    struct keeper *keeper = data;
    struct pollfd waits[] = {
        {.fd = keeper->ending, .events = POLLIN},
        {.fd = keeper->process, .events = POLLIN},
        {.fd = keeper->socket, .events = POLLIN},
    };
    do {
        (void)poll(waits, sizeof waits / sizeof waits[0], -1);
    } while (waits[0].revents == 0 && keeper_look(keeper));
    return NULL;
}

cordon_error *keeper_watch(struct keeper *keeper)
{
    if (keeper->has_watcher) {
        return NULL;
    }
    const int failed = spawn_watcher(watch, keeper, &keeper->watcher);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the thread that watches the compile worker could not be started: %s%s",
            strerrordesc_np(failed), advice_on(failed));
    }
    keeper->has_watcher = true;
    return NULL;
}

/* -- Ending --------------------------------------------------------------------------------- */

static void end_watcher(struct keeper *keeper)
{
    if (!keeper->has_watcher) {
        return;
    }
    (void)eventfd_write(keeper->ending, 1);
    (void)pthread_join(keeper->watcher, NULL);
    keeper->has_watcher = false;
}

void keeper_end(struct keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    end_watcher(keeper);
    /*
     * By this the starter ends its workers and itself, and then the keeper ends; also where a
     * process that this one has forked still has the socket.
     */
    if (keeper->socket != NO_FD) {
        (void)shutdown(keeper->socket, SHUT_RDWR);
    }
    fd_closep(&keeper->socket);
    if (keeper->process != NO_FD && !keeper->is_lost) {
        spawn_end(keeper->process, END_MS);
    }
    fd_closep(&keeper->process);
    fd_closep(&keeper->ending);
    (void)pthread_mutex_destroy(&keeper->lock);
    mem_free(keeper);
}
