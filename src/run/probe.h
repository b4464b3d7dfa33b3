/*
 * Tries of whether functions would be run: calls of a module of ours, by the way that calls of
 * users' functions have. They wait for a permit with the others, have their turns on the threads
 * that poll runs which compute, go through the engine, the gate and the store, and are done once
 * what they saw or wrote is durable. Nobody else is told of them: see run_request.is_probe.
 *
 * The module has a query and a mutation over one document (tests/guests/probe.wat). It is compiled
 * as others are, once, when it is first needed, and its machine code is in the cache from then on.
 */
#ifndef RUN_PROBE_H
#define RUN_PROBE_H

#include "base/event.h"
#include "run/turn.h"

#include <stdatomic.h>

/* What probes share; made, tried, and waited with by one thread. */
enum { PROBES = 2 };

struct probe {
    struct probe_world *world;
    const char *path;
    struct run *run; /* NULL: none is under way */
    bool is_late;    /* nobody wants to know of it any more; it goes on to its end */
    struct turn turn;
    atomic_bool woken;    /* the run was */
    pthread_mutex_t lock; /* over the next */
    bool is_away;         /* its turn is another thread's */
};

struct probe_world {
    struct runner *runner;                          /* borrowed, as the next two */
    void (*add_turn)(void *arg, struct turn *turn); /* as compute_add() of http/ */
    void *add_arg;
    uint64_t deadline_ns;          /* of each try */
    struct deployment *deployment; /* the module's; NULL: not built yet */
    struct event changed;
    atomic_bool ends; /* nothing is waited for any more; whoever sets it sets `changed`, too */
    struct probe probes[PROBES];
};

enum probe_kind { PROBE_QUERY, PROBE_MUTATION };

/* The caller has filled in the first lines. */
void probe_world_init(struct probe_world *world);

/*
 * Ends all runs, wherever they are, but waits for turns that are other threads' until they are
 * back, however long that takes.
 */
void probe_world_done(struct probe_world *world);

/*
 * Waits until something has changed, or until then. Runs that were not done in time go on
 * meanwhile, to their end: they must not keep a permit that nobody gives back.
 */
void probe_world_wait(struct probe_world *world, uint64_t until_ns);

/*
 * Calls the function. The number in the document is `number` after a mutation; `*out_number` is
 * what the function says it is, and 0 where there is no document. A call that is not done in time
 * goes on, and the next one waits for its end first. Errors: CORDON_E_OVERLOADED, with words on
 * what it waited for; those of runner_build() and run_new(); CORDON_E_STORE with the words of a run
 * that failed.
 */
CORDON_MUST_USE cordon_error *probe_try(
    struct probe_world *world, enum probe_kind kind, uint64_t number, uint64_t *out_number);

/* The paths of the functions, and the bytes of the module. */
extern const char *const probe_paths[PROBES];
extern const struct slice probe_module;

#endif
