/* Events on a condition variable that follows the monotonic clock. */
#include "base/event.h"

#include <time.h>

/* Later than any clock: a `time_t` may have 32 bits. */
#define SECONDS_MAX ((uint64_t)1 << 31)

void event_init(struct event *event)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&event->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&event->lock, NULL);
    event->is_set = false;
}

void event_done(struct event *event)
{
    (void)pthread_cond_destroy(&event->changed);
    (void)pthread_mutex_destroy(&event->lock);
}

void event_set(void *arg)
{
    struct event *event = arg;
    (void)pthread_mutex_lock(&event->lock);
    event->is_set = true;
    (void)pthread_cond_signal(&event->changed);
    (void)pthread_mutex_unlock(&event->lock);
}

void event_wait(struct event *event, uint64_t until_ns)
{
    const uint64_t seconds = until_ns / 1000000000;
    const struct timespec until = {
        .tv_sec = (time_t)(seconds < SECONDS_MAX ? seconds : SECONDS_MAX - 1),
        .tv_nsec = (long)(until_ns % 1000000000),
    };
    int failed = 0;
    (void)pthread_mutex_lock(&event->lock);
    while (!event->is_set && failed == 0) { /* ETIMEDOUT ends it */
        failed = pthread_cond_timedwait(&event->changed, &event->lock, &until);
    }
    event->is_set = false;
    (void)pthread_mutex_unlock(&event->lock);
}
