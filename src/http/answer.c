/*
 * Answers in Convex's shapes: 200 for success and for what a function did wrong, `{"code",
 * "message"}` with a real status for the rest.
 */
#include "http/answer.h"

#include "run/error_text.h"
#include "value/value.h"

#include <string.h>

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 421:
        return "Misdirected Request";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    default:
        return "Status";
    }
}

static cordon_error *append_text(struct buffer *out, const char *text)
{
    return buffer_append(out, slice_str(text));
}

static cordon_error *append_header(struct buffer *out, const char *name, const char *value)
{
    TRY(append_text(out, name));
    TRY(buffer_append(out, SLICE(": ")));
    TRY(append_text(out, value));
    return buffer_append(out, SLICE("\r\n"));
}

/* Words of ours as the value of a header: what may not stand there is replaced. */
static cordon_error *append_words(struct buffer *out, const char *name, const char *words)
{
    TRY(append_text(out, name));
    TRY(buffer_append(out, SLICE(": ")));
    for (const char *at = words; *at != '\0'; at++) {
        const bool is_plain = *at >= ' ' && *at <= '~';
        TRY(buffer_append_byte(out, (uint8_t)(is_plain ? *at : '?')));
    }
    return buffer_append(out, SLICE("\r\n"));
}

/* Load passes in a moment; a disk waits for somebody who makes room on it. */
#define RETRY_OVERLOADED_S 1
#define RETRY_DISK_FULL_S 30

/* When to send it again, where that is safe (RFC 9110, 10.2.3). */
static cordon_error *append_retry_after(
    struct buffer *out, const struct http_frame *frame, const struct http_refusal *refusal)
{
    if (refusal->status != 503 || frame->may_have_run) {
        return NULL;
    }
    const bool waits_long = strcmp(refusal->code, "DiskFull") == 0;
    TRY(append_text(out, "Retry-After: "));
    TRY(json_write_u64(out, waits_long ? RETRY_DISK_FULL_S : RETRY_OVERLOADED_S));
    return buffer_append(out, SLICE("\r\n"));
}

static cordon_error *append_head(struct buffer *out, const struct http_frame *frame, size_t size)
{
    TRY(append_text(out, "HTTP/1.1 "));
    TRY(json_write_u64(out, (uint64_t)frame->status));
    TRY(buffer_append_byte(out, ' '));
    TRY(append_text(out, reason(frame->status)));
    TRY(buffer_append(out, SLICE("\r\n")));
    if (frame->status != 204) { /* RFC 9110, 8.6: it has no body, and no length of one */
        TRY(buffer_append(out, SLICE("Content-Length: ")));
        TRY(json_write_u64(out, size));
        TRY(buffer_append(out, SLICE("\r\n")));
        TRY(append_header(
            out, "Content-Type",
            frame->content_type == NULL ? "application/json" : frame->content_type));
    }
    if (frame->date != NULL) {
        TRY(append_header(out, "Date", frame->date));
    }
    if (frame->cross_origin) {
        TRY(append_header(out, "Access-Control-Allow-Origin", "*"));
    }
    if (frame->allow != NULL) {
        TRY(append_header(out, "Allow", frame->allow));
    }
    if (frame->record != NULL) {
        TRY(append_header(out, "Cordon-Record", frame->record));
    }
    if (frame->record_error != NULL) {
        TRY(append_words(out, "Cordon-Record-Error", frame->record_error));
    }
    return frame->keep_alive ? NULL : append_header(out, "Connection", "close");
}

static cordon_error *append_body(
    struct buffer *out, const struct http_frame *frame, struct slice body)
{
    TRY(buffer_append(out, SLICE("\r\n")));
    return frame->head_only ? NULL : buffer_append(out, body);
}

cordon_error *http_answer(struct buffer *out, const struct http_frame *frame, struct slice body)
{
    TRY(append_head(out, frame, body.size));
    return append_body(out, frame, body);
}

cordon_error *http_answer_refusal(
    struct buffer *out, struct http_frame *frame, const struct http_refusal *refusal)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, (size_t)1 << 20);
    TRY(buffer_append_byte(&body, '{'));
    TRY(json_write_key(&body, SLICE("code")));
    TRY(json_write_string(&body, slice_str(refusal->code)));
    TRY(json_write_key(&body, SLICE("message")));
    TRY(json_write_string(&body, slice_str(refusal->message)));
    TRY(buffer_append_byte(&body, '}'));
    frame->status = refusal->status;
    TRY(append_head(out, frame, body.size));
    TRY(append_retry_after(out, frame, refusal));
    return append_body(out, frame, buffer_slice(&body));
}

/* A header of the client's that is repeated to it: printable ASCII without line ends only. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.size > 0 && text.size <= 1024;
}

cordon_error *http_answer_preflight(
    struct buffer *out, const struct http_frame *frame, const struct http_request *request)
{
    const struct slice wanted = request->headers[HTTP_REQUEST_HEADERS];
    TRY(append_head(out, frame, 0));
    TRY(append_header(out, "Access-Control-Allow-Methods", "GET, POST, OPTIONS"));
    if (is_plain(wanted)) {
        TRY(append_text(out, "Access-Control-Allow-Headers: "));
        TRY(buffer_append(out, wanted));
        TRY(buffer_append(out, SLICE("\r\n")));
    }
    TRY(append_header(out, "Access-Control-Max-Age", "86400"));
    TRY(append_header(out, "Vary", "Access-Control-Request-Headers"));
    return buffer_append(out, SLICE("\r\n"));
}

/* -- Outcomes ------------------------------------------------------------------------------- */

/* Only objects with a `$` look different in the two formats. */
static bool is_same_in_both(struct slice encoded)
{
    return encoded.size == 0 || memchr(encoded.data, '$', encoded.size) == NULL;
}

static cordon_error *append_value(struct buffer *out, struct slice encoded, enum http_format format)
{
    if (encoded.size == 0) {
        return buffer_append(out, SLICE("null"));
    }
    if (format == FORMAT_ENCODED || is_same_in_both(encoded)) {
        return buffer_append(out, encoded);
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 30);
    arena.account = out->account; /* it is many times what it was read from */
    struct value value;
    TRY(value_parse(encoded, &arena, &value));
    return value_write_clean(out, &value);
}

static cordon_error *append_log_lines(struct buffer *out, const struct http_outcome *what)
{
    const struct outcome *outcome = what->outcome;
    if (what->production || outcome->log_line_count == 0) {
        return NULL; /* left out when empty, as Convex does */
    }
    TRY(json_write_key(out, SLICE("logLines")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < outcome->log_line_count; i++) {
        TRY(json_write_comma(out));
        TRY(json_write_string(out, outcome->log_lines[i]));
    }
    return buffer_append_byte(out, ']');
}

/* The developer's text: what Convex puts before it, the message, and the frames. */
static cordon_error *write_error_text(struct buffer *text, const struct http_outcome *what)
{
    TRY(append_text(text, "[Request ID: "));
    TRY(buffer_append(text, what->request_id));
    TRY(append_text(text, "] Server Error"));
    if (what->production) {
        return NULL;
    }
    TRY(buffer_append_byte(text, '\n'));
    return error_text_write(what->outcome, text);
}

static cordon_error *write_failure(struct buffer *body, const struct http_outcome *what)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init_charged(&text, (size_t)4 << 20, body->account);
    TRY(write_error_text(&text, what));
    TRY(buffer_append(body, SLICE("{\"status\":\"error\"")));
    TRY(json_write_key(body, SLICE("errorMessage")));
    TRY(json_write_string(body, buffer_slice(&text)));
    if (what->outcome->data.size > 0) {
        TRY(json_write_key(body, SLICE("errorData")));
        TRY(append_value(body, what->outcome->data, what->format));
    }
    TRY(append_log_lines(body, what));
    return buffer_append_byte(body, '}');
}

static cordon_error *write_success(struct buffer *body, const struct http_outcome *what)
{
    TRY(buffer_append(body, SLICE("{\"status\":\"success\",\"value\":")));
    TRY(append_value(body, what->outcome->value, what->format));
    TRY(append_log_lines(body, what));
    return buffer_append_byte(body, '}');
}

static const char *overload_code(const struct outcome *outcome)
{
    const char *code = outcome_rejection_code(outcome);
    return code != NULL ? code : "Overloaded";
}

/* What is no function's doing has a status of its own. No words: the outcome's own. */
static bool is_refusal(const struct outcome *outcome, struct http_refusal *out_refusal)
{
    switch (outcome->code) {
    case CORDON_OUTCOME_OVERLOADED: /* before the run, or midway: its words tell */
        *out_refusal = (struct http_refusal){503, overload_code(outcome), NULL};
        return true;
    case CORDON_OUTCOME_CONFLICT:
        *out_refusal = (struct http_refusal){503, "OptimisticConcurrencyControlFailure", NULL};
        return true;
    case CORDON_OUTCOME_CANCELLED:
        *out_refusal =
            (struct http_refusal){503, "Cancelled",
                                  "The server is stopping, and the call was ended. A retry is safe "
                                  "for queries and calls with an idempotency key."};
        return true;
    case CORDON_OUTCOME_DISK_FULL:
        *out_refusal = (struct http_refusal){503, "DiskFull",
                                             "The server's disk is full. Nothing was written; "
                                             "free some space and try again."};
        return true;
    case CORDON_OUTCOME_INTERNAL:
        *out_refusal = (struct http_refusal){
            500, "InternalServerError", "Your request couldn't be completed. Try again later."};
        return true;
    case CORDON_OUTCOME_SUCCESS:
    case CORDON_OUTCOME_FAILED:
    case CORDON_OUTCOME_TRAPPED:
    case CORDON_OUTCOME_CAPABILITY_DENIED:
    case CORDON_OUTCOME_INVALID_HOST_CALL:
    case CORDON_OUTCOME_INVALID_ARGUMENTS:
    case CORDON_OUTCOME_INVALID_RETURN:
    case CORDON_OUTCOME_FUNCTION_NOT_FOUND:
    case CORDON_OUTCOME_LIMIT:
    case CORDON_OUTCOME_MODULE_REFUSED:
        break;
    }
    return false;
}

/*
 * Whether what was refused may have done something all the same. A query changes nothing, and what
 * met no room, a conflict or a full disk committed nothing; but an action goes on from effect to
 * effect, and a commit that was on its way when the call was cancelled may have come through.
 */
static bool may_have_run(const struct outcome *outcome)
{
    switch (outcome->kind) {
    case CORDON_QUERY:
        return false;
    case CORDON_MUTATION:
        return outcome->code == CORDON_OUTCOME_CANCELLED;
    case CORDON_ACTION:
        return outcome->used[CORDON_LIMIT_FUEL] > 0 || outcome->code == CORDON_OUTCOME_CANCELLED;
    }
    return true;
}

cordon_error *http_answer_outcome(
    struct buffer *out,
    struct http_frame *frame,
    const struct http_outcome *what,
    struct buffer *scratch)
{
    struct http_refusal refusal;
    buffer_clear(scratch);
    if (is_refusal(what->outcome, &refusal)) {
        if (refusal.message == NULL) {
            const struct slice message = what->outcome->message;
            TRY(buffer_append(
                scratch, message.size > 0 ? message : SLICE("There was no memory for words.")));
            TRY(buffer_append_byte(scratch, '\0'));
            refusal.message = (const char *)scratch->data;
        }
        frame->may_have_run = may_have_run(what->outcome);
        return http_answer_refusal(out, frame, &refusal);
    }
    TRY(what->outcome->code == CORDON_OUTCOME_SUCCESS ? write_success(scratch, what)
                                                      : write_failure(scratch, what));
    frame->status = 200;
    return http_answer(out, frame, buffer_slice(scratch));
}
