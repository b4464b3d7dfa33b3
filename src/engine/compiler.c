/*
 * Asking another process to compile; see keeper.h for the processes.
 *
 * Both files that a worker gets are made here: the module, sealed before it is sent, and an empty
 * one for the artifact. When the starter says how the worker ended, the worker is gone; the
 * artifact is then sealed, and looked at after that. So nothing that a worker leaves behind can
 * change what was checked, and what a hostile module can make of a worker is at worst the machine
 * code of this one module.
 *
 * Nobody waits without end. There are as many places as workers, taken here, so that the time for
 * which a starter may be silent is known when the request is sent: a module's own and a margin. A
 * request that is late or cancelled is taken back by closing its reply's socket, at which the
 * starter kills the worker. If the starter dies, the sockets for the replies close with it.
 */
#include "engine/compiler.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/memory.h"
#include "engine/codegen.h"
#include "engine/keeper.h"
#include "engine/protocol.h"
#include "engine/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct compiler {
    struct compiler_options options; /* without the path */
    struct keeper *keeper;
    sem_t places;  /* requests that may be with the starter; one more while all are cancelled */
    int cancelled; /* eventfd: can be read while everything is cancelled */
    _Atomic bool is_cancelled;
};

/* How much longer than its worker a request may take: to be read, started and answered. */
enum { MARGIN_MS = 5000 };

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
    const struct keeper_options keeper = {
        .path = options->worker_path, .tell = options->tell, .tell_arg = options->tell_arg};
    compiler->options = *options;
    compiler->options.worker_path = NULL;
    (void)sem_init(&compiler->places, 0, WORKERS_MAX);
    compiler->cancelled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (compiler->cancelled == NO_FD) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be waited for: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    TRY(keeper_start(&keeper, &compiler->keeper));
    *out_compiler = CORDON_TAKE(compiler);
    return NULL;
}

cordon_error *compiler_watch(struct compiler *compiler)
{
    return keeper_watch(compiler->keeper);
}

/* Who waits for a place gets the one more, sees why, and hands it to the next: see take_place(). */
void compiler_cancel(struct compiler *compiler)
{
    if (!atomic_exchange(&compiler->is_cancelled, true)) {
        (void)eventfd_write(compiler->cancelled, 1);
        (void)sem_post(&compiler->places);
    }
}

void compiler_resume(struct compiler *compiler)
{
    if (atomic_load(&compiler->is_cancelled)) {
        eventfd_t count = 0;
        while (sem_wait(&compiler->places) != 0) {
        }
        (void)eventfd_read(compiler->cancelled, &count);
        atomic_store(&compiler->is_cancelled, false);
    }
}

void compiler_stop(struct compiler *compiler)
{
    if (compiler == NULL) {
        return;
    }
    keeper_end(compiler->keeper);
    (void)sem_destroy(&compiler->places);
    fd_closep(&compiler->cancelled);
    mem_free(compiler);
}

/* -- Waiting -------------------------------------------------------------------------------- */

/* When a worker that is at work now has ended, or its starter does not answer. */
static uint64_t deadline_of(const struct compiler *compiler)
{
    const uint64_t time_ms = compiler->options.time_ms;
    return clock_deadline_ns(time_ms < UINT64_MAX - MARGIN_MS ? time_ms + MARGIN_MS : UINT64_MAX);
}

static cordon_error *cancelled(void)
{
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "the program is stopping and compiles no more; deploy again when it is back");
}

/* Waits until `fd` can be read, or it is too late. Errors: CORDON_E_OVERLOADED when cancelled. */
static cordon_error *wait_for(
    const struct compiler *compiler, int fd, uint64_t deadline_ns, bool *out_late)
{
    struct pollfd waits[] = {
        {.fd = compiler->cancelled, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };
    int ready = 0;
    do {
        ready = poll(waits, sizeof waits / sizeof waits[0], clock_poll_ms(deadline_ns));
    } while ((ready == -1 && errno == EINTR) || (ready == 0 && clock_monotonic_ns() < deadline_ns));
    if (waits[0].revents != 0) {
        return cancelled();
    }
    *out_late = ready != 1;
    return NULL;
}

static void give_place(struct compiler *compiler)
{
    (void)sem_post(&compiler->places); /* of the few there are, so it can't be one too many */
}

/* A place among the requests that the starter has. */
static cordon_error *take_place(struct compiler *compiler)
{
    const uint64_t deadline_ns = deadline_of(compiler);
    const struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};
    int waited = 0;
    do {
        waited = sem_clockwait(&compiler->places, CLOCK_MONOTONIC, &until);
    } while (waited != 0 && errno == EINTR);
    if (waited != 0) {
        return cordon_error_new(
            CORDON_E_OVERLOADED, "%d other modules are being compiled; try again in a moment",
            WORKERS_MAX);
    }
    if (atomic_load(&compiler->is_cancelled)) {
        give_place(compiler);
        return cancelled();
    }
    return NULL;
}

/* -- One module ----------------------------------------------------------------------------- */

/* The starter took the request, or should have, and is not there any more. */
static cordon_error *starter_gone(const struct compiler *compiler)
{
    if (keeper_look(compiler->keeper)) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the process that starts compile workers died meanwhile and is "
                             "started again; deploy again");
    }
    return cordon_error_new(
        CORDON_E_SYSTEM, "the process that starts compile workers is gone, so nothing can be "
                         "compiled; restart this program. What is deployed goes on");
}

static cordon_error *starter_silent(const struct compiler *compiler)
{
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "the compile worker gave no answer in compile_time_ms (%llu) and %d ms more. The machine "
        "is overloaded, or somebody stopped the processes of cordon-compile: try again, and if it "
        "stays so, restart this program",
        (unsigned long long)compiler->options.time_ms, MARGIN_MS);
}

static cordon_error *send_request(
    const struct compiler *compiler, int module, int artifact, int reply)
{
    const struct protocol_request request = {
        .time_ms = compiler->options.time_ms,
        .memory_bytes = compiler->options.memory_bytes,
        /* A worker holds the artifact in its memory before it writes it. */
        .artifact_bytes_max = compiler->options.memory_bytes,
    };
    const int fds[PROTOCOL_REQUEST_FDS] = {module, artifact, reply};
    if (protocol_send(
            keeper_socket(compiler->keeper), slice_of(&request, sizeof request), fds,
            PROTOCOL_REQUEST_FDS)) {
        return NULL;
    }
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
        return starter_gone(compiler);
    }
    if (errno == EAGAIN) {
        return starter_silent(compiler); /* for long: the socket is full of such requests */
    }
    return cordon_error_new(
        CORDON_E_SYSTEM, "the module could not be sent to the compile worker: %s%s",
        strerrordesc_np(errno), advice_on(errno));
}

/* Sends the request and waits for the reply. */
static cordon_error *ask(
    const struct compiler *compiler, int module, int artifact, struct protocol_reply *out_reply)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "no socket for the compile worker: %s%s", strerrordesc_np(errno),
            advice_on(errno));
    }
    CORDON_CLEANUP(fd_closep) int reply = ends[0];
    CORDON_CLEANUP(fd_closep) int theirs = ends[1];
    const uint64_t deadline_ns = deadline_of(compiler);
    TRY(send_request(compiler, module, artifact, theirs));
    fd_closep(&theirs); /* so that the reply's socket ends when the starter does */
    bool is_late = false;
    TRY(wait_for(compiler, reply, deadline_ns, &is_late));
    if (is_late) {
        return starter_silent(compiler);
    }
    struct protocol_reply answer = {0};
    if (!protocol_receive(reply, &answer, sizeof answer, NULL, 0)) {
        return starter_gone(compiler);
    }
    *out_reply = answer;
    return NULL;
}

static cordon_error *ask_in_turn(
    struct compiler *compiler, int module, int artifact, struct protocol_reply *out_reply)
{
    if (!keeper_look(compiler->keeper)) {
        return starter_gone(compiler);
    }
    TRY(take_place(compiler));
    cordon_error *error = ask(compiler, module, artifact, out_reply);
    give_place(compiler);
    return error;
}

/* What a worker has left. It read hostile bytes, so its words are taken as hostile themselves. */
static cordon_error *refused_by_worker(int artifact, const struct engine_refuser *refuser)
{
    struct refusal refusal;
    if (pread(artifact, &refusal, sizeof refusal, 0) != (ssize_t)sizeof refusal) {
        return codegen_refuse(refuser, ENGINE_NO_OFFSET, "the compiler gives no reason");
    }
    for (size_t i = 0; i < sizeof refusal.reason; i++) {
        char *c = &refusal.reason[i];
        *c = (*c >= 0x20 && *c < 0x7f) || *c == '\0' ? *c : '?';
    }
    refusal.reason[sizeof refusal.reason - 1] = '\0';
    return codegen_refuse(refuser, refusal.offset, refusal.reason);
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
            CORDON_E_MODULE_REFUSED,
            "%s: the compiler left no machine code. If the module is valid, this is a fault of the "
            "compiler and worth a report",
            not_compiled);
    }
    return NULL;
}

static cordon_error *over_time(const struct compiler_options *options)
{
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED,
        "%s: it took more than %llu ms; make it smaller, above all its largest function, or raise "
        "compile_time_ms",
        not_compiled, (unsigned long long)options->time_ms);
}

static cordon_error *over_memory(const struct compiler_options *options, const char *of_what)
{
    return cordon_error_new(
        CORDON_E_MODULE_REFUSED,
        "%s: it took more than %llu bytes of %s; make it smaller, above all its largest function, "
        "or raise compile_bytes",
        not_compiled, (unsigned long long)options->memory_bytes, of_what);
}

/* What the reply means for the one who asked; NULL if there is an artifact. */
static cordon_error *judge(
    const struct compiler *compiler,
    const struct protocol_reply *reply,
    int artifact,
    const struct engine_refuser *refuser)
{
    const struct compiler_options *options = &compiler->options;
    switch ((enum protocol_verdict)reply->verdict) {
    case VERDICT_COMPILED:
        return check_artifact(artifact, options->memory_bytes);
    case VERDICT_REFUSED:
        return refused_by_worker(artifact, refuser);
    case VERDICT_TIME:
        return over_time(options);
    case VERDICT_MEMORY:
        return over_memory(options, "memory");
    case VERDICT_LARGE:
        return over_memory(options, "machine code");
    case VERDICT_DIED:
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "%s: the compiler died (signal %u); no other module is affected. If the module is "
            "valid, this is a fault of the compiler and worth a report",
            not_compiled, reply->detail);
    case VERDICT_NOT_STARTED:
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker could not be started: %s",
            reply->detail == 0 ? "it could not be limited or run; see the limits of this process "
                                 "(ulimit -a)"
                               : strerrordesc_np((int)reply->detail));
    case VERDICT_UNCONFINED:
        return cordon_error_new(
            CORDON_E_SYSTEM, "the compile worker cannot confine itself, so it does not compile; it "
                             "needs a kernel with seccomp filters");
    }
    return starter_gone(compiler);
}

cordon_error *compiler_compile(
    struct compiler *compiler, struct slice wasm, const struct engine_refuser *refuser, int *out_fd)
{
    if (wasm.size > compiler->options.module_bytes_max) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "the module is %zu bytes long; the limit module_bytes is %llu. Make the module smaller "
            "or raise module_bytes",
            wasm.size, (unsigned long long)compiler->options.module_bytes_max);
    }
    CORDON_CLEANUP(fd_closep) int module = NO_FD;
    CORDON_CLEANUP(fd_closep) int artifact = NO_FD;
    TRY(sealed_new(&module));
    TRY(fd_write(module, wasm));
    TRY(sealed_finish(module));
    TRY(sealed_new(&artifact));

    struct protocol_reply reply = {0};
    TRY(ask_in_turn(compiler, module, artifact, &reply));
    TRY(sealed_finish(artifact));
    TRY(judge(compiler, &reply, artifact, refuser));
    *out_fd = fd_take(&artifact);
    return NULL;
}
