/*
 * The keeper: it forks the starter, and again when that has died.
 *
 * A program that has threads and has confined itself cannot execute anything, so without this a
 * starter that was killed would end all compiling until the next start of the program. The keeper
 * is as old and as free as the first starter was, and has almost nothing to die of: it reads no
 * byte from anybody and waits. A starter that somebody has stopped (SIGSTOP) counts as dead, since
 * all who wait for it would wait until they give up.
 *
 * Workers outlive a starter by the moment that their kill takes; the keeper is who reaps them, so
 * that it need not be done by a program that runs as the first process of a container.
 *
 * Considered and dropped: no keeper, with deploys refused until a restart (somebody must be there
 * to restart it, for no gain but this page of code); spawning from the program's threads (forbids
 * a seccomp filter without execve).
 */
#include "worker/worker.h"

#include "base/clock.h"
#include "engine/protocol.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that has lived for less is not replaced at once: what killed it may go on killing. */
enum { PAUSE_MS = 250 };

/* In the child: the starter, which does not outlive its keeper. */
static int become_starter(pid_t keeper, const struct starter_end *before)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != keeper) {
        return STARTER_EXIT_DONE;
    }
    return starter_run(before);
}

/* Waits for the end of the starter, makes one of a stop, and reaps whatever else ends. */
static struct starter_end wait_for(pid_t starter)
{
    struct starter_end end = {0};
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WUNTRACED);
        if (pid == -1 && errno != EINTR) {
            return (struct starter_end){.code = STARTER_EXIT_DONE}; /* no child: none of ours */
        }
        if (pid != starter) {
            continue;
        }
        if (WIFSTOPPED(status)) {
            end.signal = (unsigned)WSTOPSIG(status);
            (void)kill(starter, SIGKILL); /* not reaped yet: the number is still its own */
            continue;
        }
        if (end.signal == 0 && WIFSIGNALED(status)) {
            end.signal = (unsigned)WTERMSIG(status);
        }
        end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        return end;
    }
}

/* False: the program is gone. */
static bool pause_until(uint64_t deadline_ns)
{
    struct pollfd program = {.fd = STARTER_FD_SOCKET, .events = 0};
    return poll(&program, 1, clock_poll_ms(deadline_ns)) <= 0;
}

static bool is_death(const struct starter_end *end)
{
    return end->signal != 0 || (end->code != STARTER_EXIT_DONE && end->code != STARTER_EXIT_ALONE);
}

int keeper_run(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid_t keeper = getpid();
    struct starter_end end = {0};
    const struct starter_end *before = NULL;
    for (;;) {
        const uint64_t next_ns = clock_deadline_ns(PAUSE_MS);
        const pid_t starter = fork();
        if (starter == 0) {
            return become_starter(keeper, before);
        }
        if (starter > 0) {
            end = wait_for(starter);
            before = &end;
        }
        if (before != NULL && !is_death(before)) {
            return before->code;
        }
        if (!pause_until(next_ns)) {
            return STARTER_EXIT_DONE;
        }
    }
}
