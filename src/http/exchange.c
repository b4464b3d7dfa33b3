/*
 * One request, one answer: whose it is, what kind it is, and what is done for it on other threads.
 * The loop's thread does what is short. Calls stand in exchange_call.c, answers that are no
 * function's in exchange_answer.c.
 *
 * A client that leaves cancels its run, which is polled on until it is done all the same: a commit
 * that is on its way can't be called back, and what is logged and counted waits until it is
 * durable.
 */
#include "http/exchange.h"

#include "run/audit/auditor.h"

#include <stdio.h>

/* A wait for log lines ends with none; the client asks again. As Convex's. */
#define LOGS_WAIT_MS 60000

/* -- Its end ----------------------------------------------------------------------------------- */

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

void exchange_stop_waiting(struct connection *connection)
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
    exchange_stop_waiting(connection);
    if (connection->run != NULL) {
        (void)uv_timer_stop(&connection->timer);
        run_free(connection->run);
        connection->run = NULL;
        loop_forget_wake(connection);
    }
    exchange_drop_request(connection);
}

/* -- Checks of a request -------------------------------------------------------------------- */

/*
 * Whose functions and data a request is for: its host name alone says it, but for an operator, who
 * names it, or gives its number; that of one that was removed is the default one's. NULL: nobody's.
 */
static struct tenant *find_tenant(
    const struct connection *connection,
    const struct http_request *request,
    const struct http_route *route)
{
    struct http_server *server = connection->loop->server;
    struct tenants *tenants = runner_tenants(server->options.runner);
    const struct slice host = request->headers[HTTP_HOST];
    if (connection->is_operator && route->tenant_number != 0) {
        struct tenant *const named = tenants_find(tenants, route->tenant_number);
        return named != NULL ? named : tenants->usual;
    }
    if (connection->is_operator) {
        return route->tenant.size == 0 ? tenants->usual : tenants_find_name(tenants, route->tenant);
    }
    return site_has_host(&server->site, host) ? tenants->usual
                                              : tenants_find_host(tenants, http_host_name(host));
}

/* What comes and what is answered is of its share; NULL: it is nobody's. */
static void own_memory(struct connection *connection, struct tenant *tenant)
{
    atomic_ullong *const owner =
        tenant != NULL ? &tenant->usage.requests : &connection->loop->server->purse.of_nobody;
    charge_pass(&connection->charge, owner);
    charge_pass(&connection->input_charge, owner);
}

size_t exchange_body_cap(void *arg, const struct http_request *head)
{
    struct connection *connection = arg;
    const struct http_server *server = connection->loop->server;
    struct http_route route;
    struct key_id key;
    if (connection->is_operator) {
        return server->settings.body_bytes_max;
    }
    if (!http_parser_may_exceed(&connection->parser, connection->charge.free_bytes)) {
        return server->settings.body_bytes_max; /* whose it is is asked once, in exchange_begin() */
    }
    http_route(head, false, &route);
    struct tenant *const tenant = find_tenant(connection, head, &route);
    own_memory(connection, tenant);
    if (tenant != NULL && route.id == ROUTE_DEPLOY &&
        keys_judge(
            server->keys, slice_str(tenant->name), head->headers[HTTP_AUTHORIZATION], &key) ==
            KEYS_ACCEPTED) {
        return DEPLOY_BYTES_MAX;
    }
    return server->settings.body_bytes_max;
}

/* -- Queued work ------------------------------------------------------------------------------- */

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

bool exchange_start_queued(struct connection *connection, enum work_kind kind)
{
    connection->phase = PHASE_WORKING;
    connection->work_kind = kind;
    if (jobs_add(queue_of(connection), connection)) {
        return true;
    }
    connection->phase = PHASE_RUNNING;
    return false;
}

/* -- Deploys, and documents for an operator -------------------------------------------------- */

static void begin_queued(
    struct connection *connection, enum work_kind kind, const struct http_refusal *too_many)
{
    if (!authorize_recorded(connection, &connection->refusal)) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!exchange_start_queued(connection, kind)) {
        exchange_answer_refusal(connection, too_many);
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
static bool note_read(struct connection *connection, enum auditor_read what, struct slice text)
{
    static const struct http_refusal unrecorded = {
        503, "Overloaded",
        "What is read here is recorded, and too many records wait to be written "
        "to the audit log now; nothing was read, try again in a moment."};
    const bool is_noted = tenant_note_read(connection->tenant, what, text, &connection->actor);
    if (!is_noted) {
        exchange_answer_refusal(connection, &unrecorded);
    }
    return is_noted;
}

/* -- The audit log --------------------------------------------------------------------------- */

/*
 * That the operator reads a log stands in it; of a tenant that was removed, in the default one's.
 * Pages of one reading are counted, so that who reads to the end comes to one.
 */
static bool note_audit_read(struct connection *connection)
{
    const uint32_t number = connection->route.tenant_number;
    const struct tenant *const tenant = connection->tenant;
    const bool is_removed = number != 0 && number != tenant->number;
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    return note_read(connection, AUDITOR_READS_AUDIT, slice_str(is_removed ? text : tenant->name));
}

static void begin_audit(struct connection *connection)
{
    if (note_audit_read(connection)) {
        exchange_start_work(connection, WORK_READ);
    }
}

/* -- Records -------------------------------------------------------------------------------- */

static void begin_records(struct connection *connection)
{
    if (!authorize_recorded(connection, &connection->refusal)) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!records_is_id(connection->route.record) || /* the list tells nothing of what is in them */
        note_read(connection, AUDITOR_READS_RECORD, connection->route.record)) {
        exchange_start_work(connection, WORK_READ);
    }
}

/* -- Logs ----------------------------------------------------------------------------------- */

/*
 * Who asks with a cursor has the rest: without news, the answer waits for some. Such a connection
 * is as idle as one without a request, and gives way to others as those do.
 */
static void begin_logs(struct connection *connection)
{
    static const struct http_refusal crowded = {
        503, "Overloaded",
        "As many as may follow these logs at one time, 64, do so already; ask again later."};
    _Static_assert(EXECUTIONS_WAITERS_MAX == 64, "the words say how many");
    if (!authorize_recorded(connection, &connection->refusal)) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    if (!note_read(connection, AUDITOR_READS_LOGS, (struct slice){0})) {
        return;
    }
    connection->log_waiter = (struct execution_waiter){.wake = loop_wake, .arg = connection};
    const bool may_wait = connection->route.after_us > 0 && !connection->loop->stopping;
    const enum executions_wait wait = may_wait
                                          ? executions_wait(
                                                &connection->tenant->executions,
                                                connection->route.after_us, &connection->log_waiter)
                                          : EXECUTIONS_NEWS;
    connection->waits_for_logs = wait == EXECUTIONS_WAITS;
    if (wait == EXECUTIONS_CROWDED) {
        exchange_answer_refusal(connection, &crowded);
    } else if (wait == EXECUTIONS_WAITS) {
        connection_wait_in(connection, &connection->loop->idle);
        (void)uv_timer_start(&connection->timer, exchange_on_timer, LOGS_WAIT_MS, 0);
    } else {
        exchange_start_work(connection, WORK_READ);
    }
}

/* -- Other threads -------------------------------------------------------------------------- */

void exchange_work(struct connection *connection)
{
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        connection->is_refused = !exchange_read_call(connection);
        break;
    case WORK_ANSWER:
        if (connection->wants_record) {
            exchange_keep_record(connection);
        }
        connection->is_refused = !exchange_write_outcome(connection);
        break;
    case WORK_READ:
        connection->is_refused = !reading_write(connection);
        break;
    case WORK_POLL: /* these are done elsewhere */
    case WORK_DEPLOY:
    case WORK_DATA:
    case WORK_LOAD:
        break;
    }
}

static void end_work(struct connection *connection)
{
    connection->phase = PHASE_RUNNING;
    if (connection->loop->stopping) { /* since when the work began, maybe */
        connection_stop(connection);
    }
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        exchange_begin_run(connection);
        break;
    case WORK_POLL:
        if (connection->run_state == RUN_WAITING && connection->woken) {
            exchange_go_on(connection);
        } else {
            exchange_follow(connection);
        }
        break;
    case WORK_ANSWER:
    case WORK_READ:
    case WORK_DEPLOY:
    case WORK_DATA:
        exchange_send_written(connection, !connection->is_refused);
        break;
    case WORK_LOAD:
        exchange_end_load(connection);
        break;
    }
    connection_settle(connection);
}

void exchange_start_work(struct connection *connection, enum work_kind kind)
{
    connection->phase = PHASE_WORKING;
    connection->work_kind = kind;
    connection->woken = false;
    compute_add_connection(connection);
}

/* -- Events --------------------------------------------------------------------------------- */

void exchange_on_timer(uv_timer_t *timer)
{
    exchange_resume(timer->data);
}

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
        exchange_stop_waiting(connection);
        exchange_start_work(connection, WORK_READ);
        return;
    }
    if (connection->phase != PHASE_RUNNING || connection->run == NULL) {
        return;
    }
    exchange_go_on(connection);
    connection_settle(connection);
}

bool exchange_cancel_run(struct connection *connection)
{
    const bool has_run = connection->phase == PHASE_WORKING
                             ? connection->work_kind == WORK_POLL
                             : connection->run != NULL && run_outcome(connection->run) == NULL;
    if (has_run) {
        run_cancel(connection->run);
    }
    return has_run;
}

bool exchange_cancel(struct connection *connection)
{
    if (connection->phase == PHASE_WORKING) {
        switch (connection->work_kind) {
        case WORK_POLL:
            break;
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
    return exchange_cancel_run(connection);
}

void exchange_begin(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    const struct http_request *request = &connection->parser.request;
    counter_add(server->requests, 1);
    connection->phase = PHASE_RUNNING;
    connection->tenant = NULL; /* whose the last request was is nothing to this one */
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
        exchange_answer_health(connection);
        return;
    }
    if (!connection->is_operator && connection->loop->stopping) {
        exchange_answer_refusal(connection, &exchange_stopping);
        return;
    }
    if (connection->is_operator && !authorize_operator(connection, &connection->refusal)) {
        exchange_answer_refusal(connection, &connection->refusal);
        return;
    }
    connection->tenant = find_tenant(connection, request, &connection->route);
    own_memory(connection, connection->tenant);
    if (connection->tenant == NULL) {
        static const struct http_refusal unknown = {
            404, "NotFound", "There is no such tenant; GET /tenants lists those that there are."};
        exchange_answer_refusal(
            connection, connection->is_operator ? &unknown : &exchange_misdirected);
        return;
    }
    switch (connection->route.id) {
    case ROUTE_CALL:
        exchange_begin_call(connection);
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
        exchange_answer_text(
            connection, connection->route.status, "text/plain", slice_str(connection->route.text));
        return;
    case ROUTE_PREFLIGHT:
        connection->frame.status = 204;
        buffer_clear(&connection->output);
        exchange_send(
            connection, http_answer_preflight(&connection->output, &connection->frame, request));
        return;
    case ROUTE_HEALTH: /* above */
        return;
    case ROUTE_METRICS:
        exchange_answer_metrics(connection);
        return;
    case ROUTE_AUDIT:
        begin_audit(connection);
        return;
    case ROUTE_REFUSED:
        exchange_answer_refusal(connection, &connection->route.refusal);
        return;
    }
}
