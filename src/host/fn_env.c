/*
 * convex/core env_get: the environment variables of the deployment, as they were when the run
 * began. What a run was told goes onto its tape, so that its record holds the variables that it
 * read and no others, and a replay is told the same whatever they are by then.
 */
#include "host/env_vars.h"
#include "host/operations.h"

/* For each byte of a value, and for each that its escapes take beyond it, which cost nine times as
 * much (bench_prices). */
#define FUEL_PER_BYTE ((uint64_t)4)
#define FUEL_PER_BYTE_OF_ESCAPES ((uint64_t)9)

static uint64_t price(size_t value_bytes, size_t reply_bytes)
{
    return value_bytes * FUEL_PER_BYTE + (reply_bytes - value_bytes) * FUEL_PER_BYTE_OF_ESCAPES;
}

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
    return gate_charge(host, call, price(answer.text[0].size, host->reply.size)) ? GATE_OK
                                                                                 : GATE_STOP;
}
