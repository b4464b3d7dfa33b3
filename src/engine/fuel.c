/* The meter over the engine's own fuel; fuel.h says what it promises. */
#include "engine/fuel.h"

#include "engine/engine.h"

/* More than any run can use, and far from where the engine's signed counter would wrap. */
#define FUEL_MAX ((uint64_t)1 << 62)

/* The engine only fails here if fuel is switched off, which config.c does not do. */
static void must(wasmtime_error_t *error)
{
    CORDON_ASSERT(error == NULL);
}

static uint64_t engine_left(wasmtime_context_t *context)
{
    uint64_t left = 0;
    must(wasmtime_context_get_fuel(context, &left));
    return left;
}

void meter_grant(struct meter *meter, wasmtime_context_t *context, uint64_t fuel, uint64_t stop)
{
    *meter = (struct meter){.granted = fuel < FUEL_MAX ? fuel : FUEL_MAX};
    meter->reserve = stop < meter->granted ? meter->granted - stop : 0;
    meter->start = meter->granted - meter->reserve + 1;
    must(wasmtime_context_set_fuel(context, meter->start));
    must(wasmtime_context_fuel_async_yield_interval(context, ENGINE_SLICE_FUEL));
}

void meter_next_slice(struct meter *meter, wasmtime_context_t *context)
{
    if (meter->yields_soon) {
        must(wasmtime_context_fuel_async_yield_interval(context, ENGINE_SLICE_FUEL));
        meter->yields_soon = false;
    }
    meter->start = engine_left(context);
    if (meter->pending > 0) {
        meter->start = meter->start > meter->pending ? meter->start - meter->pending : 0;
        meter->pending = 0;
        must(wasmtime_context_set_fuel(context, meter->start));
    }
}

bool meter_charge(struct meter *meter, wasmtime_context_t *context, uint64_t fuel)
{
    const uint64_t left = engine_left(context);
    if (left <= meter->pending || fuel > left - meter->pending - 1) {
        meter->pending = left;
        meter->spent = true;
        return false;
    }
    meter->pending += fuel;
    const uint64_t in_slice = meter->start - left + meter->pending;
    if (in_slice >= ENGINE_SLICE_FUEL && !meter->yields_soon) {
        must(wasmtime_context_fuel_async_yield_interval(context, 1));
        meter->yields_soon = true;
    }
    return true;
}

void meter_owe(struct meter *meter, uint64_t fuel)
{
    meter->pending += fuel < FUEL_MAX - meter->pending ? fuel : FUEL_MAX - meter->pending;
}

uint64_t meter_left(const struct meter *meter, wasmtime_context_t *context)
{
    const uint64_t left = engine_left(context);
    return (left > meter->pending ? left - meter->pending - 1 : 0) + meter->reserve;
}

bool meter_overdrawn(const struct meter *meter, wasmtime_context_t *context)
{
    return engine_left(context) <= meter->pending;
}
