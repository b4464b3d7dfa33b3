/*
 * convex/effect: what reaches outside of a run and can't be repeated. For actions alone.
 *
 * What an effect answers goes onto the tape of a recorded run; a replay plays it from there, so it
 * draws no randomness and does not sleep. An effect that the recorded run did not live to see the
 * end of waits in the replay, too, which is then stopped as the run was.
 *
 * A sleep is an operation that waits: no thread and no permit belong to it, only the memory of its
 * run. It counts as the action's own time, as in Convex, so that it ends at the action's limit.
 */
#include "base/clock.h"
#include "base/random.h"
#include "host/operations.h"

/* The longest sleep: what a timer of JavaScript takes, almost 25 days. */
#define SLEEP_MS_MAX 2147483647

/* -- Randomness ----------------------------------------------------------------------------- */

static enum gate_result replay_random(
    struct host *host, struct gate_call *call, const struct tape_question *question)
{
    struct tape_answer answer = {0};
    GATE_TRY(host, tape_play(host->options.player, question, &answer));
    const struct slice drawn = answer.text[0];
    if (drawn.size != call->input.size) {
        return gate_fail(
            host,
            tape_diverge(
                host->options.player, "the record has %zu random bytes where the run drew %zu",
                drawn.size, call->input.size));
    }
    if (drawn.size > 0) {
        memcpy(call->output, drawn.data, drawn.size);
    }
    return GATE_OK;
}

enum gate_result effect_crypto_random(struct host *host, struct gate_call *call)
{
    const struct tape_question question = {.op = TAPE_RANDOM, .number = {call->input.size}};
    if (host->options.player != NULL) {
        return replay_random(host, call, &question);
    }
    random_system(call->output, call->input.size);
    if (host->options.tape != NULL) {
        const struct tape_answer answer = {.text = {call->input}};
        tape_write(host->options.tape, &question, &answer, NULL);
    }
    return GATE_OK;
}

/* -- Sleeping ------------------------------------------------------------------------------- */

/* False for what is no number of milliseconds, or too many. */
static bool read_duration(const struct json_node *ms, uint64_t *out_ns)
{
    const double number = json_number(ms);
    if (json_kind(ms) != JSON_NUMBER || !(number >= 0 && number <= SLEEP_MS_MAX)) {
        return false;
    }
    *out_ns = (uint64_t)(number * 1e6);
    return true;
}

static enum gate_result replay_sleep(
    struct host *host, struct gate_call *call, const struct tape_question *question)
{
    if (tape_waits(host->options.player)) {
        return GATE_WAIT;
    }
    struct tape_answer answer = {0};
    GATE_TRY(host, tape_play(host->options.player, question, &answer));
    return gate_reply(host, call, SLICE("null"));
}

enum gate_result effect_sleep(struct host *host, struct gate_call *call)
{
    uint64_t duration_ns = 0;
    if (!read_duration(json_get(call->args, SLICE("ms")), &duration_ns)) {
        return gate_refuse(
            host, "InvalidArgument",
            "Invalid argument `ms` for `sleep`: it is a number of milliseconds from 0 to %d.",
            SLEEP_MS_MAX);
    }
    const struct tape_question question = {.op = TAPE_SLEEP, .number = {duration_ns}};
    if (host->options.player != NULL) {
        return replay_sleep(host, call, &question);
    }
    const uint64_t now_ns = clock_monotonic_ns();
    uint64_t *until_ns = &host->operation.sleeps_until_ns;
    if (*until_ns == 0) {
        *until_ns = now_ns + duration_ns;
    }
    if (now_ns < *until_ns) {
        return GATE_WAIT;
    }
    if (host->options.tape != NULL) {
        const struct tape_answer answer = {0};
        tape_write(host->options.tape, &question, &answer, NULL);
    }
    return gate_reply(host, call, SLICE("null"));
}
