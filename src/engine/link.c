/*
 * Imports: from the rows of the table to functions that a guest can call.
 *
 * Each kind of function has a linker of its own. A row that a kind may use is bound to its
 * handler, any other to a stub that reports the denial and ends the call; so a module links the
 * same under every kind and what it may do shows when it does it.
 *
 * A row that answers at once is an unchecked function: 10 ns, arguments in raw slots whose types
 * the engine has compared with the row when the module was linked. A row that may wait is an
 * asynchronous function: the handler is asked, and if it says WAIT the fiber is suspended and the
 * handler asked again at each poll. The engine keeps the argument and result slots alive meanwhile.
 */
#include "engine/internal.h"

#include "base/memory.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/* Remembers where the guest's memory is; `caller` is the engine's for the time of one import. */
static void find_memory(struct engine_call *call, wasmtime_caller_t *caller)
{
    struct engine_guest *guest = &call->guest;
    wasmtime_extern_t memory;
    guest->memory_sought = true;
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(call->engine); /* see delete_store() in call.c */
#endif
    if (!wasmtime_caller_export_get(caller, "memory", strlen("memory"), &memory)) {
        return;
    }
    if (memory.kind == WASMTIME_EXTERN_MEMORY) {
        guest->memory = wasmtime_memory_data(guest->context, &memory.of.memory);
        CORDON_ASSERT(
            wasmtime_memory_data_size(guest->context, &memory.of.memory) == guest->memory_bytes);
    }
}

static struct engine_call *call_of(wasmtime_caller_t *caller)
{
    struct engine_call *call = wasmtime_context_get_data(wasmtime_caller_context(caller));
    if (!call->guest.memory_sought) {
        find_memory(call, caller);
    }
    return call;
}

/* Makes the engine unwind the guest. The text goes nowhere; ending.c takes the reason. */
static wasm_trap_t *stop(struct engine_call *call)
{
    static const char text[] = "stopped";
    call_give_reason(call, ENGINE_END_STOPPED);
    return wasmtime_trap_new(text, sizeof text - 1);
}

/* A refused charge ends the call even if the handler has overlooked it. */
static enum engine_answer ask(
    struct engine_call *call, const struct engine_import *import, uint64_t *slots)
{
    call->guest.import = import;
    const enum engine_answer answer = import->handler(call->options.run, &call->guest, slots);
    return call->guest.meter.spent ? ENGINE_STOP : answer;
}

/* -- Imports that answer at once ------------------------------------------------------------ */

static uint64_t raw_read(const wasmtime_val_raw_t *raw, char type)
{
    return type == 'i' || type == 'f' ? (uint32_t)raw->i32 : (uint64_t)raw->i64;
}

static void raw_write(wasmtime_val_raw_t *raw, char type, uint64_t value)
{
    if (type == 'i' || type == 'f') {
        raw->i32 = (int32_t)(uint32_t)value;
    } else {
        raw->i64 = (int64_t)value;
    }
}

static wasm_trap_t *enter(
    void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t raw_count)
{
    (void)raw_count; /* the greater of parameters and results, as the row says */
    const struct engine_import *import = ((const struct binding *)env)->import;
    struct engine_call *call = call_of(caller);
    uint64_t slots[IMPORT_PARAMS_MAX];
    slots[0] = 0;
    for (size_t i = 0; import->params[i] != '\0'; i++) {
        slots[i] = raw_read(&raw[i], import->params[i]);
    }
    const enum engine_answer answer = ask(call, import, slots);
    if (answer == ENGINE_STOP) {
        return stop(call);
    }
    CORDON_ASSERT(answer == ENGINE_ANSWERED); /* this row may not wait */
    if (import->result[0] != '\0') {
        raw_write(&raw[0], import->result[0], slots[0]);
    }
    return NULL;
}

static wasm_trap_t *deny(
    void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t raw_count)
{
    (void)raw;
    (void)raw_count;
    const struct binding *binding = env;
    struct engine_call *call = call_of(caller);
    (void)binding->engine->options.denied(call->options.run, binding->import);
    return stop(call);
}

/* -- Imports that may wait ------------------------------------------------------------------ */

static uint64_t value_read(const wasmtime_val_t *value)
{
    switch (value->kind) {
    case WASMTIME_I32:
        return (uint32_t)value->of.i32;
    case WASMTIME_F32: {
        uint32_t bits;
        memcpy(&bits, &value->of.f32, sizeof bits);
        return bits;
    }
    case WASMTIME_F64: {
        uint64_t bits;
        memcpy(&bits, &value->of.f64, sizeof bits);
        return bits;
    }
    default: /* of the engine's kinds; the row has none but these four */
        return (uint64_t)value->of.i64;
    }
}

static void value_write(wasmtime_val_t *value, char type, uint64_t bits)
{
    switch (type) {
    case 'i':
        value->kind = WASMTIME_I32;
        value->of.i32 = (int32_t)(uint32_t)bits;
        break;
    case 'I':
        value->kind = WASMTIME_I64;
        value->of.i64 = (int64_t)bits;
        break;
    case 'f': {
        const uint32_t low = (uint32_t)bits;
        value->kind = WASMTIME_F32;
        memcpy(&value->of.f32, &low, sizeof low);
        break;
    }
    default:
        value->kind = WASMTIME_F64;
        memcpy(&value->of.f64, &bits, sizeof bits);
        break;
    }
}

/* Asks the handler; true if the engine may go on, with a result or with a trap. */
static bool ask_awaited(struct engine_call *call)
{
    struct awaited *awaited = &call->awaited;
    uint64_t slots[IMPORT_PARAMS_MAX];
    memcpy(slots, awaited->slots, sizeof slots);
    switch (ask(call, awaited->import, slots)) {
    case ENGINE_ANSWERED:
        if (awaited->import->result[0] != '\0') {
            value_write(awaited->results, awaited->import->result[0], slots[0]);
        }
        return true;
    case ENGINE_WAIT:
        call->waits = true;
        return false;
    case ENGINE_STOP:
        break;
    }
    *awaited->trap = stop(call);
    return true;
}

/* The engine asks once right after enter_async() and then at each poll. */
static bool ask_again(void *env)
{
    struct engine_call *call = env;
    if (call->awaited.fresh) {
        call->awaited.fresh = false;
        return !call->waits;
    }
    return ask_awaited(call);
}

static void enter_async(
    void *env,
    wasmtime_caller_t *caller,
    const wasmtime_val_t *args,
    size_t arg_count,
    wasmtime_val_t *results,
    size_t result_count,
    wasm_trap_t **out_trap,
    wasmtime_async_continuation_t *out_continuation)
{
    (void)result_count;
    struct engine_call *call = call_of(caller);
    call->awaited = (struct awaited){
        .import = ((const struct binding *)env)->import,
        .results = results,
        .trap = out_trap,
        .fresh = true,
    };
    for (size_t i = 0; i < arg_count; i++) {
        call->awaited.slots[i] = value_read(&args[i]);
    }
    (void)ask_awaited(call);
    *out_continuation = (wasmtime_async_continuation_t){.callback = ask_again, .env = call};
}

/* -- Linkers -------------------------------------------------------------------------------- */

static wasm_valtype_t *type_of(char letter)
{
    switch (letter) {
    case 'i':
        return wasm_valtype_new(WASM_I32);
    case 'I':
        return wasm_valtype_new(WASM_I64);
    case 'f':
        return wasm_valtype_new(WASM_F32);
    default:
        return wasm_valtype_new(WASM_F64);
    }
}

static wasm_functype_t *signature(const struct engine_import *import)
{
    wasm_valtype_t *types[IMPORT_PARAMS_MAX];
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;
    const size_t count = strlen(import->params);
    for (size_t i = 0; i < count; i++) {
        types[i] = type_of(import->params[i]);
    }
    wasm_valtype_vec_new(&params, count, types);
    const size_t result_count = import->result[0] == '\0' ? 0 : 1;
    if (result_count == 1) {
        types[0] = type_of(import->result[0]);
    }
    wasm_valtype_vec_new(&results, result_count, types);
    return wasm_functype_new(&params, &results);
}

static bool row_is_sound(const struct engine_import *import)
{
    return strlen(import->params) <= IMPORT_PARAMS_MAX && strlen(import->result) <= 1 &&
           strspn(import->params, "iIfF") == strlen(import->params) &&
           strspn(import->result, "iIfF") == strlen(import->result);
}

static cordon_error *define(wasmtime_linker_t *linker, struct binding *binding, cordon_kind kind)
{
    const struct engine_import *import = binding->import;
    const bool allowed = (import->kinds & 1u << kind) != 0;
    const size_t module_size = strlen(import->module);
    const size_t name_size = strlen(import->name);
    wasm_functype_t *type = signature(import);
    wasmtime_error_t *error = NULL;
    if (allowed && import->may_wait) {
        error = wasmtime_linker_define_async_func(
            linker, import->module, module_size, import->name, name_size, type, enter_async,
            binding, NULL);
    } else {
        error = wasmtime_linker_define_func_unchecked(
            linker, import->module, module_size, import->name, name_size, type,
            allowed ? enter : deny, binding, NULL);
    }
    wasm_functype_delete(type);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return cordon_error_new(
            CORDON_E_INVALID, "import '%s' '%s' must stand in the table once", import->module,
            import->name);
    }
    return NULL;
}

cordon_error *link_imports(struct engine *engine)
{
    const size_t count = engine->options.import_count;
    engine->bindings = mem_new_array(count > 0 ? count : 1, sizeof *engine->bindings);
    if (engine->bindings == NULL) {
        return error_no_memory();
    }
    for (size_t i = 0; i < count; i++) {
        engine->bindings[i] = (struct binding){engine, &engine->options.imports[i]};
        if (!row_is_sound(&engine->options.imports[i])) {
            return cordon_error_new(
                CORDON_E_INVALID,
                "import '%s' '%s' has a signature that is none; write it in the letters i, I, f "
                "and F",
                engine->options.imports[i].module, engine->options.imports[i].name);
        }
    }
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        engine->linkers[kind] = wasmtime_linker_new(engine->native);
        for (size_t i = 0; i < count; i++) {
            TRY(define(engine->linkers[kind], &engine->bindings[i], (cordon_kind)kind));
        }
    }
    return NULL;
}

/* -- For handlers --------------------------------------------------------------------------- */

uint8_t *engine_guest_memory(struct engine_guest *guest, uint64_t *out_size)
{
    *out_size = guest->memory == NULL ? 0 : guest->memory_bytes;
    return guest->memory;
}

const struct engine_import *engine_guest_import(const struct engine_guest *guest)
{
    return guest->import;
}

uint64_t engine_guest_table_elements(const struct engine_guest *guest)
{
    return guest->table_elements;
}

bool engine_charge(struct engine_guest *guest, uint64_t fuel)
{
    return meter_charge(&guest->meter, guest->context, fuel);
}

uint64_t engine_fuel_left(struct engine_guest *guest)
{
    return meter_left(&guest->meter, guest->context);
}
