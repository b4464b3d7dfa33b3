/*
 * convex/run: calls of other functions. The host says what is to be called; run/ makes the call, a
 * run of its own, while the guest waits, and comes back with its outcome. A call that fails is a
 * refusal that the guest may handle, with the code, the message and the data of the failure.
 */
#include "host/db.h"
#include "host/operations.h"
#include "store/tape.h"

/* The arguments of a call, as encoded JSON: those that a function may take by default, twice. */
#define ARGS_BYTES_MAX ((size_t)64 << 20)

static const char *name_of(cordon_kind kind)
{
    switch (kind) {
    case CORDON_QUERY:
        return "runQuery";
    case CORDON_MUTATION:
        return "runMutation";
    case CORDON_ACTION:
        break;
    }
    return "runAction";
}

/* Reads what is to be called; the texts live as long as the call. */
static enum gate_result read_call(struct host *host, struct gate_call *call, cordon_kind kind)
{
    struct host_nested *nested = &host->nested;
    const struct json_node *name = json_get(call->args, SLICE("name"));
    const struct json_node *args = json_get(call->args, SLICE("args"));
    if (json_kind(name) != JSON_STRING) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `name` for `%s`: it is the path of a function, such as "
            "\"messages:list\".",
            name_of(kind));
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init_charged(&arena, host->options.account);
    struct value value = value_object(NULL, 0);
    if (json_kind(args) != JSON_MISSING && json_kind(args) != JSON_NULL) {
        GATE_TRY(host, value_from_json(args, &arena, &value));
    }
    if (value.kind != VALUE_OBJECT) {
        return gate_refuse(
            host, "InvalidArgument", "Invalid argument `args` for `%s`: it is an object.",
            name_of(kind));
    }
    buffer_init_charged(&nested->args, ARGS_BYTES_MAX, host->options.account);
    GATE_TRY(host, value_write_encoded(&nested->args, &value));
    nested->path = json_string(name);
    nested->kind = kind;
    return GATE_OK;
}

static cordon_error *write_failure(const struct host_nested *nested, struct buffer *out)
{
    TRY(buffer_append(out, SLICE("{\"code\":")));
    TRY(json_write_string(out, slice_str(nested->code)));
    TRY(buffer_append(out, SLICE(",\"message\":")));
    TRY(json_write_string(out, nested->message));
    if (nested->data.size > 0) {
        TRY(buffer_append(out, SLICE(",\"data\":")));
        TRY(buffer_append(out, nested->data));
    }
    return buffer_append_byte(out, '}');
}

/* The reply, and what stands on the tape for a replay. */
static enum gate_result finish_call(
    struct host *host, struct gate_call *call, const struct tape_question *question)
{
    struct host_nested *nested = &host->nested;
    buffer_clear(&host->reply);
    GATE_TRY(
        host, nested->good ? buffer_append(&host->reply, nested->value)
                           : write_failure(nested, &host->reply));
    if (host->options.tape != NULL) {
        const struct tape_answer answer = {
            .found = nested->good, .text = {buffer_slice(&host->reply)}};
        tape_write(host->options.tape, question, &answer, NULL);
    }
    call->length = host->reply.size;
    return nested->good ? GATE_OK : GATE_REFUSED;
}

static enum gate_result play_call(
    struct host *host, struct gate_call *call, const struct tape_question *question)
{
    if (tape_waits(host->options.player)) {
        return GATE_WAIT;
    }
    struct tape_answer answer = {0};
    GATE_TRY(host, tape_play(host->options.player, question, &answer));
    GATE_CHECK(gate_reply(host, call, answer.text[0]));
    return answer.found ? GATE_OK : GATE_REFUSED;
}

static enum gate_result call_function(struct host *host, struct gate_call *call, cordon_kind kind)
{
    struct host_nested *nested = &host->nested;
    if (nested->state == NESTED_NONE) {
        const enum gate_result result = read_call(host, call, kind);
        if (result != GATE_OK) {
            host_nested_done(host);
            return result;
        }
        nested->state = NESTED_WANTED;
    }
    const struct tape_question question = {
        .op = TAPE_CALL, .number = {kind}, .text = {nested->path, buffer_slice(&nested->args)}};
    if (host->options.player == NULL && nested->state == NESTED_WANTED) {
        return GATE_WAIT;
    }
    const enum gate_result result = host->options.player != NULL
                                        ? play_call(host, call, &question)
                                        : finish_call(host, call, &question);
    if (result != GATE_WAIT) {
        host_nested_done(host);
    }
    return result;
}

enum gate_result run_query(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_QUERY);
}

enum gate_result run_mutation(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_MUTATION);
}

enum gate_result run_action(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_ACTION);
}
