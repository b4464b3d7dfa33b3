/*
 * One run of one function, as a state machine that never blocks its thread:
 *
 *   request ► slot ► permit ► snapshot ► guest in slices ► commit ► durable ► outcome
 *                      ▲                                     │
 *                      └──────── conflict: wait, rerun ◄─────┘
 *
 * Whoever owns a run polls it. run_poll() works until the run has to wait, its time on this thread
 * is over, or it is done. A run may be polled from another thread than before, never from two at
 * once.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "auth/identity.h"
#include "run/outcome.h"
#include "run/record/recording.h"
#include "run/runner.h"

struct run;

/* Who asks, which decides what may be called and what a missing function is called. */
enum run_caller {
    CALLER_PUBLIC, /* public functions of the asked kind only */
    CALLER_ADMIN,  /* internal functions too */
};

struct run_request {
    uint32_t tenant;
    /* Path as the client wrote it: `dir/module:export`, `.js` and `:default` optional. */
    struct slice path;
    /* Encoded JSON: an array with one object, or one object. */
    struct slice args;
    enum run_caller caller;
    /* The kind the client asked for; `any_kind` accepts all. */
    cordon_kind kind;
    bool any_kind;
    /* Lowers limits for this run only. NULL: none. */
    const struct limit_changes *lower;
    /* NULL draws one. 32 bytes. */
    const uint8_t *seed;
    /* Virtual time in ns since 1970; used if `has_time`. */
    bool has_time;
    uint64_t time_ns;
    /* Makes a mutation idempotent: the same key again, by the same caller, with the same function
     * and arguments, answers with the first result. Empty: none. At most 256 bytes. */
    struct slice idempotency_key;
    /* By whose right it is, for the audit log, copied; NULL: anybody may. */
    const struct audit_actor *actor;
    /* For the log line: the client's request id, or empty. */
    struct slice request_id;
    /* For the same: a whole one (W3C Trace Context), passed on to runs that it makes; or empty. */
    struct slice traceparent;
    /* Who has signed in; empty: nobody. It is copied. A call that a run makes says its caller's. */
    struct identity identity;
    /*
     * The run that makes the call, which then counts as deeper than it and is one of its
     * deployment's; NULL: it comes from outside. Must outlive the run. `inner`: inside the
     * transaction of that run, with its budget and as much fuel.
     */
    struct run *parent;
    bool inner;
    uint64_t fuel;
    /* Keeps what run_get_record() needs. */
    bool record;
    /*
     * Of a replay: nobody waits for it. It takes no slot and no permit from those who call, and
     * whoever polls it gives way to them.
     */
    bool background;
    /*
     * Of the server itself, which tries whether runs are done (run/prober.h): it takes no slot, no
     * place in the queue and no memory that is shared, so that what tenants have of these does not
     * make the server unready; and is neither counted nor logged nor in an audit log.
     */
    bool is_probe;
    /* Leaves the names of its stack as the name section has them: see run_trace.c. */
    bool untraced;
    /* NULL, or the run to repeat: recording_request() fills in the rest. Must outlive the run. */
    const struct recording *replay;
    /* Of a replay: ends it as out of fuel once it has used so much, which nothing in it can see
     * coming. 0: as the record says. */
    uint64_t fuel_stop;
    /* Whose functions are called; borrowed. NULL: what the tenant has deployed now. */
    struct deployment *deployment;
};

enum run_state {
    RUN_READY,   /* its time slice is over; poll again when convenient, on any thread */
    RUN_WAITING, /* poll again after the wake, or at run_wake_at_ns() at the latest */
    RUN_DONE,
};

/*
 * Takes a slot and copies what it needs of the request. `wake` is called from any thread when a
 * waiting run can go on. A request that cannot start (no slot) is a run too, already done with
 * outcome Overloaded. Errors: CORDON_E_NO_MEMORY, or CORDON_E_OVERLOADED for a request whose path
 * and ids alone have no room in the memory of the process.
 */
CORDON_MUST_USE cordon_error *run_new(
    struct runner *runner,
    const struct run_request *request,
    struct store_wake wake,
    struct run **out_run);

/* How long a turn is at most, give or take a slice, for whoever polls runs that compute. */
#define RUN_TURN_NS ((uint64_t)5000000)

/*
 * Asks for the permit of a run that was just made, and does nothing else: for a thread that has no
 * time to poll it. Ready: it has one.
 */
enum run_state run_ask(struct run *run);

/* Works until `until_ns` (monotonic) at most, give or take one slice. */
enum run_state run_poll(struct run *run, uint64_t until_ns);

/* For RUN_WAITING: when to poll even without a wake, as a limit ends it or a backoff is over. */
uint64_t run_wake_at_ns(const struct run *run);

/* For RUN_WAITING: until when it sleeps because it asked to; 0 if it waits for something else. */
uint64_t run_sleeps_until_ns(const struct run *run);

/* For RUN_WAITING: whether it waits for a permit. */
bool run_is_queued(const struct run *run);

/*
 * For RUN_WAITING: tells those who follow the logs of lines that it has written, if it is an
 * action, and the actions that it calls; often. Whether there were any.
 */
bool run_tell_waiting(struct run *run, uint64_t now_ns);

/* Whose it is. */
uint32_t run_tenant(const struct run *run);

/* Asks a run to end as Cancelled at its next poll, and wakes it. Any thread. */
void run_cancel(struct run *run);

/* Rough bytes this run has touched since its last poll began; large ones leave the loop thread. */
bool run_is_heavy(const struct run *run);

/*
 * For RUN_WAITING: whether it computes, or will when its wait is over. Its next turn then belongs
 * on a compute thread, as the last one did.
 */
bool run_had_turn(const struct run *run);

/*
 * After RUN_DONE, of a run that was recorded: appends its record, with the bytes of every module
 * that it depended on, which are among `modules`; those of others are passed over. Errors:
 * CORDON_E_INVALID where there is nothing to replay or a module is missing, CORDON_E_TOO_LARGE, no
 * memory.
 */
CORDON_MUST_USE cordon_error *run_get_record(
    const struct run *run, const struct slice *modules, size_t count, struct buffer *out);

/*
 * The same without the bytes of modules and not yet written: it borrows from the run, and from
 * `result`, an empty buffer that holds what came of it.
 */
CORDON_MUST_USE cordon_error *run_get_recording(
    const struct run *run, struct buffer *result, struct recording *out_recording);

/* The request that repeats a recorded run; borrows from the recording. */
struct run_request recording_request(const struct recording *recording);

/* Errors: CORDON_E_INVALID if runs of this runner would not use the same fuel. */
CORDON_MUST_USE cordon_error *recording_check_engine(
    const struct recording *recording, struct runner *runner);

/* After RUN_DONE, of a replay: whether it was another run than the recorded one, and where. */
CORDON_MUST_USE cordon_error *run_replay_differs(
    const struct run *run,
    enum recording_words how,
    char *out_words,
    size_t words_size,
    bool *out_differs);

/* After RUN_DONE. Borrowed until run_free(). */
const struct outcome *run_outcome(const struct run *run);

/*
 * Ends a run wherever it is and gives everything back. One that was recorded because the operator
 * wants it goes to the recorder, which has its own thread (run/record/recorder.h). NULL accepted.
 */
void run_free(struct run *run);

#endif
