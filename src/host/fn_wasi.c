/*
 * WASI preview 1, as far as plain C and Rust programs need it: the clock is the run's, randomness
 * is the run's, standard output and error become log lines, and there is no file, no environment
 * and no argument. Errno values and struct layouts are those of the wasi_snapshot_preview1 witx.
 *
 * A pointer outside memory ends the run, as with every host call; what is merely not offered is
 * answered with an errno.
 */
#include "base/clock.h"
#include "host/operations.h"

enum wasi_errno {
    WASI_SUCCESS = 0,
    WASI_EBADF = 8,
    WASI_EINVAL = 28,
    WASI_ESPIPE = 70,
};

enum { STDIN = 0, STDOUT = 1, STDERR = 2 };

/* Bytes that one fd_write takes; the rest is the guest's next call, as with any short write. */
#define WRITE_BYTES_MAX ((uint64_t)1 << 20)
#define WRITE_VECTORS_MAX 1024
/* The price of one vector, empty or not, beside that of its bytes. */
#define WRITE_VECTOR_FUEL 32

static enum gate_result answer(struct gate_call *call, enum wasi_errno code)
{
    call->slots[0] = (uint64_t)code;
    return GATE_OK;
}

/* Guest memory is little-endian and unaligned; the range was checked. */
static void put_bytes(struct gate_call *call, uint64_t at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        call->memory[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t get32(const struct gate_call *call, uint64_t at)
{
    const uint8_t *bytes = call->memory + at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t argument(const struct gate_call *call, unsigned index)
{
    return (uint32_t)call->slots[index];
}

/* Two zero sizes: no arguments, no environment. */
static enum gate_result answer_no_strings(struct host *host, struct gate_call *call)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!gate_range(host, call, argument(call, i), 4)) {
            return GATE_STOP;
        }
        put_bytes(call, argument(call, i), 0, 4);
    }
    return answer(call, WASI_SUCCESS);
}

enum gate_result wasi_args_sizes_get(struct host *host, struct gate_call *call)
{
    return answer_no_strings(host, call);
}

enum gate_result wasi_environ_sizes_get(struct host *host, struct gate_call *call)
{
    return answer_no_strings(host, call);
}

enum gate_result wasi_args_get(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, WASI_SUCCESS); /* nothing to write: there are none */
}

enum gate_result wasi_environ_get(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, WASI_SUCCESS);
}

/* Clocks 0 (real time) and 1 (monotonic) tell the same: the run's time. */
enum gate_result wasi_clock_time_get(struct host *host, struct gate_call *call)
{
    if (!gate_range(host, call, argument(call, 2), 8)) {
        return GATE_STOP;
    }
    if (argument(call, 0) > 1) {
        return answer(call, WASI_EINVAL);
    }
    put_bytes(call, argument(call, 2), host_time_ns(host), 8);
    return answer(call, WASI_SUCCESS);
}

enum gate_result wasi_clock_res_get(struct host *host, struct gate_call *call)
{
    if (!gate_range(host, call, argument(call, 1), 8)) {
        return GATE_STOP;
    }
    if (argument(call, 0) > 1) {
        return answer(call, WASI_EINVAL);
    }
    put_bytes(call, argument(call, 1), 1, 8);
    return answer(call, WASI_SUCCESS);
}

enum gate_result wasi_random_get(struct host *host, struct gate_call *call)
{
    random_stream_fill(&host->random, call->output, call->input.size);
    return answer(call, WASI_SUCCESS);
}

/* One vector of fd_write; false: the run was stopped. */
static bool write_vector(
    struct host *host, struct gate_call *call, uint64_t vector, uint64_t *written)
{
    const uint32_t at = get32(call, vector);
    uint64_t size = get32(call, vector + 4);
    if (!gate_range(host, call, at, size)) {
        return false;
    }
    if (size > WRITE_BYTES_MAX - *written) {
        size = WRITE_BYTES_MAX - *written;
    }
    if (!gate_charge(host, call, WRITE_VECTOR_FUEL + size / 4)) {
        return false;
    }
    const int fd = (int)argument(call, 0);
    cordon_error *error =
        log_lines_write(&host->log, fd, slice_of(call->memory + at, (size_t)size));
    if (error != NULL) {
        (void)host_stop_error(host, error);
        return false;
    }
    *written += size;
    return true;
}

enum gate_result wasi_fd_write(struct host *host, struct gate_call *call)
{
    const uint32_t fd = argument(call, 0);
    const uint32_t vectors = argument(call, 1);
    const uint32_t count = argument(call, 2);
    if (!gate_range(host, call, vectors, (uint64_t)count * 8) ||
        !gate_range(host, call, argument(call, 3), 4)) {
        return GATE_STOP;
    }
    if (fd != STDOUT && fd != STDERR) {
        return answer(call, WASI_EBADF);
    }
    if (count > WRITE_VECTORS_MAX) {
        return answer(call, WASI_EINVAL);
    }
    uint64_t written = 0;
    for (uint32_t i = 0; i < count && written < WRITE_BYTES_MAX; i++) {
        if (!write_vector(host, call, vectors + (uint64_t)i * 8, &written)) {
            return GATE_STOP;
        }
    }
    put_bytes(call, argument(call, 3), written, 4);
    return answer(call, WASI_SUCCESS);
}

/* Standard input is at its end. */
enum gate_result wasi_fd_read(struct host *host, struct gate_call *call)
{
    if (!gate_range(host, call, argument(call, 1), (uint64_t)argument(call, 2) * 8) ||
        !gate_range(host, call, argument(call, 3), 4)) {
        return GATE_STOP;
    }
    if (argument(call, 0) != STDIN) {
        return answer(call, WASI_EBADF);
    }
    put_bytes(call, argument(call, 3), 0, 4);
    return answer(call, WASI_SUCCESS);
}

enum gate_result wasi_fd_close(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, argument(call, 0) <= STDERR ? WASI_SUCCESS : WASI_EBADF);
}

enum gate_result wasi_fd_seek(struct host *host, struct gate_call *call)
{
    if (!gate_range(host, call, argument(call, 3), 8)) {
        return GATE_STOP;
    }
    return answer(call, argument(call, 0) <= STDERR ? WASI_ESPIPE : WASI_EBADF);
}

/* A character device, so that libc flushes at each newline. */
enum gate_result wasi_fd_fdstat_get(struct host *host, struct gate_call *call)
{
    enum { FDSTAT_BYTES = 24, FILETYPE_CHARACTER_DEVICE = 2, RIGHT_READ = 2, RIGHT_WRITE = 64 };
    const uint32_t fd = argument(call, 0);
    const uint32_t at = argument(call, 1);
    if (!gate_range(host, call, at, FDSTAT_BYTES)) {
        return GATE_STOP;
    }
    if (fd > STDERR) {
        return answer(call, WASI_EBADF);
    }
    memset(call->memory + at, 0, FDSTAT_BYTES);
    call->memory[at] = FILETYPE_CHARACTER_DEVICE;
    put_bytes(call, (uint64_t)at + 8, fd == STDIN ? RIGHT_READ : RIGHT_WRITE, 8);
    return answer(call, WASI_SUCCESS);
}

/* No folder is open beforehand: libc stops looking at the first EBADF. */
enum gate_result wasi_fd_prestat_get(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, WASI_EBADF);
}

enum gate_result wasi_fd_prestat_dir_name(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, WASI_EBADF);
}

enum gate_result wasi_proc_exit(struct host *host, struct gate_call *call)
{
    const uint32_t code = argument(call, 0);
    if (code == 0) {
        host->stop.exited_well = true;
    } else {
        (void)host_stop(
            host, CORDON_OUTCOME_FAILED, "The program ended itself with exit code %u.", code);
    }
    return GATE_STOP;
}

enum gate_result wasi_sched_yield(struct host *host, struct gate_call *call)
{
    (void)host;
    return answer(call, WASI_SUCCESS);
}
