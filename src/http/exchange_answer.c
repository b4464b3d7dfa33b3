/* Answers of an exchange that are no function's: refusals, metrics, health, short texts. */
#include "http/exchange.h"

#include "base/clock.h"

#include <stdio.h>

const struct http_refusal exchange_stopping = {
    503, "Overloaded",
    "The server is stopping. Nothing was run; a retry is safe, here once it is back, or "
    "elsewhere."};

const struct http_refusal exchange_misdirected = {
    421, "MisdirectedRequest",
    "This server does not answer for that host name. Its operator can add it to `host_names` in "
    "the settings, or make a tenant that has it."};

/* Where there is no memory for an answer: one that takes none. It ends the connection. */
static void send_last(struct connection *connection)
{
    static const char body[] =
        "{\"code\":\"Overloaded\",\"message\":\"The server has no memory for an answer now. What "
        "was asked for may have been done: a retry is safe for queries and calls with an "
        "idempotency key.\"}";
    char text[512];
    const int size = snprintf(
        text, sizeof text,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: %zu\r\nContent-Type: "
        "application/json\r\n%sConnection: close\r\n\r\n%s",
        sizeof body - 1, connection->frame.cross_origin ? "Access-Control-Allow-Origin: *\r\n" : "",
        connection->frame.head_only ? "" : body);
    CORDON_ASSERT(size > 0 && (size_t)size < sizeof text);
    exchange_done(connection);
    connection_send_last(connection, slice_of((const uint8_t *)text, (size_t)size));
}

void exchange_send(struct connection *connection, cordon_error *error)
{
    if (error == NULL) {
        connection_send(connection);
        return;
    }
    cordon_error_free(error);
    send_last(connection);
}

static void note_refusal(struct connection *connection, const struct http_refusal *refusal)
{
    const struct tenant *const tenant = connection->tenant;
    refusals_note(
        connection->loop->server->refusals, refusal,
        tenant == NULL ? SLICE("") : slice_str(tenant->name),
        connection->parser.request.headers[HTTP_HOST], clock_monotonic_ns());
}

void exchange_answer_refusal(struct connection *connection, const struct http_refusal *refusal)
{
    note_refusal(connection, refusal);
    buffer_done(&connection->output);
    buffer_done(&connection->scratch);
    http_parser_drop_body(&connection->parser);
    buffer_done(&connection->unpacked);
    cordon_error *error = http_answer_refusal(&connection->output, &connection->frame, refusal);
    exchange_done(connection);
    exchange_send(connection, error);
}

void exchange_refuse(struct connection *connection, const struct http_refusal *refusal)
{
    struct http_route route = {.cross_origin = !connection->is_operator};
    bool head_only = false;
    if (connection->parser.head_done) {
        http_route(&connection->parser.request, connection->is_operator, &route);
        head_only = connection->parser.request.method == HTTP_METHOD_HEAD;
    }
    connection->frame = (struct http_frame){
        .cross_origin = route.cross_origin,
        .head_only = head_only,
        .date = connection->loop->date,
    };
    exchange_answer_refusal(connection, refusal);
}

void exchange_answer_text(
    struct connection *connection, int status, const char *type, struct slice text)
{
    connection->frame.status = status;
    connection->frame.content_type = type;
    buffer_clear(&connection->output);
    exchange_send(connection, http_answer(&connection->output, &connection->frame, text));
}

void exchange_answer_metrics(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    runner_refresh_metrics(server->options.runner);
    gauge_set(server->memory_used, (int64_t)atomic_load(&server->purse.bytes.used));
    process_metrics_refresh(&server->process);
    const struct log *const log = server->options.log;
    const uint64_t unwritten = log_lost(log) + log_dropped(log);
    counter_add(server->lines_unwritten, unwritten - counter_get(server->lines_unwritten));
    buffer_clear(&connection->scratch);
    cordon_error *error = metrics_write(server->options.metrics, &connection->scratch);
    if (error != NULL) {
        exchange_send(connection, error);
        return;
    }
    exchange_answer_text(
        connection, 200, "text/plain; version=0.0.4", buffer_slice(&connection->scratch));
}

void exchange_answer_health(struct connection *connection)
{
    cordon_error *error = health_write(connection);
    if (error != NULL) {
        exchange_send(connection, error);
        return;
    }
    exchange_answer_text(
        connection, connection->frame.status, connection->frame.content_type,
        buffer_slice(&connection->scratch));
}
