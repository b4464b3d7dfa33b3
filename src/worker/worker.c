/*
 * One module to machine code. The compiler is made ready first, then all rights go, then the
 * module is read: no byte of it is seen by a process that could do more than compile.
 */
#include "worker/worker.h"

#include "base/memory.h"
#include "engine/codegen.h"
#include "engine/protocol.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads the whole module into a block of the caller's. */
static bool read_module(size_t size, struct slice *out_wasm)
{
    uint8_t *bytes = mem_new(size + 1);
    size_t used = 0;
    while (bytes != NULL && used < size) {
        const ssize_t got = read(WORKER_FD_MODULE, bytes + used, size - used);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            mem_free(bytes);
            return false;
        }
        used += (size_t)got;
    }
    *out_wasm = slice_of(bytes, size);
    return bytes != NULL;
}

static int write_out(struct slice bytes, int code)
{
    while (bytes.size > 0) {
        const ssize_t written = write(WORKER_FD_ARTIFACT, bytes.data, bytes.size);
        if (written == -1 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return errno == EFBIG ? WORKER_EXIT_LARGE : WORKER_EXIT_FAILED;
        }
        bytes = slice_from(bytes, (size_t)written);
    }
    return code;
}

/* Leaves a refusal in the place of an artifact. */
static cordon_error *leave_refusal(void *arg, uint64_t offset, const char *reason)
{
    int *code = arg;
    struct refusal refusal = {.offset = offset};
    memcpy(refusal.reason, reason, strnlen(reason, sizeof refusal.reason - 1));
    *code = write_out(slice_of(&refusal, sizeof refusal), WORKER_EXIT_REFUSED);
    return cordon_error_new(CORDON_E_MODULE_REFUSED, "refused");
}

static int compile(struct codegen *codegen, struct slice wasm)
{
    int code = WORKER_EXIT_FAILED;
    const struct engine_refuser refuser = {leave_refusal, &code};
    struct slice artifact = {0};
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        codegen_run(codegen, wasm, &refuser, &artifact);
    if (error == NULL) {
        return write_out(artifact, WORKER_EXIT_COMPILED);
    }
    return cordon_error_get_code(error) == CORDON_E_NO_MEMORY ? WORKER_EXIT_MEMORY : code;
}

int worker_run(void)
{
    struct codegen *codegen = NULL;
    struct stat module;
    allocation_must_succeed();
    (void)signal(SIGXFSZ, SIG_IGN); /* a write that is too large answers EFBIG then */
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = codegen_new(&codegen);
    if (error != NULL || fstat(WORKER_FD_MODULE, &module) != 0 ||
        lseek(WORKER_FD_MODULE, 0, SEEK_SET) != 0) {
        return WORKER_EXIT_FAILED;
    }
    if (!confine()) {
        return WORKER_EXIT_UNCONFINED;
    }
    struct slice wasm = {0};
    const int code =
        read_module((size_t)module.st_size, &wasm) ? compile(codegen, wasm) : WORKER_EXIT_FAILED;
    /* Nothing is given back: what runs at a proper end may ask the kernel for more. */
    _exit(code);
}
