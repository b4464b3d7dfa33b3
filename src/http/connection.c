/*
 * Bytes of one connection: read, parsed one request at a time, answered in order. A client that
 * sends more than is answered is no longer read from.
 *
 * Every wait for a client has a deadline, which nothing but progress moves. The head of a request
 * must come whole; a body and an answer must move on by STEP_BYTES, or to their end, in each
 * timeout. A plain bound on the whole would cut off who sends a large module over a slow line; a
 * bound on the pause between bytes would let a client hold a connection for days, a byte at a time.
 *
 * An idle connection waits too: an answer is not taken when the kernel has it.
 *
 * After a last answer the connection lingers. To close it with bytes unread or on their way would
 * make the kernel send a reset, and a client that is still sending then never sees why it was
 * refused. So the write side is shut, and what comes is thrown away until the client closes too,
 * falls silent, or has had as much time and bytes as a good request may take.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/memory.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES ((size_t)16384)
/* Unparsed bytes of a client that pipelines; beyond it reading stops. */
#define INPUT_BYTES_MAX ((size_t)262144)
/* A loop works so long in one turn before pipelined requests have to wait for the next. */
#define TURN_NS ((uint64_t)1500000)
/* What a body or an answer must move on by to be given another timeout: about 2 KiB/s. */
#define STEP_BYTES ((size_t)65536)
/* How much is unsent is found out at the first deadline: most connections never see one. */
#define STEP_UNKNOWN SIZE_MAX
/* A client that says nothing for so long after its last answer has read it, or never will. */
#define LINGER_IDLE_MS 5000
/* What a connection may hold before it counts against the memory of the process: of input and the
 * head of a request, and of all else. All connections together may hold as many times that. */
#define INPUT_FREE_BYTES ((uint64_t)32768)
#define FREE_BYTES ((uint64_t)16384)

/*
 * So many answers go together, and the first of them waits no longer for the others than that and
 * what is done meanwhile without looking at the clock: the poll of one run, or one read. By `make
 * bench` 4 are too few, and 64 no better.
 */
#define LEAVING_MAX 16
#define LEAVING_NS ((uint64_t)200000)

/* How long an idle connection stays when the server stops: what it has sent is refused. */
#define STOP_IDLE_MS 100
/* And how long the rest of a request may take that begins to come then. */
#define STOP_REQUEST_MS 500

static void control_reading(struct connection *connection);
static void refuse(struct connection *connection, const struct http_refusal *refusal);

/* -- Life ----------------------------------------------------------------------------------- */

static void free_connection(struct connection *connection)
{
    http_parser_done(&connection->parser);
    buffer_done(&connection->input);
    buffer_done(&connection->output);
    buffer_done(&connection->scratch);
    buffer_done(&connection->unpacked);
    auth_memo_done(&connection->signed_in);
    buffer_done(&connection->identity_text);
    charge_done(&connection->charge);
    charge_done(&connection->input_charge);
    mem_free(connection);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    connection->open_handles--;
    if (connection->open_handles > 0) {
        return;
    }
    struct loop *loop = connection->loop;
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        loop->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    loop->draining -= connection->is_draining;
    free_connection(connection);
    loop_check_end(loop);
}

/* One connection more, or less. */
static void count(const struct connection *connection, int change)
{
    struct loop *loop = connection->loop;
    gauge_add(loop->server->open_connections, change);
    if (connection->is_operator) {
        loop->operator_count += (uint32_t)change;
    } else {
        (void)atomic_fetch_add(&loop->connection_count, (unsigned)change);
    }
}

/* Closes the socket: its descriptor is free from here on. */
static void hang_up(struct connection *connection)
{
    struct loop *loop = connection->loop;
    connection->gone = true;
    connection_wait_in(connection, NULL);
    uv_close(&connection->socket.handle, on_closed);
    count(connection, -1);
    loop_accept_again(loop);
}

static void end_connection(struct connection *connection)
{
    connection->phase = PHASE_CLOSING;
    exchange_done(connection);
    uv_close((uv_handle_t *)&connection->timer, on_closed);
}

void connection_close(struct connection *connection)
{
    if (!connection->gone) {
        hang_up(connection);
    }
    if (connection->phase != PHASE_CLOSING && !exchange_cancel(connection)) {
        end_connection(connection);
    }
}

void connection_abandon(struct connection *connection)
{
    connection_close(connection);
    if (connection->phase == PHASE_RUNNING) {
        end_connection(connection);
    }
}

void connection_stop(struct connection *connection)
{
    if (connection->phase != PHASE_WORKING) { /* else a compute thread may look at it */
        connection->frame.keep_alive = false;
    }
    if (connection->phase == PHASE_READING && http_parser_midway(&connection->parser)) {
        refuse(connection, &exchange_stopping);
    } else if (connection->phase == PHASE_READING) { /* what it may have sent is not read yet */
        const uint64_t soon_ms = uv_now(&connection->loop->uv) + STOP_IDLE_MS;
        connection->deadline_ms =
            connection->deadline_ms < soon_ms ? connection->deadline_ms : soon_ms;
    } else if (connection->phase == PHASE_RUNNING) {
        exchange_stop(connection);
    }
}

/* -- Lingering ------------------------------------------------------------------------------ */

static void linger_on(struct connection *connection)
{
    const uint64_t silent_at_ms = uv_now(&connection->loop->uv) + LINGER_IDLE_MS;
    connection->deadline_ms =
        silent_at_ms < connection->linger_until_ms ? silent_at_ms : connection->linger_until_ms;
}

static void throw_away(struct connection *connection, size_t size)
{
    connection->linger_bytes += size;
    if (connection->linger_bytes > DEPLOY_BYTES_MAX) {
        connection_close(connection);
        return;
    }
    linger_on(connection);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
    struct connection *connection = shutdown->data;
    if (status != 0 && connection->phase == PHASE_LINGERING) {
        connection_close(connection);
    }
}

static void start_lingering(struct connection *connection)
{
    connection->phase = PHASE_LINGERING;
    connection_wait_in(connection, &connection->loop->idle);
    connection->linger_until_ms =
        uv_now(&connection->loop->uv) + connection->loop->server->settings.request_timeout_ms;
    linger_on(connection);
    http_parser_done(&connection->parser); /* nothing is parsed any more */
    buffer_clear(&connection->input);
    connection->input_at = 0;
    connection->shutdown.data = connection;
    if (uv_shutdown(&connection->shutdown, &connection->socket.stream, on_shut) != 0) {
        connection_close(connection);
        return;
    }
    control_reading(connection);
}

/* -- Writing -------------------------------------------------------------------------------- */

static void trim(struct buffer *buffer)
{
    if (buffer->capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(buffer);
    }
    buffer_clear(buffer);
}

static void answered(struct connection *connection)
{
    trim(&connection->output);
    trim(&connection->scratch);
    trim(&connection->unpacked);
    trim(&connection->identity_text);
    auth_memo_trim(&connection->signed_in, HTTP_KEPT_BYTES_MAX);
    connection->step_bytes = STEP_UNKNOWN;
    if (!connection->frame.keep_alive) {
        start_lingering(connection);
        return;
    }
    connection->phase = PHASE_READING;
    connection_wait_in(connection, &connection->loop->idle);
    http_parser_next(&connection->parser);
    connection->deadline_ms =
        uv_now(&connection->loop->uv) + connection->loop->server->settings.idle_timeout_ms;
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;
    if (connection->phase != PHASE_WRITING) {
        return; /* closed meanwhile */
    }
    if (status != 0) {
        connection_close(connection);
        return;
    }
    answered(connection);
    connection_settle(connection);
}

/* What the client has not taken yet, in our hands and in the kernel's. */
static size_t unsent_bytes(const struct connection *connection)
{
    uv_os_fd_t fd = -1;
    int in_kernel = 0;
    if (uv_fileno(&connection->socket.handle, &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_kernel) != 0) {
        in_kernel = 0;
    }
    return uv_stream_get_write_queue_size(&connection->socket.stream) + (size_t)in_kernel;
}

static void await_writing(struct connection *connection)
{
    connection->step_bytes = unsent_bytes(connection);
    connection->deadline_ms =
        uv_now(&connection->loop->uv) + connection->loop->server->settings.write_timeout_ms;
}

static void send_now(struct connection *connection)
{
    connection_wait_in(connection, NULL);
    uv_buf_t bytes =
        uv_buf_init((char *)connection->output.data, (unsigned int)connection->output.size);
    const int sent = uv_try_write(&connection->socket.stream, &bytes, 1);
    if (sent >= 0 && (size_t)sent == connection->output.size) {
        answered(connection);
        return;
    }
    const size_t done = sent > 0 ? (size_t)sent : 0;
    connection_wait_in(connection, &connection->loop->taking);
    bytes = uv_buf_init(
        (char *)connection->output.data + done, (unsigned int)(connection->output.size - done));
    connection->write.data = connection;
    if (uv_write(&connection->write, &connection->socket.stream, &bytes, 1, on_written) != 0) {
        connection_close(connection);
        return;
    }
    await_writing(connection);
}

/*
 * Whoever sent more than is answered goes on in the next turn of the loop; what it sends while its
 * answer waits has that sent first, in on_read().
 */
void loop_send(struct loop *loop)
{
    loop->leaving_count = 0;
    for (struct connection *first = loop->leaving.first; first != NULL;
         first = loop->leaving.first) {
        send_now(first);
        if (first->phase == PHASE_READING && first->input_at < first->input.size) {
            loop_defer(first);
        }
    }
}

void loop_send_late(struct loop *loop, uint64_t now_ns)
{
    if (loop->leaving.first != NULL && now_ns - loop->leaving_since_ns >= LEAVING_NS) {
        loop_send(loop);
    }
}

/*
 * Answers go together, as each write to a client's socket wakes its thread: that costs more than
 * the write. They wait for each other until sockets are looked at again, for a moment at most.
 */
void connection_send(struct connection *connection)
{
    struct loop *loop = connection->loop;
    if (connection->gone) {
        connection_close(connection);
        return;
    }
    connection->phase = PHASE_WRITING;
    if (connection->input_at < connection->input.size) { /* its next request need not wait */
        send_now(connection);
        return;
    }
    if (loop->leaving.first == NULL) {
        loop->leaving_since_ns = clock_monotonic_ns();
    }
    connection_wait_in(connection, &loop->leaving);
    loop->leaving_count++;
    if (loop->leaving_count >= LEAVING_MAX) {
        loop_send(loop);
    }
}

void connection_send_last(struct connection *connection, struct slice text)
{
    const uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)text.data, (unsigned int)text.size);
    if (connection->gone || uv_try_write(&connection->socket.stream, &bytes, 1) != (int)text.size) {
        connection_close(connection);
        return;
    }
    connection->frame.keep_alive = false;
    answered(connection);
}

/* -- Reading -------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out_bytes)
{
    (void)suggested;
    struct connection *connection = handle->data;
    struct buffer *input = &connection->input;
    /* Where there is no memory for more, what is left has to do; nothing at all is UV_ENOBUFS. */
    cordon_error_free(buffer_reserve(input, READ_BYTES));
    *out_bytes = uv_buf_init(
        (char *)input->data + input->size, (unsigned int)(input->capacity - input->size));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes);

static void pause_reading(struct connection *connection)
{
    connection->paused = true;
    (void)uv_read_stop(&connection->socket.stream);
}

static void control_reading(struct connection *connection)
{
    const size_t waiting = connection->input.size - connection->input_at;
    if (!connection->paused && waiting >= INPUT_BYTES_MAX) {
        pause_reading(connection);
    } else if (connection->paused && waiting < INPUT_BYTES_MAX / 2) {
        connection->paused = false;
        (void)uv_read_start(&connection->socket.stream, on_alloc, on_read);
    }
}

static void send_continue(struct connection *connection)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)line, sizeof line - 1);
    if (uv_try_write(&connection->socket.stream, &bytes, 1) != (int)sizeof line - 1) {
        connection_close(connection);
    }
}

/* From now on the request has its timeout, until its body has moved on by a step. */
static void await_request(struct connection *connection)
{
    const struct loop *loop = connection->loop;
    connection->step_bytes = connection->parser.body.size;
    connection->deadline_ms =
        uv_now(&loop->uv) +
        (loop->stopping ? STOP_REQUEST_MS : loop->server->settings.request_timeout_ms);
}

static void refuse(struct connection *connection, const struct http_refusal *refusal)
{
    connection_wait_in(connection, NULL);
    exchange_refuse(connection, refusal);
}

/* Parses on, up to the end of a request at most. */
static void parse(struct connection *connection)
{
    const struct slice bytes = slice_from(buffer_slice(&connection->input), connection->input_at);
    const bool was_midway = http_parser_midway(&connection->parser);
    size_t used = 0;
    const enum http_parsed parsed = http_parser_feed(&connection->parser, bytes, &used);
    connection->input_at += used;
    if (!was_midway && http_parser_midway(&connection->parser)) {
        connection_wait_in(connection, &connection->loop->arriving);
        await_request(connection);
    }
    switch (parsed) {
    case HTTP_MORE:
        break;
    case HTTP_CONTINUE:
        send_continue(connection);
        break;
    case HTTP_COMPLETE:
        connection_wait_in(connection, NULL);
        connection->deadline_ms = 0;
        exchange_begin(connection);
        break;
    case HTTP_REFUSED:
        refuse(connection, &connection->parser.refusal);
        break;
    }
}

/* Gives back what was parsed. */
static void drop_input(struct connection *connection)
{
    struct buffer *input = &connection->input;
    if (connection->input_at == input->size) {
        trim(input);
        connection->input_at = 0;
    } else if (connection->input_at > INPUT_BYTES_MAX / 4) {
        memmove(
            input->data, input->data + connection->input_at, input->size - connection->input_at);
        input->size -= connection->input_at;
        connection->input_at = 0;
    }
}

/* Parses what is there, as long as requests can be answered at once and others need not wait. */
void connection_settle(struct connection *connection)
{
    struct loop *loop = connection->loop;
    bool had_turn = connection->waits_in == &loop->deferred;
    while (connection->phase == PHASE_READING && connection->input_at < connection->input.size) {
        if (had_turn && loop_worked_ns(loop) > TURN_NS) {
            loop_defer(connection);
            break;
        }
        parse(connection);
        had_turn = true;
    }
    if (connection->gone || connection->phase == PHASE_LINGERING) {
        return;
    }
    drop_input(connection);
    control_reading(connection);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    (void)bytes;
    struct connection *connection = stream->data;
    if (size == 0) {
        return;
    }
    if (connection->waits_in == &connection->loop->leaving) { /* before it leaves, or asks more */
        send_now(connection);
    }
    if (connection->loop->leaving.first != NULL) {
        loop_send_late(connection->loop, clock_monotonic_ns());
    }
    if (connection->gone) {
        return;
    }
    if (size == UV_ENOBUFS && connection->input.size > 0) { /* until some of it is parsed */
        pause_reading(connection);
        return;
    }
    if (size < 0) { /* the client is gone: its run is not wanted any more */
        connection_close(connection);
        return;
    }
    if (connection->phase == PHASE_LINGERING) {
        throw_away(connection, (size_t)size);
        return;
    }
    connection->input.size += (size_t)size;
    connection_settle(connection);
}

/* -- Deadlines ------------------------------------------------------------------------------ */

/*
 * Ends what has waited too long. What the client left unread goes at once: the kernel would try for
 * minutes to get rid of it.
 */
static void close_late(struct connection *connection)
{
    uv_os_fd_t fd = -1;
    if (unsent_bytes(connection) > 0 && uv_fileno(&connection->socket.handle, &fd) == 0) {
        const struct linger none = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    connection_close(connection);
}

/* A request is under way that should have come further. */
static void late_to_send(struct connection *connection)
{
    static const struct http_refusal too_slow = {
        408, "RequestTimeout", "The request did not come fast enough; try again."};
    if (connection->parser.body.size >= connection->step_bytes + STEP_BYTES) {
        await_request(connection);
    } else {
        refuse(connection, connection->loop->stopping ? &exchange_stopping : &too_slow);
    }
}

/*
 * Nothing is under way but, perhaps, the client's reading. An answer that the kernel took at once
 * may be on its way to the client for long after.
 */
static void late_to_read(struct connection *connection)
{
    const size_t left = unsent_bytes(connection);
    if (left > 0 &&
        (connection->step_bytes == STEP_UNKNOWN || left + STEP_BYTES <= connection->step_bytes)) {
        await_writing(connection);
    } else {
        close_late(connection);
    }
}

void connection_check_deadline(struct connection *connection, uint64_t at_ms)
{
    if (connection->deadline_ms == 0 || at_ms < connection->deadline_ms) {
        return;
    }
    switch (connection->phase) {
    case PHASE_READING:
        if (http_parser_midway(&connection->parser)) {
            late_to_send(connection);
        } else {
            late_to_read(connection);
        }
        break;
    case PHASE_WRITING:
    case PHASE_LINGERING:
        late_to_read(connection);
        break;
    case PHASE_RUNNING:
    case PHASE_WORKING:
    case PHASE_CLOSING:
        break;
    }
}

/* -- Opening -------------------------------------------------------------------------------- */

static struct connection *new_connection(struct loop *loop, struct listener_kind kind)
{
    const bool is_operator = kind.is_operator;
    struct connection *connection = MEM_NEW(struct connection);
    if (connection == NULL) {
        return NULL;
    }
    const struct http_settings *settings = &loop->server->settings;
    connection->loop = loop;
    connection->is_operator = is_operator;
    connection->needs_operator_key = is_operator && kind.unix_path == NULL;
    /* The operator looks at a server, above all, when its memory is spent. */
    struct purse *purse = &loop->server->purse;
    struct account *account = &connection->charge.account;
    charge_init(&connection->charge, purse, is_operator ? UINT64_MAX : FREE_BYTES);
    charge_init(&connection->input_charge, purse, is_operator ? UINT64_MAX : INPUT_FREE_BYTES);
    buffer_init_charged(
        &connection->input, INPUT_BYTES_MAX + 4 * READ_BYTES, &connection->input_charge.account);
    buffer_init_charged(&connection->output, (size_t)1 << 30, account);
    buffer_init_charged(&connection->scratch, (size_t)1 << 30, account);
    buffer_init_charged(&connection->unpacked, settings->body_bytes_max, account);
    auth_memo_init(&connection->signed_in, account);
    buffer_init_charged(&connection->identity_text, IDENTITY_BYTES_MAX, account);
    http_parser_init(
        &connection->parser, settings->body_bytes_max, exchange_body_cap, connection, account);
    http_parser_charge_head(&connection->parser, &connection->input_charge.account);
    connection->deadline_ms = uv_now(&loop->uv) + settings->idle_timeout_ms;
    return connection;
}

static void enter_loop(struct connection *connection)
{
    struct loop *loop = connection->loop;
    connection->next = loop->connections;
    if (loop->connections != NULL) {
        loop->connections->previous = connection;
    }
    loop->connections = connection;
    count(connection, 1);
    connection_wait_in(connection, &loop->idle);
}

/* Makes the handles, with the socket in one of them. Returns a code of libuv. */
static int open_handles(struct connection *connection, int fd, bool is_unix)
{
    struct loop *const loop = connection->loop;
    uv_loop_t *uv = &loop->uv;
    /* A loop's first stream opens a file in reserve, which libuv does not bear to be 0 to 2. */
    struct descriptors_held held = {0};
    if (!loop->has_streams) {
        descriptors_hold(&held);
        loop->has_streams = true;
    }
    (void)uv_timer_init(uv, &connection->timer);
    connection->timer.data = connection;
    connection->open_handles = 2;
    int failed = 0;
    if (is_unix) {
        (void)uv_pipe_init(uv, &connection->socket.pipe, 0);
        failed = uv_pipe_open(&connection->socket.pipe, fd);
    } else {
        (void)uv_tcp_init(uv, &connection->socket.tcp);
        failed = uv_tcp_open(&connection->socket.tcp, fd);
        (void)uv_tcp_nodelay(&connection->socket.tcp, 1);
    }
    descriptors_release(&held);
    connection->socket.handle.data = connection;
    if (failed != 0) {
        (void)close(fd); /* else it is the handle's */
    }
    return failed;
}

void connection_open(struct loop *loop, int fd, struct listener_kind kind)
{
    struct connection *connection = new_connection(loop, kind);
    if (connection == NULL) {
        (void)close(fd);
        return;
    }
    int failed = open_handles(connection, fd, kind.unix_path != NULL);
    enter_loop(connection);
    if (failed == 0) {
        failed = uv_read_start(&connection->socket.stream, on_alloc, on_read);
    }
    if (failed != 0) {
        connection_close(connection);
    }
}
