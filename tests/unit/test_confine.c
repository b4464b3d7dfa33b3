/*
 * A process that has confined itself, from inside: what it gave up fails, or ends it, in each of
 * its threads, also those that were there before; what it kept goes on. Each case is a process of
 * its own, as nobody gets back what was given up.
 */
#include "confine/confine.h"

#include "base/everywhere.h"
#include "support/expect.h"
#include "support/without_landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Where the cases do what they do: a folder in it for each kind of access, and `outside`. */
static char ground[] = "/tmp/cordon-confine-XXXXXX";

static const char *at(const char *name)
{
    static _Thread_local char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", ground, name);
    return path;
}

static void write_file(const char *name)
{
    const int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text", 4), 4);
    assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
    static const char *const names[] = {"outside", "change", "append", "unlink", "read"};
    (void)state;
    assert_non_null(mkdtemp(ground));
    for (size_t i = 0; i < COUNT(names); i++) {
        char file[32];
        assert_int_equal(mkdir(at(names[i]), 0700), 0);
        (void)snprintf(file, sizeof file, "%s/file", names[i]);
        write_file(file);
    }
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {
        "outside/file", "outside",   "change/file", "change", "append/file", "append/new", "append",
        "unlink",       "read/file", "read",        ""};
    (void)state;
    (void)unlink(at("unlink/file"));
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)remove(at(names[i]));
    }
    return 0;
}

/* -- Acts: 0, or errno ----------------------------------------------------------------------- */

/* Sockets from before: one that listens, and one that does not yet. */
static int listening;
static int unconnected;

static int result(long code)
{
    return code >= 0 ? 0 : errno;
}

static int open_at(const char *name, int flags)
{
    const int fd = open(at(name), flags | O_CLOEXEC, 0600);
    const int failed = result(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return failed;
}

static int read_outside(void)
{
    return open_at("outside/file", O_RDONLY);
}

static int list_outside(void)
{
    DIR *const folder = opendir(at("outside"));
    const int failed = folder == NULL ? errno : 0;
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return failed;
}

static int write_outside(void)
{
    return open_at("outside/new", O_WRONLY | O_CREAT);
}

static int unlink_outside(void)
{
    return result(unlink(at("outside/file")));
}

static int move_outside(void)
{
    char from[128];
    (void)snprintf(from, sizeof from, "%s", at("change/file"));
    return result(rename(from, at("outside/moved")));
}

static int change_inside(void)
{
    char from[128];
    (void)snprintf(from, sizeof from, "%s", at("change/folder/new"));
    const bool good = open_at("change/file", O_RDWR | O_TRUNC) == 0 &&
                      mkdir(at("change/folder"), 0700) == 0 &&
                      open_at("change/folder/new", O_RDWR | O_CREAT) == 0 &&
                      rename(from, at("change/moved")) == 0 && unlink(at("change/moved")) == 0 &&
                      rmdir(at("change/folder")) == 0;
    return good ? 0 : errno;
}

static int device_inside(void)
{
    return result(mknod(at("change/device"), S_IFCHR | 0600, 0));
}

static int read_only_is_read(void)
{
    return open_at("read/file", O_RDONLY);
}

static int read_only_is_written(void)
{
    return open_at("read/file", O_WRONLY);
}

static int append_is_written(void)
{
    const int failed = open_at("append/file", O_WRONLY | O_APPEND);
    return failed != 0 ? failed : open_at("append/new", O_WRONLY | O_CREAT | O_APPEND);
}

static int append_is_removed(void)
{
    return result(unlink(at("append/file")));
}

static int unlink_is_removed(void)
{
    return result(unlink(at("unlink/file")));
}

static int unlink_is_read(void)
{
    return open_at("unlink/file", O_RDONLY);
}

static int run_program(void)
{
    char *const argv[] = {(char *)(uintptr_t)"true", NULL};
    char *const environment[] = {NULL};
    return result(execve("/bin/true", argv, environment));
}

static int fork_process(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    return result(pid);
}

static int trace_parent(void)
{
    return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int read_parent(void)
{
    char byte = 0;
    const struct iovec own = {&byte, 1};
    const struct iovec other = {ground, 1};
    return result(process_vm_readv(getppid(), &own, 1, &other, 1, 0));
}

static int signal_parent(void)
{
    return result(kill(getppid(), 0));
}

static int signal_thread_of_parent(void)
{
    return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int open_socket(void)
{
    return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_unix_socket(void)
{
    return result(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int connect_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    (void)getsockname(listening, (struct sockaddr *)&address, &size);
    return result(connect(unconnected, (const struct sockaddr *)&address, size));
}

static int type_into_terminal(void)
{
    char letter = 'x';
    return result(ioctl(STDIN_FILENO, TIOCSTI, &letter));
}

static int map(int rights)
{
    void *const memory = mmap(NULL, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static int map_to_write_and_run(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int make_run_what_is_written(void)
{
    void *const memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result(mprotect(memory, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}

static int map_code(void)
{
    return map(PROT_READ | PROT_EXEC);
}

static void *nothing(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t thread;
    const int failed = pthread_create(&thread, NULL, nothing, NULL);
    return failed != 0 ? failed : pthread_join(thread, NULL);
}

/* As a server does, and as one asks the compile starter. */
static int use_sockets(void)
{
    int pair[2];
    const int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
        send(pair[0], "x", 1, MSG_NOSIGNAL) != 1) {
        return errno;
    }
    return 0;
}

static int make_code(void)
{
    const int fd = memfd_create("code", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const int failed = fd < 0 || ftruncate(fd, 4096) != 0 ? errno : 0;
    return failed != 0                                                                 ? failed
           : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno
                                                                                       : 0;
}

static int read_own_status(void)
{
    char line[256];
    bool found = false;
    FILE *const file = fopen("/proc/self/status", "re");
    if (file == NULL) {
        return errno;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        found |= strcmp(line, "NoNewPrivs:\t1\n") == 0;
    }
    (void)fclose(file);
    return found ? 0 : EINVAL;
}

static int is_hidden(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : EINVAL;
}

/* -- Cases ----------------------------------------------------------------------------------- */

#define DIES (-1)

enum who { BY_BOTH, BY_SECCOMP, BY_LANDLOCK };

static const struct row {
    const char *name;
    int (*act)(void);
    int wanted; /* errno; 0: it goes on; DIES: the process ends */
    enum who by;
    bool not_sanitized; /* sanitizers need it */
} rows[] = {
    {"a file outside is read", read_outside, EACCES, BY_LANDLOCK, false},
    {"a folder outside is listed", list_outside, EACCES, BY_LANDLOCK, false},
    {"a file outside is made", write_outside, EACCES, BY_LANDLOCK, false},
    {"a file outside is removed", unlink_outside, EACCES, BY_LANDLOCK, false},
    {"a file is moved outside", move_outside, EACCES, BY_LANDLOCK, false},
    {"a device is made", device_inside, ENOSYS, BY_SECCOMP, false},
    {"a file to be read is written", read_only_is_written, EACCES, BY_LANDLOCK, false},
    {"a file to be added to is removed", append_is_removed, EACCES, BY_LANDLOCK, false},
    {"a file to be removed is read", unlink_is_read, EACCES, BY_LANDLOCK, false},
    {"a program is run", run_program, DIES, BY_SECCOMP, false},
    {"a process is made", fork_process, ENOSYS, BY_SECCOMP, true},
    {"another process is traced", trace_parent, DIES, BY_SECCOMP, true},
    {"another process is read", read_parent, DIES, BY_SECCOMP, false},
    {"another process is sent a signal", signal_parent, ENOSYS, BY_SECCOMP, true},
    {"a thread of another is sent one", signal_thread_of_parent, ENOSYS, BY_SECCOMP, true},
    {"a socket is opened", open_socket, ENOSYS, BY_SECCOMP, false},
    {"a Unix socket is opened", open_unix_socket, ENOSYS, BY_SECCOMP, false},
    {"a socket is connected", connect_socket, ENOSYS, BY_SECCOMP, false},
    {"a terminal is typed into", type_into_terminal, ENOSYS, BY_SECCOMP, false},
    {"memory is to be written and run", map_to_write_and_run, ENOSYS, BY_SECCOMP, false},
    {"written memory is to be run", make_run_what_is_written, ENOSYS, BY_SECCOMP, false},
    {"the data folder is changed", change_inside, 0, BY_BOTH, false},
    {"a file to be read is read", read_only_is_read, 0, BY_BOTH, false},
    {"a file to be added to is made and written", append_is_written, 0, BY_BOTH, false},
    {"a file to be removed is removed", unlink_is_removed, 0, BY_BOTH, false},
    {"memory with code", map_code, 0, BY_BOTH, false},
    {"code that was made", make_code, 0, BY_BOTH, false},
    {"a thread", start_thread, 0, BY_BOTH, false},
    {"clients, and a pair of sockets", use_sockets, 0, BY_BOTH, false},
    {"its own status, which has no new privileges", read_own_status, 0, BY_BOTH, false},
    {"no core dump", is_hidden, 0, BY_BOTH, false},
};

/* Who acts: a thread from before, one that began after, or the one that confined the process. */
enum actor { BEFORE, AFTER, SELF, ACTORS };

struct stage {
    const struct row *row;
    atomic_int go;
    int failed;
};

static void *act_when_told(void *arg)
{
    struct stage *const stage = arg;
    while (atomic_load(&stage->go) == 0) {
        (void)poll(NULL, 0, 1);
    }
    stage->failed = stage->row->act();
    return NULL;
}

/* Confines this process; 0, or a part that the kernel does not have: 100 and who. */
static int confine(enum who by)
{
    char names[4][128];
    static const char *const folders[] = {"change", "append", "unlink", "read"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s", at(folders[i]));
    }
    const struct confine_path paths[] = {
        {names[0], CONFINE_CHANGE}, {names[1], CONFINE_APPEND},   {names[2], CONFINE_UNLINK},
        {names[3], CONFINE_READ},   {"/proc/self", CONFINE_READ}, {"/no/such/path", CONFINE_READ}};
    const struct confine_options options = {
        .paths = paths, .path_count = COUNT(paths), .hide = true};
    struct confine_report report;
    expect_ok(confine_process(&options, &report));
    if ((by == BY_LANDLOCK && report.landlock == 0) || (by == BY_SECCOMP && !report.seccomp)) {
        return 100;
    }
    assert_true(report.no_new_privileges);
    assert_string_equal(report.missing, report.landlock == 0 ? report.missing : "");
    return 0;
}

static void open_sockets(void)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct sockaddr_un bound = {0};
    socklen_t size = sizeof bound;
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unconnected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (const struct sockaddr *)&any, sizeof any.sun_family), 0);
    assert_int_equal(listen(listening, 2), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&bound, &size), 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&bound, size), 0);
}

/* The exit code of a process: what the act failed with, or 100 if it can't be tried here. */
static int play(const struct row *row, enum actor actor)
{
    struct stage stage = {.row = row, .failed = EINVAL};
    pthread_t thread;
    open_sockets();
    if (actor == BEFORE) {
        assert_int_equal(pthread_create(&thread, NULL, act_when_told, &stage), 0);
    }
    const int lacking = confine(row->by);
    if (lacking != 0) {
        return lacking;
    }
    if (actor == AFTER) {
        assert_int_equal(pthread_create(&thread, NULL, act_when_told, &stage), 0);
    }
    atomic_store(&stage.go, 1);
    if (actor == SELF) {
        return row->act();
    }
    (void)pthread_join(thread, NULL);
    return stage.failed;
}

static void test_acts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * ACTORS; i++) {
        const struct row *const row = &rows[i / ACTORS];
        int status = 0;
        if (SANITIZED && row->not_sanitized) {
            continue;
        }
        if (row->act == unlink_is_removed) {
            write_file("unlink/file");
        }
        const pid_t pid = fork();
        if (pid == 0) {
            _exit(play(row, (enum actor)(i % ACTORS)));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        const bool is_dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : is_dead ? DIES : 1000 + status;
        if (code == 100) {
            print_message("not on this kernel: %s\n", row->name);
        } else if (code != row->wanted) {
            fail_msg("%s (actor %zu): %d, not %d", row->name, i % ACTORS, code, row->wanted);
        }
    }
}

/* -- What the kernel does not have ------------------------------------------------------------ */

/* In a process of its own: which of what is to be told is not. */
static int confine_without_landlock(void)
{
    const struct confine_path path = {"/proc/self", CONFINE_READ};
    const struct confine_options options = {.paths = &path, .path_count = 1};
    struct confine_report report;
    if (!landlock_taken_away() || confine_process(&options, &report) != NULL) {
        return 1;
    }
    if (strcmp(report.missing, "Landlock: this kernel has it not, or not switched on") != 0) {
        return 2;
    }
    return report.landlock != 0 ? 3 : !report.no_new_privileges ? 4 : !report.seccomp ? 5 : 0;
}

static void test_what_is_missing_is_told(void **state)
{
    (void)state;
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(confine_without_landlock());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -- Every thread ---------------------------------------------------------------------------- */

static atomic_uint calls;

static void count_call(void *arg)
{
    (void)arg;
    (void)atomic_fetch_add(&calls, 1);
}

static void *wait_for_end(void *arg)
{
    while (atomic_load((atomic_int *)arg) == 0) {
        (void)poll(NULL, 0, 1);
    }
    return NULL;
}

static void *wait_blocked(void *arg)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    (void)atomic_fetch_add(&calls, 1); /* it is ready */
    (void)wait_for_end(arg);
    (void)sigemptyset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    return NULL;
}

static void test_every_thread_calls(void **state)
{
    enum { THREADS = 20 };
    (void)state;
    pthread_t threads[THREADS];
    atomic_int ends = 0;
    uint32_t missed = 7;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_end, &ends), 0);
    }
    atomic_store(&calls, 0);
    expect_ok(everywhere_call(count_call, NULL, &missed));
    assert_int_equal(missed, 0);
    assert_true(atomic_load(&calls) >= THREADS + 1); /* a sanitizer may have one of its own */
    atomic_store(&ends, 1);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    struct sigaction after;
    assert_int_equal(sigaction(EVERYWHERE_SIGNAL, NULL, &after), 0);
    assert_true(after.sa_handler == SIG_DFL);
}

static void test_a_thread_that_blocks_is_told(void **state)
{
    (void)state;
    pthread_t thread;
    atomic_int ends = 0;
    uint32_t missed = 0;
    atomic_store(&calls, 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_blocked, &ends), 0);
    while (atomic_load(&calls) == 0) {
        (void)poll(NULL, 0, 1);
    }
    expect_ok(everywhere_call(count_call, NULL, &missed));
    assert_int_equal(missed, 1);
    atomic_store(&ends, 1);
    assert_int_equal(pthread_join(thread, NULL), 0); /* having let it through, which did nothing */
}

static void test_a_signal_in_use_is_left_alone(void **state)
{
    (void)state;
    uint32_t missed = 0;
    (void)signal(EVERYWHERE_SIGNAL, SIG_IGN);
    expect_error(everywhere_call(count_call, NULL, &missed), CORDON_E_SYSTEM, "has a handler");
    (void)signal(EVERYWHERE_SIGNAL, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing_is_told),
        cmocka_unit_test(test_every_thread_calls),
        cmocka_unit_test(test_a_thread_that_blocks_is_told),
        cmocka_unit_test(test_a_signal_in_use_is_left_alone),
        cmocka_unit_test(test_acts),
    };
    return cmocka_run_group_tests_name("confine", tests, setup, teardown);
}
