/*
 * What a tenant has at this moment of what all share: slots, memory, permits. See
 * run/permits/shares.h and run/permits/permits.h.
 */
#ifndef RUN_USAGE_H
#define RUN_USAGE_H

#include "run/permits/permits.h"
#include "run/permits/shares.h"

/* All zeros at first. */
struct tenant_usage {
    atomic_ullong slots;        /* of calls from outside */
    atomic_ullong nested_slots; /* of calls that actions make */
    atomic_ullong memory;       /* bytes */
    atomic_ullong requests;     /* bytes that connections hold: http/charge.h */
    atomic_ullong loaded;       /* bytes of functions, with those of before that still run */
    struct permit_tenant permits;
    struct permit_tenant nests;
};

#endif
