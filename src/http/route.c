/*
 * Routing. Convex's clients retry a 404 six times; so what is
 * not offered under /api/ is answered with 400, a wrong method with 405.
 */
#include "http/route.h"

#include "http/target.h"
#include "observe/executions.h"

#include <string.h>

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

/* Whose log: a name has a letter, and those that were removed have numbers alone. */
static void read_tenant(const struct http_request *request, struct http_route *route)
{
    uint64_t number = 0;
    (void)http_target_find(request->target, "tenant", &route->tenant);
    if (http_read_number(route->tenant, UINT32_MAX, &number)) {
        route->tenant_number = (uint32_t)number;
        route->tenant = (struct slice){0};
    }
}

static void route_audit(const struct http_request *request, struct http_route *route)
{
    struct slice from = {0};
    route->from = 1;
    if (http_target_find(request->target, "from", &from) &&
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
    (void)http_target_find(request->target, "tenant", &route->tenant);
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
        http_target_find(request->target, "cursor", &cursor) &&
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
