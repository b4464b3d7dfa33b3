/*
 * Snapshots that are held. A hold is a place in a table: the snapshot, and until when it is kept.
 * Whoever moves the horizon asks for the oldest; whoever begins on one finds it here under the lock
 * of the open list, so that it cannot be lost in between. Times are looked at when somebody asks,
 * so nothing has to run for a hold to end.
 */
#include "store/local.h"

#include "base/clock.h"

static bool is_live(const struct hold *hold, uint64_t now_ns)
{
    return hold->snapshot != 0 && now_ns < hold->idle_until_ns && now_ns < hold->until_ns;
}

/* A place that is free, or whose time is over; NULL: all that the tenant may have are taken. */
static struct hold *find_place(struct local *store, uint32_t tenant, uint64_t now_ns)
{
    struct hold *place = NULL;
    size_t taken = 0;
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        struct hold *hold = &store->holds[i];
        if (!is_live(hold, now_ns)) {
            place = hold;
        } else if (hold->tenant == tenant) {
            taken++;
        }
    }
    return taken < STORE_HOLDS_OF_TENANT_MAX ? place : NULL;
}

cordon_error *local_hold(struct store *base, uint32_t tenant, uint64_t *out_snapshot)
{
    struct local *store = (struct local *)base;
    const uint64_t now_ns = clock_monotonic_ns();
    (void)pthread_mutex_lock(&store->open.lock);
    struct hold *hold = find_place(store, tenant, now_ns);
    if (hold != NULL) {
        *hold = (struct hold){
            .snapshot = atomic_load(&store->visible_ts),
            .tenant = tenant,
            .idle_until_ns = now_ns + store->hold_idle_ns,
            .until_ns = now_ns + store->hold_ns,
        };
        *out_snapshot = hold->snapshot;
    }
    (void)pthread_mutex_unlock(&store->open.lock);
    return hold != NULL
               ? NULL
               : cordon_error_new(
                     CORDON_E_OVERLOADED,
                     "as many snapshots are held as may be, which is %d; begin again when one of "
                     "those who read them is done, or has been idle for two minutes",
                     STORE_HOLDS_OF_TENANT_MAX);
}

/* Two may hold the same snapshot; each lets go of one place. */
void local_release(struct store *base, uint32_t tenant, uint64_t snapshot)
{
    struct local *store = (struct local *)base;
    (void)pthread_mutex_lock(&store->open.lock);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        struct hold *hold = &store->holds[i];
        if (snapshot != 0 && hold->snapshot == snapshot && hold->tenant == tenant) {
            *hold = (struct hold){0};
            break;
        }
    }
    (void)pthread_mutex_unlock(&store->open.lock);
}

bool local_hold_on(struct local *store, uint32_t tenant, uint64_t snapshot)
{
    const uint64_t now_ns = clock_monotonic_ns();
    bool held = false;
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        struct hold *hold = &store->holds[i];
        if (hold->snapshot == snapshot && hold->tenant == tenant && is_live(hold, now_ns)) {
            hold->idle_until_ns = now_ns + store->hold_idle_ns;
            held = true;
        }
    }
    return held;
}

uint64_t local_oldest_hold(struct local *store)
{
    const uint64_t now_ns = clock_monotonic_ns();
    uint64_t oldest = UINT64_MAX;
    (void)pthread_mutex_lock(&store->open.lock);
    for (size_t i = 0; i < STORE_HOLDS_MAX; i++) {
        const struct hold *hold = &store->holds[i];
        if (is_live(hold, now_ns) && hold->snapshot < oldest) {
            oldest = hold->snapshot;
        }
    }
    (void)pthread_mutex_unlock(&store->open.lock);
    return oldest;
}
