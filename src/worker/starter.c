/*
 * The starter: the one process of ours that executes others.
 *
 * It is forked by the keeper, which was spawned before the server has threads or confines itself;
 * it holds no secret, no store and no network, and reads nothing but requests of the program. For
 * each it forks, sets the limits, and executes itself anew as a worker, so that no worker inherits
 * anything from another, not even the layout of memory.
 *
 * One loop waits for requests, ends of workers (pidfd), deadlines, and for those who asked to give
 * up: a worker whose reply nobody waits for is killed. Requests are only taken while there is a
 * place for a worker; the others wait in the socket. When the socket ends, the program is gone: the
 * starter kills and reaps its workers and ends. (Neither it nor the keeper asks the kernel to be
 * killed with the program: that is bound to the thread that spawned, which in an embedding program
 * may end long before.)
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

#define STACK_BYTES ((uint64_t)64 << 20)

/* Room for the files of the dynamic linker beside the worker's own. */
enum { FILES_MAX = 8 };

struct job {
    int process; /* pidfd; NO_FD: there is no worker here */
    int reply;   /* NO_FD: whoever asked has given up, and the worker was killed */
    uint64_t deadline_ns;
    bool is_late; /* it was killed at its deadline */
};

struct starter {
    struct job jobs[WORKERS_MAX];
};

/* -- The child, between fork and exec ------------------------------------------------------- */

/* A stricter limit of whoever started us stays. */
static bool limit_to(__rlimit_resource_t resource, uint64_t value)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) {
        return false;
    }
    const rlim_t most = limit.rlim_max < value ? limit.rlim_max : value;
    limit = (struct rlimit){.rlim_cur = most, .rlim_max = most};
    return setrlimit(resource, &limit) == 0;
}

/* What a worker may map: what the request grants for the module, and what it is itself. */
static uint64_t address_space(const struct protocol_request *request)
{
    const uint64_t most = RLIM_INFINITY - 1 - PROTOCOL_WORKER_OWN_BYTES;
    return (request->memory_bytes < most ? request->memory_bytes : most) +
           PROTOCOL_WORKER_OWN_BYTES;
}

static bool limit_all(const struct protocol_request *request)
{
    /* The deadline is exact, this is what holds if the starter cannot keep it. */
    const uint64_t seconds = request->time_ms / 1000 + 2;
    return limit_to(RLIMIT_CORE, 0) && limit_to(RLIMIT_CPU, seconds) &&
           limit_to(RLIMIT_FSIZE, request->artifact_bytes_max) &&
           limit_to(RLIMIT_STACK, STACK_BYTES) && limit_to(RLIMIT_NOFILE, FILES_MAX) &&
           (WORKER_IS_SANITIZED || limit_to(RLIMIT_AS, address_space(request)));
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
        .deadline_ns = clock_deadline_ns(request->time_ms),
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

static void kill_worker(const struct job *job)
{
    (void)pidfd_send_signal(job->process, SIGKILL, NULL, 0);
}

/* Nobody waits for this any more. */
static void abandon(struct job *job)
{
    kill_worker(job);
    fd_closep(&job->reply);
}

/* Gives when the next deadline is; UINT64_MAX if there is none. */
static uint64_t kill_the_late(struct starter *starter)
{
    const uint64_t now = clock_monotonic_ns();
    uint64_t next_ns = UINT64_MAX;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct job *job = &starter->jobs[i];
        if (job->process == NO_FD || job->is_late) {
            continue;
        }
        if (now >= job->deadline_ns) {
            kill_worker(job);
            job->is_late = true;
        } else if (job->deadline_ns < next_ns) {
            next_ns = job->deadline_ns;
        }
    }
    return next_ns;
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

/* What the loop waits for: for each job its worker and its reply, and the socket. */
enum { WAITS_MAX = 2 * WORKERS_MAX + 1 };

static void gather_waits(struct starter *starter, struct pollfd waits[WAITS_MAX])
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct job *job = &starter->jobs[i];
        waits[2 * i] = (struct pollfd){.fd = job->process, .events = POLLIN};
        /* Told unasked: the other end has closed. */
        waits[2 * i + 1] = (struct pollfd){.fd = job->reply, .events = 0};
    }
    waits[WAITS_MAX - 1] =
        (struct pollfd){.fd = STARTER_FD_SOCKET, .events = free_job(starter) != NULL ? POLLIN : 0};
}

/* Waits for something to happen and sees to it. False when there is nobody to serve any more. */
static bool step(struct starter *starter)
{
    struct pollfd waits[WAITS_MAX];
    const uint64_t next_ns = kill_the_late(starter);
    gather_waits(starter, waits);
    if (poll(waits, WAITS_MAX, next_ns == UINT64_MAX ? -1 : clock_poll_ms(next_ns)) == -1) {
        return errno == EINTR;
    }
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct job *job = &starter->jobs[i];
        if (waits[2 * i].revents != 0) {
            end_job(job);
        } else if (waits[2 * i + 1].revents != 0) {
            abandon(job);
        }
    }
    const short socket = waits[WAITS_MAX - 1].revents;
    if ((socket & POLLIN) != 0) {
        return take_request(free_job(starter));
    }
    return socket == 0;
}

/* Kills the workers that are left, and waits for them. */
static void end_all(struct starter *starter)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        struct job *job = &starter->jobs[i];
        if (job->process != NO_FD) {
            abandon(job);
            end_job(job);
        }
    }
}

int starter_run(const struct starter_end *before)
{
    struct starter starter;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        starter.jobs[i] = (struct job){.process = NO_FD, .reply = NO_FD};
    }
    struct protocol_hello hello = {.magic = PROTOCOL_MAGIC};
    if (before != NULL) {
        hello.replaces = 1;
        hello.signal = before->signal;
    }
    config_digest(hello.digest);
    if (!protocol_send(STARTER_FD_SOCKET, slice_of(&hello, sizeof hello), NULL, 0)) {
        (void)fprintf(stderr, "cordon-compile --starter is for the program cordon alone.\n");
        return STARTER_EXIT_ALONE;
    }
    while (step(&starter)) {
    }
    end_all(&starter);
    return STARTER_EXIT_DONE;
}
