/*
 * The supervisor: it forks the worker, and again when that has died. The server has no right to
 * start programs any more by then, so that somebody must be there who was before. It reads no byte
 * from anybody and waits.
 *
 * A worker that dies at once is not started at once: each time takes twice as long as the one
 * before, up to a minute, also so that one that dies of a provider's answer does not ask on and on.
 */
#include "fetch/fetch.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAUSE_MS_MIN = 1000, PAUSE_MS_MAX = 60000 };

/* One that has lived this long has not died of its start. */
#define LIVED_NS ((uint64_t)60 * 1000000000)

/* In the child: the worker, which does not outlive its supervisor. */
_Noreturn static void become_worker(
    const char *folder, pid_t supervisor, const struct worker_end *before)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == supervisor) {
        fetch_work(folder, before);
    }
    _exit(0);
}

/* Waits for the end of the worker, and makes one of a stop, which would last for ever. */
static struct worker_end wait_for(pid_t worker)
{
    uint32_t stopped_by = 0;
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(worker, &status, WUNTRACED);
        if (pid == -1 && errno == EINTR) {
            continue;
        }
        if (pid == worker && WIFSTOPPED(status)) {
            stopped_by = (uint32_t)WSTOPSIG(status);
            (void)kill(worker, SIGKILL); /* not reaped yet: the number is still its own */
            continue;
        }
        const uint32_t number = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
        return (struct worker_end){
            .is_death = pid == worker && !(WIFEXITED(status) && WEXITSTATUS(status) == 0),
            .signal = stopped_by != 0 ? stopped_by : number,
        };
    }
}

/* False: the server is gone. */
static bool pause_for(int pause_ms)
{
    struct pollfd server = {.fd = SPAWN_FD_SOCKET, .events = 0};
    return poll(&server, 1, pause_ms) <= 0;
}

static void settle(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

int supervise(const char *folder)
{
    struct worker_end end = {0};
    int pause_ms = PAUSE_MS_MIN;
    settle();
    const pid_t supervisor = getpid();
    do {
        const uint64_t began_ns = clock_monotonic_ns();
        const pid_t worker = fork();
        if (worker == 0) {
            become_worker(folder, supervisor, &end);
        }
        if (worker > 0) {
            end = wait_for(worker);
            if (!end.is_death) {
                return 0;
            }
        }
        const bool lived = clock_monotonic_ns() - began_ns > LIVED_NS;
        const int doubled = pause_ms < PAUSE_MS_MAX / 2 ? 2 * pause_ms : PAUSE_MS_MAX;
        pause_ms = lived ? PAUSE_MS_MIN : doubled;
    } while (pause_for(pause_ms));
    return 0;
}
