/* Sealed files in memory; see sealed.h. */
#include "engine/sealed.h"

#include "base/advice.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Neither content nor size can change under such a seal. */
#define SEALS_NEEDED (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

void fd_closep(int *fd)
{
    if (*fd != NO_FD) {
        (void)close(*fd);
        *fd = NO_FD;
    }
}

int fd_take(int *fd)
{
    const int taken = *fd;
    *fd = NO_FD;
    return taken;
}

cordon_error *sealed_new(int *out_fd)
{
    const int fd = memfd_create("cordon", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "no file in memory could be made: %s%s", strerrordesc_np(errno),
            advice_on(errno));
    }
    *out_fd = fd;
    return NULL;
}

cordon_error *fd_write(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        const ssize_t written = write(fd, bytes.data, bytes.size);
        if (written == -1 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return cordon_error_new(
                CORDON_E_SYSTEM, "a file of machine code could not be written: %s%s",
                strerrordesc_np(errno), advice_on(errno));
        }
        bytes = slice_from(bytes, (size_t)written);
    }
    return NULL;
}

cordon_error *sealed_finish(int fd)
{
    if (fcntl(fd, F_ADD_SEALS, SEALS_NEEDED | F_SEAL_SEAL) == -1) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "a file in memory could not be sealed: %s%s", strerrordesc_np(errno),
            advice_on(errno));
    }
    return NULL;
}

cordon_error *sealed_view_open(int fd, struct sealed_view *out_view)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals == -1 || (seals & SEALS_NEEDED) != SEALS_NEEDED) {
        return cordon_error_new(CORDON_E_INVALID, "machine code is loaded from a sealed file only");
    }
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "a file of machine code could not be examined: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    if (status.st_size <= 0) {
        return cordon_error_new(CORDON_E_INVALID, "a file of machine code must not be empty");
    }
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return error_no_memory();
    }
    out_view->bytes = slice_of(data, (size_t)status.st_size);
    return NULL;
}

void sealed_view_close(struct sealed_view *view)
{
    if (view->bytes.size > 0) {
        (void)munmap((void *)(uintptr_t)view->bytes.data, view->bytes.size);
    }
}
