/*
 * The keeper of the audit log; see auditor.h.
 *
 * A checkpoint is made in three steps: sign, commit, replace the secret. Who is killed between the
 * last two finds the old secret and, in the log, what it has signed already; so the log is read at
 * the start, from the last record that a checkpoint is known to cover, and the secret is brought
 * past what is found there. No secret signs twice.
 *
 * Notes and denials wait in memory until their records are durable: what could not be written is
 * tried again at the next turn.
 */
#include "run/auditor.h"

#include "audit/checkpoint.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "base/random.h"
#include "run/audit_rows.h"
#include "run/secret_file.h"
#include "value/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NOTES_BYTES_MAX = 1 << 20,
    DENIED_MAX = 64, /* functions that are counted apart; others together */
    DENIED_TEXT_BYTES = 256,
    DENIED_INTERVAL_MS = 60000,
    SCAN_BYTES = 1 << 20,
};

struct note {
    struct note *next;
    size_t size;
    uint8_t body[];
};

/* Denials of one function since the last record of them. */
struct denied {
    char path[DENIED_TEXT_BYTES];
    char words[DENIED_TEXT_BYTES];
    uint64_t count;
};

struct auditor {
    struct store *store;
    struct log *log;
    uint32_t tenant;
    uint64_t interval_ns;
    int checkpoint_file; /* -1: none */

    pthread_t thread;
    bool has_thread;
    struct event woken;
    pthread_mutex_t lock; /* over all up to the blank line */
    bool ends;
    struct note *first;
    struct note **last;
    size_t notes_bytes;
    uint64_t notes_lost;
    struct denied denied[DENIED_MAX];
    size_t denied_count;
    uint64_t denied_others;

    /* Of the thread alone. */
    struct secret_file file;
    bool is_ready;   /* the secret is that of the next checkpoint */
    bool is_torn;    /* the file of checkpoints ends inside of a line */
    bool has_failed; /* and that was logged */
};

/* -- What was signed before ------------------------------------------------------------------ */

/* Brings the secret past a checkpoint that it has signed: keys that were before have others. */
static cordon_error *pass(struct auditor *auditor, struct slice body)
{
    struct audit_checkpoint checkpoint = {0};
    bool is_whole = false;
    bool is_own = false;
    TRY(audit_checkpoint_read(body, &is_whole, &checkpoint));
    if (is_whole) {
        TRY(audit_secret_has_signed(&auditor->file.secret, &checkpoint, &is_own));
    }
    if (is_own) {
        audit_secret_advance(&auditor->file.secret);
        auditor->file.covered = checkpoint.covers;
        return secret_file_keep(&auditor->file);
    }
    return NULL;
}

static cordon_error *pass_lines(struct auditor *auditor, struct slice lines)
{
    struct slice line = {0};
    while (slice_take_line(&lines, &line)) {
        struct audit_record record;
        if (audit_record_read(line, &record)) {
            TRY(pass(auditor, record.body));
        }
    }
    return NULL;
}

static cordon_error *scan(struct auditor *auditor)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, SCAN_BYTES + 2 * AUDIT_BODY_BYTES_MAX);
    uint64_t from = 0;
    uint64_t next = auditor->file.covered + 1;
    do {
        from = next;
        buffer_clear(&lines);
        TRY(audit_rows_page(auditor->store, auditor->tenant, from, SCAN_BYTES, &lines, &next));
        TRY(pass_lines(auditor, buffer_slice(&lines)));
    } while (next > from);
    return NULL;
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

static cordon_error *write_line(struct buffer *out, bool is_torn, struct slice body)
{
    TRY(buffer_append(out, is_torn ? SLICE("\n") : SLICE("")));
    TRY(buffer_append(out, body));
    return buffer_append_byte(out, '\n');
}

/* What is no file, such as a terminal, has nothing to be synced. */
static bool sync_file(int fd)
{
    return fdatasync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

/*
 * Where somebody keeps them: best effort, as the log itself has them all. What a full disk has cut
 * off costs that line alone.
 */
static void tell_elsewhere(struct auditor *auditor, struct slice body)
{
    CORDON_CLEANUP_BUFFER struct buffer line;
    buffer_init(&line, 4096);
    if (auditor->checkpoint_file < 0) {
        return;
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        write_line(&line, auditor->is_torn, body);
    const ssize_t size = (ssize_t)line.size;
    const ssize_t written =
        error != NULL ? -1 : write(auditor->checkpoint_file, line.data, line.size);
    auditor->is_torn = written > 0 ? written < size : auditor->is_torn;
    if (written < size || !sync_file(auditor->checkpoint_file)) {
        const struct log_field fields[] = {LOG_FIELD_STRING(
            "message", slice_str("a checkpoint of the audit log could not be written to "
                                 "audit_checkpoint_file; look at its disk and its rights"))};
        log_write(auditor->log, LOG_ERROR, "audit_checkpoint_unsaved", fields, 1);
    }
}

static cordon_error *make_checkpoint(struct auditor *auditor)
{
    struct audit_last last = {0};
    TRY(get_ready(auditor));
    TRY(audit_rows_last(auditor->store, auditor->tenant, auditor->file.covered, &last));
    if (last.sequence == 0 || last.is_checkpoint) {
        return NULL; /* nothing is new */
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
    tell_elsewhere(auditor, buffer_slice(&body));
    return error;
}

/* -- Notes ----------------------------------------------------------------------------------- */

void auditor_note(struct auditor *auditor, struct slice body)
{
    if (auditor == NULL) {
        return;
    }
    struct note *note = mem_new(sizeof *note + body.size);
    if (note != NULL) {
        note->size = body.size;
        memcpy(note->body, body.data, body.size);
    }
    (void)pthread_mutex_lock(&auditor->lock);
    if (note == NULL || body.size > NOTES_BYTES_MAX - auditor->notes_bytes) {
        auditor->notes_lost++;
    } else {
        *auditor->last = note;
        auditor->last = &note->next;
        auditor->notes_bytes += note->size;
        note = NULL;
    }
    (void)pthread_mutex_unlock(&auditor->lock);
    mem_free(note);
    event_set(&auditor->woken);
}

static void copy_text(char out[DENIED_TEXT_BYTES], struct slice text)
{
    size_t size = text.size < DENIED_TEXT_BYTES ? text.size : DENIED_TEXT_BYTES - 1;
    while (size > 0 && size < text.size && (text.data[size] & 0xc0) == 0x80) {
        size--; /* not inside of a character */
    }
    if (size > 0) {
        memcpy(out, text.data, size);
    }
    out[size] = '\0';
}

void auditor_note_denied(struct auditor *auditor, struct slice path, struct slice words)
{
    if (auditor == NULL) {
        return;
    }
    char key[DENIED_TEXT_BYTES];
    copy_text(key, path);
    (void)pthread_mutex_lock(&auditor->lock);
    size_t at = 0;
    while (at < auditor->denied_count && strcmp(auditor->denied[at].path, key) != 0) {
        at++;
    }
    if (at == DENIED_MAX) {
        auditor->denied_others++;
    } else {
        struct denied *denied = &auditor->denied[at];
        if (at == auditor->denied_count) {
            auditor->denied_count++;
            memcpy(denied->path, key, sizeof key);
            denied->count = 0;
        }
        copy_text(denied->words, words);
        denied->count++;
    }
    (void)pthread_mutex_unlock(&auditor->lock);
}

static cordon_error *add_denied(const struct auditor *auditor, const struct denied *denied)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 65536);
    TRY(buffer_append(&body, SLICE("{\"kind\":\"capability_denied\",\"path\":")));
    TRY(json_write_string(&body, slice_str(denied->path)));
    TRY(buffer_append(&body, SLICE(",\"message\":")));
    TRY(json_write_string(&body, slice_str(denied->words)));
    TRY(buffer_printf(&body, ",\"count\":%llu}", (unsigned long long)denied->count));
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

/* Places of functions that were not denied anything since their records. */
static void forget_written(struct auditor *auditor)
{
    size_t kept = 0;
    (void)pthread_mutex_lock(&auditor->lock);
    for (size_t i = 0; i < auditor->denied_count; i++) {
        if (auditor->denied[i].count > 0) {
            auditor->denied[kept++] = auditor->denied[i];
        }
    }
    auditor->denied_count = kept;
    (void)pthread_mutex_unlock(&auditor->lock);
}

/*
 * The denials since the last time, a record for each function. Those that come meanwhile are of the
 * next time, however fast they come.
 */
static cordon_error *write_denied(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const size_t count = auditor->denied_count;
    (void)pthread_mutex_unlock(&auditor->lock);
    cordon_error *error = NULL;
    for (size_t i = 0; i < count && error == NULL; i++) {
        (void)pthread_mutex_lock(&auditor->lock);
        const struct denied denied = auditor->denied[i];
        (void)pthread_mutex_unlock(&auditor->lock);
        error = add_denied(auditor, &denied);
        if (error == NULL) {
            subtract(auditor, &auditor->denied[i].count, denied.count);
        }
    }
    forget_written(auditor);
    TRY(error);
    return write_count(auditor, "capability_denied_elsewhere", &auditor->denied_others);
}

/* The note that has waited longest; NULL if none does. It stays in its place. */
static struct note *first_note(struct auditor *auditor, size_t *out_waiting)
{
    (void)pthread_mutex_lock(&auditor->lock);
    struct note *note = auditor->first;
    *out_waiting = auditor->notes_bytes;
    (void)pthread_mutex_unlock(&auditor->lock);
    return note;
}

static void drop_first_note(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    struct note *note = auditor->first;
    auditor->first = note->next;
    auditor->last = note->next == NULL ? &auditor->first : auditor->last;
    auditor->notes_bytes -= note->size;
    (void)pthread_mutex_unlock(&auditor->lock);
    mem_free(note);
}

/* Those that wait now; who notes without end does not keep checkpoints from being made. */
static cordon_error *write_notes(struct auditor *auditor)
{
    size_t waiting = 0;
    size_t unused = 0;
    TRY(write_count(auditor, "notes_lost", &auditor->notes_lost));
    struct note *note = first_note(auditor, &waiting);
    while (note != NULL && waiting > 0) {
        const size_t size = note->size;
        TRY(audit_rows_add(auditor->store, auditor->tenant, slice_of(note->body, size)));
        drop_first_note(auditor);
        waiting -= size;
        note = first_note(auditor, &unused);
    }
    return NULL;
}

/* -- The thread ------------------------------------------------------------------------------ */

/* Once, until something goes well again: a full disk would say it at every turn. */
static void look_at(struct auditor *auditor, cordon_error *error)
{
    if (error != NULL && !auditor->has_failed) {
        const struct log_field fields[] = {
            LOG_FIELD_STRING("message", slice_str(cordon_error_get_message(error)))};
        log_write(auditor->log, LOG_ERROR, "audit_unwritten", fields, 1);
        log_flush(auditor->log);
    }
    auditor->has_failed = error != NULL;
    cordon_error_free(error);
}

static bool is_ending(struct auditor *auditor)
{
    (void)pthread_mutex_lock(&auditor->lock);
    const bool ends = auditor->ends;
    (void)pthread_mutex_unlock(&auditor->lock);
    return ends;
}

static void *thread_main(void *arg)
{
    struct auditor *auditor = arg;
    sigset_t before;
    (void)pipe_signal_block(&before); /* it ends with the thread */
    uint64_t checkpoint_ns = clock_monotonic_ns() + auditor->interval_ns;
    uint64_t denied_ns = clock_deadline_ns(DENIED_INTERVAL_MS);
    bool ends = false;
    while (!ends) {
        event_wait(&auditor->woken, checkpoint_ns < denied_ns ? checkpoint_ns : denied_ns);
        ends = is_ending(auditor);
        look_at(auditor, write_notes(auditor));
        const uint64_t now_ns = clock_monotonic_ns();
        if (ends || now_ns >= denied_ns) {
            look_at(auditor, write_denied(auditor));
            denied_ns = clock_deadline_ns(DENIED_INTERVAL_MS);
        }
        if (ends || now_ns >= checkpoint_ns) {
            look_at(auditor, make_checkpoint(auditor));
            checkpoint_ns = clock_monotonic_ns() + auditor->interval_ns;
        }
    }
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

static void close_file(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* As far as one may read it. */
static bool ends_inside_a_line(const char *path)
{
    char last = '\n';
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    const bool is_torn = size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
    close_file(fd);
    return is_torn;
}

static cordon_error *open_checkpoint_file(struct auditor *auditor, const char *path)
{
    if (path == NULL) {
        return NULL;
    }
    auditor->is_torn = ends_inside_a_line(path);
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    auditor->checkpoint_file =
        open(path, flags, 0644); /* nor does a pipe that nobody reads block */
    return auditor->checkpoint_file >= 0
               ? NULL
               : cordon_error_new(
                     CORDON_E_SYSTEM,
                     "'%s' can't be opened for checkpoints of the audit log: %s; name another file "
                     "in `audit_checkpoint_file`",
                     path, strerrordesc_np(errno));
}

static cordon_error *start(struct auditor *auditor, const struct auditor_options *options)
{
    TRY(secret_file_open(options->folder, options->tenant, &auditor->file));
    TRY(open_checkpoint_file(auditor, options->checkpoint_file));
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

cordon_error *auditor_new(const struct auditor_options *options, struct auditor **out_auditor)
{
    struct auditor *auditor = MEM_NEW(struct auditor);
    if (auditor == NULL) {
        return error_no_memory();
    }
    const uint64_t interval_ms =
        options->interval_ms > 0 ? options->interval_ms : AUDITOR_INTERVAL_MS_DEFAULT;
    auditor->store = options->store;
    auditor->log = options->log;
    auditor->tenant = options->tenant;
    auditor->interval_ns = interval_ms * 1000000;
    auditor->file.folder = -1;
    auditor->checkpoint_file = -1;
    auditor->last = &auditor->first;
    event_init(&auditor->woken);
    (void)pthread_mutex_init(&auditor->lock, NULL);
    cordon_error *error = start(auditor, options);
    if (error != NULL) {
        auditor_free(auditor);
        return error;
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
    while (auditor->first != NULL) { /* the disk did not take them, or they came too late */
        drop_first_note(auditor);
    }
    secret_file_close(&auditor->file);
    close_file(auditor->checkpoint_file);
    event_done(&auditor->woken);
    (void)pthread_mutex_destroy(&auditor->lock);
    mem_free(auditor);
}
