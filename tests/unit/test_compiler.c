/*
 * Compiling in another process: modules good and bad through the real worker, and through one that
 * misbehaves on demand (fake_worker.c), after which a good module must compile as before.
 */
#include "engine/compiler.h"

#include "base/clock.h"
#include "engine/protocol.h"
#include "engine/sealed.h"
#include "unit/engine_world.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct compiler *start(const char *worker, uint64_t time_ms, uint64_t memory_bytes)
{
    const struct compiler_options options = {
        .worker_path = worker,
        .module_bytes_max = 1 << 20,
        .time_ms = time_ms,
        .memory_bytes = memory_bytes,
    };
    struct compiler *compiler = NULL;
    expect_ok(compiler_start(&options, &compiler));
    return compiler;
}

/* Compiles a good module, loads it and runs it. */
static void check_good(struct compiler *compiler)
{
    const struct slice wasm = wat_compile("(module (import \"t\" \"note\" (func $note (param i64)))"
                                          " (func (export \"f\") (call $note (i64.const 42))))");
    int fd = -1;
    expect_ok(compiler_compile(compiler, wasm, NULL, &fd));
    mem_free((void *)(uintptr_t)wasm.data);
    const int seals = fcntl(fd, F_GET_SEALS);
    assert_int_equal(seals, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);

    struct engine *engine = engine_for(1);
    struct engine_module *module = NULL;
    expect_ok(engine_module_load(engine, fd, &module));
    struct host host = {0};
    const struct engine_call_options options = call_options(module, &host);
    assert_int_equal(run(&options).state, ENGINE_RETURNED);
    assert_int_equal(host.note_count, 1);
    assert_int_equal(host.notes[0], 42);
    engine_module_unref(module);
    close_engine(engine);
    (void)close(fd);
}

static void test_good(void **state)
{
    (void)state;
    struct compiler *compiler = start(COMPILE_WORKER, 60000, (uint64_t)1 << 31);
    check_good(compiler);
    check_good(compiler);
    compiler_stop(compiler);
}

static bool wakes_fail;

/* Stands before the C library's. */
int eventfd_write(int fd, eventfd_t value)
{
    if (wakes_fail) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, &value, sizeof value) == (ssize_t)sizeof value ? 0 : -1;
}

/* More than there are places, and none of them waits for one that was not given back. */
static void test_places_need_no_wake(void **state)
{
    (void)state;
    struct compiler *compiler = start(COMPILE_WORKER, 2000, (uint64_t)1 << 31);
    wakes_fail = true;
    for (size_t i = 0; i < (size_t)2 * WORKERS_MAX; i++) {
        check_good(compiler);
    }
    wakes_fail = false;
    compiler_stop(compiler);
}

static void test_same_code_as_inside(void **state)
{
    (void)state;
    struct engine *engine = engine_for(1);
    struct compiler *compiler = start(COMPILE_WORKER, 60000, (uint64_t)1 << 31);
    const struct slice wasm = wat_compile("(module (func (export \"f\")))");
    struct slice inside = {0};
    struct sealed_view outside = {0};
    int fd = -1;
    expect_ok(engine_compile_inside(wasm, NULL, &inside));
    expect_ok(compiler_compile(compiler, wasm, NULL, &fd));
    expect_ok(sealed_view_open(fd, &outside));
    assert_true(slice_equal(inside, outside.bytes));
    sealed_view_close(&outside);
    (void)close(fd);
    mem_free((void *)(uintptr_t)inside.data);
    mem_free((void *)(uintptr_t)wasm.data);
    compiler_stop(compiler);
    close_engine(engine);
}

static void test_bad_modules(void **state)
{
    (void)state;
    static const struct {
        struct slice wasm;
        const char *part;
    } cases[] = {
        {{NULL, 0}, "the module is not valid: "},
        {{(const uint8_t *)"hello, world", 12}, "the module is not valid: "},
        {{(const uint8_t *)"\0asm\1\0\0", 7}, ", at byte 4"},
        {{(const uint8_t *)"\0asm\1\0\0\0\1\xff", 10}, ", at byte 10"},
        {{(const uint8_t *)"\0asm\1\0\0\0\x03\x02\x01\x00\x0a\x04\x01\x02\x00\x0b", 18},
         ", at byte "},
    };
    struct compiler *compiler = start(COMPILE_WORKER, 60000, (uint64_t)1 << 31);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int fd = -7;
        expect_error(
            compiler_compile(compiler, cases[i].wasm, NULL, &fd), CORDON_E_MODULE_REFUSED,
            cases[i].part);
        assert_int_equal(fd, -7);
    }
    static const uint8_t large[(1 << 20) + 1];
    int fd = -7;
    expect_error(
        compiler_compile(compiler, slice_of(large, sizeof large), NULL, &fd),
        CORDON_E_MODULE_REFUSED,
        "the module is 1048577 bytes long; the limit module_bytes is 1048576. Make");
    expect_error(
        compiler_compile(compiler, slice_of(large, sizeof large - 1), NULL, &fd),
        CORDON_E_MODULE_REFUSED, "the module is not valid: ");
    check_good(compiler);
    compiler_stop(compiler);
}

/* Real work over a limit: one long function. */
static void test_real_limits(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, (size_t)8 << 20);
    expect_ok(
        buffer_printf(&text, "(module (func (export \"f\") (param i32) (result i32) local.get 0"));
    for (size_t i = 0; i < 60000; i++) {
        expect_ok(buffer_printf(&text, " local.get 0 i32.const %zu i32.mul i32.add", i));
    }
    expect_ok(buffer_printf(&text, "))"));
    expect_ok(buffer_append_byte(&text, 0));
    const struct slice wasm = wat_compile((const char *)text.data);
    buffer_done(&text);

    int fd = -7;
    struct compiler *hasty = start(COMPILE_WORKER, 20, (uint64_t)1 << 31);
    expect_error(
        compiler_compile(hasty, wasm, NULL, &fd), CORDON_E_MODULE_REFUSED,
        "it took more than 20 ms; make");
    compiler_stop(hasty);

    struct compiler *small = start(COMPILE_WORKER, 60000, (uint64_t)4 << 20);
    cordon_error *error = compiler_compile(small, wasm, NULL, &fd);
    if (!WORKER_IS_SANITIZED) {
        expect_error(error, CORDON_E_MODULE_REFUSED, "it took more than 4194304 bytes of memory");
        check_good(small);
    } else {
        cordon_error_free(error);
    }
    compiler_stop(small);

    struct compiler *large = start(COMPILE_WORKER, 60000, (uint64_t)1 << 31);
    expect_ok(compiler_compile(large, wasm, NULL, &fd));
    (void)close(fd);
    compiler_stop(large);
    mem_free((void *)(uintptr_t)wasm.data);
}

static void test_misbehaviour(void **state)
{
    (void)state;
    static const struct {
        const char *act;
        cordon_error_code code;
        const char *part;
    } cases[] = {
        {"hang", CORDON_E_MODULE_REFUSED, "it took more than 500 ms; make it smaller"},
        {"spin", CORDON_E_MODULE_REFUSED, "it took more than 500 ms; make it smaller"},
        {"crash", CORDON_E_MODULE_REFUSED, "the compiler died"},
        {"number", CORDON_E_MODULE_REFUSED, "the compiler died"},
        {"junk", CORDON_E_MODULE_REFUSED, "left no machine code"},
        {"nothing", CORDON_E_MODULE_REFUSED, "left no machine code"},
        {"words", CORDON_E_MODULE_REFUSED, "the module is not valid: ?[31mred??xxx"},
        {"words", CORDON_E_MODULE_REFUSED, "xxx, at byte 7"},
        {"half a refusal", CORDON_E_MODULE_REFUSED, "gives no reason"},
        {"silent", CORDON_E_MODULE_REFUSED, "gives no reason"},
        {"much", CORDON_E_MODULE_REFUSED, "it took more than 67108864 bytes of machine code"},
#if !WORKER_IS_SANITIZED
        {"eat", CORDON_E_MODULE_REFUSED,
         "it took more than 67108864 bytes of memory; make it smaller"},
#endif
        {"keep mapped", CORDON_E_SYSTEM, "could not be sealed"},
        {"opens", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"connects", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"forks", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"executes", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"makes code", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"makes data code", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"maps artifact", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"signals", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"traces", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
        {"writes module", CORDON_E_MODULE_REFUSED, "the compiler died (signal 31)"},
    };
    struct compiler *patient = start(FAKE_WORKER, 60000, (uint64_t)64 << 20);
    struct compiler *hasty = start(FAKE_WORKER, 500, (uint64_t)64 << 20);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const bool is_late = strstr(cases[i].part, "500 ms") != NULL;
        int fd = -7;
        print_message("%s\n", cases[i].act);
        expect_error(
            compiler_compile(is_late ? hasty : patient, slice_str(cases[i].act), NULL, &fd),
            cases[i].code, cases[i].part);
        assert_int_equal(fd, -7);
        check_good(patient);
    }
    int fd = -7;
    expect_ok(compiler_compile(patient, SLICE("behaves"), NULL, &fd));
    (void)close(fd);
    compiler_stop(hasty);
    compiler_stop(patient);
}

/* A starter that does not read makes a send fail, not wait. */
static void test_send_never_waits(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    const struct protocol_request request = {.time_ms = 1};
    size_t sent = 0;
    while (protocol_send(ends[0], slice_of(&request, sizeof request), NULL, 0)) {
        sent++;
        assert_true(sent < 100000);
    }
    assert_int_equal(errno, EAGAIN);
    assert_true(sent > 0);
    struct protocol_request read = {0};
    assert_true(protocol_receive(ends[1], &read, sizeof read, NULL, 0));
    assert_int_equal(read.time_ms, 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Limits at the end of their type are no limit, and no overflow. */
static void test_limits_without_end(void **state)
{
    (void)state;
    struct compiler *compiler = start(COMPILE_WORKER, UINT64_MAX, UINT64_MAX);
    check_good(compiler);
    compiler_stop(compiler);
}

/* -- Several at once ------------------------------------------------------------------------ */

struct asker {
    pthread_t thread;
    struct compiler *compiler;
    const char *act;
    cordon_error *error;
    int fd;
};

static void *ask(void *data)
{
    struct asker *asker = data;
    asker->error = compiler_compile(asker->compiler, slice_str(asker->act), NULL, &asker->fd);
    return NULL;
}

static void ask_all(struct asker *askers, size_t count, struct compiler *compiler, const char *act)
{
    for (size_t i = 0; i < count; i++) {
        askers[i] = (struct asker){.compiler = compiler, .act = act, .fd = -7};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
    }
}

static void test_two_at_once(void **state)
{
    (void)state;
    struct asker askers[8];
    struct compiler *compiler = start(FAKE_WORKER, 30000, (uint64_t)64 << 20);
    ask_all(askers, 2, compiler, "meet");
    for (size_t i = 0; i < 2; i++) {
        expect_ok(askers[i].error);
        (void)close(askers[i].fd);
    }
    ask_all(askers, COUNT(askers), compiler, "behaves");
    for (size_t i = 0; i < COUNT(askers); i++) {
        expect_ok(askers[i].error);
        (void)close(askers[i].fd);
    }
    compiler_stop(compiler);
}

/* A third waits for one of the two to end, and its own time begins then. */
static void test_never_three_at_once(void **state)
{
    (void)state;
    struct asker askers[3];
    struct compiler *compiler = start(FAKE_WORKER, 300, (uint64_t)64 << 20);
    const uint64_t started = clock_monotonic_ns();
    ask_all(askers, COUNT(askers), compiler, "hang");
    assert_true(clock_monotonic_ns() - started >= UINT64_C(600000000));
    for (size_t i = 0; i < COUNT(askers); i++) {
        expect_error(askers[i].error, CORDON_E_MODULE_REFUSED, "it took more than 300 ms");
    }
    compiler_stop(compiler);
}

/* -- The starter ---------------------------------------------------------------------------- */

static void test_wrong_workers(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-compiler-XXXXXX";
    char other[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(other, sizeof other, "%s/other-build", folder);
    assert_int_equal(symlink(FAKE_WORKER, other), 0);
    const struct {
        const char *path;
        const char *part;
    } cases[] = {
        {"/nowhere/cordon-compile", "/nowhere/cordon-compile could not be started: No such file"},
        {"/nowhere/cordon-compile", "build or install cordon-compile beside cordon"},
        {"/dev/null", "Permission denied"},
        {"/bin/true", "/bin/true does not answer as a compile worker; build or install"},
        {other, "is of another version"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct compiler_options options = {
            .worker_path = cases[i].path, .module_bytes_max = 1, .time_ms = 1, .memory_bytes = 1};
        struct compiler *compiler = NULL;
        expect_error(compiler_start(&options, &compiler), CORDON_E_SYSTEM, cases[i].part);
        assert_null(compiler);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    assert_int_equal(errno, ECHILD);
    (void)unlink(other);
    (void)rmdir(folder);
    compiler_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_places_need_no_wake),
        cmocka_unit_test(test_same_code_as_inside),
        cmocka_unit_test(test_bad_modules),
        cmocka_unit_test(test_real_limits),
        cmocka_unit_test(test_misbehaviour),
        cmocka_unit_test(test_send_never_waits),
        cmocka_unit_test(test_limits_without_end),
        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_never_three_at_once),
        cmocka_unit_test(test_wrong_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
