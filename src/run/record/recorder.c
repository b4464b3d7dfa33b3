/*
 * The queues of the recorder and its thread; see recorder.h. The thread takes one small step at a
 * time: a record that is to be kept, or one slice of the replay that is under way. Before each
 * slice it waits until its share of the processor has room for it.
 */
#include "run/record/recorder.h"

#include "base/advice.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/memory.h"
#include "base/pipe_signal.h"
#include "run/audit/audit_rows.h"
#include "run/audit/audited_call.h"
#include "run/await.h"
#include "run/deploy/deploy_rows.h"
#include "run/permits/cpu_share.h"
#include "run/state.h"

#include <sys/resource.h>
#include <unistd.h>

/* Runs that wait in each queue. */
#define QUEUE_RUNS 32

/* What they hold together; the memory of the process pays on for those that are to be kept. */
#define REPLAY_QUEUE_BYTES ((size_t)16 << 20)
#define KEEP_QUEUE_BYTES ((size_t)256 << 20)

/* Of one that is to be replayed: its tape. A run that reads more is let go. */
#define REPLAY_TAPE_BYTES_MAX ((size_t)1 << 20)

/* One that has waited for so long says nothing about now. */
#define REPLAY_WAIT_NS ((uint64_t)60000000000)

/* The share of one processor: 1 %, in pieces of a millisecond. */
#define SHARE_PARTS 100
#define SHARE_STORE_NS ((uint64_t)10000000)
#define SLICE_NS ((uint64_t)1000000)

/* Of the memory of the process: beyond it nothing is replayed. */
#define MEMORY_SHARE(bytes) ((bytes) / 4 * 3)

/* Records are looked through for what is over. */
#define SWEEP_NS ((uint64_t)600000000000)

#define NICE_LOWEST 19
#define WORDS_BYTES_MAX 256

struct waiting_run {
    struct run *run;
    uint64_t since_ns;
    size_t bytes;
};

/* A ring. */
struct run_queue {
    struct waiting_run runs[QUEUE_RUNS];
    size_t first;
    size_t count;
    size_t bytes;
    size_t bytes_max;
};

/* The replay that is under way; the thread's alone. */
struct replaying {
    struct run *recorded; /* NULL: none is */
    struct run *run;
    struct recording recording;
    struct buffer result; /* of the recorded one */
};

struct recorder_metrics {
    struct counter *kept;
    struct counter *unkept;
    struct counter *replayed;
    struct counter *mismatched;
    struct counter *dropped;
    struct counter *cpu_ns;
    struct gauge *waiting;
};

struct recorder {
    struct runner *runner;
    struct records *records; /* NULL: there is no folder */
    struct recorder_metrics metrics;
    pthread_t thread;
    bool has_thread;
    struct event woken;
    pthread_mutex_t lock; /* guards these */
    struct run_queue kept;
    struct run_queue replayed;
    bool is_idle; /* the thread waits for a run to come */
    bool ends;
    atomic_size_t replays_waiting; /* how many: looked at without the lock */
    struct replaying replaying;    /* this and what follows is the thread's */
    struct cpu_share share;
};

/* -- Queues ---------------------------------------------------------------------------------- */

static bool push(struct run_queue *queue, struct waiting_run waiting)
{
    if (queue->count == QUEUE_RUNS || queue->bytes + waiting.bytes > queue->bytes_max) {
        return false;
    }
    queue->runs[(queue->first + queue->count) % QUEUE_RUNS] = waiting;
    queue->count++;
    queue->bytes += waiting.bytes;
    return true;
}

static struct waiting_run pop(struct run_queue *queue)
{
    CORDON_ASSERT(queue->count > 0);
    const struct waiting_run waiting = queue->runs[queue->first];
    queue->first = (queue->first + 1) % QUEUE_RUNS;
    queue->count--;
    queue->bytes -= waiting.bytes;
    return waiting;
}

static void drop_all(struct run_queue *queue)
{
    while (queue->count > 0) {
        run_dispose(pop(queue).run);
    }
}

/* -- Choosing and taking --------------------------------------------------------------------- */

static bool is_named(const struct runner_options *options, const struct deployed_function *function)
{
    const struct slice path = function->metadata->path.text;
    for (size_t i = 0; i < options->record_function_count; i++) {
        if (slice_equal(path, slice_str(options->record_functions[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_sampled(struct recorder *recorder, const struct deployed_function *function)
{
    const uint32_t sample = recorder->runner->options.replay_sample;
    if (sample == 0 || function->metadata->kind == CORDON_ACTION) {
        return false;
    }
    uint32_t draw = 0;
    random_pool_fill(&recorder->runner->seeds, &draw, sizeof draw);
    if ((uint64_t)draw * REPLAY_SAMPLE_ALL >> 32 >= sample) {
        return false;
    }
    if (atomic_load_explicit(&recorder->replays_waiting, memory_order_relaxed) >= QUEUE_RUNS) {
        counter_add(recorder->metrics.dropped, 1); /* so that it need not be recorded */
        return false;
    }
    return true;
}

unsigned recorder_choose(
    struct recorder *recorder, const struct deployed_function *function, size_t *out_tape_bytes_max)
{
    unsigned purposes = 0;
    if (!recorder->has_thread) {
        return 0;
    }
    if (is_sampled(recorder, function)) {
        purposes |= RECORDER_REPLAYS;
        *out_tape_bytes_max = REPLAY_TAPE_BYTES_MAX;
    }
    if (is_named(&recorder->runner->options, function)) {
        purposes |= RECORDER_KEEPS;
        *out_tape_bytes_max = RECORDING_TAPE_BYTES_MAX;
    }
    return purposes;
}

/* Why a run that could be replayed is not: it would take too much of what others need. */
static bool is_too_much(const struct run *run)
{
    return run->taped->tape.full || run->taped->tape.entries.size > REPLAY_TAPE_BYTES_MAX ||
           run->outcome.used[CORDON_LIMIT_USER_TIME_MS] > RECORDER_REPLAY_USER_MS ||
           run->outcome.used[CORDON_LIMIT_MEMORY_BYTES] > RECORDER_REPLAY_MEMORY_BYTES;
}

/* Queues it for the first of its purposes; false: there is no room, or it is too much. */
static bool queue_run(struct recorder *recorder, struct run *run)
{
    const bool keeps = (run->taped->purposes & RECORDER_KEEPS) != 0;
    const struct waiting_run waiting = {
        .run = run,
        .since_ns = clock_monotonic_ns(),
        .bytes = sizeof *run + run->taped->tape.entries.capacity + arena_bytes(&run->arena) +
                 arena_bytes(&run->outcome.arena),
    };
    if (!keeps && is_too_much(run)) {
        return false;
    }
    if (!keeps) {
        run_leave_memory(run);
    }
    (void)pthread_mutex_lock(&recorder->lock);
    const bool queued = push(keeps ? &recorder->kept : &recorder->replayed, waiting);
    gauge_add(recorder->metrics.waiting, queued && !keeps);
    const bool wakes = queued && (keeps || recorder->is_idle);
    atomic_store_explicit(
        &recorder->replays_waiting, recorder->replayed.count, memory_order_relaxed);
    (void)pthread_mutex_unlock(&recorder->lock);
    if (wakes) {
        event_set(&recorder->woken);
    }
    return queued;
}

static void count_dropped(struct recorder *recorder, unsigned purposes)
{
    counter_add(recorder->metrics.dropped, (purposes & RECORDER_REPLAYS) != 0);
    counter_add(recorder->metrics.unkept, (purposes & RECORDER_KEEPS) != 0);
}

void recorder_take(struct recorder *recorder, struct run *run)
{
    const unsigned purposes = run->taped->purposes;
    const bool is_good = run_is_repeatable(run);
    if (is_good && queue_run(recorder, run)) {
        return;
    }
    if (is_good || run->taped->unfit) { /* of others there is nothing to be known */
        count_dropped(recorder, purposes);
    }
    run_dispose(run);
}

/* -- Keeping --------------------------------------------------------------------------------- */

static void give_rest(struct runner *runner, const struct account *account)
{
    if (account->taken > 0) {
        runner_give_memory(runner, account->taken);
    }
}

static struct slice bytes_in_memory(const struct deployment *deployment, const uint8_t *hash)
{
    for (size_t i = 0; i < deployment->module_count; i++) {
        if (memcmp(deployment->modules[i].hash, hash, SHA256_BYTES) == 0) {
            return deployment->modules[i].bytes;
        }
    }
    return slice_of(NULL, 0);
}

static cordon_error *find_module(
    const struct run *run, const uint8_t *hash, struct arena *arena, struct slice *out_wasm)
{
    *out_wasm = bytes_in_memory(run->deployment, hash);
    if (out_wasm->size == 0) {
        TRY(deploy_rows_find_module(
            run->runner->options.store, run->tenant, hash, arena, out_wasm));
    }
    if (out_wasm->size == 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "the functions were replaced meanwhile, and a module that ran is "
                              "gone; call it again");
    }
    return NULL;
}

/* The bytes of all modules that a run depended on. */
static cordon_error *find_modules(
    const struct run *run, struct arena *arena, struct slice **out_modules)
{
    const struct taped_run *taped = run->taped;
    struct slice *modules = arena_alloc(arena, taped->module_count * sizeof *modules);
    if (modules == NULL) {
        return arena_error(arena);
    }
    for (size_t i = 0; i < taped->module_count; i++) {
        TRY(find_module(run, taped->modules[i].hash, arena, &modules[i]));
    }
    *out_modules = modules;
    return NULL;
}

/* The record with its modules, paid for by `account`. */
static cordon_error *keep_charged(
    struct recorder *recorder,
    const struct run *run,
    struct account *account,
    struct record_id *out_id)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    arena_init_charged(&arena, account);
    buffer_init_charged(&bytes, RECORDING_BYTES_MAX, account);
    struct slice *modules = NULL;
    TRY(run_check_recorded(run));
    TRY(find_modules(run, &arena, &modules));
    TRY(run_get_record(run, modules, run->taped->module_count, &bytes));
    return records_put(recorder->records, run->tenant, buffer_slice(&bytes), out_id);
}

cordon_error *recorder_keep(
    struct recorder *recorder, const struct run *run, struct record_id *out_id)
{
    if (recorder->records == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "records are kept in the data folder, and there is none: start with one (--data)");
    }
    struct account account;
    const struct account_source memory = run_process_memory(recorder->runner);
    account_init(&account, UINT64_MAX, &memory);
    cordon_error *error = keep_charged(recorder, run, &account, out_id);
    give_rest(recorder->runner, &account);
    counter_add(error == NULL ? recorder->metrics.kept : recorder->metrics.unkept, 1);
    return error;
}

struct records *recorder_records(struct recorder *recorder)
{
    return recorder->records;
}

/* A line that says under which id a run was kept, or why it was not. */
static void tell_kept(
    const struct recorder *recorder,
    const struct run *run,
    const struct record_id *id,
    const cordon_error *error)
{
    struct log *log = recorder->runner->options.log;
    const struct log_field fields[] = {
        LOG_FIELD_STRING("path", run->function->metadata->path.text),
        LOG_FIELD_STRING("request_id", run->request_id),
        error == NULL ? (struct log_field)LOG_FIELD_STRING("record", slice_str(id->text))
                      : (struct log_field)LOG_FIELD_STRING(
                            "message", slice_str(cordon_error_get_message(error))),
    };
    log_write(
        log, error == NULL ? LOG_INFO : LOG_WARN,
        error == NULL ? "function_recorded" : "function_not_recorded", fields,
        sizeof fields / sizeof fields[0]);
    log_flush(log);
}

/* Keeps a run that its function's setting asks for, and passes it on if it is sampled, too. */
static void keep_named(struct recorder *recorder, struct run *run)
{
    struct record_id id = {0};
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = recorder_keep(recorder, run, &id);
    tell_kept(recorder, run, &id, error);
    run->taped->purposes &= ~(unsigned)RECORDER_KEEPS;
    if (run->taped->purposes == 0) {
        run_dispose(run);
    } else {
        recorder_take(recorder, run);
    }
}

/* -- The alarm ------------------------------------------------------------------------------- */

static cordon_error *write_audit(
    struct recorder *recorder, const struct run *run, struct slice words, struct slice record)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 65536);
    const struct audited_call call = run_audited_call(run);
    TRY(audited_call_write_mismatch(&body, &call, words, record));
    return audit_rows_add(recorder->runner->options.store, run->tenant, buffer_slice(&body));
}

/* A function that is not deterministic, or a fault of ours: both are somebody's to look at. */
static void raise_alarm(struct recorder *recorder, const struct run *run, const char *words)
{
    struct log *log = recorder->runner->options.log;
    counter_add(recorder->metrics.mismatched, 1);
    struct record_id id = {0};
    CORDON_CLEANUP(cordon_error_freep) cordon_error *unkept = recorder_keep(recorder, run, &id);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *unaudited =
        write_audit(recorder, run, slice_str(words), slice_str(id.text));
    const struct log_field fields[] = {
        LOG_FIELD_STRING(
            "message", SLICE("a replay in the background was another run than the recorded one; "
                             "`cordon replay` of its record shows where")),
        LOG_FIELD_STRING("path", run->function->metadata->path.text),
        LOG_FIELD_STRING("request_id", run->request_id),
        LOG_FIELD_STRING("difference", slice_str(words)),
        LOG_FIELD_STRING("record", slice_str(id.text)),
        LOG_FIELD_STRING(
            "not_kept", slice_str(unkept == NULL ? "" : cordon_error_get_message(unkept))),
        LOG_FIELD_STRING(
            "not_audited", slice_str(unaudited == NULL ? "" : cordon_error_get_message(unaudited))),
    };
    log_write(log, LOG_ERROR, "replay_mismatch", fields, sizeof fields / sizeof fields[0]);
    log_flush(log);
}

/* -- Replaying ------------------------------------------------------------------------------- */

static void end_replay(struct recorder *recorder)
{
    struct replaying *replaying = &recorder->replaying;
    run_free(replaying->run);
    if (replaying->recorded != NULL) {
        run_dispose(replaying->recorded);
        gauge_add(recorder->metrics.waiting, -1);
    }
    buffer_done(&replaying->result);
    *replaying = (struct replaying){0};
}

static void drop_replay(struct recorder *recorder)
{
    counter_add(recorder->metrics.dropped, 1);
    end_replay(recorder);
}

/* A replay waits for nothing; what might be queued for it has no one to tell. */
static void ignore_wake(void *arg)
{
    (void)arg;
}

static cordon_error *begin_replay(struct recorder *recorder, struct run *recorded)
{
    struct replaying *replaying = &recorder->replaying;
    replaying->recorded = recorded;
    buffer_init(&replaying->result, RECORDING_BYTES_MAX);
    TRY(run_get_recording(recorded, &replaying->result, &replaying->recording));
    struct run_request request = recording_request(&replaying->recording);
    request.tenant = recorded->tenant;
    request.deployment = recorded->deployment;
    request.background = true;
    request.untraced = true;
    return run_new(
        recorder->runner, &request, (struct store_wake){ignore_wake, NULL}, &replaying->run);
}

static bool is_memory_short(struct recorder *recorder)
{
    const struct runner *runner = recorder->runner;
    return atomic_load(&runner->memory.used) > MEMORY_SHARE(runner->options.memory_bytes);
}

/* Compares a replay that is done. One for which there was no room says nothing. */
static void judge(struct recorder *recorder)
{
    const struct replaying *replaying = &recorder->replaying;
    char words[WORDS_BYTES_MAX] = "";
    bool differs = false;
    cordon_error *error =
        run_replay_differs(replaying->run, WORDS_ALONE, words, sizeof words, &differs);
    if (error != NULL) {
        cordon_error_free(error);
        drop_replay(recorder);
        return;
    }
    counter_add(recorder->metrics.replayed, 1);
    if (differs) {
        raise_alarm(recorder, replaying->recorded, words);
    }
    end_replay(recorder);
}

/* One slice of the replay under way, or of the run that is to be replayed next. */
static void replay_slice(struct recorder *recorder, struct run *next)
{
    struct replaying *replaying = &recorder->replaying;
    if (is_memory_short(recorder)) {
        if (next != NULL) {
            replaying->recorded = next;
        }
        drop_replay(recorder);
        return;
    }
    cordon_error *error = next == NULL ? NULL : begin_replay(recorder, next);
    if (error != NULL) {
        cordon_error_free(error);
        drop_replay(recorder);
        return;
    }
    if (run_poll(replaying->run, clock_monotonic_ns() + SLICE_NS) == RUN_DONE) {
        judge(recorder);
    }
}

/* -- The thread ------------------------------------------------------------------------------ */

enum job { JOB_WAIT, JOB_KEEP, JOB_REPLAY, JOB_END };

/* The next run to replay that has not waited for too long; NULL: there is none. */
static struct run *pop_replay(struct recorder *recorder, uint64_t now_ns)
{
    while (recorder->replayed.count > 0) {
        const struct waiting_run waiting = pop(&recorder->replayed);
        atomic_store_explicit(
            &recorder->replays_waiting, recorder->replayed.count, memory_order_relaxed);
        if (now_ns - waiting.since_ns <= REPLAY_WAIT_NS) {
            return waiting.run;
        }
        counter_add(recorder->metrics.dropped, 1);
        gauge_add(recorder->metrics.waiting, -1);
        run_dispose(waiting.run);
    }
    return NULL;
}

/* Under the lock: what to do now, or until when there is nothing to do. */
static enum job choose_job(
    struct recorder *recorder, uint64_t now_ns, struct run **out_run, uint64_t *out_until_ns)
{
    *out_run = NULL;
    *out_until_ns = now_ns + SWEEP_NS;
    recorder->is_idle = false;
    if (recorder->ends) {
        return JOB_END;
    }
    if (recorder->kept.count > 0) {
        *out_run = pop(&recorder->kept).run;
        return JOB_KEEP;
    }
    if (recorder->replaying.run == NULL && recorder->replayed.count == 0) {
        recorder->is_idle = true;
        return JOB_WAIT;
    }
    const uint64_t wait_ns = cpu_share_wait_ns(&recorder->share, now_ns);
    if (wait_ns > 0) {
        *out_until_ns = now_ns + wait_ns;
        return JOB_WAIT;
    }
    if (recorder->replaying.run == NULL) {
        *out_run = pop_replay(recorder, now_ns);
        recorder->is_idle = *out_run == NULL;
        return recorder->is_idle ? JOB_WAIT : JOB_REPLAY;
    }
    return JOB_REPLAY;
}

static enum job next_job(struct recorder *recorder, struct run **out_run)
{
    uint64_t until_ns = 0;
    (void)pthread_mutex_lock(&recorder->lock);
    const enum job job = choose_job(recorder, clock_monotonic_ns(), out_run, &until_ns);
    (void)pthread_mutex_unlock(&recorder->lock);
    if (job == JOB_WAIT) {
        event_wait(&recorder->woken, until_ns);
        if (recorder->records != NULL && clock_monotonic_ns() >= until_ns) {
            records_sweep(recorder->records);
        }
    }
    return job;
}

/* Takes what a slice took off the share, and counts it. */
static void account_for(struct recorder *recorder, uint64_t began_ns)
{
    const uint64_t cpu_ns = clock_thread_cpu_ns() - began_ns;
    cpu_share_spend(&recorder->share, cpu_ns);
    counter_add(recorder->metrics.cpu_ns, cpu_ns);
}

static void work(struct recorder *recorder)
{
    struct run *run = NULL;
    for (enum job job = next_job(recorder, &run); job != JOB_END; job = next_job(recorder, &run)) {
        const uint64_t began_ns = clock_thread_cpu_ns();
        switch (job) {
        case JOB_KEEP:
            keep_named(recorder, run);
            break;
        case JOB_REPLAY:
            replay_slice(recorder, run);
            account_for(recorder, began_ns);
            break;
        case JOB_WAIT:
        case JOB_END:
            break;
        }
    }
}

static void *thread_main(void *arg)
{
    struct recorder *recorder = arg;
    sigset_t before;
    (void)pipe_signal_block(&before); /* for its lines in the log; it ends with the thread */
    (void)setpriority(PRIO_PROCESS, 0, NICE_LOWEST);
    cpu_share_init(&recorder->share, SHARE_PARTS, SHARE_STORE_NS, clock_monotonic_ns());
    work(recorder);
    end_replay(recorder);
    return NULL;
}

/* -- Life ------------------------------------------------------------------------------------ */

static cordon_error *register_metrics(struct recorder_metrics *metrics, struct metrics *registry)
{
    const struct {
        const char *name;
        const char *help;
        struct counter **counter;
    } counters[] = {
        {"udf_record_kept_total", "Records of runs that were kept.", &metrics->kept},
        {"udf_record_unkept_total", "Records that should have been kept, and were not.",
         &metrics->unkept},
        {"udf_replay_total", "Runs replayed in the background and compared.", &metrics->replayed},
        {"udf_replay_mismatch_total",
         "Replays that were another run than the recorded one: an alarm.", &metrics->mismatched},
        {"udf_replay_dropped_total", "Runs that should have been replayed, and were not.",
         &metrics->dropped},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        TRY(metrics_counter(
            registry, counters[i].name, NULL, counters[i].help, counters[i].counter));
    }
    TRY(metrics_counter_seconds(
        registry, "udf_replay_cpu_seconds_total", NULL, "Processor time of replays.",
        &metrics->cpu_ns));
    return metrics_gauge(
        registry, "udf_replay_waiting_info", NULL, "Runs that wait to be replayed, or are.",
        &metrics->waiting);
}

static cordon_error *start_thread(struct recorder *recorder)
{
    const int failed = pthread_create(&recorder->thread, NULL, thread_main, recorder);
    if (failed != 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the thread that records and replays runs could not be started: %s%s",
            strerrordesc_np(failed), advice_on(failed));
    }
    recorder->has_thread = true;
    return NULL;
}

static cordon_error *start(struct recorder *recorder)
{
    const struct runner_options *options = &recorder->runner->options;
    TRY(register_metrics(&recorder->metrics, options->metrics));
    if (options->record_folder != NULL) {
        const struct records_options records = {
            .folder = options->record_folder,
            .bytes_max = options->record_bytes_max,
            .keep_ms = options->record_keep_ms,
        };
        TRY(records_open(&records, &recorder->records));
    }
    return options->replay_sample > 0 || options->record_function_count > 0 ? start_thread(recorder)
                                                                            : NULL;
}

cordon_error *recorder_new(struct runner *runner, struct recorder **out_recorder)
{
    struct recorder *recorder = MEM_NEW(struct recorder);
    if (recorder == NULL) {
        return error_no_memory();
    }
    recorder->runner = runner;
    recorder->kept.bytes_max = KEEP_QUEUE_BYTES;
    recorder->replayed.bytes_max = REPLAY_QUEUE_BYTES;
    event_init(&recorder->woken);
    (void)pthread_mutex_init(&recorder->lock, NULL);
    cordon_error *error = start(recorder);
    if (error != NULL) {
        recorder_free(recorder);
        return error;
    }
    *out_recorder = recorder;
    return NULL;
}

void recorder_free(struct recorder *recorder)
{
    if (recorder == NULL) {
        return;
    }
    if (recorder->has_thread) {
        (void)pthread_mutex_lock(&recorder->lock);
        recorder->ends = true;
        (void)pthread_mutex_unlock(&recorder->lock);
        event_set(&recorder->woken);
        (void)pthread_join(recorder->thread, NULL);
    }
    drop_all(&recorder->kept);
    drop_all(&recorder->replayed);
    if (recorder->metrics.waiting != NULL) {
        gauge_set(recorder->metrics.waiting, 0); /* the metrics may live on */
    }
    records_close(recorder->records);
    event_done(&recorder->woken);
    (void)pthread_mutex_destroy(&recorder->lock);
    mem_free(recorder);
}
