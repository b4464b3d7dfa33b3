/*
 * A call: read, run, answered. The loop polls its run for a moment; one that computes goes to the
 * compute threads (compute.c), a turn at a time, and comes back to the loop between them, so that
 * it holds no loop. Long texts are read and written on threads of
 * their own there.
 */
#include "http/exchange.h"

#include "base/clock.h"
#include "base/hash.h"
#include "http/body.h"

#include <stdio.h>

/*
 * What the loop gives a run of its time, in one poll or over several with waits in between; one
 * that goes on after it moves to the compute threads.
 */
#define LOOP_SLICE_NS ((uint64_t)1000000)
/* Bodies and results above this are read and written on threads for that. */
#define SHORT_BYTES ((size_t)65536)

static void answer_outcome(struct connection *connection);

/*
 * Whether the client wants a record of its call. A record holds all that the function saw, so it is
 * for the holder of an admin key alone. False: refused.
 */
static bool read_record_header(struct connection *connection, struct http_refusal *out_refusal)
{
    const struct slice wanted = connection->parser.request.headers[HTTP_CORDON_RECORD];
    connection->wants_record = false;
    if (wanted.data == NULL) {
        return true;
    }
    if (!http_token_is(wanted, "true")) {
        *out_refusal = (struct http_refusal){
            400, "BadRequest", "The header Cordon-Record says `true`, or is left out."};
        return false;
    }
    if (!connection->is_admin) {
        *out_refusal = (struct http_refusal){
            401, "BadAdminKey",
            "A record of a call needs an admin key: `Authorization: Convex <key>`. `cordon keygen "
            "admin --data DIR` makes one."};
        return false;
    }
    connection->wants_record = true;
    return true;
}

static void set_request_id(struct connection *connection)
{
    const struct slice given = connection->parser.request.headers[HTTP_CONVEX_REQUEST_ID];
    if (http_request_id_accepted(given)) {
        memcpy(connection->request_id, given.data, given.size);
        connection->request_id_text = slice_of(connection->request_id, given.size);
        return;
    }
    uint8_t bytes[8];
    random_stream_fill(&connection->loop->random, bytes, sizeof bytes);
    hex_encode(slice_of(bytes, sizeof bytes), connection->request_id);
    connection->request_id_text = slice_of(connection->request_id, 2 * sizeof bytes);
}

/* The server stops, and will have ended all that runs before this run has slept. */
static bool sleeps_too_long(const struct connection *connection)
{
    const struct loop *loop = connection->loop;
    const uint64_t until_ns = run_sleeps_until_ns(connection->run);
    const uint64_t now_ns = clock_monotonic_ns();
    const uint64_t now_ms = uv_now(&loop->uv);
    const uint64_t left_ms = loop->cancel_at_ms > now_ms ? loop->cancel_at_ms - now_ms : 0;
    return until_ns > now_ns && (until_ns - now_ns) / 1000000 >= left_ms;
}

void exchange_stop(struct connection *connection)
{
    if (connection->waits_for_logs) {
        exchange_stop_waiting(connection);
        exchange_start_work(connection, WORK_READ);
        return;
    }
    if (connection->run != NULL && connection->run_state == RUN_WAITING &&
        sleeps_too_long(connection)) {
        run_cancel(connection->run);
    }
}

void exchange_tell_lines(struct connection *connection)
{
    struct loop *const loop = connection->loop;
    if (connection->phase != PHASE_RUNNING || connection->run == NULL ||
        connection->run_state != RUN_WAITING) {
        return;
    }
    const uint32_t tenant = run_tenant(connection->run);
    if (!loop_is_spent(loop, tenant)) {
        const uint64_t began_ns = clock_monotonic_ns();
        if (run_tell_waiting(connection->run, began_ns)) {
            loop_spend(loop, tenant, clock_monotonic_ns() - began_ns);
        }
    }
}

void exchange_follow(struct connection *connection)
{
    switch (connection->run_state) {
    case RUN_DONE:
        answer_outcome(connection);
        return;
    case RUN_READY:
        exchange_start_work(connection, WORK_POLL);
        return;
    case RUN_WAITING:
        break;
    }
    connection->phase = PHASE_RUNNING;
    if (connection->loop->stopping) {
        exchange_stop(connection);
    }
    const uint64_t at = run_wake_at_ns(connection->run);
    if (at != UINT64_MAX) {
        const uint64_t now = clock_monotonic_ns();
        const uint64_t ms = at <= now ? 0 : (at - now) / 1000000 + 1;
        uv_update_time(&connection->loop->uv);
        (void)uv_timer_start(&connection->timer, exchange_on_timer, ms, 0);
    }
}

/* Checking large arguments takes long, whatever the function does: not on this thread. */
static void drive(struct connection *connection)
{
    struct loop *loop = connection->loop;
    const uint32_t tenant = run_tenant(connection->run);
    if (connection->is_large || connection->loop_ns_left == 0 || loop_is_spent(loop, tenant)) {
        connection->run_state = run_ask(connection->run);
        exchange_follow(connection);
        return;
    }
    const uint64_t began_ns = clock_monotonic_ns();
    loop_send_late(loop, began_ns);
    connection->run_state = run_poll(connection->run, began_ns + connection->loop_ns_left);
    const uint64_t took_ns = clock_monotonic_ns() - began_ns;
    connection->loop_ns_left -=
        took_ns < connection->loop_ns_left ? took_ns : connection->loop_ns_left;
    loop_spend(loop, tenant, took_ns);
    exchange_follow(connection);
}

void exchange_go_on(struct connection *connection)
{
    (void)uv_timer_stop(&connection->timer);
    if (run_had_turn(connection->run)) {
        exchange_start_work(connection, WORK_POLL);
    } else {
        drive(connection);
    }
}

/* Makes the run of a call that is good, for which its arguments are parsed. */
static cordon_error *new_run(struct connection *connection)
{
    const struct http_call *call = &connection->call;
    const struct slice key = connection->parser.request.headers[HTTP_IDEMPOTENCY_KEY];
    const struct run_request request = {
        .tenant = connection->tenant->number,
        .path = call->path,
        .args = buffer_slice(&call->args),
        .caller = connection->is_admin ? CALLER_ADMIN : CALLER_PUBLIC,
        .kind = connection->route.kind,
        .any_kind = connection->route.any_kind,
        .idempotency_key = key,
        .request_id = connection->request_id_text,
        .traceparent = http_traceparent(connection->parser.request.headers[HTTP_TRACEPARENT]),
        .identity = connection->identity,
        .actor = connection->is_admin ? &connection->actor : NULL,
        .record = connection->wants_record,
    };
    connection->format = call->format;
    connection->is_large = call->args.size > SHORT_BYTES;
    connection->loop_ns_left = LOOP_SLICE_NS;
    return run_new(
        connection->loop->server->options.runner, &request,
        (struct store_wake){loop_wake, connection}, &connection->run);
}

bool exchange_read_call(struct connection *connection)
{
    struct http_request request = connection->parser.request;
    if (!http_body_read(
            &request, connection->loop->server->settings.body_bytes_max, &connection->unpacked,
            &request.body, &connection->refusal)) {
        return false;
    }
    connection->has_call = true;
    if (!http_call_read(
            &request, &connection->route, &connection->charge.account, &connection->call,
            &connection->refusal)) {
        return false;
    }
    cordon_error *error = new_run(connection);
    if (error != NULL) {
        cordon_error_free(error);
        connection->refusal = http_no_memory;
        return false;
    }
    exchange_drop_request(connection); /* the run has what it needs of it */
    return true;
}

static void start_call(struct connection *connection)
{
    if (exchange_read_call(connection)) {
        drive(connection);
    } else {
        exchange_answer_refusal(connection, &connection->refusal);
    }
}

/* Of a tenant whose functions are loaded. */
static void begin_awake(struct connection *connection)
{
    const struct http_request *request = &connection->parser.request;
    if (request->body.size > SHORT_BYTES || request->headers[HTTP_CONTENT_ENCODING].data != NULL) {
        exchange_start_work(connection, WORK_READ_CALL);
        return;
    }
    start_call(connection);
}

/* The functions of the tenant sleep; some need more than to be read. */
static void begin_load(struct connection *connection, bool is_built)
{
    static const struct http_refusal unstarted = {
        503, "Overloaded",
        "Too many calls wait for these functions to be loaded, or no thread can be started for it "
        "now. Nothing was run; a retry is safe."};
    connection->is_built = is_built;
    if (!exchange_start_queued(connection, WORK_LOAD)) {
        exchange_answer_refusal(connection, &unstarted);
    }
}

void exchange_end_load(struct connection *connection)
{
    if (connection->gone) {
        exchange_done(connection);
        connection_close(connection);
    } else if (connection->is_refused) {
        exchange_answer_refusal(connection, &connection->refusal);
    } else if (!atomic_load(&connection->tenant->is_awake)) {
        begin_load(connection, true);
    } else {
        begin_awake(connection);
    }
}

void exchange_begin_call(struct connection *connection)
{
    if (!authorize(connection, &connection->refusal) ||
        !read_record_header(connection, &connection->refusal)) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    if (connection->parser.request.headers[HTTP_IDEMPOTENCY_KEY].size > 256) {
        static const struct http_refusal too_long = {
            400, "BadRequest", "An Idempotency-Key has at most 256 bytes."};
        exchange_answer_refusal(connection, &too_long);
        return;
    }
    set_request_id(connection);
    if (atomic_load(&connection->tenant->is_awake)) {
        begin_awake(connection);
    } else {
        begin_load(connection, atomic_load(&connection->tenant->lacks_code));
    }
}

void exchange_keep_record(struct connection *connection)
{
    struct http_frame *frame = &connection->frame;
    struct recorder *recorder = runner_recorder(connection->loop->server->options.runner);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        recorder_keep(recorder, connection->run, &connection->record);
    if (error == NULL) {
        frame->record = connection->record.text;
        return;
    }
    (void)snprintf(
        connection->record_error, sizeof connection->record_error, "%s",
        cordon_error_get_message(error));
    frame->record_error = connection->record_error;
}

bool exchange_write_outcome(struct connection *connection)
{
    static const struct http_refusal unsaid = {
        503, "Overloaded",
        "The function has run, but the server has no memory for its answer now. A retry is safe "
        "for queries and calls with an idempotency key."};
    const struct http_outcome what = {
        .outcome = run_outcome(connection->run),
        .format = connection->format,
        .request_id = connection->request_id_text,
        .production = runner_is_production(connection->loop->server->options.runner),
    };
    buffer_clear(&connection->output);
    cordon_error *error =
        http_answer_outcome(&connection->output, &connection->frame, &what, &connection->scratch);
    if (connection->scratch.capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(&connection->scratch);
    }
    connection->refusal = unsaid;
    connection->frame.may_have_run = true;
    const bool good = error == NULL;
    cordon_error_free(error);
    return good;
}

void exchange_send_written(struct connection *connection, bool is_good)
{
    if (is_good) {
        exchange_done(connection);
        connection_send(connection);
    } else {
        exchange_answer_refusal(connection, &connection->refusal);
    }
}

/* Whether writing it takes long. */
static bool is_long(const struct outcome *outcome)
{
    size_t size = outcome->value.size + outcome->data.size + outcome->message.size;
    for (size_t i = 0; i < outcome->log_line_count; i++) {
        size += outcome->log_lines[i].size;
    }
    return size > SHORT_BYTES;
}

static void answer_outcome(struct connection *connection)
{
    if (connection->gone) {
        exchange_done(connection);
        connection_close(connection);
    } else if (connection->wants_record || is_long(run_outcome(connection->run))) {
        exchange_start_work(connection, WORK_ANSWER);
    } else {
        exchange_send_written(connection, exchange_write_outcome(connection));
    }
}

void exchange_begin_run(struct connection *connection)
{
    if (connection->is_refused) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    if (connection->gone) { /* while there was no run to be cancelled */
        run_cancel(connection->run);
    }
    drive(connection);
}
