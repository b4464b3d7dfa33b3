/*
 * Work in a child process; see child.h. Child and caller are one program, so they speak in structs
 * over a pipe: any number of words on progress, then one answer, which counts only if it is whole.
 */
#include "base/child.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum frame_kind { FRAME_PROGRESS = 1, FRAME_DONE, FRAME_FAILED };

enum { PHASE_BYTES = 32, MESSAGE_BYTES_MAX = 4096, LOOKS_PER_STALL = 8 };

#define NS_PER_MS ((uint64_t)1000000)
#define NS_PER_S ((uint64_t)1000000000)

struct frame {
    enum frame_kind kind;
    uint32_t code;
    uint64_t size; /* of what comes behind */
    uint64_t done;
    uint64_t total;
    char phase[PHASE_BYTES];
};

struct child {
    int fd;
};

/* -- In the child ---------------------------------------------------------------------------- */

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            at += written;
            size -= (size_t)written;
        }
    }
    return true;
}

void child_tell(struct child *child, const char *phase, uint64_t done, uint64_t total)
{
    struct frame frame = {.kind = FRAME_PROGRESS, .done = done, .total = total};
    (void)snprintf(frame.phase, sizeof frame.phase, "%s", phase);
    struct pollfd room = {.fd = child->fd, .events = POLLOUT}; /* of a pipe: for a whole frame */
    if (poll(&room, 1, 0) == 1) {
        (void)write_all(child->fd, &frame, sizeof frame);
    }
}

/* What ends a process whose own doing, or whose memory or disk, is at fault. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/* Handlers that the caller has would take a fault here for one of theirs. */
static void settle(pid_t parent)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    const struct rlimit none = {0, 0};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)sigaction(faults[i], &usual, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)mem_fail_nth(0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1); /* who waits is gone already */
    }
}

_Noreturn static void be_child(const struct child_work *work, int fd, pid_t parent)
{
    settle(parent);
    struct child child = {.fd = fd};
    struct buffer out;
    buffer_init(&out, work->answer_bytes_max);
    cordon_error *error = work->run(work->arg, &child, &out);
    const char *words = error == NULL ? "" : cordon_error_get_message(error);
    const struct frame frame = {
        .kind = error == NULL ? FRAME_DONE : FRAME_FAILED,
        .code = error == NULL ? 0 : (uint32_t)cordon_error_get_code(error),
        .size = error == NULL ? out.size : strlen(words),
    };
    const void *bytes = error == NULL ? (const void *)out.data : words;
    const bool told =
        write_all(fd, &frame, sizeof frame) && write_all(fd, bytes, (size_t)frame.size);
    _exit(told ? 0 : 1);
}

/* -- In the caller --------------------------------------------------------------------------- */

/* How far the answer has been read. */
struct listening {
    const struct child_work *work;
    pid_t pid;
    int fd;
    uint64_t deadline_ns;
    bool late;
    bool stalled;
    uint64_t looked_ns; /* when the child was looked at last */
    uint64_t alive_ns;  /* when it had last had processor time since the look before */
    uint64_t used_ns;   /* what it had had by then */
};

/* Whose time can't be told is taken for alive. */
static uint64_t processor_ns(const struct listening *listening, uint64_t now_ns)
{
    clockid_t clock = 0;
    struct timespec used;
    if (clock_getcpuclockid(listening->pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return now_ns;
    }
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

static uint64_t look_ns(const struct listening *listening)
{
    return listening->work->stall_ms * NS_PER_MS / LOOKS_PER_STALL;
}

/* A caller that comes late was stopped itself, maybe with the child, which gets its time anew. */
static bool has_stalled(struct listening *listening)
{
    const uint64_t now_ns = clock_monotonic_ns();
    const uint64_t used_ns = processor_ns(listening, now_ns);
    const bool is_late = now_ns - listening->looked_ns > 2 * look_ns(listening);
    if (used_ns != listening->used_ns || is_late) {
        listening->alive_ns = now_ns;
    }
    listening->used_ns = used_ns;
    listening->looked_ns = now_ns;
    return now_ns - listening->alive_ns >= listening->work->stall_ms * NS_PER_MS;
}

/* Waits for bytes; false if they are waited for no longer. */
static bool wait_for_bytes(struct listening *listening)
{
    struct pollfd wanted = {.fd = listening->fd, .events = POLLIN};
    for (;;) {
        const uint64_t look_at_ns =
            listening->work->stall_ms == 0 ? UINT64_MAX : clock_monotonic_ns() + look_ns(listening);
        const bool looks = look_at_ns < listening->deadline_ns;
        const uint64_t until_ns = looks ? look_at_ns : listening->deadline_ns;
        const int ready = poll(&wanted, 1, clock_poll_ms(until_ns));
        if (ready > 0) {
            return true;
        }
        if (ready < 0) {
            continue; /* a signal */
        }
        listening->late = !looks;
        listening->stalled = looks && has_stalled(listening);
        if (listening->late || listening->stalled) {
            return false;
        }
    }
}

/* False at the end, or when the child is waited for no longer. */
static bool read_all(struct listening *listening, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        if (!wait_for_bytes(listening)) {
            return false;
        }
        const ssize_t got = read(listening->fd, at, size);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
    return true;
}

static void pass_on(const struct child_work *work, struct frame *frame)
{
    if (work->progress != NULL) {
        frame->phase[PHASE_BYTES - 1] = '\0';
        work->progress(work->progress_arg, frame->phase, frame->done, frame->total);
    }
}

static cordon_error *read_answer(
    struct listening *listening, const struct frame *frame, struct buffer *out, bool *out_whole)
{
    const struct child_work *work = listening->work;
    if (frame->kind == FRAME_DONE && frame->size <= work->answer_bytes_max) {
        TRY(buffer_reserve(out, (size_t)frame->size));
        *out_whole = read_all(listening, out->data + out->size, (size_t)frame->size);
        out->size += *out_whole ? (size_t)frame->size : 0;
        return NULL;
    }
    char words[MESSAGE_BYTES_MAX + 1];
    const size_t size = frame->size < MESSAGE_BYTES_MAX ? (size_t)frame->size : MESSAGE_BYTES_MAX;
    *out_whole = frame->kind == FRAME_FAILED && read_all(listening, words, size);
    words[size] = '\0';
    return *out_whole ? cordon_error_new((cordon_error_code)frame->code, "%s", words) : NULL;
}

/* Reads to the answer. `*out_whole` is false if there was none. */
static cordon_error *listen_to(struct listening *listening, struct buffer *out, bool *out_whole)
{
    struct frame frame;
    *out_whole = false;
    while (read_all(listening, &frame, sizeof frame)) {
        if (frame.kind != FRAME_PROGRESS) {
            return read_answer(listening, &frame, out, out_whole);
        }
        pass_on(listening->work, &frame);
    }
    return NULL;
}

static bool is_fault(int signal)
{
    bool found = false;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        found = found || faults[i] == signal;
    }
    return found;
}

static cordon_error *ended(const struct listening *listening, int status)
{
    const char *what = listening->work->what;
    if (listening->late) {
        return cordon_error_new(
            CORDON_E_STORE,
            "%s took longer than %llu s and was ended; see to the disk and try again", what,
            (unsigned long long)(listening->work->deadline_ms / 1000));
    }
    if (listening->stalled) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s did nothing for %llu s and was ended: somebody has stopped it, or a disk does not "
            "answer; see to that and try again",
            what, (unsigned long long)(listening->work->stall_ms / 1000));
    }
    if (WIFSIGNALED(status) && !is_fault(WTERMSIG(status))) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s was ended by signal %d (%s) from outside, by somebody or for lack of memory; try "
            "again",
            what, WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    }
    if (WIFSIGNALED(status)) {
        return cordon_error_new(
            CORDON_E_STORE,
            "%s was ended by signal %d (%s): the data file is damaged or its disk fails; restore "
            "the data folder from a backup",
            what, WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    }
    return cordon_error_new(CORDON_E_SYSTEM, "%s ended without an answer; try again", what);
}

static cordon_error *hear_out(const struct child_work *work, pid_t pid, int fd, struct buffer *out)
{
    const uint64_t now_ns = clock_monotonic_ns();
    struct listening listening = {
        .work = work,
        .pid = pid,
        .fd = fd,
        .looked_ns = now_ns,
        .alive_ns = now_ns,
        .deadline_ns = work->deadline_ms == 0 ? UINT64_MAX : clock_deadline_ns(work->deadline_ms),
    };
    bool is_whole = false;
    cordon_error *error = listen_to(&listening, out, &is_whole);
    if (!is_whole) {
        (void)kill(pid, listening.late || listening.stalled || error != NULL ? SIGKILL : 0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return is_whole || error != NULL ? error : ended(&listening, status);
}

cordon_error *child_run(const struct child_work *work, struct buffer *out)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "%s could not be started: %s%s", work->what, strerrordesc_np(errno),
            advice_on(errno));
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(pipes[0]);
        be_child(work, pipes[1], parent);
    }
    const int code = errno;
    (void)close(pipes[1]);
    cordon_error *error = pid > 0 ? hear_out(work, pid, pipes[0], out)
                                  : cordon_error_new(
                                        CORDON_E_SYSTEM, "%s could not be started: %s%s",
                                        work->what, strerrordesc_np(code), advice_on(code));
    (void)close(pipes[0]);
    return error;
}
