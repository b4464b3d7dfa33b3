/* Failed calls on files, in words; and room taken ahead. See disk.h. */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>

bool disk_is_full(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

const char *disk_advice(int code)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        return "; free some space and start again";
    case EFBIG:
        return "; raise the limit on the size of files (ulimit -f) and start again";
    case EIO:
        return "; the disk does not work as it should: see to it and start again";
    case EROFS:
        return "; the disk is read-only: choose another folder, or make it writable and start "
               "again";
    case EACCES:
    case EPERM:
        return "; run as its owner or choose another folder";
    default:
        return "";
    }
}

int disk_allocate(int fd, uint64_t from, uint64_t to)
{
    int code = 0;
    do {
        code = from < to ? posix_fallocate(fd, (off_t)from, (off_t)(to - from)) : 0;
    } while (code == EINTR);
    /* Where there is no such call, the check of the free figure has to do. */
    return code == EOPNOTSUPP || code == ENOSYS ? 0 : code;
}
