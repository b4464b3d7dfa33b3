/*
 * The library in somebody's program: what it leaves alone there, whose faults are whose, and many
 * threads with many runtimes.
 */
#include <cordon/cordon.h>

#include "contract/harness.h"
#include "support/expect.h"
#include "support/signals.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* -- Modules and calls ---------------------------------------------------------------------- */

enum { GUESTS = 3 };
static cordon_module modules[GUESTS];

static int read_guests(void **state)
{
    (void)state;
    static const char *const names[GUESTS] = {"basic", "counter", "effects"};
    for (size_t i = 0; i < GUESTS; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, CORDON_TEST_GUESTS "/%s.wasm", names[i]);
        FILE *file = fopen(path, "rbe");
        assert_non_null(file);
        char *bytes = malloc(65536);
        assert_non_null(bytes);
        modules[i] = (cordon_module){names[i], bytes, fread(bytes, 1, 65536, file)};
        (void)fclose(file);
    }
    return 0;
}

static int free_guests(void **state)
{
    (void)state;
    for (size_t i = 0; i < GUESTS; i++) {
        free((void *)(uintptr_t)modules[i].data);
    }
    return 0;
}

/* Stops the process: threads cannot fail a test by cmocka's jumps. */
static void must(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s\n", cordon_error_get_message(error));
        abort();
    }
}

static cordon_outcome_code call(cordon_runtime *runtime, const char *path)
{
    const cordon_request request = {.size = sizeof request, .path = path};
    cordon_call *made = NULL;
    must(cordon_call_new(runtime, &request, NULL, NULL, &made));
    cordon_call_finish(made);
    const cordon_outcome_code code = cordon_outcome_get_code(cordon_call_get_outcome(made));
    cordon_call_free(made);
    return code;
}

/* `fuel` 0: that of the table. */
static cordon_runtime *open_runtime(const char *folder, bool with_worker, uint64_t fuel)
{
    cordon_runtime_options options = {
        .size = sizeof options,
        .data_folder = folder,
        .compile_worker = with_worker ? COMPILE_WORKER : NULL,
        .compile_inside = !with_worker,
        .slots = 32,
    };
    options.limits.set[CORDON_LIMIT_FUEL] = fuel > 0;
    options.limits.value[CORDON_LIMIT_FUEL] = fuel;
    cordon_runtime *runtime = NULL;
    char *report = NULL;
    must(cordon_runtime_new(&options, &runtime));
    must(cordon_deploy(runtime, modules, GUESTS, &report));
    cordon_free(report);
    return runtime;
}

/* -- What is the process's own -------------------------------------------------------------- */

struct process {
    struct sigaction actions[65];
    sigset_t mask;
    char locale[256];
    mode_t umask;
    char folder[1024];
    char **environment;
    size_t environment_bytes;
    char name[16];
    struct rlimit limits[RLIM_NLIMITS];
    int flags[3];
    int controls[5];
    int priority;
    int personality;
    size_t descriptors;
    size_t threads;
};

static bool is_engines(int signal)
{
    return signal == SIGSEGV || signal == SIGILL || signal == SIGFPE;
}

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void look(struct process *process)
{
    memset(process, 0, sizeof *process);
    for (int signal = 1; signal <= 64; signal++) {
        if (!is_engines(signal)) {
            (void)sigaction(signal, NULL, &process->actions[signal]);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, NULL, &process->mask);
    (void)snprintf(process->locale, sizeof process->locale, "%s", setlocale(LC_ALL, NULL));
    process->umask = umask(0);
    (void)umask(process->umask);
    assert_non_null(getcwd(process->folder, sizeof process->folder));
    process->environment = environ;
    for (char **at = environ; *at != NULL; at++) {
        process->environment_bytes += strlen(*at);
    }
    (void)prctl(PR_GET_NAME, process->name);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        (void)getrlimit((__rlimit_resource_t)i, &process->limits[i]);
    }
    for (int i = 0; i < 3; i++) {
        process->flags[i] = fcntl(i, F_GETFL);
    }
    process->controls[0] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    process->controls[1] = prctl(PR_GET_SECCOMP);
    process->controls[2] = prctl(PR_GET_DUMPABLE);
    (void)prctl(PR_GET_CHILD_SUBREAPER, &process->controls[3]);
    (void)prctl(PR_GET_PDEATHSIG, &process->controls[4]);
    process->priority = getpriority(PRIO_PROCESS, 0);
    process->personality = personality(0xffffffff);
    process->descriptors = count_entries("/proc/self/fd");
    process->threads = count_entries("/proc/self/task");
}

static void expect_same(const struct process *before, const struct process *now)
{
    for (int signal = 1; signal <= 64; signal++) {
        if (memcmp(
                &before->actions[signal].sa_handler, &now->actions[signal].sa_handler,
                sizeof(void *)) != 0 ||
            before->actions[signal].sa_flags != now->actions[signal].sa_flags) {
            fail_msg("signal %d has another handler", signal);
        }
    }
    assert_memory_equal(&before->mask, &now->mask, sizeof now->mask);
    assert_string_equal(before->locale, now->locale);
    assert_int_equal(before->umask, now->umask);
    assert_string_equal(before->folder, now->folder);
    assert_ptr_equal(before->environment, now->environment);
    assert_int_equal(before->environment_bytes, now->environment_bytes);
    assert_string_equal(before->name, now->name);
    assert_memory_equal(before->limits, now->limits, sizeof now->limits);
    assert_memory_equal(before->flags, now->flags, sizeof now->flags);
    assert_memory_equal(before->controls, now->controls, sizeof now->controls);
    assert_int_equal(before->priority, now->priority);
    assert_int_equal(before->personality, now->personality);
    assert_int_equal(before->threads, now->threads);
}

/* -- Faults --------------------------------------------------------------------------------- */

static sigjmp_buf after_fault;
static atomic_int own_faults;

static void on_own_fault(int signal)
{
    (void)signal;
    atomic_fetch_add(&own_faults, 1);
    siglongjmp(after_fault, 1);
}

/* The program touches a page of its own that it may not. */
static void fault(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    if (sigsetjmp(after_fault, 1) == 0) {
        page[0] = 1;
        fail_msg("a fault was swallowed");
    }
    (void)munmap((void *)(uintptr_t)page, 4096);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/*
 * The first test: the handlers of faults are added once in a process, in front of those that are
 * there then.
 */
static void the_process_stays_as_it_was(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct sigaction own = {.sa_handler = on_own_fault};
    (void)sigaction(SIGSEGV, &own, NULL);
    (void)signal(SIGUSR1, SIG_IGN);
    (void)umask(027);
    FILE *said = tmpfile();
    assert_non_null(said);
    (void)fflush(NULL);
    const int out = dup(STDOUT_FILENO);
    const int err = dup(STDERR_FILENO);
    struct process before;
    struct process during;
    struct process after;
    look(&before);
    (void)dup2(fileno(said), STDOUT_FILENO);
    (void)dup2(fileno(said), STDERR_FILENO);
    const int flags = fcntl(fileno(said), F_GETFL);

    cordon_runtime *runtime = open_runtime(folder, true, 0);
    const cordon_outcome_code good = call(runtime, "counter:add");
    const cordon_outcome_code trapped = call(runtime, "basic:outside");
    look(&during);
    fault();
    const cordon_outcome_code again = call(runtime, "basic:outside");
    cordon_runtime_free(runtime);
    fault();
    engine_signals_restore(); /* kept for the next tests */

    (void)fflush(NULL);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    look(&after);
    assert_int_equal(good, CORDON_OUTCOME_SUCCESS);
    assert_int_equal(trapped, CORDON_OUTCOME_TRAPPED);
    assert_int_equal(again, CORDON_OUTCOME_TRAPPED);
    assert_int_equal(own_faults, 2);
    assert_int_equal(during.flags[1], flags);
    memcpy(during.flags, before.flags, sizeof during.flags); /* of the file, meanwhile */
    expect_same(&before, &during);
    expect_same(&before, &after);
    assert_int_equal(before.descriptors, after.descriptors);
    assert_int_equal(lseek(fileno(said), 0, SEEK_END), 0); /* nothing was written */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    (void)fclose(said);
    (void)close(out);
    (void)close(err);
    (void)signal(SIGUSR1, SIG_DFL);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* -- A server ------------------------------------------------------------------------------- */

static atomic_int umasks;

/* In place of the C library's, for all that this program is linked with. */
mode_t umask(mode_t mask)
{
    (void)atomic_fetch_add(&umasks, 1);
    return (mode_t)syscall(SYS_umask, mask);
}

static void *serve(void *server)
{
    must(cordon_server_run(server));
    return NULL;
}

/* A connection with an answer to GET /readyz; -1: there is none. */
static int client_of(const char *path)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[16] = "";
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    const int low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int fd = fcntl(low, F_DUPFD_CLOEXEC, 100);
    (void)close(low);
    const bool good = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                      write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1 &&
                      read(fd, answer, 9) == 9 && memcmp(answer, "HTTP/1.1 ", 9) == 0;
    return good ? fd : -1;
}

/* By what stays open; memory that the engine has as a file takes nothing any more, and may. */
static bool is_any_standard_taken_now(void)
{
    bool is_taken = false;
    for (int fd = 0; fd < 3; fd++) {
        char path[32];
        char file[32] = "";
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const bool is_open = readlink(path, file, sizeof file - 1) > 0;
        is_taken = is_taken ||
                   (is_open && strncmp(file, "/memfd:", 7) != 0 && strcmp(file, "/dev/null") != 0);
    }
    return is_taken;
}

/* What is open for a moment, such as a question to the compile worker, has a minute to go. */
static bool is_any_standard_taken(void)
{
    bool is_taken = is_any_standard_taken_now();
    for (int tries = 0; is_taken && tries < 6000; tries++) {
        (void)poll(NULL, 0, 10);
        is_taken = is_any_standard_taken_now();
    }
    return is_taken;
}

/* In a process of its own, without standard streams: which of what should hold does not. */
static int serve_without_streams(const char *folder)
{
    char path[128];
    struct stat status;
    pthread_t thread;
    (void)snprintf(path, sizeof path, "%s/operator.sock", folder);
    for (int fd = 0; fd < 3; fd++) {
        (void)close(fd);
    }
    (void)syscall(SYS_umask, 0);
    struct process before;
    struct process during;
    look(&before);
    atomic_store(&umasks, 0);
    cordon_runtime *runtime = open_runtime(folder, true, 0);
    const cordon_server_options options = {
        .size = sizeof options, .runtime = runtime, .listen = "127.0.0.1:0"};
    cordon_server *server = NULL;
    must(cordon_server_new(&options, &server));
    if (is_any_standard_taken()) {
        return 1;
    }
    if (stat(path, &status) != 0 || (status.st_mode & 0777) != 0600) {
        return 2;
    }
    (void)pthread_create(&thread, NULL, serve, server);
    for (int clients = 0; clients < 2; clients++) {
        if (client_of(path) < 0) {
            return 3;
        }
    }
    if (is_any_standard_taken()) {
        return 4; /* a client, then */
    }
    if (call(runtime, "counter:add") != CORDON_OUTCOME_SUCCESS) {
        return 5;
    }
    cordon_server_stop(server);
    (void)pthread_join(thread, NULL);
    cordon_server_free(server);
    cordon_runtime_free(runtime);
    if (atomic_load(&umasks) != 0) {
        return 6;
    }
    engine_signals_restore();
    look(&during);
    during.threads = before.threads; /* the last of them may still be ending */
    expect_same(&before, &during);
    return is_any_standard_taken() ? 7 : 0;
}

static void a_server_leaves_the_process_as_it_was(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(serve_without_streams(folder));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -- Threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, CALLS = 40 };

static void expect_code(cordon_outcome_code code, cordon_outcome_code wanted)
{
    if (code != wanted) {
        (void)fprintf(stderr, "outcome %d in place of %d\n", (int)code, (int)wanted);
        abort();
    }
}

/* Calls that succeed, trap, conflict with those of other threads, and are cancelled. */
static void *use(void *arg)
{
    cordon_runtime *runtime = arg;
    for (int i = 0; i < CALLS; i++) {
        expect_code(call(runtime, "basic:nothing"), CORDON_OUTCOME_SUCCESS);
        expect_code(call(runtime, "counter:add"), CORDON_OUTCOME_SUCCESS);
        expect_code(call(runtime, "basic:outside"), CORDON_OUTCOME_TRAPPED);
        const cordon_request request = {
            .size = sizeof request, .path = "effects:sleep", .args = "{\"ms\":60000}"};
        cordon_call *sleeping = NULL;
        must(cordon_call_new(runtime, &request, NULL, NULL, &sleeping));
        (void)cordon_call_poll(sleeping, 1);
        cordon_call_cancel(sleeping);
        cordon_call_finish(sleeping);
        expect_code(
            cordon_outcome_get_code(cordon_call_get_outcome(sleeping)), CORDON_OUTCOME_CANCELLED);
        cordon_call_free(sleeping);
    }
    return NULL;
}

static void *use_own(void *arg)
{
    (void)arg;
    cordon_runtime *runtime = open_runtime(NULL, true, 0);
    (void)use(runtime);
    cordon_runtime_free(runtime);
    return NULL;
}

static void run_threads(void *(*work)(void *arg), void *arg)
{
    pthread_t threads[THREADS];
    engine_signals_restore(); /* cmocka sets its own before each test */
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, arg), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void threads_share_a_runtime(void **state)
{
    (void)state;
    cordon_runtime *runtime = open_runtime(NULL, false, 0);
    run_threads(use, runtime);
    cordon_runtime_free(runtime);
}

static void threads_have_runtimes_of_their_own(void **state)
{
    (void)state;
    run_threads(use_own, NULL);
}

/* What docs/embedding.md says; sanitizers make frames larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK_BYTES = 1 << 20 };
#else
enum { STACK_BYTES = 128 << 10 };
#endif

static void *use_on_little_stack(void *folder)
{
    cordon_runtime *runtime = open_runtime(folder, true, 0);
    engine_signals_restore();
    expect_code(call(runtime, "counter:add"), CORDON_OUTCOME_SUCCESS);
    expect_code(call(runtime, "basic:outside"), CORDON_OUTCOME_TRAPPED);
    cordon_runtime_free(runtime);
    return NULL;
}

static void threads_need_little_stack(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    assert_non_null(mkdtemp(folder));
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, use_on_little_stack, folder), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* -- A loop and a store of the program's own ------------------------------------------------ */

enum { JOBS = 30 };

struct job {
    cordon_call *call; /* NULL: it is done */
    bool ready;
};

static void wake_job(void *arg)
{
    ((struct job *)arg)->ready = true;
}

/* A millisecond of each call that wants one; how many go on. Threads stay as many. */
static size_t turn(struct job *jobs, size_t threads)
{
    size_t left = 0;
    for (size_t i = 0; i < JOBS; i++) {
        struct job *job = &jobs[i];
        if (job->call == NULL) {
            continue;
        }
        if (job->ready || cordon_call_wait_ms(job->call) == 0) {
            job->ready = false;
            const cordon_call_state state = cordon_call_poll(job->call, 1);
            job->ready = job->ready || state == CORDON_CALL_READY;
            if (state == CORDON_CALL_DONE) {
                const cordon_outcome *outcome = cordon_call_get_outcome(job->call);
                assert_int_equal(cordon_outcome_get_code(outcome), CORDON_OUTCOME_SUCCESS);
                cordon_call_free(job->call);
                job->call = NULL;
            }
        }
        left += job->call != NULL;
        assert_int_equal(count_entries("/proc/self/task"), threads);
    }
    return left;
}

static void a_loop_and_a_store_of_ones_own_have_no_thread(void **state)
{
    (void)state;
    const size_t threads = count_entries("/proc/self/task");
    for (int with_worker = 0; with_worker < 2; with_worker++) {
        const cordon_runtime_options options = {
            .size = sizeof options,
            .compile_worker = with_worker ? COMPILE_WORKER : NULL,
            .compile_inside = !with_worker,
            .store = &program_functions,
            .store_arg = program_map_new(),
        };
        cordon_runtime *runtime = NULL;
        char *report = NULL;
        must(cordon_runtime_new(&options, &runtime));
        engine_signals_restore();
        must(cordon_deploy(runtime, modules, GUESTS, &report));
        cordon_free(report);
        struct job jobs[JOBS] = {0};
        for (size_t i = 0; i < JOBS; i++) {
            static const cordon_request requests[] = {
                {.size = sizeof requests[0], .path = "counter:add"},
                {.size = sizeof requests[0], .path = "counter:get"},
                {.size = sizeof requests[0], .path = "effects:sleep", .args = "{\"ms\":20}"},
            };
            jobs[i].ready = true;
            must(cordon_call_new(
                runtime, &requests[i % COUNT(requests)], wake_job, &jobs[i], &jobs[i].call));
        }
        while (turn(jobs, threads) > 0) {
        }
        /* Those that slept at one time have left something; it goes once. */
        uint64_t bytes = 0;
        must(cordon_runtime_trim(runtime, &bytes));
        assert_true(bytes > 0);
        must(cordon_runtime_trim(runtime, &bytes));
        assert_int_equal(bytes, 0);
        must(cordon_runtime_trim(runtime, NULL));
        assert_int_equal(count_entries("/proc/self/task"), threads);
        cordon_runtime_free(runtime);
        assert_int_equal(count_entries("/proc/self/task"), threads);
    }
}

/* -- Limits --------------------------------------------------------------------------------- */

static void limits_are_lowered_by_a_call_and_never_raised(void **state)
{
    (void)state;
    static const struct {
        uint64_t fuel; /* of the runtime; 0: the table's */
        uint64_t lower;
        cordon_outcome_code code;
    } rows[] = {
        {0, 1, CORDON_OUTCOME_LIMIT},
        {0, UINT64_MAX, CORDON_OUTCOME_SUCCESS},
        {1, UINT64_MAX, CORDON_OUTCOME_LIMIT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cordon_runtime *runtime = open_runtime(NULL, false, rows[i].fuel);
        cordon_request request = {.size = sizeof request, .path = "counter:add"};
        request.lower.set[CORDON_LIMIT_FUEL] = true;
        request.lower.value[CORDON_LIMIT_FUEL] = rows[i].lower;
        cordon_call *made = NULL;
        must(cordon_call_new(runtime, &request, NULL, NULL, &made));
        cordon_call_finish(made);
        assert_int_equal(cordon_outcome_get_code(cordon_call_get_outcome(made)), rows[i].code);
        cordon_call_free(made);
        cordon_runtime_free(runtime);
    }
}

/* -- Tenants, and their logs ---------------------------------------------------------------- */

static void functions_are_loaded_for_a_tenant_that_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *tenant;
        bool is_there;
    } rows[] = {{NULL, true}, {"default", true}, {"nobody", false}, {"", false}};
    cordon_runtime *runtime = open_runtime(NULL, false, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *report = NULL;
        cordon_error *const error =
            cordon_load_of(runtime, rows[i].tenant, modules, GUESTS, &report);
        if (rows[i].is_there) {
            expect_ok(error);
            assert_non_null(report);
        } else {
            expect_error(error, CORDON_E_NOT_FOUND, rows[i].tenant);
            assert_null(report);
        }
        cordon_free(report);
    }
    cordon_runtime_free(runtime);
}

/* What is found in an empty log; `folder` NULL: without any secret. The caller's to free. */
static char *check_empty_log(const char *folder)
{
    cordon_audit_check *check = NULL;
    bool is_good = false;
    char *report = NULL;
    expect_ok(cordon_audit_check_new(&check));
    if (folder != NULL) {
        expect_ok(cordon_audit_check_secret(check, folder, 1));
    }
    expect_ok(cordon_audit_check_end(check, &is_good, &report));
    cordon_audit_check_free(check);
    assert_true(is_good);
    return report;
}

static void a_log_is_checked_against_a_secret_that_is_there(void **state)
{
    (void)state;
    cordon_audit_check *check = NULL;
    expect_ok(cordon_audit_check_new(&check));
    expect_error(cordon_audit_check_secret(check, NULL, 1), CORDON_E_INVALID, "data folder");
    cordon_audit_check_free(check);
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *const folders[] = {folder, "/tmp/cordon-embedding-nowhere"};
    char *const without = check_empty_log(NULL);
    for (size_t i = 0; i < COUNT(folders); i++) {
        char *const report = check_empty_log(folders[i]);
        assert_string_equal(report, without);
        cordon_free(report);
    }
    cordon_free(without);
    assert_int_equal(rmdir(folder), 0); /* nothing was made there */
}

/* -- Arguments ------------------------------------------------------------------------------ */

#define NEEDS(call, words) expect_error(call, CORDON_E_INVALID, words)

/* A call that is done, with its record. */
static cordon_call *done_call(cordon_runtime *runtime)
{
    const cordon_request request = {.size = sizeof request, .path = "counter:get", .record = true};
    cordon_call *made = NULL;
    expect_ok(cordon_call_new(runtime, &request, NULL, NULL, &made));
    cordon_call_finish(made);
    return made;
}

static void what_runs_must_be_given(void **state)
{
    (void)state;
    const cordon_module no_bytes = {"none", NULL, 1};
    cordon_runtime *runtime = open_runtime(NULL, false, 0);
    cordon_call *made = done_call(runtime);
    const cordon_outcome *outcome = cordon_call_get_outcome(made);
    char *text = NULL;
    size_t size = 0;
    cordon_request request = {.size = sizeof request, .path = "counter:get"};
    NEEDS(cordon_runtime_trim(NULL, NULL), "runtime");
    NEEDS(cordon_deploy(NULL, modules, GUESTS, &text), "runtime");
    NEEDS(cordon_deploy(runtime, NULL, 1, &text), "modules");
    NEEDS(cordon_deploy(runtime, &no_bytes, 1, &text), "data of a module");
    NEEDS(cordon_deploy(runtime, modules, GUESTS, NULL), "out_report");
    NEEDS(cordon_load(runtime, NULL, 1, &text), "modules");
    NEEDS(cordon_load_of(runtime, "default", modules, GUESTS, NULL), "out_report");
    NEEDS(cordon_rollback(NULL, 1, &text), "runtime");
    NEEDS(cordon_deploys(runtime, NULL), "out_json");
    NEEDS(cordon_check(runtime, NULL, &text), "modules");
    NEEDS(cordon_check(runtime, &no_bytes, &text), "data of a module");
    NEEDS(cordon_check(runtime, modules, NULL), "out_report");
    NEEDS(cordon_call_new(NULL, &request, NULL, NULL, &made), "runtime");
    NEEDS(cordon_call_new(runtime, NULL, NULL, NULL, &made), "request.size");
    NEEDS(cordon_call_new(runtime, &request, NULL, NULL, NULL), "out_call");
    request.args_size = 4096;
    NEEDS(cordon_call_new(runtime, &request, NULL, NULL, &made), "request.args");
    request.args_size = 0;
    request.has_kind = true;
    request.kind = (cordon_kind)CORDON_KIND_COUNT;
    NEEDS(cordon_call_new(runtime, &request, NULL, NULL, &made), "request.kind");
    NEEDS(cordon_outcome_to_json(outcome, NULL), "out_json");
    NEEDS(cordon_outcome_to_json(NULL, &text), "outcome");
    NEEDS(cordon_limits_to_json(NULL), "out_json");
    NEEDS(cordon_call_get_record(made, NULL, 1, &text, &size), "modules");
    NEEDS(cordon_call_get_record(made, &no_bytes, 1, &text, &size), "data of a module");
    NEEDS(cordon_call_get_record(made, modules, GUESTS, NULL, &size), "out_bytes");
    NEEDS(cordon_record_read(NULL, 1, NULL), "bytes");
    NEEDS(cordon_replay_new(runtime, NULL, NULL, NULL, &made), "record");
    NEEDS(cordon_replay_get_difference(NULL, &text), "call");
    NEEDS(cordon_replay_profile(runtime, NULL, 0, &text), "record");
    assert_null(text);

    /* What there is not is empty, and its twin is there. */
    const size_t none = cordon_outcome_get_log_line_count(outcome);
    assert_int_equal(cordon_outcome_get_log_line(outcome, none).size, 0);
    assert_int_equal(cordon_outcome_get_frame_function(outcome, SIZE_MAX).size, 0);
    assert_int_equal(cordon_outcome_get_frame_line(outcome, SIZE_MAX), 0);
    assert_int_equal(cordon_outcome_get_used(outcome, (cordon_limit)CORDON_LIMIT_COUNT), 0);
    assert_true(cordon_outcome_get_used(outcome, CORDON_LIMIT_FUEL) > 0);
    expect_ok(cordon_call_get_record(made, modules, GUESTS, &text, &size));
    cordon_free(text);
    cordon_call_free(made);
    cordon_runtime_free(runtime);
}

static void what_operators_use_must_be_given(void **state)
{
    (void)state;
    cordon_runtime *runtime = open_runtime(NULL, false, 0);
    char *text = NULL;
    uint64_t number = 0;
    bool is_good = false;
    NEEDS(cordon_audit_read(NULL, 0, 1, &text, &number), "runtime");
    NEEDS(cordon_audit_read(runtime, 0, 1, &text, NULL), "out_next");
    NEEDS(cordon_audit_check_new(NULL), "out_check");
    NEEDS(cordon_audit_check_trust(NULL, "00"), "check");
    NEEDS(cordon_audit_check_expect(NULL, "", 0), "check");
    NEEDS(cordon_audit_check_add(NULL, "", 0), "check");
    NEEDS(cordon_audit_check_end(NULL, &is_good, &text), "check");
    NEEDS(cordon_folder_verify("/tmp", NULL, &is_good, NULL), "out_report");
    NEEDS(cordon_folder_backup(NULL, NULL), "out_report");
    NEEDS(cordon_folder_restore("/tmp", "/tmp", NULL, NULL), "out_report");
    NEEDS(cordon_config_parse(NULL, 1, NULL), "out_config");
    NEEDS(cordon_config_override(NULL, NULL), "config");
    NEEDS(cordon_data_hold(runtime, NULL, NULL), "out_snapshot");
    NEEDS(cordon_data_tables(NULL, NULL, 0, 0, &text), "runtime");
    NEEDS(cordon_data_documents(runtime, NULL, NULL), "out_json");
    NEEDS(cordon_data_import(NULL, NULL, &text), "runtime");
    NEEDS(cordon_data_clear(runtime, NULL, "t", NULL, NULL), "out_json");
    NEEDS(cordon_env_list(NULL, NULL, &text), "runtime");
    NEEDS(cordon_env_change(NULL, NULL, "{}", 2), "runtime");
    NEEDS(cordon_json_parse(NULL, 1, NULL), "text");
    NEEDS(cordon_json_write(NULL, NULL), "out_text");
    NEEDS(cordon_json_quote((cordon_text){NULL, 1}, &text), "text.data");
    NEEDS(cordon_error_to_json(NULL, &text), "error");
    NEEDS(cordon_keygen_admin("/tmp", NULL), "out_key");
    NEEDS(cordon_keygen_operator("/tmp", NULL), "out_key");
    NEEDS(cordon_keys("/tmp", NULL), "out_json");
    NEEDS(cordon_keys_revoke("/tmp", "id", NULL, NULL), "out_count");
    NEEDS(cordon_selftest_run(NULL, NULL), "out_selftest");
    NEEDS(cordon_selftest_check(NULL, 1, NULL), "lines");
    NEEDS(cordon_server_run(NULL), "server");
    NEEDS(cordon_server_confine(NULL, NULL), "server");
    NEEDS(cordon_server_reload(NULL, NULL, NULL), "server");
    NEEDS(cordon_tenant_list(runtime, NULL), "out_json");
    NEEDS(cordon_tenant_create(NULL, "{}", 2), "runtime");
    NEEDS(cordon_tenant_change(NULL, "{}", 2), "runtime");
    NEEDS(cordon_tenant_remove(NULL, "{}", 2), "runtime");
    cordon_limit limit = CORDON_LIMIT_FUEL;
    assert_false(cordon_limit_find(NULL, &limit));
    cordon_json *json = NULL;
    expect_ok(cordon_json_parse("{\"a\":1}", 7, &json));
    assert_null(cordon_json_get_member(cordon_json_get_root(json), NULL));
    assert_non_null(cordon_json_get_member(cordon_json_get_root(json), "a"));
    cordon_json_free(json);
    assert_false(cordon_json_is_object(NULL, 1, NULL));
    assert_false(cordon_json_is_object("[]", 2, NULL));
    assert_true(cordon_json_is_object("{}", 2, NULL));
    assert_null(text);
    cordon_runtime_free(runtime);
}

static void lists_of_options_must_be_given(void **state)
{
    (void)state;
    const char *const texts[] = {NULL};
    const cordon_runtime_options good = {.size = sizeof good, .compile_inside = true};
    cordon_runtime *runtime = NULL;
    cordon_server *server = NULL;
    NEEDS(cordon_runtime_new(&good, NULL), "out_runtime");
    cordon_runtime_options options = good;
    options.host_function_count = 1;
    NEEDS(cordon_runtime_new(&options, &runtime), "options.host_functions");
    options = good;
    options.record_function_count = 1;
    NEEDS(cordon_runtime_new(&options, &runtime), "options.record_functions");
    options.record_functions = texts;
    NEEDS(cordon_runtime_new(&options, &runtime), "options.record_functions");
    expect_ok(cordon_runtime_new(&good, &runtime));
    const cordon_server_options usual = {
        .size = sizeof usual, .runtime = runtime, .listen = "127.0.0.1:0"};
    NEEDS(cordon_server_new(&usual, NULL), "out_server");
    cordon_server_options serving = usual;
    serving.host_name_count = 1;
    NEEDS(cordon_server_new(&serving, &server), "options.host_names");
    serving.host_names = texts;
    NEEDS(cordon_server_new(&serving, &server), "options.host_names");
    serving = usual;
    serving.auth_provider_count = 1;
    NEEDS(cordon_server_new(&serving, &server), "options.auth_providers");
    cordon_runtime_free(runtime);
}

/* As a store or a function of a program compiled against a newer header may give one. */
static void an_error_has_a_code_that_is_known(void **state)
{
    (void)state;
    static const int rows[][2] = {
        {CORDON_ERROR_CODE_COUNT, CORDON_E_INTERNAL},
        {-1, CORDON_E_INTERNAL},
        {CORDON_ERROR_CODE_COUNT - 1, CORDON_ERROR_CODE_COUNT - 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const cordon_error_code code = (cordon_error_code)rows[i][0];
        const cordon_error_code known = (cordon_error_code)rows[i][1];
        expect_error(cordon_error_new(code, "words"), known, "words");
        assert_ptr_equal(cordon_error_code_name(code), cordon_error_code_name(known));
        assert_ptr_equal(cordon_error_code_text(code), cordon_error_code_text(known));
        assert_int_equal(cordon_error_code_http_status(code), cordon_error_code_http_status(known));
        assert_int_equal(cordon_error_code_retryable(code), cordon_error_code_retryable(known));
    }
}

/* -- Processes and folders ------------------------------------------------------------------ */

/* In a fork of the process that has the runtime: which of what should hold does not. */
static int use_in_a_fork(cordon_runtime *runtime)
{
    const cordon_request request = {.size = sizeof request, .path = "counter:add"};
    cordon_call *made = NULL;
    char *text = NULL;
    cordon_error *error = cordon_call_new(runtime, &request, NULL, NULL, &made);
    if (error == NULL || strstr(cordon_error_get_message(error), "after the fork") == NULL) {
        return 1;
    }
    cordon_error_free(error);
    error = cordon_deploy(runtime, modules, GUESTS, &text);
    if (error == NULL || cordon_error_get_code(error) != CORDON_E_INVALID) {
        return 2;
    }
    cordon_error_free(error);
    cordon_runtime_free(runtime);
    runtime = open_runtime(NULL, true, 0); /* its own */
    const cordon_outcome_code code = call(runtime, "counter:add");
    cordon_runtime_free(runtime);
    return code == CORDON_OUTCOME_SUCCESS ? 0 : 3;
}

static void a_fork_has_a_runtime_of_its_own_or_none(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    assert_non_null(mkdtemp(folder));
    cordon_runtime *runtime = open_runtime(folder, true, 0);
    engine_signals_restore();
    assert_int_equal(call(runtime, "counter:add"), CORDON_OUTCOME_SUCCESS);
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(use_in_a_fork(runtime));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    char *text = NULL;
    expect_ok(cordon_check(runtime, &modules[0], &text)); /* its compile worker is still there */
    cordon_free(text);
    assert_int_equal(call(runtime, "counter:add"), CORDON_OUTCOME_SUCCESS);
    cordon_runtime_free(runtime);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static long ms_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The worker's processes end by themselves, and are not killed after the second that they have. */
static void a_fork_that_lives_on_does_not_hold_up_the_end(void **state)
{
    (void)state;
    long least = LONG_MAX;
    for (int tries = 0; tries < 5 && least >= 900; tries++) {
        cordon_runtime *runtime = open_runtime(NULL, true, 0);
        const pid_t pid = fork();
        if (pid == 0) {
            (void)pause();
            _exit(0);
        }
        const long begun = ms_now();
        cordon_runtime_free(runtime);
        const long took = ms_now() - begun;
        least = took < least ? took : least;
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    assert_in_range(least, 0, 899);
}

/* What is named by a path is the same when the process is in another folder. */
static void the_current_folder_may_change(void **state)
{
    (void)state;
    char folder[] = "/tmp/cordon-embedding-XXXXXX";
    char *key = NULL;
    char *keys = NULL;
    assert_non_null(mkdtemp(folder));
    const int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(before >= 0);
    assert_int_equal(chdir(folder), 0);
    cordon_runtime *runtime = open_runtime("data", true, 0);
    expect_ok(cordon_tenant_create(runtime, "{\"name\":\"acme\"}", 15));
    assert_int_equal(fchdir(before), 0);
    (void)close(before);
    char data[128];
    (void)snprintf(data, sizeof data, "%s/data", folder);
    expect_ok(cordon_keygen_tenant(data, "acme", &key));
    expect_ok(cordon_tenant_remove(runtime, "{\"name\":\"acme\"}", 15));
    expect_ok(cordon_keys(data, &keys));
    assert_string_equal(keys, "[]"); /* it is revoked with its tenant */
    const cordon_server_options options = {
        .size = sizeof options, .runtime = runtime, .listen = "127.0.0.1:0"};
    cordon_server *server = NULL;
    expect_ok(cordon_server_new(&options, &server));
    (void)snprintf(data, sizeof data, "%s/data/operator.sock", folder);
    assert_int_equal(access(data, F_OK), 0);
    cordon_server_free(server);
    assert_int_equal(access("data", F_OK), -1);
    cordon_runtime_free(runtime);
    cordon_free(key);
    cordon_free(keys);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_stays_as_it_was),
        cmocka_unit_test(a_server_leaves_the_process_as_it_was),
        cmocka_unit_test(threads_share_a_runtime),
        cmocka_unit_test(threads_have_runtimes_of_their_own),
        cmocka_unit_test(threads_need_little_stack),
        cmocka_unit_test(a_loop_and_a_store_of_ones_own_have_no_thread),
        cmocka_unit_test(limits_are_lowered_by_a_call_and_never_raised),
        cmocka_unit_test(functions_are_loaded_for_a_tenant_that_is_there),
        cmocka_unit_test(a_log_is_checked_against_a_secret_that_is_there),
        cmocka_unit_test(what_runs_must_be_given),
        cmocka_unit_test(what_operators_use_must_be_given),
        cmocka_unit_test(lists_of_options_must_be_given),
        cmocka_unit_test(an_error_has_a_code_that_is_known),
        cmocka_unit_test(a_fork_has_a_runtime_of_its_own_or_none),
        cmocka_unit_test(a_fork_that_lives_on_does_not_hold_up_the_end),
        cmocka_unit_test(the_current_folder_may_change),
    };
    return cmocka_run_group_tests(tests, read_guests, free_guests);
}
