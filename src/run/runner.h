/*
 * What all runs share: engine, store, compiler, the deployments of each tenant, and the three
 * counts (design 3.7): permits (running), slots (alive, waiting included), memory (one budget for
 * the process). Of each a tenant has its share: see run/permits/permits.h and run/permits/shares.h.
 * One per process or per embedding.
 */
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include "engine/compiler.h"
#include "engine/engine.h"
#include "limits/budget.h"
#include "observe/executions.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "store/store.h"

struct runner;
struct deployment;
struct audit_actor;
struct host_functions;
struct tenants;

enum { TENANT_DEFAULT = 1 };

/*
 * The tenant of the program itself, which tries its own functions (run/probe.h). Nothing is
 * deployed into it, and nobody else calls it. The store keeps the number after it for itself.
 */
#define TENANT_SYSTEM (UINT32_MAX - 1)

struct runner_options {
    struct store *store;                    /* borrowed; must outlive the runner */
    struct metrics *metrics;                /* borrowed */
    struct log *log;                        /* borrowed; NULL writes no line per run */
    const struct host_functions *functions; /* of the embedding program; borrowed; NULL: none */
    const char *worker_path;                /* of cordon-compile; NULL with compile_inside */
    bool compile_inside;                    /* compile in this process; must be asked for by name */
    const char *artifact_folder;            /* NULL: no cache of machine code on disk */
    struct limit_changes limits;            /* the operator's, over the table's defaults */
    uint32_t permits;                       /* runs that execute guest code at one time */
    uint32_t processors;                    /* that guest code may have; 0: as many as there are */
    uint64_t short_run_ns;    /* of processor time; see run/permits/permits.h. 0: the default */
    uint32_t slots;           /* runs alive */
    uint32_t share_percent;   /* of slots, memory and queue, for a tenant; 0: the default */
    uint64_t queue_target_ns; /* of run/permits/codel.h; 0: the defaults */
    uint64_t queue_interval_ns;
    uint64_t turns_ns;     /* most that a run that has begun waits for its turns, in all */
    uint64_t memory_bytes; /* all guests' memory and host bytes together */
    bool production;       /* redact errors towards clients */
    /* What is recorded: see run/record/recorder.h. Texts are borrowed during runner_new(). */
    const char *record_folder; /* NULL: no record is kept */
    uint64_t record_bytes_max; /* of all records of a tenant */
    uint64_t record_keep_ms;
    const char *const *record_functions; /* paths whose every run is kept */
    size_t record_function_count;
    uint32_t replay_sample; /* queries and mutations that are replayed, of REPLAY_SAMPLE_ALL */
};

/* Of so many runs `replay_sample` is a number. */
#define REPLAY_SAMPLE_ALL 1000000

/* Starts the compile worker's starter and the engine. Errors: CORDON_E_SYSTEM, CORDON_E_ENGINE. */
CORDON_MUST_USE cordon_error *runner_new(
    const struct runner_options *options, struct runner **out_runner);

/*
 * Starts one thread that logs, the moment it happens, that compiling has ended or begun again,
 * because somebody killed its processes; without it that is logged by the next deploy. For
 * programs that live long. Once there is such a thread it does nothing. One thread at a time.
 * Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *runner_watch(struct runner *runner);

/*
 * Starts the keeper of the audit log (run/audit/auditor.h): its thread lives as long as the runner.
 * Once there is one it does nothing. Any thread, beside runs. Errors: those of auditor_new().
 */
struct auditor_options;
CORDON_MUST_USE cordon_error *runner_keep_audit(
    struct runner *runner, const struct auditor_options *options);

/* The keeper, for notes; NULL if there is none. Borrowed. Any thread. */
struct auditor *runner_auditor(const struct runner *runner);

/*
 * Starts one thread that does in the background what changed indexes have left to do, at once what
 * an earlier program has left, and later what deploys do; without it a deploy does that before it
 * answers. For programs that live long. Once there is such a thread it does nothing. One thread at
 * a time. Errors: CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *runner_tend(struct runner *runner);

/*
 * Makes every deploy, load and check that is under way, and those to come until
 * runner_allow_deploys(), end soon with CORDON_E_OVERLOADED: nothing of them is kept. Two are
 * finished: a deploy whose modules are all built, and a module that compiles inside this process.
 * Returns at once. For a server that stops. Any thread, also from a signal handler.
 */
void runner_stop_deploys(struct runner *runner);
void runner_allow_deploys(struct runner *runner);

/*
 * Takes over those of the operator's limits that can change (limit_can_change()); each attempt of a
 * run has those of its beginning. For a program with runner_tend(). Any thread.
 */
void runner_change_limits(struct runner *runner, const struct limit_changes *limits);

/* Gives back memory of free instances; see engine_trim(). Any thread. */
CORDON_MUST_USE cordon_error *runner_trim(struct runner *runner, size_t *out_bytes);

/* No run and no deploy may be alive. NULL accepted. */
void runner_free(struct runner *runner);

/*
 * Loads the deployment that the store holds for a tenant, if any, and its environment variables,
 * unless that was done; compiles what the cache lacks. Blocks. Any thread. Errors as runner_deploy,
 * and CORDON_E_NOT_FOUND if there is no such tenant.
 */
CORDON_MUST_USE cordon_error *runner_load(struct runner *runner, uint32_t tenant);

/*
 * The same as far as it takes no longer than to read it: `*out_is_loaded` is false, and nothing is
 * loaded, where the cache lacks machine code, also where another thread makes it anew.
 */
CORDON_MUST_USE cordon_error *runner_load_cached(
    struct runner *runner, uint32_t tenant, bool *out_is_loaded);

/* Modules of one deploy. */
#define DEPLOY_MODULES_MAX 256

struct deploy_module {
    struct slice name; /* for messages: a file name, may be empty */
    struct slice wasm;
};

/* Whether the store keeps what is deployed, or only this process uses it. */
enum deploy_mode { DEPLOY_KEEP, DEPLOY_LOAD_ONLY };

/*
 * Replaces the tenant's whole set of functions, all or nothing: admits and compiles every module,
 * refuses a path that two of them have, writes modules and deploy to the store in one durable
 * commit, then swaps. Runs under way keep the old set. Blocks (seconds); any thread, one at a time
 * per tenant. `out_report` gets JSON: functions with kinds, hashes, compile times, sizes.
 * `actor` is whom the audit log names; NULL: nobody.
 * Errors: CORDON_E_MODULE_REFUSED naming module, place and what to do; CORDON_E_STORE.
 */
CORDON_MUST_USE cordon_error *runner_deploy(
    struct runner *runner,
    uint32_t tenant,
    const struct deploy_module *modules,
    size_t count,
    enum deploy_mode mode,
    const struct audit_actor *actor,
    struct buffer *out_report);

/*
 * Makes one of the last deploys hold again, by its number: as a deploy of the same modules, with
 * all its checks, also of the documents that are there against its schema; but it keeps number and
 * time. `out_report` as runner_deploy. Errors: CORDON_E_NOT_FOUND for a number that is not kept;
 * those of runner_deploy.
 */
CORDON_MUST_USE cordon_error *runner_rollback(
    struct runner *runner,
    uint32_t tenant,
    uint64_t number,
    const struct audit_actor *actor,
    struct buffer *out_report);

/* The deploys that are kept, as deploy_rows_list() has them. Any thread. */
CORDON_MUST_USE cordon_error *runner_list_deploys(
    struct runner *runner, uint32_t tenant, struct buffer *out_json);

/*
 * Admission alone, with everything but a run: reads, checks and compiles, keeps nothing.
 * `out_report` as runner_deploy, with imports, exports and memory.
 */
CORDON_MUST_USE cordon_error *runner_check(
    struct runner *runner, const struct deploy_module *module, struct buffer *out_report);

/* Counts now; for metrics, tests and shutdown. Any thread. */
struct runner_counts {
    uint32_t permits_used;
    uint32_t permits_waiting;
    uint64_t calls_refused; /* so far: their queue was full */
    uint64_t calls_expired; /* so far: their queue was congested */
    uint32_t slots_used;
    uint32_t nests_used; /* runs with instances for calls inside their transactions */
    uint32_t nests_waiting;
    uint64_t memory_used;
};
struct runner_counts runner_get_counts(struct runner *runner);

/*
 * Whether there are several tenants from now on, so that each keeps to its share of what nobody can
 * be made to give back. Alone, a tenant may have all. Any thread.
 */
void runner_share(struct runner *runner, bool has_several);

/* What a tenant may have of it now, in percent. Any thread. */
uint32_t runner_get_share_percent(const struct runner *runner);

/*
 * What a tenant has of the processors beside others that want them too, in percent of what one has
 * that was given none. Nothing, if there is no such tenant. Any thread.
 */
void runner_set_weight(struct runner *runner, uint32_t tenant, uint32_t percent);

/*
 * The one budget for what guests and requests hold in memory (`memory_bytes`). Taking is all or
 * nothing; false when it is spent. Whoever takes gives back the same. Any thread.
 */
bool runner_take_memory(struct runner *runner, uint64_t bytes);
void runner_give_memory(struct runner *runner, uint64_t bytes);
uint64_t runner_get_memory_bytes(const struct runner *runner);
uint32_t runner_get_processors(const struct runner *runner);

/*
 * The same for what tenants keep of their last runs, which nobody gives back by himself: all of it
 * together has an eighth of the budget.
 */
#define RUNNER_KEPT_PART 8
bool runner_take_kept_memory(struct runner *runner, uint64_t bytes);
void runner_give_kept_memory(struct runner *runner, uint64_t bytes);

/* How many runs execute at one time, at most. */
uint32_t runner_get_permits(const struct runner *runner);

/* Brings the gauges up to date before a scrape. Any thread. */
void runner_refresh_metrics(struct runner *runner);

/* The store that its runs read and write. Borrowed. */
struct store *runner_store(const struct runner *runner);

bool runner_is_production(const struct runner *runner);

/* From now on the last runs of each tenant are kept, for whoever serves them. Any thread. */
void runner_keep_executions(struct runner *runner);

/* Of whom runs may be: run/tenant/tenants.h. Borrowed. */
struct tenants *runner_tenants(struct runner *runner);

#endif
