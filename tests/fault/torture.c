/*
 * See torture.h. The parent only forks, so that it stays without threads; what the children tell
 * each other stands on a page that all of them share, and so is still there after one has ended.
 */
#include "fault/torture.h"

#include "base/memory.h"
#include "contract/harness.h"
#include "support/machine.h"
#include "support/size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SECONDS_MAX = 60 }; /* for one road, once */

static const char *const fault_names[TORTURE_FAULT_COUNT] = {
    [TORTURE_MEMORY] = "an allocation",  [TORTURE_NO_MEMORY] = "all from allocation",
    [TORTURE_CALLS] = "a call",          [TORTURE_INTERRUPTS] = "an interrupted call",
    [TORTURE_CUTS] = "a call cut short",
};

_Noreturn void torture_failed(const struct torture *torture, const char *what, struct slice words)
{
    (void)fprintf(
        stderr, "%s %llu (%s): %s%s%.*s\n", fault_names[torture->fault],
        (unsigned long long)torture->nth, atomic_load(&torture->name), what,
        words.size == 0 ? "" : ": ", SLICE_FMT(words));
    abort();
}

/* -- Faults ---------------------------------------------------------------------------------- */

static void arm(struct torture *torture)
{
    static const enum machine_fault faults[TORTURE_FAULT_COUNT] = {
        [TORTURE_CALLS] = MACHINE_REFUSES,
        [TORTURE_INTERRUPTS] = MACHINE_INTERRUPTS,
        [TORTURE_CUTS] = MACHINE_CUTS,
    };
    atomic_store(&torture->name, "");
    if (torture->fault == TORTURE_MEMORY) {
        (void)mem_fail_nth(torture->nth);
    } else if (torture->fault == TORTURE_NO_MEMORY) {
        mem_fail_from(torture->nth);
    } else {
        machine_arm(faults[torture->fault], torture->nth, &torture->name);
    }
}

/* How many could have failed. */
static uint64_t disarm(const struct torture *torture)
{
    const bool is_memory = torture->fault == TORTURE_MEMORY || torture->fault == TORTURE_NO_MEMORY;
    return is_memory ? mem_fail_nth(0) : machine_disarm();
}

/* -- Words ----------------------------------------------------------------------------------- */

void torture_require_words(const struct torture *torture, struct slice words)
{
    static const char *const forbidden[] = {"wasmtime", "cranelift", "mdb_", "MDB_", "0x", "uv_"};
    char text[TORTURE_WORDS_BYTES];
    (void)snprintf(text, sizeof text, "%.*s", SLICE_FMT(words));
    if (words.size == 0) {
        torture_failed(torture, "a refusal without words", words);
    }
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if (strstr(text, forbidden[i]) != NULL) {
            torture_failed(torture, "words that say how we are made", words);
        }
    }
}

enum torture_answer torture_refuse(struct torture *torture, cordon_error *error)
{
    const struct slice words = slice_str(cordon_error_get_message(error));
    torture_require_words(torture, words);
    (void)snprintf(torture->words, sizeof torture->words, "%.*s", SLICE_FMT(words));
    cordon_error_free(error);
    return ANSWER_REFUSED;
}

/* -- The child ------------------------------------------------------------------------------- */

static enum torture_answer take(
    const struct torture_road *road, struct torture *torture, void *world)
{
    (void)alarm(SECONDS_MAX);
    const enum torture_answer answer = road->take(torture, world);
    (void)alarm(0);
    torture->taken++;
    if (answer == ANSWER_GOOD) {
        torture->acknowledged++;
    }
    return answer;
}

/* Once with the fault, then once without. True if the fault came to pass. */
static bool take_with_fault(const struct torture_road *road, struct torture *torture, void *world)
{
    if (road->prepare != NULL) {
        road->prepare(torture, world);
    }
    atomic_store(&torture->acting, true);
    arm(torture);
    const enum torture_answer answer = take(road, torture, world);
    const bool came = disarm(torture) >= torture->nth;
    if (came) {
        atomic_store(&torture->has_come, true);
    }
    atomic_store(&torture->acting, false);
    if (answer != ANSWER_GOOD && (!came || torture->fault == TORTURE_INTERRUPTS)) {
        torture_failed(torture, "refused for no reason", slice_str(torture->words));
    }
    if (road->check != NULL) {
        road->check(torture, world);
    }
    if (take(road, torture, world) != ANSWER_GOOD) {
        torture_failed(torture, "it does not go on", slice_str(torture->words));
    }
    return came;
}

/* How far it is from one fault to the next. */
static uint64_t stride(const struct torture_road *road, struct torture *torture, void *world)
{
    torture->nth = UINT64_MAX;
    if (road->prepare != NULL) {
        road->prepare(torture, world);
    }
    arm(torture);
    TORTURE_REQUIRE(torture, take(road, torture, world) == ANSWER_GOOD);
    const uint64_t all = disarm(torture);
    const bool is_each = road->points == 0 || torture->fault == TORTURE_CALLS;
    const uint64_t points = is_each ? all : test_size(road->points);
    return all <= points ? 1 : all / points;
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    REQUIRE(folder != NULL);
    while (readdir(folder) != NULL) { /* NOLINT(concurrency-mt-unsafe): a folder of its own */
        count++;
    }
    (void)closedir(folder);
    return count;
}

/* A connection that was closed may take a moment to be gone. */
static void require_descriptors(const struct torture *torture, size_t before)
{
    for (int i = 0; i < 5000 && count_descriptors() > before; i++) {
        (void)usleep(1000);
    }
    TORTURE_REQUIRE(torture, count_descriptors() <= before);
}

static void be_child(const struct torture_road *road, struct torture *torture, uint64_t *nth)
{
    void *world = NULL;
    road->open(torture, &world);
    /* What is made at the first use, be made. */
    torture->nth = UINT64_MAX;
    (void)take_with_fault(road, torture, world);
    const uint64_t step = stride(road, torture, world);
    const size_t descriptors = count_descriptors();
    bool came = true;
    while (came) {
        torture->nth = *nth;
        *nth += step; /* whatever comes of it, the next child goes on behind it */
        came = take_with_fault(road, torture, world);
    }
    if (!road->forgets_descriptors) {
        require_descriptors(torture, descriptors);
    }
    atomic_store(&torture->over, true);
    road->close(torture, world);
}

/* -- The parent ------------------------------------------------------------------------------ */

struct shared {
    struct torture torture;
    uint64_t nth; /* the next */
};

static void read_words(int said, char words[TORTURE_WORDS_BYTES])
{
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0) {
        char rest[256];
        got = read(said, rest, sizeof rest);
        const size_t room = TORTURE_WORDS_BYTES - 1 - size;
        const size_t kept = got <= 0 ? 0 : (size_t)got < room ? (size_t)got : room;
        memcpy(words + size, rest, kept);
        size += kept;
        if (got > 0) {
            (void)fwrite(rest, 1, (size_t)got, stderr);
        }
    }
    words[size] = '\0';
    (void)close(said);
}

/* What a child that ended in the middle of its road may have said and done. */
static void require_stopped_well(
    const struct torture_road *road, struct torture *torture, int status, const char *words)
{
    /* What failed for a thread of the store may end the process a moment after the road. */
    const bool has_failed = atomic_load(&torture->acting) || atomic_load(&torture->has_come);
    const bool is_good = has_failed && WIFEXITED(status) &&
                         WEXITSTATUS(status) == EXIT_MACHINE_FAILED &&
                         strstr(words, "the process ends") != NULL;
    if (!is_good) {
        (void)fprintf(
            stderr, "%s: %s %llu (%s): the process ended with status %x\n", road->name,
            fault_names[torture->fault], (unsigned long long)torture->nth,
            atomic_load(&torture->name), (unsigned)status);
        abort();
    }
    torture->in_doubt++;
    atomic_store(&torture->acting, false);
    atomic_store(&torture->has_come, false);
}

/* Those of cmocka, which would make an end of the child one of its own. */
static void forget_handlers(void)
{
    static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        (void)signal(signals[i], SIG_DFL);
    }
}

static void run_child(const struct torture_road *road, struct shared *shared)
{
    int said[2];
    char words[TORTURE_WORDS_BYTES];
    REQUIRE(pipe2(said, O_CLOEXEC) == 0);
    (void)fflush(NULL);
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        REQUIRE(dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
        (void)close(said[0]);
        forget_handlers();
        be_child(road, &shared->torture, &shared->nth);
        exit(EXIT_SUCCESS); /* the sanitizer looks for leaks there */
    }
    (void)close(said[1]);
    int status = 0;
    read_words(said[0], words);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (status != 0) {
        require_stopped_well(road, &shared->torture, status, words);
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void torture_run(const struct torture_road *road, enum torture_fault fault)
{
    struct folder folder;
    folder_make(&folder); /* of the store alone; ours gets folders inside */
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    *shared = (struct shared){.nth = 1, .torture.fault = fault, .torture.name = ""};
    (void)snprintf(shared->torture.folder, sizeof shared->torture.folder, "%s", folder.path);
    while (!atomic_load(&shared->torture.over)) {
        run_child(road, shared);
    }
    (void)printf(
        "%s, %s: %llu roads, %llu of them good, %llu ends\n", road->name, fault_names[fault],
        (unsigned long long)shared->torture.taken, (unsigned long long)shared->torture.acknowledged,
        (unsigned long long)shared->torture.in_doubt);
    REQUIRE(munmap(shared, sizeof *shared) == 0);
    REQUIRE(nftw(folder.path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* -- The tests of a program ------------------------------------------------------------------ */

static const struct torture_road *suite_roads;
static size_t suite_count;

static void run_all(enum torture_fault fault)
{
    const char *only = getenv("CORDON_TEST_ROAD");
    for (size_t i = 0; i < suite_count; i++) {
        if (only == NULL || strcmp(only, suite_roads[i].name) == 0) {
            torture_run(&suite_roads[i], fault);
        }
    }
}

static void each_allocation_fails(void **state)
{
    (void)state;
    run_all(TORTURE_MEMORY);
}

static void memory_runs_out(void **state)
{
    (void)state;
    run_all(TORTURE_NO_MEMORY);
}

static void each_call_fails(void **state)
{
    (void)state;
    run_all(TORTURE_CALLS);
}

static void each_call_is_interrupted(void **state)
{
    (void)state;
    run_all(TORTURE_INTERRUPTS);
}

static void each_transfer_is_cut_short(void **state)
{
    (void)state;
    run_all(TORTURE_CUTS);
}

int torture_suite(const char *name, const struct torture_road *roads, size_t count)
{
    const struct CMUnitTest tests[TORTURE_FAULT_COUNT] = {
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(each_call_fails),
        cmocka_unit_test(each_call_is_interrupted),
        cmocka_unit_test(each_transfer_is_cut_short),
    };
    suite_roads = roads;
    suite_count = count;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
