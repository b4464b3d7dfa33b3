/*
 * A library that is loaded before a program (LD_PRELOAD) and moves its wall clock: by as many
 * nanoseconds as the file CORDON_TEST_WALL_CLOCK holds, a number of 8 bytes that may change at any
 * time. So a clock steps under a server that runs, without a hook in the server, and without a
 * change of the machine's own clock.
 *
 * The file is mapped when the program begins, so that the server may confine itself after that.
 * What is not moved: monotonic clocks, the times of files, and deadlines that the kernel keeps by
 * the wall clock, of which there are none (every wait of ours is by the monotonic clock).
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

static const _Atomic int64_t *offset_ns; /* NULL: there is no such file */

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("CORDON_TEST_WALL_CLOCK");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, fd, 0);
    offset_ns = mapped == MAP_FAILED ? NULL : mapped;
    (void)close(fd);
}

/* In place of the C library's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *out_now)
{
    const int failed = (int)syscall(SYS_clock_gettime, id, out_now);
    if (failed != 0 || id != CLOCK_REALTIME || offset_ns == NULL) {
        return failed;
    }
    const int64_t now_ns =
        (int64_t)out_now->tv_sec * NS_PER_S + out_now->tv_nsec + atomic_load(offset_ns);
    out_now->tv_sec = (time_t)(now_ns / NS_PER_S);
    out_now->tv_nsec = (long)(now_ns % NS_PER_S);
    return 0;
}
