/* Addresses and sockets that a server listens on: clients' and the operator's. */
#include "http/internal.h"

#include "base/advice.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
#define LISTEN_DEFAULT "127.0.0.1:3210"

struct address {
    struct sockaddr_storage socket;
    char text[96]; /* as given */
};

/* -- Addresses ------------------------------------------------------------------------------ */

/* Digits and nothing else; -1 for what is no port. */
static int read_port(const char *text)
{
    int port = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || port > 65535) {
            return -1;
        }
        port = port * 10 + (*at - '0');
    }
    return text[0] == '\0' || port > 65535 ? -1 : port;
}

static cordon_error *read_address(const char *text, struct address *out_address)
{
    const char *colon = strrchr(text, ':');
    char host[80] = "";
    const int port = colon == NULL ? -1 : read_port(colon + 1);
    const bool good_port = port >= 0;
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    const bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    const char *from = bracketed ? text + 1 : text;
    size = bracketed ? size - 2 : size;
    *out_address = (struct address){0};
    if (good_port && size > 0 && size < sizeof host) {
        memcpy(host, from, size);
        struct sockaddr_in *v4 = (struct sockaddr_in *)&out_address->socket;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out_address->socket;
        const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
        if ((!bracketed && uv_ip4_addr(name, port, v4) == 0) ||
            (bracketed && uv_ip6_addr(host, port, v6) == 0)) {
            (void)snprintf(out_address->text, sizeof out_address->text, "%s", text);
            return NULL;
        }
    }
    return cordon_error_new(
        CORDON_E_INVALID,
        "'%s' is no address to listen on; give an IP address and a port, such as 127.0.0.1:3210",
        text);
}

static const struct sockaddr *socket_address(const struct address *address)
{
    return (const struct sockaddr *)&address->socket;
}

static socklen_t socket_size(const struct address *address)
{
    return address->socket.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                : sizeof(struct sockaddr_in6);
}

static bool is_loopback(const struct address *address)
{
    if (address->socket.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static cordon_error *bind_error(const struct address *address, int failed)
{
    if (failed == UV_EADDRINUSE) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the address %s is in use; stop the other server or choose another with --listen",
            address->text);
    }
    return cordon_error_new(
        CORDON_E_SYSTEM, "can't listen on %s: %s%s", address->text, uv_strerror(failed),
        advice_on(-failed));
}

/* A socket that listens, in `*out_fd`, or a code of libuv. */
static int listen_at(const struct sockaddr *address, socklen_t size, bool shared, int *out_fd)
{
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return uv_translate_sys_error(errno);
    }
    const int yes = 1;
    const int no = 0;
    const bool is_unix = address->sa_family == AF_UNIX;
    if (!is_unix) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
    if (address->sa_family ==
        AF_INET6) { /* `[::]` is reached by IPv4 too, however the system is set */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    }
    if (shared) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    }
    /* A path is made with the socket's mode, whatever the umask lets: it is never another's. */
    if ((is_unix && fchmod(fd, S_IRUSR | S_IWUSR) != 0) || bind(fd, address, size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        const int failed = uv_translate_sys_error(errno);
        (void)close(fd);
        return failed;
    }
    *out_fd = fd;
    return 0;
}

/*
 * Several loops listen on one address by SO_REUSEPORT. That would also let two servers share it
 * unseen, so the first one tries the address without it.
 */
static int try_address(const struct address *address)
{
    int fd = -1;
    const int failed = listen_at(socket_address(address), socket_size(address), false, &fd);
    if (failed == 0) {
        (void)close(fd);
    }
    return failed;
}

static int listen_tcp(
    struct loop *loop,
    struct listener *listener,
    const struct address *address,
    bool shared,
    bool is_operator)
{
    int fd = -1;
    const int failed = listen_at(socket_address(address), socket_size(address), shared, &fd);
    if (failed != 0) {
        return failed;
    }
    return listener_open(listener, loop, fd, (struct listener_kind){.is_operator = is_operator});
}

/* The port that was really bound, for the other loops and for the URL. */
static cordon_error *note_port(struct http_server *server, struct address *address)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(server->loops[0].listener.fd, (struct sockaddr *)&bound, &size) != 0) {
        return bind_error(address, uv_translate_sys_error(errno));
    }
    char host[64] = "";
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
        ((struct sockaddr_in *)&address->socket)->sin_port = v4->sin_port;
        (void)uv_ip4_name(v4, host, sizeof host);
        const bool any = v4->sin_addr.s_addr == 0;
        (void)snprintf(
            server->url, sizeof server->url, "http://%s:%u", any ? "127.0.0.1" : host,
            ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
        ((struct sockaddr_in6 *)&address->socket)->sin6_port = v6->sin6_port;
        (void)uv_ip6_name(v6, host, sizeof host);
        const bool any = strcmp(host, "::") == 0;
        (void)snprintf(
            server->url, sizeof server->url, "http://[%s]:%u", any ? "::1" : host,
            ntohs(v6->sin6_port));
    }
    return NULL;
}

static cordon_error *listen_public(struct http_server *server, const char *text)
{
    struct address address;
    TRY(read_address(text, &address));
    if (!server->options.insecure_dev && !is_loopback(&address) &&
        !runner_is_production(server->options.runner)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "%s can be reached from outside, and callers would be shown the details of errors; add "
            "--production, or --insecure-dev where all who reach it may see them",
            text);
    }
    const bool shared = server->loop_count > 1;
    int failed = shared ? try_address(&address) : 0;
    for (uint32_t i = 0; i < server->loop_count && failed == 0; i++) {
        struct loop *loop = &server->loops[i];
        failed = listen_tcp(loop, &loop->listener, &address, shared, false);
        if (failed == 0 && i == 0) {
            TRY(note_port(server, &address));
        }
    }
    return failed == 0 ? NULL : bind_error(&address, failed);
}

/* -- The operator's listener ---------------------------------------------------------------- */

/* Whether somebody answers at a socket. */
static bool is_answered(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true; /* who cannot ask leaves it alone */
    }
    const bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                         errno == ECONNREFUSED;
    (void)close(fd);
    return !refused;
}

/* Removes the socket that a dead server has left. Whatever else is there stays. */
static cordon_error *clear_socket(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return NULL; /* binding will say what is wrong, if anything is */
    }
    if (!S_ISSOCK(status.st_mode)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the path of the operator's socket is taken by something that is no socket; name "
            "another in `operator_listen`");
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (is_answered(&address)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "another server uses the operator's socket; stop it, or name another path in "
            "`operator_listen`");
    }
    (void)unlink(path);
    return NULL;
}

static cordon_error *listen_unix(struct http_server *server, const char *path)
{
    struct loop *loop = &server->loops[0];
    if (strlen(path) >= sizeof server->operator_path) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the path of the operator's socket is too long; name a shorter one in "
            "`operator_listen`");
    }
    TRY(clear_socket(path));
    (void)snprintf(server->operator_path, sizeof server->operator_path, "%s", path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = -1;
    int failed = listen_at((const struct sockaddr *)&address, sizeof address, false, &fd);
    if (failed == 0) {
        const struct listener_kind kind = {.is_operator = true, .unix_path = server->operator_path};
        failed = listener_open(&loop->operator_listener, loop, fd, kind);
    }
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "can't make the operator's socket: %s%s", uv_strerror(failed),
            advice_on(-failed));
    }
    return NULL;
}

static cordon_error *listen_operator(struct http_server *server, const char *text)
{
    if (strncmp(text, "unix:", 5) == 0) {
        return listen_unix(server, text + 5);
    }
    struct address address;
    TRY(read_address(text, &address));
    if (!is_loopback(&address)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the operator's listener is a loopback address or unix:PATH, not '%s'; metrics tell "
            "about every tenant",
            text);
    }
    struct loop *loop = &server->loops[0];
    const int failed = listen_tcp(loop, &loop->operator_listener, &address, false, true);
    return failed == 0 ? NULL : bind_error(&address, failed);
}

static cordon_error *listen_operator_default(struct http_server *server)
{
    const struct http_server_options *options = &server->options;
    if (options->operator_listen != NULL) {
        return listen_operator(server, options->operator_listen);
    }
    const char *const folder =
        options->socket_folder != NULL ? options->socket_folder : options->data_folder;
    if (folder == NULL) {
        return NULL;
    }
    char path[sizeof server->operator_path];
    const int size = snprintf(path, sizeof path, "%s/operator.sock", folder);
    if (size < 0 || (size_t)size >= sizeof path) {
        const struct log_field why[] = {LOG_FIELD_STRING(
            "message",
            SLICE("no metrics: the path of the data folder is too long for a socket in it; "
                  "name one in `operator_listen`"))};
        log_write(options->log, LOG_WARN, "operator_socket", why, 1);
        return NULL;
    }
    return listen_unix(server, path);
}

cordon_error *server_listen(struct http_server *server)
{
    const char *const text = server->options.listen;
    TRY(listen_public(server, text == NULL ? LISTEN_DEFAULT : text));
    return listen_operator_default(server);
}
