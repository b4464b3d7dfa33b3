/*
 * The processes of cordon-compile as the program sees them: spawned once, greeted, watched, ended.
 *
 *   this program ── socket ──► keeper ── fork ──► starter ── fork, exec ──► workers
 *
 * The keeper holds the socket while starters come and go: one that dies or is stopped is replaced,
 * and requests that no starter has taken wait for the next. Only the keeper cannot be replaced, as
 * this program may have threads and no right to execute by then; what that means is told once.
 */
#ifndef ENGINE_KEEPER_H
#define ENGINE_KEEPER_H

#include "base/error.h"

enum keeper_event {
    KEEPER_STARTER_REPLACED, /* a starter died; what it had under way is lost */
    KEEPER_LOST,             /* nothing is compiled any more until the program is started again */
};

struct keeper_options {
    const char *path; /* of cordon-compile */
    /*
     * Told each event once, in words for the log of whoever runs the program. NULL: nobody is.
     * Called under a lock of the keeper's, on the thread that looks: keeper_look() or the watcher.
     */
    void (*tell)(void *arg, enum keeper_event event, const char *words);
    void *tell_arg;
};

struct keeper;

/*
 * Spawns the keeper and waits until its starter has proved to be of this build. Errors:
 * CORDON_E_SYSTEM naming the executable and what to do.
 */
CORDON_MUST_USE cordon_error *keeper_start(
    const struct keeper_options *options, struct keeper **out_keeper);

/* Ends keeper, starter and workers, in any state; one second at most. NULL accepted. */
void keeper_end(struct keeper *keeper);

/*
 * Starts the one thread that looks whenever there is something to see, unless it is there. One
 * thread at a time. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *keeper_watch(struct keeper *keeper);

/* Looks what has happened, tells it, and reaps a dead keeper. False: it is lost. Any thread. */
bool keeper_look(struct keeper *keeper);

/* The socket to the starter, for protocol_send(). Valid until keeper_end(). */
int keeper_socket(const struct keeper *keeper);

#endif
