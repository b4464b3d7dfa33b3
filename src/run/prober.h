/*
 * Whether a server could do its work now: what its readiness is told from.
 *
 * Every two seconds a thread has a query and a mutation of a tenant of its own run, by the way that
 * users' functions go (run/probe.h): the query sees what was written last, the mutation is done
 * once it is durable. Each has a deadline. Loops say that they go round. So what is asked from
 * outside costs a look at what is known already, however often it is asked, and makes nobody write.
 *
 * Who is turned away, as there is too much to do, comes again until its deadline: a server that is
 * overloaded is polite, and ready. A check that has not ended for longer than it may is a bad one:
 * a thread that hangs can't say so itself. A server that can't sign its audit logs for three
 * intervals, or knows at once that it can't, does what nobody will be able to prove: it is not
 * ready.
 */
#ifndef RUN_PROBER_H
#define RUN_PROBER_H

#include "observe/log.h"
#include "run/turn.h"

struct prober;

#define PROBER_INTERVAL_MS 2000
#define PROBER_DEADLINE_MS 5000

struct prober_options {
    struct runner *runner; /* borrowed, as all the rest; all outlive the prober */
    struct log *log;       /* NULL: none */
    /* Hands a run to a thread that polls it. */
    void (*add_turn)(void *arg, struct turn *turn);
    void *add_arg;
    uint32_t loops;       /* that are to beat */
    uint32_t interval_ms; /* 0: PROBER_INTERVAL_MS */
    uint32_t deadline_ms; /* of a probe, and of the pause between two beats; 0: its default */
};

enum prober_check {
    PROBER_QUERY,    /* a read, of what was written last */
    PROBER_MUTATION, /* a durable write */
    PROBER_LOOPS,    /* all of them go round */
    PROBER_AUDIT,    /* the audit logs are signed */
    PROBER_CHECKS,
};

/* The name of a check, in answers and in the log. */
extern const char *const prober_check_names[PROBER_CHECKS];

struct prober_verdict {
    bool is_good;
    uint64_t age_ns;  /* since it was found out */
    uint64_t took_ns; /* 0 for loops and the audit logs */
    char words[256];  /* why it is not good; "" if it is */
};

/*
 * Starts the thread, which waits for prober_begin(). Errors: CORDON_E_SYSTEM, CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *prober_new(
    const struct prober_options *options, struct prober **out_prober);

/* From now on it tries; once. Any thread. */
void prober_begin(struct prober *prober);

/*
 * Ends the thread. Waits for the turn of a run that is at work on another thread, and for nothing
 * else. NULL accepted.
 */
void prober_free(struct prober *prober);

/* A loop goes round. For the thread of that loop. */
void prober_beat(struct prober *prober, uint32_t loop);

/* What is known now; true if all is good. Never blocks for long. Any thread. */
bool prober_look(struct prober *prober, struct prober_verdict out_verdicts[PROBER_CHECKS]);

#endif
