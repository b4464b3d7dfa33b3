/*
 * The processes of cordon-compile when somebody kills or stops them, and callers who do not want to
 * wait: nobody waits without end, nothing is left behind, and what happened is told once.
 *
 *   this test ── keeper ── starter ── workers
 */
#include "engine/compiler.h"

#include "base/clock.h"
#include "support/expect.h"
#include "support/processes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 60000

/* What was told. */
struct log {
    atomic_uint replaced;
    atomic_uint lost;
    char words[512];
};

static void tell(void *arg, enum keeper_event event, const char *words)
{
    struct log *log = arg;
    (void)snprintf(log->words, sizeof log->words, "%s", words);
    atomic_fetch_add(event == KEEPER_LOST ? &log->lost : &log->replaced, 1);
}

static struct compiler *start(uint64_t time_ms, struct log *log)
{
    const struct compiler_options options = {
        .worker_path = FAKE_WORKER,
        .module_bytes_max = 1 << 20,
        .time_ms = time_ms,
        .memory_bytes = (uint64_t)64 << 20,
        .tell = log == NULL ? NULL : tell,
        .tell_arg = log,
    };
    struct compiler *compiler = NULL;
    expect_ok(compiler_start(&options, &compiler));
    return compiler;
}

static cordon_error *compile(struct compiler *compiler, const char *act)
{
    int fd = -7;
    cordon_error *error = compiler_compile(compiler, slice_str(act), NULL, &fd);
    if (error == NULL) {
        (void)close(fd);
    } else {
        assert_int_equal(fd, -7);
    }
    return error;
}

static bool await(const atomic_uint *count, unsigned wanted)
{
    const uint64_t deadline = clock_deadline_ns(10000);
    while (atomic_load(count) < wanted && clock_poll_ms(deadline) > 0) {
        (void)poll(NULL, 0, 1);
    }
    return atomic_load(count) == wanted;
}

/* No child of ours is left, neither alive nor to be reaped. */
static void expect_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Compiles on another thread. */
struct asker {
    pthread_t thread;
    struct compiler *compiler;
    const char *act;
    cordon_error *error;
};

static void *run_asker(void *data)
{
    struct asker *asker = data;
    asker->error = compile(asker->compiler, asker->act);
    return NULL;
}

static void ask(struct asker *asker, struct compiler *compiler, const char *act)
{
    *asker = (struct asker){.compiler = compiler, .act = act};
    assert_int_equal(pthread_create(&asker->thread, NULL, run_asker, asker), 0);
}

static cordon_error *answer(struct asker *asker)
{
    assert_int_equal(pthread_join(asker->thread, NULL), 0);
    return asker->error;
}

/* -- A starter that dies is replaced --------------------------------------------------------- */

static void test_killed_starter(void **state)
{
    (void)state;
    struct log log = {0};
    struct compiler *compiler = start(LIMIT_MS, &log);
    const pid_t first = process_await_child(process_await_child(getpid()));
    expect_ok(compile(compiler, "behaves"));

    /* Killed by a worker that it has; the one who waits for that hears of it. */
    expect_error(
        compile(compiler, "kill starter"), CORDON_E_SYSTEM, "died meanwhile and is started again");
    expect_ok(compile(compiler, "behaves"));
    expect_ok(compile(compiler, "behaves"));
    const pid_t second = process_await_child(process_await_child(getpid()));
    assert_int_not_equal(second, first);
    assert_true(process_await_end(first));
    assert_int_equal(log.replaced, 1);
    assert_int_equal(log.lost, 0);
    assert_non_null(strstr(log.words, "died (signal 9) and was started again"));

    /* Killed while it has nothing to do: nobody but the log notices. */
    assert_int_equal(kill(second, SIGTERM), 0);
    expect_ok(compile(compiler, "behaves")); /* when the next one has said hello */
    expect_ok(compile(compiler, "behaves"));
    assert_int_equal(log.replaced, 2);
    assert_non_null(strstr(log.words, "signal 15"));
    compiler_stop(compiler);
    expect_no_child();
}

static void test_starter_killed_under_many(void **state)
{
    (void)state;
    struct compiler *compiler = start(LIMIT_MS, NULL);
    struct asker askers[4];
    for (size_t i = 0; i < COUNT(askers); i++) {
        ask(&askers[i], compiler, "kill starter");
    }
    for (size_t i = 0; i < COUNT(askers); i++) {
        expect_error(answer(&askers[i]), CORDON_E_SYSTEM, "deploy again");
    }
    expect_ok(compile(compiler, "behaves"));
    compiler_stop(compiler);
    expect_no_child();
}

/* One that is stopped would be waited for as long as it likes; it is replaced too. */
static void test_stopped_starter(void **state)
{
    (void)state;
    struct log log = {0};
    struct compiler *compiler = start(LIMIT_MS, &log);
    expect_ok(compiler_watch(compiler));
    const pid_t starter = process_await_child(process_await_child(getpid()));
    struct asker asker;
    ask(&asker, compiler, "hang");
    const pid_t worker = process_await_child(starter);
    assert_int_equal(kill(starter, SIGSTOP), 0);
    expect_error(answer(&asker), CORDON_E_SYSTEM, "died meanwhile");
    assert_true(process_await_end(worker));
    assert_true(process_await_end(starter));
    expect_ok(compile(compiler, "behaves"));
    assert_true(await(&log.replaced, 1));
    assert_non_null(strstr(log.words, "signal 19"));
    compiler_stop(compiler);
    expect_no_child();
}

/* -- A keeper that dies is the end ----------------------------------------------------------- */

static void expect_lost(struct compiler *compiler)
{
    for (int i = 0; i < 3; i++) {
        expect_error(
            compile(compiler, "behaves"), CORDON_E_SYSTEM,
            "is gone, so nothing can be compiled; restart this program");
    }
}

static void test_killed_keeper_watched(void **state)
{
    (void)state;
    struct log log = {0};
    struct compiler *compiler = start(LIMIT_MS, &log);
    expect_ok(compiler_watch(compiler));
    const pid_t keeper = process_await_child(getpid());
    const pid_t starter = process_await_child(keeper);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    /* Without anybody who compiles: it is told and reaped, and the starter is gone too. */
    assert_true(await(&log.lost, 1));
    assert_non_null(strstr(log.words, "(signal 9)"));
    assert_non_null(strstr(log.words, "restart this program"));
    assert_true(process_await_end(keeper));
    assert_true(process_await_death(starter));
    expect_no_child();
    expect_lost(compiler);
    compiler_stop(compiler);
    assert_int_equal(log.lost, 1);
    assert_int_equal(log.replaced, 0);
}

static void test_killed_keeper_unwatched(void **state)
{
    (void)state;
    struct log log = {0};
    struct compiler *compiler = start(LIMIT_MS, &log);
    const pid_t keeper = process_await_child(getpid());
    struct asker asker;
    ask(&asker, compiler, "hang");
    const pid_t starter = process_await_child(keeper);
    const pid_t worker = process_await_child(starter);
    assert_int_equal(kill(keeper, SIGKILL), 0);
    expect_error(answer(&asker), CORDON_E_SYSTEM, "is gone, so nothing can be compiled");
    assert_true(process_await_death(starter));
    assert_true(process_await_death(worker));
    assert_int_equal(log.lost, 1);
    expect_no_child();
    expect_lost(compiler);
    assert_int_equal(log.lost, 1);
    compiler_stop(compiler);
}

/* -- Nobody waits without end ---------------------------------------------------------------- */

/* Stops keeper, starter and workers: the keeper first, or it would replace the starter. */
static pid_t stop_all(void)
{
    const pid_t keeper = process_await_child(getpid());
    const pid_t starter = process_await_child(keeper);
    assert_int_equal(kill(keeper, SIGSTOP), 0);
    assert_true(process_await_state(keeper, 'T'));
    assert_int_equal(kill(-keeper, SIGSTOP), 0); /* their process group */
    assert_true(process_await_state(starter, 'T'));
    return keeper;
}

static void test_late(void **state)
{
    (void)state;
    struct compiler *compiler = start(100, NULL);
    const pid_t keeper = stop_all();
    /* Two have the places, two wait for one: all of them come back, in one wait's time. */
    struct asker askers[4];
    const uint64_t started = clock_monotonic_ns();
    for (size_t i = 0; i < COUNT(askers); i++) {
        ask(&askers[i], compiler, "behaves");
    }
    unsigned silent = 0;
    unsigned busy = 0;
    for (size_t i = 0; i < COUNT(askers); i++) {
        cordon_error *error = answer(&askers[i]);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_OVERLOADED);
        const char *words = cordon_error_get_message(error);
        silent += strstr(words, "gave no answer in compile_time_ms (100) and 5000 ms") != NULL;
        busy += strstr(words, "2 other modules are being compiled; try again") != NULL;
        cordon_error_free(error);
    }
    assert_in_range(clock_monotonic_ns() - started, UINT64_C(5100000000), UINT64_C(30000000000));
    assert_int_equal(silent + busy, COUNT(askers));
    assert_true(silent >= 2);
    /* What was taken back is not done later, and does not stand in the way. */
    assert_int_equal(kill(-keeper, SIGCONT), 0);
    cordon_error *error = compile(compiler, "behaves");
    for (int tries = 0; tries < 50 && error != NULL; tries++) { /* 100 ms may be few */
        cordon_error_free(error);
        error = compile(compiler, "behaves");
    }
    expect_ok(error);
    compiler_stop(compiler);
    expect_no_child();
}

static void expect_cancelled(cordon_error *error)
{
    expect_error(error, CORDON_E_OVERLOADED, "the program is stopping and compiles no more");
}

static void test_cancel(void **state)
{
    (void)state;
    struct compiler *compiler = start(LIMIT_MS, NULL);
    const pid_t starter = process_await_child(process_await_child(getpid()));
    struct asker askers[4]; /* two at work, two that wait for a place */
    for (size_t i = 0; i < COUNT(askers); i++) {
        ask(&askers[i], compiler, "hang");
    }
    (void)process_await_child(starter);
    compiler_cancel(compiler);
    for (size_t i = 0; i < COUNT(askers); i++) {
        expect_cancelled(answer(&askers[i]));
    }
    /* Before the compiler is stopped. */
    assert_true(process_await_childless(starter));
    assert_true(process_await_state(starter, 'S'));
    expect_cancelled(compile(compiler, "behaves"));
    compiler_resume(compiler);
    expect_ok(compile(compiler, "behaves"));
    compiler_stop(compiler);
    expect_no_child();
}

static void test_cancel_when_stopped(void **state)
{
    (void)state;
    struct compiler *compiler = start(LIMIT_MS, NULL);
    expect_ok(compiler_watch(compiler));
    const pid_t starter = process_await_child(process_await_child(getpid()));
    struct asker asker;
    ask(&asker, compiler, "hang");
    const pid_t worker = process_await_child(starter);
    (void)stop_all();
    compiler_cancel(compiler);
    expect_cancelled(answer(&asker));
    compiler_stop(compiler);
    expect_no_child();
    assert_true(process_await_death(worker));
    assert_true(process_await_death(starter));
}

/* -- The program ends ------------------------------------------------------------------------ */

/* A program that is killed takes all of them along, each reaped by the one above it. */
static void test_nothing_outlives_the_program(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    const pid_t program = fork();
    if (program == 0) {
        struct compiler *compiler = start(LIMIT_MS, NULL);
        cordon_error_free(compile(compiler, "hang"));
        _exit(1);
    }
    const pid_t keeper = process_await_child(program);
    const pid_t starter = process_await_child(keeper);
    const pid_t worker = process_await_child(starter);
    assert_true(keeper > 0 && starter > 0 && worker > 0);
    assert_int_equal(kill(program, SIGKILL), 0);
    assert_int_equal(waitpid(program, NULL, 0), program);
    assert_int_equal(waitpid(keeper, NULL, 0), keeper);
    expect_no_child();
    assert_true(process_await_end(starter));
    assert_true(process_await_end(worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_starter),
        cmocka_unit_test(test_starter_killed_under_many),
        cmocka_unit_test(test_stopped_starter),
        cmocka_unit_test(test_killed_keeper_watched),
        cmocka_unit_test(test_killed_keeper_unwatched),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_when_stopped),
        cmocka_unit_test(test_nothing_outlives_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
