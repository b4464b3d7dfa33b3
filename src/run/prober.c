/* The thread that tries what functions need; see prober.h. */
#include "run/prober.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "run/internal.h"
#include "run/pin_watch.h"
#include "run/probe.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS ((uint64_t)1000000)

const char *const prober_check_names[PROBER_CHECKS] = {"query", "mutation", "loops", "audit"};

/* What a probe has come to. */
struct finding {
    uint64_t ended_ns; /* 0: it never has */
    uint64_t took_ns;
    char words[sizeof((struct prober_verdict *)0)->words]; /* "": good */
};

struct prober {
    struct log *log;
    uint32_t loops;
    uint64_t interval_ns;
    uint64_t deadline_ns;
    struct probe_world world;
    _Atomic uint64_t *beats; /* of each loop, when it last went round */

    pthread_t thread;
    bool has_thread;
    atomic_bool begins;
    pthread_mutex_t lock; /* over the findings */
    struct finding findings[PROBER_LOOPS];

    /* Of the thread alone. */
    uint64_t written;              /* the number in the document, as far as it is known */
    bool has_written;              /* a write is known to be durable */
    bool were_good[PROBER_CHECKS]; /* as the log was told */
    struct pin_watch pins;
};

/* -- Tries ---------------------------------------------------------------------------------- */

static cordon_error *query(struct prober *prober)
{
    uint64_t number = 0;
    TRY(probe_try(&prober->world, PROBE_QUERY, 0, &number));
    if (prober->has_written && number < prober->written) {
        return cordon_error_new(
            CORDON_E_STORE, "a read did not see what was written before it; run `cordon verify`");
    }
    prober->written = number > prober->written ? number : prober->written;
    return NULL;
}

/* One that is not done in time may be all the same, later and unseen. */
static cordon_error *mutation(struct prober *prober)
{
    const uint64_t number = prober->written + 1;
    uint64_t answered = 0;
    TRY(probe_try(&prober->world, PROBE_MUTATION, number, &answered));
    if (answered != number) {
        return cordon_error_new(
            CORDON_E_STORE, "a write answered something else; run `cordon verify`");
    }
    prober->written = number;
    prober->has_written = true;
    return NULL;
}

/* -- Verdicts ------------------------------------------------------------------------------- */

static void probe(struct prober *prober, enum prober_check check)
{
    const uint64_t began_ns = clock_monotonic_ns();
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        check == PROBER_QUERY ? query(prober) : mutation(prober);
    struct finding finding = {.ended_ns = clock_monotonic_ns()};
    finding.took_ns = finding.ended_ns - began_ns;
    if (error != NULL) {
        (void)snprintf(finding.words, sizeof finding.words, "%s", cordon_error_get_message(error));
    }
    (void)pthread_mutex_lock(&prober->lock);
    prober->findings[check] = finding;
    (void)pthread_mutex_unlock(&prober->lock);
}

/* How long since then; a beat or a finding of just now may be later than `now_ns`. */
static uint64_t since(uint64_t now_ns, uint64_t then_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static void judge_finding(
    const struct prober *prober,
    const struct finding *finding,
    uint64_t now_ns,
    struct prober_verdict *out)
{
    /* The other probe comes before it, and may take as long. */
    const uint64_t age_max_ns = prober->interval_ns + 2 * prober->deadline_ns;
    *out = (struct prober_verdict){.age_ns = since(now_ns, finding->ended_ns),
                                   .took_ns = finding->took_ns};
    memcpy(out->words, finding->words, sizeof out->words);
    if (finding->ended_ns == 0) {
        (void)snprintf(out->words, sizeof out->words, "it was not tried yet");
        out->age_ns = 0;
    } else if (out->age_ns > age_max_ns) {
        (void)snprintf(
            out->words, sizeof out->words,
            "it was not tried again for %llu ms; restart this program if it stays so",
            (unsigned long long)(out->age_ns / NS_PER_MS));
    }
    out->is_good = out->words[0] == '\0';
}

static void judge_loops(const struct prober *prober, uint64_t now_ns, struct prober_verdict *out)
{
    *out = (struct prober_verdict){.is_good = true};
    for (uint32_t i = 0; i < prober->loops && out->is_good; i++) {
        const uint64_t age_ns = since(now_ns, atomic_load(&prober->beats[i]));
        out->is_good = age_ns <= prober->deadline_ns;
        if (!out->is_good) {
            (void)snprintf(
                out->words, sizeof out->words,
                "loop %u has stood still for %llu ms; restart this program if it stays so", i,
                (unsigned long long)(age_ns / NS_PER_MS));
        }
    }
}

/* As what is signed is looked at in turns, there is some time over three of them. */
static void judge_audit(const struct prober *prober, struct prober_verdict *out)
{
    const struct runner *runner = prober->world.runner;
    struct auditor_health health;
    auditor_look(runner == NULL ? NULL : runner_auditor(runner), &health);
    const uint64_t age_max_ns = 3 * health.interval_ns + prober->deadline_ns;
    *out = (struct prober_verdict){.age_ns = health.age_ns};
    out->is_good = !health.is_hopeless && health.age_ns <= age_max_ns;
    if (!out->is_good) {
        (void)snprintf(
            out->words, sizeof out->words, "unsigned for %llu s: %s",
            (unsigned long long)(health.age_ns / (1000 * NS_PER_MS)),
            health.tenant == 0 ? "signing does not end; is the disk stuck?" : health.words);
    }
}

bool prober_look(struct prober *prober, struct prober_verdict out_verdicts[PROBER_CHECKS])
{
    struct finding findings[PROBER_LOOPS];
    (void)pthread_mutex_lock(&prober->lock);
    memcpy(findings, prober->findings, sizeof findings);
    (void)pthread_mutex_unlock(&prober->lock);
    const uint64_t now_ns = clock_monotonic_ns();
    judge_finding(prober, &findings[PROBER_QUERY], now_ns, &out_verdicts[PROBER_QUERY]);
    judge_finding(prober, &findings[PROBER_MUTATION], now_ns, &out_verdicts[PROBER_MUTATION]);
    judge_loops(prober, now_ns, &out_verdicts[PROBER_LOOPS]);
    judge_audit(prober, &out_verdicts[PROBER_AUDIT]);
    bool is_good = true;
    for (size_t i = 0; i < PROBER_CHECKS; i++) {
        is_good = is_good && out_verdicts[i].is_good;
    }
    return is_good;
}

void prober_beat(struct prober *prober, uint32_t loop)
{
    atomic_store(&prober->beats[loop], clock_monotonic_ns());
}

void prober_begin(struct prober *prober)
{
    atomic_store(&prober->begins, true);
    event_set(&prober->world.changed);
}

/* -- The thread ----------------------------------------------------------------------------- */

/* What has become of a check is a line of the log, once. */
static void tell(struct prober *prober, enum prober_check check, const struct prober_verdict *now)
{
    if (now->is_good == prober->were_good[check]) {
        return;
    }
    prober->were_good[check] = now->is_good;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("check", slice_str(prober_check_names[check])),
        LOG_FIELD_STRING("message", slice_str(now->words))};
    log_write(
        prober->log, now->is_good ? LOG_INFO : LOG_ERROR, now->is_good ? "ready" : "unready",
        fields, now->is_good ? 1 : 2);
    log_flush(prober->log);
}

/* Beside: who else keeps the data file from using its pages. */
static void look_for_pins(struct prober *prober)
{
    struct runner *runner = prober->world.runner;
    const uint64_t age_s =
        pin_watch_look(&prober->pins, runner_store(runner), prober->log, clock_monotonic_ns());
    gauge_set(runner->metrics.pinned_s, (int64_t)age_s);
}

static void rest(struct prober *prober)
{
    const uint64_t until_ns = clock_monotonic_ns() + prober->interval_ns;
    while (clock_monotonic_ns() < until_ns && !atomic_load(&prober->world.ends)) {
        probe_world_wait(&prober->world, until_ns);
    }
}

static void *thread_main(void *arg)
{
    struct prober *prober = arg;
    struct prober_verdict verdicts[PROBER_CHECKS];
    sigset_t before;
    (void)pipe_signal_block(&before); /* for its lines in the log; it ends with the thread */
    while (!atomic_load(&prober->begins) && !atomic_load(&prober->world.ends)) {
        probe_world_wait(&prober->world, UINT64_MAX);
    }
    while (!atomic_load(&prober->world.ends)) {
        probe(prober, PROBER_QUERY);
        probe(prober, PROBER_MUTATION);
        (void)prober_look(prober, verdicts);
        for (size_t i = 0; i < PROBER_CHECKS; i++) {
            tell(prober, (enum prober_check)i, &verdicts[i]);
        }
        look_for_pins(prober);
        rest(prober);
    }
    return NULL;
}

/* -- Life ----------------------------------------------------------------------------------- */

static uint64_t or_default(uint32_t given_ms, uint32_t default_ms)
{
    return (given_ms > 0 ? given_ms : default_ms) * NS_PER_MS;
}

cordon_error *prober_new(const struct prober_options *options, struct prober **out_prober)
{
    struct prober *prober = MEM_NEW(struct prober);
    if (prober == NULL) {
        return error_no_memory();
    }
    prober->log = options->log;
    prober->loops = options->loops;
    prober->interval_ns = or_default(options->interval_ms, PROBER_INTERVAL_MS);
    prober->deadline_ns = or_default(options->deadline_ms, PROBER_DEADLINE_MS);
    prober->world = (struct probe_world){
        .runner = options->runner,
        .add_turn = options->add_turn,
        .add_arg = options->add_arg,
        .deadline_ns = prober->deadline_ns,
    };
    probe_world_init(&prober->world);
    (void)pthread_mutex_init(&prober->lock, NULL);
    for (size_t i = 0; i < PROBER_CHECKS; i++) {
        prober->were_good[i] = true; /* that a server begins is no line */
    }
    prober->beats = mem_new_array(options->loops > 0 ? options->loops : 1, sizeof *prober->beats);
    for (uint32_t i = 0; prober->beats != NULL && i < options->loops; i++) {
        prober_beat(prober, i); /* each has some time to begin */
    }
    const int failed =
        prober->beats == NULL ? ENOMEM : pthread_create(&prober->thread, NULL, thread_main, prober);
    prober->has_thread = failed == 0;
    if (failed != 0) {
        prober_free(prober);
        return cordon_error_new(
            CORDON_E_SYSTEM, "the thread that tries functions could not be started: %s%s",
            strerrordesc_np(failed), advice_on(failed));
    }
    *out_prober = prober;
    return NULL;
}

void prober_free(struct prober *prober)
{
    if (prober == NULL) {
        return;
    }
    atomic_store(&prober->world.ends, true);
    event_set(&prober->world.changed);
    if (prober->has_thread) {
        (void)pthread_join(prober->thread, NULL);
    }
    probe_world_done(&prober->world);
    (void)pthread_mutex_destroy(&prober->lock);
    mem_free(prober->beats);
    mem_free(prober);
}
