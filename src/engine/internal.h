/*
 * What the files of this folder share: the bodies of the handles in engine.h. Nothing outside
 * includes this.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/fuel.h"
#include "engine/native.h"

#include <pthread.h>
#include <stdatomic.h>

/* Most parameters of an import; engine_new() refuses a longer row. */
enum { IMPORT_PARAMS_MAX = 16 };

/* One import as one kind sees it: what the engine hands back when the guest calls it. */
struct binding {
    const struct engine *engine;
    const struct engine_import *import;
};

struct engine {
    wasm_engine_t *native;
    struct engine_options options;
    uint8_t fingerprint[32];
    wasmtime_linker_t *linkers[KIND_COUNT];
    struct binding *bindings; /* one for each import; linkers point to them */
    uint32_t slots;           /* of the pool */
    _Atomic uint32_t instances;
    atomic_bool was_busy;      /* more than BUSY_SLOTS of them since trim.c last looked */
    _Atomic uint32_t trimming; /* those of trim.c */
    _Atomic uint32_t calls;
    _Atomic uint32_t modules;
    pthread_mutex_t trim_lock; /* one at a time trims */
    int trim_module;           /* NO_FD until trim.c has compiled it; under `trim_lock` */
    pthread_mutex_t lock;
    struct engine_call *idle; /* calls to use again, linked by `next_idle`; under `lock` */
    uint32_t idle_count;      /* under `lock` */
};

struct engine_module {
    struct engine *engine;
    _Atomic uint32_t references;
    wasmtime_module_t *native;
    wasmtime_instance_pre_t *prepared[KIND_COUNT];
};

/* The part of a call that handlers reach. */
struct engine_guest {
    wasmtime_context_t *context; /* of the call's store, for its whole life */
    struct meter meter;
    uint64_t memory_bytes;              /* size of the linear memory, kept by the limiter */
    uint64_t table_elements;            /* of all tables together, kept by the limiter */
    const struct engine_import *import; /* that is being called */
    uint8_t *memory;    /* its base, which never moves; NULL until a handler has asked */
    bool memory_sought; /* the base was looked for */
};

/* A call of a waiting import that is to be made again. */
struct awaited {
    const struct engine_import *import;
    uint64_t slots[IMPORT_PARAMS_MAX];
    wasmtime_val_t *results; /* the engine's, until the import has answered */
    wasm_trap_t **trap;      /* the same */
    bool fresh;              /* asked in this poll already */
};

enum stage {
    STAGE_NEW,
    STAGE_INSTANTIATING,
    STAGE_INITIALIZING,
    STAGE_CALLING,
    STAGE_OVER,
};

struct engine_call {
    struct engine_guest guest;
    struct engine *engine;
    struct engine_call *next_idle;
    struct engine_call_options options;

    /* The engine's side. */
    wasmtime_store_t *store;
    wasmtime_call_future_t *future; /* of the stage; borrows `instance`, `function`, trap, error */
    wasmtime_instance_t instance;
    wasmtime_func_t function;
    bool holds_slot;

    /* Where it is. */
    enum stage stage;
    enum engine_phase phase;
    enum engine_state state; /* what the last poll answered */
    bool slice_over;         /* the last poll ended because its slice was used up */
    bool waits;              /* an import waits */
    struct awaited awaited;
    uint64_t stage_since_ns; /* when the stage began */
    struct engine_timing timing;

    /* Its limits; see limiter.c. */
    cordon_native_limiter limiter;
    uint64_t memory_limit; /* bytes; grows once by the headroom */
    bool headroom_open;
    bool has_memory; /* of its initial size; what comes then is growth */
    bool has_table;  /* the same */
    struct engine_refused_grow refused;

    /* How it ended; see ending.c. */
    bool has_reason; /* `reason` was set by us before the engine was made to stop */
    enum engine_end reason;
    enum engine_end end;
    uint8_t trap_code;
    wasm_trap_t *trap;
    wasmtime_error_t *error;
    struct engine_frame frames[ENGINE_FRAMES_MAX];
    size_t frame_count;
};

/* So many calls at one time are no burst: what they leave is not worth looking for. */
enum { BUSY_SLOTS = 8 };

/*
 * The engine reports a full pool by words alone; so slots are counted here and the pool is never
 * asked for one that it does not have. False: there is none free.
 */
static inline bool slot_take(struct engine *engine)
{
    const uint32_t before = atomic_fetch_add(&engine->instances, 1);
    if (before >= engine->slots) {
        atomic_fetch_sub(&engine->instances, 1);
        return false;
    }
    if (before >= BUSY_SLOTS + atomic_load_explicit(&engine->trimming, memory_order_relaxed)) {
        atomic_store_explicit(&engine->was_busy, true, memory_order_relaxed);
    }
    return true;
}

static inline void slot_give(struct engine *engine)
{
    atomic_fetch_sub(&engine->instances, 1);
}

/* link.c: one linker for each kind, with every import bound to its handler or to the denial. */
CORDON_MUST_USE cordon_error *link_imports(struct engine *engine);

/* call.c: what was kept of calls for the next ones goes. */
void calls_free_idle(struct engine *engine);

/* limiter.c: gives the call's new store the limits of its options. */
void limiter_attach(struct engine_call *call);

/* ending.c: reads trap or error, whichever the engine gave, into the call. */
void ending_read(struct engine_call *call);
void ending_done(struct engine_call *call);

/* Says why a call is about to be stopped. The first reason stands. */
static inline void call_give_reason(struct engine_call *call, enum engine_end reason)
{
    if (!call->has_reason) {
        call->has_reason = true;
        call->reason = reason;
    }
}

#endif
