/* Turns of deploys; see build_turns.h. */
#include "run/deploy/build_turns.h"

#include "base/clock.h"
#include "base/error.h"

#include <time.h>

#define LOOK_NS ((uint64_t)100000000)

void build_turns_init(struct build_turns *turns)
{
    *turns = (struct build_turns){.first = NULL};
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&turns->lock, NULL);
    (void)pthread_cond_init(&turns->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void build_turns_done(struct build_turns *turns)
{
    CORDON_ASSERT(turns->first == NULL && turns->under_way == 0);
    (void)pthread_cond_destroy(&turns->changed);
    (void)pthread_mutex_destroy(&turns->lock);
}

static const struct build_turn *choose(const struct build_turns *turns)
{
    const struct build_turn *chosen = turns->first;
    for (const struct build_turn *turn = chosen; turn != NULL; turn = turn->next) {
        if (*turn->served < *chosen->served) {
            chosen = turn;
        }
    }
    return chosen;
}

static void append(struct build_turns *turns, struct build_turn *turn)
{
    struct build_turn **end = &turns->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = turn;
}

static void leave(struct build_turns *turns, const struct build_turn *turn)
{
    struct build_turn **link = &turns->first;
    while (*link != turn) {
        link = &(*link)->next;
    }
    *link = turn->next;
    (void)pthread_cond_broadcast(&turns->changed); /* another is the next one now */
}

/* Until something has changed, or it is time to look whether to stop. */
static void wait_for_change(struct build_turns *turns)
{
    const uint64_t until_ns = clock_monotonic_ns() + LOOK_NS;
    const struct timespec until = {
        .tv_sec = (time_t)(until_ns / 1000000000),
        .tv_nsec = (long)(until_ns % 1000000000),
    };
    (void)pthread_cond_timedwait(&turns->changed, &turns->lock, &until);
}

bool build_turn_take(
    struct build_turns *turns,
    uint64_t *served,
    const atomic_bool *stops,
    struct build_turn *out_turn)
{
    struct build_turn *turn = out_turn;
    (void)pthread_mutex_lock(&turns->lock);
    *turn = (struct build_turn){.served = served, .asked = turns->given};
    append(turns, turn);
    while (!atomic_load(stops) && (turns->under_way == BUILD_TURNS_MAX || choose(turns) != turn)) {
        wait_for_change(turns);
    }
    const bool is_given = !atomic_load(stops);
    leave(turns, turn);
    if (is_given) {
        turns->under_way++;
        turn->given = ++turns->given;
        *served = turn->given;
    }
    (void)pthread_mutex_unlock(&turns->lock);
    return is_given;
}

void build_turn_give(struct build_turns *turns)
{
    (void)pthread_mutex_lock(&turns->lock);
    CORDON_ASSERT(turns->under_way > 0);
    turns->under_way--;
    (void)pthread_cond_broadcast(&turns->changed);
    (void)pthread_mutex_unlock(&turns->lock);
}
