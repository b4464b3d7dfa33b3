/* The engine itself: what all modules and calls share. */
#include "engine/internal.h"

#include "base/memory.h"
#include "engine/config.h"
#include "engine/sealed.h"

static void engine_freep(struct engine **engine)
{
    engine_free(*engine);
}

cordon_error *engine_new(const struct engine_options *options, struct engine **out_engine)
{
    CORDON_CLEANUP(engine_freep) struct engine *engine = MEM_NEW(struct engine);
    if (engine == NULL) {
        return error_no_memory();
    }
    engine->options = *options;
    CORDON_ASSERT(pthread_mutex_init(&engine->lock, NULL) == 0);
    CORDON_ASSERT(pthread_mutex_init(&engine->trim_lock, NULL) == 0);
    engine->trim_module = NO_FD;
    TRY(config_engine_for_running(options, &engine->native, &engine->slots));
    config_digest(engine->fingerprint);
    TRY(link_imports(engine));
    *out_engine = CORDON_TAKE(engine);
    return NULL;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    CORDON_ASSERT(engine->calls == 0 && engine->modules == 0);
    calls_free_idle(engine);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (engine->linkers[kind] != NULL) {
            wasmtime_linker_delete(engine->linkers[kind]);
        }
    }
    if (engine->native != NULL) {
        wasm_engine_delete(engine->native);
    }
    fd_closep(&engine->trim_module);
    mem_free(engine->bindings);
    (void)pthread_mutex_destroy(&engine->lock);
    (void)pthread_mutex_destroy(&engine->trim_lock);
    mem_free(engine);
}

const uint8_t *engine_fingerprint(const struct engine *engine)
{
    return engine->fingerprint;
}

struct engine_counts engine_get_counts(const struct engine *engine)
{
    uint64_t use[2] = {0};
    cordon_native_pool_use(engine->native, use);
    return (struct engine_counts){
        .calls = engine->calls,
        .modules = engine->modules,
        .instances = engine->instances,
        .pool_memories = (uint32_t)use[0],
        .pool_stacks = (uint32_t)use[1],
    };
}

uint32_t engine_slots(const struct engine *engine)
{
    return engine->slots;
}
