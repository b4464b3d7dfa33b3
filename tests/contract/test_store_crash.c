/*
 * Crashes under load. A child does the workloads of src/selftest over a data folder, and its parent
 * is the client that remembers: each transaction is told to it before its commit and again with its
 * answer. The child is killed at a random moment, also while it opens the folder, or the power goes
 * from under it (support/disk.h), which drops and reorders what was not synced. The next child goes
 * on in what is left. At the end everything is read once more, and all that the clients of all
 * rounds did and saw is one history, which must be strictly serializable: what was answered is
 * there, what was not answered is there whole or not at all.
 *
 * The seed is printed; CORDON_TEST_SEED repeats it, though not the turns that threads take.
 * CORDON_CRASH_ROUNDS is how often each happens, in place of what the size says.
 */
#include "contract/harness.h"

#include "base/clock.h"
#include "base/hash.h"
#include "contract/verdict.h"
#include "history/lines.h"
#include "selftest/workload.h"
#include "support/disk.h"
#include "support/seed.h"
#include "support/size.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    THREADS = 8,
    OPENING_MS_MAX = 8, /* in one round of five the child is killed so early */
    WORKING_MS_MAX = 70,
    POWER_CALLS_MAX = 300, /* writes and syncs before the power goes */
    POWER_FEW_CALLS_MAX = 14,
    COMMITS_PER_KEY = 12, /* about as the workload does */
};

struct crashes {
    uint64_t seed;
    bool by_power;
    uint64_t round;
    struct folder folder; /* the disk */
    struct folder left;   /* what is left of it when the power has gone */
    uint64_t first_key;
    uint64_t answered; /* commits */
    struct history history;
    struct history line; /* one transaction, as it is told */
    struct buffer heard; /* what the child told and was not looked at yet */
    struct buffer pending[THREADS];
    uint64_t unknown;
};

static uint64_t draw(const struct crashes *crashes, uint64_t what, uint64_t below)
{
    const uint64_t number[2] = {crashes->round, what};
    return hash_fast(slice_of(number, sizeof number), crashes->seed) % below;
}

static struct store_options options_of(const struct crashes *crashes)
{
    return (struct store_options){
        .flusher_thread = true,
        .map_bytes = (uint64_t)1 << 30,
        .disk_reserve_bytes = 1,
        .checkpoint_ms = 1 + draw(crashes, 1, 30),
    };
}

/* -- The child --------------------------------------------------------------------------------- */

struct told {
    pthread_mutex_t lock;
    int pipe;
};

/* One line by one write, which nobody else's cuts in two, unless the process ends in it. */
static cordon_error *tell(void *arg, const struct history *history)
{
    struct told *const told = arg;
    CORDON_CLEANUP_BUFFER struct buffer line;
    buffer_init(&line, HISTORY_LINE_BYTES_MAX);
    TRY(history_write_line(&line, history, history->txn_count - 1));
    (void)pthread_mutex_lock(&told->lock);
    const ssize_t written = write(told->pipe, line.data, line.size);
    (void)pthread_mutex_unlock(&told->lock);
    REQUIRE(written == (ssize_t)line.size);
    return NULL;
}

static void arm_power(const struct crashes *crashes)
{
    const uint64_t calls = draw(crashes, 2, 3) == 0 ? POWER_FEW_CALLS_MAX : POWER_CALLS_MAX;
    const struct disk_plan plan = {
        .folder = crashes->folder.path,
        .power_calls = 1 + draw(crashes, 3, calls),
        .seed = crashes->seed + crashes->round,
        .left = crashes->left.path,
    };
    disk_arm(&plan);
}

/* Works until it is killed. */
static _Noreturn void be_the_child(const struct crashes *crashes, int pipe)
{
    struct told told = {.pipe = pipe};
    struct history history;
    struct store *store = NULL;
    const struct store_options options = options_of(crashes);
    uint64_t next_key = 0;
    (void)pthread_mutex_init(&told.lock, NULL);
    history_init(&history, VERDICT_BYTES_MAX);
    if (crashes->by_power) {
        arm_power(crashes);
    }
    OK(store_open_lmdb(crashes->folder.path, &options, &store));
    OK(recorded_prepare(store));
    struct workload workload = {
        .store = store,
        .seed = crashes->seed + crashes->round,
        .threads = THREADS,
        .txns = UINT64_MAX,
        .until_ns = UINT64_MAX,
        .generation = crashes->round,
        .first_key = crashes->first_key,
        .history_bytes = VERDICT_BYTES_MAX,
        .watch = {.call = tell, .arg = &told},
    };
    OK(workload_run(&workload, &history, &next_key));
    _exit(1);
}

/* -- The client that remembers ----------------------------------------------------------------- */

static void take_line(struct crashes *crashes, struct slice line)
{
    history_clear(&crashes->line);
    OK(history_read_line(&crashes->line, line));
    const struct history_txn *const txn = &crashes->line.txns[0];
    struct buffer *const pending = &crashes->pending[txn->process % WORKLOAD_THREADS_MAX];
    buffer_clear(pending);
    if (txn->status == HISTORY_UNKNOWN) {
        OK(buffer_append(pending, line));
        return;
    }
    crashes->answered += txn->status == HISTORY_COMMITTED;
    OK(history_join(&crashes->history, &crashes->line, 0));
}

static void take_lines(struct crashes *crashes)
{
    struct slice rest = buffer_slice(&crashes->heard);
    const uint8_t *end = NULL;
    while (rest.size > 0 && (end = memchr(rest.data, '\n', rest.size)) != NULL) {
        const size_t size = (size_t)(end - rest.data) + 1;
        take_line(crashes, slice_of(rest.data, size));
        rest = slice_from(rest, size);
    }
    if (rest.size > 0) {
        memmove(crashes->heard.data, rest.data, rest.size);
    }
    crashes->heard.size = rest.size;
}

/* Whether there is more to come. */
static bool hear(struct crashes *crashes, int pipe)
{
    char bytes[1 << 16];
    const ssize_t got = read(pipe, bytes, sizeof bytes);
    REQUIRE(got >= 0);
    OK(buffer_append(&crashes->heard, slice_of(bytes, (size_t)got)));
    take_lines(crashes);
    return got > 0;
}

/* What was under way: a line that is cut short had not got to its commit. */
static void take_pending(struct crashes *crashes)
{
    buffer_clear(&crashes->heard);
    for (size_t i = 0; i < THREADS; i++) {
        if (crashes->pending[i].size > 0) {
            OK(history_read_line(&crashes->history, buffer_slice(&crashes->pending[i])));
            buffer_clear(&crashes->pending[i]);
            crashes->unknown++;
        }
    }
}

/* Listens until it is time, then kills the child, and takes in what it still had told. */
static void listen_and_kill(struct crashes *crashes, pid_t child, int pipe)
{
    const bool early = draw(crashes, 4, 5) == 0;
    const uint64_t most_us = (uint64_t)1000 * (early ? OPENING_MS_MAX : WORKING_MS_MAX);
    bool more = early || crashes->by_power || hear(crashes, pipe); /* else once it works */
    const uint64_t deadline_ns = clock_monotonic_ns() + 1000 * draw(crashes, 5, most_us);
    while (more && !crashes->by_power && clock_monotonic_ns() < deadline_ns) {
        struct pollfd waits = {.fd = pipe, .events = POLLIN};
        if (poll(&waits, 1, clock_poll_ms(deadline_ns)) > 0) {
            more = hear(crashes, pipe);
        }
    }
    if (!crashes->by_power) {
        REQUIRE(kill(child, SIGKILL) == 0);
    }
    while (more) {
        more = hear(crashes, pipe);
    }
}

static void expect_crashed(const struct crashes *crashes, pid_t child)
{
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (crashes->by_power) {
        REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == DISK_POWER_WENT);
    } else {
        REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

static void crash_once(struct crashes *crashes)
{
    int pipes[2];
    REQUIRE(pipe(pipes) == 0);
    if (crashes->by_power) {
        folder_make(&crashes->left);
    }
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        (void)close(pipes[0]);
        be_the_child(crashes, pipes[1]);
    }
    (void)close(pipes[1]);
    listen_and_kill(crashes, child, pipes[0]);
    (void)close(pipes[0]);
    expect_crashed(crashes, child);
    take_pending(crashes);
    if (crashes->by_power) {
        folder_remove(&crashes->folder);
        crashes->folder = crashes->left;
    }
    crashes->first_key = crashes->answered / COMMITS_PER_KEY;
    crashes->round++;
}

/* -- Rounds ------------------------------------------------------------------------------------ */

static void read_all(struct crashes *crashes)
{
    struct store *store = NULL;
    const struct store_options options = options_of(crashes);
    const uint64_t high = crashes->first_key + WORKLOAD_KEYS + (uint64_t)2 * THREADS;
    OK(store_open_lmdb(crashes->folder.path, &options, &store));
    OK(recorded_prepare(store));
    OK(workload_read_all(store, &crashes->history, crashes->round * WORKLOAD_THREADS_MAX, 0, high));
    store_close(store);
}

static void run_rounds(uint64_t seed, bool by_power, uint64_t rounds)
{
    struct crashes crashes = {.seed = seed, .by_power = by_power};
    history_init(&crashes.history, VERDICT_BYTES_MAX);
    history_init(&crashes.line, VERDICT_BYTES_MAX);
    buffer_init(&crashes.heard, SIZE_MAX);
    for (size_t i = 0; i < THREADS; i++) {
        buffer_init(&crashes.pending[i], HISTORY_LINE_BYTES_MAX);
    }
    folder_make(&crashes.folder);
    while (crashes.round < rounds) {
        crash_once(&crashes);
    }
    read_all(&crashes);
    folder_remove(&crashes.folder);
    (void)printf(
        "%" PRIu64 " times %s: %" PRIu64 " commits answered, %" PRIu64 " transactions unknown\n",
        rounds, by_power ? "the power went" : "killed", crashes.answered, crashes.unknown);
    expect_serializable(&crashes.history, by_power ? "power" : "kill");
    REQUIRE(crashes.answered >= rounds / 4); /* there was something to lose */
    for (size_t i = 0; i < THREADS; i++) {
        buffer_done(&crashes.pending[i]);
    }
    buffer_done(&crashes.heard);
    history_done(&crashes.line);
    history_done(&crashes.history);
}

static uint64_t seed;

static uint64_t rounds_or(size_t at_100)
{
    const char *const text = getenv("CORDON_CRASH_ROUNDS");
    return text == NULL ? test_size(at_100) : strtoull(text, NULL, 10);
}

static void what_was_answered_survives_being_killed(void **state)
{
    (void)state;
    run_rounds(seed, false, rounds_or(200));
}

static void what_was_answered_survives_a_power_cut(void **state)
{
    (void)state;
    run_rounds(seed, true, rounds_or(100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_survives_being_killed),
        cmocka_unit_test(what_was_answered_survives_a_power_cut),
    };
    seed = test_seed();
    return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
