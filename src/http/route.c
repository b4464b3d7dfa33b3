/*
 * Routing, and reading a call out of a request. Convex's clients retry a 404 six times; so what is
 * not offered under /api/ is answered with 400, a wrong method with 405.
 */
#include "http/route.h"

#include "observe/executions.h"

#include <string.h>

/* Nesting of a request: a value's own 64 levels and what wraps it. */
#define CALL_DEPTH_MAX 72
/*
 * Memory of a parsed request: its text and 16 bytes for each value, of which the parser takes half
 * as many again before it knows. A body of 16 MiB has room for a value in every three bytes.
 */
#define CALL_BYTES_MAX ((size_t)128 << 20)

struct slice http_target_path(struct slice target)
{
    const uint8_t *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
    return slice_of(target.data, mark == NULL ? target.size : (size_t)(mark - target.data));
}

/* The value of a name in a query string, as sent; false if it is not there. */
static bool find_parameter(struct slice target, const char *name, struct slice *out_value)
{
    const struct slice path = http_target_path(target);
    size_t at = path.size + 1;
    const size_t name_size = strlen(name);
    while (at < target.size) {
        const uint8_t *end = memchr(target.data + at, '&', target.size - at);
        const size_t stop = end == NULL ? target.size : (size_t)(end - target.data);
        if (stop - at > name_size && target.data[at + name_size] == '=' &&
            memcmp(target.data + at, name, name_size) == 0) {
            *out_value = slice_of(target.data + at + name_size + 1, stop - at - name_size - 1);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

static void refuse_route(
    struct http_route *route, int status, const char *code, const char *message, const char *allow)
{
    route->id = ROUTE_REFUSED;
    route->refusal = (struct http_refusal){status, code, message};
    route->allow = allow;
}

struct call_row {
    const char *path;
    cordon_kind kind;
    bool any_kind;
    bool needs_admin;
    bool with_get;
};

static const struct call_row call_rows[] = {
    {"/api/query", CORDON_QUERY, false, false, true},
    {"/api/mutation", CORDON_MUTATION, false, false, false},
    {"/api/action", CORDON_ACTION, false, false, false},
    {"/api/function", CORDON_QUERY, true, true, false},
};

static const struct {
    const char *path;
    const char *text;
} text_rows[] = {
    {"/version", "cordon 0.1.0"},
    {"/instance_name", "cordon"},
    {"/instance_version", "cordon 0.1.0"},
};

#define RUN_PREFIX "/api/run/"

/* What may be read may be asked about by HEAD. */
static bool is_get(const struct http_request *request)
{
    return request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD;
}

static void route_call(
    const struct http_request *request, const struct call_row *row, struct http_route *route)
{
    route->id = ROUTE_CALL;
    route->kind = row->kind;
    route->any_kind = row->any_kind;
    route->needs_admin = row->needs_admin;
    route->args_is_object = row->needs_admin;
    route->cross_origin = !row->needs_admin;
    if (request->method == HTTP_METHOD_POST) {
        return;
    }
    if (is_get(request) && row->with_get) {
        route->in_query = true;
        return;
    }
    const char *allow = row->needs_admin ? "POST"
                        : row->with_get  ? "GET, HEAD, POST, OPTIONS"
                                         : "POST, OPTIONS";
    refuse_route(route, 405, "MethodNotAllowed", "Functions are called with POST.", allow);
}

static void route_run(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    static const struct call_row row = {"", CORDON_QUERY, true, false, false};
    route_call(request, &row, route);
    route->path = slice_from(path, strlen(RUN_PREFIX));
}

bool http_read_number(struct slice text, uint64_t most, uint64_t *out_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || digit > most || number > (most - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    return text.size > 0;
}

/* Whose log: a name has a letter, and those that were removed have numbers alone. */
static void read_tenant(const struct http_request *request, struct http_route *route)
{
    uint64_t number = 0;
    (void)find_parameter(request->target, "tenant", &route->tenant);
    if (http_read_number(route->tenant, UINT32_MAX, &number)) {
        route->tenant_number = (uint32_t)number;
        route->tenant = (struct slice){0};
    }
}

static void route_audit(const struct http_request *request, struct http_route *route)
{
    struct slice from = {0};
    route->from = 1;
    if (find_parameter(request->target, "from", &from) &&
        !http_read_number(from, UINT64_MAX, &route->from)) {
        refuse_route(
            route, 400, "BadRequest", "`from` is the sequence of an audit record, from 1 on.",
            NULL);
    } else {
        route->id = ROUTE_AUDIT;
        read_tenant(request, route);
    }
}

static const struct {
    const char *path;
    enum http_data data;
    bool with_get;
} operator_rows[] = {
    {"/audit/prune", DATA_AUDIT_PRUNE, false},      {"/tenants", DATA_TENANT_LIST, true},
    {"/tenants/create", DATA_TENANT_CREATE, false}, {"/tenants/change", DATA_TENANT_CHANGE, false},
    {"/tenants/remove", DATA_TENANT_REMOVE, false},
};

/*
 * False: it is none of ours. A change says that it is JSON: a web page that somebody's browser
 * shows can't send that here unasked (Fetch standard, "CORS-safelisted request-header").
 */
static bool route_operator_data(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    size_t at = 0;
    const size_t count = sizeof operator_rows / sizeof operator_rows[0];
    while (at < count && !slice_equal(path, slice_str(operator_rows[at].path))) {
        at++;
    }
    if (at == count) {
        return false;
    }
    const bool with_get = operator_rows[at].with_get;
    route->id = ROUTE_DATA;
    route->data = operator_rows[at].data;
    (void)find_parameter(request->target, "tenant", &route->tenant);
    if (with_get && !is_get(request)) {
        refuse_route(route, 405, "MethodNotAllowed", "This is read with GET.", "GET, HEAD");
    } else if (!with_get && request->method != HTTP_METHOD_POST) {
        refuse_route(route, 405, "MethodNotAllowed", "This is asked for with POST.", "POST");
    } else if (
        !with_get && !http_token_is(request->headers[HTTP_CONTENT_TYPE], "application/json")) {
        refuse_route(
            route, 415, "UnsupportedMediaType",
            "This takes JSON; send it with Content-Type: application/json.", NULL);
    }
    return true;
}

static void route_operator(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    const bool is_audit = slice_equal(path, SLICE("/audit"));
    if (route_operator_data(request, path, route)) {
        return;
    }
    if (!is_audit && !slice_equal(path, SLICE("/metrics"))) {
        refuse_route(
            route, 404, "NotFound",
            "The operator's listener has /metrics, /audit, /audit/prune, /tenants, /healthz and "
            "/readyz; ask for "
            "one of them.",
            NULL);
    } else if (!is_get(request)) {
        refuse_route(
            route, 405, "MethodNotAllowed", "What the operator sees is read with GET.",
            "GET, HEAD");
    } else if (is_audit) {
        route_audit(request, route);
    } else {
        route->id = ROUTE_METRICS;
    }
}

/* False: it is none of ours. */
static bool route_deploy(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    route->is_rollback = slice_equal(path, SLICE("/api/cordon/rollback"));
    if (!route->is_rollback && !slice_equal(path, SLICE("/api/cordon/deploy"))) {
        return false;
    }
    route->id = ROUTE_DEPLOY;
    route->needs_admin = true;
    route->cross_origin = false;
    if (request->method != HTTP_METHOD_POST) {
        refuse_route(route, 405, "MethodNotAllowed", "Functions are replaced with POST.", "POST");
    }
    return true;
}

#define RECORDS_PATH "/api/cordon/records"

/* False: it is none of ours. */
static bool route_records(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    if (slice_starts_with(path, SLICE(RECORDS_PATH "/"))) {
        route->record = slice_from(path, sizeof RECORDS_PATH);
    } else if (!slice_equal(path, SLICE(RECORDS_PATH))) {
        return false;
    }
    route->id = ROUTE_RECORD;
    route->needs_admin = true;
    route->cross_origin = false;
    if (!is_get(request)) {
        refuse_route(route, 405, "MethodNotAllowed", "Records are read with GET.", "GET, HEAD");
    }
    return true;
}

#define COPIES_WORDS                                                                               \
    "Documents are taken out by `cordon export` and brought in by `cordon import`, not by this "   \
    "call."
#define STREAMS_WORDS                                                                              \
    "This server does not stream its documents; take them out by `cordon export`, all at one "     \
    "moment."

#define LOGS_PATH "/api/stream_function_logs"

static void route_logs(const struct http_request *request, struct http_route *route)
{
    struct slice cursor = {0};
    route->id = ROUTE_LOGS;
    route->needs_admin = true;
    route->cross_origin = false;
    if (!is_get(request)) {
        refuse_route(route, 405, "MethodNotAllowed", "Logs are read with GET.", "GET, HEAD");
    } else if (
        find_parameter(request->target, "cursor", &cursor) &&
        !executions_read_cursor(cursor, &route->after_us)) {
        refuse_route(
            route, 400, "BadRequest",
            "`cursor` is 0, or a number that an answer gave as `newCursor`.", NULL);
    }
}

static const struct {
    const char *path;
    enum http_data data;
    bool with_get;
} data_rows[] = {
    {"/api/cordon/tables", DATA_TABLES, true},
    {"/api/cordon/documents", DATA_DOCUMENTS, true},
    {"/api/cordon/snapshot", DATA_HOLD, false},
    {"/api/cordon/snapshot/release", DATA_RELEASE, false},
    {"/api/cordon/import", DATA_IMPORT, false},
    {"/api/cordon/clear", DATA_CLEAR, false},
    {"/api/cordon/environment_variables", DATA_ENV_LIST, true},
    {"/api/update_environment_variables", DATA_ENV_CHANGE, false},
    {"/api/cordon/deploys", DATA_DEPLOYS, true},
};

/* False: it is none of ours. */
static bool route_data(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    for (size_t i = 0; i < sizeof data_rows / sizeof data_rows[0]; i++) {
        const bool with_get = data_rows[i].with_get;
        if (!slice_equal(path, slice_str(data_rows[i].path))) {
            continue;
        }
        route->id = ROUTE_DATA;
        route->data = data_rows[i].data;
        route->needs_admin = true;
        route->cross_origin = false;
        if (with_get && !is_get(request)) {
            refuse_route(route, 405, "MethodNotAllowed", "This is read with GET.", "GET, HEAD");
        } else if (!with_get && request->method != HTTP_METHOD_POST) {
            refuse_route(route, 405, "MethodNotAllowed", "This is asked for with POST.", "POST");
        }
        return true;
    }
    return false;
}

/* Calls of Convex's own tools that are not offered, and what is there in their place. */
static const struct {
    const char *prefix;
    const char *words;
} refused_rows[] = {
    {"/api/list_snapshot", STREAMS_WORDS}, {"/api/document_deltas", STREAMS_WORDS},
    {"/api/json_schemas", STREAMS_WORDS},  {"/api/export/", COPIES_WORDS},
    {"/api/import", COPIES_WORDS},
};

/* What is not offered below /api/. */
static void refuse_api(struct slice path, struct http_route *route)
{
    const char *words = "This server does not offer that call. Functions are called by /api/query, "
                        "/api/mutation, /api/action and /api/run/{path}.";
    for (size_t i = 0; i < sizeof refused_rows / sizeof refused_rows[0]; i++) {
        if (slice_starts_with(path, slice_str(refused_rows[i].prefix))) {
            words = refused_rows[i].words;
        }
    }
    refuse_route(route, 400, "NotSupported", words, NULL);
}

static bool route_text(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    for (size_t i = 0; i < sizeof text_rows / sizeof text_rows[0]; i++) {
        if (!slice_equal(path, slice_str(text_rows[i].path))) {
            continue;
        }
        route->id = ROUTE_TEXT;
        route->status = 200;
        route->text = text_rows[i].text;
        if (!is_get(request)) {
            refuse_route(
                route, 405, "MethodNotAllowed", "This is read with GET.", "GET, HEAD, OPTIONS");
        }
        return true;
    }
    return false;
}

/* False: it is none of ours. */
static bool route_health(
    const struct http_request *request, struct slice path, struct http_route *route)
{
    const bool asks_ready = slice_equal(path, SLICE("/readyz"));
    if (!asks_ready && !slice_equal(path, SLICE("/healthz"))) {
        return false;
    }
    route->id = ROUTE_HEALTH;
    route->asks_ready = asks_ready;
    route->cross_origin = false;
    if (!is_get(request)) {
        refuse_route(route, 405, "MethodNotAllowed", "Health is asked for with GET.", "GET, HEAD");
    }
    return true;
}

void http_route(const struct http_request *request, bool is_operator, struct http_route *out_route)
{
    const struct slice path = http_target_path(request->target);
    *out_route = (struct http_route){.cross_origin = true};
    if (route_health(request, path, out_route)) {
        return;
    }
    if (is_operator) {
        out_route->cross_origin = false;
        route_operator(request, path, out_route);
        return;
    }
    if (route_deploy(request, path, out_route)) {
        return;
    }
    if (route_records(request, path, out_route) || route_data(request, path, out_route)) {
        return;
    }
    if (slice_equal(path, SLICE(LOGS_PATH))) {
        route_logs(request, out_route);
        return;
    }
    const bool admin_path = slice_equal(path, SLICE("/api/function"));
    if (request->method == HTTP_METHOD_OPTIONS && !admin_path) {
        out_route->id = ROUTE_PREFLIGHT;
        return;
    }
    for (size_t i = 0; i < sizeof call_rows / sizeof call_rows[0]; i++) {
        if (slice_equal(path, slice_str(call_rows[i].path))) {
            route_call(request, &call_rows[i], out_route);
            return;
        }
    }
    if (slice_starts_with(path, SLICE(RUN_PREFIX))) {
        route_run(request, path, out_route);
        return;
    }
    if (route_text(request, path, out_route)) {
        return;
    }
    if (slice_starts_with(path, SLICE("/http/"))) {
        out_route->id = ROUTE_TEXT;
        out_route->status = 404;
        out_route->text = "This Convex deployment does not have HTTP actions enabled.";
        return;
    }
    if (slice_starts_with(path, SLICE("/api/"))) {
        refuse_api(path, out_route);
        return;
    }
    refuse_route(
        out_route, 404, "NotFound", "There is nothing here; functions are called below /api/.",
        NULL);
}

/* -- Calls ---------------------------------------------------------------------------------- */

static bool bad_call(struct http_refusal *out_refusal, const char *code, const char *message)
{
    *out_refusal = (struct http_refusal){400, code, message};
    return false;
}

/* There is more of something than there may be, or than there is memory for. */
static void refuse_size(
    const cordon_error *error, struct http_refusal *out_refusal, const char *words)
{
    *out_refusal = cordon_error_get_code(error) == CORDON_E_TOO_LARGE
                       ? (struct http_refusal){413, "RequestTooLarge", words}
                       : http_no_memory;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Appends a percent-encoded part; false if it is malformed or memory is out. */
static bool append_decoded(struct buffer *out, struct slice part, bool plus_is_space)
{
    for (size_t i = 0; i < part.size; i++) {
        uint8_t byte = part.data[i];
        if (byte == '%') {
            if (part.size - i < 3) {
                return false;
            }
            const int high = hex_value(part.data[i + 1]);
            const int low = hex_value(part.data[i + 2]);
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        cordon_error *error = buffer_append_byte(out, byte);
        if (error != NULL) {
            cordon_error_free(error);
            return false;
        }
    }
    return true;
}

static bool read_format(struct slice name, struct http_call *call, struct http_refusal *out_refusal)
{
    if (name.size == 0 || slice_equal(name, SLICE("json")) ||
        slice_equal(name, SLICE("convex_clean_json"))) {
        call->format = FORMAT_JSON;
        return true;
    }
    if (slice_equal(name, SLICE("convex_encoded_json")) ||
        slice_equal(name, SLICE("convex_json"))) {
        call->format = FORMAT_ENCODED;
        return true;
    }
    return bad_call(out_refusal, "BadFormat", "`format` is \"json\" or \"convex_encoded_json\".");
}

/* `a/b/fn` names the function `a/b:fn`. */
static bool read_run_path(
    struct slice part, struct http_call *call, struct http_refusal *out_refusal)
{
    if (!append_decoded(&call->text, part, false)) {
        return bad_call(out_refusal, "BadRequest", "The path is not well-formed.");
    }
    uint8_t *bytes = call->text.data;
    size_t at = call->text.size;
    while (at > 0 && bytes[at - 1] != '/') {
        at--;
    }
    if (at == 0 || at == call->text.size) {
        return bad_call(
            out_refusal, "MissingIdentifier",
            "The path has a module and a function, as in /api/run/messages/list.");
    }
    bytes[at - 1] = ':';
    call->path = buffer_slice(&call->text);
    return true;
}

static bool take_args(
    const struct json_node *args, struct http_call *call, struct http_refusal *out_refusal)
{
    cordon_error *error = json_kind(args) == JSON_MISSING ? buffer_append(&call->args, SLICE("{}"))
                                                          : json_write_node(&call->args, args);
    if (error == NULL) {
        return true;
    }
    refuse_size(error, out_refusal, "The arguments are too large; pass less, or in several calls.");
    cordon_error_free(error);
    return false;
}

static void refuse_json(
    const cordon_error *error, struct http_call *call, struct http_refusal *out_refusal)
{
    *out_refusal = (struct http_refusal){400, "BadJsonBody", "The body is no JSON."};
    CORDON_CLEANUP(cordon_error_freep) cordon_error *unsaid =
        buffer_printf(&call->text, "The body is no JSON: %s", cordon_error_get_message(error));
    if (unsaid == NULL) {
        unsaid = buffer_append_byte(&call->text, '\0');
    }
    if (unsaid == NULL) {
        out_refusal->message = (const char *)call->text.data;
    }
}

static bool parse_json(struct slice text, struct http_call *call, struct http_refusal *out_refusal)
{
    const struct json_limits limits = {
        .bytes_max = CALL_BYTES_MAX,
        .depth_max = CALL_DEPTH_MAX,
        .account = call->args.account,
    };
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = json_parse(text, &limits, &call->doc);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_BAD_JSON) {
        refuse_json(error, call, out_refusal);
    } else if (error != NULL) {
        refuse_size(
            error, out_refusal,
            "The body has more values than this server reads at one time; make several calls.");
    }
    return error == NULL;
}

static bool read_body(
    const struct http_request *request,
    const struct http_route *route,
    struct http_call *call,
    struct http_refusal *out_refusal)
{
    if (!parse_json(request->body, call, out_refusal)) {
        return false;
    }
    const struct json_node *root = json_root(call->doc);
    if (json_kind(root) != JSON_OBJECT) {
        return bad_call(out_refusal, "BadJsonBody", "The body is a JSON object.");
    }
    if (route->path.data != NULL) {
        if (!read_run_path(route->path, call, out_refusal)) {
            return false;
        }
    } else {
        const struct json_node *path = json_get(root, SLICE("path"));
        if (json_kind(path) != JSON_STRING) {
            return bad_call(
                out_refusal, "BadJsonBody", "The body names a function: {\"path\": \"a:b\", …}.");
        }
        call->path = json_string(path);
    }
    const struct json_node *args = json_get(root, SLICE("args"));
    const enum json_kind kind = json_kind(args);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY && kind != JSON_MISSING) {
        return bad_call(
            out_refusal, "BadJsonBody", "`args` is one object, or an array with one object.");
    }
    if (kind == JSON_ARRAY && json_count(args) > 1) { /* a function would see the first alone */
        return bad_call(
            out_refusal, "BadJsonBody",
            "`args` has more than one argument; a function takes one object: put them into it as "
            "its fields.");
    }
    const struct json_node *format = json_get(root, SLICE("format"));
    if (json_kind(format) != JSON_MISSING && json_kind(format) != JSON_STRING) {
        return bad_call(out_refusal, "BadFormat", "`format` is a string.");
    }
    return take_args(args, call, out_refusal) &&
           read_format(json_string(format), call, out_refusal);
}

bool http_target_parameter(
    struct slice target, const char *name, struct buffer *out, bool *out_found)
{
    struct slice value = {0};
    *out_found = find_parameter(target, name, &value);
    return !*out_found || append_decoded(out, value, true);
}

static bool read_query(
    const struct http_request *request, struct http_call *call, struct http_refusal *out_refusal)
{
    struct slice part = {0};
    if (!find_parameter(request->target, "path", &part) ||
        !append_decoded(&call->text, part, true)) {
        return bad_call(
            out_refusal, "BadRequest", "The query string names a function: ?path=a:b&args={}.");
    }
    const size_t path_size = call->text.size;
    if (find_parameter(request->target, "args", &part)) {
        if (!append_decoded(&call->args, part, true)) {
            return bad_call(out_refusal, "BadRequest", "`args` is not well-formed.");
        }
    } else if (!take_args(NULL, call, out_refusal)) {
        return false;
    }
    const bool has_format = find_parameter(request->target, "format", &part);
    call->path = slice_of(call->text.data, path_size);
    return read_format(has_format ? part : (struct slice){0}, call, out_refusal);
}

/* Lets go of all but the words of a refusal. */
static void drop_call(struct http_call *call)
{
    json_free(call->doc);
    call->doc = NULL;
    buffer_done(&call->args);
}

bool http_call_read(
    const struct http_request *request,
    const struct http_route *route,
    struct account *account,
    struct http_call *call,
    struct http_refusal *out_refusal)
{
    *call = (struct http_call){0};
    buffer_init_charged(&call->text, 65536, account);
    buffer_init_charged(&call->args, (size_t)128 << 20, account);
    const bool good = route->in_query ? read_query(request, call, out_refusal)
                                      : read_body(request, route, call, out_refusal);
    if (!good) {
        drop_call(call);
    }
    return good;
}

void http_call_done(struct http_call *call)
{
    drop_call(call);
    buffer_done(&call->text);
}

/* -- Headers -------------------------------------------------------------------------------- */

/* The host without its port: `[::1]:3210` and `name:3210`. */
static struct slice without_port(struct slice host)
{
    size_t at = host.size;
    while (at > 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9') {
        at--;
    }
    if (at > 0 && at < host.size + 1 && host.data[at - 1] == ':' &&
        (host.data[0] != '[' || (at > 1 && host.data[at - 2] == ']'))) {
        return slice_of(host.data, at - 1);
    }
    return host;
}

/* 127.0.0.0/8 in dotted form, four numbers up to 255. */
static bool is_loopback_v4(struct slice host)
{
    unsigned parts[4] = {0};
    unsigned part = 0;
    unsigned digits = 0;
    for (size_t i = 0; i < host.size; i++) {
        const uint8_t c = host.data[i];
        if (c == '.' && digits > 0 && part < 3) {
            part++;
            digits = 0;
        } else if (c >= '0' && c <= '9' && digits < 3) {
            parts[part] = parts[part] * 10 + (unsigned)(c - '0');
            digits++;
        } else {
            return false;
        }
    }
    return part == 3 && digits > 0 && parts[0] == 127 && parts[1] < 256 && parts[2] < 256 &&
           parts[3] < 256;
}

struct slice http_host_name(struct slice host)
{
    return without_port(host);
}

bool http_host_accepted(struct slice host, const char *const *names, size_t name_count)
{
    if (host.data == NULL) {
        return true;
    }
    const struct slice name = without_port(host);
    if (http_token_is(name, "localhost") || http_token_is(name, "[::1]") || is_loopback_v4(name)) {
        return true;
    }
    for (size_t i = 0; i < name_count; i++) {
        if (http_token_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

bool http_request_id_accepted(struct slice id)
{
    if (id.size == 0 || id.size > 64) {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        const uint8_t c = id.data[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain) {
            return false;
        }
    }
    return true;
}

/* So many hexadecimal digits, small ones; `*out_zero`: all of them are 0. */
static bool take_hex(struct slice *text, size_t digits, bool *out_zero)
{
    *out_zero = true;
    if (text->size < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        const uint8_t c = text->data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        *out_zero = *out_zero && c == '0';
    }
    *text = slice_from(*text, digits);
    return true;
}

static bool take_dash(struct slice *text)
{
    if (text->size == 0 || text->data[0] != '-') {
        return false;
    }
    *text = slice_from(*text, 1);
    return true;
}

struct slice http_traceparent(struct slice header)
{
    enum { BYTES = 2 + 1 + 32 + 1 + 16 + 1 + 2 };
    const struct slice none = {0};
    struct slice rest = header;
    bool no_trace = false;
    bool no_parent = false;
    bool unused = false;
    if (!take_hex(&rest, 2, &unused) || !take_dash(&rest) || !take_hex(&rest, 32, &no_trace) ||
        !take_dash(&rest) || !take_hex(&rest, 16, &no_parent) || !take_dash(&rest) ||
        !take_hex(&rest, 2, &unused) || no_trace || no_parent) {
        return none;
    }
    const struct slice version = slice_of(header.data, 2);
    const bool is_first = slice_equal(version, SLICE("00"));
    const bool is_none = slice_equal(version, SLICE("ff"));
    /* Later versions may say more, behind a dash; this one has nothing behind. */
    const bool good = !is_none && (rest.size == 0 || (!is_first && rest.data[0] == '-'));
    return good ? slice_of(header.data, BYTES) : none;
}
