/*
 * A run from within: its state, and what the files of its state machine share.
 *
 *   run.c        its life and its polls
 *   run_room.c   memory and slots, which all runs share
 *   run_turns.c  when it may work, and whose time passes
 *   run_begin.c  permit, transaction, earlier answer, arguments, the guest's start
 *   run_guest.c  the guest's turns
 *   run_child.c  calls of other functions that it waits for
 *   run_progress.c  an action's lines, as it goes on
 *   run_trace.c  where in its sources it failed
 *   run_end.c    result, commit, conflict, settling
 *   run_finish.c giving back, the outcome, the report
 *   run_count.c  what the metrics are told of it
 *   run_record.c its record, and whether a replay was the same
 */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include "host/check.h"
#include "run/audit/audited_call.h"
#include "run/internal.h"
#include "run/record/recording.h"
#include "run/resolve.h"
#include "run/session/session.h"

enum stage {
    STAGE_ADMIT,    /* wants a permit */
    STAGE_BEGIN,    /* begins its transaction */
    STAGE_EARLIER,  /* looks whether an idempotent call was answered before */
    STAGE_ARGS,     /* holds the arguments against the function's validator */
    STAGE_GUEST,    /* the guest runs or waits for a host call */
    STAGE_RETURNED, /* its result is long, and is read in a poll of its own */
    STAGE_TRACE,    /* it failed: its stack is looked up in the module's debug information */
    STAGE_RESULT,   /* holds the result against the function's validator */
    STAGE_COMMIT,   /* writes are on their way */
    STAGE_SETTLE,   /* it failed: the record of that, and what it has read, become durable */
    STAGE_BACKOFF,  /* lost a conflict, waits before it runs again */
    STAGE_DONE,
};

/* What a step says: go on at once, come back later on any thread, or wait. */
enum next { NEXT_STEP, NEXT_READY, NEXT_WAIT };

/* Of a run that is recorded, or is the replay of one. */
struct taped_run {
    struct account account; /* pays for the tape, out of the process's memory */
    struct tape tape;
    unsigned purposes;               /* of the recorder: RECORDER_KEEPS and RECORDER_REPLAYS */
    struct recorded_module *modules; /* without their bytes; the first is that of the function */
    size_t module_count;
    size_t module_room;
    uint64_t calls; /* inside the transaction, so far */
    struct host_cut cut;
    uint64_t cut_call;              /* as in struct recording */
    uint64_t tape_count;            /* entries when it was stopped from outside */
    struct buffer places;           /* of its stack, if it failed */
    bool unfit;                     /* it was answered without running, or memory was missing */
    const struct recording *replay; /* NULL: it is recorded */
    uint64_t fuel_stop;             /* of a replay; 0: none */
    struct tape_player player;
};

/* What a call inside a transaction is undone to. */
struct inner_call {
    uint64_t savepoint;
    bool tripped;
    cordon_limit tripped_limit;
    uint64_t tripped_used;
};

struct run {
    struct runner *runner;
    struct deployment *deployment;            /* NULL if there was none */
    struct env_vars *env;                     /* as it began, or as its caller did; NULL: none */
    const struct deployed_function *function; /* NULL if none was found */
    struct account request;                   /* pays for `arena`, out of the process's memory */
    struct arena arena;                       /* the request's texts */
    struct call_args args;
    struct value result; /* of a guest that returned, until it is checked */
    struct checker checker;
    struct slice idempotency_key;
    struct slice request_id;
    struct slice traceparent; /* empty: none */
    struct identity identity;
    const struct audit_actor *actor; /* in the arena; NULL: nobody in particular */
    struct slice path;
    struct limit_changes lower;
    bool has_lower;
    uint32_t tenant;
    struct tenant *home; /* the same; NULL if there is no such tenant any more */
    enum stage stage;
    enum run_caller asked_by;
    struct budget own_budget;
    struct budget *budget; /* its own, or its caller's */
    struct run_clock own_clock;
    struct run_clock *clock;   /* the same */
    struct account account;    /* of what the host holds for the guest, and of `result_arena` */
    struct arena result_arena; /* the result's tree, until it is checked */
    struct host host;
    struct engine_call *call;
    struct run *child; /* a call of another function, that the guest waits for; NULL: none */
    /*
     * Of a call inside a transaction: who makes it, whose transaction, budget, clock and permit it
     * uses. NULL: it has its own.
     */
    struct run *caller;
    struct inner_call inner; /* of its caller: how things stood when it began */
    uint64_t fuel_granted;   /* of an inner call; and what it used, when it has ended */
    uint64_t fuel_used;
    uint64_t call_number; /* of an inner call that is recorded, from 1; else 0 */
    uint64_t depth;       /* of calls: 1 for one from outside */
    struct store_txn *txn;
    struct store_txn *lost;     /* the next attempt is to be a reserved one, for this that lost */
    struct store_txn *reserved; /* begun for it, and not yet in use */
    bool has_host;
    bool background; /* takes no slot and no permit */
    bool is_probe;   /* takes nothing that is shared but its turns, and nobody is told of it */
    bool untraced;
    bool returned;               /* for STAGE_RETURNED: the function did, and no proc_exit(0) */
    bool submitted;              /* the transaction's commit was begun */
    bool is_unrecorded;          /* there is no room for an audit record of it, or may be none */
    struct store_txn *trace_txn; /* reads the module's bytes, for STAGE_TRACE */
    struct trace_key trace_key;
    uint64_t trace_until_ns;
    struct outcome outcome;
    struct taped_run *taped; /* NULL: neither recorded nor replayed */
    struct store_wake wake;
    atomic_uint_fast64_t woken_at_ns; /* monotonic; 0: not woken */
    struct permit_waiter permit;
    /* Instances for the calls inside its transaction; of the outermost run alone. */
    struct permit_waiter nest;
    atomic_bool cancelled;
    bool is_turn_measured; /* by the thread's processor time: see `turn_began_ns` */
    bool nest_asked;
    bool was_asked; /* for run_ask(): its turns are long ones from the first */
    bool had_permit;
    bool permit_asked;             /* by a run that waited and wants to go on */
    bool had_turn;                 /* waits for nothing but another turn */
    struct tenant_usage *usage;    /* of its tenant */
    struct shared *slot;           /* it has one of these; NULL: none */
    struct tenant_metrics *counts; /* of its tenant; NULL: it is not counted */
    enum run_outstanding outstanding;
    bool is_outstanding;                  /* it is counted among those that wait or run */
    bool observed_identity;               /* its guest, which is gone, asked who calls */
    uint64_t waited_ns;                   /* for its first turn; UINT64_MAX: it had none */
    uint64_t attempt_since_ns;            /* when its attempt asked for a turn; 0: it has not */
    atomic_uint_fast64_t permit_asked_ns; /* when it last asked for a permit */
    atomic_uint_fast64_t permit_since_ns; /* when it got the one that it holds */
    uint64_t permit_held_ns;              /* how long it held others, in all */
    uint64_t create_ns;                   /* that the store of its instance took */
    uint64_t memory_taken;                /* memory for the guest and what the host holds for it */
    uint64_t memory_at_poll;              /* guest memory when this poll began */
    uint64_t turn_began_ns; /* monotonic, or the thread's processor time; 0: not at work */
    uint64_t started_ns;
    size_t told_lines;   /* of an action's lines, those that were told while it goes on */
    uint64_t told_ns;    /* when; 0: none were */
    uint64_t wake_at_ns; /* 0: not waiting */
    uint64_t backoff_until_ns;
    uint64_t time_ns;
    uint8_t seed[RANDOM_SEED_BYTES];
    uint32_t attempts;
};

/* -- Steps: each does one thing, says what comes next, and never blocks ----------------------- */

enum next step_admit(struct run *run);
enum next step_begin(struct run *run);
enum next step_earlier(struct run *run);
enum next step_args(struct run *run);
enum next step_guest(struct run *run, uint64_t until_ns);
enum next step_returned(struct run *run);
enum next step_trace(struct run *run);
enum next step_result(struct run *run);
enum next step_commit(struct run *run);
enum next step_settle(struct run *run);
enum next step_back_off(struct run *run);

/* -- Telling ---------------------------------------------------------------------------------- */

/*
 * Tells of lines of an action that have gathered, if it is time to: whether it was. For who polls
 * it, and not while it runs.
 */
bool run_tell_lines(struct run *run, uint64_t now_ns);

/* -- Waiting ---------------------------------------------------------------------------------- */

/* Marks a run as woken and passes the wake on; `arg` is the run. Any thread. */
void run_wake(void *arg);

/* Whether the run's answers come from a record. */
static inline bool run_is_replay(const struct run *run)
{
    return run->taped != NULL && run->taped->replay != NULL;
}

/* Whether it is a call inside the transaction of another run. */
static inline bool run_is_inner(const struct run *run)
{
    return run->caller != NULL;
}

/* Queries and mutations; not actions. */
bool run_is_transactional(const struct run *run);

/* -- When it may work: run_turns.c ------------------------------------------------------------ */

/* Has its permits wake it, and count as its tenant's. */
void run_init_permits(struct run *run);

/*
 * Who pays while nothing of a run executes: who is queued for a permit waits for others; else its
 * waiting is the host's time, and an action's is its own.
 */
enum run_clock_account run_idle_account(const struct run *run);

/* When the clock that runs while this run waits will be at its limit. */
uint64_t run_limit_at_ns(const struct run *run, uint64_t now_ns);

/* Most that the run may wait for its turns, in all: less as long as it has not begun. */
uint64_t run_turns_ns(const struct run *run);

/* For a step whose call of the store is pending. */
enum next run_wait_for_store(struct run *run);

void run_leave_permit(struct run *run);

/* Asks for a permit as permits_take() does. */
enum permit_answer run_ask_permit(struct run *run, enum permit_claim claim);

/*
 * What a run that has a permit uses of a processor from now on is its tenant's; to be told once it
 * is polled, on the thread that does. Its first turn is short and counts by the clock, which was
 * just read, later ones by the processor time of the thread.
 */
void run_begin_turn(struct run *run, uint64_t now_ns);

/* What it used so far is charged with the next call of the permits. */
void run_note_turn(struct run *run);

/* Asks for the permit that the guest needs to go on. False: it is queued for one. */
CORDON_MUST_USE bool run_take_permit(struct run *run);

/* -- What all runs share: run_room.c ---------------------------------------------------------- */

/* The memory of the process, for accounts; and as its tenant's, of a run that is no inner one. */
struct account_source run_process_memory(struct runner *runner);
struct account_source run_tenant_memory(struct run *run);
void run_give_tenant_memory(struct run *run, uint64_t bytes);

/* The guest's memory in the budget of the process; `owner` is the run. */
bool run_takes_memory(void *owner, uint64_t bytes);
void run_gives_memory(void *owner, uint64_t bytes);

/* Gives back all memory but what the result holds; what the account took in advance goes last. */
void run_settle_memory(struct run *run);

/*
 * A large request counts against the memory of the process until the run is freed. The first lump
 * comes with the slot and is asked of nobody: those of all slots together are small.
 */
void run_open_request(struct run *run);
void run_close_request(struct run *run);

/* Of a run that is done: the recorder answers for what it holds, not the memory of the process. */
void run_leave_memory(struct run *run);
void run_tape_leave_memory(struct run *run);

/* A slot, or an outcome that says there is none. */
void run_take_slot(struct run *run);
void run_give_slot(struct run *run);

/* -- Calls of other functions ----------------------------------------------------------------- */

/* Makes the call that the guest asks for. */
enum next run_begin_child(struct run *run);

/* Polls it; NEXT_STEP once its outcome is there for the guest, who has a permit then. */
enum next run_poll_child(struct run *run, uint64_t until_ns);

/* Ends it wherever it is. Does nothing if there is none. */
void run_end_child(struct run *run);

/* Of an inner call that can be made: it begins inside its caller's transaction. */
void run_enter_inner(struct run *run);

/* Its host goes on where its caller's stands. */
void run_share_host(struct run *run);

/* Its guest has ended: log lines and what else goes back to the caller's host. */
void run_tell_caller(struct run *run);

/* The linear memories of all callers; and what of the limit that leaves to the run. */
uint64_t run_memory_of_callers(const struct run *run);
uint64_t run_memory_left(const struct run *run);

/* What of the limit on the host's bytes for the guest the callers leave to the run. */
uint64_t run_host_bytes_left(const struct run *run);

/*
 * Looks at the clocks and at who waits, for the guest that is at work: that of the innermost call
 * inside the transaction. It is what stops, at a place that a replay passes too.
 */
CORDON_MUST_USE bool run_look(struct run *run, uint64_t now_ns);

/* The end of a turn of a guest that could go on; whoever waits for a permit comes first. */
enum next run_end_turn(struct run *run, uint64_t now_ns);

/* -- What steps do in common ------------------------------------------------------------------ */

/* The budget of the function's kind, the operator and the request, nothing used. */
void run_reset_budget(struct run *run);

CORDON_MUST_USE cordon_error *run_begin_txn(struct run *run);

/* What the result of an idempotent mutation is bound to. Borrows from the run. */
struct session_call run_session_call(const struct run *run);

/* The call, as audit records say it. */
struct audited_call run_audited_call(const struct run *run);

/*
 * Checks a value; on a mismatch the outcome says so with `code` and `prefix`.
 */
CORDON_MUST_USE cordon_error *run_check(
    struct run *run,
    const struct validator *validator,
    const struct value *value,
    cordon_outcome_code code,
    const char *prefix,
    enum check_verdict *out_verdict);

/* What comes after a guest that ended: nothing of it is left but the outcome. */
enum next run_leave_guest(struct run *run);

/* What comes after that if it failed, and its trace is as good as it gets. */
enum next run_leave_failed(struct run *run);

/* Whether STAGE_TRACE has something to do. Traces that are known are put into the outcome here. */
bool run_needs_trace(struct run *run);

/* What a request for a record, or a replay, needs; nothing for others. */
CORDON_MUST_USE cordon_error *run_tape_new(struct run *run, const struct run_request *request);
void run_tape_free(struct run *run);

/* Records a run that the recorder has chosen, before it begins; without memory it does not. */
void run_tape_choose(struct run *run);

/* Whether a run that is done can be replayed: a function ran, and it is to blame for its end. */
bool run_is_repeatable(const struct run *run);

/* Errors: those of run_get_record(). */
CORDON_MUST_USE cordon_error *run_check_recorded(const struct run *run);

/* Gives back a run that is done and was not handed to the recorder. */
void run_dispose(struct run *run);

/* Forgets an attempt that lost a conflict. */
void run_tape_begin(struct run *run);

/* Where an inner call's guest was stopped from outside, if it was. */
void run_tape_end_inner(struct run *run);

/* A module that the run depends on from now on: one of its functions was asked for. */
void run_tape_add_module(struct run *run, const struct deployed_module *module);

/* Keeps what only the guest's end tells, while there is still a host. */
void run_tape_end(struct run *run);

/* -- Metrics: run_count.c -------------------------------------------------------------------- */

/* Of a run that will ask for a turn. */
void run_count_waiting(struct run *run);

/* It asks for a turn, at the first time of an attempt. */
void run_count_attempt(struct run *run, uint64_t now_ns);

/* It has its first turn. */
void run_count_running(struct run *run, uint64_t now_ns);

/* It asks for a permit, or may have to pass its own on; it has got one; it has it no more. */
void run_count_asking(struct run *run, uint64_t now_ns);
void run_count_permit(struct run *run, uint64_t now_ns);
void run_count_gave(struct run *run, uint64_t since_ns, uint64_t now_ns);

/* Its guest has ended, and is there still. */
void run_count_guest(struct run *run);

/* A call that it made is over, and it has the outcome. */
void run_count_call(struct run *run);

/* It is over, and its outcome is whole. */
void run_count_end(struct run *run);

/* -- Endings: run_finish.c --------------------------------------------------------------------- */

/* Ends guest and host; what the outcome needs was copied before. The result's tree stays. */
void run_end_guest(struct run *run);

/* Ends that, too: it was checked, or nobody will. */
void run_end_result(struct run *run);

/* The end of every run: gives back what it held and reports the outcome. */
enum next run_finish(struct run *run);

/* Ends a run before anything of it ran, with Convex's code and words. */
enum next run_refuse(struct run *run, enum run_rejection why);

/* Ends a run that has no guest, with words of ours. */
enum next run_finish_with(struct run *run, cordon_outcome_code code, struct slice message);

/* Ends it with an error of ours or of the world, which is freed. */
enum next run_finish_error(struct run *run, cordon_error *error);

#endif
