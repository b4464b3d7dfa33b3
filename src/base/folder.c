/* Private folders; see folder.h. */
#include "base/folder.h"

#include "base/advice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool folder_is_private(const struct stat *status)
{
    return status->st_uid == geteuid() && (status->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

cordon_error *folder_open(const char *path, const char *what, int *out_fd)
{
    if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "%s, %s, could not be made: %s%s", what, path, strerrordesc_np(errno),
            advice_on(errno));
    }
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s, %s, could not be opened: %s; it must be a folder and no link to one", what, path,
            strerrordesc_np(errno));
    }
    struct stat status;
    if (fstat(fd, &status) != 0 || !folder_is_private(&status)) {
        (void)close(fd);
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "%s, %s, is not this user's alone; give it to the user and set its mode to 0700, or "
            "delete it",
            what, path);
    }
    *out_fd = fd;
    return NULL;
}

void folder_each(int folder, void (*visit)(int folder, const char *name, void *arg), void *arg)
{
    const int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = own == -1 ? NULL : fdopendir(own);
    if (entries == NULL) {
        if (own != -1) {
            (void)close(own);
        }
        return;
    }
    for (;;) {
        /* Nobody else reads this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            break;
        }
        visit(folder, entry->d_name, arg);
    }
    (void)closedir(entries);
}
