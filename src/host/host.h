/*
 * The host's side of one run: what the guest may reach, what it has asked for, what it has said.
 * The engine hands it to every host function; run/ makes it, reads it after the end, and frees it.
 *
 * Results and failures go out by separate calls and are kept apart here: `output` is data, `stop`
 * is why the run must end. The first stop wins.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/account.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/random.h"
#include "engine/engine.h"
#include "host/check.h"
#include "host/log_lines.h"
#include "limits/budget.h"
#include "limits/clock.h"
#include "store/store.h"
#include "store/tape.h"

#include <cordon/outcome.h>
#include <stdatomic.h>

struct env_vars;
struct gate_descriptor;
struct json_doc;
struct host_metrics;
struct host_queries;
struct page;
struct table_rules;

/* Where a run stands, counted in what each repeat of it passes at the same place. */
struct host_place {
    uint64_t yields; /* slices that ended */
    uint64_t looks;  /* at the clock, by the gate */
};

/* Where and why a run was stopped from outside: by time, or because nobody waited any more. */
struct host_cut {
    bool is_set;
    bool waiting;             /* for an answer that never came */
    cordon_outcome_code code; /* CORDON_OUTCOME_LIMIT or CORDON_OUTCOME_CANCELLED */
    cordon_limit limit;
    uint64_t used;
    struct host_place place;
};

/* Of a run that waited for its turns as long as it may, before what that leaves behind. */
#define HOST_NO_TURN "Too many concurrent requests: the call waited for its turns for too long."

/* What run/ decides before the guest runs. Slices are borrowed for the life of the host. */
struct host_options {
    cordon_kind kind;
    struct budget *budget;
    struct run_clock *clock;
    struct store_txn *txn; /* NULL in an action */
    struct slice args;     /* JSON array of the arguments */
    /*
     * Pays for all that the host holds for the guest. Its ceiling is `host_bytes`, its source the
     * memory of the process. Only the host and who shares its life may charge it.
     */
    struct account *account;
    const atomic_bool *cancelled;
    uint8_t seed[RANDOM_SEED_BYTES];        /* of the run */
    uint8_t import_seed[RANDOM_SEED_BYTES]; /* of the import phase */
    uint64_t time_ns;                       /* virtual time of the run */
    uint64_t import_time_ns;
    bool real_clock; /* actions: time_ns plus what has passed since `started_ns` */
    uint64_t started_ns;
    uint64_t turns_ns;          /* most that the run may wait for its turns */
    struct tape *tape;          /* what the run learns from outside is written there; NULL: not */
    struct tape_player *player; /* a replay: it learns from there, and has no clock. NULL: none */
    const struct host_cut *cut; /* of a replay */
    /* Of the deployment; positions in queries are sealed by it. A replay has none. */
    const uint8_t *cursor_key; /* SEAL_KEY_BYTES */
    uint32_t tenant;
    const struct env_vars *env;         /* NULL: there are no environment variables */
    const struct host_metrics *metrics; /* NULL: nothing is measured */
    struct slice identity;              /* who has signed in, encoded JSON; empty: nobody */
    struct store_wake wake;             /* makes a run that waits for the program go on */
};

/* Why the host ended the run; `code` is CORDON_OUTCOME_SUCCESS while it has not. */
struct host_stop {
    cordon_outcome_code code;
    cordon_limit limit;   /* if code is CORDON_OUTCOME_LIMIT */
    struct slice message; /* in one of the host's arenas */
    struct slice data;    /* of a ConvexError; empty: none */
    bool exited_well;     /* proc_exit(0): the run ends and is a success */
};

/* How far an operation has come that waits in between; zero when it begins. */
struct host_operation {
    unsigned step;
    uint64_t sleeps_until_ns; /* monotonic: nothing wakes it but this time. 0: it does not sleep */
    uint32_t table;
};

enum nested_state {
    NESTED_NONE,
    NESTED_WANTED, /* the guest waits; run/ is to make the call, and to poll the guest again then */
    NESTED_DONE,
};

/* A call of another function. */
struct host_nested {
    enum nested_state state;
    cordon_kind kind;
    bool inner;         /* inside the transaction of the run that makes it */
    uint64_t fuel;      /* that is left for it */
    struct slice path;  /* borrowed from the host call's arguments */
    struct buffer args; /* encoded JSON, an object */
    /* NESTED_DONE, all borrowed until the guest has been polled: */
    bool good;
    struct slice value; /* encoded JSON */
    const char *code;   /* of a failure, as the others */
    struct slice message;
    struct slice data;  /* empty: none */
    uint64_t fuel_used; /* by an inner call */
};

struct host {
    struct host_options options;
    struct arena arena;   /* lives as long as the run: log lines, what the guest failed with */
    struct arena words;   /* of a stop; nobody pays, as they may say that nobody can */
    struct buffer reply;  /* of the last call that has one */
    struct buffer output; /* the result, as written */
    struct log_lines log;
    struct host_stop stop;
    uint64_t refused_used;       /* of `refused_limit` */
    struct random_stream random; /* guest bytes of the phase that runs */
    struct random_stream ids;    /* document ids: never shifts guest randomness */
    double last_creation_time;
    /* A call that answered ENGINE_WAIT and will be made again. */
    const struct gate_descriptor *waiting;
    struct json_doc *waiting_args;
    struct json_doc *spare_args; /* of a call that is over: memory for the next one's */
    struct host_operation operation;
    struct cordon_host_call *function_call; /* of the embedding program; NULL: none, functions.h */
    struct host_queries *queries; /* that the guest has open; NULL: there never were any */
    struct page *page;            /* that is being read */
    struct table_rules *rules;    /* of the tables that were written to; in `arena` */
    struct checker checker;       /* of what is written, against them */
    struct buffer fetched;        /* the row of a document that is being changed */
    struct host_nested nested;
    struct host_place place;
    uint64_t call_since_ns;   /* when the call that waits began; 0: none does */
    uint64_t fuel_since_look; /* host fuel charged since the last look at the clock */
    uint64_t polled; /* bytes charged for what the account does not see grow: see host_account() */
    uint32_t short_calls;       /* since the start of a sample: see HOST_CALLS_SAMPLED */
    cordon_limit refused_limit; /* if `refused` */
    bool refused;           /* a limit on documents or bytes was; it ends a run that then fails */
    bool was_refused;       /* the call that has just ended */
    bool has_output;        /* a result was written */
    bool has_paged;         /* a run may read a page once */
    bool observed_identity; /* the guest has asked who calls */
    bool running;           /* false in the import phase */
};

/* `host` is the caller's memory. */
void host_init(struct host *host, const struct host_options *options);

/* Gives everything back to the account. */
void host_done(struct host *host);

/* Forgets the call of another function, wherever it is. */
void host_nested_done(struct host *host);

/* The engine's hooks; `run` is the host. */
void host_on_running(void *run);
bool host_may_grow(void *run, uint64_t more);

/*
 * Ends the run: keeps code and words (the first stop wins) and returns ENGINE_STOP, so that a
 * handler can say `return host_stop(…)`.
 */
CORDON_PRINTF(3, 4) enum engine_answer host_stop(
    struct host *host, cordon_outcome_code code, const char *format, ...);

/* Ends the run because of a limit, which is tripped with `used` if it is not yet. */
enum engine_answer host_stop_limit(struct host *host, cordon_limit limit, uint64_t used);

/*
 * Ends the run because of an error of ours or of the world, and frees it. If the account refused
 * memory, that is the limit host_bytes or, for want of it in the process, overload.
 */
enum engine_answer host_stop_error(struct host *host, cordon_error *error);

/*
 * Looks at the run's times, at `now_ns` of the monotonic clock, and at cancellation; false means
 * the run was stopped. The gate calls it whenever enough host work was charged, run/ between
 * slices.
 */
bool host_look(struct host *host, uint64_t now_ns);

/* The same at the end of a slice, which is a place that each repeat of the run passes. */
bool host_yielded(struct host *host, uint64_t now_ns);

/* A replayed run waits: it is stopped where the recorded one was, or has left its record. */
void host_replay_waits(struct host *host);

/* Why a run that has ended was stopped from outside; `is_set` false if it was not. */
struct host_cut host_get_cut(const struct host *host);

/*
 * Whether an error says that there is no memory for the run: of its own or anywhere. What a guest
 * handed over is then not to blame, and host_stop_error() tells why.
 */
bool host_lacks_memory(const struct host *host, const cordon_error *error);

/*
 * Brings the account up to date with what grows without asking it: the transaction. The arguments,
 * which were there before, are charged here the first time. False means the run was stopped.
 */
bool host_account(struct host *host);

/* What is left of a time limit now, in ms. */
uint64_t host_time_left_ms(struct host *host, cordon_limit limit);

/* Virtual time of the phase that runs, ns since 1970; the real clock in actions. */
uint64_t host_time_ns(struct host *host);

/* The words of a limit that ended a run: what was used, what was allowed, what to change. */
struct slice host_limit_message(
    struct arena *arena, cordon_limit limit, uint64_t used, uint64_t allowed);

/* The import table for engine_new(), and the hook for calls that a kind may not make. */
const struct engine_import *host_imports(size_t *out_count);
enum engine_answer host_denied(void *run, const struct engine_import *import);

#endif
