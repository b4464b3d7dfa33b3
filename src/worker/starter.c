/*
 * The starter: the one process of ours that executes others.
 *
 * It is spawned before the server has threads or confines itself, holds no secret, no store and no
 * network, and reads nothing but requests of the process that spawned it. For each it forks, sets
 * the limits, and executes itself anew as a worker, so that no worker inherits anything from
 * another, not even the layout of memory.
 *
 * One loop waits for requests, ends of workers (pidfd) and deadlines. Requests are only taken while
 * there is a place for a worker; the others wait in the socket. When the socket ends the starter
 * does, and its workers die with it. (It does not ask the kernel to be killed with its parent: that
 * is bound to the thread that spawned it, which in an embedding program may end long before.)
 */
#include "worker/worker.h"

#include "base/clock.h"
#include "engine/protocol.h"
#include "engine/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS ((uint64_t)1000000)

/* Address space of a worker before it has a module: program, libraries, stack. 20 MiB measured. */
#define OWN_BYTES ((uint64_t)64 << 20)

#define STACK_BYTES ((uint64_t)64 << 20)

/* Room for the files of the dynamic linker beside the worker's own. */
enum { FILES_MAX = 8 };

struct job {
    int process; /* pidfd; NO_FD: there is no worker here */
    int reply;
    uint64_t deadline_ns;
    bool is_late; /* it was killed at its deadline */
};

struct starter {
    struct job jobs[WORKERS_MAX];
};

/* -- The child, between fork and exec ------------------------------------------------------- */

static bool limit_to(__rlimit_resource_t resource, uint64_t value)
{
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &limit) == 0;
}

static bool limit_all(const struct protocol_request *request)
{
    /* The deadline is exact, this is what holds if the starter cannot keep it. */
    const uint64_t seconds = request->time_ms / 1000 + 2;
    return limit_to(RLIMIT_CORE, 0) && limit_to(RLIMIT_CPU, seconds) &&
           limit_to(RLIMIT_FSIZE, request->artifact_bytes_max) &&
           limit_to(RLIMIT_STACK, STACK_BYTES) && limit_to(RLIMIT_NOFILE, FILES_MAX) &&
           (WORKER_IS_SANITIZED || limit_to(RLIMIT_AS, request->memory_bytes + OWN_BYTES));
}

/* By way of numbers above all of the worker's own, as the files may have any. */
static bool arrange_files(const int *fds)
{
    const int module = fcntl(fds[0], F_DUPFD_CLOEXEC, WORKER_FD_COUNT);
    const int artifact = fcntl(fds[1], F_DUPFD_CLOEXEC, WORKER_FD_COUNT);
    return module != NO_FD && artifact != NO_FD && dup2(module, WORKER_FD_MODULE) != NO_FD &&
           dup2(artifact, WORKER_FD_ARTIFACT) != NO_FD && dup2(0, 2) != NO_FD &&
           close_range(WORKER_FD_COUNT, ~0U, 0) == 0;
}

static _Noreturn void become_worker(
    pid_t starter, const struct protocol_request *request, const int *fds)
{
    static char name[] = "cordon-compile";
    static char word[] = "--worker";
    char *const argv[] = {name, word, NULL};
    char *const environment[] = {NULL};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == starter &&
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && arrange_files(fds) && limit_all(request)) {
        (void)execve("/proc/self/exe", argv, environment);
    }
    _exit(WORKER_EXIT_NOT_STARTED);
}

/* -- Jobs ----------------------------------------------------------------------------------- */

/* Whoever asked may be gone; then nobody misses the answer. */
static void answer(int reply, enum protocol_verdict verdict, int detail)
{
    const struct protocol_reply message = {(uint32_t)verdict, (uint32_t)detail};
    const bool sent = protocol_send(reply, slice_of(&message, sizeof message), NULL, 0);
    (void)sent;
}

static void begin_job(struct job *job, const struct protocol_request *request, const int *fds)
{
    CORDON_CLEANUP(fd_closep) int reply = fds[2];
    const pid_t starter = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        become_worker(starter, request, fds);
    }
    const int process = pid > 0 ? pidfd_open(pid, 0) : NO_FD;
    if (process == NO_FD) {
        answer(reply, VERDICT_NOT_STARTED, errno);
        if (pid > 0) {
            (void)kill(pid, SIGKILL); /* not waited for yet: the number is still its own */
            (void)waitpid(pid, NULL, 0);
        }
        return;
    }
    *job = (struct job){
        .process = process,
        .reply = fd_take(&reply),
        .deadline_ns = clock_monotonic_ns() + request->time_ms * NS_PER_MS,
    };
}

/* False at the end of the socket, and for a message that is none: nobody we serve writes that. */
static bool take_request(struct job *job)
{
    struct protocol_request request;
    int fds[PROTOCOL_REQUEST_FDS];
    if (!protocol_receive(STARTER_FD_SOCKET, &request, sizeof request, fds, PROTOCOL_REQUEST_FDS)) {
        return false;
    }
    begin_job(job, &request, fds);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return true;
}

static enum protocol_verdict verdict_of_exit(int code)
{
    static const enum protocol_verdict verdicts[] = {
        [WORKER_EXIT_COMPILED] = VERDICT_COMPILED,
        [WORKER_EXIT_REFUSED] = VERDICT_REFUSED,
        [WORKER_EXIT_MEMORY] = VERDICT_MEMORY,
        [WORKER_EXIT_LARGE] = VERDICT_LARGE,
        [WORKER_EXIT_UNCONFINED] = VERDICT_UNCONFINED,
        [WORKER_EXIT_NOT_STARTED] = VERDICT_NOT_STARTED,
    };
    const bool is_known = code == WORKER_EXIT_COMPILED ||
                          (code >= WORKER_EXIT_REFUSED && code <= WORKER_EXIT_NOT_STARTED &&
                           code != WORKER_EXIT_FAILED);
    return is_known ? verdicts[code] : VERDICT_DIED;
}

/* The worker has ended: says how, and makes room. */
static void end_job(struct job *job)
{
    siginfo_t info = {0};
    (void)waitid(P_PIDFD, (id_t)job->process, &info, WEXITED);
    const bool exited = info.si_code == CLD_EXITED;
    if (job->is_late || (!exited && info.si_status == SIGXCPU)) {
        answer(job->reply, VERDICT_TIME, 0);
    } else if (exited) {
        answer(job->reply, verdict_of_exit(info.si_status), 0);
    } else {
        answer(job->reply, VERDICT_DIED, info.si_status);
    }
    fd_closep(&job->process);
    fd_closep(&job->reply);
}

/* Gives how long to wait for the next deadline, in ms; -1 if there is none. */
static int kill_the_late(struct starter *starter)
{
    const uint64_t now = clock_monotonic_ns();
    uint64_t wait_ms = INT32_MAX;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct job *job = &starter->jobs[i];
        if (job->process == NO_FD || job->is_late) {
            continue;
        }
        if (now >= job->deadline_ns) {
            (void)pidfd_send_signal(job->process, SIGKILL, NULL, 0);
            job->is_late = true;
            continue;
        }
        const uint64_t left_ms = (job->deadline_ns - now) / NS_PER_MS + 1;
        wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
    }
    return wait_ms == INT32_MAX ? -1 : (int)wait_ms;
}

/* -- The loop ------------------------------------------------------------------------------- */

static struct job *free_job(struct starter *starter)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (starter->jobs[i].process == NO_FD) {
            return &starter->jobs[i];
        }
    }
    return NULL;
}

/* Waits for something to happen and sees to it. False when there is nobody to serve any more. */
static bool step(struct starter *starter)
{
    struct pollfd waits[WORKERS_MAX + 1];
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        waits[i] = (struct pollfd){.fd = starter->jobs[i].process, .events = POLLIN};
    }
    struct pollfd *socket = &waits[WORKERS_MAX];
    *socket =
        (struct pollfd){.fd = STARTER_FD_SOCKET, .events = free_job(starter) != NULL ? POLLIN : 0};
    if (poll(waits, WORKERS_MAX + 1, kill_the_late(starter)) == -1) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (starter->jobs[i].process != NO_FD && waits[i].revents != 0) {
            end_job(&starter->jobs[i]);
        }
    }
    if ((socket->revents & POLLIN) != 0) {
        return take_request(free_job(starter));
    }
    return socket->revents == 0;
}

int starter_run(void)
{
    struct starter starter;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        starter.jobs[i] = (struct job){.process = NO_FD, .reply = NO_FD};
    }
    struct protocol_hello hello = {.magic = PROTOCOL_MAGIC};
    config_digest(hello.digest);
    if (!protocol_send(STARTER_FD_SOCKET, slice_of(&hello, sizeof hello), NULL, 0)) {
        (void)fprintf(stderr, "cordon-compile --starter is for the program cordon alone.\n");
        return 2;
    }
    while (step(&starter)) {
    }
    return 0; /* workers are killed as their parent is gone (PR_SET_PDEATHSIG) */
}
