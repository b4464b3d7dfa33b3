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
#include <sys/resource.h>
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

/*
 * From before: sockets, one that listens, one that does not yet and one for messages; a pipe; and
 * another process of this user.
 */
static int listening;
static int unconnected;
static int messages;
static int pipe_ends[2];
static pid_t victim;
static pid_t player; /* the process that acts */

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

static int own_pipe_by_victim(void)
{
    return result(fcntl(pipe_ends[0], F_SETOWN, victim));
}

static int own_pipe_by_group(void)
{
    const struct f_owner_ex owner = {F_OWNER_PGRP, victim};
    return result(fcntl(pipe_ends[0], F_SETOWN_EX, &owner));
}

static int choose_signal_of_pipe(void)
{
    return result(fcntl(pipe_ends[0], F_SETSIG, SIGKILL));
}

static int have_pipe_send_signals(void)
{
    return result(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK | O_ASYNC));
}

/* Every purpose that a server has for fcntl(). */
static int arrange_files(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    const int file = open(at("change/file"), O_RDONLY | O_CLOEXEC);
    const int other = fcntl(pipe_ends[0], F_DUPFD_CLOEXEC, 20);
    const int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const bool good =
        file >= 0 && other >= 20 && fcntl(file, F_SETLK, &lock) == 0 &&
        fcntl(other, F_SETFL, O_NONBLOCK) == 0 && (fcntl(other, F_GETFL) & O_NONBLOCK) != 0 &&
        fcntl(other, F_SETFD, FD_CLOEXEC) == 0 && fcntl(other, F_GETFD) == FD_CLOEXEC &&
        fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK) == 0 &&
        fcntl(sealed, F_GET_SEALS) == F_SEAL_SHRINK;
    return good ? 0 : errno;
}

static int limit_victim(void)
{
    const struct rlimit none = {0, 0};
    return result(prlimit(victim, RLIMIT_NOFILE, &none, NULL));
}

static int ask_own_limit(void)
{
    struct rlimit limit;
    return result(getrlimit(RLIMIT_NOFILE, &limit));
}

static int slow_victim_down(void)
{
    return result(setpriority(PRIO_PROCESS, (id_t)victim, 19));
}

static int slow_group_down(void)
{
    return result(setpriority(PRIO_PGRP, (id_t)victim, 19));
}

static int slow_itself_down(void)
{
    return result(setpriority(PRIO_PROCESS, 0, 19));
}

/* Where a socket of another program's takes messages: by its path, or by a name without one. */
static socklen_t address_of_other(bool is_abstract, struct sockaddr_un *out_address)
{
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    char *const path = out_address->sun_path + (is_abstract ? 1 : 0);
    (void)snprintf(path, sizeof out_address->sun_path - 1, "%.32s/outside/%d", ground, player);
    return (socklen_t)sizeof *out_address;
}

static int send_message(bool is_abstract, bool by_sendto)
{
    struct sockaddr_un address;
    const socklen_t size = address_of_other(is_abstract, &address);
    struct iovec bytes = {ground, 1};
    const struct msghdr message = {
        .msg_name = &address, .msg_namelen = size, .msg_iov = &bytes, .msg_iovlen = 1};
    return result(
        by_sendto ? sendto(messages, ground, 1, 0, (const struct sockaddr *)&address, size)
                  : sendmsg(messages, &message, 0));
}

static int sendto_path(void)
{
    return send_message(false, true);
}

static int sendmsg_abstract(void)
{
    return send_message(true, false);
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
    int since;          /* Landlock's version that has it */
    bool has_twin;      /* whoever is not confined does just that */
} rows[] = {
    {"a file outside is read", read_outside, EACCES, BY_LANDLOCK, false, 0, false},
    {"a folder outside is listed", list_outside, EACCES, BY_LANDLOCK, false, 0, false},
    {"a file outside is made", write_outside, EACCES, BY_LANDLOCK, false, 0, false},
    {"a file outside is removed", unlink_outside, EACCES, BY_LANDLOCK, false, 0, false},
    {"a file is moved outside", move_outside, EACCES, BY_LANDLOCK, false, 0, false},
    {"a device is made", device_inside, ENOSYS, BY_SECCOMP, false, 0, false},
    {"a file to be read is written", read_only_is_written, EACCES, BY_LANDLOCK, false, 0, false},
    {"a file to be added to is removed", append_is_removed, EACCES, BY_LANDLOCK, false, 0, false},
    {"a file to be removed is read", unlink_is_read, EACCES, BY_LANDLOCK, false, 0, false},
    {"a program is run", run_program, DIES, BY_SECCOMP, false, 0, false},
    {"a process is made", fork_process, ENOSYS, BY_SECCOMP, true, 0, false},
    {"another process is traced", trace_parent, DIES, BY_SECCOMP, true, 0, false},
    {"another process is read", read_parent, DIES, BY_SECCOMP, false, 0, false},
    {"another process is sent a signal", signal_parent, ENOSYS, BY_SECCOMP, true, 0, false},
    {"a thread of another is sent one", signal_thread_of_parent, ENOSYS, BY_SECCOMP, true, 0,
     false},
    {"a socket is opened", open_socket, ENOSYS, BY_SECCOMP, false, 0, false},
    {"a Unix socket is opened", open_unix_socket, ENOSYS, BY_SECCOMP, false, 0, false},
    {"a socket is connected", connect_socket, ENOSYS, BY_SECCOMP, false, 0, false},
    {"another process gets a pipe's signals", own_pipe_by_victim, ENOSYS, BY_SECCOMP, false, 0,
     true},
    {"a group of processes gets them", own_pipe_by_group, ENOSYS, BY_SECCOMP, false, 0, true},
    {"the signal of a pipe is chosen", choose_signal_of_pipe, ENOSYS, BY_SECCOMP, false, 0, true},
    {"a pipe is to send signals", have_pipe_send_signals, ENOSYS, BY_SECCOMP, false, 0, true},
    {"another process is limited", limit_victim, ENOSYS, BY_SECCOMP, false, 0, true},
    {"another process is slowed down", slow_victim_down, ENOSYS, BY_SECCOMP, false, 0, true},
    {"a group of processes is slowed down", slow_group_down, ENOSYS, BY_SECCOMP, false, 0, true},
    {"a message is sent to a path", sendto_path, ENOSYS, BY_SECCOMP, false, 0, true},
    {"a message is sent to an abstract name", sendmsg_abstract, EPERM, BY_LANDLOCK, false, 6, true},
    {"files are arranged by fcntl()", arrange_files, 0, BY_BOTH, false, 0, false},
    {"its own limit", ask_own_limit, 0, BY_BOTH, false, 0, false},
    {"itself is slowed down", slow_itself_down, 0, BY_BOTH, false, 0, false},
    {"a terminal is typed into", type_into_terminal, ENOSYS, BY_SECCOMP, false, 0, false},
    {"memory is to be written and run", map_to_write_and_run, ENOSYS, BY_SECCOMP, false, 0, false},
    {"written memory is to be run", make_run_what_is_written, ENOSYS, BY_SECCOMP, false, 0, false},
    {"the data folder is changed", change_inside, 0, BY_BOTH, false, 0, false},
    {"a file to be read is read", read_only_is_read, 0, BY_BOTH, false, 0, false},
    {"a file to be added to is made and written", append_is_written, 0, BY_BOTH, false, 0, false},
    {"a file to be removed is removed", unlink_is_removed, 0, BY_BOTH, false, 0, false},
    {"memory with code", map_code, 0, BY_BOTH, false, 0, false},
    {"code that was made", make_code, 0, BY_BOTH, false, 0, false},
    {"a thread", start_thread, 0, BY_BOTH, false, 0, false},
    {"clients, and a pair of sockets", use_sockets, 0, BY_BOTH, false, 0, false},
    {"its own status, which has no new privileges", read_own_status, 0, BY_BOTH, false, 0, false},
    {"no core dump", is_hidden, 0, BY_BOTH, false, 0, false},
};

/* Who acts: a thread from before, one that began after, or the one that confined the process. */
enum actor { BEFORE, AFTER, SELF, ACTORS, UNCONFINED = ACTORS };

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

/* Confines this process; 0, or 100: the kernel does not have the part that the row is about. */
static int confine(const struct row *row)
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
    const int since = row->since > 0 ? row->since : 1;
    if ((row->by == BY_LANDLOCK && report.landlock < since) ||
        (row->by == BY_SECCOMP && !report.seccomp)) {
        return 100;
    }
    assert_true(report.no_new_privileges);
    assert_int_equal(report.missing[0] == '\0', report.landlock >= 6);
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
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    messages = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(messages >= 0);
}

/* Another process, in a group of its own, as long as this one lives; it has the other sockets. */
static void start_victim(void)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    player = getpid();
    victim = fork();
    if (victim == 0) {
        struct sockaddr_un address;
        bool good = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0;
        for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
            const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            const socklen_t size = address_of_other(is_abstract, &address);
            good = good && bind(fd, (const struct sockaddr *)&address, size) == 0;
        }
        good = good && write(ready[1], "x", 1) == 1;
        (void)close(ready[1]);
        const pid_t parent = player;
        while (good && getppid() == parent) {
            (void)pause();
        }
        _exit(1);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
}

/* The exit code of a process: what the act failed with, or 100 if it can't be tried here. */
static int play(const struct row *row, enum actor actor)
{
    struct stage stage = {.row = row, .failed = EINVAL};
    pthread_t thread;
    open_sockets();
    start_victim();
    if (actor == UNCONFINED) {
        return row->act();
    }
    if (actor == BEFORE) {
        assert_int_equal(pthread_create(&thread, NULL, act_when_told, &stage), 0);
    }
    const int lacking = confine(row);
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

/* In a process of its own: what play() gave, DIES, or more than 1000. */
static int play_apart(const struct row *row, enum actor actor)
{
    char socket_of_victim[32];
    int status = 0;
    if (row->act == unlink_is_removed) {
        write_file("unlink/file");
    }
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(play(row, actor));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)snprintf(socket_of_victim, sizeof socket_of_victim, "outside/%d", pid);
    (void)unlink(at(socket_of_victim));
    const bool is_dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    return WIFEXITED(status) ? WEXITSTATUS(status) : is_dead ? DIES : 1000 + status;
}

static void test_acts(void **state)
{
    size_t bad = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * ACTORS; i++) {
        const struct row *const row = &rows[i / ACTORS];
        if (SANITIZED && row->not_sanitized) {
            continue;
        }
        const int code = play_apart(row, (enum actor)(i % ACTORS));
        if (code == 100) {
            print_message("not on this kernel: %s\n", row->name);
        } else if (code != row->wanted) {
            print_error("%s (actor %zu): %d, not %d\n", row->name, i % ACTORS, code, row->wanted);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

/* What is tried above would do harm indeed. */
static void test_whoever_is_not_confined_does_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int code = rows[i].has_twin ? play_apart(&rows[i], UNCONFINED) : 0;
        if (code != 0) {
            fail_msg("%s (not confined): %d", rows[i].name, code);
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

/* What older versions cannot do is told as well, though they are applied. */
static void test_what_older_versions_lack_is_told(void **state)
{
    static const struct {
        int version;
        enum landlock_of whose;
        const char *words;
    } versions[] = {
        {0, LANDLOCK_OF_SERVER, ""}, /* which is told otherwise */
        {1, LANDLOCK_OF_SERVER,
         "Landlock 1 of this kernel cannot hold back cutting files off, TCP, commands to devices, "
         "abstract sockets"},
        {2, LANDLOCK_OF_FETCHER,
         "Landlock 2 of this kernel cannot hold back cutting files off, listening on TCP, commands "
         "to devices, abstract sockets, signals"},
        {3, LANDLOCK_OF_SERVER,
         "Landlock 3 of this kernel cannot hold back TCP, commands to devices, abstract sockets"},
        {4, LANDLOCK_OF_SERVER,
         "Landlock 4 of this kernel cannot hold back commands to devices, abstract sockets"},
        {5, LANDLOCK_OF_FETCHER,
         "Landlock 5 of this kernel cannot hold back abstract sockets, signals"},
        {6, LANDLOCK_OF_SERVER, ""},
        {7, LANDLOCK_OF_FETCHER, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        char words[LANDLOCK_WORDS_BYTES];
        landlock_lacks(versions[i].version, versions[i].whose, words);
        assert_string_equal(words, versions[i].words);
    }
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
        cmocka_unit_test(test_what_older_versions_lack_is_told),
        cmocka_unit_test(test_every_thread_calls),
        cmocka_unit_test(test_a_thread_that_blocks_is_told),
        cmocka_unit_test(test_a_signal_in_use_is_left_alone),
        cmocka_unit_test(test_acts),
        cmocka_unit_test(test_whoever_is_not_confined_does_it),
    };
    return cmocka_run_group_tests_name("confine", tests, setup, teardown);
}
