/*
 * Faults in a program that has the library in it: each signal that the engine has a handler for
 * goes to the program's own handler with all that it was raised with, wherever the program's fault
 * is, and to the default where the program has none. Decision 035 says which signals these are.
 */
#include <cordon/cordon.h>

#include "support/expect.h"
#include "support/signals.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- Faults of the program ------------------------------------------------------------------ */

struct fault {
    const char *name;
    int signal;
    unsigned char code[16]; /* what is run; none: a page is written that may not be */
    size_t code_size;
    size_t at;        /* where in it the fault is */
    const char *trap; /* what of a guest's raises the same signal */
};

static const struct fault faults[] = {
    {"a page that it may not write", SIGSEGV, {0}, 0, 0, "basic:outside"},
#if defined __x86_64__
    /* ud2 */
    {"an instruction that there is not", SIGILL, {0x0f, 0x0b}, 2, 0, "basic:unreachable"},
    /* xor %ecx, %ecx; mov $1, %eax; cltd; idiv %ecx */
    {"a division by zero",
     SIGFPE,
     {0x31, 0xc9, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x99, 0xf7, 0xf9},
     10,
     8,
     "basic:divide"},
#elif defined __aarch64__
    /* udf #0 */
    {"an instruction that there is not", SIGILL, {0}, 4, 0, "basic:unreachable"},
#endif
};

enum { PAGE = 4096 };

static _Thread_local sigjmp_buf after_fault;
static _Thread_local volatile sig_atomic_t seen_signal;
static _Thread_local siginfo_t seen;
static _Thread_local bool has_context;
static atomic_int seen_count;

static void on_own_fault(int signal_number, siginfo_t *info, void *context)
{
    seen_signal = signal_number;
    seen = *info;
    has_context = context != NULL;
    atomic_fetch_add(&seen_count, 1);
    siglongjmp(after_fault, 1);
}

/* Stops the process: threads and host functions cannot fail a test by cmocka's jumps. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void run_into(const struct fault *fault, unsigned char *page)
{
    if (fault->code_size == 0) {
        *(volatile unsigned char *)page = 1;
        return;
    }
    void (*code)(void) = NULL;
    memcpy((void *)&code, (const void *)&page, sizeof code);
    code();
}

static unsigned char *make_page(const struct fault *fault)
{
    unsigned char *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    memcpy(page, fault->code, fault->code_size);
    REQUIRE(mprotect(page, PAGE, fault->code_size > 0 ? PROT_READ | PROT_EXEC : PROT_NONE) == 0);
    return page;
}

/* The program runs into it, and its handler gets what the kernel said. */
static void expect_own(const struct fault *fault)
{
    unsigned char *page = make_page(fault);
    const int before = atomic_load(&seen_count);
    seen_signal = 0;
    memset(&seen, 0, sizeof seen);
    if (sigsetjmp(after_fault, 1) == 0) {
        run_into(fault, page);
        REQUIRE(!"a fault was swallowed");
    }
    REQUIRE(atomic_load(&seen_count) == before + 1);
    REQUIRE(seen_signal == fault->signal);
    REQUIRE(seen.si_signo == fault->signal && seen.si_code > 0 && has_context);
    REQUIRE(seen.si_addr == page + fault->at);
    REQUIRE(munmap(page, PAGE) == 0);
}

/* -- The library ---------------------------------------------------------------------------- */

static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s\n", cordon_error_get_message(error));
        abort();
    }
}

static cordon_host_answer run_into_it(void *arg, cordon_host_call *call)
{
    const struct fault *const *fault = arg;
    expect_own(*fault);
    cordon_host_call_reply(call, "1", 1);
    return CORDON_HOST_DONE;
}

static void read_guest(const char *name, cordon_module *out_module)
{
    char path[1024];
    (void)snprintf(path, sizeof path, CORDON_TEST_GUESTS "/%s.wasm", name);
    FILE *file = fopen(path, "rbe");
    REQUIRE(file != NULL);
    char *bytes = malloc(65536);
    REQUIRE(bytes != NULL);
    *out_module = (cordon_module){name, bytes, fread(bytes, 1, 65536, file)};
    (void)fclose(file);
}

/* With a function of the program that runs into the fault that `*fault` is at that time. */
static cordon_runtime *open_runtime(const struct fault **fault)
{
    const cordon_host_function function = {
        .size = sizeof function,
        .module = "shop",
        .name = "price",
        .kinds = CORDON_HOST_QUERIES | CORDON_HOST_MUTATIONS | CORDON_HOST_ACTIONS,
        .call = run_into_it,
        .arg = fault};
    const cordon_host_function *const list[] = {&function};
    const cordon_runtime_options options = {
        .size = sizeof options,
        .compile_inside = true,
        .host_functions = list,
        .host_function_count = 1};
    cordon_module modules[2];
    cordon_runtime *runtime = NULL;
    char *report = NULL;
    read_guest("basic", &modules[0]);
    read_guest("program", &modules[1]);
    must(cordon_runtime_new(&options, &runtime));
    must(cordon_deploy(runtime, modules, 2, &report));
    cordon_free(report);
    free((void *)(uintptr_t)modules[0].data);
    free((void *)(uintptr_t)modules[1].data);
    return runtime;
}

static void expect_call(cordon_runtime *runtime, const char *path, cordon_outcome_code code)
{
    const cordon_request request = {.size = sizeof request, .path = path};
    cordon_call *call = NULL;
    must(cordon_call_new(runtime, &request, NULL, NULL, &call));
    cordon_call_finish(call);
    REQUIRE(cordon_outcome_get_code(cordon_call_get_outcome(call)) == code);
    cordon_call_free(call);
}

/* -- Tests ---------------------------------------------------------------------------------- */

static void set_all(const struct sigaction *action)
{
    static const int signals[] = {SIGSEGV, SIGILL, SIGFPE};
    for (size_t i = 0; i < COUNT(signals); i++) {
        REQUIRE(sigaction(signals[i], action, NULL) == 0);
    }
}

/* Before the process has its first runtime, as the engine's handlers come with that. */
static void without_handlers_the_process_dies_of_its_fault(void **state)
{
    (void)state;
    volatile bool *trapped =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(trapped != MAP_FAILED);
    for (size_t i = 0; i < COUNT(faults); i++) {
        *trapped = false;
        const pid_t pid = fork();
        if (pid == 0) {
            const struct sigaction usual = {.sa_handler = SIG_DFL};
            const struct rlimit none = {0};
            (void)setrlimit(RLIMIT_CORE, &none);
            set_all(&usual);
            const struct fault *fault = &faults[i];
            cordon_runtime *runtime = open_runtime(&fault);
            expect_call(runtime, fault->trap, CORDON_OUTCOME_TRAPPED);
            *trapped = true;
            run_into(fault, make_page(fault));
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != faults[i].signal) {
            fail_msg("%s ended with status %x", faults[i].name, (unsigned)status);
        }
        assert_true(*trapped); /* by then, and it did not die of the guest's */
    }
    assert_int_equal(munmap((void *)(uintptr_t)trapped, PAGE), 0);
}

struct work {
    cordon_runtime *runtime;
    const struct fault *fault;
    const struct fault **of_program;
};

/* Outside of calls, within a function of its own, and within one that a called function calls. */
static void *run_into_everywhere(void *arg)
{
    const struct work *work = arg;
    *work->of_program = work->fault;
    expect_own(work->fault);
    expect_call(work->runtime, work->fault->trap, CORDON_OUTCOME_TRAPPED);
    expect_own(work->fault);
    const int before = atomic_load(&seen_count);
    expect_call(work->runtime, "program:ask", CORDON_OUTCOME_SUCCESS);
    expect_call(work->runtime, "program:ask_query", CORDON_OUTCOME_SUCCESS);
    expect_call(work->runtime, "program:inner", CORDON_OUTCOME_SUCCESS);
    REQUIRE(atomic_load(&seen_count) == before + 3);
    expect_call(work->runtime, work->fault->trap, CORDON_OUTCOME_TRAPPED);
    REQUIRE(atomic_load(&seen_count) == before + 3); /* a guest's is none of the program's */
    expect_own(work->fault);
    return NULL;
}

static void faults_of_the_program_are_its_own(void **state)
{
    (void)state;
    const struct sigaction own = {.sa_sigaction = on_own_fault, .sa_flags = SA_SIGINFO};
    const struct fault *of_program = NULL;
    set_all(&own);
    cordon_runtime *runtime = open_runtime(&of_program);
    for (size_t i = 0; i < COUNT(faults); i++) {
        print_message("%s\n", faults[i].name);
        struct work work = {runtime, &faults[i], &of_program};
        (void)run_into_everywhere(&work);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_into_everywhere, &work), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    cordon_runtime_free(runtime);
    for (size_t i = 0; i < COUNT(faults); i++) {
        expect_own(&faults[i]);
    }
    engine_signals_restore();
}

/* The engine wants an alternate stack of 256 KiB; a larger one of the program's stays. */
static void *keep_stack(void *arg)
{
    static char bytes[1 << 19];
    const stack_t own = {.ss_sp = bytes, .ss_size = sizeof bytes};
    stack_t now = {0};
    REQUIRE(sigaltstack(&own, NULL) == 0);
    expect_call(arg, "basic:outside", CORDON_OUTCOME_TRAPPED);
    REQUIRE(sigaltstack(NULL, &now) == 0);
    REQUIRE(now.ss_sp == bytes && now.ss_size == sizeof bytes);
    const stack_t none = {.ss_flags = SS_DISABLE};
    REQUIRE(sigaltstack(&none, NULL) == 0);
    return NULL;
}

static void an_alternate_stack_that_is_large_enough_stays(void **state)
{
    (void)state;
    const struct fault *of_program = &faults[0];
    cordon_runtime *runtime = open_runtime(&of_program);
    engine_signals_restore();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_stack, runtime), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cordon_runtime_free(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_handlers_the_process_dies_of_its_fault),
        cmocka_unit_test(faults_of_the_program_are_its_own),
        cmocka_unit_test(an_alternate_stack_that_is_large_enough_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
