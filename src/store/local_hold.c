/*
 * Snapshots that are held. A hold is a place in a list: the snapshot, whose it is, and until when
 * it is kept. Whoever moves the horizon asks for those of each tenant; whoever begins on one finds
 * it here under the lock of the open list, so that it cannot be lost in between. Times are looked
 * at when somebody asks, so nothing has to run for a hold to end.
 *
 * There is no table that could be full of what others hold: beyond STORE_HOLDS_MAX a tenant still
 * gets its first ones, and what that takes is bounded by the number of tenants.
 */
#include "store/local.h"

#include "base/clock.h"
#include "base/memory.h"

static bool is_live(const struct hold *hold, uint64_t now_ns)
{
    return now_ns < hold->idle_until_ns && now_ns < hold->until_ns;
}

static void remove_hold(struct local *store, struct hold **link)
{
    struct hold *hold = *link;
    *link = hold->next;
    mem_free(hold);
    store->holds_ended++;
}

void local_holds_end(struct local *store, uint64_t now_ns)
{
    struct hold **link = &store->holds;
    while (*link != NULL) {
        if (is_live(*link, now_ns)) {
            link = &(*link)->next;
        } else {
            remove_hold(store, link);
        }
    }
}

/* Whether the tenant may have one more; what it and all have, of those that are live. */
static bool has_place(struct local *store, uint32_t tenant, size_t *out_mine, size_t *out_all)
{
    size_t mine = 0;
    size_t all = 0;
    for (const struct hold *hold = store->holds; hold != NULL; hold = hold->next) {
        mine += hold->tenant == tenant;
        all++;
    }
    *out_mine = mine;
    *out_all = all;
    return mine < STORE_HOLDS_OF_TENANT_MAX && (all < STORE_HOLDS_MAX || mine < STORE_HOLDS_OWN);
}

static cordon_error *refuse(size_t mine, size_t all)
{
    if (mine >= STORE_HOLDS_OF_TENANT_MAX) {
        return cordon_error_new(
            CORDON_E_OVERLOADED,
            "this tenant holds %zu snapshots, which is as many as one may; begin again when one of "
            "those who read them is done, or has been idle for two minutes",
            mine);
    }
    return cordon_error_new(
        CORDON_E_OVERLOADED,
        "all tenants together hold %zu snapshots, and from %d on each may have %d, while this one "
        "holds %zu; begin again when others, or who reads those of this one, are done, or have "
        "been idle for two minutes",
        all, STORE_HOLDS_MAX, STORE_HOLDS_OWN, mine);
}

cordon_error *local_hold(struct store *base, uint32_t tenant, uint64_t *out_snapshot)
{
    struct local *store = (struct local *)base;
    struct hold *hold = MEM_NEW(struct hold);
    if (hold == NULL) {
        return error_no_memory();
    }
    size_t mine = 0;
    size_t all = 0;
    const uint64_t now_ns = clock_monotonic_ns();
    (void)pthread_mutex_lock(&store->open.lock);
    local_holds_end(store, now_ns);
    const bool held = has_place(store, tenant, &mine, &all);
    if (held) {
        *hold = (struct hold){
            .next = store->holds,
            .snapshot = atomic_load(&store->visible_ts),
            .tenant = tenant,
            .idle_until_ns = now_ns + store->hold_idle_ns,
            .until_ns = now_ns + store->hold_ns,
        };
        *out_snapshot = hold->snapshot;
        store->holds = hold;
    }
    (void)pthread_mutex_unlock(&store->open.lock);
    if (!held) {
        mem_free(hold);
        return refuse(mine, all);
    }
    return NULL;
}

/* Two may hold the same snapshot; each lets go of one place. */
void local_release(struct store *base, uint32_t tenant, uint64_t snapshot)
{
    struct local *store = (struct local *)base;
    (void)pthread_mutex_lock(&store->open.lock);
    struct hold **link = &store->holds;
    while (*link != NULL && ((*link)->snapshot != snapshot || (*link)->tenant != tenant)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        remove_hold(store, link);
    }
    (void)pthread_mutex_unlock(&store->open.lock);
}

bool local_hold_on(struct local *store, uint32_t tenant, uint64_t snapshot)
{
    const uint64_t now_ns = clock_monotonic_ns();
    bool held = false;
    for (struct hold *hold = store->holds; hold != NULL; hold = hold->next) {
        if (hold->snapshot == snapshot && hold->tenant == tenant && is_live(hold, now_ns)) {
            hold->idle_until_ns = now_ns + store->hold_idle_ns;
            held = true;
        }
    }
    return held;
}

void local_holds_free(struct local *store)
{
    local_holds_end(store, UINT64_MAX);
}
