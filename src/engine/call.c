/*
 * One call, from a fresh store to its end.
 *
 *   new ──► instantiate (start section) ──► _initialize ──► export ──► returned
 *                 └───────────────┴────────────┴──► ended: trap, stop, limit
 *
 * Each stage is a future that runs on a fiber and is polled slice by slice. The engine lets one
 * future of a store be alive at a time, and everything it was given must stay where it is until
 * the future is deleted; so all of that stands in the call, which never moves. Deleting a future
 * that is not done unwinds the fiber: this is how a call is cancelled.
 *
 * Calls are used again: the structures wait in a list of the engine, as making one is on the path
 * of every run.
 */
#include "engine/internal.h"

#include "base/clock.h"
#include "base/memory.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>

/* Of the sanitizer's run time; no header declares them. */
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

/*
 * The engine makes a thread's stack for signals with its first call, and is then on a fiber's stack
 * that another thread's call may just have given back to the pool.
 */
/* The name is the sanitizer's. NOLINTBEGIN(*-reserved-identifier, cert-dcl*) */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:allocate_sigaltstack\n";
}
/* NOLINTEND(*-reserved-identifier, cert-dcl*) */
#endif

/*
 * The locks of the engine's pool are compiled code that ThreadSanitizer does not see. It is told
 * that what one call did in a slot happens before the next call that gets the slot (find_memory()
 * in link.c is the other end), and to look away while the slot is wiped.
 */
static void delete_store(struct engine_call *call)
{
#if defined(__SANITIZE_THREAD__)
    __tsan_release(call->engine);
    AnnotateIgnoreWritesBegin(__FILE_NAME__, __LINE__);
    wasmtime_store_delete(call->store);
    AnnotateIgnoreWritesEnd(__FILE_NAME__, __LINE__);
#else
    wasmtime_store_delete(call->store);
#endif
}

/* -- Birth and death ------------------------------------------------------------------------ */

static struct engine_call *take_idle(struct engine *engine)
{
    CORDON_ASSERT(pthread_mutex_lock(&engine->lock) == 0);
    struct engine_call *call = engine->idle;
    if (call != NULL) {
        engine->idle = call->next_idle;
        engine->idle_count--;
    }
    CORDON_ASSERT(pthread_mutex_unlock(&engine->lock) == 0);
    return call != NULL ? call : MEM_NEW(struct engine_call);
}

static void give_back(struct engine *engine, struct engine_call *call)
{
    CORDON_ASSERT(pthread_mutex_lock(&engine->lock) == 0);
    const bool keep = engine->idle_count < engine->slots;
    if (keep) {
        call->next_idle = engine->idle;
        engine->idle = call;
        engine->idle_count++;
    }
    CORDON_ASSERT(pthread_mutex_unlock(&engine->lock) == 0);
    if (!keep) {
        mem_free(call);
    }
}

void calls_free_idle(struct engine *engine)
{
    CORDON_ASSERT(pthread_mutex_lock(&engine->lock) == 0);
    struct engine_call *idle = engine->idle;
    engine->idle = NULL;
    engine->idle_count = 0;
    CORDON_ASSERT(pthread_mutex_unlock(&engine->lock) == 0);
    while (idle != NULL) {
        struct engine_call *call = idle;
        idle = call->next_idle;
        mem_free(call);
    }
}

/* Everything but the frames, which are valid up to `frame_count` alone. */
static void clear(struct engine_call *call)
{
    memset(call, 0, offsetof(struct engine_call, frames));
    call->frame_count = 0;
}

cordon_error *engine_call_new(
    const struct engine_call_options *options, struct engine_call **out_call)
{
    struct engine *engine = options->module->engine;
    if (options->memory_bytes > engine->options.memory_bytes_max ||
        options->table_elements > engine->options.table_elements_max) {
        return cordon_error_new(
            CORDON_E_INVALID, "the limits of a call must not be higher than those of the engine");
    }
    struct engine_call *call = take_idle(engine);
    if (call == NULL) {
        return error_no_memory();
    }
    clear(call);
    call->engine = engine;
    call->options = *options;
    call->options.module = engine_module_ref(options->module);
    atomic_fetch_add_explicit(&engine->calls, 1, memory_order_relaxed);
    call->store = wasmtime_store_new(engine->native, call, NULL);
    call->guest.context = wasmtime_store_context(call->store);
    limiter_attach(call);
    const uint64_t stop = options->fuel_stop > 0 ? options->fuel_stop : UINT64_MAX;
    meter_grant(&call->guest.meter, call->guest.context, options->fuel, stop);
    *out_call = call;
    return NULL;
}

static void end_future(struct engine_call *call)
{
    if (call->future != NULL) {
        wasmtime_call_future_delete(call->future);
        call->future = NULL;
    }
}

void engine_call_free(struct engine_call *call)
{
    if (call == NULL) {
        return;
    }
    struct engine *engine = call->engine;
    end_future(call);
    ending_done(call);
    delete_store(call);
    if (call->holds_slot) {
        slot_give(engine);
    }
    engine_module_unref(call->options.module);
    give_back(engine, call);
    atomic_fetch_sub(&engine->calls, 1);
}

/* -- Stages --------------------------------------------------------------------------------- */

static enum engine_state end(struct engine_call *call, enum engine_end why)
{
    call->stage = STAGE_OVER;
    call->end = why;
    call->state = ENGINE_ENDED;
    return call->state;
}

static void instantiate(struct engine_call *call)
{
    call->stage = STAGE_INSTANTIATING;
    call->future = wasmtime_instance_pre_instantiate_async(
        call->options.module->prepared[call->options.kind], call->guest.context, &call->instance,
        &call->trap, &call->error);
}

/* Begins a call of an export of type () -> (); false if there is none. */
static bool begin_export(struct engine_call *call, struct slice name)
{
    wasmtime_extern_t export;
    if (!wasmtime_instance_export_get(
            call->guest.context, &call->instance, (const char *)name.data, name.size, &export) ||
        export.kind != WASMTIME_EXTERN_FUNC) {
        return false;
    }
    call->function = export.of.func;
    call->future = wasmtime_func_call_async(
        call->guest.context, &call->function, NULL, 0, NULL, 0, &call->trap, &call->error);
    return true;
}

static bool begin_function(struct engine_call *call)
{
    call->stage = STAGE_CALLING;
    call->phase = ENGINE_RUNNING;
    call->timing.has_begun = true;
    if (call->options.on_running != NULL) {
        call->options.on_running(call->options.run);
    }
    return begin_export(call, call->options.export_name);
}

/* How long the stage took that has just come to its end; the next one begins. */
static uint64_t end_stage(struct engine_call *call)
{
    const uint64_t since_ns = call->stage_since_ns;
    call->stage_since_ns = clock_monotonic_ns();
    return call->stage_since_ns - since_ns;
}

/* What follows the stage that has just come to its end; false if an export is missing. */
static bool next_stage(struct engine_call *call)
{
    switch (call->stage) {
    case STAGE_NEW:
        (void)end_stage(call);
        instantiate(call);
        return true;
    case STAGE_INSTANTIATING:
        call->timing.instantiate_ns = end_stage(call);
        call->timing.has_instance = true;
        if (call->options.has_initialize) {
            call->stage = STAGE_INITIALIZING;
            return begin_export(call, SLICE("_initialize"));
        }
        return begin_function(call);
    case STAGE_INITIALIZING:
        call->timing.initialize_ns = end_stage(call);
        return begin_function(call);
    case STAGE_CALLING:
        call->stage = STAGE_OVER;
        return true;
    case STAGE_OVER:
        break;
    }
    return true;
}

/* Polls the future of the stage. True if the stage is done, well or badly. */
static bool poll_stage(struct engine_call *call)
{
    call->waits = false;
    if (!wasmtime_call_future_poll(call->future)) {
        call->slice_over = !call->waits;
        call->state = call->waits ? ENGINE_WAITING : ENGINE_YIELDED;
        return false;
    }
    end_future(call);
    return true;
}

static enum engine_state finish(struct engine_call *call)
{
    if (meter_overdrawn(&call->guest.meter, call->guest.context)) {
        return end(call, ENGINE_END_OUT_OF_FUEL);
    }
    call->state = ENGINE_RETURNED;
    return call->state;
}

enum engine_state engine_call_poll(struct engine_call *call)
{
    if (call->stage == STAGE_OVER) {
        return call->state;
    }
    if (call->stage == STAGE_NEW) {
        call->holds_slot = slot_take(call->engine);
        if (!call->holds_slot) {
            return end(call, ENGINE_END_POOL_FULL);
        }
        if (!meter_charge(&call->guest.meter, call->guest.context, call->options.loading_fuel)) {
            return end(call, ENGINE_END_OUT_OF_FUEL);
        }
        (void)next_stage(call);
    }
    if (call->slice_over) {
        call->slice_over = false;
        meter_next_slice(&call->guest.meter, call->guest.context);
    }
    while (poll_stage(call)) {
        if (call->trap != NULL || call->error != NULL) {
            ending_read(call);
            return end(call, call->end);
        }
        if (!next_stage(call)) {
            return end(call, ENGINE_END_INTERNAL);
        }
        if (call->stage == STAGE_OVER) {
            return finish(call);
        }
    }
    return call->state;
}

/* -- Questions ------------------------------------------------------------------------------ */

enum engine_phase engine_call_phase(const struct engine_call *call)
{
    return call->phase;
}

struct engine_timing engine_call_timing(const struct engine_call *call)
{
    return call->timing;
}

uint64_t engine_call_fuel_used(struct engine_call *call)
{
    return call->guest.meter.granted - meter_left(&call->guest.meter, call->guest.context);
}

uint64_t engine_call_memory_bytes(struct engine_call *call)
{
    return call->guest.memory_bytes;
}

uint64_t engine_call_table_elements(const struct engine_call *call)
{
    return call->guest.table_elements;
}

struct engine_refused_grow engine_call_refused_grow(const struct engine_call *call)
{
    return call->refused;
}
