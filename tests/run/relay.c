/* See relay.h. */
#include "run/relay.h"

#include "run/record/recording.h"
#include "value/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

void relay_assert_replays(struct harness *harness, const struct called *called, const char *words)
{
    struct buffer bytes;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    assert_good(run_get_record(called->run, harness->modules, harness->module_count, &bytes));
    struct recording recording;
    assert_good(recording_read(buffer_slice(&bytes), &arena, &recording));
    const struct run_request request = recording_request(&recording);
    struct called again;
    called_begin(&again, harness, &request);
    (void)called_finish(&again);
    char difference[600];
    bool differs = false;
    assert_good(
        run_replay_differs(again.run, WORDS_WITH_VALUES, difference, sizeof difference, &differs));
    if (differs) {
        fail_msg("%s: %s", words, difference);
    }
    called_end(&again);
    buffer_done(&bytes);
}

const char *relay_quote(const char *args, char out[RELAY_JSON_BYTES])
{
    struct buffer text;
    buffer_init(&text, SIZE_MAX);
    assert_good(buffer_append(&text, SLICE("{\"q\":")));
    assert_good(json_write_string(&text, slice_str(args)));
    assert_good(buffer_append_byte(&text, '}'));
    (void)snprintf(out, RELAY_JSON_BYTES, "%.*s", SLICE_FMT(buffer_slice(&text)));
    buffer_done(&text);
    return out;
}

const char *relay_ask(
    struct harness *harness, const char *path, const char *args, char out[RELAY_ANSWER_BYTES])
{
    char json[RELAY_JSON_BYTES];
    struct run_request request = request_of(path, relay_quote(args, json));
    request.record = true;
    struct called called;
    called_begin(&called, harness, &request);
    const struct outcome *outcome = called_finish(&called);
    const bool good = outcome->code == CORDON_OUTCOME_SUCCESS;
    const struct slice text = good ? outcome->value : outcome->message;
    (void)snprintf(out, RELAY_ANSWER_BYTES, "%.*s", SLICE_FMT(text));
    relay_assert_replays(harness, &called, args);
    called_end(&called);
    return out;
}
