/* Advice on the codes that a running system has; see advice.h. */
#include "base/advice.h"

#include <errno.h>

const char *advice_on(int code)
{
    switch (code) {
    case EMFILE:
    case ENFILE:
        return "; allow more open files (ulimit -n)";
    case EAGAIN:
        return "; allow more threads and processes (ulimit -u)";
    case ENOMEM:
    case ENOBUFS:
        return "; free some memory and try again";
    case ENOSPC:
    case EDQUOT:
        return "; free some space and try again";
    case EFBIG:
        return "; raise the limit on the size of files (ulimit -f)";
    case EACCES:
    case EPERM:
        return "; run as its owner or name another";
    case EROFS:
        return "; it is read-only: name a folder that can be written";
    case ENOENT:
    case ENOTDIR:
        return "; name a path whose folder is there";
    case EIO:
        return "; the disk does not work as it should: see to it and try again";
    case EADDRNOTAVAIL:
        return "; name an address of this machine";
    default:
        return "; try again, and if it stays so restart this program";
    }
}
