/*
 * The compute threads: what polls runs that compute, a turn at a time.
 *
 * Who is next was decided before: a run comes here with its permit, and there is a thread for each
 * permit, so that none waits for another's turn to end. One thread more is for runs that need no
 * permit for what they do next, such as a commit. Each is started when it is first needed.
 *
 * They have a lower priority than the loops, which work for less than a millisecond at a time: an
 * answer that is ready, or a call that is short, is not to wait until the system takes a processor
 * from a function that computes.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

/* Of the nice values, 0 to 19. Each step is a quarter more or less of a processor. */
#define COMPUTE_NICE 5

/* The next run to be polled, once there is one; NULL at the end. */
static struct turn *take_next(struct compute *compute)
{
    (void)pthread_mutex_lock(&compute->lock);
    while (compute->first == NULL && !compute->ends) {
        compute->idle++;
        (void)pthread_cond_wait(&compute->changed, &compute->lock);
        compute->idle--;
    }
    struct turn *turn = compute->first;
    if (turn != NULL) {
        compute->first = turn->next;
        compute->waiting--;
    }
    (void)pthread_mutex_unlock(&compute->lock);
    return turn;
}

static void *work(void *arg)
{
    struct compute *compute = arg;
    (void)setpriority(PRIO_PROCESS, 0, COMPUTE_NICE);
    for (struct turn *turn = take_next(compute); turn != NULL; turn = take_next(compute)) {
        turn->state = run_poll(turn->run, clock_monotonic_ns() + RUN_TURN_NS);
        turn->worked(turn->owner); /* from here on it is its owner's */
    }
    return NULL;
}

/* Under the lock. */
static void start_thread(struct compute *compute)
{
    if (compute->idle >= compute->waiting || compute->thread_count == compute->threads_max) {
        return;
    }
    if (pthread_create(&compute->threads[compute->thread_count], NULL, work, compute) == 0) {
        compute->thread_count++;
    }
}

cordon_error *compute_init(struct compute *compute, uint32_t permits)
{
    compute->threads = mem_new_array((size_t)permits + 1, sizeof *compute->threads);
    if (compute->threads == NULL) {
        return error_no_memory();
    }
    compute->threads_max = permits + 1;
    (void)pthread_mutex_init(&compute->lock, NULL);
    (void)pthread_cond_init(&compute->changed, NULL);
    return NULL;
}

bool compute_add(void *arg, struct turn *turn)
{
    struct compute *compute = arg;
    (void)pthread_mutex_lock(&compute->lock);
    turn->next = NULL;
    *(compute->first == NULL ? &compute->first : &compute->last->next) = turn;
    compute->last = turn;
    compute->waiting++;
    start_thread(compute);
    const bool is_added = compute->thread_count > 0;
    if (!is_added) { /* and so it is alone */
        compute->first = NULL;
        compute->waiting--;
    }
    (void)pthread_cond_signal(&compute->changed);
    (void)pthread_mutex_unlock(&compute->lock);
    return is_added;
}

/* A thread has polled the run of a connection. */
static void on_worked(void *owner)
{
    struct connection *connection = owner;
    connection->run_state = connection->turn.state;
    loop_wake_worked(connection);
}

bool compute_add_connection(struct connection *connection)
{
    connection->turn =
        (struct turn){.run = connection->run, .worked = on_worked, .owner = connection};
    return compute_add(&connection->loop->server->compute, &connection->turn);
}

void compute_done(struct compute *compute)
{
    if (compute->threads == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&compute->lock);
    compute->ends = true;
    (void)pthread_cond_broadcast(&compute->changed);
    (void)pthread_mutex_unlock(&compute->lock);
    for (uint32_t i = 0; i < compute->thread_count; i++) {
        (void)pthread_join(compute->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&compute->changed);
    (void)pthread_mutex_destroy(&compute->lock);
    mem_free(compute->threads);
}
