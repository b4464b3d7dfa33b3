/* Calls in every thread, by a signal to each; see everywhere.h. */
#include "base/everywhere.h"

#include "base/advice.h"
#include "base/buffer.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* LOOK_NS: how long until somebody sees that a thread has ended in place of making its call. */
enum { THREAD_MS = 1000, LOOK_NS = 1000000, THREADS_BYTES_MAX = 1 << 20 };

/* ThreadSanitizer has a thread that blocks every signal and does nothing of ours. */
#if defined(__SANITIZE_THREAD__)
#define THREADS_OF_SANITIZERS 1u
#else
#define THREADS_OF_SANITIZERS 0u
#endif

/* What a handler finds: a signal handler has no argument of its own. */
static struct {
    pthread_mutex_t lock; /* of the one who calls */
    void (*call)(void *arg);
    void *arg;
    atomic_int wanted; /* the thread that is to make the call; 0: none; a futex */
} now = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* One that comes late, after nobody has waited for it any more, does nothing. */
static void on_signal(int number)
{
    (void)number;
    const int before = errno;
    int self = gettid();
    if (atomic_load(&now.wanted) == self) {
        now.call(now.arg);
        (void)atomic_compare_exchange_strong(&now.wanted, &self, 0);
        (void)syscall(SYS_futex, &now.wanted, FUTEX_WAKE_PRIVATE, 1);
    }
    errno = before;
}

/* Whether the thread has made the call, or is gone. */
static bool call_in(pid_t process, pid_t thread)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    const uint64_t until_ns = clock_deadline_ns(THREAD_MS);
    atomic_store(&now.wanted, thread);
    bool is_gone = syscall(SYS_tgkill, process, thread, EVERYWHERE_SIGNAL) != 0;
    while (!is_gone && atomic_load(&now.wanted) != 0 && clock_monotonic_ns() < until_ns) {
        (void)syscall(SYS_futex, &now.wanted, FUTEX_WAIT_PRIVATE, thread, &look);
        is_gone = syscall(SYS_tgkill, process, thread, 0) != 0;
    }
    int still = thread;
    return !atomic_compare_exchange_strong(&now.wanted, &still, 0) || is_gone;
}

static bool is_among(const struct buffer *threads, pid_t thread)
{
    const pid_t *const all = (const pid_t *)(const void *)threads->data;
    for (size_t i = 0; i < threads->size / sizeof *all; i++) {
        if (all[i] == thread) {
            return true;
        }
    }
    return false;
}

/* Calls in each thread that is there and not among `seen`. */
static cordon_error *call_in_new(struct buffer *seen, uint32_t *missed, bool *out_any)
{
    DIR *const folder = opendir("/proc/self/task");
    if (folder == NULL) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the threads of this process can't be listed: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    cordon_error *error = NULL;
    const pid_t process = getpid();
    *out_any = false;
    for (const struct dirent *at = NULL; error == NULL && (at = readdir(folder)) != NULL;) {
        const pid_t thread = (pid_t)strtol(at->d_name, NULL, 10);
        if (thread > 0 && !is_among(seen, thread)) {
            *out_any = true;
            *missed += !call_in(process, thread);
            error = buffer_append(seen, slice_of(&thread, sizeof thread));
        }
    }
    (void)closedir(folder);
    return error;
}

static cordon_error *call_in_all(uint32_t *out_missed)
{
    CORDON_CLEANUP_BUFFER struct buffer seen;
    buffer_init(&seen, THREADS_BYTES_MAX);
    bool any = true;
    uint32_t missed = 0;
    while (any) { /* a thread that was begun by one of the others has what that one had then */
        TRY(call_in_new(&seen, &missed, &any));
    }
    *out_missed = missed > THREADS_OF_SANITIZERS ? missed - THREADS_OF_SANITIZERS : 0;
    return NULL;
}

cordon_error *everywhere_call(void (*call)(void *arg), void *arg, uint32_t *out_missed)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigaction before;
    (void)sigfillset(&action.sa_mask);
    (void)pthread_mutex_lock(&now.lock);
    now.call = call;
    now.arg = arg;
    cordon_error *error = NULL;
    (void)sigaction(EVERYWHERE_SIGNAL, &action, &before);
    if (before.sa_handler != SIG_DFL) {
        error = cordon_error_new(
            CORDON_E_SYSTEM, "signal %d has a handler already; leave it to the library",
            EVERYWHERE_SIGNAL);
    } else {
        error = call_in_all(out_missed);
    }
    /* What a thread holds back would end the process when let through: ignored, it is gone. */
    action.sa_handler = SIG_IGN;
    (void)sigaction(EVERYWHERE_SIGNAL, &action, NULL);
    (void)sigaction(EVERYWHERE_SIGNAL, &before, NULL);
    (void)pthread_mutex_unlock(&now.lock);
    return error;
}
