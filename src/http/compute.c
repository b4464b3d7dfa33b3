/*
 * Threads that the loops hand work to: the compute threads, which poll runs that compute, a turn at
 * a time; and some for long texts, which are read and written in the order in which they come.
 *
 * Who is next was decided before: a run comes here with its permit, and there is a thread for each
 * permit, so that none waits for another's turn to end. One thread more is for runs that need no
 * permit for what they do next, such as a commit. The first is there from the beginning, as without
 * one nothing could be done; each other one is started when it is first needed, and where it can't
 * be had then, those that there are do its work.
 *
 * Compute threads have a lower priority than the loops, which work for less than a millisecond at a
 * time: an answer that is ready, or a call that is short, is not to wait until the system takes a
 * processor from a function that computes.
 */
#include "http/exchange.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

/* Of the nice values, 0 to 19. Each step is a quarter more or less of a processor. */
#define COMPUTE_NICE 5
/* Of the threads for long texts. */
#define TEXT_THREADS_MAX 4

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
    if (compute->nice > 0) {
        (void)setpriority(PRIO_PROCESS, 0, compute->nice);
    }
    for (struct turn *turn = take_next(compute); turn != NULL; turn = take_next(compute)) {
        compute->work(turn);
        turn->worked(turn->owner); /* from here on it is its owner's */
    }
    return NULL;
}

/* Under the lock. Returns an error number. */
static int start_thread(struct compute *compute)
{
    const int failed =
        pthread_create(&compute->threads[compute->thread_count], NULL, work, compute);
    compute->thread_count += failed == 0;
    return failed;
}

static cordon_error *start(struct compute *compute, uint32_t threads_max)
{
    compute->threads = mem_new_array(threads_max, sizeof *compute->threads);
    if (compute->threads == NULL) {
        return error_no_memory();
    }
    compute->threads_max = threads_max;
    (void)pthread_mutex_init(&compute->lock, NULL);
    (void)pthread_cond_init(&compute->changed, NULL);
    const int failed = start_thread(compute);
    return failed == 0 ? NULL
                       : cordon_error_new(
                             CORDON_E_SYSTEM,
                             "a thread that works for the loops could not be started: %s%s",
                             strerrordesc_np(failed), advice_on(failed));
}

static void poll_run(struct turn *turn)
{
    turn->state = run_poll(turn->run, clock_monotonic_ns() + RUN_TURN_NS);
}

static void work_on_text(struct turn *turn)
{
    exchange_work(turn->owner);
}

cordon_error *compute_init(struct compute *compute, uint32_t permits)
{
    compute->work = poll_run;
    compute->nice = COMPUTE_NICE;
    return start(compute, permits + 1);
}

cordon_error *compute_init_texts(struct compute *compute)
{
    compute->work = work_on_text;
    compute->nice = 0;
    return start(compute, TEXT_THREADS_MAX);
}

void compute_add(void *arg, struct turn *turn)
{
    struct compute *compute = arg;
    (void)pthread_mutex_lock(&compute->lock);
    turn->next = NULL;
    *(compute->first == NULL ? &compute->first : &compute->last->next) = turn;
    compute->last = turn;
    compute->waiting++;
    if (compute->idle < compute->waiting && compute->thread_count < compute->threads_max) {
        (void)start_thread(compute);
    }
    (void)pthread_cond_signal(&compute->changed);
    (void)pthread_mutex_unlock(&compute->lock);
}

/* A thread has polled the run of a connection. */
static void on_polled(void *owner)
{
    struct connection *connection = owner;
    connection->run_state = connection->turn.state;
    loop_wake_worked(connection);
}

static void on_worked(void *owner)
{
    loop_wake_worked(owner);
}

void compute_add_connection(struct connection *connection)
{
    struct http_server *server = connection->loop->server;
    const bool is_poll = connection->work_kind == WORK_POLL;
    connection->turn = (struct turn){
        .run = connection->run,
        .worked = is_poll ? on_polled : on_worked,
        .owner = connection,
    };
    compute_add(is_poll ? &server->compute : &server->texts, &connection->turn);
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
