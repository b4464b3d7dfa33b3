/* Writing files; see file.h. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "cli/text.h"

bool file_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static int say(const char *path, int error)
{
    return terminal_fail(
        CLI_MACHINE, "%s cannot be written: %s%s", path, strerror(error),
        error == ENOSPC ? "; free some space and try again" : "");
}

int file_write_secret(const char *path, const void *bytes, size_t size)
{
    TEXT_CLEANUP beside = {0};
    text_printf(&beside, "%s.XXXXXX", path);
    const int fd = mkstemp(beside.data); /* which makes it 0600 */
    if (fd < 0) {
        return say(path, errno);
    }
    int error = file_write_all(fd, bytes, size) && fsync(fd) == 0 ? 0 : errno;
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(beside.data, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlink(beside.data);
        return say(path, error);
    }
    return CLI_OK;
}
