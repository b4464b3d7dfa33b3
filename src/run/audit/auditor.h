/*
 * Who keeps a server's audit log: a thread that signs checkpoints, and that writes what no
 * mutation's commit carries.
 *
 * Each interval in which there were new records, when somebody asks for it, and at the end, it
 * appends a checkpoint (audit/checkpoint.h), and tells it to a file elsewhere if one is named. The
 * secret of the next one is in `audit.d/TENANT.secret` of the data folder, mode 0600, replaced
 * after each: what it was before is overwritten and removed, as far as the file system lets us.
 */
#ifndef RUN_AUDITOR_H
#define RUN_AUDITOR_H

#include "audit/actor.h"
#include "observe/log.h"
#include "run/audit/checkpoint_sink.h"
#include "store/store.h"

struct auditor;

#define AUDITOR_INTERVAL_MS_DEFAULT 60000

/* Texts are borrowed during auditor_new(). */
struct auditor_options {
    struct store *store; /* borrowed, as the log; both outlive the auditor */
    struct log *log;     /* NULL: none */
    uint32_t tenant;
    const char *folder;            /* of secrets, made if it is not there */
    const char *checkpoint_file;   /* where checkpoints go too: see run/audit/checkpoint_sink.h */
    const char *checkpoint_syslog; /* the same */
    uint32_t interval_ms;          /* 0: AUDITOR_INTERVAL_MS_DEFAULT */
};

/*
 * Reads the secret or makes the first one, overwrites the drafts that a kill has left, of whatever
 * tenant, and starts the thread. Errors: CORDON_E_SYSTEM, CORDON_E_STORE for a secret that is
 * damaged.
 */
CORDON_MUST_USE cordon_error *auditor_new(
    const struct auditor_options *options, struct auditor **out_auditor);

/*
 * One that keeps the log of another tenant, in the turns, the interval and the folder of `lead`,
 * and with its places for checkpoints; it lives as long as `lead` does, which is none such itself.
 * Any thread. Errors: CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *auditor_follow(
    struct auditor *lead, uint32_t tenant, struct auditor **out_auditor);

/*
 * Whether the log of a tenant that nobody keeps now needs somebody who does, though its last
 * record, of that sequence, is a checkpoint: its secret may be one that has signed already, as a
 * server was killed before it was replaced. Any thread.
 */
bool auditor_is_needed(const struct auditor *lead, uint32_t tenant, uint64_t last);

/*
 * Has checkpoints told to another file from now on, which is the auditor's then, and the log signed
 * in another interval, 0: the default. One thread at a time, any. Errors: CORDON_E_NO_MEMORY
 * and CORDON_E_SYSTEM where there was no place to tell them before; then nothing has changed.
 */
CORDON_MUST_USE cordon_error *auditor_change(
    struct auditor *auditor, struct checkpoint_file file, uint32_t interval_ms);

/* Writes what waits, signs what is new, ends the thread, and those who follow. NULL accepted. */
void auditor_free(struct auditor *auditor);

/*
 * Signs what is in the log now, and waits until that is done. Errors: CORDON_E_STORE if it could
 * not be; the log tells why. Any thread but one that ends the auditor.
 */
CORDON_MUST_USE cordon_error *auditor_sign(struct auditor *auditor);

/*
 * Has what is in the log now signed within a second or so, as what is rare and matters should be:
 * whoever takes the machine later can't take it back. A flood of these is no more than one
 * checkpoint a second. Waits for nothing. NULL does nothing. Any thread.
 */
void auditor_sign_soon(struct auditor *auditor);

#define AUDITOR_WORDS_BYTES 192

struct auditor_health {
    uint64_t age_ns;      /* no record waits longer for its signature, in any of the logs */
    uint64_t interval_ns; /* in which they are signed */
    bool is_hopeless;     /* one can't be, until somebody looks after it */
    uint32_t tenant;      /* whose log could not be signed in its last turn; 0: all could */
    char words[AUDITOR_WORDS_BYTES]; /* why not */
};

/* How it is with all logs that it, or whom it follows, keeps; of NULL, zeros. Any thread. */
void auditor_look(struct auditor *auditor, struct auditor_health *out_health);

/*
 * Has a record appended, and signed, soon of what the server did by itself, such as keys that went:
 * a JSON object, which is copied. When too much waits, 1 MiB, it is dropped, and a record says how
 * many were; a quarter of that is for such notes alone. NULL does nothing. Any thread; never blocks
 * for long.
 */
void auditor_note(struct auditor *auditor, struct slice body);

/* The same of settings that hold now: the next start records those that hold then, in any case. */
void auditor_note_settings(struct auditor *auditor, struct slice body);

/* The same of what was done for a request and can't be undone; not of the quarter. */
void auditor_note_done(struct auditor *auditor, struct slice body);

/*
 * The same of what a request is about to see or do; false: there is no room or no memory, and it
 * must not. True with NULL. Any thread.
 */
CORDON_MUST_USE bool auditor_note_request(struct auditor *auditor, struct slice body);

/*
 * Counts a run that was ended as it may not make some call: there is one record a minute for each
 * function, with how often. NULL does nothing. Any thread.
 */
void auditor_note_denied(struct auditor *auditor, struct slice path, struct slice words);

/* What somebody with an admin key, or the operator, looks at. */
enum auditor_read {
    AUDITOR_READS_DOCUMENTS, /* of a table */
    AUDITOR_READS_RECORD,    /* of a run */
    AUDITOR_READS_LOGS,
    AUDITOR_READS_ENV,
    AUDITOR_READS_TABLES, /* their names and sizes */
    AUDITOR_READS_AUDIT,  /* the audit log itself */
};

/*
 * Has a record appended soon of what was read, and by whom; `text` names the table or the record,
 * `actor` may be NULL. The same again by the same within a minute is one record more, with how
 * often, and no request's id. False: there is no room or no memory for it, and nothing may be shown
 * that could not be recorded. True with NULL. Any thread.
 */
CORDON_MUST_USE bool auditor_note_read(
    struct auditor *auditor,
    enum auditor_read what,
    struct slice text,
    const struct audit_actor *actor);

#endif
