/*
 * Something that one thread waits for and another says has happened. Saying it before the wait, or
 * more than once, is said once.
 */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_set;
};

void event_init(struct event *event);
void event_done(struct event *event);

/* Any thread. Takes a `struct event *`, so that it may be handed out as a wake. */
void event_set(void *event);

/* Until it is set, which it then no longer is, or until the monotonic clock says `until_ns`. */
void event_wait(struct event *event, uint64_t until_ns);

#endif
