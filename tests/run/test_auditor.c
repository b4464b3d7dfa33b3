/*
 * The keeper of the audit log over a store: checkpoints that a check of the whole log finds good,
 * at each end and over each start, also after a death between the commit and the new secret.
 */
#include "audit/checkpoint.h"
#include "base/clock.h"
#include "run/audit/audit_rows.h"
#include "support/auditor_world.h"
#include "support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 256, HOUR_MS = 3600000 };

static size_t read_secret_of(const char *name, char out[SECRET_BYTES_MAX])
{
    char path[128];
    path_of(path, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t size = read(fd, out, SECRET_BYTES_MAX);
    assert_true(size > 0);
    (void)close(fd);
    return (size_t)size;
}

static size_t read_secret(char out[SECRET_BYTES_MAX])
{
    return read_secret_of("1.secret", out);
}

/* Of which checkpoint the secret is that lies there: the next one, never one that is made. */
static uint64_t read_epoch(void)
{
    char text[SECRET_BYTES_MAX + 1] = "";
    (void)read_secret(text);
    const char *line = strchr(text, '\n');
    assert_non_null(line);
    return strtoull(line + 1, NULL, 10);
}

static void write_secret_of(const char *name, const char *text, size_t size)
{
    char path[128];
    path_of(path, name);
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    (void)close(fd);
}

static void write_secret(const char *text, size_t size)
{
    write_secret_of("1.secret", text, size);
}

static void each_end_signs_what_is_new(void **state)
{
    (void)state;
    struct store *store = new_store();
    for (uint64_t round = 1; round <= 5; round++) {
        struct auditor *auditor = start_auditor(store, 0);
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_note(auditor, SLICE("{\"kind\":\"noted\"}"));
        auditor_free(auditor);
        const struct audit_verdict verdict = check_log(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.checkpoints, round);
        assert_int_equal(read_epoch(), round);
        assert_int_equal(verdict.records, 3 * round);
        assert_int_equal(verdict.signed_to, 3 * round - 1);
    }
    auditor_free(start_auditor(store, 0)); /* nothing is new: nothing is signed */
    assert_int_equal(check_log(store).records, 15);
    end_store(store);
}

static void an_empty_log_is_left_empty(void **state)
{
    (void)state;
    struct store *store = new_store();
    auditor_free(start_auditor(store, 0));
    assert_int_equal(check_log(store).records, 0);
    end_store(store);
}

/* As if killed after the commit: the secret that has signed is there again at the next start. */
static void no_secret_signs_twice(void **state)
{
    (void)state;
    struct store *store = new_store();
    char before[SECRET_BYTES_MAX];
    char after[SECRET_BYTES_MAX];
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    for (uint64_t round = 2; round <= 4; round++) {
        const size_t size = read_secret(before);
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_free(start_auditor(store, 0));
        (void)read_secret(after);
        assert_memory_not_equal(before, after, size);
        write_secret(before, size);
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_free(start_auditor(store, 0));
        const struct audit_verdict verdict = check_log(store);
        if (!verdict.is_good) {
            fail_msg("record %llu: %s", (unsigned long long)verdict.fault_at, verdict.fault);
        }
    }
    end_store(store);
}

static void checkpoints_come_in_intervals(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, 1);
    uint64_t checkpoints = 0;
    for (int tries = 0; checkpoints < 3 && tries < 20000; tries++) {
        add_record(store, "{\"kind\":\"mutation\"}");
        (void)usleep(1000);
        checkpoints = check_log(store).checkpoints;
    }
    auditor_free(auditor);
    assert_true(checkpoints >= 3);
    const struct audit_verdict verdict = check_log(store);
    assert_true(verdict.is_good);
    end_store(store);
}

static void the_secret_is_private_and_damage_is_named(void **state)
{
    (void)state;
    struct store *store = new_store();
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    char path[128];
    struct stat status;
    path_of(path, "1.secret");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    static const char *const damaged[] = {
        "", "cordon audit secret 2\n1 1 00\n", "cordon audit secret 1\n1 1 00\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        write_secret(damaged[i], strlen(damaged[i]));
        const struct auditor_options options = {
            .store = store, .tenant = TENANT, .folder = auditor_folder};
        struct auditor *auditor = NULL;
        cordon_error *error = auditor_new(&options, &auditor);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_STORE);
        assert_non_null(strstr(cordon_error_get_message(error), "1.secret"));
        cordon_error_free(error);
    }
    end_store(store);
}

/* A folder from a backup has no secret: new keys begin, behind the old ones, and go on. */
static void keys_begin_anew_where_there_is_no_secret(void **state)
{
    (void)state;
    struct store *store = new_store();
    char path[128];
    path_of(path, "1.secret");
    for (uint64_t round = 1; round <= 6; round++) {
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_free(start_auditor(store, 0));
        const struct audit_verdict verdict = check_log(store);
        if (!verdict.is_good) {
            fail_msg("record %llu: %s", (unsigned long long)verdict.fault_at, verdict.fault);
        }
        assert_int_equal(verdict.checkpoints, round);
        assert_int_equal(verdict.anew, round > 3 ? 1 : 0);
        if (round == 3) {
            assert_int_equal(unlink(path), 0);
        }
    }
    end_store(store);
}

static void assert_erased(int fd)
{
    char text[SECRET_BYTES_MAX];
    const ssize_t size = pread(fd, text, sizeof text, 0);
    assert_true(size > 0);
    for (ssize_t i = 0; i < size; i++) {
        assert_int_equal(text[i], 0);
    }
    (void)close(fd);
}

/* Whoever still has the file, as an unlinked one's blocks are still there, finds nothing in it. */
static void secrets_that_were_are_overwritten(void **state)
{
    (void)state;
    struct store *store = new_store();
    char secret[128];
    char draft[128];
    path_of(secret, "1.secret");
    path_of(draft, "1.draft");
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    int fd = open(secret, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    assert_erased(fd);
    assert_int_equal(access(draft, F_OK), -1);

    char text[SECRET_BYTES_MAX]; /* as one leaves it who is killed before it is overwritten */
    const size_t size = read_secret(text);
    fd = open(draft, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    auditor_free(start_auditor(store, 0));
    assert_erased(fd);
    assert_int_equal(access(draft, F_OK), -1);
    assert_true(check_log(store).is_good);
    end_store(store);
}

/* Those of tenants that nobody calls by the start of the lead; what else lies there stays. */
static void drafts_of_those_who_sleep_are_overwritten(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool stays;
    } files[] = {
        {"2.draft", false},         {"4294967293.draft", false}, {"03.draft", true},
        {"4294967299.draft", true}, {"-1.draft", true},          {".draft", true},
        {"4.drafts", true},         {"5.secret", true},
    };
    struct store *store = new_store();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        path_of(path, files[i].name);
        const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "secret", 6), 6);
        auditor_free(start_auditor(store, 0));
        assert_int_equal(access(path, F_OK), files[i].stays ? 0 : -1);
        if (files[i].stays) {
            char text[7] = "";
            assert_int_equal(pread(fd, text, 6, 0), 6);
            assert_string_equal(text, "secret");
            assert_int_equal(unlink(path), 0);
            (void)close(fd);
        } else {
            assert_erased(fd);
        }
    }
    end_store(store);
}

/* Of a log that ends with a checkpoint: a secret that was not replaced when that was made. */
static void a_secret_that_may_have_signed_is_found(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, HOUR_MS);
    assert_false(auditor_is_needed(auditor, OTHER, 2)); /* it has none */
    expect_ok(auditor_sign(auditor));
    char before[SECRET_BYTES_MAX];
    char after[SECRET_BYTES_MAX];
    const size_t before_size = read_secret(before);
    for (uint64_t last = 2; last <= 6; last += 2) {
        add_record(store, "{\"kind\":\"mutation\"}");
        expect_ok(auditor_sign(auditor));
        assert_false(auditor_is_needed(auditor, TENANT, last));
        assert_true(auditor_is_needed(auditor, TENANT, last + 2));
    }
    const size_t after_size = read_secret(after);
    write_secret(before, before_size); /* the first one's, which says that it has signed nothing */
    assert_true(auditor_is_needed(auditor, TENANT, 2));
    write_secret("no secret", 9);
    assert_true(auditor_is_needed(auditor, TENANT, 2)); /* whose keeper says what is wrong */
    write_secret(after, after_size);
    auditor_free(auditor);
    assert_true(check_log(store).is_good);
    end_store(store);
}

/* Nothing new comes, and still the secret that has signed goes, as soon as it can. */
static void a_secret_that_could_not_be_replaced_is_later(void **state)
{
    (void)state;
    struct store *store = new_store();
    char draft[128];
    path_of(draft, "1.draft");
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    assert_int_equal(mkdir(draft, 0700), 0); /* in the way */
    add_record(store, "{\"kind\":\"mutation\"}");
    struct auditor *auditor = start_auditor(store, 1);
    for (int tries = 0; check_log(store).checkpoints < 2 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(check_log(store).checkpoints, 2);
    assert_int_equal(read_epoch(), 1);
    assert_int_equal(rmdir(draft), 0);
    for (int tries = 0; read_epoch() < 2 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(read_epoch(), 2);
    auditor_free(auditor);
    assert_int_equal(check_log(store).records, 4);
    end_store(store);
}

/* A data folder of an earlier day beside a secret of a later one: nothing is signed there. */
static void a_log_that_was_cut_is_not_signed(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct store *earlier = NULL;
    const struct store_options options = {.flusher_thread = true};
    expect_ok(store_open_memory(&options, &earlier));
    for (int i = 0; i < 5; i++) {
        add_record(store, "{\"kind\":\"mutation\"}");
    }
    auditor_free(start_auditor(store, 0));
    add_record(earlier, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(earlier, 0));
    const struct audit_verdict verdict = check_log(earlier);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.records, 1);
    store_close(earlier);
    end_store(store);
}

/* Waits until its logs are said to be that: 0, or the tenant whose can't be signed. */
static struct auditor_health wait_for_health(struct auditor *auditor, uint32_t tenant)
{
    struct auditor_health health;
    auditor_look(auditor, &health);
    for (int tries = 0; health.tenant != tenant && tries < 20000; tries++) {
        (void)usleep(1000);
        auditor_look(auditor, &health);
    }
    assert_int_equal(health.tenant, tenant);
    return health;
}

/* As it is taken up again behind where it was cut: then all numbers are there, and not the same. */
static void a_log_that_was_cut_is_not_signed_once_it_has_grown(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct store *earlier = NULL;
    const struct store_options options = {.flusher_thread = true};
    expect_ok(store_open_memory(&options, &earlier));
    add_record(store, "{\"kind\":\"mutation\"}");
    auditor_free(start_auditor(store, 0));
    for (int i = 0; i < 5; i++) {
        add_record(earlier, "{\"kind\":\"mutation\"}");
    }
    struct auditor *auditor = start_auditor(earlier, 0);
    cordon_error *error = auditor_sign(auditor);
    assert_non_null(error);
    cordon_error_free(error);
    const struct auditor_health health = wait_for_health(auditor, TENANT);
    assert_true(health.is_hopeless);
    assert_non_null(strstr(health.words, "the audit log was cut"));
    auditor_free(auditor);
    assert_int_equal(check_log(earlier).records, 5);
    store_close(earlier);
    end_store(store);
}

/* -- At once ------------------------------------------------------------------------------- */

static uint64_t wait_for_checkpoints(struct store *store, uint64_t wanted)
{
    uint64_t checkpoints = 0;
    for (int tries = 0; checkpoints < wanted && tries < 20000; tries++) {
        (void)usleep(1000);
        checkpoints = check_log(store).checkpoints;
    }
    return checkpoints;
}

/* What is rare and matters is signed in a moment, however long the interval is. */
static void who_hurries_is_signed_at_once(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, HOUR_MS);
    add_record(store, "{\"kind\":\"deploy\"}");
    auditor_sign_soon(auditor);
    assert_int_equal(wait_for_checkpoints(store, 1), 1);
    auditor_note(auditor, SLICE("{\"kind\":\"keys\"}"));
    assert_int_equal(wait_for_checkpoints(store, 2), 2);
    auditor_note_settings(auditor, SLICE("{\"kind\":\"settings\"}"));
    assert_int_equal(wait_for_checkpoints(store, 3), 3);
    const struct audit_verdict verdict = check_log(store);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.signed_to, verdict.last - 1);
    auditor_free(auditor);
    auditor_sign_soon(NULL);
    end_store(store);
}

/* Also after what kept it from that is gone: it is tried again each second. */
static void who_hurries_is_tried_again(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, HOUR_MS);
    char path[128];
    path_of(path, "1.draft");
    assert_int_equal(mkdir(path, 0700), 0);
    add_record(store, "{\"kind\":\"deploy\"}");
    auditor_sign_soon(auditor);
    expect_error(auditor_sign(auditor), CORDON_E_STORE, "could not be signed"); /* it was tried */
    assert_int_equal(check_log(store).checkpoints, 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(wait_for_checkpoints(store, 1), 1);
    auditor_free(auditor);
    end_store(store);
}

/* A follower's is, too, and nobody else's. */
static void a_follower_that_hurries_is_signed_at_once(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *lead = start_auditor(store, HOUR_MS);
    struct auditor *follower = NULL;
    char path[128];
    expect_ok(auditor_follow(lead, OTHER, &follower));
    add_record(store, "{\"kind\":\"mutation\"}");
    expect_ok(audit_rows_add(store, OTHER, SLICE("{\"kind\":\"deploy\"}")));
    auditor_sign_soon(follower);
    struct audit_last last = {0};
    for (int tries = 0; !last.is_checkpoint && tries < 20000; tries++) {
        (void)usleep(1000);
        expect_ok(audit_rows_last(store, OTHER, 0, &last));
    }
    assert_true(last.is_checkpoint);
    assert_int_equal(check_log(store).checkpoints, 0);
    auditor_free(lead);
    path_of(path, "2.secret");
    assert_int_equal(unlink(path), 0);
    end_store(store);
}

/* However many hurry, there is one checkpoint a second. */
static void a_flood_is_signed_once_a_second(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_auditor(store, HOUR_MS);
    const uint64_t began_ns = clock_monotonic_ns();
    uint64_t checkpoints = 0;
    while (checkpoints < 3 && clock_monotonic_ns() - began_ns < (uint64_t)60 * 1000000000) {
        auditor_note(auditor, SLICE("{\"kind\":\"keys\"}"));
        (void)usleep(1000);
        checkpoints = check_log(store).checkpoints;
    }
    const uint64_t seconds = (clock_monotonic_ns() - began_ns) / 1000000000;
    auditor_free(auditor);
    assert_true(checkpoints >= 3);
    assert_in_range(checkpoints, 3, seconds + 1);
    end_store(store);
}

/* -- What can't be signed -------------------------------------------------------------------- */

static size_t count_lines(int fd, const char *words)
{
    char text[16384] = "";
    const ssize_t size = pread(fd, text, sizeof text - 1, 0);
    size_t count = 0;
    assert_true(size >= 0);
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Told once, while notes go well beside it; seen until it goes well again. */
static void what_can_not_be_signed_is_told_and_seen(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct log *log = NULL;
    char draft[128];
    const int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    expect_ok(log_new(fd, LOG_JSON, &log));
    path_of(draft, "1.draft");
    assert_int_equal(mkdir(draft, 0700), 0); /* in the way */
    const struct auditor_options options = {
        .store = store, .log = log, .tenant = TENANT, .folder = auditor_folder, .interval_ms = 1};
    struct auditor *auditor = NULL;
    expect_ok(auditor_new(&options, &auditor));
    uint64_t age_ns = 0;
    for (int turn = 0; turn < 20; turn++) {
        auditor_note(auditor, SLICE("{\"kind\":\"keys\"}"));
        cordon_error *error = auditor_sign(auditor);
        assert_non_null(error);
        cordon_error_free(error);
        const struct auditor_health health = wait_for_health(auditor, TENANT);
        assert_false(health.is_hopeless); /* somebody may make room */
        assert_non_null(strstr(health.words, "Is a directory"));
        assert_true(health.age_ns > age_ns);
        age_ns = health.age_ns;
    }
    assert_int_equal(count_in_log(store, "\"keys\""), 20);
    assert_int_equal(count_lines(fd, "audit_unwritten"), 1);
    assert_int_equal(rmdir(draft), 0);
    assert_string_equal(wait_for_health(auditor, 0).words, "");
    auditor_free(auditor);
    assert_true(check_log(store).is_good);
    log_free(log);
    (void)close(fd);
    end_store(store);
}

/* Of many logs, the one that can't be signed is named. */
static void the_follower_that_can_not_be_signed_is_named(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *lead = start_auditor(store, 1);
    struct auditor *follower = NULL;
    char path[128];
    path_of(path, "2.draft");
    assert_int_equal(mkdir(path, 0700), 0);
    expect_ok(auditor_follow(lead, OTHER, &follower));
    expect_ok(audit_rows_add(store, OTHER, SLICE("{\"kind\":\"deploy\"}")));
    (void)wait_for_health(lead, OTHER);
    assert_int_equal(rmdir(path), 0);
    (void)wait_for_health(lead, 0);
    auditor_free(lead);
    path_of(path, "2.secret");
    assert_int_equal(unlink(path), 0);
    end_store(store);
}

/* At the end many are signed by several threads: all of them, each by its own keys. */
static void many_followers_are_signed_at_the_end(void **state)
{
    (void)state;
    enum { MANY = 40 };
    struct store *store = new_store();
    struct auditor *lead = start_auditor(store, HOUR_MS);
    for (uint32_t tenant = OTHER; tenant < OTHER + MANY; tenant++) {
        struct auditor *follower = NULL;
        expect_ok(auditor_follow(lead, tenant, &follower));
        expect_ok(audit_rows_add(store, tenant, SLICE("{\"kind\":\"mutation\"}")));
    }
    auditor_free(lead);
    for (uint32_t tenant = OTHER; tenant < OTHER + MANY; tenant++) {
        struct audit_last last = {0};
        char name[32];
        char path[128];
        expect_ok(audit_rows_last(store, tenant, 0, &last));
        assert_true(last.is_checkpoint);
        assert_int_equal(last.sequence, 2);
        (void)snprintf(name, sizeof name, "%u.secret", tenant);
        path_of(path, name);
        assert_int_equal(unlink(path), 0);
    }
    end_store(store);
}

/* -- Secrets that change beside a server ----------------------------------------------------- */

/* Signs one more record of OTHER's; returns the checkpoint. */
static struct audit_checkpoint sign_one(struct store *store, struct auditor *follower)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)1 << 20);
    struct audit_last last = {0};
    uint64_t next = 0;
    expect_ok(audit_rows_add(store, OTHER, SLICE("{\"kind\":\"deploy\"}")));
    expect_ok(auditor_sign(follower));
    expect_ok(audit_rows_last(store, OTHER, 0, &last));
    assert_true(last.is_checkpoint);
    expect_ok(audit_rows_page(store, OTHER, last.sequence, 1, &lines, &next));
    struct audit_record record;
    assert_true(audit_record_read(slice_of(lines.data, lines.size - 1), &record));
    struct audit_checkpoint checkpoint = {0};
    bool is_whole = false;
    expect_ok(audit_checkpoint_read(record.body, &is_whole, &checkpoint));
    assert_true(is_whole);
    return checkpoint;
}

/*
 * Whoever is told that it is damaged may remove it, whether a server runs or not: keys begin anew
 * then, with a secret that nobody knows.
 */
static void a_secret_that_is_removed_is_made_anew(void **state)
{
    (void)state;
    static const struct audit_secret zeros = {.epoch = 0};
    struct store *store = new_store();
    struct auditor *lead = start_auditor(store, HOUR_MS);
    struct auditor *follower = NULL;
    char path[128];
    path_of(path, "2.secret");
    expect_ok(auditor_follow(lead, OTHER, &follower));
    for (uint64_t round = 0; round < 3; round++) {
        bool is_known = true;
        const struct audit_checkpoint first = sign_one(store, follower);
        assert_int_equal(first.epoch, 0);
        expect_ok(audit_secret_has_signed(&zeros, &first, &is_known));
        assert_false(is_known);
        const struct audit_checkpoint second = sign_one(store, follower);
        assert_int_equal(second.epoch, 1);
        assert_memory_equal(second.key, first.next_key, sizeof second.key);
        assert_int_equal(unlink(path), 0);
    }
    auditor_free(lead);
    end_store(store);
}

/* One of an earlier day is brought past what it has signed: no key signs twice. */
static void a_secret_that_is_put_back_signs_nothing_twice(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *lead = start_auditor(store, HOUR_MS);
    struct auditor *follower = NULL;
    char path[128];
    char before[SECRET_BYTES_MAX];
    path_of(path, "2.secret");
    expect_ok(auditor_follow(lead, OTHER, &follower));
    (void)sign_one(store, follower);
    const size_t size = read_secret_of("2.secret", before);
    const struct audit_checkpoint last = sign_one(store, follower);
    write_secret_of("2.secret", before, size);
    const struct audit_checkpoint next = sign_one(store, follower);
    assert_int_equal(next.epoch, last.epoch + 1);
    assert_memory_equal(next.key, last.next_key, sizeof next.key);
    auditor_free(lead);
    assert_int_equal(unlink(path), 0);
    end_store(store);
}

/* -- The file elsewhere ---------------------------------------------------------------------- */

/* A line that was cut, as by a full disk, costs none but itself. */
static void a_line_that_was_cut_is_alone(void **state)
{
    (void)state;
    static const char cut[] = "{\"kind\":\"check";
    struct store *store = new_store();
    char path[128];
    path_of(path, "checkpoints");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, cut, strlen(cut)), strlen(cut));
    for (int round = 0; round < 2; round++) {
        add_record(store, "{\"kind\":\"mutation\"}");
        auditor_free(start_auditor(store, 0));
    }
    char text[4096] = "";
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    (void)close(fd);
    struct slice rest = slice_str(text);
    for (int number = 1; number <= 3; number++) {
        struct audit_checkpoint checkpoint;
        bool is_whole = false;
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        assert_non_null(end);
        const size_t size = (size_t)(end - rest.data);
        expect_ok(audit_checkpoint_read(slice_of(rest.data, size), &is_whole, &checkpoint));
        assert_int_equal(is_whole, number > 1);
        rest = slice_from(rest, size + 1);
    }
    assert_int_equal(rest.size, 0);
    end_store(store);
}

/* A pipe that nobody reads is refused; it holds up nobody. */
static void a_pipe_without_a_reader_is_refused(void **state)
{
    (void)state;
    struct store *store = new_store();
    char path[128];
    path_of(path, "checkpoints");
    assert_int_equal(mkfifo(path, 0600), 0);
    const struct auditor_options options = {
        .store = store, .tenant = TENANT, .folder = auditor_folder, .checkpoint_file = path};
    struct auditor *auditor = NULL;
    (void)alarm(20); /* it would wait for a reader */
    cordon_error *error = auditor_new(&options, &auditor);
    (void)alarm(0);
    assert_non_null(error);
    assert_non_null(strstr(cordon_error_get_message(error), "audit_checkpoint_file"));
    cordon_error_free(error);
    end_store(store);
}

/* A pipe in the place of a draft: nothing is signed as long as it is there, and nobody waits. */
static void a_draft_that_is_a_pipe_is_not_waited_for(void **state)
{
    (void)state;
    struct store *store = new_store();
    char draft[128];
    char secret[128];
    (void)snprintf(draft, sizeof draft, "%s/%d.draft", auditor_folder, TENANT);
    (void)snprintf(secret, sizeof secret, "%s/%d.secret", auditor_folder, TENANT);
    add_record(store, "{\"kind\":\"mutation\"}");
    for (int round = 0; round < 2; round++) {
        const bool has_pipe = round == 0;
        assert_int_equal(has_pipe ? mkfifo(draft, 0600) : unlink(draft), 0);
        (void)alarm(20); /* it would wait for a reader */
        auditor_free(start_auditor(store, 0));
        (void)alarm(0);
        assert_int_equal(access(secret, F_OK), has_pipe ? -1 : 0);
    }
    end_store(store);
}

/* -- The end --------------------------------------------------------------------------------- */

/* Pages of each size give the same log. */
static void the_last_record_is_found(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct audit_last last = {0};
    for (uint64_t count = 0; count < 40; count++) {
        for (uint64_t from = 0; from <= count; from++) {
            expect_ok(audit_rows_last(store, TENANT, from, &last));
            assert_int_equal(last.sequence, count);
        }
        cordon_error *beyond = audit_rows_last(store, TENANT, count + 1, &last);
        assert_non_null(beyond);
        assert_int_equal(cordon_error_get_code(beyond), CORDON_E_STORE);
        cordon_error_free(beyond);
        add_record(store, "{\"kind\":\"mutation\"}");
    }
    assert_false(last.is_checkpoint);
    end_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_signs_what_is_new),
        cmocka_unit_test(an_empty_log_is_left_empty),
        cmocka_unit_test(no_secret_signs_twice),
        cmocka_unit_test(checkpoints_come_in_intervals),
        cmocka_unit_test(the_secret_is_private_and_damage_is_named),
        cmocka_unit_test(keys_begin_anew_where_there_is_no_secret),
        cmocka_unit_test(secrets_that_were_are_overwritten),
        cmocka_unit_test(drafts_of_those_who_sleep_are_overwritten),
        cmocka_unit_test(a_secret_that_may_have_signed_is_found),
        cmocka_unit_test(a_secret_that_could_not_be_replaced_is_later),
        cmocka_unit_test(a_log_that_was_cut_is_not_signed),
        cmocka_unit_test(a_log_that_was_cut_is_not_signed_once_it_has_grown),
        cmocka_unit_test(who_hurries_is_signed_at_once),
        cmocka_unit_test(who_hurries_is_tried_again),
        cmocka_unit_test(a_follower_that_hurries_is_signed_at_once),
        cmocka_unit_test(a_flood_is_signed_once_a_second),
        cmocka_unit_test(what_can_not_be_signed_is_told_and_seen),
        cmocka_unit_test(the_follower_that_can_not_be_signed_is_named),
        cmocka_unit_test(many_followers_are_signed_at_the_end),
        cmocka_unit_test(a_secret_that_is_removed_is_made_anew),
        cmocka_unit_test(a_secret_that_is_put_back_signs_nothing_twice),
        cmocka_unit_test(a_line_that_was_cut_is_alone),
        cmocka_unit_test(a_pipe_without_a_reader_is_refused),
        cmocka_unit_test(a_draft_that_is_a_pipe_is_not_waited_for),
        cmocka_unit_test(the_last_record_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
