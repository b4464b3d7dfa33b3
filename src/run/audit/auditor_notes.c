/*
 * What the audit log is told outside of commits. Notes and what is folded wait in memory until
 * their records are durable: what could not be written is tried again at the next turn.
 */
#include "run/audit/auditor_internal.h"

#include "base/memory.h"
#include "value/json.h"

#include <stdio.h>

enum {
    NOTES_BYTES_MAX = 1 << 20,
    NOTES_REQUESTS_BYTES_MAX = 3 << 18, /* of requests; the rest is for what the server says */
    FOLDED_MAX = 64,                    /* that are counted apart */
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

/* The place of a thing; NULL: it has none. With the lock. */
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

cordon_error *auditor_write_folded(struct auditor *auditor)
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

cordon_error *auditor_write_notes(struct auditor *auditor, bool all)
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
