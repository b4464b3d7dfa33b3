/*
 * The recorder: what it keeps, that sampled runs are replayed beside all others and come out the
 * same, that one which does not is noticed by metric, audit record and a kept record, and that none
 * of it takes more than its share.
 */
#include "run/harness.h"

#include "base/clock.h"
#include "base/memory.h"
#include "run/permits/cpu_share.h"
#include "run/record/recorder.h"
#include "run/state.h"
#include "support/size.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL REPLAY_SAMPLE_ALL

/* Longer than anything here takes. */
#define PATIENCE_NS ((uint64_t)60000000000)

static uint64_t count_of(struct harness *harness, const char *name)
{
    struct counter *counter = NULL;
    assert_good(metrics_counter(harness->metrics, name, NULL, "", &counter));
    return counter_get(counter);
}

static uint64_t replay_cpu_ns(struct harness *harness)
{
    struct counter *counter = NULL;
    assert_good(metrics_counter_seconds(
        harness->metrics, "udf_replay_cpu_seconds_total", NULL, "", &counter));
    return counter_get(counter);
}

/* How many sampled runs the recorder is done with. */
static uint64_t settled(struct harness *harness)
{
    return count_of(harness, "udf_replay_total") + count_of(harness, "udf_replay_dropped_total");
}

static void wait_a_little(void)
{
    (void)usleep(2000);
}

static int64_t waiting(struct harness *harness)
{
    struct gauge *gauge = NULL;
    assert_good(metrics_gauge(harness->metrics, "udf_replay_waiting_info", NULL, "", &gauge));
    return gauge_get(gauge);
}

/* Until nothing waits to be replayed, nor to be kept, which holds memory of the process. */
static void wait_idle(struct harness *harness)
{
    const uint64_t until = clock_monotonic_ns() + PATIENCE_NS;
    while (waiting(harness) > 0 || runner_get_counts(harness->runner).memory_used > 0) {
        assert_true(clock_monotonic_ns() < until);
        wait_a_little();
    }
}

/* And it is done with so many. */
static void wait_settled(struct harness *harness, uint64_t count)
{
    wait_idle(harness);
    assert_int_equal(settled(harness), count);
}

static void call_once(struct harness *harness, const char *path, const char *args)
{
    struct called called;
    (void)call(&called, harness, path, args);
    called_end(&called);
}

/* A folder of its own, removed with what is in it. */
struct folder {
    char path[64];
};

static void folder_make(struct folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/cordon-records-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static size_t folder_each_file(const struct folder *folder, bool removes)
{
    size_t count = 0;
    DIR *entries = opendir(folder->path);
    assert_non_null(entries);
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct dirent *at = readdir(entries); at != NULL; at = readdir(entries)) {
        struct stat status;
        if (at->d_name[0] == '.') {
            continue;
        }
        assert_int_equal(fstatat(dirfd(entries), at->d_name, &status, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        count++;
        if (removes) {
            assert_int_equal(unlinkat(dirfd(entries), at->d_name, 0), 0);
        }
    }
    (void)closedir(entries);
    return count;
}

static void folder_remove(const struct folder *folder)
{
    (void)folder_each_file(folder, true);
    assert_int_equal(rmdir(folder->path), 0);
}

/* -- Replays --------------------------------------------------------------------------------- */

/* Every way for a query or mutation to end: each is replayed, and none is another run. */
static void sampled_runs_come_out_the_same(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"basic:echo", "{\"a\":[1,2]}"},
        {"basic:fail", "{}"},
        {"basic:unreachable", "{}"},
        {"basic:typed", "{\"name\":1}"},
        {"basic:returns_object", "{\"name\":1}"},
        {"documents:insert", "{\"n\":3}"},
        {"documents:read", "{\"n\":3}"},
        {"documents:scans", "{\"n\":3}"},
        {"documents:insert_then_fail", "{\"n\":2}"},
        {"documents:insert_in_query", "{\"n\":1}"},
        {"counter:add", "{}"},
        {"counter:get", "{}"},
        {"clock:now", "{}"},
        {"clock:random", "{}"},
        {"clock:random_mutation", "{}"},
        {"logs:levels", "{}"},
        {"frames:trap", "{}"},
        {"spin:rounds", "{\"n\":300000}"},
        /* Another module, inside the transaction. */
        {"relay:udf",
         "{\"q\":\"{\\\"udfType\\\":\\\"query\\\",\\\"name\\\":\\\"counter:get\\\"}\"}"},
    };
    const size_t count = sizeof calls / sizeof calls[0];
    struct harness harness;
    const struct harness_options options = {
        .guests = {"basic", "documents", "counter", "clock", "logs", "frames", "spin", "relay"},
        .delay_ms = 1,
        .replay_sample = ALL,
    };
    harness_open(&harness, &options);
    for (size_t i = 0; i < count; i++) {
        call_once(&harness, calls[i][0], calls[i][1]);
        wait_settled(&harness, i + 1);
    }
    assert_int_equal(count_of(&harness, "udf_replay_total"), count);
    assert_int_equal(count_of(&harness, "udf_replay_mismatch_total"), 0);
    assert_true(replay_cpu_ns(&harness) > 0);
    harness_close(&harness);
}

/* What an action calls is sampled as it would be from outside, and is as deep again. */
static void calls_of_actions_come_out_the_same(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"relay:call_query",
         "{\"q\":\"{\\\"name\\\":\\\"basic:echo\\\",\\\"args\\\":{\\\"a\\\":1}}\"}"},
        {"relay:call_mutation", "{\"q\":\"{\\\"name\\\":\\\"counter:add\\\",\\\"args\\\":{}}\"}"},
    };
    const size_t count = sizeof calls / sizeof calls[0];
    struct harness harness;
    const struct harness_options options = {
        .guests = {"basic", "counter", "relay"}, .replay_sample = ALL};
    harness_open(&harness, &options);
    for (size_t i = 0; i < count; i++) {
        struct called called;
        const struct outcome *outcome = call(&called, &harness, calls[i][0], calls[i][1]);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        called_end(&called);
        wait_settled(&harness, i + 1);
    }
    assert_int_equal(count_of(&harness, "udf_replay_total"), count);
    assert_int_equal(count_of(&harness, "udf_replay_mismatch_total"), 0);
    harness_close(&harness);
}

/* Of what nobody can know anything by a replay, nothing is said. */
static void others_are_not_replayed(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"clock:now_action", "{}"},
        {"basic:echo_action", "{}"},
        {"basic:nothing_there", "{}"},
    };
    struct harness harness;
    const struct harness_options options = {.guests = {"basic", "clock"}, .replay_sample = ALL};
    harness_open(&harness, &options);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        call_once(&harness, calls[i][0], calls[i][1]);
    }
    call_once(&harness, "basic:echo", "{}");
    wait_settled(&harness, 1);
    harness_close(&harness);
}

/* About so many of a million. */
static void a_share_is_sampled(void **state)
{
    (void)state;
    enum { CALLS = 4000 };
    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}, .replay_sample = ALL / 20};
    harness_open(&harness, &options);
    for (int i = 0; i < CALLS; i++) {
        call_once(&harness, "basic:echo", "{}");
    }
    wait_idle(&harness);
    const uint64_t sampled = settled(&harness); /* 200 are expected; these bounds are 7 sigma */
    assert_in_range(sampled, 100, 300);
    harness_close(&harness);
}

/* Replays are nobody's calls: no slot, no permit, no line of theirs in the counts of runs. */
static void replays_take_nothing_from_callers(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"spin"}, .replay_sample = ALL, .permits = 1, .slots = 1};
    harness_open(&harness, &options);
    struct called called;
    const struct run_request request = request_of("spin:rounds", "{\"n\":3000000}");
    for (int i = 0; i < 2; i++) { /* the second call's own replay has nobody beside it */
        called_begin(&called, &harness, &request);
        const struct outcome *outcome = called_finish(&called);
        assert_int_equal(outcome->code, CORDON_OUTCOME_SUCCESS);
        called_end(&called);
        const struct runner_counts counts = runner_get_counts(harness.runner);
        assert_int_equal(counts.slots_used, 0);
        assert_int_equal(counts.permits_used, 0);
    }
    wait_settled(&harness, 2);
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, (size_t)1 << 20);
    assert_good(metrics_write(harness.metrics, &text));
    assert_good(buffer_append_byte(&text, '\0'));
    const char *line = "udf_execute_seconds_count{udf_type=\"query\",status=\"success\"} 2\n";
    assert_non_null(strstr((const char *)text.data, line));
    harness_close(&harness);
}

/* What would take too long, too much memory, or too much of a tape is let go and counted. */
static void what_is_too_much_is_dropped(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {
        .guests = {"documents", "memory", "basic"}, .replay_sample = ALL};
    harness_open(&harness, &options);
    struct called called;
    const struct run_request request = request_of("basic:echo", "{}");
    called_begin(&called, &harness, &request);
    (void)called_finish(&called);
    called.run->outcome.used[CORDON_LIMIT_USER_TIME_MS] = RECORDER_REPLAY_USER_MS + 1;
    called_end(&called);
    wait_settled(&harness, 1);
    called_begin(&called, &harness, &request);
    (void)called_finish(&called);
    called.run->outcome.used[CORDON_LIMIT_MEMORY_BYTES] = RECORDER_REPLAY_MEMORY_BYTES + 1;
    called_end(&called);
    wait_settled(&harness, 2);
    call_once(&harness, "documents:insert", "{\"n\":15000}"); /* a tape of more than 1 MiB */
    wait_settled(&harness, 3);
    assert_int_equal(count_of(&harness, "udf_replay_dropped_total"), 3);
    harness_close(&harness);
}

/* -- The share ------------------------------------------------------------------------------- */

/* In counted units, without a clock: whatever a piece of work takes, the long run has its part. */
static void the_share_is_one_part_in_a_hundred(void **state)
{
    (void)state;
    static const uint64_t pieces[] = {1, 100, 999, 1000000, 40000000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct cpu_share share;
        const uint64_t began = 12345;
        const uint64_t store = 10000000;
        cpu_share_init(&share, 100, store, began);
        uint64_t now = began;
        uint64_t worked = 0;
        const uint64_t end = began + (uint64_t)60000000000;
        const uint64_t pieces_max = 200000;
        for (uint64_t n = 0; n < pieces_max && now < end; n++) {
            const uint64_t wait = cpu_share_wait_ns(&share, now);
            now += wait;
            assert_int_equal(cpu_share_wait_ns(&share, now), 0); /* it is told right */
            now += pieces[i];                                    /* it works alone */
            cpu_share_spend(&share, pieces[i]);
            worked += pieces[i];
            assert_true(worked <= (now - began) / 100 + store + pieces[i]);
        }
        assert_true(worked + pieces[i] >= (now - began) / 100); /* and it gets it */
    }
}

/* Work that others leave alone for long gets no more than its store afterwards. */
static void the_share_is_not_saved_up(void **state)
{
    (void)state;
    struct cpu_share share;
    cpu_share_init(&share, 100, 1000, 0);
    const uint64_t late = (uint64_t)1 << 60;
    assert_int_equal(cpu_share_wait_ns(&share, late), 0);
    cpu_share_spend(&share, 1500);
    assert_int_equal(cpu_share_wait_ns(&share, late), 50100);
    assert_int_equal(cpu_share_wait_ns(&share, late + 50099), 1 * 100);
    assert_int_equal(cpu_share_wait_ns(&share, late + 50100), 0);
}

/* A flood of runs, all sampled: the thread's own clock says what its replays took. */
static void replays_have_one_percent(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"spin"}, .replay_sample = ALL};
    harness_open(&harness, &options);
    const uint64_t began = clock_monotonic_ns();
    const uint64_t until = began + (uint64_t)10000000 * test_size(100) + 500000000;
    uint64_t calls = 0;
    while (clock_monotonic_ns() < until) {
        call_once(&harness, "spin:rounds", "{\"n\":1000000}");
        calls++;
    }
    const uint64_t cpu_us = replay_cpu_ns(&harness) / 1000;
    const uint64_t wall_us = (clock_monotonic_ns() - began) / 1000;
    assert_true(cpu_us > 0);
    /* Its store, and what a last slice may take where the machine is slow or instrumented. */
    assert_true(cpu_us <= wall_us / 100 + 10000 + 15000);
    assert_true(count_of(&harness, "udf_replay_dropped_total") > 0);
    wait_settled(&harness, calls);
    harness_close(&harness);
}

/* -- The alarm ------------------------------------------------------------------------------- */

/* Calls and tampers with what was recorded, so that its replay is another run. */
static void call_tampered(struct harness *harness, const char *path, void (*tamper)(struct run *))
{
    struct called called;
    struct run_request request = request_of(path, "{\"n\":2}");
    request.request_id = SLICE("tampered-1");
    called_begin(&called, harness, &request);
    assert_int_equal(called_finish(&called)->code, CORDON_OUTCOME_SUCCESS);
    tamper(called.run);
    called_end(&called);
}

static void tamper_seed(struct run *run)
{
    run->seed[5] ^= 4;
}

static void tamper_fuel(struct run *run)
{
    run->outcome.used[CORDON_LIMIT_FUEL]++;
}

static void tamper_value(struct run *run)
{
    run->outcome.value = SLICE("\"secret\"");
}

static void tamper_tape(struct run *run)
{
    run->taped->tape.entries.size--;
}

/* A memory store answers at once. */
static void no_wake(void *arg)
{
    (void)arg;
    fail();
}

/* The newest audit record of the tenant, or nothing. */
static struct slice newest_audit(struct harness *harness, struct store_txn **txn)
{
    struct slice body = {0};
    assert_good(
        store_begin(harness->store, TENANT_DEFAULT, (struct store_wake){no_wake, NULL}, txn));
    for (uint64_t sequence = 1;; sequence++) {
        enum store_step step = STORE_PENDING;
        bool found = false;
        struct audit_record record;
        assert_good(store_audit_read(*txn, sequence, &step, &found, &record));
        assert_int_equal(step, STORE_DONE);
        if (!found) {
            return body;
        }
        body = record.body;
    }
}

static void assert_audited(struct harness *harness, const char *path, const char *difference)
{
    struct store_txn *txn = NULL;
    const struct slice body = newest_audit(harness, &txn);
    char text[2048];
    (void)snprintf(text, sizeof text, "%.*s", SLICE_FMT(body));
    char wanted[256];
    (void)snprintf(
        wanted, sizeof wanted, "{\"kind\":\"replay_mismatch\",\"path\":\"%s\",\"difference\":\"%s",
        path, difference);
    if (strncmp(text, wanted, strlen(wanted)) != 0) {
        fail_msg("%s is not %s", text, wanted);
    }
    assert_non_null(strstr(text, "\"record\":\""));
    assert_non_null(strstr(text, "\"request_id\":\"tampered-1\""));
    assert_null(strstr(text, "secret")); /* nothing of what the run saw */
    store_end(&txn);
}

static void a_mismatch_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        void (*tamper)(struct run *run);
        const char *difference;
    } cases[] = {
        {"clock:random", tamper_seed, "another value"},
        {"clock:now", tamper_fuel, "recorded: fuel "},
        {"clock:now", tamper_value, "another value"},
        {"documents:insert", tamper_seed, "call "},
        {"documents:insert", tamper_tape, "entry "},
    };
    struct folder folder;
    folder_make(&folder);
    struct harness harness;
    const struct harness_options options = {
        .guests = {"clock", "documents"}, .replay_sample = ALL, .record_folder = folder.path};
    harness_open(&harness, &options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call_tampered(&harness, cases[i].path, cases[i].tamper);
        wait_settled(&harness, i + 1);
        assert_int_equal(count_of(&harness, "udf_replay_mismatch_total"), i + 1);
        assert_audited(&harness, cases[i].path, cases[i].difference);
        assert_int_equal(folder_each_file(&folder, false), i + 1);
    }
    harness_close(&harness);
    folder_remove(&folder);
}

/* -- Keeping --------------------------------------------------------------------------------- */

/* The only record there is, read back. */
static struct slice read_only_record(struct harness *harness, struct buffer *bytes)
{
    struct records *records = recorder_records(runner_recorder(harness->runner));
    CORDON_CLEANUP_BUFFER struct buffer list;
    buffer_init(&list, 65536);
    assert_good(records_list(records, TENANT_DEFAULT, &list));
    const size_t before = sizeof "[{\"id\":\"" - 1;
    assert_true(list.size > before + 32);
    bool found = false;
    assert_good(
        records_get(records, TENANT_DEFAULT, slice_of(list.data + before, 32), bytes, &found));
    assert_true(found);
    return buffer_slice(bytes);
}

static void named_functions_are_kept(void **state)
{
    (void)state;
    static const char *const names[] = {"counter:get", "clock:now_action"};
    struct folder folder;
    folder_make(&folder);
    struct harness harness;
    const struct harness_options options = {
        .guests = {"counter", "clock"},
        .record_folder = folder.path,
        .record_functions = names,
        .record_function_count = 2,
    };
    harness_open(&harness, &options);
    const uint64_t until = clock_monotonic_ns() + PATIENCE_NS;
    call_once(&harness, "counter:add", "{}");
    call_once(&harness, "clock:now_action", "{}");
    while (count_of(&harness, "udf_record_kept_total") < 1) {
        assert_true(clock_monotonic_ns() < until);
        wait_a_little();
    }
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct recording recording;
    assert_good(recording_read(read_only_record(&harness, &bytes), &arena, &recording));
    assert_true(slice_equal(recording.path, SLICE("clock:now_action")));
    assert_true(slice_starts_with(recording.modules[0].wasm, slice_of("\0asm", 4)));
    wait_settled(&harness, 0);
    assert_int_equal(folder_each_file(&folder, false), 1);
    harness_close(&harness);
    folder_remove(&folder);
}

/* Without a folder there is no record, and whoever asks hears of it. */
static void without_a_folder_nothing_is_kept(void **state)
{
    (void)state;
    struct harness harness;
    const struct harness_options options = {.guests = {"basic"}};
    harness_open(&harness, &options);
    struct run_request request = request_of("basic:echo", "{}");
    request.record = true;
    struct called called;
    called_begin(&called, &harness, &request);
    (void)called_finish(&called);
    struct record_id id;
    cordon_error *error = recorder_keep(runner_recorder(harness.runner), called.run, &id);
    assert_non_null(error);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_INVALID);
    cordon_error_free(error);
    called_end(&called);
    harness_close(&harness);
}

/* -- The folder ------------------------------------------------------------------------------ */

static struct records *open_records(const struct folder *folder, uint64_t bytes, uint64_t keep_ms)
{
    const struct records_options options = {
        .folder = folder->path, .bytes_max = bytes, .keep_ms = keep_ms};
    struct records *records = NULL;
    assert_good(records_open(&options, &records));
    return records;
}

static bool has(struct records *records, uint32_t tenant, const char *id, struct slice bytes)
{
    CORDON_CLEANUP_BUFFER struct buffer read;
    buffer_init(&read, 4096);
    bool found = false;
    assert_good(records_get(records, tenant, slice_str(id), &read, &found));
    assert_true(!found || slice_equal(buffer_slice(&read), bytes));
    return found;
}

/* Each tenant has its own room; the oldest goes first, also after a restart. */
static void the_oldest_record_goes_first(void **state)
{
    (void)state;
    static const char texts[] = "0123456789";
    struct folder folder;
    folder_make(&folder);
    struct records *records = open_records(&folder, 100, 86400000);
    struct record_id ids[5];
    struct record_id other;
    assert_good(records_put(records, 2, slice_of(texts, 10), &other));
    for (size_t i = 0; i < 5; i++) { /* 20 bytes each, 40 the last: a millisecond apart */
        char bytes[40];
        memset(bytes, 'a' + (int)i, sizeof bytes);
        wait_a_little();
        assert_good(records_put(records, 1, slice_of(bytes, i == 4 ? 40 : 20), &ids[i]));
    }
    for (int again = 0; again < 2; again++) {
        const char *const as[] = {"aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"};
        assert_false(has(records, 1, ids[0].text, slice_str(as[0])));
        assert_true(has(records, 1, ids[1].text, slice_str(as[1])));
        assert_true(has(records, 2, other.text, slice_of(texts, 10)));
        assert_false(has(records, 2, ids[1].text, slice_str(as[1]))); /* another's */
        records_close(records);
        records = open_records(&folder, 100, 86400000);
    }
    struct record_id id;
    cordon_error *error = records_put(records, 1, slice_of(NULL, 101), &id);
    assert_int_equal(cordon_error_get_code(error), CORDON_E_TOO_LARGE);
    cordon_error_free(error);
    records_close(records);
    folder_remove(&folder);
}

/*
 * Of all there may be, the next one takes the place of the oldest of who has most: not of the
 * oldest of all, which somebody else has.
 */
static void many_records_take_nobody_elses_place(void **state)
{
    (void)state;
    enum { FEW = 3, MANY = RECORDS_COUNT_MAX - FEW };
    struct folder folder;
    folder_make(&folder);
    struct records *records = open_records(&folder, (uint64_t)1 << 20, 86400000);
    struct record_id few[FEW];
    struct record_id first;
    struct record_id second;
    struct record_id id;
    for (size_t i = 0; i < FEW; i++) {
        assert_good(records_put(records, 1, SLICE("few"), &few[i]));
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_good(records_put(
            records, 2, SLICE("many"),
            i == 0   ? &first
            : i == 1 ? &second
                     : &id));
    }
    assert_int_equal(folder_each_file(&folder, false), RECORDS_COUNT_MAX);
    static const uint32_t next[] = {2, 3}; /* itself, and one that has none yet */
    const char *const gone[] = {first.text, second.text};
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        assert_true(has(records, 2, gone[i], SLICE("many")));
        assert_good(records_put(records, next[i], SLICE("next"), &id));
        assert_true(has(records, next[i], id.text, SLICE("next")));
        assert_false(has(records, 2, gone[i], SLICE("many")));
        assert_int_equal(folder_each_file(&folder, false), RECORDS_COUNT_MAX);
    }
    for (size_t i = 0; i < FEW; i++) {
        assert_true(has(records, 1, few[i].text, SLICE("few")));
    }
    records_close(records);
    folder_remove(&folder);
}

static void a_record_goes_when_its_time_is_over(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct records *records = open_records(&folder, 100, 86400000);
    struct record_id id;
    assert_good(records_put(records, 1, SLICE("x"), &id));
    records_close(records);
    wait_a_little();
    records = open_records(&folder, 100, 1);
    assert_int_equal(folder_each_file(&folder, false), 0);
    assert_good(records_put(records, 1, SLICE("y"), &id));
    wait_a_little();
    records_sweep(records);
    assert_int_equal(folder_each_file(&folder, false), 0);
    records_close(records);
    folder_remove(&folder);
}

/* An id is nothing but an id: no path, no other name, no other case. */
static void other_texts_name_no_record(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "0",
        "../1-000000000000000000000000000000000.record",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcde/",
    };
    struct folder folder;
    folder_make(&folder);
    struct records *records = open_records(&folder, 100, 86400000);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(has(records, 1, texts[i], (struct slice){0}));
    }
    records_close(records);
    folder_remove(&folder);
}

/* A folder that others could read is not taken, as what is in it is secret. */
static void an_open_folder_is_refused(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    assert_int_equal(chmod(folder.path, 0755), 0);
    const struct records_options options = {.folder = folder.path, .bytes_max = 1, .keep_ms = 1};
    struct records *records = NULL;
    cordon_error *error = records_open(&options, &records);
    assert_non_null(error);
    assert_non_null(strstr(cordon_error_get_message(error), "0700"));
    cordon_error_free(error);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampled_runs_come_out_the_same),
        cmocka_unit_test(calls_of_actions_come_out_the_same),
        cmocka_unit_test(others_are_not_replayed),
        cmocka_unit_test(a_share_is_sampled),
        cmocka_unit_test(replays_take_nothing_from_callers),
        cmocka_unit_test(what_is_too_much_is_dropped),
        cmocka_unit_test(the_share_is_one_part_in_a_hundred),
        cmocka_unit_test(the_share_is_not_saved_up),
        cmocka_unit_test(replays_have_one_percent),
        cmocka_unit_test(a_mismatch_is_noticed),
        cmocka_unit_test(named_functions_are_kept),
        cmocka_unit_test(without_a_folder_nothing_is_kept),
        cmocka_unit_test(the_oldest_record_goes_first),
        cmocka_unit_test(many_records_take_nobody_elses_place),
        cmocka_unit_test(a_record_goes_when_its_time_is_over),
        cmocka_unit_test(other_texts_name_no_record),
        cmocka_unit_test(an_open_folder_is_refused),
    };
    return cmocka_run_group_tests_name("run/recorder", tests, NULL, NULL);
}
