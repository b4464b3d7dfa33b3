/*
 * Deploys, rollbacks and the loading of functions, one of each tenant at a time on threads of their
 * own (jobs.c). A deploy compiles for seconds, and must wait for others; on a compute thread it
 * would be in the way of runs, and four of them in the way of all.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "http/body.h"
#include "value/json.h"

/* -- One deploy ----------------------------------------------------------------------------- */

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

/* As long as a file's may be. */
#define NAME_BYTES_MAX 255

/*
 * Several modules: name and bytes of each, with their sizes before them. At least one: a body that
 * was lost on the way must not remove all functions.
 */
static bool read_modules(
    struct slice body, struct deploy_module modules[DEPLOY_MODULES_MAX], size_t *out_count)
{
    size_t count = 0;
    while (body.size > 0) {
        if (count == DEPLOY_MODULES_MAX || !take_part(&body, &modules[count].name) ||
            modules[count].name.size > NAME_BYTES_MAX || !take_part(&body, &modules[count].wasm)) {
            return false;
        }
        count++;
    }
    *out_count = count;
    return count > 0;
}

static cordon_error *deploy(struct connection *connection, struct slice body)
{
    struct deploy_module modules[DEPLOY_MODULES_MAX];
    size_t count = 1;
    const struct slice type = connection->parser.request.headers[HTTP_CONTENT_TYPE];
    if (http_token_is(type, "application/wasm")) {
        modules[0] = (struct deploy_module){.wasm = body};
    } else if (!http_token_is(type, "application/vnd.cordon.modules")) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "A deploy must be one module (Content-Type: application/wasm) or several "
            "(application/vnd.cordon.modules).");
    } else if (!read_modules(body, modules, &count)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "The body must be a list of 1 to %d modules: for each the size of its name (u32, "
            "little endian), its name (%d bytes at most), its size, its bytes.",
            DEPLOY_MODULES_MAX, NAME_BYTES_MAX);
    }
    return runner_deploy(
        connection->loop->server->options.runner, connection->tenant->number, modules, count,
        DEPLOY_KEEP, &connection->actor, &connection->scratch);
}

/* `{"to": number}`: JSON of a few bytes. */
#define ROLLBACK_BYTES_MAX 4096

static cordon_error *roll_back(struct connection *connection, struct slice body)
{
    const struct json_limits limits = {.bytes_max = ROLLBACK_BYTES_MAX, .depth_max = 4};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = json_parse(body, &limits, &doc);
    uint64_t number = 0;
    if (error != NULL || !json_u64(json_get(json_root(doc), SLICE("to")), &number)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "The body must be {\"to\": N}, the number of a deploy that GET /api/cordon/deploys "
            "lists.");
    }
    return runner_rollback(
        connection->loop->server->options.runner, connection->tenant->number, number,
        &connection->actor, &connection->scratch);
}

/* The holder of the admin key is told what the disk or the system said. */
static cordon_error *answer_error(struct connection *connection, const cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    const struct http_refusal refusal = {
        cordon_error_code_http_status(code), cordon_error_code_name(code),
        cordon_error_get_message(error)};
    return http_answer_refusal(&connection->output, &connection->frame, &refusal);
}

/* Deploys and writes the answer. */
static cordon_error *deploy_and_answer(struct connection *connection)
{
    struct slice body;
    struct http_refusal refusal;
    buffer_clear(&connection->output);
    buffer_clear(&connection->scratch);
    const bool good = http_body_read(
        &connection->parser.request, DEPLOY_BYTES_MAX, &connection->unpacked, &body, &refusal);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = !good ? NULL
                                                             : connection->route.is_rollback
                                                                 ? roll_back(connection, body)
                                                                 : deploy(connection, body);
    exchange_drop_request(connection); /* so that there is room for the answer */
    if (!good) {
        return http_answer_refusal(&connection->output, &connection->frame, &refusal);
    }
    if (error != NULL) {
        buffer_done(&connection->scratch);
        return answer_error(connection, error);
    }
    connection->frame.status = 200;
    return http_answer(&connection->output, &connection->frame, buffer_slice(&connection->scratch));
}

void deploy_work(struct connection *connection)
{
    static const struct http_refusal unsaid = {
        503, "Overloaded",
        "The server has no memory for the answer now; a call tells whether the functions were "
        "deployed."};
    cordon_error *error = deploy_and_answer(connection);
    connection->is_refused = error != NULL;
    connection->refusal = unsaid;
    connection->frame.may_have_run = true;
    cordon_error_free(error);
}

/* -- Loading -------------------------------------------------------------------------------- */

/*
 * After a failure the tenant's calls are refused for so long, and for so many times what it took:
 * who has called it again and again does not keep others from being loaded.
 */
#define LOAD_PAUSE_NS ((uint64_t)1000000000)
#define LOAD_PAUSE_TIMES 3

/* What became of a load that failed without a fault; NULL: there is one. */
static const struct http_refusal *refusal_without_fault(const cordon_error *error)
{
    static const struct http_refusal not_now = {
        503, "Overloaded",
        "The functions can't be loaded now, as the server is stopping, has no memory for them, or "
        "too many others are compiled. Nothing was run; a retry is safe, here later or elsewhere."};
    const cordon_error_code code = cordon_error_get_code(error);
    return code == CORDON_E_OVERLOADED  ? &not_now
           : code == CORDON_E_NOT_FOUND ? &exchange_misdirected /* it was removed */
                                        : NULL;
}

/* Until when its calls are refused, and why that is said in the log. */
static void note_failure(struct connection *connection, uint64_t began_ns, const char *words)
{
    struct tenant *tenant = connection->tenant;
    const uint64_t now_ns = clock_monotonic_ns();
    const struct log_field fields[] = {
        LOG_FIELD_STRING("tenant", slice_str(tenant->name)),
        LOG_FIELD_STRING("message", slice_str(words))};
    log_write(connection->loop->server->options.log, LOG_ERROR, "tenant_unloaded", fields, 2);
    atomic_store(
        &tenant->load_again_ns, now_ns + LOAD_PAUSE_NS + LOAD_PAUSE_TIMES * (now_ns - began_ns));
}

/*
 * A tenant that sleeps is loaded by its first call: some milliseconds, or as long as a deploy if
 * the machine code has to be made anew. That is left to threads of their own, so that it keeps no
 * other tenant from being read. Who waits holds nothing but a connection.
 */
static void load(struct connection *connection, bool only_cached)
{
    static const struct http_refusal unloaded = {
        500, "InternalServerError",
        "The functions can't be loaded; the server's log tells why. A retry is safe."};
    struct runner *runner = connection->loop->server->options.runner;
    struct tenant *tenant = connection->tenant;
    const uint64_t began_ns = clock_monotonic_ns();
    connection->refusal = unloaded;
    connection->is_refused = began_ns < atomic_load(&tenant->load_again_ns);
    if (connection->is_refused || (only_cached && atomic_load(&tenant->lacks_code))) {
        return;
    }
    bool is_loaded = false;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        only_cached ? runner_load_cached(runner, tenant->number, &is_loaded)
                    : runner_load(runner, tenant->number);
    connection->is_refused = error != NULL;
    if (error == NULL) {
        return;
    }
    const struct http_refusal *const known = refusal_without_fault(error);
    if (known != NULL) {
        connection->refusal = *known;
    } else {
        note_failure(connection, began_ns, cordon_error_get_message(error));
    }
}

void load_work(struct connection *connection)
{
    load(connection, true);
}

void build_work(struct connection *connection)
{
    load(connection, false);
}
