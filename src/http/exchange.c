/*
 * One request, one answer. The loop's thread does what is short: it reads a call, polls its run for
 * a moment and answers. A run that computes goes to the compute threads (compute.c), a turn at a
 * time, and comes back to the loop between them, so that it holds no loop; long texts are read and
 * written on libuv's pool.
 *
 * A client that leaves cancels its run, which is polled on until it is done all the same: a commit
 * that is on its way can't be called back, and what is logged and counted waits until it is
 * durable.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "http/body.h"
#include "run/audit/audit_rows.h"
#include "run/audit/auditor.h"

#include <stdio.h>

/*
 * What the loop gives a run of its time, in one poll or over several with waits in between; one
 * that goes on after it moves to the compute threads.
 */
#define LOOP_SLICE_NS ((uint64_t)1000000)
/* Bodies and results above this are read and written on the pool. */
#define SHORT_BYTES ((size_t)65536)
/* A wait for log lines ends with none; the client asks again. As Convex's. */
#define LOGS_WAIT_MS 60000

const struct http_refusal exchange_stopping = {
    503, "Overloaded",
    "The server is stopping. Nothing was run; a retry is safe, here once it is back, or "
    "elsewhere."};

const struct http_refusal exchange_misdirected = {
    421, "MisdirectedRequest",
    "This server does not answer for that host name. Its operator can add it to `host_names` in "
    "the settings, or make a tenant that has it."};

static void answer_outcome(struct connection *connection);
static void start_work(struct connection *connection, enum work_kind kind);

/* -- Answers -------------------------------------------------------------------------------- */

void exchange_drop_request(struct connection *connection)
{
    if (connection->has_call) {
        http_call_done(&connection->call);
        connection->has_call = false;
    }
    http_parser_drop_body(&connection->parser);
    if (connection->unpacked.capacity > HTTP_KEPT_BYTES_MAX) {
        buffer_done(&connection->unpacked);
    }
}

static void stop_waiting_for_logs(struct connection *connection)
{
    if (connection->waits_for_logs) {
        connection->waits_for_logs = false;
        connection_wait_in(connection, NULL);
        (void)uv_timer_stop(&connection->timer);
        executions_leave(&connection->tenant->executions, &connection->log_waiter);
        loop_forget_wake(connection);
    }
}

void exchange_done(struct connection *connection)
{
    stop_waiting_for_logs(connection);
    if (connection->run != NULL) {
        (void)uv_timer_stop(&connection->timer);
        run_free(connection->run);
        connection->run = NULL;
        loop_forget_wake(connection);
    }
    exchange_drop_request(connection);
}

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

static void send_or_close(struct connection *connection, cordon_error *error)
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

/* The words of a refusal may be the call's; all else makes room for the answer. */
static void answer_refusal(struct connection *connection, const struct http_refusal *refusal)
{
    note_refusal(connection, refusal);
    buffer_done(&connection->output);
    buffer_done(&connection->scratch);
    http_parser_drop_body(&connection->parser);
    buffer_done(&connection->unpacked);
    cordon_error *error = http_answer_refusal(&connection->output, &connection->frame, refusal);
    exchange_done(connection);
    send_or_close(connection, error);
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
    answer_refusal(connection, refusal);
}

static void answer_text(
    struct connection *connection, int status, const char *type, struct slice text)
{
    connection->frame.status = status;
    connection->frame.content_type = type;
    buffer_clear(&connection->output);
    send_or_close(connection, http_answer(&connection->output, &connection->frame, text));
}

static void answer_metrics(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    runner_refresh_metrics(server->options.runner);
    gauge_set(server->memory_used, (int64_t)atomic_load(&server->purse.bytes));
    process_metrics_refresh(&server->process);
    const struct log *const log = server->options.log;
    const uint64_t unwritten = log_lost(log) + log_dropped(log);
    counter_add(server->lines_unwritten, unwritten - counter_get(server->lines_unwritten));
    buffer_clear(&connection->scratch);
    cordon_error *error = metrics_write(server->options.metrics, &connection->scratch);
    if (error != NULL) {
        send_or_close(connection, error);
        return;
    }
    answer_text(connection, 200, "text/plain; version=0.0.4", buffer_slice(&connection->scratch));
}

static void answer_health(struct connection *connection)
{
    cordon_error *error = health_write(connection);
    if (error != NULL) {
        send_or_close(connection, error);
        return;
    }
    answer_text(
        connection, connection->frame.status, connection->frame.content_type,
        buffer_slice(&connection->scratch));
}

/* -- Checks of a request -------------------------------------------------------------------- */

/*
 * Whose functions and data a request is for: its host name alone says it, but for an operator, who
 * names it. NULL: nobody's.
 */
static struct tenant *find_tenant(
    const struct connection *connection,
    const struct http_request *request,
    const struct http_route *route)
{
    struct http_server *server = connection->loop->server;
    struct tenants *tenants = runner_tenants(server->options.runner);
    const struct slice host = request->headers[HTTP_HOST];
    if (connection->is_operator) {
        return route->tenant.size == 0 ? tenants->usual : tenants_find_name(tenants, route->tenant);
    }
    return site_has_host(&server->site, host) ? tenants->usual
                                              : tenants_find_host(tenants, http_host_name(host));
}

size_t exchange_body_cap(void *arg, const struct http_request *head)
{
    struct connection *connection = arg;
    const struct http_server *server = connection->loop->server;
    struct http_route route;
    struct key_id key;
    http_route(head, connection->is_operator, &route);
    const struct tenant *tenant =
        route.id == ROUTE_DEPLOY ? find_tenant(connection, head, &route) : NULL;
    if (tenant != NULL && keys_judge(
                              server->keys, slice_str(tenant->name),
                              head->headers[HTTP_AUTHORIZATION], &key) == KEYS_ACCEPTED) {
        return DEPLOY_BYTES_MAX;
    }
    return server->settings.body_bytes_max;
}

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

/* -- Calls ---------------------------------------------------------------------------------- */

/* The time that a waiting run named has come. */
static void on_timer(uv_timer_t *timer)
{
    exchange_resume(timer->data);
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
        stop_waiting_for_logs(connection);
        start_work(connection, WORK_READ);
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

/* What comes after a poll of the run. */
static void follow(struct connection *connection)
{
    switch (connection->run_state) {
    case RUN_DONE:
        answer_outcome(connection);
        return;
    case RUN_READY:
        start_work(connection, WORK_POLL);
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
        (void)uv_timer_start(&connection->timer, on_timer, ms, 0);
    }
}

/* Checking large arguments takes long, whatever the function does: not on this thread. */
static void drive(struct connection *connection)
{
    struct loop *loop = connection->loop;
    const uint32_t tenant = run_tenant(connection->run);
    if (connection->is_large || connection->loop_ns_left == 0 || loop_is_spent(loop, tenant)) {
        connection->run_state = run_ask(connection->run);
        follow(connection);
        return;
    }
    const uint64_t began_ns = clock_monotonic_ns();
    loop_send_late(loop, began_ns);
    connection->run_state = run_poll(connection->run, began_ns + connection->loop_ns_left);
    const uint64_t took_ns = clock_monotonic_ns() - began_ns;
    connection->loop_ns_left -=
        took_ns < connection->loop_ns_left ? took_ns : connection->loop_ns_left;
    loop_spend(loop, tenant, took_ns);
    follow(connection);
}

/* A waiting run can go on. One that was only made to let others have their turn is computing. */
static void go_on(struct connection *connection)
{
    (void)uv_timer_stop(&connection->timer);
    if (run_had_turn(connection->run)) {
        start_work(connection, WORK_POLL);
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

/* Reads the call out of the request and makes its run; false: refused. */
static bool read_call(struct connection *connection)
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
    if (read_call(connection)) {
        drive(connection);
    } else {
        answer_refusal(connection, &connection->refusal);
    }
}

/* Of a tenant whose functions are loaded. */
static void begin_awake(struct connection *connection)
{
    const struct http_request *request = &connection->parser.request;
    if (request->body.size > SHORT_BYTES || request->headers[HTTP_CONTENT_ENCODING].data != NULL) {
        start_work(connection, WORK_READ_CALL);
        return;
    }
    start_call(connection);
}

static struct jobs *queue_of(const struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    return connection->work_kind == WORK_DEPLOY ? &server->deploys
           : connection->work_kind == WORK_DATA ? &server->data
           : connection->is_built               ? &server->builds
                                                : &server->loads;
}

static bool is_queued_work(enum work_kind kind)
{
    return kind == WORK_DEPLOY || kind == WORK_DATA || kind == WORK_LOAD;
}

/* False: too many wait, or the thread cannot be started. */
static bool start_queued(struct connection *connection, enum work_kind kind)
{
    connection->phase = PHASE_WORKING;
    connection->work_kind = kind;
    if (jobs_add(queue_of(connection), connection)) {
        return true;
    }
    connection->phase = PHASE_RUNNING;
    return false;
}

/* The functions of the tenant sleep; some need more than to be read. */
static void begin_load(struct connection *connection, bool is_built)
{
    static const struct http_refusal unstarted = {
        503, "Overloaded",
        "Too many calls wait for these functions to be loaded, or no thread can be started for it "
        "now. Nothing was run; a retry is safe."};
    connection->is_built = is_built;
    if (!start_queued(connection, WORK_LOAD)) {
        answer_refusal(connection, &unstarted);
    }
}

static void end_load(struct connection *connection)
{
    if (connection->gone) {
        exchange_done(connection);
        connection_close(connection);
    } else if (connection->is_refused) {
        answer_refusal(connection, &connection->refusal);
    } else if (!atomic_load(&connection->tenant->is_awake)) {
        begin_load(connection, true);
    } else {
        begin_awake(connection);
    }
}

static void begin_call(struct connection *connection)
{
    if (!authorize(connection, &connection->refusal) ||
        !read_record_header(connection, &connection->refusal)) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    if (connection->parser.request.headers[HTTP_IDEMPOTENCY_KEY].size > 256) {
        static const struct http_refusal too_long = {
            400, "BadRequest", "An Idempotency-Key has at most 256 bytes."};
        answer_refusal(connection, &too_long);
        return;
    }
    set_request_id(connection);
    if (atomic_load(&connection->tenant->is_awake)) {
        begin_awake(connection);
    } else {
        begin_load(connection, atomic_load(&connection->tenant->lacks_code));
    }
}

/* Keeps the record that was asked for, and notes for the answer what came of that. */
static void keep_record(struct connection *connection)
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

/* Writes the answer of a run that is done; false: there is no memory for it. On any thread. */
static bool write_outcome(struct connection *connection)
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

/* What was written on any thread goes out. */
static void send_written(struct connection *connection, bool is_good)
{
    if (is_good) {
        exchange_done(connection);
        connection_send(connection);
    } else {
        answer_refusal(connection, &connection->refusal);
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
        start_work(connection, WORK_ANSWER);
    } else {
        send_written(connection, write_outcome(connection));
    }
}

/* -- Deploys, and documents for an operator -------------------------------------------------- */

static void begin_queued(
    struct connection *connection, enum work_kind kind, const struct http_refusal *too_many)
{
    if (!authorize_recorded(connection, &connection->refusal)) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!start_queued(connection, kind)) {
        answer_refusal(connection, too_many);
    }
}

static void begin_deploy(struct connection *connection)
{
    static const struct http_refusal too_many = {
        503, "Overloaded", "Too many deploys wait for others; deploy again when they are done."};
    begin_queued(connection, WORK_DEPLOY, &too_many);
}

static void begin_data(struct connection *connection)
{
    static const struct http_refusal too_many = {
        503, "Overloaded",
        "Too many exports and imports wait for others; nothing was done, try again later."};
    begin_queued(connection, WORK_DATA, &too_many);
}

/*
 * What an admin looks at stands in the audit log: it holds what functions saw and said. False: it
 * can't be recorded now, so it is not shown, and that was answered.
 */
static bool note_read_of(
    struct connection *connection, struct tenant *tenant, enum auditor_read what, struct slice text)
{
    static const struct http_refusal unrecorded = {
        503, "Overloaded",
        "What is read here is recorded, and too many records wait to be written "
        "to the audit log now; nothing was read, try again in a moment."};
    const bool is_noted = tenant_note_read(tenant, what, text, &connection->actor);
    if (!is_noted) {
        answer_refusal(connection, &unrecorded);
    }
    return is_noted;
}

static bool note_read(struct connection *connection, enum auditor_read what, struct slice text)
{
    return note_read_of(connection, connection->tenant, what, text);
}

/* -- The audit log --------------------------------------------------------------------------- */

/*
 * That the operator reads a log stands in it; of a tenant that was removed, in the default one's.
 * Pages of one reading are counted, so that who reads to the end comes to one.
 */
static bool note_audit_read(struct connection *connection)
{
    const uint32_t number = connection->route.tenant_number;
    struct runner *runner = connection->loop->server->options.runner;
    struct tenant *named = number == 0 ? NULL : tenants_find(runner_tenants(runner), number);
    if (tenant_enter(named)) {
        const bool is_noted =
            note_read_of(connection, named, AUDITOR_READS_AUDIT, slice_str(named->name));
        tenant_leave(named);
        return is_noted;
    }
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    return note_read(
        connection, AUDITOR_READS_AUDIT, slice_str(number == 0 ? connection->tenant->name : text));
}

static void begin_audit(struct connection *connection)
{
    if (note_audit_read(connection)) {
        start_work(connection, WORK_READ);
    }
}

/* -- Records -------------------------------------------------------------------------------- */

static void begin_records(struct connection *connection)
{
    if (!authorize_recorded(connection, &connection->refusal)) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!records_is_id(connection->route.record) || /* the list tells nothing of what is in them */
        note_read(connection, AUDITOR_READS_RECORD, connection->route.record)) {
        start_work(connection, WORK_READ);
    }
}

/* -- Logs ----------------------------------------------------------------------------------- */

/*
 * Who asks with a cursor has the rest: without news, the answer waits for some. Such a connection
 * is as idle as one without a request, and gives way to others as those do.
 */
static void begin_logs(struct connection *connection)
{
    if (!authorize_recorded(connection, &connection->refusal)) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!note_read(connection, AUDITOR_READS_LOGS, (struct slice){0})) {
        return;
    }
    connection->log_waiter = (struct execution_waiter){.wake = loop_wake, .arg = connection};
    connection->waits_for_logs =
        connection->route.after_us > 0 && !connection->loop->stopping &&
        executions_wait(
            &connection->tenant->executions, connection->route.after_us, &connection->log_waiter);
    if (connection->waits_for_logs) {
        connection_wait_in(connection, &connection->loop->idle);
        (void)uv_timer_start(&connection->timer, on_timer, LOGS_WAIT_MS, 0);
    } else {
        start_work(connection, WORK_READ);
    }
}

/* -- Other threads -------------------------------------------------------------------------- */

static void on_work(uv_work_t *work)
{
    struct connection *connection = work->data;
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        connection->is_refused = !read_call(connection);
        break;
    case WORK_ANSWER:
        if (connection->wants_record) {
            keep_record(connection);
        }
        connection->is_refused = !write_outcome(connection);
        break;
    case WORK_READ:
        connection->is_refused = !reading_write(connection);
        break;
    case WORK_POLL: /* these have threads of their own */
    case WORK_DEPLOY:
    case WORK_DATA:
    case WORK_LOAD:
        break;
    }
}

/* The run of a call that was read elsewhere. */
static void begin_run(struct connection *connection)
{
    if (connection->is_refused) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    if (connection->gone) { /* while there was no run to be cancelled */
        run_cancel(connection->run);
    }
    drive(connection);
}

static void end_work(struct connection *connection)
{
    connection->phase = PHASE_RUNNING;
    if (connection->loop->stopping) { /* since when the work began, maybe */
        connection_stop(connection);
    }
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        begin_run(connection);
        break;
    case WORK_POLL:
        if (connection->run_state == RUN_WAITING && connection->woken) {
            go_on(connection);
        } else {
            follow(connection);
        }
        break;
    case WORK_ANSWER:
    case WORK_READ:
    case WORK_DEPLOY:
    case WORK_DATA:
        send_written(connection, !connection->is_refused);
        break;
    case WORK_LOAD:
        end_load(connection);
        break;
    }
    connection_settle(connection);
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    end_work(work->data);
}

static void start_work(struct connection *connection, enum work_kind kind)
{
    connection->phase = PHASE_WORKING;
    connection->work_kind = kind;
    connection->woken = false;
    connection->work.data = connection;
    const bool is_started =
        kind == WORK_POLL
            ? compute_add_connection(connection)
            : uv_queue_work(&connection->loop->uv, &connection->work, on_work, on_worked) == 0;
    if (!is_started) {
        connection->phase = PHASE_RUNNING;
        connection_abandon(connection);
    }
}

/* -- Events --------------------------------------------------------------------------------- */

void exchange_resume(struct connection *connection)
{
    if (connection->phase == PHASE_WORKING) {
        connection->woken |= connection->was_woken;
        if (is_queued_work(connection->work_kind) ||
            connection->has_worked) { /* its thread is done */
            connection->has_worked = false;
            end_work(connection);
        }
        return;
    }
    if (connection->phase == PHASE_RUNNING && connection->waits_for_logs) {
        stop_waiting_for_logs(connection);
        start_work(connection, WORK_READ);
        return;
    }
    if (connection->phase != PHASE_RUNNING || connection->run == NULL) {
        return;
    }
    go_on(connection);
    connection_settle(connection);
}

bool exchange_cancel(struct connection *connection)
{
    if (connection->phase == PHASE_WORKING) {
        switch (connection->work_kind) {
        case WORK_POLL:
            run_cancel(connection->run);
            return true;
        case WORK_READ_CALL: /* there is no run yet, or it is done; it comes back soon */
        case WORK_ANSWER:
        case WORK_READ:
            return true;
        case WORK_DEPLOY:
        case WORK_DATA:
        case WORK_LOAD:
            return !jobs_remove(queue_of(connection), connection);
        }
    }
    if (connection->run == NULL || run_outcome(connection->run) != NULL) {
        return false;
    }
    run_cancel(connection->run);
    return true;
}

void exchange_begin(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    const struct http_request *request = &connection->parser.request;
    counter_add(server->requests, 1);
    connection->phase = PHASE_RUNNING;
    memcpy(connection->date, connection->loop->date, sizeof connection->date);
    http_route(request, connection->is_operator, &connection->route);
    connection->frame = (struct http_frame){
        .keep_alive = request->keep_alive && !connection->loop->stopping,
        .cross_origin = connection->route.cross_origin,
        .head_only = request->method == HTTP_METHOD_HEAD,
        .allow = connection->route.allow,
        .date = connection->date,
    };
    if (connection->route.id == ROUTE_HEALTH) {
        answer_health(connection);
        return;
    }
    if (!connection->is_operator && connection->loop->stopping) {
        answer_refusal(connection, &exchange_stopping);
        return;
    }
    if (connection->is_operator && !authorize_operator(connection, &connection->refusal)) {
        answer_refusal(connection, &connection->refusal);
        return;
    }
    connection->tenant = find_tenant(connection, request, &connection->route);
    if (connection->tenant == NULL) {
        static const struct http_refusal unknown = {
            404, "NotFound", "There is no such tenant; GET /tenants lists those that there are."};
        answer_refusal(connection, connection->is_operator ? &unknown : &exchange_misdirected);
        return;
    }
    switch (connection->route.id) {
    case ROUTE_CALL:
        begin_call(connection);
        return;
    case ROUTE_DEPLOY:
        begin_deploy(connection);
        return;
    case ROUTE_RECORD:
        begin_records(connection);
        return;
    case ROUTE_LOGS:
        begin_logs(connection);
        return;
    case ROUTE_DATA:
        begin_data(connection);
        return;
    case ROUTE_TEXT:
        answer_text(
            connection, connection->route.status, "text/plain", slice_str(connection->route.text));
        return;
    case ROUTE_PREFLIGHT:
        connection->frame.status = 204;
        buffer_clear(&connection->output);
        send_or_close(
            connection, http_answer_preflight(&connection->output, &connection->frame, request));
        return;
    case ROUTE_HEALTH: /* above */
        return;
    case ROUTE_METRICS:
        answer_metrics(connection);
        return;
    case ROUTE_AUDIT:
        begin_audit(connection);
        return;
    case ROUTE_REFUSED:
        answer_refusal(connection, &connection->route.refusal);
        return;
    }
}
