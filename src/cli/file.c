/* Writing files; see file.h. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

bool file_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static int say(const char *path, int error)
{
    return terminal_fail(
        CLI_MACHINE, "%s cannot be written: %s; %s", path, strerror(error),
        file_is_full(error) ? "free some space and try again"
                            : "name a file in a folder that is there and may be written to");
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int file_secret_begin(struct file_secret *file, const char *path)
{
    *file = (struct file_secret){.path = path};
    if (is_folder(path)) {
        return say(path, EISDIR);
    }
    struct text beside = {0};
    text_printf(&beside, "%s.XXXXXX", path);
    file->fd = mkstemp(beside.data); /* which makes it 0600 */
    if (file->fd < 0) {
        const int error = errno;
        text_done(&beside);
        return say(path, error);
    }
    file->beside = beside;
    return CLI_OK;
}

int file_secret_finish(struct file_secret *file, const void *bytes, size_t size)
{
    int error = file_write_all(file->fd, bytes, size) && fsync(file->fd) == 0 ? 0 : errno;
    if (error == 0 && rename(file->beside.data, file->path) != 0) {
        error = errno;
    }
    if (error != 0) {
        return say(file->path, error);
    }
    (void)close(file->fd);
    text_done(&file->beside);
    return CLI_OK;
}

void file_secret_drop(struct file_secret *file)
{
    if (file->beside.data != NULL) {
        (void)unlink(file->beside.data);
        (void)close(file->fd);
        text_done(&file->beside);
    }
}
