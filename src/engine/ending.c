/*
 * How a call ended, read from what the engine gives back.
 *
 * The engine says why by a trap with a code, or by an error with nothing but text. Its text is
 * never read: whoever makes a call stop gives the reason first (a handler's STOP, memory that the
 * process has not, a refused charge), and whatever is left without one is a fault of ours.
 */
#include "engine/internal.h"

static const char *const trap_texts[] = {
    [WASMTIME_TRAP_CODE_STACK_OVERFLOW] = "the stack overflowed",
    [WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS] = "memory was accessed out of bounds",
    [WASMTIME_TRAP_CODE_HEAP_MISALIGNED] = "memory was accessed at an address not aligned",
    [WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS] = "a table was accessed out of bounds",
    [WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL] = "an empty table element was called",
    [WASMTIME_TRAP_CODE_BAD_SIGNATURE] = "a function was called by a pointer of another type",
    [WASMTIME_TRAP_CODE_INTEGER_OVERFLOW] = "integer overflow",
    [WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO] = "integer division by zero",
    [WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER] = ("a float was converted to an integer that "
                                                      "cannot hold it"),
    [WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED] = "unreachable code was reached",
    [WASMTIME_TRAP_CODE_OUT_OF_FUEL] = "the fuel ran out",
};

const char *engine_call_trap_text(const struct engine_call *call)
{
    const size_t count = sizeof trap_texts / sizeof trap_texts[0];
    const char *text = call->trap_code < count ? trap_texts[call->trap_code] : NULL;
    if (call->end == ENGINE_END_TRAP && call->trap == NULL) {
        return call->refused.is_table ? "the initial size of a table is over the limit"
                                      : "the initial size of the memory is over the limit";
    }
    return text != NULL ? text : "the code trapped";
}

static void read_frames(struct engine_call *call)
{
    wasm_frame_vec_t trace = WASM_EMPTY_VEC;
    if (call->trap != NULL) {
        wasm_trap_trace(call->trap, &trace);
    } else {
        wasmtime_error_wasm_trace(call->error, &trace);
    }
    call->frame_count = trace.size < ENGINE_FRAMES_MAX ? trace.size : ENGINE_FRAMES_MAX;
    for (size_t i = 0; i < call->frame_count; i++) {
        call->frames[i] = (struct engine_frame){
            .function_index = wasm_frame_func_index(trace.data[i]),
            .module_offset = wasm_frame_module_offset(trace.data[i]),
        };
    }
    wasm_frame_vec_delete(&trace);
}

static enum engine_end classify_trap(const struct engine_call *call)
{
    switch (call->trap_code) {
    case WASMTIME_TRAP_CODE_OUT_OF_FUEL:
        return ENGINE_END_OUT_OF_FUEL;
    case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        return ENGINE_END_STACK_OVERFLOW;
    default: /* of the engine's codes; ours have none */
        return ENGINE_END_TRAP;
    }
}

void ending_read(struct engine_call *call)
{
    read_frames(call);
    const bool coded = call->trap != NULL && wasmtime_trap_code(call->trap, &call->trap_code);
    if (call->guest.meter.spent) {
        call->end = ENGINE_END_OUT_OF_FUEL;
    } else if (call->has_reason) {
        call->end = call->reason;
    } else if (coded) {
        call->end = classify_trap(call);
    } else if (call->stage == STAGE_INSTANTIATING && call->refused.happened) {
        call->end = ENGINE_END_TRAP; /* the initial size is over the limit */
    } else {
        call->end = ENGINE_END_INTERNAL;
    }
}

void ending_done(struct engine_call *call)
{
    if (call->trap != NULL) {
        wasm_trap_delete(call->trap);
    }
    if (call->error != NULL) {
        wasmtime_error_delete(call->error);
    }
}

enum engine_end engine_call_end(const struct engine_call *call)
{
    return call->end;
}

const struct engine_frame *engine_call_frames(const struct engine_call *call, size_t *out_count)
{
    *out_count = call->frame_count;
    return call->frames;
}
