/*
 * Who is let in, and who has to go for it.
 *
 * Each loop has its share of the connections there may be. When it is taken, the client that has
 * been idle the longest is closed for the next one; if none is idle, the one whose request has been
 * coming the longest; and if there is none of these either, the one who has been taking an answer
 * the longest. So no client keeps others out by doing nothing, or by doing it slowly. The same is
 * done when descriptors run out, whoever in this process has them.
 *
 * The operator has connections beside those, of which the same is true: a server whose clients all
 * wait for something is one to be looked at.
 *
 * Nobody has to go who had no time to do anything, or whose bytes are there but were not read yet:
 * a loop accepts after it has read. While there is nobody else, the next client waits with the
 * kernel.
 *
 * libuv can accept, too, but when there is no descriptor left its version 1.44 tries again without
 * end. So it only polls the listening socket here.
 */
#include "http/internal.h"

#include "base/descriptors.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Accepted at one time; then others have their turn. */
#define ACCEPTS_A_TURN 64
/* Connections of the operator. */
#define OPERATORS_MAX 8
/* For so long a client stays whatever it does, and so long the next one waits if there is none. */
#define STAY_MS 50

/* -- Waiting connections -------------------------------------------------------------------- */

static void leave(struct connection *connection)
{
    struct waiting *waiting = connection->waits_in;
    if (connection->waits_before != NULL) {
        connection->waits_before->waits_behind = connection->waits_behind;
    } else {
        waiting->first = connection->waits_behind;
    }
    if (connection->waits_behind != NULL) {
        connection->waits_behind->waits_before = connection->waits_before;
    } else {
        waiting->last = connection->waits_before;
    }
}

static void enter(struct connection *connection, struct waiting *waiting)
{
    connection->waits_before = waiting->last;
    connection->waits_behind = NULL;
    if (waiting->last != NULL) {
        waiting->last->waits_behind = connection;
    } else {
        waiting->first = connection;
    }
    waiting->last = connection;
}

void connection_wait_in(struct connection *connection, struct waiting *waiting)
{
    if (connection->waits_in != NULL) {
        leave(connection);
    }
    connection->waits_in = waiting;
    if (waiting != NULL) {
        connection->waits_since_ms = uv_now(&connection->loop->uv);
        enter(connection, waiting);
    }
}

/* -- Room ----------------------------------------------------------------------------------- */

/* The longest there of the operator's, or of all others. */
static struct connection *first_of(const struct waiting *waiting, bool is_operator)
{
    struct connection *at = waiting->first;
    while (at != NULL && at->is_operator != is_operator) {
        at = at->waits_behind;
    }
    return at;
}

/* The new ones of one sort are passed over for the next sort: those hold what they have longer. */
static struct connection *who_has_to_go(const struct loop *loop, bool is_operator)
{
    const struct waiting *const in_turn[] = {&loop->idle, &loop->arriving, &loop->taking};
    const uint64_t now_ms = uv_now(&loop->uv);
    for (size_t i = 0; i < sizeof in_turn / sizeof in_turn[0]; i++) {
        struct connection *first = first_of(in_turn[i], is_operator);
        if (first != NULL && now_ms - first->waits_since_ms >= STAY_MS) {
            return first;
        }
    }
    return NULL;
}

static bool is_full(const struct loop *loop, bool is_operator)
{
    return is_operator
               ? loop->operator_count >= OPERATORS_MAX
               : atomic_load(&loop->connection_count) >= atomic_load(&loop->connections_max);
}

/* Closes one connection, and with it its descriptor; false if there is none that has to go. */
static bool make_room(struct loop *loop, bool is_operator)
{
    struct connection *connection = who_has_to_go(loop, is_operator);
    if (connection != NULL) {
        connection_close(connection);
    }
    return connection != NULL;
}

void loop_give_room(struct loop *loop)
{
    if (atomic_exchange(&loop->is_asked_for_room, false)) {
        (void)make_room(loop, false);
    }
}

/* Descriptors are everybody's: the loop with the most connections gives one up, if it can. */
static void ask_for_room(const struct loop *loop)
{
    struct http_server *server = loop->server;
    struct loop *largest = &server->loops[0];
    for (uint32_t i = 1; i < server->loop_count; i++) {
        struct loop *other = &server->loops[i];
        if (atomic_load(&other->connection_count) > atomic_load(&largest->connection_count)) {
            largest = other;
        }
    }
    if (largest != loop) {
        atomic_store(&largest->is_asked_for_room, true);
        (void)uv_async_send(&largest->woken);
    }
}

/* -- Accepting ------------------------------------------------------------------------------ */

static void on_room(uv_timer_t *room)
{
    loop_accept_again(room->data);
}

static void pause_accepting(struct listener *listener)
{
    struct loop *loop = listener->loop;
    listener->is_paused = true;
    (void)uv_poll_stop(&listener->poll);
    (void)uv_timer_start(&loop->room, on_room, STAY_MS, 0);
}

/* The next client's socket, or -1 if none waits or it can't be had for now. */
static int accept_next(struct listener *listener)
{
    for (;;) {
        const int fd =
            descriptors_raise(accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd >= 0) {
            return fd;
        }
        const int failed = errno;
        const bool no_descriptor = failed == EMFILE || failed == ENFILE;
        if (no_descriptor && make_room(listener->loop, false)) {
            continue;
        }
        if (no_descriptor) {
            ask_for_room(listener->loop);
        }
        if (no_descriptor || failed == ENOBUFS || failed == ENOMEM) {
            pause_accepting(listener);
        }
        return -1; /* whatever else it was, a client that has left: the socket says if more wait */
    }
}

static void accept_from(struct listener *listener)
{
    struct loop *loop = listener->loop;
    const bool is_operator = listener->kind.is_operator;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (is_full(loop, is_operator) && who_has_to_go(loop, is_operator) == NULL) {
            pause_accepting(listener);
            return;
        }
        const int fd = accept_next(listener);
        if (fd < 0) {
            return;
        }
        if (is_full(loop, is_operator)) {
            (void)make_room(loop, is_operator);
        }
        connection_open(loop, fd, listener->kind);
    }
}

static void accept_ready(struct listener *listener)
{
    if (listener->is_ready) {
        listener->is_ready = false;
        accept_from(listener);
    }
}

void loop_accept(struct loop *loop)
{
    accept_ready(&loop->listener);
    accept_ready(&loop->operator_listener);
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct listener *listener = poll->data;
    listener->is_ready = true;
}

static int start_accepting(struct listener *listener)
{
    listener->is_paused = false;
    return uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

static void accept_again(struct listener *listener)
{
    if (listener->is_open && listener->is_paused) {
        (void)start_accepting(listener);
    }
}

void loop_accept_again(struct loop *loop)
{
    accept_again(&loop->listener);
    accept_again(&loop->operator_listener);
}

/* -- Listeners ------------------------------------------------------------------------------ */

static void close_socket(const struct listener *listener)
{
    if (listener->kind.unix_path != NULL) {
        (void)unlink(listener->kind.unix_path);
    }
    (void)close(listener->fd);
}

int listener_open(struct listener *listener, struct loop *loop, int fd, struct listener_kind kind)
{
    *listener = (struct listener){.loop = loop, .fd = fd, .kind = kind};
    listener->poll.data = listener;
    const int failed = uv_poll_init(&loop->uv, &listener->poll, fd);
    if (failed != 0) {
        close_socket(listener);
        return failed;
    }
    listener->is_open = true;
    return start_accepting(listener);
}

void listener_close(struct listener *listener)
{
    if (listener->is_open) {
        listener->is_open = false;
        listener->is_ready = false;
        uv_close((uv_handle_t *)&listener->poll, NULL);
        close_socket(listener);
    }
}
