/*
 * convex/core: arguments in, result or failure out, logging, randomness, time, what is left. All
 * kinds of functions have it.
 */
#include "host/operations.h"

#include "value/utf8.h"
#include "value/value.h"

/* Room for the reply of `left`: a name and a number for each limit. */
#define LEFT_BYTES_MAX ((size_t)CORDON_LIMIT_COUNT * 48)

/* Copies the part of `source` that fits into the declared range; the answer is its whole length. */
static enum gate_result copy_out(struct gate_call *call, struct slice source)
{
    const size_t size = source.size < call->input.size ? source.size : call->input.size;
    if (size > 0) {
        memcpy(call->output, source.data, size);
    }
    call->length = source.size;
    return GATE_OK;
}

enum gate_result core_input_read(struct host *host, struct gate_call *call)
{
    return copy_out(call, host->options.args);
}

enum gate_result core_reply_read(struct host *host, struct gate_call *call)
{
    return copy_out(call, buffer_slice(&host->reply));
}

/* The text is kept as it is and looked at when the function returns. */
enum gate_result core_output_write(struct host *host, struct gate_call *call)
{
    struct budget *budget = host->options.budget;
    const uint64_t size = call->input.size;
    if (size > budget->allowed[CORDON_LIMIT_RESULT_BYTES]) {
        (void)host_stop_limit(host, CORDON_LIMIT_RESULT_BYTES, size);
        return GATE_STOP;
    }
    buffer_clear(&host->output);
    GATE_TRY(host, buffer_append(&host->output, call->input));
    host->has_output = true;
    budget->used[CORDON_LIMIT_RESULT_BYTES] = size;
    return GATE_OK;
}

/* Copies bytes for the rest of the run. */
static cordon_error *keep(struct host *host, struct slice bytes, struct slice *out_copy)
{
    const struct slice copy = arena_copy(&host->arena, bytes);
    if (copy.data == NULL) {
        return arena_error(&host->arena);
    }
    *out_copy = copy;
    return NULL;
}

/* The data of a ConvexError, in canonical form. */
static cordon_error *keep_failure_data(struct host *host, const struct json_node *data)
{
    const uint64_t size_max = host->options.budget->allowed[CORDON_LIMIT_RESULT_BYTES];
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init_charged(&text, (size_t)size_max, host->options.account);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init_charged(&arena, host->options.account);
    struct value value;
    TRY(value_from_json(data, &arena, &value));
    TRY(value_write_encoded(&text, &value));
    return keep(host, buffer_slice(&text), &host->stop.data);
}

/* Keeps what the guest says went wrong. A report we cannot read is still a failure of its own. */
static cordon_error *keep_failure(struct host *host, struct slice report)
{
    const struct budget *budget = host->options.budget;
    const struct json_limits limits = {
        .bytes_max = SIZE_MAX,
        .depth_max = VALUE_NESTING_MAX + 2,
        .account = host->options.account,
    };
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(report, &limits, &doc));
    const struct json_node *message = json_get(json_root(doc), SLICE("message"));
    const struct json_node *data = json_get(json_root(doc), SLICE("data"));
    if (json_kind(message) != JSON_STRING) {
        return cordon_error_new(CORDON_E_BAD_JSON, "it is no object with a string `message`");
    }
    if (json_kind(data) != JSON_MISSING) {
        TRY(keep_failure_data(host, data));
    }
    const struct slice kept =
        utf8_cut(json_string(message), budget->allowed[CORDON_LIMIT_ERROR_BYTES]);
    return keep(host, kept, &host->stop.message);
}

enum gate_result core_fail(struct host *host, struct gate_call *call)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = keep_failure(host, call->input);
    if (error == NULL) {
        host->stop.code = CORDON_OUTCOME_FAILED;
        return GATE_STOP;
    }
    host->stop.data = (struct slice){0};
    if (host_lacks_memory(host, error)) {
        (void)host_stop_error(host, CORDON_TAKE(error));
        return GATE_STOP;
    }
    (void)host_stop(
        host, CORDON_OUTCOME_FAILED,
        "The function failed, but its error report can't be read: %s. It should be "
        "{\"message\": string, \"data\": value}.",
        cordon_error_get_message(error));
    return GATE_STOP;
}

/* The messages of a log call joined by one space; false if there is one that is no string. */
static cordon_error *join_messages(
    const struct json_node *messages, struct buffer *body, bool *out_good)
{
    struct json_walk walk = json_walk_items(messages);
    bool good = json_kind(messages) == JSON_ARRAY;
    bool first = true;
    for (const struct json_node *item = json_next_item(&walk); good && item != NULL;
         item = json_next_item(&walk)) {
        good = json_kind(item) == JSON_STRING;
        if (!first) {
            TRY(buffer_append_byte(body, ' '));
        }
        first = false;
        TRY(buffer_append(body, json_string(item)));
    }
    *out_good = good;
    return NULL;
}

enum gate_result core_log(struct host *host, struct gate_call *call)
{
    const struct slice level = json_string(json_get(call->args, SLICE("level")));
    if (!log_level_known(level)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `level` for `log`: it is one of DEBUG, ERROR, WARN, INFO, LOG.");
    }
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init_charged(&body, SIZE_MAX, host->options.account);
    bool good = false;
    GATE_TRY(host, join_messages(json_get(call->args, SLICE("messages")), &body, &good));
    if (!good) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `messages` for `log`: it is an array of strings.");
    }
    GATE_TRY(host, log_lines_add(&host->log, level, buffer_slice(&body)));
    return GATE_OK;
}

enum gate_result core_random_fill(struct host *host, struct gate_call *call)
{
    random_stream_fill(&host->random, call->output, call->input.size);
    return GATE_OK;
}

enum gate_result core_alias_random(struct host *host, struct gate_call *call)
{
    return core_random_fill(host, call);
}

enum gate_result core_now_ms(struct host *host, struct gate_call *call)
{
    call->slots[0] = host_time_ns(host) / 1000000;
    return GATE_OK;
}

static uint64_t difference(uint64_t allowed, uint64_t used)
{
    return used >= allowed ? 0 : allowed - used;
}

/* What is left of one limit now. Most are counted in the budget, these elsewhere. */
static uint64_t left_of(struct host *host, const struct gate_call *call, cordon_limit limit)
{
    const struct budget *budget = host->options.budget;
    if (limit == CORDON_LIMIT_FUEL) {
        return engine_fuel_left(call->guest);
    }
    if (limit == CORDON_LIMIT_MEMORY_BYTES) {
        return difference(budget->allowed[limit], call->memory_size);
    }
    if (limit == CORDON_LIMIT_TABLE_ELEMENTS) {
        return difference(budget->allowed[limit], engine_guest_table_elements(call->guest));
    }
    if (limit == CORDON_LIMIT_HOST_BYTES) {
        return account_left(host->options.account);
    }
    if (limit == CORDON_LIMIT_LOG_LINES) {
        return difference(budget->allowed[limit], host->log.count);
    }
    if (limit_is_time(limit)) {
        return host_time_left_ms(host, limit);
    }
    return budget_left(budget, limit);
}

/* In queries and mutations time is left out: it would tell what must not be seen. */
enum gate_result core_left(struct host *host, struct gate_call *call)
{
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_reserve(&host->reply, LEFT_BYTES_MAX)); /* held, so that it is told */
    GATE_TRY(host, buffer_append_byte(&host->reply, '{'));
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const cordon_limit_info *info = cordon_limit_get_info(limit);
        if (info->scope != CORDON_SCOPE_RUN ||
            (limit_is_time(limit) && host->options.kind != CORDON_ACTION)) {
            continue;
        }
        GATE_TRY(host, json_write_key(&host->reply, slice_str(info->name)));
        GATE_TRY(host, json_write_u64(&host->reply, left_of(host, call, limit)));
    }
    GATE_TRY(host, buffer_append_byte(&host->reply, '}'));
    call->length = host->reply.size;
    return GATE_OK;
}
