/*
 * The memory and table limits of a call, asked by the engine before anything grows.
 *
 * Up to exactly `memory_bytes` may be in use. The first growth past it is refused (the guest sees
 * -1), remembered, and opens a small headroom once, so that a guest out of memory can still put
 * its report together. Growth past the module's own maximum is refused too, but if that is the
 * lower of the two it is the module's doing and not remembered. A growth that the limits allow and
 * the operating system does not ends the call: what a guest sees must not depend on its neighbours.
 *
 * Growth has a price by the page, as the first touch of each is the system's work and not the
 * guest's: one store to a fresh page of 4 KiB takes 150 ns where the machine has it at hand, and up
 * to 2,000 where it does not. Growth of a table has one by the element. What a module begins with
 * is free.
 *
 * The limiter also keeps the sizes of memory and tables, as they grow through it alone; a handler's
 * bounds check then costs no call into the engine.
 */
#include "engine/internal.h"

static bool may_grow(const struct engine_call *call, uint64_t more)
{
    return call->options.may_grow == NULL || more == 0 ||
           call->options.may_grow(call->options.run, more);
}

static void remember(struct engine_call *call, bool is_table, uint64_t wanted)
{
    if (!call->refused.happened) {
        call->refused = (struct engine_refused_grow){true, is_table, wanted};
    }
}

static void refuse_memory(struct engine_call *call, uint64_t wanted)
{
    remember(call, false, wanted);
    if (!call->headroom_open) {
        call->headroom_open = true;
        call->memory_limit += ENGINE_HEADROOM_BYTES;
    }
}

static uint32_t memory_growing(void *data, size_t now, size_t wanted, size_t max)
{
    struct engine_call *call = data;
    if (wanted > call->memory_limit && call->memory_limit <= max) {
        refuse_memory(call, wanted);
        return NATIVE_GROW_REFUSED;
    }
    if (wanted > max) {
        return NATIVE_GROW_REFUSED;
    }
    if (!may_grow(call, wanted - now)) {
        call_give_reason(call, ENGINE_END_NO_HOST_MEMORY);
        return NATIVE_GROW_ENDS_CALL;
    }
    if (call->has_memory) {
        meter_owe(&call->guest.meter, (wanted - now) / ENGINE_PAGE_BYTES * ENGINE_PAGE_FUEL);
    }
    call->has_memory = true;
    call->guest.memory_bytes = wanted;
    return NATIVE_GROW_ALLOWED;
}

/* The growth was within all limits, so it was the operating system that could not. */
static uint32_t memory_failed(void *data)
{
    call_give_reason(data, ENGINE_END_NO_HOST_MEMORY);
    return NATIVE_GROW_ENDS_CALL;
}

static uint32_t table_growing(void *data, size_t now, size_t wanted, size_t max)
{
    struct engine_call *call = data;
    const uint64_t others = call->guest.table_elements - now;
    const uint64_t room = call->options.table_elements - others;
    if (wanted > room && room <= max) {
        remember(call, true, others + wanted);
        return NATIVE_GROW_REFUSED;
    }
    if (wanted > max) {
        return NATIVE_GROW_REFUSED;
    }
    if (call->has_table) {
        meter_owe(&call->guest.meter, (wanted - now) * ENGINE_ELEMENT_FUEL);
    }
    call->has_table = true;
    call->guest.table_elements = others + wanted;
    return NATIVE_GROW_ALLOWED;
}

void limiter_attach(struct engine_call *call)
{
    call->memory_limit = call->options.memory_bytes;
    call->limiter = (cordon_native_limiter){
        .data = call,
        .memory_growing = memory_growing,
        .memory_failed = memory_failed,
        .table_growing = table_growing,
    };
    cordon_native_store_limiter(call->store, &call->limiter);
}
