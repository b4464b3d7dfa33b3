/*
 * What a server keeps of runs and of those who changed it, for operators and developers: records,
 * the log lines of the last runs, the audit log. Each is a body for one answer, whole in memory and
 * bounded; whoever wants more asks again.
 */
#include "http/internal.h"

#include "http/body.h"
#include "run/audit/audit_rows.h"

/* Lines of an answer: whoever reads on asks for those behind its last. */
#define AUDIT_PAGE_BYTES ((size_t)1 << 20)

static struct runner *runner_of(const struct connection *connection)
{
    return connection->loop->server->options.runner;
}

/* -- Bodies, in `scratch` ------------------------------------------------------------------- */

/* The bytes of a record, or the list of them. */
static cordon_error *write_records(struct connection *connection, bool *out_found)
{
    struct records *records = recorder_records(runner_recorder(runner_of(connection)));
    const struct slice id = connection->route.record;
    *out_found = false;
    if (records == NULL) {
        return NULL;
    }
    if (id.data == NULL) {
        *out_found = true;
        return records_list(records, connection->tenant->number, &connection->scratch);
    }
    connection->frame.content_type = "application/octet-stream";
    return records_get(records, connection->tenant->number, id, &connection->scratch, out_found);
}

static cordon_error *write_logs(struct connection *connection, bool *out_found)
{
    struct executions *executions = &connection->tenant->executions;
    struct buffer *body = &connection->scratch;
    uint64_t cursor_us = 0;
    *out_found = true;
    TRY(buffer_append(body, SLICE("{\"entries\":")));
    TRY(executions_write(executions, connection->route.after_us, body, &cursor_us));
    TRY(buffer_append(body, SLICE(",\"newCursor\":")));
    TRY(executions_write_cursor(body, cursor_us));
    return buffer_append_byte(body, '}');
}

static cordon_error *write_audit(struct connection *connection, bool *out_found)
{
    uint64_t next = 0;
    const uint32_t removed = connection->route.tenant_number;
    const uint32_t tenant = removed != 0 ? removed : connection->tenant->number;
    *out_found = true;
    connection->frame.content_type = "application/x-ndjson";
    return audit_rows_page(
        runner_store(runner_of(connection)), tenant, connection->route.from, AUDIT_PAGE_BYTES,
        &connection->scratch, &next);
}

/* -- Answers -------------------------------------------------------------------------------- */

static const struct reading {
    enum http_route_id route;
    cordon_error *(*write)(struct connection *connection, bool *out_found);
    const char *event; /* in the log, where the machine failed */
    struct http_refusal none;
    struct http_refusal unread;
} readings[] = {
    {ROUTE_RECORD,
     write_records,
     "record_unread",
     {404, "NotFound",
      "There is no such record: its time is over, it made room for others, or it never was. GET "
      "/api/cordon/records lists those that are there."},
     {500, "InternalServerError", "The record can't be read; the server's log tells why."}},
    {.route = ROUTE_LOGS, .write = write_logs},
    {.route = ROUTE_AUDIT,
     .write = write_audit,
     .event = "audit_unread",
     .unread =
         {500, "InternalServerError",
          "The audit log can't be read; the server's log tells why, and `cordon verify` what "
          "else is damaged."}},
};

static const struct reading *find(enum http_route_id route)
{
    const struct reading *reading = readings;
    while (reading->route != route) {
        reading++;
        CORDON_ASSERT(reading < readings + sizeof readings / sizeof readings[0]);
    }
    return reading;
}

/* The machine failed, or memory is out, or it is too large for what memory there may be. */
static void refuse(
    struct connection *connection, const struct reading *reading, const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    if (reading->event == NULL || code == CORDON_E_NO_MEMORY || code == CORDON_E_TOO_LARGE) {
        connection->refusal = http_no_memory;
        return;
    }
    const struct log_field fields[] = {
        LOG_FIELD_STRING("message", slice_str(cordon_error_get_message(error)))};
    log_write(connection->loop->server->options.log, LOG_ERROR, reading->event, fields, 1);
    connection->refusal = reading->unread;
}

bool reading_write(struct connection *connection)
{
    const struct reading *reading = find(connection->route.id);
    bool found = false;
    buffer_clear(&connection->output);
    buffer_clear(&connection->scratch);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = reading->write(connection, &found);
    if (error == NULL && found) {
        connection->frame.status = 200;
        error = http_answer(
            &connection->output, &connection->frame, buffer_slice(&connection->scratch));
    }
    if (error != NULL) {
        refuse(connection, reading, error);
    } else {
        connection->refusal = reading->none;
    }
    if (connection->scratch.capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(&connection->scratch);
    }
    connection->frame.content_type = NULL;
    return error == NULL && found;
}
