/*
 * Metering, behind one small interface so that another way of counting fuel touches nothing else.
 *
 * The engine takes one unit for each operator (bulk operations: one for each byte or element
 * besides) and looks at what is left at function entries, loop headers and bulk operations. The
 * meter makes three promises on top of that:
 *
 * - A call that uses more than it was granted never succeeds, and one that uses exactly as much
 *   does. The engine stops a guest at the first look that finds nothing left; so it is given one
 *   unit more than granted, and that unit is left at the end of every call that kept to its grant.
 * - The same call uses the same fuel every time, also after a trap. What the engine reports after
 *   a trap depends on where the guest was interrupted before; so slices begin and end, and host
 *   charges are taken off, only at points that follow from the call itself. A wait is no such
 *   point: whether a host call waits depends on the machine.
 * - A slice bounds host work too. Taking fuel off in the middle of a slice would start the
 *   engine's count of the slice anew, and a guest that calls the host in a loop would never yield.
 *   So charges gather here, and once they fill the slice the engine is told to yield at its next
 *   look.
 */
#ifndef ENGINE_FUEL_H
#define ENGINE_FUEL_H

#include "engine/native.h"

struct meter {
    uint64_t granted;
    uint64_t reserve; /* of it: what the engine is not given, as the call is to be stopped before */
    uint64_t pending; /* charged by the host, not yet taken off at the engine */
    uint64_t start;   /* what the engine had left when the slice began */
    bool yields_soon; /* the engine was told to yield at its next look */
    bool spent;       /* a charge was refused */
};

/*
 * Grants `fuel` to a fresh store and begins the first slice. The call ends as if it had no more
 * once it has used `stop`, if that is less; until then nothing tells it.
 */
void meter_grant(struct meter *meter, wasmtime_context_t *context, uint64_t fuel, uint64_t stop);

/* Begins the next slice: takes off what was charged. Only after a yield, never after a wait. */
void meter_next_slice(struct meter *meter, wasmtime_context_t *context);

/* Charges host work. False, and nothing is left, if there is not enough. */
bool meter_charge(struct meter *meter, wasmtime_context_t *context, uint64_t fuel);

/*
 * Charges what is done already, or can't be refused here: if there is not enough, the call ends at
 * the end of its slice, of itself or at its next charge, whichever comes first. Doesn't ask the
 * engine, so that it may be called from within it.
 */
void meter_owe(struct meter *meter, uint64_t fuel);

/* What remains after all charges. */
uint64_t meter_left(const struct meter *meter, wasmtime_context_t *context);

/* True if more was used than granted: the call must not succeed. */
bool meter_overdrawn(const struct meter *meter, wasmtime_context_t *context);

#endif
