/* The gate; see gate.h. */
#include "host/gate.h"

#include "base/clock.h"
#include "host/host_metrics.h"
#include "value/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* Host fuel between two looks at the clock: about 0.1 ms of host work. */
#define LOOK_FUEL ((uint64_t)200000)

/* Memory of small arguments is kept for the next call. */
#define SPARE_BYTES_MAX ((size_t)1024)

/* Nesting of arguments: a value's own 64 levels (Convex) and what wraps it. */
#define ARGS_DEPTH_MAX 72

/*
 * A refusal's message; longer ones are cut. A mismatch shows a value and its validator, each of at
 * most VALUE_DISPLAY_CHARS_MAX characters.
 */
#define REFUSAL_BYTES_MAX ((size_t)256 << 10)

static const char *call_name(const struct gate_descriptor *descriptor)
{
    return descriptor->import->name;
}

bool gate_charge(struct host *host, const struct gate_call *call, uint64_t fuel)
{
    if (!engine_charge(call->guest, fuel)) {
        (void)host_stop_limit(
            host, CORDON_LIMIT_FUEL, host->options.budget->allowed[CORDON_LIMIT_FUEL]);
        return false;
    }
    host->fuel_since_look += fuel;
    if (host->fuel_since_look < LOOK_FUEL) {
        return true;
    }
    host->fuel_since_look = 0;
    host->place.looks++;
    return host_look(host, clock_monotonic_ns());
}

bool gate_range(struct host *host, const struct gate_call *call, uint64_t offset, uint64_t size)
{
    if (offset <= call->memory_size && size <= call->memory_size - offset) {
        return true;
    }
    (void)host_stop(
        host, CORDON_OUTCOME_INVALID_HOST_CALL,
        "A host call names %llu bytes at %llu, but the memory ends at %llu. Pass a pointer into "
        "the exported memory.",
        (unsigned long long)size, (unsigned long long)offset,
        (unsigned long long)call->memory_size);
    return false;
}

enum gate_result gate_reply(struct host *host, struct gate_call *call, struct slice json)
{
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_append(&host->reply, json));
    call->length = host->reply.size;
    return GATE_OK;
}

static CORDON_PRINTF(3, 0) enum gate_result write_refusal(
    struct host *host, const char *code, const char *format, va_list args)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init_charged(&text, SIZE_MAX, host->options.account);
    GATE_TRY(host, buffer_vprintf(&text, format, args));
    buffer_clear(&host->reply);
    GATE_TRY(host, buffer_append(&host->reply, SLICE("{\"code\":")));
    GATE_TRY(host, json_write_string(&host->reply, slice_str(code)));
    GATE_TRY(host, buffer_append(&host->reply, SLICE(",\"message\":")));
    GATE_TRY(
        host, json_write_string(&host->reply, utf8_cut(buffer_slice(&text), REFUSAL_BYTES_MAX)));
    GATE_TRY(host, buffer_append(&host->reply, SLICE("}")));
    return GATE_REFUSED;
}

enum gate_result gate_refuse(struct host *host, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const enum gate_result result = write_refusal(host, code, format, args);
    va_end(args);
    return result;
}

enum gate_result gate_refuse_limit(
    struct host *host, cordon_limit limit, uint64_t used, const char *format, ...)
{
    if (!host->refused) {
        host->refused = true;
        host->refused_limit = limit;
        host->refused_used = used;
    }
    va_list args;
    va_start(args, format);
    const enum gate_result result =
        write_refusal(host, cordon_limit_get_info(limit)->code, format, args);
    va_end(args);
    return result;
}

enum gate_result gate_fail(struct host *host, cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    if (code == CORDON_E_BAD_VALUE || code == CORDON_E_VALUE_TOO_LARGE ||
        code == CORDON_E_TOO_NESTED || code == CORDON_E_TOO_MANY_FIELDS ||
        code == CORDON_E_INVALID) {
        CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
        return gate_refuse(
            host, cordon_error_code_name(code), "%s", cordon_error_get_message(owned));
    }
    (void)host_stop_error(host, error);
    return GATE_STOP;
}

/* Whether the call may be made now: while a module loads, few may. */
static bool may_enter(struct host *host, const struct gate_descriptor *descriptor)
{
    if (host->running || descriptor->import_phase) {
        return true;
    }
    (void)host_stop(
        host, CORDON_OUTCOME_CAPABILITY_DENIED,
        "`%s` can't be called while the module is loading (start section or `_initialize`); "
        "only logging, randomness and time can. Call it from the function.",
        call_name(descriptor));
    return false;
}

/* Whether the declared range is one that the call takes. */
static bool check_range(
    struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    const uint32_t offset = (uint32_t)call->slots[0];
    const uint32_t size = (uint32_t)call->slots[1];
    if (!gate_range(host, call, offset, size)) {
        return false;
    }
    if (size > descriptor->size_max) {
        (void)host_stop(
            host, CORDON_OUTCOME_INVALID_HOST_CALL,
            "`%s` was called with %u bytes; it takes at most %u.", call_name(descriptor), size,
            descriptor->size_max);
        return false;
    }
    call->output = call->memory == NULL ? NULL : call->memory + offset;
    call->input = slice_of(call->output, size);
    return true;
}

/* Charges what a call with these arguments costs, whatever comes of it. */
static bool pay(struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    const uint64_t bytes = call->input.size; /* within size_max */
    return gate_charge(host, call, descriptor->fuel + bytes * descriptor->fuel_per_kib / 1024);
}

/* What is checked, and paid for, before the host reads a byte. */
static bool enter(
    struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    return may_enter(host, descriptor) &&
           (descriptor->codec == GATE_RAW || check_range(host, call, descriptor)) &&
           pay(host, call, descriptor);
}

/* What is no JSON object is the guest's fault; what has no room in memory is told as that. */
static bool decode(
    struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    const struct json_limits limits = {
        .bytes_max = SIZE_MAX,
        .depth_max = ARGS_DEPTH_MAX,
        .account = host->options.account,
    };
    host->waiting_args = CORDON_TAKE(host->spare_args);
    cordon_error *error = json_parse_again(call->input, &limits, &host->waiting_args);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_BAD_JSON) {
        (void)host_stop_error(host, error);
        return false;
    }
    if (error == NULL && json_kind(json_root(host->waiting_args)) == JSON_OBJECT) {
        call->args = json_root(host->waiting_args);
        return true;
    }
    (void)host_stop(
        host, CORDON_OUTCOME_INVALID_HOST_CALL,
        "`%s` was called with arguments that are no JSON object%s%s.", call_name(descriptor),
        error == NULL ? "" : ": ", error == NULL ? "" : cordon_error_get_message(error));
    cordon_error_free(error);
    return false;
}

static enum engine_answer leave(
    struct host *host,
    struct gate_call *call,
    const struct gate_descriptor *descriptor,
    enum gate_result result)
{
    if (result == GATE_WAIT) {
        host->waiting = descriptor;
        return ENGINE_WAIT;
    }
    host->waiting = NULL;
    host->was_refused = result == GATE_REFUSED;
    host->operation = (struct host_operation){0};
    const bool goes_on = result != GATE_STOP && host_account(host);
    if (host->waiting_args != NULL) { /* what was made of them was there beside them */
        if (json_doc_bytes(host->waiting_args) <= SPARE_BYTES_MAX) {
            host->spare_args = CORDON_TAKE(host->waiting_args);
        }
        json_freep(&host->waiting_args);
    }
    if (!goes_on) {
        return ENGINE_STOP;
    }
    if (descriptor->codec != GATE_RAW && descriptor->import->result[0] == 'I') {
        const uint64_t status = result == GATE_REFUSED ? 1 : 0;
        const uint64_t length = result == GATE_REFUSED ? host->reply.size : call->length;
        call->slots[0] = status << 32 | length;
    }
    return ENGINE_ANSWERED;
}

/* What the host does for a call that it has let in, from the first byte it reads to the last. */
static enum engine_answer serve(
    struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    if (host->waiting == descriptor) { /* asked again after a wait: decoded already */
        call->args = json_root(host->waiting_args);
    } else if (descriptor->codec == GATE_JSON && !decode(host, call, descriptor)) {
        return ENGINE_STOP;
    }
    return leave(host, call, descriptor, descriptor->operation(host, call));
}

/* -- How long it takes ---------------------------------------------------------------------- */

/* For how many a call stands if it is measured; 0: it is not. */
static uint64_t weight_of(struct host *host, const struct gate_descriptor *descriptor)
{
    if (host->options.metrics == NULL || descriptor->measured_as == 0) {
        return 0;
    }
    switch (descriptor->work) {
    case GATE_LONG:
        return 1;
    case GATE_SHORT:
        if (descriptor->import->may_wait) {
            return 1;
        }
        break;
    case GATE_AT_TIMES: /* short, most times; one that waits is measured whole or not at all */
        if (host->waiting == descriptor) {
            return host->call_since_ns == 0 ? 0 : HOST_CALLS_SAMPLED;
        }
        break;
    }
    return ++host->short_calls % HOST_CALLS_SAMPLED == 0 ? HOST_CALLS_SAMPLED : 0;
}

static enum host_call_status status_of(const struct host *host, enum engine_answer answer)
{
    const cordon_outcome_code code = host->stop.code;
    if (answer != ENGINE_STOP) {
        return host->was_refused ? HOST_CALL_DEVELOPER_ERROR : HOST_CALL_SUCCESS;
    }
    return code == CORDON_OUTCOME_INTERNAL || code == CORDON_OUTCOME_OVERLOADED
               ? HOST_CALL_ERROR
               : HOST_CALL_DEVELOPER_ERROR;
}

/* Counts a call that is over, from when it was first made. */
static void measure(
    struct host *host,
    const struct gate_descriptor *descriptor,
    enum engine_answer answer,
    uint64_t began_ns,
    uint64_t ended_ns,
    uint64_t weight)
{
    if (host->call_since_ns != 0) {
        began_ns = host->call_since_ns;
    }
    host->call_since_ns = answer == ENGINE_WAIT ? began_ns : 0;
    if (answer != ENGINE_WAIT) {
        histogram_observe_many_ns(
            host->options.metrics->calls[descriptor->measured_as - 1][status_of(host, answer)],
            ended_ns - began_ns, weight);
    }
}

enum run_clock_account gate_long_begin(struct host *host)
{
    return run_clock_switch(host->options.clock, CLOCK_SYSTEM, clock_monotonic_ns());
}

void gate_long_end(struct host *host, enum run_clock_account paying)
{
    (void)run_clock_switch(host->options.clock, paying, clock_monotonic_ns());
}

/* The same, on the host's time if the call may touch the store. */
static enum engine_answer serve_on_time(
    struct host *host, struct gate_call *call, const struct gate_descriptor *descriptor)
{
    struct run_clock *clock = host->options.clock;
    const uint64_t weight = weight_of(host, descriptor);
    const bool is_long = descriptor->work == GATE_LONG;
    if (!is_long && weight == 0) {
        return serve(host, call, descriptor);
    }
    const uint64_t began_ns = clock_monotonic_ns();
    const enum run_clock_account paying = clock->account;
    if (is_long) {
        (void)run_clock_switch(clock, CLOCK_SYSTEM, began_ns);
    }
    const enum engine_answer answer = serve(host, call, descriptor);
    const uint64_t ended_ns = clock_monotonic_ns();
    if (is_long) {
        (void)run_clock_switch(clock, paying, ended_ns);
    }
    if (weight > 0) {
        measure(host, descriptor, answer, began_ns, ended_ns, weight);
    }
    return answer;
}

enum engine_answer gate_enter(
    struct host *host,
    struct engine_guest *guest,
    uint64_t *slots,
    const struct gate_descriptor *descriptor)
{
    struct gate_call call = {.descriptor = descriptor, .guest = guest, .slots = slots};
    call.memory = engine_guest_memory(guest, &call.memory_size);
    const bool again = host->waiting == descriptor; /* after a wait: paid and checked already */
    if (!again && !enter(host, &call, descriptor)) {
        return ENGINE_STOP;
    }
    return serve_on_time(host, &call, descriptor);
}
