/*
 * The keeper of the audit log, see auditor.h: its thread, and what it says of its health. What it
 * does in a turn stands in auditor_notes.c and auditor_sign.c.
 */

#include "run/audit/auditor_internal.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe_signal.h"

#include <stdio.h>
#include <string.h>

enum {
    FOLD_INTERVAL_MS = 60000,
    HURRY_MS = 1000,   /* who is in a hurry makes no more checkpoints than one in so long */
    END_THREADS = 7,   /* that help with the last turn, */
    END_FOLLOWERS = 8, /* where there are so many logs */
};

/* -- The thread ------------------------------------------------------------------------------ */

/* Once, until the same goes well again: a full disk would say it at every turn. */
static void look_at(struct auditor *auditor, enum work work, cordon_error *error)
{
    if (error != NULL && !auditor->has_failed[work]) {
        const struct log_field fields[] = {
            LOG_FIELD_STRING("message", slice_str(cordon_error_get_message(error)))};
        log_write(auditor->log, LOG_ERROR, "audit_unwritten", fields, 1);
        log_flush(auditor->log);
    }
    auditor->has_failed[work] = error != NULL;
    cordon_error_free(error);
}

/* The log, or what is beside it, is not what it was: nothing but an operator mends that. */
static struct failure failure_of(const cordon_error *error)
{
    struct failure failure = {.is_there = error != NULL};
    if (error != NULL) {
        failure.is_hopeless = cordon_error_get_code(error) == CORDON_E_STORE;
        (void)snprintf(failure.words, sizeof failure.words, "%s", cordon_error_get_message(error));
    }
    return failure;
}

static uint64_t signs_asked(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const uint64_t asked = auditor->signs_asked;
    (void)pthread_mutex_unlock(&auditor->lock);
    return asked;
}

/* Makes a checkpoint, for all who have asked for one until now. */
static void sign_all(struct auditor *auditor, uint64_t asked)
{
    cordon_error *error = auditor_make_checkpoint(auditor);
    auditor->failure = failure_of(error);
    (void)pthread_mutex_lock(&auditor->lock);
    auditor->signs_done = asked;
    auditor->sign_failed = error != NULL;
    (void)pthread_cond_broadcast(&auditor->is_signed);
    (void)pthread_mutex_unlock(&auditor->lock);
    look_at(auditor, WORK_SIGNS, error);
}

void auditor_sign_soon(struct auditor *auditor)
{
    if (auditor != NULL) {
        atomic_store(&auditor->hurries, true);
        atomic_store(&auditor->lead->any_hurries, true);
        event_set(&auditor->lead->woken);
    }
}

cordon_error *auditor_sign(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const uint64_t mine = ++auditor->signs_asked;
    event_set(&auditor->lead->woken);
    while (auditor->signs_done < mine) {
        (void)pthread_cond_wait(&auditor->is_signed, &auditor->lock);
    }
    const bool failed = auditor->sign_failed;
    (void)pthread_mutex_unlock(&auditor->lock);
    return failed ? cordon_error_new(
                        CORDON_E_STORE, "the audit log could not be signed; look into the "
                                        "server's log, which tells why")
                  : NULL;
}

static bool is_ending(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const bool ends = auditor->ends;
    (void)pthread_mutex_unlock(&auditor->lock);
    return ends;
}

static uint64_t interval_of(uint32_t interval_ms)
{
    return (uint64_t)1000000 * (interval_ms > 0 ? interval_ms : AUDITOR_INTERVAL_MS_DEFAULT);
}

static uint64_t interval_now(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const uint64_t interval_ns = auditor->interval_ns;
    (void)pthread_mutex_unlock(&auditor->lock);
    return interval_ns;
}

static cordon_error *change_file(struct auditor *auditor, struct checkpoint_file file)
{
    struct checkpoint_sink *sink = atomic_load(&auditor->sink);
    if (sink == NULL && file.fd < 0) {
        return NULL;
    }
    if (sink == NULL) {
        const struct checkpoint_sink_options options = {.log = auditor->log, .is_to_change = true};
        TRY(checkpoint_sink_new(&options, &sink));
        atomic_store(&auditor->sink, sink);
    }
    checkpoint_sink_change(sink, file);
    return NULL;
}

cordon_error *auditor_change(
    struct auditor *auditor, struct checkpoint_file file, uint32_t interval_ms)
{
    TRY(change_file(auditor, file));
    (void)pthread_mutex_lock(&auditor->lock);
    auditor->interval_ns = interval_of(interval_ms);
    (void)pthread_mutex_unlock(&auditor->lock);
    event_set(&auditor->woken);
    return NULL;
}

/* What is due at a turn of all logs. */
struct due {
    bool folds;
    bool signs;
    bool hurries; /* those are signed that are in a hurry */
    bool ends;    /* there is no other turn */
};

/*
 * Of one log; whether notes still wait that nothing keeps from being written. What hurries may be
 * among those, or among what could not be written, or fail for a while, and is signed again in a
 * second: it is nobody's turn but its own.
 */
static bool take_turn(struct auditor *auditor, const struct due *due)
{
    const uint64_t asked = signs_asked(auditor);
    const bool is_asked = asked > auditor->signs_done;
    const bool hurries = (due->hurries || due->signs) && atomic_exchange(&auditor->hurries, false);
    cordon_error *error = auditor_write_notes(auditor, due->ends || is_asked);
    const bool has_more = error == NULL && note_queue_bytes(&auditor->notes) > 0;
    if (hurries && note_queue_bytes(&auditor->notes) > 0) {
        auditor_sign_soon(auditor);
    }
    look_at(auditor, WORK_NOTES, error);
    if (due->folds) {
        look_at(auditor, WORK_FOLDS, auditor_write_folded(auditor));
    }
    if (due->signs || is_asked || hurries) {
        sign_all(auditor, asked);
        if (hurries && auditor->failure.is_there && !auditor->failure.is_hopeless) {
            auditor_sign_soon(auditor);
        }
    }
    return has_more;
}

/* One turn of those that follow, by several threads: each takes the next that nobody has. */
struct round {
    const struct due *due;
    _Atomic(struct auditor *) next;
    atomic_bool has_more;
};

static void *round_main(void *arg)
{
    struct round *round = arg;
    struct auditor *at = atomic_load(&round->next);
    while (at != NULL) {
        if (atomic_compare_exchange_weak(&round->next, &at, at->next)) {
            if (take_turn(at, round->due)) {
                atomic_store(&round->has_more, true);
            }
            at = atomic_load(&round->next);
        }
    }
    return NULL;
}

static bool has_many(struct auditor *first)
{
    size_t count = 0;
    for (struct auditor *at = first; at != NULL && count < END_FOLLOWERS; at = at->next) {
        count++;
    }
    return count == END_FOLLOWERS;
}

/*
 * The last turn is waited for, and most of it is waiting for the disk, which several may do at one
 * time. Where threads can't be had, this one does it alone.
 */
static bool take_turns_of_followers(struct auditor *lead, const struct due *due)
{
    struct auditor *first = atomic_load(&lead->followers);
    struct round round = {.due = due};
    pthread_t threads[END_THREADS];
    size_t count = 0;
    atomic_store(&round.next, first);
    while (due->ends && has_many(first) && count < END_THREADS &&
           pthread_create(&threads[count], NULL, round_main, &round) == 0) {
        count++;
    }
    (void)round_main(&round);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return atomic_load(&round.has_more);
}

/* -- Health ---------------------------------------------------------------------------------- */

/* The worst of all logs, by what their last tries came to. */
static const struct auditor *worst_of(const struct auditor *lead)
{
    const struct auditor *worst = lead->failure.is_there ? lead : NULL;
    for (const struct auditor *at = atomic_load(&lead->followers); at != NULL; at = at->next) {
        if (at->failure.is_there &&
            (worst == NULL || (at->failure.is_hopeless && !worst->failure.is_hopeless))) {
            worst = at;
        }
    }
    return worst;
}

/* After a turn that began at `began_ns`. */
static void tell_health(struct auditor *lead, const struct due *due, uint64_t began_ns)
{
    const struct auditor *worst = worst_of(lead);
    struct auditor_health health = {.tenant = 0};
    if (worst != NULL) {
        health.is_hopeless = worst->failure.is_hopeless;
        health.tenant = worst->tenant;
        memcpy(health.words, worst->failure.words, sizeof health.words);
    }
    (void)pthread_mutex_lock(&lead->lock);
    lead->health = health;
    if (due->signs) {
        lead->turn_interval_ns = lead->interval_ns;
    }
    if (due->signs && worst == NULL) {
        lead->all_signed_ns = began_ns;
    }
    (void)pthread_mutex_unlock(&lead->lock);
}

void auditor_look(struct auditor *auditor, struct auditor_health *out_health)
{
    if (auditor == NULL) {
        *out_health = (struct auditor_health){.age_ns = 0};
        return;
    }
    struct auditor *lead = auditor->lead;
    (void)pthread_mutex_lock(&lead->lock);
    *out_health = lead->health;
    const uint64_t since_ns = lead->all_signed_ns;
    out_health->interval_ns =
        lead->interval_ns > lead->turn_interval_ns ? lead->interval_ns : lead->turn_interval_ns;
    (void)pthread_mutex_unlock(&lead->lock);
    const uint64_t now_ns = clock_monotonic_ns();
    out_health->age_ns = now_ns > since_ns ? now_ns - since_ns : 0;
}

static void take_turns(struct auditor *lead, const struct due *due)
{
    const uint64_t began_ns = clock_monotonic_ns();
    bool has_more = take_turn(lead, due);
    has_more = take_turns_of_followers(lead, due) || has_more;
    tell_health(lead, due, began_ns);
    if (has_more) {
        event_set(&lead->woken);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void *thread_main(void *arg)
{
    struct auditor *lead = arg;
    sigset_t before;
    (void)pipe_signal_block(&before); /* it ends with the thread */
    uint64_t signed_ns = clock_monotonic_ns();
    uint64_t folded_ns = clock_deadline_ns(FOLD_INTERVAL_MS);
    uint64_t hurry_ns = 0; /* not earlier */
    bool ends = false;
    while (!ends) {
        const uint64_t checkpoint_ns = signed_ns + interval_now(lead);
        const uint64_t until_ns = earlier(checkpoint_ns, folded_ns);
        const bool waits = atomic_load(&lead->any_hurries);
        event_wait(&lead->woken, waits ? earlier(until_ns, hurry_ns) : until_ns);
        ends = is_ending(lead);
        const uint64_t now_ns = clock_monotonic_ns();
        const struct due due = {
            .folds = ends || now_ns >= folded_ns,
            .signs = ends || now_ns >= checkpoint_ns,
            .hurries = now_ns >= hurry_ns && atomic_exchange(&lead->any_hurries, false),
            .ends = ends,
        };
        take_turns(lead, &due);
        hurry_ns = due.hurries ? clock_deadline_ns(HURRY_MS) : hurry_ns;
        folded_ns = due.folds ? clock_deadline_ns(FOLD_INTERVAL_MS) : folded_ns;
        signed_ns = due.signs ? clock_monotonic_ns() : signed_ns;
    }
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

static cordon_error *start(struct auditor *auditor, const struct auditor_options *options)
{
    TRY(secret_file_open(options->folder, options->tenant, &auditor->file));
    secret_file_erase_drafts(options->folder); /* also of tenants that nobody comes to call */
    const struct checkpoint_sink_options sink = {
        .file = options->checkpoint_file,
        .syslog_socket = options->checkpoint_syslog,
        .log = options->log,
    };
    struct checkpoint_sink *made = NULL;
    TRY(checkpoint_sink_new(&sink, &made));
    atomic_store(&auditor->sink, made);
    const int failed = pthread_create(&auditor->thread, NULL, thread_main, auditor);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the thread of the audit log could not be started: %s; let this user "
            "have more threads",
            strerrordesc_np(failed));
    }
    auditor->has_thread = true;
    return NULL;
}

/* NULL: there is no memory for it. */
static struct auditor *make(struct store *store, struct log *log, uint32_t tenant)
{
    struct auditor *auditor = MEM_NEW(struct auditor);
    if (auditor == NULL) {
        return NULL;
    }
    auditor->store = store;
    auditor->log = log;
    auditor->tenant = tenant;
    auditor->lead = auditor;
    auditor->file.folder = -1;
    note_queue_init(&auditor->notes);
    event_init(&auditor->woken);
    (void)pthread_mutex_init(&auditor->lock, NULL);
    (void)pthread_cond_init(&auditor->is_signed, NULL);
    return auditor;
}

cordon_error *auditor_new(const struct auditor_options *options, struct auditor **out_auditor)
{
    struct auditor *auditor = make(options->store, options->log, options->tenant);
    if (auditor == NULL) {
        return error_no_memory();
    }
    auditor->interval_ns = interval_of(options->interval_ms);
    auditor->turn_interval_ns = auditor->interval_ns;
    auditor->all_signed_ns = clock_monotonic_ns();
    auditor->folder = mem_copy_string(slice_str(options->folder));
    cordon_error *error = auditor->folder == NULL ? error_no_memory() : start(auditor, options);
    if (error != NULL) {
        auditor_free(auditor);
        return error;
    }
    *out_auditor = auditor;
    return NULL;
}

cordon_error *auditor_follow(struct auditor *lead, uint32_t tenant, struct auditor **out_auditor)
{
    CORDON_ASSERT(lead->lead == lead);
    struct auditor *auditor = make(lead->store, lead->log, tenant);
    if (auditor == NULL) {
        return error_no_memory();
    }
    auditor->lead = lead;
    auditor->next = atomic_load(&lead->followers);
    while (!atomic_compare_exchange_weak(&lead->followers, &auditor->next, auditor)) {
    }
    *out_auditor = auditor;
    return NULL;
}

bool auditor_is_needed(const struct auditor *lead, uint32_t tenant, uint64_t last)
{
    return secret_file_may_have_signed(lead->folder, tenant, last);
}

void auditor_free(struct auditor *auditor)
{
    if (auditor == NULL) {
        return;
    }
    if (auditor->has_thread) {
        (void)pthread_mutex_lock(&auditor->lock);
        auditor->ends = true;
        (void)pthread_mutex_unlock(&auditor->lock);
        event_set(&auditor->woken);
        (void)pthread_join(auditor->thread, NULL);
    }
    struct auditor *follower = atomic_load(&auditor->followers);
    while (follower != NULL) {
        struct auditor *gone = follower;
        follower = gone->next;
        auditor_free(gone);
    }
    note_queue_done(&auditor->notes); /* what the disk did not take, or came too late */
    secret_file_close(&auditor->file);
    mem_free(auditor->folded);
    mem_free(auditor->folder);
    checkpoint_sink_free(atomic_load(&auditor->sink), CHECKPOINT_SINK_END_MS);
    event_done(&auditor->woken);
    (void)pthread_cond_destroy(&auditor->is_signed);
    (void)pthread_mutex_destroy(&auditor->lock);
    mem_free(auditor);
}
