/*
 * The ring of the last runs: see executions.h.
 *
 * Entries stand side by side in chunks, which go when their last entry goes. Each in a block of its
 * own would lie between blocks of the burst that they are of, and hold its pages after it: 1,000
 * entries of half a kilobyte held 4 MiB.
 */
#include "observe/executions.h"

#include "base/clock.h"
#include "base/memory.h"
#include "value/json.h"

#include <inttypes.h>

struct chunk {
    size_t size; /* of `bytes` */
    size_t used;
    size_t alive; /* entries */
    _Alignas(8) uint8_t bytes[];
};

struct execution {
    struct execution *next;
    struct chunk *chunk;
    uint64_t number;
    uint64_t cursor_us;
    size_t size;
    uint8_t members[];
};

/* Of entries in one chunk; one that is larger has its own. */
#define CHUNK_BYTES_MAX ((size_t)64 << 10)

/* Milliseconds that a cursor of microseconds has room for; far beyond any clock. */
#define CURSOR_MS_MAX (UINT64_MAX / 1000 - 1)

void executions_init(struct executions *executions)
{
    *executions = (struct executions){.bytes_max = EXECUTIONS_BYTES_MAX};
    (void)pthread_mutex_init(&executions->lock, NULL);
}

/* What an entry takes of a chunk. */
static size_t size_of(size_t members_size)
{
    return (sizeof(struct execution) + members_size + 7) & ~(size_t)7;
}

static void free_chunk(struct executions *executions, struct chunk *chunk)
{
    const struct execution_purse *purse = &executions->purse;
    if (purse->give != NULL) {
        purse->give(purse->arg, sizeof *chunk + chunk->size);
    }
    if (executions->newest == chunk) {
        executions->newest = NULL;
    }
    mem_free(chunk);
}

static void free_entry(struct executions *executions, struct execution *entry)
{
    struct chunk *chunk = entry->chunk;
    if (--chunk->alive == 0) {
        free_chunk(executions, chunk);
    }
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

/* False: the purse has too little, even with all that this ring had of it. */
static bool take_cost(struct executions *executions, size_t cost)
{
    const struct execution_purse *purse = &executions->purse;
    while (purse->take != NULL && !purse->take(purse->arg, cost)) {
        if (executions->first == NULL) {
            return false;
        }
        drop_first(executions);
    }
    return true;
}

static bool add_chunk(struct executions *executions, size_t size)
{
    const struct execution_purse *purse = &executions->purse;
    const size_t cost = sizeof(struct chunk) + size;
    if (!take_cost(executions, cost)) {
        return false;
    }
    struct chunk *const chunk = mem_new(cost);
    if (chunk == NULL) {
        if (purse->give != NULL) {
            purse->give(purse->arg, cost);
        }
        return false;
    }
    *chunk = (struct chunk){.size = size};
    executions->newest = chunk;
    return true;
}

/* How large the next chunk is: as all entries there are, so that few are kept in little. */
static size_t choose_size(const struct executions *executions, size_t needed)
{
    const size_t wanted = executions->bytes < CHUNK_BYTES_MAX ? executions->bytes : CHUNK_BYTES_MAX;
    return needed > wanted ? needed : wanted & ~(size_t)7;
}

/* One with these members, in the newest chunk; NULL: there is no memory for it. */
static struct execution *make_entry(struct executions *executions, struct slice members)
{
    const size_t size = size_of(members.size);
    const struct chunk *const newest = executions->newest;
    const bool has_room = newest != NULL && newest->size - newest->used >= size;
    if (!has_room && !add_chunk(executions, choose_size(executions, size))) {
        return NULL;
    }
    struct chunk *const chunk = executions->newest;
    struct execution *const entry = (struct execution *)(void *)(chunk->bytes + chunk->used);
    chunk->used += size;
    chunk->alive++;
    entry->chunk = chunk;
    entry->size = members.size;
    memcpy(entry->members, members.data, members.size);
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
    executions->waiter_count = 0;
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

/* The oldest go until there is room for one more. */
static void make_room(struct executions *executions, size_t members_size)
{
    while (executions->first != NULL &&
           (executions->count == EXECUTIONS_MAX ||
            executions->bytes + members_size > executions->bytes_max)) {
        drop_first(executions);
    }
}

static void link_entry(struct executions *executions, struct execution *entry)
{
    entry->next = NULL;
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
    (void)pthread_mutex_lock(&executions->lock);
    executions->number++;
    if (members.size > 0 && members.size <= executions->bytes_max) {
        make_room(executions, members.size);
        struct execution *const entry = make_entry(executions, members);
        if (entry != NULL) {
            link_entry(executions, entry);
        }
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

/* With the lock. */
static enum executions_wait add_waiter(
    struct executions *executions, uint64_t after_us, struct execution_waiter *waiter)
{
    if (executions->last != NULL && executions->last->cursor_us > after_us) {
        return EXECUTIONS_NEWS;
    }
    if (executions->waiter_count == EXECUTIONS_WAITERS_MAX) {
        return EXECUTIONS_CROWDED;
    }
    waiter->next = executions->waiters;
    executions->waiters = waiter;
    executions->waiter_count++;
    return EXECUTIONS_WAITS;
}

enum executions_wait executions_wait(
    struct executions *executions, uint64_t after_us, struct execution_waiter *waiter)
{
    (void)pthread_mutex_lock(&executions->lock);
    const enum executions_wait answer = add_waiter(executions, after_us, waiter);
    (void)pthread_mutex_unlock(&executions->lock);
    return answer;
}

void executions_leave(struct executions *executions, struct execution_waiter *waiter)
{
    (void)pthread_mutex_lock(&executions->lock);
    for (struct execution_waiter **link = &executions->waiters; *link != NULL;
         link = &(*link)->next) {
        if (*link == waiter) {
            *link = waiter->next;
            executions->waiter_count--;
            break;
        }
    }
    (void)pthread_mutex_unlock(&executions->lock);
}
