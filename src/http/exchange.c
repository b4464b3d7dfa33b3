/*
 * One request, one answer. The loop's thread does what is short: it reads a call, polls its run for
 * a moment and answers. What is long goes to the compute threads of libuv's pool in pieces, one in
 * flight a connection, and comes back to the loop between them; so a spinning function shares the
 * pool with others and holds no loop.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/hash.h"

#include <brotli/decode.h>

/* A run is polled this long by the loop; one that goes on after it moves to the pool. */
#define LOOP_SLICE_NS ((uint64_t)1000000)
/* A piece of work on the pool, before others get their turn. */
#define POOL_SLICE_NS ((uint64_t)5000000)
/* Bodies and results above this are read and written on the pool. */
#define SHORT_BYTES ((size_t)65536)
#define DEPLOY_MODULES_MAX 256

static void answer_outcome(struct connection *connection);
static void start_work(struct connection *connection, enum work_kind kind);

/* -- Answers -------------------------------------------------------------------------------- */

/* An answer that could not be built ends the connection: there is no memory for another. */
static void send_or_close(struct connection *connection, cordon_error *error)
{
    if (error == NULL) {
        connection_send(connection);
        return;
    }
    cordon_error_free(error);
    connection_close(connection);
}

static void answer_refusal(struct connection *connection, const struct http_refusal *refusal)
{
    buffer_clear(&connection->output);
    send_or_close(
        connection, http_answer_refusal(&connection->output, &connection->frame, refusal));
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

static void answer_text(struct connection *connection, const char *type, struct slice text)
{
    connection->frame.status = 200;
    connection->frame.content_type = type;
    buffer_clear(&connection->output);
    send_or_close(connection, http_answer(&connection->output, &connection->frame, text));
}

static void answer_metrics(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    runner_refresh_metrics(server->options.runner);
    buffer_clear(&connection->scratch);
    cordon_error *error = metrics_write(server->options.metrics, &connection->scratch);
    if (error != NULL) {
        send_or_close(connection, error);
        return;
    }
    answer_text(connection, "text/plain; version=0.0.4", buffer_slice(&connection->scratch));
}

void exchange_done(struct connection *connection)
{
    if (connection->run != NULL) {
        (void)uv_timer_stop(&connection->timer);
        run_free(connection->run);
        connection->run = NULL;
        loop_forget_wake(connection);
    }
    if (connection->has_call) {
        http_call_done(&connection->call);
        connection->has_call = false;
    }
}

/* -- Checks of a request -------------------------------------------------------------------- */

size_t exchange_body_cap(void *arg, const struct http_request *head)
{
    struct connection *connection = arg;
    const struct http_server *server = connection->loop->server;
    struct http_route route;
    http_route(head, connection->is_operator, &route);
    if (route.id == ROUTE_DEPLOY && keys_accept(server->keys, head->headers[HTTP_AUTHORIZATION])) {
        return DEPLOY_BYTES_MAX;
    }
    return server->settings.body_bytes_max;
}

/*
 * Who asks: nobody in particular, or the holder of an admin key. False: refused. Users' tokens need
 * a provider, and none can be configured yet.
 */
static bool authorize(struct connection *connection, struct http_refusal *out_refusal)
{
    const struct slice header = connection->parser.request.headers[HTTP_AUTHORIZATION];
    connection->is_admin = false;
    if (slice_starts_with(header, SLICE("Bearer "))) {
        *out_refusal = (struct http_refusal){
            401, "NoAuthProvider",
            "No auth provider is configured for this server, so it takes no user's token."};
        return false;
    }
    if (header.data != NULL) {
        connection->is_admin = keys_accept(connection->loop->server->keys, header);
        if (!connection->is_admin) {
            *out_refusal = (struct http_refusal){
                401, "BadAdminKey",
                "The admin key is not accepted. `cordon keygen admin --data DIR` makes one for "
                "the server's data folder."};
            return false;
        }
    } else if (connection->route.needs_admin) {
        *out_refusal = (struct http_refusal){
            401, "BadAdminKey",
            "This call needs an admin key: `Authorization: Convex <key>`. `cordon keygen admin "
            "--data DIR` makes one."};
        return false;
    }
    return true;
}

static bool decode_brotli(struct connection *connection, struct slice packed, size_t size_max)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (state == NULL) {
        return false;
    }
    buffer_clear(&connection->decoded);
    connection->decoded.size_max = size_max;
    const uint8_t *next = packed.data;
    size_t left = packed.size;
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    bool good = true;
    while (good && result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        size_t room = 0;
        result = BrotliDecoderDecompressStream(state, &left, &next, &room, NULL, NULL);
        size_t size = 0;
        const uint8_t *plain = BrotliDecoderTakeOutput(state, &size);
        cordon_error *error = buffer_append(&connection->decoded, slice_of(plain, size));
        good = error == NULL && result != BROTLI_DECODER_RESULT_ERROR;
        cordon_error_free(error);
    }
    BrotliDecoderDestroyInstance(state);
    return good && result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
}

/* The plain body; false: refused. */
static bool read_body(struct connection *connection, size_t size_max)
{
    const struct http_request *request = &connection->parser.request;
    const struct slice encoding = request->headers[HTTP_CONTENT_ENCODING];
    connection->body = request->body;
    if (encoding.data == NULL || slice_equal(encoding, SLICE("identity"))) {
        return true;
    }
    if (!slice_equal(encoding, SLICE("br"))) {
        connection->refusal = (struct http_refusal){
            415, "UnsupportedEncoding", "A body is plain or brotli (Content-Encoding: br)."};
        return false;
    }
    if (!decode_brotli(connection, request->body, size_max)) {
        connection->refusal = (struct http_refusal){
            400, "BadBody", "The body is not brotli, or larger than this server takes."};
        return false;
    }
    connection->body = buffer_slice(&connection->decoded);
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

/* Reads the call out of the request; on any thread. */
static void read_call(struct connection *connection)
{
    struct http_request request = connection->parser.request;
    connection->call_is_good = false;
    if (!read_body(connection, connection->loop->server->settings.body_bytes_max)) {
        return;
    }
    request.body = connection->body;
    connection->has_call = true;
    connection->call_is_good =
        http_call_read(&request, &connection->route, &connection->call, &connection->refusal);
}

/* The time that a waiting run named has come. */
static void on_timer(uv_timer_t *timer)
{
    exchange_resume(timer->data);
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
    const uint64_t at = run_wake_at_ns(connection->run);
    if (at != UINT64_MAX) {
        const uint64_t now = clock_monotonic_ns();
        const uint64_t ms = at <= now ? 0 : (at - now) / 1000000 + 1;
        uv_update_time(&connection->loop->uv);
        (void)uv_timer_start(&connection->timer, on_timer, ms, 0);
    }
}

/* Checking large arguments takes long, whatever the function does: their runs stay on the pool. */
static void drive(struct connection *connection)
{
    if (connection->call.args.size > SHORT_BYTES) {
        start_work(connection, WORK_POLL);
        return;
    }
    connection->run_state = run_poll(connection->run, clock_monotonic_ns() + LOOP_SLICE_NS);
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

static void refuse_call(struct connection *connection)
{
    buffer_clear(&connection->output);
    cordon_error *error =
        http_answer_refusal(&connection->output, &connection->frame, &connection->refusal);
    exchange_done(connection); /* the words of the refusal may be the call's */
    send_or_close(connection, error);
}

/* Makes the run of a call that is good, for which its arguments are parsed; on any thread. */
static cordon_error *new_run(struct connection *connection)
{
    const struct slice key = connection->parser.request.headers[HTTP_IDEMPOTENCY_KEY];
    const struct run_request request = {
        .tenant = TENANT_DEFAULT,
        .path = connection->call.path,
        .args = buffer_slice(&connection->call.args),
        .caller = connection->is_admin ? CALLER_ADMIN : CALLER_PUBLIC,
        .kind = connection->route.kind,
        .any_kind = connection->route.any_kind,
        .idempotency_key = key,
        .request_id = connection->request_id_text,
    };
    return run_new(
        connection->loop->server->options.runner, &request,
        (struct store_wake){loop_wake, connection}, &connection->run);
}

static void start_call(struct connection *connection)
{
    read_call(connection);
    if (!connection->call_is_good) {
        refuse_call(connection);
        return;
    }
    cordon_error *error = new_run(connection);
    if (error != NULL) {
        exchange_done(connection);
        send_or_close(connection, error);
        return;
    }
    drive(connection);
}

static void begin_call(struct connection *connection)
{
    if (!authorize(connection, &connection->refusal)) {
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
    const struct http_request *request = &connection->parser.request;
    if (request->body.size > SHORT_BYTES || request->headers[HTTP_CONTENT_ENCODING].data != NULL) {
        start_work(connection, WORK_READ_CALL);
        return;
    }
    start_call(connection);
}

/* Writes the answer of a run that is done; on any thread. */
static cordon_error *write_outcome(struct connection *connection)
{
    const struct http_outcome what = {
        .outcome = run_outcome(connection->run),
        .format = connection->call.format,
        .request_id = connection->request_id_text,
        .production = runner_is_production(connection->loop->server->options.runner),
    };
    buffer_clear(&connection->output);
    return http_answer_outcome(
        &connection->output, &connection->frame, &what, &connection->scratch);
}

static void answer_outcome(struct connection *connection)
{
    if (run_outcome(connection->run)->value.size > SHORT_BYTES) {
        start_work(connection, WORK_ANSWER);
        return;
    }
    cordon_error *error = write_outcome(connection);
    exchange_done(connection);
    send_or_close(connection, error);
}

/* -- Deploys -------------------------------------------------------------------------------- */

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* A size and so many bytes; false if they are not there. */
static bool take_part(struct slice *rest, struct slice *out_part)
{
    if (rest->size < 4) {
        return false;
    }
    const uint32_t size = load32(rest->data);
    *rest = slice_from(*rest, 4);
    if (size > rest->size) {
        return false;
    }
    *out_part = slice_of(rest->data, size);
    *rest = slice_from(*rest, size);
    return true;
}

/* Several modules: name and bytes of each, with their sizes before them. */
static bool read_modules(
    struct slice body, struct deploy_module modules[DEPLOY_MODULES_MAX], size_t *out_count)
{
    size_t count = 0;
    while (body.size > 0) {
        if (count == DEPLOY_MODULES_MAX || !take_part(&body, &modules[count].name) ||
            !take_part(&body, &modules[count].wasm)) {
            return false;
        }
        count++;
    }
    *out_count = count;
    return true;
}

static cordon_error *deploy(struct connection *connection)
{
    struct deploy_module modules[DEPLOY_MODULES_MAX];
    size_t count = 1;
    const struct slice type = connection->parser.request.headers[HTTP_CONTENT_TYPE];
    if (slice_equal(type, SLICE("application/wasm"))) {
        modules[0] = (struct deploy_module){.wasm = connection->body};
    } else if (!slice_equal(type, SLICE("application/vnd.cordon.modules"))) {
        return cordon_error_new(
            CORDON_E_INVALID, "A deploy is one module (Content-Type: application/wasm) or several "
                              "(application/vnd.cordon.modules).");
    } else if (!read_modules(connection->body, modules, &count)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "The body is no list of at most %d modules: for each the size of its name (u32, "
            "little endian), its name, its size, its bytes.",
            DEPLOY_MODULES_MAX);
    }
    buffer_clear(&connection->scratch);
    return runner_deploy(
        connection->loop->server->options.runner, TENANT_DEFAULT, modules, count, DEPLOY_KEEP,
        &connection->scratch);
}

/* Deploys and writes the answer; on the pool. */
static cordon_error *work_deploy(struct connection *connection)
{
    buffer_clear(&connection->output);
    if (!read_body(connection, DEPLOY_BYTES_MAX)) {
        return http_answer_refusal(&connection->output, &connection->frame, &connection->refusal);
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = deploy(connection);
    if (error == NULL) {
        connection->frame.status = 200;
        return http_answer(
            &connection->output, &connection->frame, buffer_slice(&connection->scratch));
    }
    const cordon_error_code code = cordon_error_get_code(error);
    const int status = cordon_error_code_http_status(code);
    /* The holder of the admin key is told what the disk or the system said. */
    const struct http_refusal refusal = {
        status, cordon_error_code_name(code), cordon_error_get_message(error)};
    return http_answer_refusal(&connection->output, &connection->frame, &refusal);
}

/* -- Compute threads ------------------------------------------------------------------------ */

static void on_work(uv_work_t *work)
{
    struct connection *connection = work->data;
    cordon_error *error = NULL;
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        read_call(connection);
        error = connection->call_is_good ? new_run(connection) : NULL;
        break;
    case WORK_POLL:
        connection->run_state = run_poll(connection->run, clock_monotonic_ns() + POOL_SLICE_NS);
        break;
    case WORK_ANSWER:
        error = write_outcome(connection);
        break;
    case WORK_DEPLOY:
        error = work_deploy(connection);
        break;
    }
    if (error != NULL) { /* no memory for an answer */
        cordon_error_free(error);
        connection->gone = true;
    }
}

static void on_worked(uv_work_t *work, int status)
{
    (void)status;
    struct connection *connection = work->data;
    connection->phase = PHASE_RUNNING;
    if (connection->loop->stopping) { /* since when the work began, maybe */
        connection_stop(connection);
    }
    if (connection->gone) {
        connection_close(connection);
        return;
    }
    switch (connection->work_kind) {
    case WORK_READ_CALL:
        if (connection->call_is_good) {
            drive(connection);
        } else {
            refuse_call(connection);
        }
        break;
    case WORK_POLL:
        if (connection->run_state == RUN_WAITING && connection->woken) {
            go_on(connection);
        } else {
            follow(connection);
        }
        break;
    case WORK_ANSWER:
    case WORK_DEPLOY:
        exchange_done(connection);
        connection_send(connection);
        break;
    }
    connection_settle(connection);
}

static void start_work(struct connection *connection, enum work_kind kind)
{
    connection->phase = PHASE_WORKING;
    connection->work_kind = kind;
    connection->woken = false;
    connection->work.data = connection;
    if (uv_queue_work(&connection->loop->uv, &connection->work, on_work, on_worked) != 0) {
        connection->phase = PHASE_RUNNING;
        connection_close(connection);
    }
}

/* -- Events --------------------------------------------------------------------------------- */

void exchange_resume(struct connection *connection)
{
    if (connection->phase == PHASE_WORKING) {
        connection->woken = true;
        return;
    }
    if (connection->phase != PHASE_RUNNING || connection->run == NULL) {
        return;
    }
    go_on(connection);
    connection_settle(connection);
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
    if (!connection->is_operator &&
        !http_host_accepted(
            request->headers[HTTP_HOST], (const char *const *)server->settings.host_names,
            server->settings.host_name_count)) {
        static const struct http_refusal misdirected = {
            421, "MisdirectedRequest",
            "This server does not answer for that host name. Its operator can add it to "
            "`host_names` in the settings."};
        answer_refusal(connection, &misdirected);
        return;
    }
    switch (connection->route.id) {
    case ROUTE_CALL:
        begin_call(connection);
        return;
    case ROUTE_DEPLOY:
        if (!authorize(connection, &connection->refusal)) {
            answer_refusal(connection, &connection->refusal);
            return;
        }
        start_work(connection, WORK_DEPLOY);
        return;
    case ROUTE_TEXT:
        answer_text(connection, "text/plain", slice_str(connection->route.text));
        return;
    case ROUTE_PREFLIGHT:
        connection->frame.status = 204;
        buffer_clear(&connection->output);
        send_or_close(
            connection, http_answer_preflight(&connection->output, &connection->frame, request));
        return;
    case ROUTE_METRICS:
        answer_metrics(connection);
        return;
    case ROUTE_REFUSED:
        answer_refusal(connection, &connection->route.refusal);
        return;
    }
}
