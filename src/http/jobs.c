/*
 * Queues of what takes long, each with a thread that does one after the other: deploys, requests
 * for documents, functions that are to be loaded.
 *
 * Tenants take turns: whose job was done last waits for those of all others, so that however many
 * one of them has, another's next job waits for one of each tenant, and not for all of them. The
 * operator is one of those who take turns.
 */
#include "http/internal.h"

/* Whose jobs they are; 0 is the operator. */
static uint32_t owner_of(const struct connection *connection)
{
    return connection->is_operator ? 0 : connection->tenant->number;
}

/* How many others were served since; more than any if it was none of the last. */
static size_t age_of(const struct jobs *jobs, uint32_t owner)
{
    size_t age = 0;
    while (age < jobs->recent_count && jobs->recent[age] != owner) {
        age++;
    }
    return age == jobs->recent_count ? SIZE_MAX : age;
}

/* Puts it in front of those that were served last. */
static void note_served(struct jobs *jobs, uint32_t owner)
{
    size_t at = age_of(jobs, owner);
    if (at == SIZE_MAX) {
        jobs->recent_count += jobs->recent_count < JOBS_RECENT_MAX;
        at = jobs->recent_count - 1;
    }
    memmove(&jobs->recent[1], &jobs->recent[0], at * sizeof jobs->recent[0]);
    jobs->recent[0] = owner;
}

/* The place of the first job of who was served longest ago; NULL: there is none. */
static struct connection **choose(struct jobs *jobs)
{
    struct connection **chosen = NULL;
    size_t oldest = 0;
    for (struct connection **link = &jobs->first; *link != NULL; link = &(*link)->next_job) {
        const size_t age = age_of(jobs, owner_of(*link));
        if (chosen == NULL || age > oldest) {
            chosen = link;
            oldest = age;
        }
    }
    return chosen;
}

/* The next one, once there is one; NULL at the end. */
static struct connection *take_next(struct jobs *jobs)
{
    struct connection *connection = NULL;
    (void)pthread_mutex_lock(&jobs->lock);
    while (jobs->first == NULL && !jobs->ends) {
        (void)pthread_cond_wait(&jobs->changed, &jobs->lock);
    }
    struct connection **link = choose(jobs);
    if (link != NULL) {
        connection = *link;
        *link = connection->next_job;
        note_served(jobs, owner_of(connection));
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return connection;
}

static void *do_all(void *arg)
{
    struct jobs *jobs = arg;
    for (struct connection *connection = take_next(jobs); connection != NULL;
         connection = take_next(jobs)) {
        jobs->work(connection);
        loop_wake(connection); /* from here on it is its loop's */
    }
    return NULL;
}

void jobs_init(struct jobs *jobs, uint32_t waiting_max, void (*work)(struct connection *connection))
{
    jobs->waiting_max = waiting_max;
    jobs->work = work;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->changed, NULL);
}

static bool add(struct jobs *jobs, struct connection *connection)
{
    uint32_t waiting = 0;
    if (!jobs->has_thread) {
        jobs->has_thread = pthread_create(&jobs->thread, NULL, do_all, jobs) == 0;
    }
    struct connection **link = &jobs->first;
    for (; *link != NULL; link = &(*link)->next_job) {
        waiting += owner_of(*link) == owner_of(connection);
    }
    if (!jobs->has_thread || waiting >= jobs->waiting_max) {
        return false;
    }
    connection->next_job = NULL;
    *link = connection;
    (void)pthread_cond_signal(&jobs->changed);
    return true;
}

bool jobs_add(struct jobs *jobs, struct connection *connection)
{
    (void)pthread_mutex_lock(&jobs->lock);
    const bool added = add(jobs, connection);
    (void)pthread_mutex_unlock(&jobs->lock);
    return added;
}

bool jobs_remove(struct jobs *jobs, struct connection *connection)
{
    (void)pthread_mutex_lock(&jobs->lock);
    struct connection **link = &jobs->first;
    while (*link != NULL && *link != connection) {
        link = &(*link)->next_job;
    }
    const bool found = *link != NULL;
    if (found) {
        *link = connection->next_job;
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return found;
}

void jobs_done(struct jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->ends = true;
    (void)pthread_cond_signal(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    if (jobs->has_thread) {
        (void)pthread_join(jobs->thread, NULL);
    }
    (void)pthread_cond_destroy(&jobs->changed);
    (void)pthread_mutex_destroy(&jobs->lock);
}
