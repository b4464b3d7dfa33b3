/*
 * convex/core: arguments in, result or failure out, logging, randomness, time, what is left. All
 * kinds of functions have it.
 */
#include "host/operations.h"

#include "value/value.h"

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

/* Keeps what the guest says went wrong. A report we cannot read is still a failure of its own. */
static cordon_error *keep_failure(struct host *host, struct slice report)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = VALUE_DEPTH_MAX + 2};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(report, &limits, &doc));
    const json_value root = json_root(doc);
    json_value message;
    json_value data;
    if (json_kind(root) != JSON_OBJECT || !json_get(root, SLICE("message"), &message) ||
        json_kind(message) != JSON_STRING) {
        return cordon_error_new(CORDON_E_BAD_JSON, "it is no object with a string `message`");
    }
    if (json_get(root, SLICE("data"), &data) && json_kind(data) != JSON_NULL) {
        CORDON_CLEANUP_BUFFER struct buffer text;
        buffer_init(&text, (size_t)host->options.budget->allowed[CORDON_LIMIT_RESULT_BYTES]);
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, (size_t)host->options.budget->allowed[CORDON_LIMIT_HOST_BYTES]);
        const struct value *value = NULL;
        TRY(value_from_json(data, &arena, &value));
        TRY(value_write_encoded(&text, value));
        host->stop.data = arena_copy(&host->arena, buffer_slice(&text));
    }
    struct slice words = json_string(message);
    const uint64_t words_max = host->options.budget->allowed[CORDON_LIMIT_ERROR_BYTES];
    if (words.size > words_max) {
        size_t kept = (size_t)words_max;
        while (kept > 0 && (words.data[kept] & 0xc0) == 0x80) {
            kept--;
        }
        words.size = kept;
    }
    host->stop.message = arena_copy(&host->arena, words);
    return host->stop.message.data == NULL ? error_no_memory() : NULL;
}

enum gate_result core_fail(struct host *host, struct gate_call *call)
{
    CORDON_CLEANUP(cordon_error_freep)
    cordon_error *error = keep_failure(host, call->input);
    if (error == NULL) {
        host->stop.code = CORDON_OUTCOME_FAILED;
        return GATE_STOP;
    }
    host->stop.data = (struct slice){0};
    (void)host_stop(
        host,
        CORDON_OUTCOME_FAILED,
        "The function failed, but its error report can't be read: %s. It should be "
        "{\"message\": string, \"data\": value}.",
        cordon_error_get_message(error));
    return GATE_STOP;
}

enum gate_result core_log(struct host *host, struct gate_call *call)
{
    json_value level;
    json_value messages;
    if (!json_get(call->args, SLICE("level"), &level) || json_kind(level) != JSON_STRING ||
        !log_level_known(json_string(level))) {
        return gate_refuse(
            host,
            "InvalidArgument",
            "Invalid argument `level` for `log`: it is one of DEBUG, ERROR, WARN, INFO, LOG.");
    }
    if (!json_get(call->args, SLICE("messages"), &messages) ||
        json_kind(messages) != JSON_ARRAY) {
        return gate_refuse(
            host,
            "InvalidArgument",
            "Invalid argument `messages` for `log`: it is an array of strings.");
    }
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, call->input.size + 1);
    struct json_items items = json_items(messages);
    json_value item;
    bool first = true;
    while (json_items_next(&items, &item)) {
        if (json_kind(item) != JSON_STRING) {
            return gate_refuse(
                host,
                "InvalidArgument",
                "Invalid argument `messages` for `log`: it is an array of strings.");
        }
        if (!first) {
            GATE_TRY(host, buffer_append_byte(&body, ' '));
        }
        first = false;
        GATE_TRY(host, buffer_append(&body, json_string(item)));
    }
    GATE_TRY(host, log_lines_add(&host->log, json_string(level), buffer_slice(&body)));
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

/* Limits that `left` tells: all that count down, without time where time must not be seen. */
enum gate_result core_left(struct host *host, struct gate_call *call)
{
    struct budget *budget = host->options.budget;
    buffer_clear(&host->reply);
    const char *separator = "{";
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit limit = (cordon_limit)i;
        const cordon_limit_info *info = cordon_limit_get_info(limit);
        const bool is_time =
            limit == CORDON_LIMIT_USER_TIME_MS || limit == CORDON_LIMIT_SYSTEM_TIME_MS;
        if (info->scope == CORDON_SCOPE_PROCESS ||
            (is_time && host->options.kind != CORDON_ACTION)) {
            continue;
        }
        uint64_t left = budget_left(budget, limit);
        if (limit == CORDON_LIMIT_FUEL) {
            left = engine_fuel_left(call->guest);
        } else if (limit == CORDON_LIMIT_MEMORY_BYTES) {
            const uint64_t allowed = budget->allowed[limit];
            left = call->memory_size >= allowed ? 0 : allowed - call->memory_size;
        } else if (limit == CORDON_LIMIT_LOG_LINES) {
            const uint64_t used = host->log.count;
            left = used >= budget->allowed[limit] ? 0 : budget->allowed[limit] - used;
        } else if (is_time) {
            left = host_time_left_ms(host, limit);
        }
        GATE_TRY(
            host,
            buffer_printf(
                &host->reply,
                "%s\"%s\":%llu",
                separator,
                info->name,
                (unsigned long long)left));
        separator = ",";
    }
    GATE_TRY(host, buffer_append_byte(&host->reply, '}'));
    call->length = host->reply.size;
    return GATE_OK;
}
