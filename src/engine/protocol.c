/* Messages with descriptors; see protocol.h. */
#include "engine/protocol.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one message, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(PROTOCOL_REQUEST_FDS * sizeof(int))];
};

bool protocol_send(int socket, struct slice message, const int *fds, size_t fd_count)
{
    CORDON_ASSERT(fd_count <= PROTOCOL_REQUEST_FDS);
    union control control = {.bytes = {0}};
    struct iovec part = {(void *)(uintptr_t)message.data, message.size};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        packet.msg_control = control.bytes;
        packet.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent == -1 && errno == EINTR);
    return sent == (ssize_t)message.size;
}

/* Takes the descriptors out of a packet; closes them all unless they are as many as wanted. */
static bool take_fds(struct msghdr *packet, int *out_fds, size_t fd_count)
{
    int fds[PROTOCOL_REQUEST_FDS] = {0};
    size_t count = 0;
    const struct cmsghdr *header = CMSG_FIRSTHDR(packet);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        CORDON_ASSERT(count <= PROTOCOL_REQUEST_FDS);
        memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    }
    if (count != fd_count || (packet->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (size_t i = 0; i < count; i++) {
            (void)close(fds[i]);
        }
        return false;
    }
    if (count > 0) {
        memcpy(out_fds, fds, count * sizeof(int));
    }
    return true;
}

bool protocol_receive(int socket, void *out_message, size_t size, int *out_fds, size_t fd_count)
{
    union control control = {.bytes = {0}};
    struct iovec part = {out_message, size};
    struct msghdr packet = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control,
    };
    ssize_t got = -1;
    do {
        got = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC);
    } while (got == -1 && errno == EINTR);
    if (got <= 0) {
        return false;
    }
    const bool is_whole = (size_t)got == size;
    return take_fds(&packet, out_fds, is_whole ? fd_count : SIZE_MAX);
}
