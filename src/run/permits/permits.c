/* The permit counter and its queues; see permits.h. */
#include "run/permits/permits.h"

void permits_init(struct permits *permits, const struct permits_options *options)
{
    *permits = (struct permits){.options = *options};
    const int failed = pthread_mutex_init(&permits->lock, NULL);
    CORDON_ASSERT(failed == 0);
}

void permits_done(struct permits *permits)
{
    CORDON_ASSERT(permits->used == 0 && permits->waiting == 0);
    (void)pthread_mutex_destroy(&permits->lock);
}

/* -- Lists ---------------------------------------------------------------------------------- */

static void push_last(struct permit_list *list, struct permit_waiter *waiter)
{
    waiter->next = NULL;
    waiter->previous = list->last;
    *(list->last == NULL ? &list->first : &list->last->next) = waiter;
    list->last = waiter;
}

static void push_first(struct permit_list *list, struct permit_waiter *waiter)
{
    waiter->previous = NULL;
    waiter->next = list->first;
    *(list->first == NULL ? &list->last : &list->first->previous) = waiter;
    list->first = waiter;
}

static void unlink_waiter(struct permit_list *list, struct permit_waiter *waiter)
{
    *(waiter->previous == NULL ? &list->first : &waiter->previous->next) = waiter->next;
    *(waiter->next == NULL ? &list->last : &waiter->next->previous) = waiter->previous;
}

static void list_tenant(struct permits *permits, struct permit_tenant *tenant)
{
    tenant->previous = NULL;
    tenant->next = permits->tenants;
    if (tenant->next != NULL) {
        tenant->next->previous = tenant;
    }
    permits->tenants = tenant;
}

static void unlist_tenant(struct permits *permits, struct permit_tenant *tenant)
{
    *(tenant->previous == NULL ? &permits->tenants : &tenant->previous->next) = tenant->next;
    if (tenant->next != NULL) {
        tenant->next->previous = tenant->previous;
    }
}

/* -- Counts --------------------------------------------------------------------------------- */

static struct permit_class *class_of(const struct permit_waiter *waiter)
{
    return &waiter->tenant->kinds[waiter->kind];
}

/* Before it waits or is at work: who had nothing of either begins where the others are. */
static void join(struct permits *permits, const struct permit_waiter *waiter)
{
    struct permit_tenant *tenant = waiter->tenant;
    struct permit_class *class = class_of(waiter);
    if (tenant->waiting == 0 && tenant->fair.used == 0) {
        fair_join(&tenant->fair, permits->now_ns);
    }
    if (class->waiting == 0 && class->fair.used == 0) {
        fair_join(&class->fair, tenant->kinds_now_ns);
    }
}

static uint64_t later(uint64_t one_ns, uint64_t other_ns)
{
    return one_ns > other_ns ? one_ns : other_ns;
}

static void occupy(struct permits *permits, struct permit_waiter *waiter)
{
    struct permit_tenant *tenant = waiter->tenant;
    struct permit_class *class = class_of(waiter);
    permits->now_ns = later(permits->now_ns, tenant->fair.virtual_ns);
    tenant->kinds_now_ns = later(tenant->kinds_now_ns, class->fair.virtual_ns);
    permits->used++;
    tenant->fair.used++;
    class->fair.used++;
    waiter->is_long = waiter->spent_ns >= permits->options.short_ns;
    permits->used_long += waiter->is_long ? 1 : 0;
    atomic_store(&waiter->has_permit, true);
}

static void vacate(struct permits *permits, struct permit_waiter *waiter)
{
    permits->used--;
    waiter->tenant->fair.used--;
    class_of(waiter)->fair.used--;
    permits->used_long -= waiter->is_long ? 1 : 0;
    waiter->is_long = false;
    atomic_store(&waiter->has_permit, false);
}

/* Where nobody waits there are no others to compare with: time goes on with who runs. */
static void charge(struct permits *permits, struct permit_waiter *waiter)
{
    struct permit_tenant *tenant = waiter->tenant;
    struct permit_class *class = class_of(waiter);
    fair_charge(&tenant->fair, waiter->unpaid_ns);
    fair_charge(&class->fair, waiter->unpaid_ns);
    if (permits->waiting == 0) {
        permits->now_ns = later(permits->now_ns, tenant->fair.virtual_ns);
    }
    if (tenant->waiting == 0) {
        tenant->kinds_now_ns = later(tenant->kinds_now_ns, class->fair.virtual_ns);
    }
    waiter->spent_ns += waiter->unpaid_ns;
    waiter->unpaid_ns = 0;
}

static void enqueue(
    struct permits *permits, struct permit_waiter *waiter, struct permit_list *list, bool is_first)
{
    struct permit_class *class = class_of(waiter);
    (is_first ? push_first : push_last)(list, waiter);
    waiter->queue = list;
    waiter->since_ns = permits->options.read_ns();
    const uint32_t fresh = list == &class->fresh ? 1 : 0;
    class->waiting++;
    permits->fresh += fresh;
    waiter->tenant->fresh += fresh;
    permits->waiting++;
    if (waiter->tenant->waiting++ == 0) {
        list_tenant(permits, waiter->tenant);
    }
}

static void dequeue(struct permits *permits, struct permit_waiter *waiter)
{
    struct permit_class *class = class_of(waiter);
    unlink_waiter(waiter->queue, waiter);
    const uint32_t fresh = waiter->queue == &class->fresh ? 1 : 0;
    if (fresh > 0 && class->fresh.first == NULL) {
        codel_look(&class->codel, &permits->options.codel, true, 0, 0);
    }
    waiter->queue = NULL;
    class->waiting--;
    permits->fresh -= fresh;
    waiter->tenant->fresh -= fresh;
    permits->waiting--;
    if (--waiter->tenant->waiting == 0) {
        unlist_tenant(permits, waiter->tenant);
    }
}

/* -- Who is next ---------------------------------------------------------------------------- */

/* Turns away who has waited too long; the newest of a congested queue is never among them. */
static void expire(struct permits *permits, struct permit_class *class, uint64_t now_ns)
{
    const struct codel_options *options = &permits->options.codel;
    struct permit_waiter *oldest = class->fresh.first;
    if (oldest != NULL) {
        codel_look(&class->codel, options, false, now_ns - oldest->since_ns, now_ns);
    }
    while (oldest != NULL && codel_expires(&class->codel, options, now_ns - oldest->since_ns)) {
        dequeue(permits, oldest);
        permits->expired++;
        atomic_store(&oldest->expired, true);
        oldest->granted(oldest);
        oldest = class->fresh.first;
    }
}

/* Looks at all queues: each has its own CoDel. */
static void look(struct permits *permits)
{
    const uint64_t now_ns = permits->options.read_ns();
    struct permit_tenant *next = NULL;
    for (struct permit_tenant *tenant = permits->tenants; tenant != NULL; tenant = next) {
        next = tenant->next; /* it may leave the list */
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            expire(permits, &tenant->kinds[kind], now_ns);
        }
    }
}

/* Who of the late ones may go on now; NULL: nobody. */
static struct permit_waiter *first_late(
    const struct permits *permits, const struct permit_class *class)
{
    struct permit_waiter *first = class->late.first;
    const bool is_long = first != NULL && first->spent_ns >= permits->options.short_ns;
    return is_long && permits->used_long >= permits->options.long_max ? NULL : first;
}

static struct permit_waiter *first_of_class(
    const struct permits *permits, const struct permit_class *class)
{
    if (class->begun.first != NULL) {
        return class->begun.first;
    }
    struct permit_waiter *fresh =
        class->codel.is_congested ? class->fresh.last : class->fresh.first;
    struct permit_waiter *late = first_late(permits, class);
    return late == NULL || (fresh != NULL && !class->is_late_next) ? fresh : late;
}

static struct permit_waiter *first_of_tenant(
    const struct permits *permits, const struct permit_tenant *tenant)
{
    struct permit_waiter *first = NULL;
    uint64_t least = UINT64_MAX;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct permit_class *class = &tenant->kinds[kind];
        const uint64_t key = fair_key(&class->fair, permits->options.turn_ns);
        struct permit_waiter *waiter =
            class->waiting > 0 && key < least ? first_of_class(permits, class) : NULL;
        if (waiter != NULL) {
            first = waiter;
            least = key;
        }
    }
    return first;
}

static bool has_share_left(const struct permits *permits, const struct permit_tenant *tenant)
{
    const struct permits_options *options = &permits->options;
    return !options->is_shared || share_allows(
                                      tenant->fair.used, permits->used, 1, options->total,
                                      atomic_load(options->share_percent));
}

/* Who gets the next permit; NULL: nobody who may have one waits. */
static struct permit_waiter *first_of_all(const struct permits *permits)
{
    struct permit_waiter *first = NULL;
    uint64_t least = UINT64_MAX;
    for (const struct permit_tenant *tenant = permits->tenants; tenant != NULL;
         tenant = tenant->next) {
        const uint64_t key = fair_key(&tenant->fair, permits->options.turn_ns);
        struct permit_waiter *waiter = key < least && has_share_left(permits, tenant)
                                           ? first_of_tenant(permits, tenant)
                                           : NULL;
        if (waiter != NULL) {
            first = waiter;
            least = key;
        }
    }
    return first;
}

/*
 * Under the lock: the waiter cannot leave, and so not be freed, meanwhile. A wake only queues; it
 * never comes back in here.
 */
static void grant(struct permits *permits, struct permit_waiter *waiter)
{
    struct permit_class *class = class_of(waiter);
    if (waiter->queue != &class->begun) {
        class->is_late_next = waiter->queue == &class->fresh;
    }
    dequeue(permits, waiter);
    occupy(permits, waiter);
    if (waiter != permits->asking) {
        waiter->granted(waiter);
    }
}

/* Gives out what permits there are. `asking` is told by has_permit alone; NULL: nobody asks. */
static void hand_out(struct permits *permits, struct permit_waiter *asking)
{
    if (permits->waiting == 0) {
        atomic_store_explicit(&permits->is_wanted, false, memory_order_relaxed);
        return;
    }
    look(permits);
    permits->asking = asking;
    struct permit_waiter *next = first_of_all(permits);
    while (next != NULL && permits->used < permits->options.total) {
        grant(permits, next);
        next = first_of_all(permits);
    }
    permits->asking = NULL;
    const bool is_wanted = next != NULL && next->queue != &class_of(next)->late &&
                           (next->tenant->fair.used == 0 || class_of(next)->fair.used == 0);
    atomic_store_explicit(&permits->is_wanted, is_wanted, memory_order_relaxed);
}

/* -- Asking --------------------------------------------------------------------------------- */

static bool is_full(const struct permits *permits, const struct permit_tenant *tenant)
{
    const struct permits_options *options = &permits->options;
    return !share_allows(
        tenant->fresh, permits->fresh, 1, options->waiting_max,
        atomic_load(options->share_percent));
}

static struct permit_list *queue_for(
    const struct permits *permits, const struct permit_waiter *waiter, enum permit_claim claim)
{
    struct permit_class *class = class_of(waiter);
    if (claim == PERMIT_FRESH) {
        return &class->fresh;
    }
    const bool is_late = claim == PERMIT_SLEPT || waiter->spent_ns >= permits->options.short_ns;
    return is_late ? &class->late : &class->begun;
}

/* Under the lock. */
static enum permit_answer take(
    struct permits *permits, struct permit_waiter *waiter, enum permit_claim claim)
{
    join(permits, waiter);
    if (permits->waiting == 0 && permits->used < permits->options.total &&
        has_share_left(permits, waiter->tenant) && waiter->spent_ns < permits->options.short_ns) {
        occupy(permits, waiter);
        return PERMIT_HELD;
    }
    if (claim == PERMIT_FRESH && permits->fresh > 0) {
        look(permits); /* who is turned away makes room */
    }
    if (claim == PERMIT_FRESH && is_full(permits, waiter->tenant)) {
        permits->refused++;
        return PERMIT_REFUSED;
    }
    enqueue(permits, waiter, queue_for(permits, waiter, claim), false);
    hand_out(permits, waiter);
    return atomic_load(&waiter->has_permit) ? PERMIT_HELD : PERMIT_QUEUED;
}

enum permit_answer permits_take(
    struct permits *permits, struct permit_waiter *waiter, enum permit_claim claim)
{
    (void)pthread_mutex_lock(&permits->lock);
    const enum permit_answer answer = take(permits, waiter, claim);
    (void)pthread_mutex_unlock(&permits->lock);
    return answer;
}

/* Under the lock: who had so much of a processor that others go first from now on. */
static void grow_long(struct permits *permits, struct permit_waiter *waiter)
{
    if (!waiter->is_long && waiter->spent_ns >= permits->options.short_ns) {
        waiter->is_long = true;
        permits->used_long++;
    }
}

bool permits_yield(struct permits *permits, struct permit_waiter *waiter)
{
    (void)pthread_mutex_lock(&permits->lock);
    CORDON_ASSERT(atomic_load(&waiter->has_permit) && waiter->queue == NULL);
    charge(permits, waiter);
    grow_long(permits, waiter);
    const bool is_long = waiter->is_long;
    const bool passes = is_long
                            ? permits->waiting > 0 || permits->used_long > permits->options.long_max
                            : permits_are_wanted(permits);
    if (passes) {
        struct permit_class *class = class_of(waiter);
        vacate(permits, waiter);
        enqueue(permits, waiter, is_long ? &class->late : &class->begun, !is_long);
        hand_out(permits, waiter);
    }
    const bool kept = atomic_load(&waiter->has_permit);
    (void)pthread_mutex_unlock(&permits->lock);
    return kept;
}

void permits_give(struct permits *permits, struct permit_waiter *waiter)
{
    if (!atomic_load(&waiter->has_permit) && waiter->tenant == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&permits->lock);
    if (waiter->queue != NULL) {
        dequeue(permits, waiter);
        look(permits);
    } else if (atomic_load(&waiter->has_permit)) {
        charge(permits, waiter);
        vacate(permits, waiter);
        hand_out(permits, NULL);
    }
    (void)pthread_mutex_unlock(&permits->lock);
}

void permits_set_weight(struct permits *permits, struct permit_tenant *tenant, uint32_t weight)
{
    (void)pthread_mutex_lock(&permits->lock);
    tenant->fair.weight = weight;
    (void)pthread_mutex_unlock(&permits->lock);
}

struct permit_counts permits_count(struct permits *permits)
{
    (void)pthread_mutex_lock(&permits->lock);
    const struct permit_counts counts = {
        .used = permits->used,
        .waiting = permits->waiting,
        .refused = permits->refused,
        .expired = permits->expired,
    };
    (void)pthread_mutex_unlock(&permits->lock);
    return counts;
}
