/* Keeping files away from the numbers of the standard streams; see descriptors.h. */
#include "base/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

enum { STANDARD = 3 };

void descriptors_open_standard(void)
{
    int fd = -1;
    do {
        /* The wrong way round: reading fails, and so does writing, which is seen. */
        fd = open("/dev/null", fcntl(STDIN_FILENO, F_GETFD) == -1 ? O_WRONLY : O_RDONLY);
    } while (fd >= 0 && fd < STANDARD - 1);
    if (fd >= STANDARD) {
        (void)close(fd);
    }
}

void descriptors_hold(struct descriptors_held *out_held)
{
    *out_held = (struct descriptors_held){0};
    int fd = -1;
    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && fd < STANDARD) {
            out_held->is_held[fd] = true;
        }
    } while (fd >= 0 && fd < STANDARD);
    if (fd >= STANDARD) {
        (void)close(fd);
    }
}

void descriptors_release(struct descriptors_held *held)
{
    for (int fd = 0; fd < STANDARD; fd++) {
        if (held->is_held[fd]) {
            (void)close(fd);
        }
    }
}

int descriptors_raise(int fd)
{
    const int raised = fd >= 0 && fd < STANDARD ? fcntl(fd, F_DUPFD_CLOEXEC, STANDARD) : -1;
    if (raised < 0) {
        return fd;
    }
    (void)close(fd);
    return raised;
}
