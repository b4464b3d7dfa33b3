/*
 * The worker: a list of URLs, each fetched when it is due, all at one time if need be. Due is one
 * at once when it is new, then every `refresh_ms`, less up to a tenth, so that servers that were
 * started together do not ask together; after a failure 30 s later, then 60 s, and so on up to
 * `refresh_ms`; and when a token names a key that is not there, but not within 30 s of the fetch
 * before, so that who sends such tokens makes nobody ask more often than that.
 *
 * libcurl is set up before the worker confines itself; what it needs afterwards are connections,
 * certificates and names.
 */
#include "auth/provider.h"
#include "base/clock.h"
#include "base/random.h"
#include "fetch/fetch.h"
#include "fetch/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MS_NS ((uint64_t)1000000)
#define APART_MS ((uint64_t)30000)

struct target {
    char url[KEY_URL_BYTES_MAX + 1]; /* "": this place is free */
    bool is_listed;                  /* by the list that is being told */
    uint64_t due_ns;
    uint64_t began_ns; /* the last fetch; 0: there was none */
    unsigned failures; /* since the last success */
    struct transfer transfer;
};

struct worker {
    const char *folder;
    CURLM *multi;
    uint64_t refresh_ms;
    struct target targets[AUTH_PROVIDERS_MAX];
};

/* -- Telling -------------------------------------------------------------------------------- */

/* Waits for a server that does not read: it has nothing else to do for it then. */
static void tell(const struct fetch_event *event)
{
    ssize_t sent = -1;
    do {
        sent = send(SPAWN_FD_SOCKET, event, sizeof *event, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
}

static void tell_of(const char *url, enum fetch_event_kind kind, const char *words)
{
    struct fetch_event event = {.magic = FETCH_MAGIC, .kind = kind};
    (void)snprintf(event.url, sizeof event.url, "%s", url);
    (void)snprintf(event.words, sizeof event.words, "%s", words);
    tell(&event);
}

/* -- When ----------------------------------------------------------------------------------- */

/* The refresh interval, less up to a tenth. */
static uint64_t refresh_ms_of(const struct worker *worker)
{
    uint32_t draw = 0;
    random_system(&draw, sizeof draw);
    return worker->refresh_ms - draw % (worker->refresh_ms / 10 + 1);
}

static uint64_t retry_ms_of(const struct worker *worker, unsigned failures)
{
    const unsigned doublings = failures < 12 ? failures : 12;
    const uint64_t pause_ms = APART_MS << doublings;
    return pause_ms < worker->refresh_ms ? pause_ms : worker->refresh_ms;
}

static uint64_t next_due_ns(const struct worker *worker)
{
    uint64_t next_ns = UINT64_MAX;
    for (size_t i = 0; i < AUTH_PROVIDERS_MAX; i++) {
        const struct target *target = &worker->targets[i];
        if (target->url[0] != '\0' && target->transfer.easy == NULL && target->due_ns < next_ns) {
            next_ns = target->due_ns;
        }
    }
    return next_ns;
}

/* -- Fetching ------------------------------------------------------------------------------- */

static void fail(const struct worker *worker, struct target *target, const char *words)
{
    target->due_ns = clock_deadline_ns(retry_ms_of(worker, target->failures));
    target->failures++;
    tell_of(target->url, FETCH_FAILED, words);
}

static void start_due(struct worker *worker)
{
    const uint64_t now_ns = clock_monotonic_ns();
    for (size_t i = 0; i < AUTH_PROVIDERS_MAX; i++) {
        struct target *target = &worker->targets[i];
        if (target->url[0] == '\0' || target->transfer.easy != NULL || target->due_ns > now_ns) {
            continue;
        }
        target->began_ns = now_ns;
        if (!transfer_begin(&target->transfer, worker->multi, target->url, target)) {
            fail(worker, target, "there is no memory to fetch it; it is tried again");
        }
    }
}

static void finish(struct worker *worker, struct target *target, CURLcode code)
{
    bool changed = false;
    cordon_error *error = transfer_judge(&target->transfer, code);
    if (error == NULL) {
        error =
            fetch_save(worker->folder, target->url, buffer_slice(&target->transfer.body), &changed);
    }
    transfer_end(&target->transfer, worker->multi);
    if (error != NULL) {
        fail(worker, target, cordon_error_get_message(error));
        cordon_error_free(error);
        return;
    }
    target->failures = 0;
    target->due_ns = clock_deadline_ns(refresh_ms_of(worker));
    tell_of(target->url, changed ? FETCH_CHANGED : FETCH_SAME, "");
}

static void finish_done(struct worker *worker)
{
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(worker->multi, &left)) != NULL) {
        char *target = NULL;
        const CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &target) == CURLE_OK) {
            finish(worker, (struct target *)(void *)target, code);
        }
    }
}

/* -- Orders --------------------------------------------------------------------------------- */

/* The place of a URL; with "" a free one. NULL: there is none. */
static struct target *find(struct worker *worker, const char *url)
{
    for (size_t i = 0; i < AUTH_PROVIDERS_MAX; i++) {
        if (strcmp(worker->targets[i].url, url) == 0) {
            return &worker->targets[i];
        }
    }
    return NULL;
}

static void drop(struct worker *worker, struct target *target)
{
    transfer_end(&target->transfer, worker->multi);
    *target = (struct target){0};
}

/* Those that the new list lacks go, which makes room for those that it has more. */
static void end_list(struct worker *worker)
{
    for (size_t i = 0; i < AUTH_PROVIDERS_MAX; i++) {
        if (worker->targets[i].url[0] != '\0' && !worker->targets[i].is_listed) {
            drop(worker, &worker->targets[i]);
        }
    }
}

/* At most so many providers have a list; while it comes, places of the old one may lack. */
static void list(struct worker *worker, const char *url)
{
    struct target *target = find(worker, url);
    if (target == NULL) {
        target = find(worker, "");
        for (size_t i = 0; target == NULL && i < AUTH_PROVIDERS_MAX; i++) {
            if (!worker->targets[i].is_listed) {
                target = &worker->targets[i];
                drop(worker, target);
            }
        }
    }
    if (target != NULL) {
        (void)snprintf(target->url, sizeof target->url, "%s", url);
        target->is_listed = true;
    }
}

static void begin_list(struct worker *worker, uint64_t refresh_ms)
{
    const uint64_t latest_ns = clock_deadline_ns(refresh_ms);
    worker->refresh_ms = refresh_ms;
    for (size_t i = 0; i < AUTH_PROVIDERS_MAX; i++) {
        struct target *target = &worker->targets[i];
        target->is_listed = false;
        target->due_ns = target->due_ns < latest_ns ? target->due_ns : latest_ns;
    }
}

static void hasten(struct worker *worker, const char *url)
{
    struct target *target = url[0] == '\0' ? NULL : find(worker, url);
    if (target != NULL) {
        const uint64_t earliest_ns =
            target->began_ns == 0 ? 0 : target->began_ns + APART_MS * MS_NS;
        target->due_ns = target->due_ns < earliest_ns ? target->due_ns : earliest_ns;
    }
}

static void obey(struct worker *worker, const struct fetch_order *order)
{
    switch ((enum fetch_order_kind)order->kind) {
    case FETCH_BEGIN:
        begin_list(worker, order->refresh_ms);
        return;
    case FETCH_URL:
        list(worker, order->url);
        return;
    case FETCH_END:
        end_list(worker);
        return;
    case FETCH_NOW:
        hasten(worker, order->url);
        return;
    }
}

/* False: the server is gone. */
static bool hear_orders(struct worker *worker)
{
    for (;;) {
        struct fetch_order order;
        const ssize_t got = recv(SPAWN_FD_SOCKET, &order, sizeof order, MSG_DONTWAIT);
        if (got == (ssize_t)sizeof order) {
            order.url[sizeof order.url - 1] = '\0';
            obey(worker, &order);
        } else if (got >= 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        } else if (errno == EAGAIN) {
            return true;
        }
    }
}

/* -- Going round ---------------------------------------------------------------------------- */

static void say_hello(const char *folder, const struct worker_end *before)
{
    struct fetch_event hello = {
        .magic = FETCH_MAGIC,
        .kind = FETCH_HELLO,
        .replaces = before->is_death,
        .signal = before->signal,
    };
    fetch_confine(folder, &hello.landlock, hello.words);
    tell(&hello);
}

void fetch_work(const char *folder, const struct worker_end *before)
{
    static struct worker worker;
    worker.folder = folder;
    worker.refresh_ms = APART_MS;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return;
    }
    worker.multi = curl_multi_init();
    if (worker.multi == NULL) {
        return;
    }
    say_hello(folder, before);
    struct curl_waitfd server = {.fd = SPAWN_FD_SOCKET, .events = CURL_WAIT_POLLIN};
    while (hear_orders(&worker)) {
        int running = 0;
        start_due(&worker);
        (void)curl_multi_perform(worker.multi, &running);
        finish_done(&worker);
        (void)curl_multi_poll(worker.multi, &server, 1, clock_poll_ms(next_due_ns(&worker)), NULL);
    }
}
