/*
 * Queues of what takes long, each with threads of its own: deploys, requests for documents,
 * functions that are to be loaded. Each has some, so that one that hangs holds up its own tenant
 * alone; deploys have many, as they take turns among themselves for each module that they compile
 * (run/deploy/build_turns.h). Of those of documents one is the operator's, whatever the jobs of
 * tenants wait for.
 *
 * Tenants take turns: whose job was done last waits for those of all others, so that however many
 * one of them has, another's next job waits for one of each tenant, and not for all of them. Of a
 * tenant one job is done at a time. The operator is one of those who take turns.
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

static bool is_busy(const struct jobs *jobs, uint32_t owner)
{
    uint32_t at = 0;
    while (at < jobs->busy_count && jobs->busy[at] != owner) {
        at++;
    }
    return at < jobs->busy_count;
}

/* Whether the threads that tenants may have are all taken. */
static bool has_tenants_enough(const struct jobs *jobs)
{
    const uint32_t tenants = jobs->busy_count - is_busy(jobs, 0);
    return jobs->options.keeps_operators && tenants + 1 >= jobs->options.threads_max;
}

static void end_busy(struct jobs *jobs, uint32_t owner)
{
    uint32_t at = 0;
    while (jobs->busy[at] != owner) {
        at++;
    }
    jobs->busy_count--;
    jobs->busy[at] = jobs->busy[jobs->busy_count];
}

/*
 * The place of the first job of who was served longest ago, of those none of whose jobs is being
 * done and for whom there is a thread; NULL: there is none.
 */
static struct connection **choose(struct jobs *jobs)
{
    struct connection **chosen = NULL;
    size_t oldest = 0;
    const bool only_operator = has_tenants_enough(jobs);
    for (struct connection **link = &jobs->first; *link != NULL; link = &(*link)->next_job) {
        const uint32_t owner = owner_of(*link);
        const size_t age = age_of(jobs, owner);
        const bool has_thread = owner == 0 || !only_operator;
        if ((chosen == NULL || age > oldest) && has_thread && !is_busy(jobs, owner)) {
            chosen = link;
            oldest = age;
        }
    }
    return chosen;
}

/* Takes a job out of the queue, and with it, if they share, all others of its owner. */
static struct connection *take(struct jobs *jobs, struct connection **link)
{
    struct connection *const first = *link;
    const uint32_t owner = owner_of(first);
    struct connection **end = &first->next_job;
    *link = first->next_job;
    while (*link != NULL && jobs->options.is_shared) {
        if (owner_of(*link) == owner) {
            *end = *link;
            end = &(*link)->next_job;
            *link = *end;
        } else {
            link = &(*link)->next_job;
        }
    }
    *end = NULL;
    jobs->busy[jobs->busy_count++] = owner;
    note_served(jobs, owner);
    return first;
}

/* What is next, once there is some; NULL at the end. */
static struct connection *take_next(struct jobs *jobs)
{
    struct connection *taken = NULL;
    (void)pthread_mutex_lock(&jobs->lock);
    struct connection **link = choose(jobs);
    while (link == NULL && !jobs->ends) {
        (void)pthread_cond_wait(&jobs->changed, &jobs->lock);
        link = choose(jobs);
    }
    if (link != NULL) {
        taken = take(jobs, link);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return taken;
}

/* Those of one owner, with their links. */
static void do_taken(struct jobs *jobs, struct connection *taken)
{
    const uint32_t owner = owner_of(taken);
    while (taken != NULL) {
        struct connection *const connection = taken;
        taken = taken->next_job;
        jobs->options.work(connection);
        loop_wake(connection); /* from here on it is its loop's */
    }
    (void)pthread_mutex_lock(&jobs->lock);
    end_busy(jobs, owner); /* this thread looks for more of the same owner, which may have come */
    (void)pthread_mutex_unlock(&jobs->lock);
}

static void *do_all(void *arg)
{
    struct jobs *jobs = arg;
    for (struct connection *taken = take_next(jobs); taken != NULL; taken = take_next(jobs)) {
        do_taken(jobs, taken);
    }
    return NULL;
}

void jobs_init(struct jobs *jobs, const struct jobs_options *options)
{
    CORDON_ASSERT(options->threads_max >= 1 && options->threads_max <= JOBS_THREADS_MAX);
    jobs->options = *options;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->changed, NULL);
}

/* One more thread, unless there is one for each of so many jobs; false: there is none at all. */
static bool has_threads(struct jobs *jobs, size_t count)
{
    if (jobs->thread_count < count && jobs->thread_count < jobs->options.threads_max) {
        jobs->thread_count +=
            pthread_create(&jobs->threads[jobs->thread_count], NULL, do_all, jobs) == 0;
    }
    return jobs->thread_count > 0;
}

static bool add(struct jobs *jobs, struct connection *connection)
{
    size_t count = 1 + jobs->busy_count;
    uint32_t waiting = 0; /* of its owner */
    struct connection **link = &jobs->first;
    for (; *link != NULL; link = &(*link)->next_job) {
        waiting += owner_of(*link) == owner_of(connection);
        count++;
    }
    if (waiting > 0) {
        count = 1; /* of an owner one job is done at a time: there is a thread for the next */
    }
    if (!has_threads(jobs, count) || waiting >= jobs->options.waiting_max) {
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
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    for (uint32_t i = 0; i < jobs->thread_count; i++) {
        (void)pthread_join(jobs->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&jobs->changed);
    (void)pthread_mutex_destroy(&jobs->lock);
}
