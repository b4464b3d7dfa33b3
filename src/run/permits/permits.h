/*
 * Permits: how many runs execute guest code at one time, and who is next. A permit is held only
 * while guest code runs, or what is done for it meanwhile.
 *
 * Who waits stands in a queue of its tenant and kind. The next permit goes to the tenant that had
 * least of a processor's time for its weight, there to the kind that had least
 * (run/permits/fair.h), and there
 *
 *  - first to runs that have begun and are short: what is begun is finished, so that under load a
 *    few runs are under way and quick, and not all of them and slow;
 *  - then in turns to calls that have not begun, oldest first, or newest first if their queue is
 *    congested (run/permits/codel.h); and to runs that have computed for long, one turn each, so
 *    that neither keeps the other out.
 *
 * A run keeps its permit from turn to turn until it has computed for long. Of those no more are at
 * work than there are processors, so that what time they have is decided here, and calls that are
 * short find a permit at once. If there is none all the same for a tenant or kind that has no other
 * run at work, one that runs gives its permit up at the end of its slice, not of its turn.
 *
 * It is also used to count what is held for long (`is_shared`): then each tenant keeps to its
 * share, and nobody is asked to give anything up.
 */
#ifndef RUN_PERMITS_H
#define RUN_PERMITS_H

#include "base/error.h"
#include "limits/budget.h"
#include "run/permits/codel.h"
#include "run/permits/fair.h"
#include "run/permits/shares.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct permits_options {
    uint32_t total;
    uint32_t long_max;    /* of these, of runs that have computed for long */
    uint32_t waiting_max; /* calls that have not begun, of all tenants */
    uint64_t turn_ns;     /* the usual length of a turn */
    uint64_t short_ns;    /* of processor time; who had more has computed for long */
    struct codel_options codel;
    bool is_shared;                   /* who has one keeps it: each tenant has its share of them */
    const atomic_uint *share_percent; /* of a tenant, of permits or of places in the queue */
    uint64_t (*read_ns)(void);        /* the monotonic clock */
};

struct permit_waiter {
    struct permit_waiter *next;
    struct permit_waiter *previous;
    struct permit_tenant *tenant; /* whose it is, and of what kind: set before it is first used */
    cordon_kind kind;
    void (*granted)(struct permit_waiter *waiter); /* any thread; must not call back in here */
    uint64_t unpaid_ns; /* processor time since it was last asked for here; its owner adds to it */
    uint64_t spent_ns;  /* processor time it had in all */
    atomic_bool has_permit;
    atomic_bool expired; /* turned away: it waited too long in a queue that is congested */
    /* Guarded by the lock of the permits. */
    struct permit_list *queue; /* where it waits; NULL: nowhere */
    uint64_t since_ns;
    bool is_long; /* counts as that as long as it has the permit */
};

struct permit_list {
    struct permit_waiter *first;
    struct permit_waiter *last;
};

/* Runs of one kind of one tenant. */
struct permit_class {
    struct fair fair;
    struct permit_list begun; /* and short */
    struct permit_list fresh; /* have not begun */
    struct permit_list late;  /* have computed for long, or slept */
    bool is_late_next;        /* of the two */
    uint32_t waiting;
    struct codel codel;
};

/* What the permits know of a tenant; zero at first. It outlives its waiters. */
struct permit_tenant {
    struct permit_tenant *next; /* of those for whom somebody waits */
    struct permit_tenant *previous;
    struct fair fair;
    uint64_t kinds_now_ns; /* virtual time of its kinds */
    uint32_t waiting;
    uint32_t fresh; /* of these, calls that have not begun */
    struct permit_class kinds[KIND_COUNT];
};

struct permits {
    struct permits_options options;
    pthread_mutex_t lock;
    uint32_t used;
    uint32_t used_long;
    uint32_t waiting;
    uint32_t fresh;
    uint64_t now_ns;               /* virtual time of the tenants */
    struct permit_tenant *tenants; /* for whom somebody waits */
    struct permit_waiter *asking;  /* who asks now, and needs no call to know of a permit */
    atomic_bool is_wanted;         /* by a tenant or kind that has none */
    uint64_t refused;              /* as the queue was full */
    uint64_t expired;
};

enum permit_answer { PERMIT_HELD, PERMIT_QUEUED, PERMIT_REFUSED };

/* Who asks for a permit. */
enum permit_claim {
    PERMIT_FRESH, /* has not begun: the only one that a full or congested queue turns away */
    PERMIT_SLEPT, /* waited because it wanted to: naps are not the way to the front */
    PERMIT_AGAIN, /* waited for the host, or is called by one that has begun */
};

void permits_init(struct permits *permits, const struct permits_options *options);
void permits_done(struct permits *permits);

/*
 * Takes a permit or queues for one. `granted` is called when it comes (has_permit is true by then)
 * or when it never will (`expired` is).
 */
enum permit_answer permits_take(
    struct permits *permits, struct permit_waiter *waiter, enum permit_claim claim);

/*
 * At the end of a turn of a run that holds a permit and could go on. True: it keeps the permit.
 * False: another has it now, and the run waits (`granted` is called when its turn comes).
 */
bool permits_yield(struct permits *permits, struct permit_waiter *waiter);

/* Gives a permit back, or leaves the queue. Does nothing if there is neither. */
void permits_give(struct permits *permits, struct permit_waiter *waiter);

/* What a tenant has of the processors beside others; FAIR_WEIGHT is what one has by default. */
void permits_set_weight(struct permits *permits, struct permit_tenant *tenant, uint32_t weight);

/* Whether turns end with their slice, as somebody has none. Any thread. */
static inline bool permits_are_wanted(const struct permits *permits)
{
    return atomic_load_explicit(&permits->is_wanted, memory_order_relaxed);
}

/* How things stand now. Any thread. */
struct permit_counts {
    uint32_t used;
    uint32_t waiting;
    uint64_t refused; /* so far */
    uint64_t expired;
};
struct permit_counts permits_count(struct permits *permits);

#endif
