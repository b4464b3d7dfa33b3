/*
 * The handlers of faults; see map_guard.h. What they touch is static and atomic: a row is written
 * before its place is, and a place is given back before its map goes.
 *
 * The engine has handlers of its own, for traps of guests, which pass on what is none of theirs.
 * Whichever came first, the other is asked by it: ours calls the one before it with all that it was
 * given, on the same stack.
 */
#include "store/map_guard.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED_MAX = 64, LINE_BYTES = 400, EXIT_MACHINE_FAILED = 5, SIGNALS = 2 };

struct watched {
    _Atomic uintptr_t low; /* 0: nothing is watched by this row */
    _Atomic uintptr_t high;
    char line[LINE_BYTES];
    size_t line_size;
};

static const int signals[SIGNALS] = {SIGBUS, SIGSEGV};

static struct watched watched[WATCHED_MAX];
static struct sigaction before[SIGNALS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over changes of the rows */
static bool is_installed;                                /* under the lock */

static void end_if_watched(uintptr_t address)
{
    for (size_t i = 0; i < WATCHED_MAX; i++) {
        const uintptr_t low = atomic_load(&watched[i].low);
        if (low != 0 && address >= low && address < atomic_load(&watched[i].high)) {
            const ssize_t written = write(STDERR_FILENO, watched[i].line, watched[i].line_size);
            (void)written; /* nothing can be done about it */
            _exit(EXIT_MACHINE_FAILED);
        }
    }
}

/* What would have been called without us. The default is taken by the fault when it comes again. */
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    const struct sigaction *action = &before[signal_number == SIGBUS ? 0 : 1];
    if ((action->sa_flags & SA_SIGINFO) != 0) {
        action->sa_sigaction(signal_number, info, context);
    } else if (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN) {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        (void)sigaction(signal_number, &usual, NULL);
        if (info->si_code <= 0) { /* sent by somebody: it would not come again */
            (void)raise(signal_number);
        }
    } else {
        action->sa_handler(signal_number);
    }
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
    const int code = errno;
    if (info->si_code > 0) { /* of the machine, so that the address is one */
        end_if_watched((uintptr_t)info->si_addr);
    }
    pass_on(signal_number, info, context);
    errno = code;
}

/* With the lock held. */
static void install(void)
{
    if (is_installed) {
        return;
    }
    struct sigaction action = {
        .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)sigaction(signals[i], NULL, &before[i]);
        (void)sigaction(signals[i], &action, NULL);
    }
    is_installed = true;
}

/* With the lock held. */
static struct watched *find(uintptr_t low)
{
    for (size_t i = 0; i < WATCHED_MAX; i++) {
        if (atomic_load(&watched[i].low) == low) {
            return &watched[i];
        }
    }
    return NULL;
}

/* Where the map that has `inside` in it begins and ends: "LOW-HIGH …" in a line of its own. */
static bool find_map(uintptr_t inside, uintptr_t *out_low, uintptr_t *out_high)
{
    char line[PATH_MAX + 100];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
        char *end = line;
        const unsigned long long low = strtoull(line, &end, 16);
        const unsigned long long high = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;
        found = inside >= low && inside < high;
        if (found) {
            *out_low = (uintptr_t)low;
            *out_high = (uintptr_t)high;
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return found;
}

/* With the lock held. */
static cordon_error *add(uintptr_t low, uintptr_t high, const char *folder)
{
    struct watched *row = find(0);
    if (row == NULL) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "more than %d data folders are open; close one first", WATCHED_MAX);
    }
    const int size = snprintf(
        row->line, sizeof row->line,
        "cordon: reading data.mdb in the data folder '%.200s' failed, and the process ends: the "
        "disk fails, or the file was cut or damaged; `cordon verify` says more\n",
        folder);
    row->line_size = size < LINE_BYTES ? (size_t)size : LINE_BYTES - 1;
    atomic_store(&row->high, high);
    atomic_store(&row->low, low);
    install();
    return NULL;
}

cordon_error *map_guard_add(const void *inside, const char *folder, const void **out_map)
{
    uintptr_t low = 0;
    uintptr_t high = 0;
    if (!find_map((uintptr_t)inside, &low, &high)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the system does not tell where the data file is mapped; mount its file system for "
            "processes and start again");
    }
    (void)pthread_mutex_lock(&lock);
    cordon_error *error = add(low, high, folder);
    (void)pthread_mutex_unlock(&lock);
    if (error == NULL) {
        *out_map = (const void *)low;
    }
    return error;
}

void map_guard_remove(const void *map)
{
    (void)pthread_mutex_lock(&lock);
    struct watched *row = map == NULL ? NULL : find((uintptr_t)map);
    if (row != NULL) {
        atomic_store(&row->low, 0);
    }
    (void)pthread_mutex_unlock(&lock);
}
