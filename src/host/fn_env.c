/*
 * convex/core env_get: the environment variables of the deployment, as they were when the run
 * began. What a run was told goes onto its tape, so that its record holds the variables that it
 * read and no others, and a replay is told the same whatever they are by then.
 */
#include "host/env_vars.h"
#include "host/operations.h"

/* For each byte of a value's JSON: between one that is written as it is and one of an escape. */
#define REPLY_FUEL_PER_BYTE ((uint64_t)8)

static cordon_error *find(struct host *host, struct slice name, struct tape_answer *out_answer)
{
    const struct host_options *options = &host->options;
    const struct tape_question question = {.op = TAPE_ENV, .text = {name}};
    if (options->player != NULL) {
        return tape_play(options->player, &question, out_answer);
    }
    struct tape_answer answer = {
        .txn_bytes = options->txn == NULL ? 0 : store_txn_bytes(options->txn)};
    answer.found = env_vars_find(options->env, name, &answer.text[0]);
    if (options->tape != NULL) {
        tape_write(options->tape, &question, &answer, NULL);
    }
    *out_answer = answer;
    return NULL;
}

enum gate_result core_env_get(struct host *host, struct gate_call *call)
{
    const struct json_node *node = json_get(call->args, SLICE("name"));
    if (json_kind(node) != JSON_STRING) {
        return gate_refuse(
            host, "InvalidArgument", "Invalid argument `name` for `env_get`: it is a string.");
    }
    const struct slice name = json_string(node);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *wrong = env_check_name(name);
    if (wrong != NULL) {
        return gate_refuse(
            host, cordon_error_code_name(cordon_error_get_code(wrong)), "%s",
            cordon_error_get_message(wrong));
    }
    struct tape_answer answer = {0};
    GATE_TRY(host, find(host, name, &answer));
    if (!answer.found) {
        return gate_reply(host, call, SLICE("null"));
    }
    buffer_clear(&host->reply);
    GATE_TRY(host, json_write_string(&host->reply, answer.text[0]));
    call->length = host->reply.size;
    return gate_charge(host, call, host->reply.size * REPLY_FUEL_PER_BYTE) ? GATE_OK : GATE_STOP;
}
