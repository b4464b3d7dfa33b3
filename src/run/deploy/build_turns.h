/*
 * Turns for what takes a deploy longest: one for each module that is built, and one to write it
 * all down. Tenants have them by turns, also whoever loads functions whose machine code is lost, so
 * that however many modules one of them brings, another waits for one of them and not for all.
 */
#ifndef RUN_BUILD_TURNS_H
#define RUN_BUILD_TURNS_H

#include "engine/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * At one time: as many as there are workers that compile. So who has a turn waits for a worker only
 * where one compiles a module of the server's own without a turn: readiness' probe and the empty
 * module of trimming, which are small, and of which there is one each.
 */
#define BUILD_TURNS_MAX WORKERS_MAX

/*
 * One that is waited for; lives until build_turn_take() returns. The numbers are for who counts
 * turns then, as the test does.
 */
struct build_turn {
    struct build_turn *next;
    uint64_t *served; /* its tenant's */
    uint64_t asked;   /* how many had been given when it was asked for */
    uint64_t given;   /* and with it, once it is */
};

struct build_turns {
    pthread_mutex_t lock; /* over all of this, and what `served` points to */
    pthread_cond_t changed;
    struct build_turn *first; /* those that wait, in their order */
    uint32_t under_way;
    uint64_t given; /* so far */
};

void build_turns_init(struct build_turns *turns);
void build_turns_done(struct build_turns *turns); /* nobody has one, or waits */

/*
 * Waits for a turn of a tenant, whose `*served` is 0 at first and is kept here. It goes to the
 * tenant that has had its last one longest ago, of those that wait; there to who came first.
 * False, and nothing is to be given back: `*stops` was set, which is looked at ten times a second,
 * as the handler of a signal sets it and can wake nobody: it may have come to who has the lock.
 */
bool build_turn_take(
    struct build_turns *turns,
    uint64_t *served,
    const atomic_bool *stops,
    struct build_turn *out_turn);

void build_turn_give(struct build_turns *turns);

#endif
