/*
 * Room for commits that are visible and not in the backend yet. Where there is none, commits wait
 * before they are visible, and tenants have their turns: start-time fair queueing by bytes (Goyal,
 * Vin and Cheng, 1996). A commit that has to wait is behind what its tenant has waiting, and else
 * behind nothing but what was let in; so whoever waits first of its tenant is let in before any
 * other's second.
 *
 * Who is let in has a promise of so many bytes, until it is visible or over: those who come
 * meanwhile take nothing from it. Where nobody waits and there is room, none of this is asked.
 *
 * All who wait are woken whenever some are let in, and the others wait on. They do so for the next
 * round, so that whoever wakes them is done with each once, however fast they come back.
 */
#include "store/local.h"

/* More than this waiting for the disk, and commits wait before they become visible. */
#define PENDING_BYTES_MAX ((uint64_t)64 << 20)

static bool has_room(const struct local *store)
{
    return atomic_load(&store->pending_bytes) + atomic_load(&store->room.promised) <
           PENDING_BYTES_MAX;
}

/* Behind the last of the same tenant that waits; else at the time of who was let in last. */
static uint64_t begin_of(const struct room *room, uint32_t tenant)
{
    uint64_t begin = room->virtual_bytes;
    for (const struct room_ticket *at = room->first; at != NULL; at = at->next) {
        if (at->tenant == tenant && at->begin + at->bytes > begin) {
            begin = at->begin + at->bytes;
        }
    }
    return begin;
}

static void queue(struct room *room, struct local_txn *txn)
{
    struct room_ticket *ticket = &txn->ticket;
    struct room_ticket **end = &room->first;
    ticket->tenant = txn->tenant;
    ticket->bytes = txn->batch->bytes;
    ticket->begin = begin_of(room, txn->tenant);
    ticket->next = NULL;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = ticket;
    atomic_store(&ticket->state, TICKET_WAITS);
    (void)atomic_fetch_add(&room->waiting, 1);
}

static void unqueue(struct room *room, struct room_ticket *ticket)
{
    struct room_ticket **link = &room->first;
    while (*link != ticket) {
        link = &(*link)->next;
    }
    *link = ticket->next;
    (void)atomic_fetch_sub(&room->waiting, 1);
}

static struct room_ticket *first_of(const struct room *room)
{
    struct room_ticket *chosen = NULL;
    for (struct room_ticket *at = room->first; at != NULL; at = at->next) {
        if (chosen == NULL || at->begin < chosen->begin) {
            chosen = at;
        }
    }
    return chosen;
}

/* True, and a round is over, if any were. With the lock of the room. */
static bool let_in(struct local *store)
{
    struct room *room = &store->room;
    struct room_ticket *ticket = NULL;
    bool any = false;
    while (has_room(store) && (ticket = first_of(room)) != NULL) {
        unqueue(room, ticket);
        room->virtual_bytes = ticket->begin;
        (void)atomic_fetch_add(&room->promised, ticket->bytes);
        atomic_store(&ticket->state, TICKET_PROMISED);
        any = true;
    }
    if (any) {
        (void)atomic_fetch_add(&room->rounds, 1);
    }
    return any;
}

/* Those who wait for a round that is over. */
static void wake(struct room *room)
{
    waiters_wake(&room->waiters, atomic_load(&room->rounds));
}

void local_room_let_in(struct local *store, bool is_full)
{
    struct room *room = &store->room;
    if (atomic_load(&room->waiting) == 0) {
        return;
    }
    (void)pthread_mutex_lock(&room->lock);
    const bool any = let_in(store);
    if (!any && is_full) {
        (void)atomic_fetch_add(&room->rounds, 1);
    }
    (void)pthread_mutex_unlock(&room->lock);
    if (any || is_full) {
        wake(room);
    }
}

/* It is let in, or among those to be woken once it is. With the lock of the room. */
static bool ask(struct local_txn *txn)
{
    struct room *room = &txn->store->room;
    if (atomic_load(&txn->ticket.state) == TICKET_NONE) {
        queue(room, txn);
    }
    const bool any = let_in(txn->store);
    if (atomic_load(&txn->ticket.state) != TICKET_PROMISED) {
        txn->waits_in = &room->waiters;
        const uint64_t next = atomic_load(&room->rounds) + 1;
        (void)waiters_add(txn->waits_in, &txn->waiter, next, &room->rounds);
    }
    return any;
}

bool local_room_waits(struct local_txn *txn)
{
    struct local *store = txn->store;
    struct room *room = &store->room;
    if (atomic_load(&txn->ticket.state) == TICKET_NONE && atomic_load(&room->waiting) == 0 &&
        has_room(store)) {
        return false;
    }
    waiters_settle(&room->waiters, &txn->waiter); /* before the lock, which a wake may want */
    (void)pthread_mutex_lock(&room->lock);
    const bool any = ask(txn);
    const bool waits = atomic_load(&txn->ticket.state) != TICKET_PROMISED;
    (void)pthread_mutex_unlock(&room->lock);
    if (!waits) {
        waiters_cancel(&room->waiters, &txn->waiter);
    }
    if (any) {
        wake(room);
    }
    return waits;
}

void local_room_leave(struct local_txn *txn)
{
    struct room *room = &txn->store->room;
    if (atomic_load(&txn->ticket.state) == TICKET_NONE) {
        return;
    }
    (void)pthread_mutex_lock(&room->lock);
    if (atomic_load(&txn->ticket.state) == TICKET_WAITS) {
        unqueue(room, &txn->ticket);
    } else {
        (void)atomic_fetch_sub(&room->promised, txn->ticket.bytes);
    }
    atomic_store(&txn->ticket.state, TICKET_NONE);
    (void)pthread_mutex_unlock(&room->lock);
    local_room_let_in(txn->store, false);
}

void local_room_init(struct room *room)
{
    waiters_init(&room->waiters);
    (void)pthread_mutex_init(&room->lock, NULL);
}

void local_room_done(struct room *room)
{
    CORDON_ASSERT(room->first == NULL && atomic_load(&room->promised) == 0);
    waiters_done(&room->waiters);
    (void)pthread_mutex_destroy(&room->lock);
}
