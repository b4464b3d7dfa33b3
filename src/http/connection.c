/*
 * Bytes of one connection: read, parsed one request at a time, answered in order. A client that
 * sends more than is answered is no longer read from; one that is slow to send or to read is
 * closed at its deadline.
 */
#include "http/internal.h"

#include "base/memory.h"

#define READ_BYTES ((size_t)16384)
/* Unparsed bytes of a client that pipelines; beyond it reading stops. */
#define INPUT_BYTES_MAX ((size_t)262144)
#define WRITE_TIMEOUT_MS 30000
/* Buffers larger than this are given back between requests. */
#define KEPT_BYTES_MAX ((size_t)65536)

/* -- Life ----------------------------------------------------------------------------------- */

static void free_connection(struct connection *connection)
{
    http_parser_done(&connection->parser);
    buffer_done(&connection->input);
    buffer_done(&connection->output);
    buffer_done(&connection->scratch);
    buffer_done(&connection->decoded);
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
    struct http_server *server = loop->server;
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        loop->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    (void)atomic_fetch_sub(&server->connection_count, 1);
    gauge_add(server->open_connections, -1);
    free_connection(connection);
    loop_check_end(loop);
}

void connection_close(struct connection *connection)
{
    if (connection->phase == PHASE_CLOSING) {
        return;
    }
    if (connection->phase == PHASE_WORKING) { /* the compute thread has it; it comes back soon */
        connection->gone = true;
        if (connection->run != NULL) {
            run_cancel(connection->run);
        }
        return;
    }
    connection->phase = PHASE_CLOSING;
    exchange_done(connection);
    uv_close(&connection->socket.handle, on_closed);
    uv_close((uv_handle_t *)&connection->timer, on_closed);
}

void connection_stop(struct connection *connection)
{
    connection->frame.keep_alive = false;
    if (connection->phase == PHASE_READING) {
        connection_close(connection);
    }
}

/* -- Writing -------------------------------------------------------------------------------- */

static void trim(struct buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES_MAX) {
        buffer_done(buffer);
    }
    buffer_clear(buffer);
}

static void answered(struct connection *connection)
{
    trim(&connection->output);
    trim(&connection->scratch);
    trim(&connection->decoded);
    connection->output_at = 0;
    if (!connection->frame.keep_alive) {
        connection_close(connection);
        return;
    }
    connection->phase = PHASE_READING;
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

void connection_send(struct connection *connection)
{
    connection->phase = PHASE_WRITING;
    uv_buf_t bytes =
        uv_buf_init((char *)connection->output.data, (unsigned int)connection->output.size);
    const int sent = uv_try_write(&connection->socket.stream, &bytes, 1);
    if (sent >= 0 && (size_t)sent == connection->output.size) {
        answered(connection);
        return;
    }
    const size_t done = sent > 0 ? (size_t)sent : 0;
    bytes = uv_buf_init(
        (char *)connection->output.data + done, (unsigned int)(connection->output.size - done));
    connection->deadline_ms = uv_now(&connection->loop->uv) + WRITE_TIMEOUT_MS;
    connection->write.data = connection;
    if (uv_write(&connection->write, &connection->socket.stream, &bytes, 1, on_written) != 0) {
        connection_close(connection);
    }
}

/* -- Reading -------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out_bytes)
{
    (void)suggested;
    struct connection *connection = handle->data;
    struct buffer *input = &connection->input;
    cordon_error *error = buffer_reserve(input, READ_BYTES);
    if (error != NULL) { /* libuv reports UV_ENOBUFS to on_read */
        cordon_error_free(error);
        *out_bytes = uv_buf_init(NULL, 0);
        return;
    }
    *out_bytes = uv_buf_init(
        (char *)input->data + input->size, (unsigned int)(input->capacity - input->size));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes);

static void control_reading(struct connection *connection)
{
    const size_t waiting = connection->input.size - connection->input_at;
    if (!connection->paused && waiting >= INPUT_BYTES_MAX) {
        connection->paused = true;
        (void)uv_read_stop(&connection->socket.stream);
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

/* The deadline of a request runs from its first byte and is not moved by later ones. */
static void note_first_byte(struct connection *connection, bool was_midway)
{
    if (!was_midway && http_parser_midway(&connection->parser)) {
        connection->deadline_ms =
            uv_now(&connection->loop->uv) + connection->loop->server->settings.request_timeout_ms;
    }
}

/* Parses what is there, as long as requests can be answered at once. */
void connection_settle(struct connection *connection)
{
    while (connection->phase == PHASE_READING && connection->input_at < connection->input.size) {
        const struct slice bytes =
            slice_from(buffer_slice(&connection->input), connection->input_at);
        const bool was_midway = http_parser_midway(&connection->parser);
        size_t used = 0;
        const enum http_parsed parsed = http_parser_feed(&connection->parser, bytes, &used);
        connection->input_at += used;
        note_first_byte(connection, was_midway);
        if (parsed == HTTP_COMPLETE) {
            connection->deadline_ms = 0;
            exchange_begin(connection);
        } else if (parsed == HTTP_REFUSED) {
            exchange_refuse(connection, &connection->parser.refusal);
        } else if (parsed == HTTP_CONTINUE) {
            send_continue(connection);
        }
    }
    if (connection->phase == PHASE_CLOSING) {
        return;
    }
    if (connection->input_at == connection->input.size) {
        buffer_clear(&connection->input);
        connection->input_at = 0;
    } else if (connection->input_at > INPUT_BYTES_MAX / 4) {
        struct buffer *input = &connection->input;
        memmove(
            input->data, input->data + connection->input_at, input->size - connection->input_at);
        input->size -= connection->input_at;
        connection->input_at = 0;
    }
    control_reading(connection);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    (void)bytes;
    struct connection *connection = stream->data;
    if (size == 0) {
        return;
    }
    if (size < 0) { /* the client is gone: its run is not wanted any more */
        connection_close(connection);
        return;
    }
    connection->input.size += (size_t)size;
    connection_settle(connection);
}

/* -- Accepting ------------------------------------------------------------------------------ */

static struct connection *new_connection(struct loop *loop, bool is_operator)
{
    struct connection *connection = MEM_NEW(struct connection);
    if (connection == NULL) {
        return NULL;
    }
    const struct http_settings *settings = &loop->server->settings;
    connection->loop = loop;
    connection->is_operator = is_operator;
    buffer_init(&connection->input, INPUT_BYTES_MAX + 4 * READ_BYTES);
    buffer_init(&connection->output, (size_t)1 << 30);
    buffer_init(&connection->scratch, (size_t)1 << 30);
    buffer_init(&connection->decoded, settings->body_bytes_max);
    http_parser_init(&connection->parser, settings->body_bytes_max, exchange_body_cap, connection);
    connection->deadline_ms = uv_now(&loop->uv) + settings->idle_timeout_ms;
    return connection;
}

static void accept_on(struct loop *loop, uv_stream_t *listener, bool is_operator)
{
    struct connection *connection = new_connection(loop, is_operator);
    if (connection == NULL) {
        return; /* the client waits in the backlog */
    }
    if (listener->type == UV_NAMED_PIPE) {
        (void)uv_pipe_init(&loop->uv, &connection->socket.pipe, 0);
    } else {
        (void)uv_tcp_init(&loop->uv, &connection->socket.tcp);
    }
    (void)uv_timer_init(&loop->uv, &connection->timer);
    connection->socket.handle.data = connection;
    connection->timer.data = connection;
    connection->open_handles = 2;
    connection->next = loop->connections;
    if (loop->connections != NULL) {
        loop->connections->previous = connection;
    }
    loop->connections = connection;
    const uint32_t before = atomic_fetch_add(&loop->server->connection_count, 1);
    gauge_add(loop->server->open_connections, 1);
    const bool full = before >= loop->server->settings.connections_max;
    if (uv_accept(listener, &connection->socket.stream) != 0 || full || loop->stopping) {
        connection_close(connection);
        return;
    }
    if (listener->type != UV_NAMED_PIPE) {
        (void)uv_tcp_nodelay(&connection->socket.tcp, 1);
    }
    if (uv_read_start(&connection->socket.stream, on_alloc, on_read) != 0) {
        connection_close(connection);
    }
}

void connection_accept(uv_stream_t *listener, int status)
{
    if (status == 0) {
        accept_on(listener->data, listener, false);
    }
}

void connection_accept_operator(uv_stream_t *listener, int status)
{
    if (status == 0) {
        accept_on(listener->data, listener, true);
    }
}
