/* One thread's loop: timeouts, wakes, stopping. */
#include "http/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define TICK_MS 250
/* A server that stops keeps parts of its time: to answer what it cancels, to close, and to go. */
#define STOP_CANCEL_PART 10
#define STOP_CLOSE_PART 20
#define STOP_END_PART 40
/* Who was refused meanwhile has so long to read that. */
#define STOP_LATE_MS 500

/*
 * How long the runs of one tenant are polled in one turn of the loop; all further ones wait for a
 * compute thread, in a queue that is fair. So the calls of another tenant, and those that are yet
 * to be read, wait for no longer than that for each tenant.
 */
#define TENANT_AMONG_OTHERS_NS ((uint64_t)2000000)
#define TENANT_ALONE_NS ((uint64_t)10000000)

/* -- Wakes ---------------------------------------------------------------------------------- */

static void wake(struct connection *connection, bool has_worked)
{
    struct loop *loop = connection->loop;
    (void)pthread_mutex_lock(&loop->wake_lock);
    *(has_worked ? &connection->wakes_worked : &connection->wakes_run) = true;
    const bool first = !connection->in_wakes;
    if (first) {
        connection->in_wakes = true;
        connection->next_wake = loop->wakes;
        loop->wakes = connection;
    }
    /* Under the lock: once it is released the loop may free the connection. */
    if (first) {
        (void)uv_async_send(&loop->woken);
    }
    (void)pthread_mutex_unlock(&loop->wake_lock);
}

void loop_wake(void *connection)
{
    wake(connection, false);
}

void loop_wake_worked(struct connection *connection)
{
    wake(connection, true);
}

void loop_forget_wake(struct connection *connection)
{
    struct loop *loop = connection->loop;
    (void)pthread_mutex_lock(&loop->wake_lock);
    if (connection->in_wakes) {
        struct connection **link = &loop->wakes;
        while (*link != connection) {
            link = &(*link)->next_wake;
        }
        *link = connection->next_wake;
        connection->in_wakes = false;
        connection->wakes_run = connection->wakes_worked = false;
    }
    (void)pthread_mutex_unlock(&loop->wake_lock);
}

static struct connection *take_wake(struct loop *loop)
{
    (void)pthread_mutex_lock(&loop->wake_lock);
    struct connection *connection = loop->wakes;
    if (connection != NULL) {
        loop->wakes = connection->next_wake;
        connection->in_wakes = false;
        connection->was_woken = connection->wakes_run;
        connection->has_worked = connection->wakes_worked;
        connection->wakes_run = connection->wakes_worked = false;
    }
    (void)pthread_mutex_unlock(&loop->wake_lock);
    return connection;
}

uint64_t loop_worked_ns(struct loop *loop)
{
    const uint64_t took_ns = clock_monotonic_ns() - loop->turn_since_ns;
    const uint64_t waited_ns = uv_metrics_idle_time(&loop->uv) - loop->idle_ns;
    return took_ns > waited_ns ? took_ns - waited_ns : 0;
}

static void on_woken(uv_async_t *async)
{
    struct loop *loop = async->data;
    loop_give_room(loop);
    for (struct connection *connection = take_wake(loop); connection != NULL;
         connection = take_wake(loop)) {
        exchange_resume(connection);
    }
}

/* -- Time ----------------------------------------------------------------------------------- */

static void write_date(struct loop *loop)
{
    const time_t now = (time_t)(clock_wall_ns() / 1000000000);
    struct tm parts;
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (gmtime_r(&now, &parts) == NULL) {
        loop->date[0] = '\0';
        return;
    }
    (void)snprintf(
        loop->date, sizeof loop->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
        days[parts.tm_wday % 7], parts.tm_mday % 100, months[parts.tm_mon % 12],
        (parts.tm_year + 1900) % 10000, parts.tm_hour % 100, parts.tm_min % 100,
        parts.tm_sec % 100);
}

static void beat(const struct loop *loop)
{
    struct http_server *server = loop->server;
    if (server->prober != NULL) { /* else it was never made whole */
        prober_beat(server->prober, (uint32_t)(loop - server->loops));
    }
}

/*
 * Timers come before sockets, so that after a pause of ours, what clients sent meanwhile is still
 * unread here. A deadline therefore counts once it had passed at the tick before this one: what had
 * come by then was read in between.
 */
static void on_tick(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    const uint64_t now = uv_now(&loop->uv);
    loop_send(loop); /* before anybody is closed */
    write_date(loop);
    struct connection *next = NULL;
    for (struct connection *at = loop->connections; at != NULL; at = next) {
        next = at->next;
        if (loop->stopping && now >= loop->end_at_ms) {
            connection_abandon(at);
        } else if (loop->stopping && now >= loop->close_at_ms) {
            connection_close(at);
        } else if (loop->stopping && now >= loop->cancel_at_ms) {
            (void)exchange_cancel_run(at);
        } else {
            exchange_tell_lines(at);
            connection_check_deadline(at, loop->last_tick_ms);
        }
    }
    loop->last_tick_ms = now;
    beat(loop);
    if (loop == &loop->server->loops[0]) {
        server_watch_keys(loop->server);
        refusals_tell(loop->server->refusals, clock_monotonic_ns());
    }
    loop_check_end(loop);
}

/*
 * A turn of the loop is over. What it took, less what it waited, is how long its sockets had to
 * wait for it: their callbacks run while libuv polls, so that only libuv knows the waiting.
 */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    loop_send(loop);
    if (loop->turn_since_ns != 0) {
        histogram_observe_ns(loop->server->hold, loop_worked_ns(loop));
    }
    loop->shares = (struct loop_shares){.has_others = loop->shares.tenants > 1};
    loop->turn_since_ns = clock_monotonic_ns();
    loop->idle_ns = uv_metrics_idle_time(&loop->uv);
    log_flush(loop->server->options.log);
}

bool loop_is_spent(const struct loop *loop, uint32_t tenant)
{
    const bool has_others = loop->shares.has_others || loop->shares.tenants > 1;
    const uint64_t most_ns = has_others ? TENANT_AMONG_OTHERS_NS : TENANT_ALONE_NS;
    return loop->shares.used_ns[tenant % LOOP_PLACES] >= most_ns;
}

void loop_spend(struct loop *loop, uint32_t tenant, uint64_t took_ns)
{
    uint64_t *used_ns = &loop->shares.used_ns[tenant % LOOP_PLACES];
    loop->shares.tenants += *used_ns == 0 && took_ns > 0 ? 1 : 0;
    *used_ns += took_ns;
}

/* -- Turns ---------------------------------------------------------------------------------- */

/* Each deferred connection has a turn: one request, and more if there is time. */
static void on_more(uv_idle_t *more)
{
    struct loop *loop = more->data;
    const struct connection *last = loop->deferred.last;
    bool is_last = last == NULL;
    while (!is_last) {
        struct connection *connection = loop->deferred.first;
        is_last = connection == last;
        connection_wait_in(connection, NULL);
        connection_settle(connection);
    }
    if (loop->deferred.first == NULL) {
        (void)uv_idle_stop(more);
    }
}

void loop_defer(struct connection *connection)
{
    struct loop *loop = connection->loop;
    connection_wait_in(connection, &loop->deferred);
    (void)uv_idle_start(&loop->more, on_more);
}

/* What clients have sent is read: now others may come in. */
static void on_check(uv_check_t *check)
{
    loop_send(check->data);
    loop_accept(check->data);
}

/* -- Stopping ------------------------------------------------------------------------------- */

static void on_stop(uv_async_t *async)
{
    struct loop *loop = async->data;
    if (loop->stopping) {
        return;
    }
    const uint64_t all_ms = loop->server->settings.drain_timeout_ms;
    const uint64_t part_ms = all_ms / STOP_END_PART + 1; /* each of these times has a tick */
    const uint64_t tick_ms = part_ms < TICK_MS ? part_ms : TICK_MS;
    loop_send(loop); /* who has an answer may send one request more, which is refused */
    loop->stopping = true;
    loop->cancel_at_ms = uv_now(&loop->uv) + all_ms - all_ms / STOP_CANCEL_PART;
    loop->close_at_ms = uv_now(&loop->uv) + all_ms - all_ms / STOP_CLOSE_PART;
    loop->end_at_ms = uv_now(&loop->uv) + all_ms - all_ms / STOP_END_PART;
    (void)uv_timer_start(&loop->tick, on_tick, tick_ms, tick_ms);
    struct connection *next = NULL;
    for (struct connection *at = loop->connections; at != NULL; at = next) {
        next = at->next;
        at->is_draining = true;
        loop->draining++;
        connection_stop(at);
    }
    loop_check_end(loop);
}

/* Nobody waits for an answer any more who was there before: nobody else is let in. */
static void end_draining(struct loop *loop)
{
    const uint64_t late_at_ms = uv_now(&loop->uv) + STOP_LATE_MS;
    listener_close(&loop->listener);
    listener_close(&loop->operator_listener);
    loop->cancel_at_ms = late_at_ms < loop->cancel_at_ms ? late_at_ms : loop->cancel_at_ms;
    loop->close_at_ms = late_at_ms < loop->close_at_ms ? late_at_ms : loop->close_at_ms;
    loop->end_at_ms = late_at_ms < loop->end_at_ms ? late_at_ms : loop->end_at_ms;
}

void loop_check_end(struct loop *loop)
{
    if (!loop->stopping || loop->closed) {
        return;
    }
    if (loop->draining == 0 && (loop->listener.is_open || loop->operator_listener.is_open)) {
        end_draining(loop);
    }
    if (loop->connections != NULL) {
        return;
    }
    loop->closed = true;
    uv_close((uv_handle_t *)&loop->woken, NULL);
    uv_close((uv_handle_t *)&loop->stop, NULL);
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->more, NULL);
    uv_close((uv_handle_t *)&loop->room, NULL);
}

/* -- Life ----------------------------------------------------------------------------------- */

cordon_error *loop_init(struct loop *loop)
{
    const int failed = uv_loop_init(&loop->uv);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "an event loop can't be made: %s; lower `loops`, or allow more files",
            uv_strerror(failed));
    }
    /* An async shares the loop's own descriptor, which is there now. */
    (void)uv_async_init(&loop->uv, &loop->woken, on_woken);
    (void)uv_async_init(&loop->uv, &loop->stop, on_stop);
    uint8_t seed[RANDOM_SEED_BYTES];
    random_system(seed, sizeof seed);
    random_stream_init(&loop->random, seed, 0);
    (void)pthread_mutex_init(&loop->wake_lock, NULL);
    (void)uv_timer_init(&loop->uv, &loop->tick);
    (void)uv_prepare_init(&loop->uv, &loop->prepare);
    (void)uv_check_init(&loop->uv, &loop->check);
    (void)uv_idle_init(&loop->uv, &loop->more);
    (void)uv_timer_init(&loop->uv, &loop->room);
    (void)uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
    loop->woken.data = loop;
    loop->stop.data = loop;
    loop->tick.data = loop;
    loop->prepare.data = loop;
    loop->check.data = loop;
    loop->more.data = loop;
    loop->room.data = loop;
    (void)uv_timer_start(&loop->tick, on_tick, TICK_MS, TICK_MS);
    (void)uv_prepare_start(&loop->prepare, on_prepare);
    (void)uv_check_start(&loop->check, on_check);
    write_date(loop);
    return NULL;
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_done(struct loop *loop)
{
    if (!loop->stopping) { /* never ran: close what is open and let the closings happen */
        on_stop(&loop->stop);
        loop_run(loop);
    }
    const int busy = uv_loop_close(&loop->uv);
    CORDON_ASSERT(busy == 0);
    (void)pthread_mutex_destroy(&loop->wake_lock);
}
