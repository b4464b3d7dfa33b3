/*
 * 1.0/getUserIdentity: who has signed in, as Convex's UserIdentity, or null. What a run was told
 * goes onto its tape, so that its record holds who it was if the function asked, and a replay is
 * told the same; the token that said so is in neither.
 */
#include "host/operations.h"

/* It is copied. */
#define FUEL_PER_BYTE ((uint64_t)1)

static cordon_error *find(struct host *host, struct tape_answer *out_answer)
{
    const struct host_options *options = &host->options;
    const struct tape_question question = {.op = TAPE_IDENTITY};
    if (options->player != NULL) {
        return tape_play(options->player, &question, out_answer);
    }
    const struct tape_answer answer = {
        .found = options->identity.size > 0,
        .text = {options->identity},
        .txn_bytes = options->txn == NULL ? 0 : store_txn_bytes(options->txn),
    };
    if (options->tape != NULL) {
        tape_write(options->tape, &question, &answer, NULL);
    }
    *out_answer = answer;
    return NULL;
}

enum gate_result core_get_user_identity(struct host *host, struct gate_call *call)
{
    struct tape_answer answer = {0};
    host->observed_identity = true;
    GATE_TRY(host, find(host, &answer));
    if (!answer.found) {
        return gate_reply(host, call, SLICE("null"));
    }
    return gate_charge(host, call, answer.text[0].size * FUEL_PER_BYTE)
               ? gate_reply(host, call, answer.text[0])
               : GATE_STOP;
}
