/*
 * Running functions inside a program of yours.
 *
 * A runtime holds an engine, a store and the functions deployed into it. Nothing is global: a
 * process may hold several. No thread is started unless asked for, and no signal, locale, umask or
 * environment variable is touched, except that the engine adds handlers for SIGSEGV, SIGILL and
 * SIGFPE which pass on what is not the guest's, and an alternate signal stack of 256 KiB to threads
 * that run guests and have none as large. A data folder is looked at in a child process that has
 * ended before it is opened. Numbers are written and letters compared alike in every locale.
 *
 * A program that has descriptors 0 to 2 closed keeps them so. No file that stays open gets their
 * numbers, but for memory that the engine has as files; what is open for a moment may. So have them
 * open, on /dev/null if on nothing, where other code of yours writes to them regardless.
 *
 * A fault of the engine itself (a panic in it, an assertion of ours) ends the process by SIGABRT:
 * going on would do worse. Whoever cannot bear that keeps the runtime in a child process, which it
 * starts again, and sends it calls over a socket: `cordon serve` is such a child.
 *
 * A fork of the process has neither the runtime's threads nor its locks: what is called with the
 * runtime there is an error, and freeing it does nothing. A program that becomes a daemon makes its
 * runtime after that.
 *
 * What has to be given and is NULL is CORDON_E_INVALID, in every function that returns an error.
 *
 *     cordon_runtime_options options = {.size = sizeof options};
 *     options.compile_worker = "cordon-compile";
 *     cordon_runtime *runtime = NULL;
 *     cordon_error *error = cordon_runtime_new(&options, &runtime);
 */
#ifndef CORDON_RUNTIME_H
#define CORDON_RUNTIME_H

#include <cordon/host.h>
#include <cordon/outcome.h>
#include <cordon/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An engine, a store, and the functions deployed into it. */
typedef struct cordon_runtime cordon_runtime;

/* A call of a function, from its making to its outcome. */
typedef struct cordon_call cordon_call;

/* Limits by number of the enum; `set` false leaves the default. Places behind them mean nothing. */
typedef struct cordon_limit_set {
    bool set[CORDON_LIMIT_PLACES];
    uint64_t value[CORDON_LIMIT_PLACES];
} cordon_limit_set;

/*
 * Options, with `size` = sizeof the struct as the caller was compiled; a field beyond it has its
 * zero value. All texts are borrowed during the call.
 */
typedef struct cordon_runtime_options {
    size_t size;
    const char *data_folder;    /* NULL: a store in memory that dies with the runtime */
    const char *compile_worker; /* path of the executable cordon-compile */
    bool compile_inside;        /* compile in this process instead: only for code you trust */
    cordon_limit_set limits;    /* raises or lowers the table's defaults */
    uint32_t permits;           /* runs executing at one time; 0: 2 a processor, at least 4 */
    uint32_t slots;             /* runs alive, waiting ones included; 0: 1,000 */
    uint64_t memory_bytes;      /* for all guests together; 0: half of RAM or of the cgroup */
    bool flusher_thread;        /* one thread that makes many commits durable by one sync */
    bool production;            /* hide details of errors from callers */
    int log_fd;                 /* one line per run to this descriptor; 0 or less: none */
    uint32_t turn_wait_ms;      /* most a run waits for turns, in all; 0: 300,000 */
    /*
     * Of a million queries and mutations, how many are replayed in the background; 0: none. One
     * that comes out another run is told by metric, audit record and log line, and its record is
     * kept. Replays have a thread of the lowest priority and 1 % of one processor.
     */
    uint32_t replay_sample;
    /* Paths of functions whose every run is recorded, by that thread; `a:b`, as deployed. */
    const char *const *record_functions;
    size_t record_function_count;
    /* Records are kept in the data folder, the oldest go first; 0: 1 GiB of them, for 14 days. */
    uint64_t records_bytes;
    uint32_t records_days;
    /*
     * Adds handlers for SIGBUS and SIGSEGV, for good: a fault in the map of the data file, from a
     * disk that fails or a file that is cut, ends the process with one line on stderr and exit code
     * 5. Every other fault goes to the handler that was there before.
     */
    bool guard_faults;
    /*
     * Functions of the program that modules may call (host.h). A module that imports one is refused
     * by a runtime without it: also by cordon_runtime_new(), where it was deployed into the folder.
     */
    const cordon_host_function *const *host_functions;
    size_t host_function_count;
    /* A store of the program (store.h), without a data folder; NULL: memory, or that folder. */
    const cordon_store_functions *store;
    void *store_arg;
    /*
     * Calls that wait to begin: once the oldest has waited for more than the target throughout the
     * interval, nobody waits for longer than the target; 0: 200 and 2,000.
     */
    uint32_t queue_target_ms;
    uint32_t queue_interval_ms;
    /*
     * What one of several tenants may have of slots, memory and places in the queue if the others
     * have none, in percent; 0: 75. With three quarters each may have three for each one that is
     * free; so there are always some for the next one who comes.
     */
    uint32_t tenant_share_percent;
    /*
     * Lines a second that one tenant's runs may have in the log, those that failed counted apart,
     * and each other kind of line; what is left out is told, with how many. 0: 10,000.
     */
    uint32_t log_lines_per_second;
} cordon_runtime_options;

/* What `cordon serve` replays if nothing else is said: one query or mutation in a thousand. */
#define CORDON_REPLAY_SAMPLE_DEFAULT 1000
#define CORDON_REPLAY_SAMPLE_MAX 1000000

/*
 * Opens the store, starts the compile worker's starter, loads what was deployed. Call it before
 * the process confines itself. Errors: CORDON_E_STORE (folder in use, foreign, damaged),
 * CORDON_E_SYSTEM (no worker), CORDON_E_INVALID (options), CORDON_E_ENGINE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_runtime_new(
    const cordon_runtime_options *options, cordon_runtime **out_runtime);

/* All calls must be freed. NULL accepted. */
CORDON_API void cordon_runtime_free(cordon_runtime *runtime);

/*
 * Gives back to the system what a burst of calls has left in free instances: 128 KiB of each, and
 * their stacks. Does nothing, fast, unless more than 8 calls with an instance were alive at one
 * time since it was last asked, and while more than that are. Takes some milliseconds for each 100
 * instances that were used, in threads of its own that are over when it returns; calls go on
 * meanwhile. To be called now and then, as `cordon serve` does every ten seconds. What the C
 * library keeps of freed memory is the program's to give back (malloc_trim()). `*out_bytes` says
 * how much it was; may be NULL. A later call may succeed where this fails. Errors: CORDON_E_SYSTEM,
 * CORDON_E_OVERLOADED (the compile worker, which makes an empty module for it), CORDON_E_NO_MEMORY.
 * Any thread.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_runtime_trim(
    cordon_runtime *runtime, uint64_t *out_bytes);

/* The bytes of one WebAssembly module; `name` is used in messages and may be NULL. */
typedef struct cordon_module {
    const char *name;
    const void *data;
    size_t size;
} cordon_module;

/*
 * Replaces the whole set of functions by those of these modules, all or nothing. Blocks while
 * compiling. `*out_report` (JSON, NUL-terminated) is the caller's; free it with cordon_free().
 * Errors: CORDON_E_MODULE_REFUSED, CORDON_E_STORE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_deploy(
    cordon_runtime *runtime, const cordon_module *modules, size_t count, char **out_report);

/* As cordon_deploy, but for this runtime alone: the store keeps what was deployed into it. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_load(
    cordon_runtime *runtime, const cordon_module *modules, size_t count, char **out_report);

/* The same for a tenant, by its name; NULL: the default one. Errors: also CORDON_E_NOT_FOUND. */
CORDON_API CORDON_MUST_USE cordon_error *cordon_load_of(
    cordon_runtime *runtime,
    const char *tenant,
    const cordon_module *modules,
    size_t count,
    char **out_report);

/*
 * Makes one of the last 5 deploys hold again, by the number that cordon_deploys() says, with all
 * checks of a deploy: also that the documents that are there fit its schema. It keeps its number;
 * cordon_deploy() gives one more than the highest. `*out_report` as above. Errors:
 * CORDON_E_NOT_FOUND for a number that is not kept; those of cordon_deploy().
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_rollback(
    cordon_runtime *runtime, uint64_t number, char **out_report);

/*
 * The deploys that are kept, newest first, and the number of the one that holds (null: none):
 * {"current", "deploys": [{"number", "timeMs", "modules": [{"name", "sha256"}]}]}. The text is the
 * caller's; free it with cordon_free(). Errors: CORDON_E_STORE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_deploys(cordon_runtime *runtime, char **out_json);

/*
 * Says whether a module would be admitted and what is in it; keeps nothing. `*out_report` as
 * above. Errors: CORDON_E_MODULE_REFUSED with the reason.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_check(
    cordon_runtime *runtime, const cordon_module *module, char **out_report);

/* Frees a text that a function here has given to the caller. NULL accepted. */
CORDON_API void cordon_free(void *text);

/* One call. */
typedef struct cordon_request {
    size_t size;      /* sizeof the struct */
    const char *path; /* "messages:list" */
    const char *args; /* encoded JSON: one object, or an array of one; NULL: {} */
    size_t args_size; /* bytes; 0: up to the NUL */
    bool internal;    /* internal functions may be called too */
    bool has_kind;    /* only a function of `kind` */
    cordon_kind kind;
    const uint8_t *seed; /* 32 bytes; NULL: drawn */
    bool has_time;
    uint64_t time_ms;       /* the clock that the function sees; used if `has_time` */
    cordon_limit_set lower; /* lowers limits for this call */
    /*
     * Of a mutation that may be sent twice; NULL: none. Its result is kept for 14 days in a data
     * folder that a server is run on (server.h); without one it is kept for good.
     */
    const char *idempotency_key;
    bool record; /* keep what cordon_call_get_record() needs (record.h) */
    /*
     * Who has signed in, as functions see it: a JSON object with the attributes of Convex's
     * UserIdentity, "issuer" and "subject" at least; NULL: nobody. It is believed.
     */
    const char *identity;
    const char *tenant; /* whose function, by name (tenant.h); NULL: the default one's */
} cordon_request;

typedef enum cordon_call_state {
    CORDON_CALL_READY,   /* poll again when convenient */
    CORDON_CALL_WAITING, /* poll again after the wake, or when cordon_call_wait_ms() is over */
    CORDON_CALL_DONE,
} cordon_call_state;

/*
 * Begins a call; nothing of it runs before it is polled. `wake` (may be NULL for those who use
 * cordon_call_finish) is called from any thread when a waiting call can go on. Errors:
 * CORDON_E_INVALID, CORDON_E_NO_MEMORY; what the function does wrong is in the outcome.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_call_new(
    cordon_runtime *runtime,
    const cordon_request *request,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call);

/* Runs the call for about `slice_ms` on this thread. One thread at a time, any thread. */
CORDON_API cordon_call_state cordon_call_poll(cordon_call *call, uint32_t slice_ms);

/* How long a waiting call may be left alone. */
CORDON_API uint64_t cordon_call_wait_ms(const cordon_call *call);

/* Polls and waits until the call is done. Only for calls made without a wake. */
CORDON_API void cordon_call_finish(cordon_call *call);

/* Makes the call end as Cancelled. Any thread. */
CORDON_API void cordon_call_cancel(cordon_call *call);

/* After DONE; lives as long as the call. */
CORDON_API const cordon_outcome *cordon_call_get_outcome(const cordon_call *call);

/* Ends the call wherever it is. NULL accepted. */
CORDON_API void cordon_call_free(cordon_call *call);

/*
 * The outcome as one line of strict JSON: status, value or code, errorMessage, errorData, logLines,
 * usage, frames, limit. The text is the caller's; free it with cordon_free().
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_outcome_to_json(
    const cordon_outcome *outcome, char **out_json);

/*
 * The limit table as JSON: [{"name","unit","query","mutation","action","code","text"}]. Behind the
 * limits stand the fixed bounds on modules, named module_…, the same for each kind.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_limits_to_json(char **out_json);

/*
 * True if the text is one JSON object (what ARGS-JSON must be). Otherwise `*out_error` says why;
 * it is the caller's. `out_error` may be NULL.
 */
CORDON_API bool cordon_json_is_object(const char *text, size_t size, cordon_error **out_error);

#ifdef __cplusplus
}
#endif

#endif
