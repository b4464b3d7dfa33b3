/* The service manager's socket; see notify.h. */
#include "cli/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A manager that starts many services may be behind for a moment. */
enum { PATIENCE_S = 5 };

int notify_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *const path = getenv("NOTIFY_SOCKET");
    const size_t size = path == NULL ? 0 : strlen(path);
    if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return -1;
    }
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* in the abstract namespace, which has no NUL at the end */
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, address_size) != 0) {
        (void)close(fd);
        return -1;
    }
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    return fd;
}

static void tell(int fd, const char *state, int flags)
{
    if (fd >= 0) {
        (void)send(fd, state, strlen(state), MSG_NOSIGNAL | flags);
    }
}

void notify_tell(int fd, const char *state)
{
    tell(fd, state, 0);
}

void notify_tell_at_once(int fd, const char *state)
{
    tell(fd, state, MSG_DONTWAIT);
}

void notify_tell_reloading(int fd)
{
    struct timespec now = {0};
    char state[64];
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(
        state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld%06ld", (long long)now.tv_sec,
        now.tv_nsec / 1000);
    notify_tell(fd, state);
}
