/*
 * The ring of the last runs: see executions.h. Entries are written before the lock is taken, so
 * that under it nothing happens but the linking of a block, or, for a reader, copying.
 */
#include "observe/executions.h"

#include "base/clock.h"
#include "base/memory.h"
#include "value/json.h"

#include <inttypes.h>

struct execution {
    struct execution *next;
    uint64_t number;
    uint64_t cursor_us;
    size_t size;
    uint8_t members[];
};

/* Milliseconds that a cursor of microseconds has room for; far beyond any clock. */
#define CURSOR_MS_MAX (UINT64_MAX / 1000 - 1)

void executions_init(struct executions *executions)
{
    *executions = (struct executions){.bytes_max = EXECUTIONS_BYTES_MAX};
    (void)pthread_mutex_init(&executions->lock, NULL);
}

static size_t cost_of(size_t members_size)
{
    return sizeof(struct execution) + members_size;
}

static void free_entry(struct executions *executions, struct execution *entry)
{
    const struct execution_purse *purse = &executions->purse;
    if (purse->give != NULL) {
        purse->give(purse->arg, cost_of(entry->size));
    }
    mem_free(entry);
}

static void drop_first(struct executions *executions)
{
    struct execution *const gone = executions->first;
    executions->first = gone->next;
    if (executions->first == NULL) {
        executions->last = NULL;
    }
    executions->count--;
    executions->bytes -= gone->size;
    free_entry(executions, gone);
}

/* The oldest entry makes room for a new one; false: there is none. */
static bool give_way(struct executions *executions)
{
    (void)pthread_mutex_lock(&executions->lock);
    const bool has_any = executions->first != NULL;
    if (has_any) {
        drop_first(executions);
    }
    (void)pthread_mutex_unlock(&executions->lock);
    return has_any;
}

/* False: the purse has too little, even with all that this ring had of it. */
static bool take_cost(struct executions *executions, size_t cost)
{
    const struct execution_purse *purse = &executions->purse;
    while (purse->take != NULL && !purse->take(purse->arg, cost)) {
        if (!give_way(executions)) {
            return false;
        }
    }
    return true;
}

/* One with these members; NULL: there is no memory for it. */
static struct execution *make_entry(struct executions *executions, struct slice members)
{
    const struct execution_purse *purse = &executions->purse;
    const size_t cost = cost_of(members.size);
    if (!take_cost(executions, cost)) {
        return NULL;
    }
    struct execution *const entry = mem_new(cost);
    if (entry == NULL) {
        if (purse->give != NULL) {
            purse->give(purse->arg, cost);
        }
        return NULL;
    }
    memcpy(entry->members, members.data, members.size);
    entry->size = members.size;
    return entry;
}

void executions_done(struct executions *executions)
{
    CORDON_ASSERT(executions->waiters == NULL);
    while (executions->first != NULL) {
        drop_first(executions);
    }
    (void)pthread_mutex_destroy(&executions->lock);
}

void executions_start(struct executions *executions)
{
    atomic_store(&executions->is_kept, true);
}

/* A cursor after all that were given. */
static uint64_t next_cursor(struct executions *executions)
{
    const uint64_t now_us = clock_wall_ns() / 1000;
    executions->last_us = now_us > executions->last_us ? now_us : executions->last_us + 1;
    return executions->last_us;
}

static void wake_all(struct executions *executions)
{
    struct execution_waiter *next = NULL;
    for (struct execution_waiter *at = executions->waiters; at != NULL; at = next) {
        next = at->next;
        at->wake(at->arg);
    }
    executions->waiters = NULL;
}

void executions_clear(struct executions *executions)
{
    (void)pthread_mutex_lock(&executions->lock);
    while (executions->first != NULL) {
        drop_first(executions);
    }
    wake_all(executions);
    (void)pthread_mutex_unlock(&executions->lock);
}

static void link_entry(struct executions *executions, struct execution *entry)
{
    while (executions->first != NULL && (executions->count == EXECUTIONS_MAX ||
                                         executions->bytes + entry->size > executions->bytes_max)) {
        drop_first(executions);
    }
    entry->number = executions->number;
    entry->cursor_us = next_cursor(executions);
    if (executions->last == NULL) {
        executions->first = entry;
    } else {
        executions->last->next = entry;
    }
    executions->last = entry;
    executions->count++;
    executions->bytes += entry->size;
    wake_all(executions);
}

void executions_add(struct executions *executions, struct slice members)
{
    if (!executions_are_kept(executions)) {
        return;
    }
    const bool fits = members.size > 0 && members.size <= executions->bytes_max;
    struct execution *const entry = fits ? make_entry(executions, members) : NULL;
    (void)pthread_mutex_lock(&executions->lock);
    executions->number++;
    if (entry != NULL) {
        link_entry(executions, entry);
    }
    (void)pthread_mutex_unlock(&executions->lock);
}

cordon_error *executions_write_cursor(struct buffer *out, uint64_t cursor_us)
{
    return json_write_decimal(out, cursor_us, 1000);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool executions_read_cursor(struct slice text, uint64_t *out_cursor_us)
{
    uint64_t ms = 0;
    size_t at = 0;
    for (; at < text.size && is_digit(text.data[at]) && ms <= CURSOR_MS_MAX / 10; at++) {
        ms = ms * 10 + (uint64_t)(text.data[at] - '0');
    }
    uint64_t us = 0;
    uint64_t unit = 100;
    const bool has_whole = at > 0;
    if (at < text.size && text.data[at] == '.') {
        for (at++; at < text.size && is_digit(text.data[at]); at++) {
            us += unit * (uint64_t)(text.data[at] - '0');
            unit /= 10;
        }
    }
    if (!has_whole || at != text.size || ms > CURSOR_MS_MAX) {
        return false;
    }
    *out_cursor_us = ms * 1000 + us;
    return true;
}

static cordon_error *write_entry(struct buffer *out, const struct execution *entry)
{
    TRY(buffer_append(out, SLICE("{\"number\":")));
    TRY(json_write_u64(out, entry->number));
    TRY(buffer_append(out, SLICE(",\"cursor\":")));
    TRY(executions_write_cursor(out, entry->cursor_us));
    TRY(buffer_append_byte(out, ','));
    TRY(buffer_append(out, slice_of(entry->members, entry->size)));
    return buffer_append_byte(out, '}');
}

static cordon_error *write_all(
    const struct executions *executions, uint64_t after_us, struct buffer *out)
{
    bool is_first = true;
    TRY(buffer_append_byte(out, '['));
    for (const struct execution *at = executions->first; at != NULL; at = at->next) {
        if (at->cursor_us <= after_us) {
            continue;
        }
        if (!is_first) {
            TRY(buffer_append_byte(out, ','));
        }
        is_first = false;
        TRY(write_entry(out, at));
    }
    return buffer_append_byte(out, ']');
}

cordon_error *executions_write(
    struct executions *executions, uint64_t after_us, struct buffer *out, uint64_t *out_cursor_us)
{
    (void)pthread_mutex_lock(&executions->lock);
    cordon_error *const error = write_all(executions, after_us, out);
    const bool has_new = executions->last != NULL && executions->last->cursor_us > after_us;
    if (error == NULL) {
        *out_cursor_us = has_new ? executions->last->cursor_us : next_cursor(executions);
    }
    (void)pthread_mutex_unlock(&executions->lock);
    return error;
}

bool executions_wait(
    struct executions *executions, uint64_t after_us, struct execution_waiter *waiter)
{
    (void)pthread_mutex_lock(&executions->lock);
    const bool waits = executions->last == NULL || executions->last->cursor_us <= after_us;
    if (waits) {
        waiter->next = executions->waiters;
        executions->waiters = waiter;
    }
    (void)pthread_mutex_unlock(&executions->lock);
    return waits;
}

void executions_leave(struct executions *executions, struct execution_waiter *waiter)
{
    (void)pthread_mutex_lock(&executions->lock);
    for (struct execution_waiter **link = &executions->waiters; *link != NULL;
         link = &(*link)->next) {
        if (*link == waiter) {
            *link = waiter->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&executions->lock);
}
