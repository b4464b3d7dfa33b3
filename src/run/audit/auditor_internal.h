/*
 * What the files of the auditor share: its body, and what it does in a turn. Nothing else includes
 * this.
 */
#ifndef RUN_AUDIT_AUDITOR_INTERNAL_H
#define RUN_AUDIT_AUDITOR_INTERNAL_H

#include "run/audit/auditor.h"

#include "base/event.h"
#include "run/audit/audit_rows.h"
#include "run/audit/checkpoint_sink.h"
#include "run/audit/note_queue.h"
#include "run/audit/secret_file.h"

#include <pthread.h>
#include <stdatomic.h>

enum { FOLDED_TEXT_BYTES = 256 };

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

struct auditor {
    struct store *store;
    struct log *log;
    struct auditor *lead;                /* who has the thread: itself, or whom it follows */
    _Atomic(struct auditor *) followers; /* of a lead; by their `next` */
    struct auditor *next;
    char *folder;                           /* of secrets; the lead's own */
    _Atomic(struct checkpoint_sink *) sink; /* NULL: checkpoints go nowhere else */

    pthread_t thread;
    uint32_t tenant;
    bool has_thread;
    atomic_bool hurries; /* what it has, or of a lead one of them, is to be signed at once */
    atomic_bool any_hurries;
    struct event woken;
    struct note_queue notes;
    pthread_mutex_t lock; /* over all up to the blank line */
    uint64_t signs_asked; /* checkpoints that somebody waits for, and those of them that are made */
    uint64_t signs_done;
    bool sign_failed;
    bool ends;
    pthread_cond_t is_signed;
    uint64_t notes_lost;
    struct folded *folded; /* as many as are counted apart, once there is one */
    size_t folded_count;
    uint64_t denied_others; /* of functions for which there was no room */
    uint64_t interval_ns;
    struct auditor_health health; /* of a lead: of all logs that it has; `age_ns` is made of */
    uint64_t all_signed_ns;       /* then all of them were signed, */
    uint64_t turn_interval_ns;    /* in this interval */

    /* Of the thread alone. */
    struct secret_file file;
    bool is_ready;          /* the secret is that of the next checkpoint */
    bool has_failed[WORKS]; /* and that was logged */
    struct failure failure; /* of the last try to sign */
};

/*
 * Some of those notes that wait, or all that wait now: who notes without end keeps neither
 * checkpoints from being made nor the notes of other tenants from being written.
 */
CORDON_MUST_USE cordon_error *auditor_write_notes(struct auditor *auditor, bool all);

/*
 * What has happened more than once, or was denied, since the last time: a record for each thing.
 * What comes meanwhile is of the next time, however fast it comes.
 */
CORDON_MUST_USE cordon_error *auditor_write_folded(struct auditor *auditor);

/* Signs what no checkpoint covers, if there is any. */
CORDON_MUST_USE cordon_error *auditor_make_checkpoint(struct auditor *auditor);

#endif
