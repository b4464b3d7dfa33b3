/* Metering off, for a measurement; see unmetered.h. */
#include "unmetered.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wasm_config_t;
struct wasmtime_context;
struct wasmtime_error;

/* The names are the linker's. NOLINTBEGIN(*-reserved-identifier, cert-dcl*) */
void __real_wasmtime_config_consume_fuel_set(struct wasm_config_t *config, bool on);
struct wasmtime_error *__real_wasmtime_context_set_fuel(
    struct wasmtime_context *context, uint64_t fuel);
struct wasmtime_error *__real_wasmtime_context_get_fuel(
    const struct wasmtime_context *context, uint64_t *out_fuel);
struct wasmtime_error *__real_wasmtime_context_fuel_async_yield_interval(
    struct wasmtime_context *context, uint64_t interval);

void __wrap_wasmtime_config_consume_fuel_set(struct wasm_config_t *config, bool on);
struct wasmtime_error *__wrap_wasmtime_context_set_fuel(
    struct wasmtime_context *context, uint64_t fuel);
struct wasmtime_error *__wrap_wasmtime_context_get_fuel(
    const struct wasmtime_context *context, uint64_t *out_fuel);
struct wasmtime_error *__wrap_wasmtime_context_fuel_async_yield_interval(
    struct wasmtime_context *context, uint64_t interval);

static enum metering setting = METERING_ON;

/* What the run under way was granted, without metering; none of it is ever used. */
static uint64_t granted;

void metering_set(enum metering metering)
{
    setting = metering;
}

void __wrap_wasmtime_config_consume_fuel_set(struct wasm_config_t *config, bool on)
{
    __real_wasmtime_config_consume_fuel_set(config, on && setting != METERING_OFF);
}

struct wasmtime_error *__wrap_wasmtime_context_set_fuel(
    struct wasmtime_context *context, uint64_t fuel)
{
    if (setting != METERING_OFF) {
        return __real_wasmtime_context_set_fuel(context, fuel);
    }
    granted = fuel;
    return NULL;
}

struct wasmtime_error *__wrap_wasmtime_context_get_fuel(
    const struct wasmtime_context *context, uint64_t *out_fuel)
{
    if (setting != METERING_OFF) {
        return __real_wasmtime_context_get_fuel(context, out_fuel);
    }
    *out_fuel = granted;
    return NULL;
}

struct wasmtime_error *__wrap_wasmtime_context_fuel_async_yield_interval(
    struct wasmtime_context *context, uint64_t interval)
{
    if (setting == METERING_ON) {
        return __real_wasmtime_context_fuel_async_yield_interval(context, interval);
    }
    return NULL;
}
/* NOLINTEND(*-reserved-identifier, cert-dcl*) */
