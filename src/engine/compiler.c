/*
 * Asking another process to compile; see compiler.h for the processes.
 *
 * Both files that a worker gets are made here: the module, sealed before it is sent, and an empty
 * one for the artifact. When the starter says how the worker ended, the worker is gone; the
 * artifact is then sealed, and looked at after that. So nothing that a worker leaves behind can
 * change what was checked, and what a hostile module can make of a worker is at worst the machine
 * code of this one module.
 *
 * There is no queue: requests beyond the two that are at work wait in the socket to the starter,
 * whose bound is the kernel's. If the starter dies, every request has an end, as the sockets for
 * the replies close with it.
 */
#include "engine/compiler.h"

#include "base/memory.h"
#include "engine/codegen.h"
#include "engine/protocol.h"
#include "engine/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct compiler {
    struct compiler_options options; /* without the path */
    int socket;
    int process; /* pidfd of the starter */
};

/* More than any machine has, and little enough for the starter to calculate with. */
#define WORKER_TIME_MS_MAX ((uint64_t)365 * 24 * 60 * 60 * 1000)
#define WORKER_MEMORY_BYTES_MAX ((uint64_t)1 << 47)

/* How long the starter may take to say hello. */
enum { HELLO_MS = 10000 };

#define MIB ((unsigned long long)1 << 20)

/* -- The starter ---------------------------------------------------------------------------- */

/* As the socket's name in the starter is fixed, everything else of ours is closed there. */
static int spawn_actions(posix_spawn_file_actions_t *actions, int socket)
{
    int failed = posix_spawn_file_actions_adddup2(actions, socket, STARTER_FD_SOCKET);
    failed = failed != 0
                 ? failed
                 : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    failed = failed != 0 ? failed
                         : posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDOUT_FILENO);
    return failed != 0 ? failed
                       : posix_spawn_file_actions_addclosefrom_np(actions, STARTER_FD_SOCKET + 1);
}

/*
 * A process group of its own, so that an interrupt from the terminal ends the program and not the
 * starter under it; no signal blocked or ignored by inheritance.
 */
static int spawn_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    int failed = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    failed = failed != 0 ? failed : posix_spawnattr_setsigmask(attributes, &none);
    return failed != 0 ? failed : posix_spawnattr_setsigdefault(attributes, &all);
}

/* Answers 0 or what errno would be. */
static int spawn(const char *path, int socket, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    char *const argv[] = {
        (char *)(uintptr_t)"cordon-compile", (char *)(uintptr_t)"--starter", NULL};
    char *const environment[] = {NULL};
    int failed = spawn_actions(&actions, socket);
    failed = failed != 0 ? failed : spawn_attributes(&attributes);
    failed =
        failed != 0 ? failed : posix_spawn(out_pid, path, &actions, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static cordon_error *start_process(struct compiler *compiler, const char *path)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "no socket for the compile worker: %s", strerrordesc_np(errno));
    }
    compiler->socket = ends[0];
    pid_t pid = 0;
    const int failed = spawn(path, ends[1], &pid);
    (void)close(ends[1]);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the compile worker %s could not be started: %s; build or install cordon-compile "
            "beside cordon",
            path, strerrordesc_np(failed));
    }
    compiler->process = pidfd_open(pid, 0);
    if (compiler->process == -1) {
        /* The socket closes with this failure, and the starter ends by that. */
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be watched: %s", strerrordesc_np(errno));
    }
    return NULL;
}

/* Waits for the starter's first message: it proves that both ends are of one build. */
static cordon_error *greet(const struct compiler *compiler, const char *path)
{
    struct pollfd wait = {.fd = compiler->socket, .events = POLLIN};
    struct protocol_hello hello = {0};
    uint8_t digest[CONFIG_DIGEST_BYTES];
    config_digest(digest);
    int ready = -1;
    do {
        ready = poll(&wait, 1, HELLO_MS);
    } while (ready == -1 && errno == EINTR);
    if (ready != 1 || !protocol_receive(compiler->socket, &hello, sizeof hello, NULL, 0) ||
        hello.magic != PROTOCOL_MAGIC) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s does not answer as a compile worker; build or install cordon-compile beside cordon",
            path);
    }
    if (memcmp(hello.digest, digest, sizeof digest) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the compile worker %s is of another version; install cordon and cordon-compile of one "
            "build",
            path);
    }
    return NULL;
}

static void compiler_stopp(struct compiler **compiler)
{
    compiler_stop(*compiler);
}

cordon_error *compiler_start(const struct compiler_options *options, struct compiler **out_compiler)
{
    CORDON_CLEANUP(compiler_stopp) struct compiler *compiler = MEM_NEW(struct compiler);
    if (compiler == NULL) {
        return error_no_memory();
    }
    compiler->options = *options;
    compiler->options.worker_path = NULL;
    compiler->socket = NO_FD;
    compiler->process = NO_FD;
    TRY(start_process(compiler, options->worker_path));
    TRY(greet(compiler, options->worker_path));
    *out_compiler = CORDON_TAKE(compiler);
    return NULL;
}

void compiler_stop(struct compiler *compiler)
{
    if (compiler == NULL) {
        return;
    }
    fd_closep(&compiler->socket);
    if (compiler->process != NO_FD) {
        /* Its workers die with it: each has asked the kernel for that. */
        (void)pidfd_send_signal(compiler->process, SIGKILL, NULL, 0);
        siginfo_t info;
        int waited = -1;
        do {
            waited = waitid(P_PIDFD, (id_t)compiler->process, &info, WEXITED);
        } while (waited == -1 && errno == EINTR);
    }
    fd_closep(&compiler->process);
    mem_free(compiler);
}

/* -- One module ----------------------------------------------------------------------------- */

static cordon_error *starter_gone(void)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "the process that starts compile workers is gone; restart this program");
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Sends the request and waits for the reply. */
static cordon_error *ask(
    const struct compiler *compiler, int module, int artifact, struct protocol_reply *out_reply)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "no socket for the compile worker: %s", strerrordesc_np(errno));
    }
    CORDON_CLEANUP(fd_closep) int reply = ends[0];
    CORDON_CLEANUP(fd_closep) int theirs = ends[1];
    const uint64_t memory_bytes = lesser(compiler->options.memory_bytes, WORKER_MEMORY_BYTES_MAX);
    const struct protocol_request request = {
        .time_ms = lesser(compiler->options.time_ms, WORKER_TIME_MS_MAX),
        .memory_bytes = memory_bytes,
        /* A worker holds the artifact in its memory before it writes it. */
        .artifact_bytes_max = memory_bytes,
    };
    const int fds[PROTOCOL_REQUEST_FDS] = {module, artifact, theirs};
    if (!protocol_send(
            compiler->socket, slice_of(&request, sizeof request), fds, PROTOCOL_REQUEST_FDS)) {
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
            return starter_gone();
        }
        return cordon_error_new(
            CORDON_E_SYSTEM, "the module could not be sent to the compile worker: %s",
            strerrordesc_np(errno));
    }
    fd_closep(&theirs); /* so that the reply's socket ends when the starter does */
    struct protocol_reply answer = {0};
    if (!protocol_receive(reply, &answer, sizeof answer, NULL, 0)) {
        return starter_gone();
    }
    *out_reply = answer;
    return NULL;
}

/* The words a worker has left. It read hostile bytes, so they are taken as hostile themselves. */
static cordon_error *refused(int artifact)
{
    char words[REFUSAL_BYTES_MAX];
    const ssize_t size = pread(artifact, words, sizeof words - 1, 0);
    for (ssize_t i = 0; i < size; i++) {
        words[i] = words[i] >= 0x20 && words[i] < 0x7f ? words[i] : '?';
    }
    words[size > 0 ? size : 0] = '\0';
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED, "%s", size > 0 ? words : "the compiler gives no reason");
}

static const char not_compiled[] = "the module could not be compiled";

/* Checks what a worker that says it has compiled has left. */
static cordon_error *check_artifact(int artifact, uint64_t bytes_max)
{
    CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
    cordon_error *error = sealed_view_open(artifact, &view);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_INVALID) {
        return error;
    }
    cordon_error_free(error);
    if (error != NULL || view.bytes.size > bytes_max ||
        !slice_starts_with(
            view.bytes, SLICE("\x7f"
                              "ELF"))) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "%s: the compiler left no machine code", not_compiled);
    }
    return NULL;
}

/* What the reply means for the one who asked; NULL if there is an artifact. */
static cordon_error *judge(
    const struct compiler_options *options, const struct protocol_reply *reply, int artifact)
{
    switch ((enum protocol_verdict)reply->verdict) {
    case VERDICT_COMPILED:
        return check_artifact(artifact, options->memory_bytes);
    case VERDICT_REFUSED:
        return refused(artifact);
    case VERDICT_TIME:
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "%s: it took more than %llu ms; make it smaller, above all its largest function, or "
            "raise compile_time_ms",
            not_compiled, (unsigned long long)options->time_ms);
    case VERDICT_MEMORY:
    case VERDICT_LARGE:
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "%s: it took more than %llu MiB%s; make it smaller, above all its largest function, or "
            "raise compile_bytes",
            not_compiled, (unsigned long long)options->memory_bytes / MIB,
            reply->verdict == VERDICT_LARGE ? " of machine code" : "");
    case VERDICT_DIED:
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "%s: the compiler died (signal %u); no other module is affected. If the module is "
            "valid, this is a fault of the compiler and worth a report",
            not_compiled, reply->detail);
    case VERDICT_NOT_STARTED:
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be started: %s",
            strerrordesc_np((int)reply->detail));
    case VERDICT_UNCONFINED:
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker cannot confine itself, so it does not compile; it "
                             "needs a kernel with seccomp filters");
    }
    return starter_gone();
}

cordon_error *compiler_compile(struct compiler *compiler, struct slice wasm, int *out_fd)
{
    if (wasm.size > compiler->options.module_bytes_max) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "the module is %zu bytes; the limit is %llu (module_bytes)",
            wasm.size, (unsigned long long)compiler->options.module_bytes_max);
    }
    CORDON_CLEANUP(fd_closep) int module = NO_FD;
    CORDON_CLEANUP(fd_closep) int artifact = NO_FD;
    TRY(sealed_new(&module));
    TRY(fd_write(module, wasm));
    TRY(sealed_finish(module));
    TRY(sealed_new(&artifact));

    struct protocol_reply reply = {0};
    TRY(ask(compiler, module, artifact, &reply));
    TRY(sealed_finish(artifact));
    TRY(judge(&compiler->options, &reply, artifact));
    *out_fd = fd_take(&artifact);
    return NULL;
}
