/* Replays to cuts of fuel, and the stacks found there; see profile.h. */
#include "run/record/profile.h"

#include "base/clock.h"
#include "base/event.h"
#include "run/frames.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdlib.h>

/* Under this the shape of a run is a guess. */
#define CUTS_MIN 50

/* A stack deeper than the engine shows: whoever called the outermost that is seen is not known. */
#define CALLERS_LEFT_OUT SLICE(";[callers left out]")

/* Of all stacks together: far more than 100,000 deep ones with long names have in common lines. */
#define STACKS_BYTES_MAX ((size_t)1 << 30)

struct sample {
    struct slice stack; /* in the arena */
    uint64_t fuel;
};

struct profile {
    struct runner *runner;
    const struct recording *recording;
    struct arena arena;
    struct buffer line; /* the stack that is being written */
    struct sample *samples;
    size_t count;
};

static void profile_done(struct profile *profile)
{
    buffer_done(&profile->line);
    arena_done(&profile->arena);
}

static void run_freep(struct run **run)
{
    run_free(*run);
}

/* -- One replay ------------------------------------------------------------------------------ */

static void finish(struct run *run, struct event *woken)
{
    for (;;) {
        switch (run_poll(run, UINT64_MAX)) {
        case RUN_READY:
            break;
        case RUN_WAITING:
            event_wait(woken, run_wake_at_ns(run));
            break;
        case RUN_DONE:
            return;
        }
    }
}

/* To its end, or to where it has used `stop`; 0: to its end. */
static cordon_error *replay(const struct profile *profile, uint64_t stop, struct run **out_run)
{
    struct run_request request = recording_request(profile->recording);
    request.fuel_stop = stop;
    request.untraced = true;
    struct event woken;
    event_init(&woken);
    cordon_error *error =
        run_new(profile->runner, &request, (struct store_wake){event_set, &woken}, out_run);
    if (error == NULL) {
        finish(*out_run, &woken);
    }
    event_done(&woken);
    return error;
}

/* The whole run: that it is the recorded one, what it used, and how long it took. */
static cordon_error *measure(const struct profile *profile, uint64_t *out_fuel, uint64_t *out_ns)
{
    CORDON_CLEANUP(run_freep) struct run *run = NULL;
    const uint64_t began_ns = clock_monotonic_ns();
    TRY(replay(profile, 0, &run));
    char words[1024];
    bool differs = false;
    TRY(run_replay_differs(run, WORDS_WITH_VALUES, words, sizeof words, &differs));
    if (differs) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the replay is another run than the recorded one, so that a profile would not be of "
            "that one: %s",
            words);
    }
    *out_ns = clock_monotonic_ns() - began_ns;
    *out_fuel = run_outcome(run)->used[CORDON_LIMIT_FUEL];
    return NULL;
}

/* -- Stacks ---------------------------------------------------------------------------------- */

/* The names of a stack that was not seen just before are looked up; what fails leaves them. */
static void resolve(const struct profile *profile, struct run *run)
{
    const struct deployed_module *module = run->function->module;
    const struct recorded_module *recorded =
        recording_find_module(profile->recording, module->hash);
    if (run->outcome.frame_count == 0 || !module->has_debug || recorded == NULL) {
        return;
    }
    struct trace_cache *traces = &profile->runner->traces;
    const struct trace_key key = trace_key_of(&run->outcome, module->hash);
    if (!trace_cache_get(traces, &key, &run->outcome) &&
        frames_resolve(&run->outcome, recorded->wasm)) {
        trace_cache_put(traces, &key, &run->outcome);
    }
}

/* A name as one part of a line: what has a meaning there, or none for people, is replaced. */
static cordon_error *append_name(struct buffer *line, struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t byte = name.data[i];
        const bool is_control = byte < ' ' || byte == 0x7f;
        TRY(buffer_append_byte(line, byte == ';' ? ':' : is_control ? '?' : byte));
    }
    return NULL;
}

static cordon_error *write_stack(struct profile *profile, const struct outcome *outcome)
{
    struct buffer *line = &profile->line;
    buffer_clear(line);
    TRY(append_name(line, profile->recording->path));
    if (outcome->frame_count == OUTCOME_FRAMES_MAX) {
        TRY(buffer_append(line, CALLERS_LEFT_OUT));
    }
    for (size_t i = outcome->frame_count; i > 0; i--) {
        TRY(buffer_append_byte(line, ';'));
        TRY(append_name(line, outcome->frames[i - 1].function));
    }
    return NULL;
}

/* What the run does after `at`, which stands for `fuel`. */
static cordon_error *take_sample(struct profile *profile, uint64_t at, uint64_t fuel)
{
    CORDON_CLEANUP(run_freep) struct run *run = NULL;
    TRY(replay(profile, at, &run));
    if (run->outcome.code == CORDON_OUTCOME_OVERLOADED) {
        return cordon_error_new(
            CORDON_E_OVERLOADED, "%.*s; profile it again later", SLICE_FMT(run->outcome.message));
    }
    resolve(profile, run);
    TRY(write_stack(profile, &run->outcome));
    const struct slice stack = arena_copy(&profile->arena, buffer_slice(&profile->line));
    if (stack.data == NULL) {
        return arena_error(&profile->arena);
    }
    profile->samples[profile->count++] = (struct sample){.stack = stack, .fuel = fuel};
    return NULL;
}

/* -- All of it ------------------------------------------------------------------------------- */

/* As many as there is time for: a replay to a cut takes half of a whole one, on the average. */
static uint64_t choose_cuts(uint64_t wanted, uint64_t replay_ns, uint64_t fuel)
{
    uint64_t cuts = wanted;
    if (wanted == 0) {
        const uint64_t fit = PROFILE_NS_DEFAULT / (replay_ns / 2 + 1);
        cuts = fit < CUTS_MIN ? CUTS_MIN : fit > PROFILE_CUTS_DEFAULT ? PROFILE_CUTS_DEFAULT : fit;
    }
    return cuts < fuel ? cuts : fuel;
}

static cordon_error *take_samples(struct profile *profile, uint64_t fuel, uint64_t cuts)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {0};
    struct random_stream random;
    random_stream_init(&random, seed, 0);
    profile->samples = arena_alloc(&profile->arena, (size_t)cuts * sizeof *profile->samples);
    if (profile->samples == NULL && cuts > 0) {
        return arena_error(&profile->arena);
    }
    uint64_t from = 0;
    for (uint64_t i = 1; i <= cuts; i++) {
        /* Parts differ by one unit at the most, without a product that might not fit. */
        const uint64_t to = fuel / cuts * i + fuel % cuts * i / cuts;
        uint64_t draw = 0;
        random_stream_fill(&random, &draw, sizeof draw);
        const uint64_t at = from + draw % (to - from);
        TRY(take_sample(profile, at > 0 ? at : 1, to - from));
        from = to;
    }
    return NULL;
}

static int by_stack(const void *a, const void *b)
{
    const struct slice x = ((const struct sample *)a)->stack;
    const struct slice y = ((const struct sample *)b)->stack;
    const size_t common = x.size < y.size ? x.size : y.size;
    const int order = memcmp(x.data, y.data, common);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* A line for each stack, with the fuel of all its samples. */
static cordon_error *write_lines(struct profile *profile, struct buffer *out)
{
    if (profile->count == 0) {
        return NULL;
    }
    qsort(profile->samples, profile->count, sizeof *profile->samples, by_stack);
    uint64_t fuel = 0;
    for (size_t i = 0; i < profile->count; i++) {
        const struct sample *sample = &profile->samples[i];
        fuel += sample->fuel;
        if (i + 1 == profile->count || !slice_equal(sample->stack, sample[1].stack)) {
            TRY(buffer_append(out, sample->stack));
            TRY(buffer_printf(out, " %" PRIu64 "\n", fuel));
            fuel = 0;
        }
    }
    return NULL;
}

cordon_error *profile_write(
    struct runner *runner, const struct recording *recording, uint32_t cuts, struct buffer *out)
{
    if (cuts > PROFILE_CUTS_MAX) {
        return cordon_error_new(
            CORDON_E_INVALID, "a profile has at most %d cuts", PROFILE_CUTS_MAX);
    }
    TRY(recording_check_engine(recording, runner));
    CORDON_CLEANUP(profile_done) struct profile profile = {
        .runner = runner, .recording = recording};
    arena_init(&profile.arena, STACKS_BYTES_MAX);
    buffer_init(&profile.line, STACKS_BYTES_MAX);
    uint64_t fuel = 0;
    uint64_t replay_ns = 0;
    TRY(measure(&profile, &fuel, &replay_ns));
    TRY(take_samples(&profile, fuel, choose_cuts(cuts, replay_ns, fuel)));
    return write_lines(&profile, out);
}
