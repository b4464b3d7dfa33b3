/* Reading a call out of a request: from its body, or from the query string of a GET. */
#include "http/call.h"

#include "http/target.h"

#include <string.h>

/* Nesting of a request: a value's own 64 levels and what wraps it. */
#define CALL_DEPTH_MAX 72
/*
 * Memory of a parsed request: its text and 16 bytes for each value, of which the parser takes half
 * as many again before it knows. A body of 16 MiB has room for a value in every three bytes.
 */
#define CALL_BYTES_MAX ((size_t)128 << 20)

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
    if (!http_target_decode(&call->text, part, false)) {
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

static bool read_query(
    const struct http_request *request, struct http_call *call, struct http_refusal *out_refusal)
{
    struct slice part = {0};
    if (!http_target_find(request->target, "path", &part) ||
        !http_target_decode(&call->text, part, true)) {
        return bad_call(
            out_refusal, "BadRequest", "The query string names a function: ?path=a:b&args={}.");
    }
    const size_t path_size = call->text.size;
    if (http_target_find(request->target, "args", &part)) {
        if (!http_target_decode(&call->args, part, true)) {
            return bad_call(out_refusal, "BadRequest", "`args` is not well-formed.");
        }
    } else if (!take_args(NULL, call, out_refusal)) {
        return false;
    }
    const bool has_format = http_target_find(request->target, "format", &part);
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
