/* Starting, watching and ending helpers; see spawn.h. */
#include "base/spawn.h"

#include "base/everywhere.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* A watcher sleeps in poll() and prints a few words. A sanitizer adds to what it needs. */
enum { WATCHER_STACK_BYTES = 256 << 10 };

/* As the socket's name in the helper is fixed, everything else of ours is closed there. */
static int spawn_actions(posix_spawn_file_actions_t *actions, int socket)
{
    int failed = posix_spawn_file_actions_adddup2(actions, socket, SPAWN_FD_SOCKET);
    failed = failed != 0
                 ? failed
                 : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    failed = failed != 0 ? failed
                         : posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDOUT_FILENO);
    return failed != 0 ? failed
                       : posix_spawn_file_actions_addclosefrom_np(actions, SPAWN_FD_SOCKET + 1);
}

static int spawn_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failed = failed != 0 ? failed : posix_spawnattr_setsigmask(attributes, &none);
    return failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &all);
}

int spawn_program(
    const char *path, char *const argv[], char *const environment[], int socket, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int failed = spawn_actions(&actions, socket);
    failed = failed != 0 ? failed : spawn_attributes(&attributes);
    failed =
        failed != 0 ? failed : posix_spawn(out_pid, path, &actions, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

int spawn_watcher(void *(*watch)(void *arg), void *arg, pthread_t *out_thread)
{
    /* Signals are for the program's own threads. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigdelset(&all, EVERYWHERE_SIGNAL);
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed == 0) {
        (void)pthread_attr_setstacksize(&attributes, WATCHER_STACK_BYTES);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(out_thread, &attributes, watch, arg);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void)pthread_attr_destroy(&attributes);
    }
    return failed;
}

bool spawn_is_ready(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = -1;
    do {
        ready = poll(&wait, 1, timeout_ms);
    } while (ready == -1 && errno == EINTR);
    return ready == 1;
}

siginfo_t spawn_reap(int process)
{
    siginfo_t info = {0};
    int waited = -1;
    do {
        waited = waitid(P_PIDFD, (id_t)process, &info, WEXITED);
    } while (waited == -1 && errno == EINTR);
    return info;
}

void spawn_end(int process, int patience_ms)
{
    if (!spawn_is_ready(process, patience_ms)) {
        /* Stopped, say. What is below a helper that dies asked the kernel to die with it. */
        (void)pidfd_send_signal(process, SIGKILL, NULL, 0);
    }
    (void)spawn_reap(process);
}
