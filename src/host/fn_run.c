/*
 * convex/run: calls of other functions. The host says what is to be called; run/ makes the call,
 * while the guest waits, and comes back with its outcome. A call that fails is a refusal that the
 * guest may handle, with the code, the message and the data of the failure.
 *
 * An action's call is a run of its own, and its answer stands in a record. A query's or mutation's
 * is inside its transaction and uses its limits; it is as repeatable as what calls it, and a
 * replay makes it again.
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
    if (host->options.tape != NULL && !nested->inner) {
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

/* The call is on its way, or its outcome is there. */
static enum gate_result go_on(struct host *host, struct gate_call *call)
{
    struct host_nested *nested = &host->nested;
    const struct tape_question question = {
        .op = TAPE_CALL,
        .number = {nested->kind},
        .text = {nested->path, buffer_slice(&nested->args)}};
    if (host->options.player != NULL && !nested->inner) {
        return play_call(host, call, &question);
    }
    if (nested->state == NESTED_WANTED) {
        return GATE_WAIT;
    }
    if (nested->fuel_used > 0 && !gate_charge(host, call, nested->fuel_used)) {
        return GATE_STOP;
    }
    return host->stop.code != CORDON_OUTCOME_SUCCESS ? GATE_STOP
                                                     : finish_call(host, call, &question);
}

static enum gate_result call_function(
    struct host *host, struct gate_call *call, cordon_kind kind, bool inner)
{
    if (host->nested.state == NESTED_NONE) {
        const enum gate_result result = read_call(host, call, kind);
        if (result != GATE_OK) {
            host_nested_done(host);
            return result;
        }
        host->nested.inner = inner;
        host->nested.fuel = engine_fuel_left(call->guest);
        host->nested.state = NESTED_WANTED;
    }
    const enum gate_result result = go_on(host, call);
    if (result != GATE_WAIT) {
        host_nested_done(host);
    }
    return result;
}

/* Reads which kind of function is called; a query may call queries alone. */
static enum gate_result read_kind(
    struct host *host, const struct gate_call *call, cordon_kind *out_kind)
{
    const struct slice type = json_string(json_get(call->args, SLICE("udfType")));
    if (!kind_parse(type, out_kind) || *out_kind == CORDON_ACTION) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `udfType` for `runUdf`: it is \"query\" or \"mutation\".");
    }
    if (json_kind(json_get(call->args, SLICE("transactionLimits"))) != JSON_MISSING) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `transactionLimits` for `runUdf`: a call uses the limits of what "
            "calls it; leave it out.");
    }
    if (*out_kind == CORDON_MUTATION && host->options.kind == CORDON_QUERY) {
        (void)host_stop(
            host, CORDON_OUTCOME_CAPABILITY_DENIED,
            "A query can't call a mutation. A mutation can: make this function one, or move the "
            "call there.");
        return GATE_STOP;
    }
    return GATE_OK;
}

enum gate_result run_udf(struct host *host, struct gate_call *call)
{
    cordon_kind kind = CORDON_QUERY;
    GATE_CHECK(read_kind(host, call, &kind));
    return call_function(host, call, kind, true);
}

enum gate_result run_query(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_QUERY, false);
}

enum gate_result run_mutation(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_MUTATION, false);
}

enum gate_result run_action(struct host *host, struct gate_call *call)
{
    return call_function(host, call, CORDON_ACTION, false);
}
