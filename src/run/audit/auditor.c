/*
 * The keeper of the audit log; see auditor.h.
 *
 * A checkpoint is made in three steps: sign, commit, replace the secret. Who is killed between the
 * last two finds the old secret and, in the log, what it has signed already; so the log is read at
 * the start, from the last record that a checkpoint is known to cover, and the secret is brought
 * past what is found there. No secret signs twice.
 *
 * Notes and what is folded wait in memory until their records are durable: what could not be
 * written is tried again at the next turn.
 */
#include "run/audit/auditor.h"

#include "audit/checkpoint.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "base/random.h"
#include "run/audit/audit_rows.h"
#include "run/audit/checkpoint_sink.h"
#include "run/audit/note_queue.h"
#include "run/audit/secret_file.h"
#include "value/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NOTES_BYTES_MAX = 1 << 20,
    NOTES_REQUESTS_BYTES_MAX = 3 << 18, /* of requests; the rest is for what the server says */
    FOLDED_MAX = 64,                    /* that are counted apart */
    FOLDED_TEXT_BYTES = 256,
    FOLD_INTERVAL_MS = 60000,
    SCAN_BYTES = 1 << 20,
    HURRY_MS = 1000,   /* who is in a hurry makes no more checkpoints than one in so long */
    END_THREADS = 7,   /* that help with the last turn, */
    END_FOLLOWERS = 8, /* where there are so many logs */
};

/* What may fail each on its own, and is told each on its own. */
enum work { WORK_NOTES, WORK_FOLDS, WORK_SIGNS, WORKS };

/* What is folded: of each, what there was more than once in an interval is one record. */
enum fold { FOLD_DENIED, FOLD_READ };

/* What happened with one thing since the last record of it. */
struct folded {
    enum fold fold;
    enum auditor_read read; /* of FOLD_READ */
    char text[FOLDED_TEXT_BYTES];
    char words[FOLDED_TEXT_BYTES];
    struct audit_actor actor;
    uint64_t count;
};

/* Why it could not be signed. */
struct failure {
    bool is_there;
    bool is_hopeless;
    char words[AUDITOR_WORDS_BYTES];
};

static const struct {
    const char *kind;
    const char *member; /* what its text is called; NULL: it has none */
} reads[] = {
    [AUDITOR_READS_DOCUMENTS] = {"documents_read", "table"},
    [AUDITOR_READS_RECORD] = {"record_read", "record"},
    [AUDITOR_READS_LOGS] = {"logs_read", NULL},
    [AUDITOR_READS_ENV] = {"env_read", NULL},
    [AUDITOR_READS_TABLES] = {"tables_read", NULL},
    [AUDITOR_READS_AUDIT] = {"audit_read", "tenant"},
};

struct auditor {
    struct store *store;
    struct log *log;
    uint32_t tenant;
    struct auditor *lead;                /* who has the thread: itself, or whom it follows */
    _Atomic(struct auditor *) followers; /* of a lead; by their `next` */
    struct auditor *next;
    char *folder;                           /* of secrets; the lead's own */
    _Atomic(struct checkpoint_sink *) sink; /* NULL: checkpoints go nowhere else */

    pthread_t thread;
    bool has_thread;
    struct event woken;
    struct note_queue notes;
    pthread_mutex_t lock; /* over all up to the blank line */
    bool ends;
    uint64_t signs_asked; /* checkpoints that somebody waits for, and those of them that are made */
    uint64_t signs_done;
    bool sign_failed;
    pthread_cond_t is_signed;
    uint64_t notes_lost;
    struct folded *folded; /* FOLDED_MAX of them, once there is one */
    size_t folded_count;
    uint64_t denied_others; /* of functions for which there was no room */
    uint64_t interval_ns;
    struct auditor_health health; /* of a lead: of all logs that it has; `age_ns` is made of */
    uint64_t all_signed_ns;       /* then all of them were signed, */
    uint64_t turn_interval_ns;    /* in this interval */

    atomic_bool hurries; /* what it has, or of a lead one of them, is to be signed at once */
    atomic_bool any_hurries;

    /* Of the thread alone. */
    struct secret_file file;
    bool is_ready;          /* the secret is that of the next checkpoint */
    bool has_failed[WORKS]; /* and that was logged */
    struct failure failure; /* of the last try to sign */
};

/* -- What was signed before ------------------------------------------------------------------ */

/*
 * Brings the secret past a checkpoint that it has signed: keys that were before have others.
 * `*met` is set by the one that the secret was made for.
 */
static cordon_error *pass(struct auditor *auditor, struct slice body, bool *met)
{
    struct audit_checkpoint checkpoint = {0};
    bool is_whole = false;
    bool is_own = false;
    bool is_next = false;
    TRY(audit_checkpoint_read(body, &is_whole, &checkpoint));
    if (is_whole) {
        TRY(audit_secret_has_signed(&auditor->file.secret, &checkpoint, &is_own));
        TRY(audit_secret_is_next(&auditor->file.secret, &checkpoint, &is_next));
    }
    *met = *met || (is_next && checkpoint.covers == auditor->file.covered);
    if (is_own) {
        audit_secret_advance(&auditor->file.secret);
        auditor->file.covered = checkpoint.covers;
        return secret_file_keep(&auditor->file);
    }
    return NULL;
}

/* A row that can't be read might be a checkpoint, and no secret is to sign twice. */
static cordon_error *pass_lines(struct auditor *auditor, struct slice lines, bool *met)
{
    struct slice line = {0};
    while (slice_take_line(&lines, &line)) {
        struct audit_record record;
        if (!audit_record_read(line, &record)) {
            return cordon_error_new(
                CORDON_E_STORE, "a row of the audit log is damaged; `cordon audit verify` tells "
                                "which: restore the data folder from a backup");
        }
        TRY(pass(auditor, record.body, met));
    }
    return NULL;
}

static cordon_error *scan(struct auditor *auditor)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, SCAN_BYTES + 2 * AUDIT_BODY_BYTES_MAX);
    const uint64_t covered = auditor->file.covered;
    uint64_t from = 0;
    uint64_t next = covered + 1;
    bool met = covered == 0;
    do {
        from = next;
        buffer_clear(&lines);
        TRY(audit_rows_page(auditor->store, auditor->tenant, from, SCAN_BYTES, &lines, &next));
        TRY(pass_lines(auditor, buffer_slice(&lines), &met));
    } while (next > from);
    return met ? NULL : audit_rows_cut(covered);
}

/* Not at the start, which it would hold up: what it does takes syncs, and reads. */
static cordon_error *get_ready(struct auditor *auditor)
{
    if (auditor->is_ready) {
        return NULL;
    }
    if (auditor->file.is_new) {
        random_system(auditor->file.secret.bytes, sizeof auditor->file.secret.bytes);
        auditor->file.is_new = false;
    }
    if (!auditor->file.is_kept) {
        TRY(secret_file_keep(&auditor->file));
    }
    TRY(scan(auditor));
    auditor->is_ready = true;
    return NULL;
}

/* -- Checkpoints ----------------------------------------------------------------------------- */

/* Whose log has an end that no checkpoint covers; only if the auditor is ready. */
static cordon_error *find_news(
    struct auditor *auditor, struct audit_last *out_last, bool *out_is_new)
{
    TRY(audit_rows_last(auditor->store, auditor->tenant, auditor->file.covered, out_last));
    *out_is_new = out_last->sequence > 0 && !out_last->is_checkpoint;
    return NULL;
}

static cordon_error *sign_news(struct auditor *auditor)
{
    struct audit_last last = {0};
    bool is_new = false;
    TRY(get_ready(auditor));
    TRY(find_news(auditor, &last, &is_new));
    if (!is_new) {
        return NULL;
    }
    struct audit_checkpoint checkpoint = {.tenant = auditor->tenant, .covers = last.sequence};
    memcpy(checkpoint.hash, last.hash, sizeof checkpoint.hash);
    store_cluster_id(auditor->store, checkpoint.cluster);
    TRY(audit_checkpoint_sign(&auditor->file.secret, &checkpoint));
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 4096);
    TRY(audit_checkpoint_write(&body, &checkpoint));
    auditor->is_ready = false; /* until the secret is the next one, whatever happens here */
    TRY(audit_rows_add(auditor->store, auditor->tenant, buffer_slice(&body)));
    audit_secret_advance(&auditor->file.secret);
    auditor->file.covered = checkpoint.covers;
    cordon_error *error = secret_file_keep(&auditor->file);
    auditor->is_ready = error == NULL;
    checkpoint_sink_tell(atomic_load(&auditor->lead->sink), buffer_slice(&body));
    return error;
}

/*
 * A follower has its secret in memory, and its folder open, only while it signs: there may be as
 * many as tenants.
 */
static cordon_error *follow(struct auditor *auditor)
{
    struct audit_last last = {0};
    bool is_new = true;
    if (auditor->is_ready) { /* so the file has the secret, and what it covers is known */
        TRY(find_news(auditor, &last, &is_new));
    }
    if (!is_new) {
        return NULL;
    }
    cordon_error *error = secret_file_open(auditor->lead->folder, auditor->tenant, &auditor->file);
    if (error == NULL) {
        error = sign_news(auditor);
    }
    const uint64_t covered = auditor->file.covered;
    secret_file_close(&auditor->file);
    auditor->file.covered = covered;
    return error;
}

static cordon_error *make_checkpoint(struct auditor *auditor)
{
    return auditor->lead == auditor ? sign_news(auditor) : follow(auditor);
}

/* -- Notes ----------------------------------------------------------------------------------- */

static bool keep_row(struct auditor *auditor, const struct audit_row *row, size_t bytes_max)
{
    const bool is_kept = note_queue_add(&auditor->notes, row, bytes_max);
    event_set(&auditor->lead->woken);
    return is_kept;
}

static bool keep_note(struct auditor *auditor, struct slice body, size_t bytes_max)
{
    const struct audit_row row = {.body = body};
    return keep_row(auditor, &row, bytes_max);
}

static void lose_note(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    auditor->notes_lost++;
    (void)pthread_mutex_unlock(&auditor->lock);
}

void auditor_note(struct auditor *auditor, struct slice body)
{
    if (auditor != NULL && !keep_note(auditor, body, NOTES_BYTES_MAX)) {
        lose_note(auditor);
    }
    auditor_sign_soon(auditor);
}

void auditor_note_settings(struct auditor *auditor, struct slice body)
{
    const struct audit_row row = {.body = body, .is_of_settings = true};
    if (auditor != NULL && !keep_row(auditor, &row, NOTES_BYTES_MAX)) {
        lose_note(auditor);
    }
    auditor_sign_soon(auditor);
}

void auditor_note_done(struct auditor *auditor, struct slice body)
{
    if (auditor != NULL && !keep_note(auditor, body, NOTES_REQUESTS_BYTES_MAX)) {
        lose_note(auditor);
    }
}

bool auditor_note_request(struct auditor *auditor, struct slice body)
{
    return auditor == NULL || keep_note(auditor, body, NOTES_REQUESTS_BYTES_MAX);
}

static void copy_text(char out[FOLDED_TEXT_BYTES], struct slice text)
{
    size_t size = text.size < FOLDED_TEXT_BYTES ? text.size : FOLDED_TEXT_BYTES - 1;
    while (size > 0 && size < text.size && (text.data[size] & 0xc0) == 0x80) {
        size--; /* not inside of a character */
    }
    if (size > 0) {
        memcpy(out, text.data, size);
    }
    out[size] = '\0';
}

/* The place of a thing, made if there is room; NULL if not. With the lock. */
static struct folded *find_folded(struct auditor *auditor, const struct folded *wanted)
{
    for (size_t i = 0; i < auditor->folded_count; i++) {
        struct folded *folded = &auditor->folded[i];
        if (folded->fold == wanted->fold && folded->read == wanted->read &&
            strcmp(folded->text, wanted->text) == 0 &&
            strcmp(folded->actor.by, wanted->actor.by) == 0 &&
            strcmp(folded->actor.key, wanted->actor.key) == 0) {
            return folded;
        }
    }
    return NULL;
}

static struct folded *add_folded(struct auditor *auditor, const struct folded *wanted)
{
    if (auditor->folded == NULL) {
        auditor->folded = mem_new_array(FOLDED_MAX, sizeof *auditor->folded);
    }
    if (auditor->folded == NULL || auditor->folded_count == FOLDED_MAX) {
        return NULL;
    }
    struct folded *folded = &auditor->folded[auditor->folded_count++];
    *folded = *wanted;
    return folded;
}

void auditor_note_denied(struct auditor *auditor, struct slice path, struct slice words)
{
    if (auditor == NULL) {
        return;
    }
    struct folded wanted = {.fold = FOLD_DENIED};
    copy_text(wanted.text, path);
    (void)pthread_mutex_lock(&auditor->lock);
    struct folded *folded = find_folded(auditor, &wanted);
    if (folded == NULL) {
        folded = add_folded(auditor, &wanted);
    }
    if (folded == NULL) {
        auditor->denied_others++;
    } else {
        copy_text(folded->words, words);
        folded->count++;
    }
    (void)pthread_mutex_unlock(&auditor->lock);
}

/* `{"kind":…,"path":…,"message":…,"count":n,"by":…}`; a count of 0 is none. */
static cordon_error *write_folded(struct buffer *body, const struct folded *folded)
{
    const bool is_read = folded->fold == FOLD_READ;
    const char *const kind = is_read ? reads[folded->read].kind : "capability_denied";
    const char *const member = is_read ? reads[folded->read].member : "path";
    TRY(buffer_printf(body, "{\"kind\":\"%s\"", kind));
    if (member != NULL) {
        TRY(json_write_key(body, slice_str(member)));
        TRY(json_write_string(body, slice_str(folded->text)));
    }
    if (!is_read) {
        TRY(json_write_key(body, SLICE("message")));
        TRY(json_write_string(body, slice_str(folded->words)));
    }
    if (folded->count > 0) {
        TRY(json_write_key(body, SLICE("count")));
        TRY(json_write_u64(body, folded->count));
    }
    return audit_actor_end(body, &folded->actor);
}

/* Written as soon as what a commit does not carry is; false: there is no room. */
static bool note_folded(struct auditor *auditor, const struct folded *folded)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 65536);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = write_folded(&body, folded);
    return error == NULL && auditor_note_request(auditor, buffer_slice(&body));
}

/* Whether it is counted: somebody has read the same lately. */
static bool count_folded(struct auditor *auditor, const struct folded *wanted)
{
    (void)pthread_mutex_lock(&auditor->lock);
    struct folded *folded = find_folded(auditor, wanted);
    if (folded != NULL) {
        folded->count++;
    }
    (void)pthread_mutex_unlock(&auditor->lock);
    return folded != NULL;
}

/* Keeps a place, if there is room, for the same again, which will come with other requests. */
static void expect_more(struct auditor *auditor, const struct folded *first)
{
    (void)pthread_mutex_lock(&auditor->lock);
    struct folded *folded = find_folded(auditor, first) == NULL ? add_folded(auditor, first) : NULL;
    if (folded != NULL) { /* without room each is written */
        folded->actor.request_id[0] = '\0';
    }
    (void)pthread_mutex_unlock(&auditor->lock);
}

bool auditor_note_read(
    struct auditor *auditor,
    enum auditor_read what,
    struct slice text,
    const struct audit_actor *actor)
{
    if (auditor == NULL) {
        return true;
    }
    struct folded wanted = {.fold = FOLD_READ, .read = what};
    copy_text(wanted.text, text);
    if (actor != NULL) {
        wanted.actor = *actor;
    }
    if (count_folded(auditor, &wanted)) {
        return true;
    }
    const bool is_kept = note_folded(auditor, &wanted);
    if (is_kept) {
        expect_more(auditor, &wanted);
    }
    return is_kept;
}

static cordon_error *add_record(const struct auditor *auditor, const struct folded *folded)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 65536);
    TRY(write_folded(&body, folded));
    return audit_rows_add(auditor->store, auditor->tenant, buffer_slice(&body));
}

static cordon_error *add_count(const struct auditor *auditor, const char *kind, uint64_t count)
{
    char text[128];
    (void)snprintf(
        text, sizeof text, "{\"kind\":\"%s\",\"count\":%llu}", kind, (unsigned long long)count);
    return count == 0 ? NULL : audit_rows_add(auditor->store, auditor->tenant, slice_str(text));
}

/* So many of those that wait were written, and wait no more. */
static void subtract(struct auditor *auditor, uint64_t *count, uint64_t written)
{
    (void)pthread_mutex_lock(&auditor->lock);
    *count -= written;
    (void)pthread_mutex_unlock(&auditor->lock);
}

/* Writes how many are counted there, and counts them no more. */
static cordon_error *write_count(struct auditor *auditor, const char *kind, uint64_t *count)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const uint64_t counted = *count;
    (void)pthread_mutex_unlock(&auditor->lock);
    TRY(add_count(auditor, kind, counted));
    subtract(auditor, count, counted);
    return NULL;
}

/* Places of what has not happened again since its record. */
static void forget_written(struct auditor *auditor)
{
    size_t kept = 0;
    (void)pthread_mutex_lock(&auditor->lock);
    for (size_t i = 0; i < auditor->folded_count; i++) {
        if (auditor->folded[i].count > 0) {
            auditor->folded[kept++] = auditor->folded[i];
        }
    }
    auditor->folded_count = kept;
    (void)pthread_mutex_unlock(&auditor->lock);
}

/*
 * What has happened more than once, or was denied, since the last time: a record for each thing.
 * What comes meanwhile is of the next time, however fast it comes.
 */
static cordon_error *write_all_folded(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const size_t count = auditor->folded_count;
    (void)pthread_mutex_unlock(&auditor->lock);
    cordon_error *error = NULL;
    for (size_t i = 0; i < count && error == NULL; i++) {
        (void)pthread_mutex_lock(&auditor->lock);
        const struct folded folded = auditor->folded[i];
        (void)pthread_mutex_unlock(&auditor->lock);
        error = folded.count == 0 ? NULL : add_record(auditor, &folded);
        if (error == NULL) {
            subtract(auditor, &auditor->folded[i].count, folded.count);
        }
    }
    forget_written(auditor);
    TRY(error);
    return write_count(auditor, "capability_denied_elsewhere", &auditor->denied_others);
}

/*
 * Some of those that wait, or all that wait now: who notes without end keeps neither checkpoints
 * from being made nor the notes of other tenants from being written.
 */
static cordon_error *write_notes(struct auditor *auditor, bool all)
{
    TRY(write_count(auditor, "notes_lost", &auditor->notes_lost));
    size_t waiting = note_queue_bytes(&auditor->notes);
    while (waiting > 0) {
        size_t written = 0;
        TRY(note_queue_write(&auditor->notes, auditor->store, auditor->tenant, &written));
        waiting -= all && written < waiting ? written : waiting;
    }
    return NULL;
}

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
    cordon_error *error = make_checkpoint(auditor);
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
 * among those, or fail for a while, and is signed again in a second: it is nobody's turn but its
 * own.
 */
static bool take_turn(struct auditor *auditor, const struct due *due)
{
    const uint64_t asked = signs_asked(auditor);
    const bool is_asked = asked > auditor->signs_done;
    const bool hurries = (due->hurries || due->signs) && atomic_exchange(&auditor->hurries, false);
    cordon_error *error = write_notes(auditor, due->ends || is_asked);
    const bool has_more = error == NULL && note_queue_bytes(&auditor->notes) > 0;
    if (hurries && has_more) {
        auditor_sign_soon(auditor);
    }
    look_at(auditor, WORK_NOTES, error);
    if (due->folds) {
        look_at(auditor, WORK_FOLDS, write_all_folded(auditor));
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
