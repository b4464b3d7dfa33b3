/*
 * Functions of your own that modules may call, beside those that Cordon gives them.
 *
 * A module imports one by the module and the name that you choose and calls it as every other call
 * of the host (sdk/abi.md, section 4): `(pointer, size)` of a JSON object in its memory, and back
 * come a status and the size of a reply that it then reads. So untrusted code hands your program
 * nothing but bytes that were checked to be one JSON object of the size you allow, already copied
 * out of its memory, and paid for with the fuel you say.
 *
 *     static cordon_host_answer price(void *arg, cordon_host_call *call)
 *     {
 *         cordon_host_call_reply(call, "{\"cents\": 250}", 14);
 *         return CORDON_HOST_DONE;
 *     }
 *     const cordon_host_function function = {
 *         .size = sizeof function, .module = "shop", .name = "price",
 *         .kinds = CORDON_HOST_ACTIONS, .fuel = 10000, .call = price};
 *
 * What a function answers is part of a recorded run: a replay, also one in the background, takes it
 * from the record and does not call your program. A query or a mutation that lost against another
 * commit is done again, and calls again: there, allow only what may happen more than once.
 */
#ifndef CORDON_HOST_H
#define CORDON_HOST_H

#include <cordon/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One call of a function of yours, from its beginning to its answer or to the end of its run. */
typedef struct cordon_host_call cordon_host_call;

typedef enum cordon_host_answer {
    CORDON_HOST_DONE,    /* it has been replied to or refused; with neither the reply is null */
    CORDON_HOST_PENDING, /* not yet: it is asked again after cordon_host_call_wake() */
} cordon_host_answer;

/* Which kinds of functions may make the call; any other that tries ends as CapabilityDenied. */
#define CORDON_HOST_QUERIES (1u << CORDON_QUERY)
#define CORDON_HOST_MUTATIONS (1u << CORDON_MUTATION)
#define CORDON_HOST_ACTIONS (1u << CORDON_ACTION)

/* As many as a runtime has. */
#define CORDON_HOST_FUNCTIONS_MAX 128

/*
 * A function, with `size` = sizeof the struct as the caller was compiled. All is copied when the
 * runtime is made, but `arg`.
 */
typedef struct cordon_host_function {
    size_t size;
    const char *module; /* "shop"; not "env", "convex/…" or "wasi…"; 64 printable bytes at most */
    const char *name;   /* "price"; the same */
    unsigned kinds;     /* CORDON_HOST_…, one or more of them */
    uint32_t args_bytes_max; /* of the JSON object; 0: 64 KiB */
    /*
     * Price of a call, and of 1,024 bytes of arguments. A unit is an operator of WebAssembly, about
     * 0.08 ns; the way to the program and back takes 1 to 3 us, which 30,000 units pay for.
     */
    uint32_t fuel;
    uint32_t fuel_per_kib;
    /*
     * Answers a call: on the thread that polls the run, on its ordinary stack, never on two threads
     * for one call. It takes the run's system time, and others wait that want this thread: what
     * takes long answers CORDON_HOST_PENDING. It must not poll, cancel or free the call of its own
     * run. Another call of the runtime that it waits for needs a permit beside that of its own run,
     * and ends as Overloaded where all are taken so. After PENDING it may also be asked again
     * without a wake.
     */
    cordon_host_answer (*call)(void *arg, cordon_host_call *call);
    /*
     * The run has ended (by a limit, by cancellation, with its runtime) while a call was pending:
     * it is not answered any more, and is gone when this returns. NULL: nothing is to be done.
     */
    void (*abandon)(void *arg, cordon_host_call *call);
    void *arg;
} cordon_host_function;

/*
 * The arguments: one JSON object of `*out_size` bytes, with no NUL behind it. Borrowed; they live
 * as long as the call.
 */
CORDON_API const char *cordon_host_call_get_args(const cordon_host_call *call, size_t *out_size);

/* The kind of the function that makes the call. */
CORDON_API cordon_kind cordon_host_call_get_kind(const cordon_host_call *call);

/*
 * Replies with one JSON value, which is copied. It is charged to the run's `host_bytes`: where it
 * has no room the run ends by that limit. What is no JSON becomes a refusal, InvalidHostReply. For
 * `call` alone, before it returns DONE; the last one counts.
 */
CORDON_API void cordon_host_call_reply(cordon_host_call *call, const char *json, size_t size);

/*
 * Refuses the call: the function sees status 1 and {"code", "message"}, and may go on. As
 * cordon_host_call_reply().
 */
CORDON_API void cordon_host_call_refuse(
    cordon_host_call *call, const char *code, const char *message);

/* Keeps a pointer of yours in the call, from one question to the next. */
CORDON_API void cordon_host_call_set_state(cordon_host_call *call, void *state);

/* What was kept there; NULL at first. */
CORDON_API void *cordon_host_call_get_state(const cordon_host_call *call);

/*
 * Makes a pending call be asked again soon. Any thread; but a call ends with its answer or with
 * `abandon`, and your program has to see to it that none of its threads wakes it after that: by a
 * lock that both take, for instance.
 */
CORDON_API void cordon_host_call_wake(cordon_host_call *call);

#ifdef __cplusplus
}
#endif

#endif
