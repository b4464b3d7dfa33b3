/*
 * The keeper of the audit log over a store: checkpoints that a check of the whole log finds good,
 * at each end and over each start, also after a death between the commit and the new secret.
 */
#include "audit/chain.h"
#include "base/clock.h"
#include "run/audit/audit_prune.h"
#include "run/audit/audit_rows.h"
#include "run/audit/auditor.h"
#include "store/vtable.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENANT = 1, OTHER = 2, SECRET_BYTES_MAX = 256 };

static char folder[64];

static void assert_good(cordon_error *error)
{
    if (error != NULL) {
        fail_msg("%s", cordon_error_get_message(error));
    }
}

static struct store *new_store(void)
{
    const struct store_options options = {.flusher_thread = true};
    struct store *store = NULL;
    assert_good(store_open_memory(&options, &store));
    (void)snprintf(folder, sizeof folder, "/tmp/cordon-auditor-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return store;
}

static void path_of(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
}

static void done(struct store *store)
{
    char path[128];
    static const char *const names[] = {"1.secret", "1.draft", "checkpoints"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
    store_close(store);
}

static struct auditor *start(struct store *store, uint32_t interval_ms)
{
    char checkpoints[128];
    path_of(checkpoints, "checkpoints");
    const struct auditor_options options = {
        .store = store,
        .tenant = TENANT,
        .folder = folder,
        .checkpoint_file = checkpoints,
        .interval_ms = interval_ms,
    };
    struct auditor *auditor = NULL;
    assert_good(auditor_new(&options, &auditor));
    return auditor;
}

static void add(struct store *store, const char *body)
{
    assert_good(audit_rows_add(store, TENANT, slice_str(body)));
}

/* All of the log, as lines. */
static void read_log(struct store *store, struct buffer *out)
{
    uint64_t from = 0;
    uint64_t next = 1;
    do {
        from = next;
        assert_good(audit_rows_page(store, TENANT, from, 300, out, &next));
    } while (next > from);
}

static struct audit_verdict check(struct store *store)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    struct audit_chain *chain = NULL;
    assert_good(audit_chain_new(&chain));
    for (struct slice rest = buffer_slice(&lines); rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        assert_non_null(end);
        const size_t size = (size_t)(end - rest.data);
        struct audit_record record;
        assert_true(audit_record_read(slice_of(rest.data, size), &record));
        assert_good(audit_chain_add(chain, &record));
        rest = slice_from(rest, size + 1);
    }
    const struct audit_verdict verdict = audit_chain_end(chain);
    audit_chain_free(chain);
    return verdict;
}

static size_t read_secret(char out[SECRET_BYTES_MAX])
{
    char path[128];
    path_of(path, "1.secret");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const ssize_t size = read(fd, out, SECRET_BYTES_MAX);
    assert_true(size > 0);
    (void)close(fd);
    return (size_t)size;
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

static void write_secret(const char *text, size_t size)
{
    char path[128];
    path_of(path, "1.secret");
    const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    (void)close(fd);
}

static void each_end_signs_what_is_new(void **state)
{
    (void)state;
    struct store *store = new_store();
    for (uint64_t round = 1; round <= 5; round++) {
        struct auditor *auditor = start(store, 0);
        add(store, "{\"kind\":\"mutation\"}");
        auditor_note(auditor, SLICE("{\"kind\":\"noted\"}"));
        auditor_free(auditor);
        const struct audit_verdict verdict = check(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.checkpoints, round);
        assert_int_equal(read_epoch(), round);
        assert_int_equal(verdict.records, 3 * round);
        assert_int_equal(verdict.signed_to, 3 * round - 1);
    }
    auditor_free(start(store, 0)); /* nothing is new: nothing is signed */
    assert_int_equal(check(store).records, 15);
    done(store);
}

static void an_empty_log_is_left_empty(void **state)
{
    (void)state;
    struct store *store = new_store();
    auditor_free(start(store, 0));
    assert_int_equal(check(store).records, 0);
    done(store);
}

/* As if killed after the commit: the secret that has signed is there again at the next start. */
static void no_secret_signs_twice(void **state)
{
    (void)state;
    struct store *store = new_store();
    char before[SECRET_BYTES_MAX];
    char after[SECRET_BYTES_MAX];
    add(store, "{\"kind\":\"mutation\"}");
    auditor_free(start(store, 0));
    for (uint64_t round = 2; round <= 4; round++) {
        const size_t size = read_secret(before);
        add(store, "{\"kind\":\"mutation\"}");
        auditor_free(start(store, 0));
        (void)read_secret(after);
        assert_memory_not_equal(before, after, size);
        write_secret(before, size);
        add(store, "{\"kind\":\"mutation\"}");
        auditor_free(start(store, 0));
        const struct audit_verdict verdict = check(store);
        if (!verdict.is_good) {
            fail_msg("record %llu: %s", (unsigned long long)verdict.fault_at, verdict.fault);
        }
    }
    done(store);
}

static void checkpoints_come_in_intervals(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 1);
    uint64_t checkpoints = 0;
    for (int tries = 0; checkpoints < 3 && tries < 20000; tries++) {
        add(store, "{\"kind\":\"mutation\"}");
        (void)usleep(1000);
        checkpoints = check(store).checkpoints;
    }
    auditor_free(auditor);
    assert_true(checkpoints >= 3);
    const struct audit_verdict verdict = check(store);
    assert_true(verdict.is_good);
    done(store);
}

static void denials_are_counted_together(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    for (int i = 0; i < 1000; i++) {
        auditor_note_denied(auditor, SLICE("a:b"), SLICE("\"no\""));
        auditor_note_denied(auditor, SLICE("a:c"), SLICE("no"));
    }
    auditor_free(auditor);
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)1 << 20);
    read_log(store, &lines);
    assert_good(buffer_append_byte(&lines, '\0'));
    const char *text = (const char *)lines.data;
    assert_non_null(strstr(
        text, "{\"kind\":\"capability_denied\",\"path\":\"a:b\",\"message\":\"\\\"no\\\"\","
              "\"count\":1000}"));
    assert_non_null(strstr(
        text,
        "{\"kind\":\"capability_denied\",\"path\":\"a:c\",\"message\":\"no\",\"count\":1000}"));
    assert_int_equal(check(store).records, 3);
    done(store);
}

/* 65 functions, and more notes than there is room for: what is left out is counted. */
static void what_is_too_much_is_counted(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    for (int i = 0; i < 66; i++) {
        char path[16];
        (void)snprintf(path, sizeof path, "a:f%d", i);
        auditor_note_denied(auditor, slice_str(path), SLICE("no"));
    }
    char *large = malloc((1 << 20) + 1);
    assert_non_null(large);
    memset(large, ' ', (1 << 20) + 1);
    large[0] = '{';
    large[1 << 20] = '}';
    auditor_note(auditor, slice_of(large, (1 << 20) + 1));
    free(large);
    auditor_free(auditor);
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    assert_good(buffer_append_byte(&lines, '\0'));
    const char *text = (const char *)lines.data;
    assert_non_null(strstr(text, "{\"kind\":\"capability_denied_elsewhere\",\"count\":2}"));
    assert_non_null(strstr(text, "{\"kind\":\"notes_lost\",\"count\":1}"));
    assert_int_equal(check(store).records, 64 + 1 + 1 + 1);
    done(store);
}

static void the_secret_is_private_and_damage_is_named(void **state)
{
    (void)state;
    struct store *store = new_store();
    add(store, "{\"kind\":\"mutation\"}");
    auditor_free(start(store, 0));
    char path[128];
    struct stat status;
    path_of(path, "1.secret");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    static const char *const damaged[] = {
        "", "cordon audit secret 2\n1 1 00\n", "cordon audit secret 1\n1 1 00\n"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        write_secret(damaged[i], strlen(damaged[i]));
        const struct auditor_options options = {.store = store, .tenant = TENANT, .folder = folder};
        struct auditor *auditor = NULL;
        cordon_error *error = auditor_new(&options, &auditor);
        assert_non_null(error);
        assert_int_equal(cordon_error_get_code(error), CORDON_E_STORE);
        assert_non_null(strstr(cordon_error_get_message(error), "1.secret"));
        cordon_error_free(error);
    }
    done(store);
}

/* A folder from a backup has no secret: new keys begin, behind the old ones, and go on. */
static void keys_begin_anew_where_there_is_no_secret(void **state)
{
    (void)state;
    struct store *store = new_store();
    char path[128];
    path_of(path, "1.secret");
    for (uint64_t round = 1; round <= 6; round++) {
        add(store, "{\"kind\":\"mutation\"}");
        auditor_free(start(store, 0));
        const struct audit_verdict verdict = check(store);
        if (!verdict.is_good) {
            fail_msg("record %llu: %s", (unsigned long long)verdict.fault_at, verdict.fault);
        }
        assert_int_equal(verdict.checkpoints, round);
        assert_int_equal(verdict.anew, round > 3 ? 1 : 0);
        if (round == 3) {
            assert_int_equal(unlink(path), 0);
        }
    }
    done(store);
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
    add(store, "{\"kind\":\"mutation\"}");
    auditor_free(start(store, 0));
    int fd = open(secret, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    add(store, "{\"kind\":\"mutation\"}");
    auditor_free(start(store, 0));
    assert_erased(fd);
    assert_int_equal(access(draft, F_OK), -1);

    char text[SECRET_BYTES_MAX]; /* as one leaves it who is killed before it is overwritten */
    const size_t size = read_secret(text);
    fd = open(draft, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    auditor_free(start(store, 0));
    assert_erased(fd);
    assert_int_equal(access(draft, F_OK), -1);
    assert_true(check(store).is_good);
    done(store);
}

/* Nothing new comes, and still the secret that has signed goes, as soon as it can. */
static void a_secret_that_could_not_be_replaced_is_later(void **state)
{
    (void)state;
    struct store *store = new_store();
    char draft[128];
    path_of(draft, "1.draft");
    add(store, "{\"kind\":\"mutation\"}");
    auditor_free(start(store, 0));
    assert_int_equal(mkdir(draft, 0700), 0); /* in the way */
    add(store, "{\"kind\":\"mutation\"}");
    struct auditor *auditor = start(store, 1);
    for (int tries = 0; check(store).checkpoints < 2 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(check(store).checkpoints, 2);
    assert_int_equal(read_epoch(), 1);
    assert_int_equal(rmdir(draft), 0);
    for (int tries = 0; read_epoch() < 2 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(read_epoch(), 2);
    auditor_free(auditor);
    assert_int_equal(check(store).records, 4);
    done(store);
}

/* A data folder of an earlier day beside a secret of a later one: nothing is signed there. */
static void a_log_that_was_cut_is_not_signed(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct store *earlier = NULL;
    const struct store_options options = {.flusher_thread = true};
    assert_good(store_open_memory(&options, &earlier));
    for (int i = 0; i < 5; i++) {
        add(store, "{\"kind\":\"mutation\"}");
    }
    auditor_free(start(store, 0));
    add(earlier, "{\"kind\":\"mutation\"}");
    auditor_free(start(earlier, 0));
    const struct audit_verdict verdict = check(earlier);
    assert_true(verdict.is_good);
    assert_int_equal(verdict.records, 1);
    store_close(earlier);
    done(store);
}

/* -- Stores that do not take a record, or meanwhile others come ------------------------------- */

static struct store_ops hooked;
static const struct store_ops *good;
static struct auditor *hooked_auditor;
static atomic_int failing;      /* so many of the next commits */
static atomic_int meddling;     /* denials that come, one during each commit */
static atomic_int begun;        /* transactions, since it was last set to 0 */
static atomic_int begun_before; /* the first one of OTHER */

static cordon_error *hooked_begin(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    if (meddling > 0) {
        meddling--;
        auditor_note_denied(hooked_auditor, SLICE("a:b"), SLICE("no"));
    }
    if (failing == 0) {
        const int before = begun++;
        int none = -1;
        if (tenant == OTHER) {
            (void)atomic_compare_exchange_strong(&begun_before, &none, before);
        }
    }
    if (failing > 0) {
        failing--;
        return cordon_error_new(CORDON_E_DISK_FULL, "the disk is full, for this test");
    }
    return good->begin(store, tenant, wake, out_txn);
}

static struct auditor *start_hooked(struct store *store)
{
    good = store->ops;
    hooked = *good;
    hooked.begin = hooked_begin;
    hooked_auditor = start(store, 0);
    store->ops = &hooked;
    return hooked_auditor;
}

static size_t count_in_log(struct store *store, const char *words)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    assert_good(buffer_append_byte(&lines, '\0'));
    size_t count = 0;
    for (const char *at = (const char *)lines.data; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Who is denied something at each turn has one record for it, and does not stop the others. */
static void denials_that_never_end_are_one_record(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store);
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    meddling = 1000;
    auditor_free(auditor);
    store->ops = good;
    assert_true(meddling > 900);
    meddling = 0;
    assert_int_equal(count_in_log(store, "capability_denied"), 1);
    done(store);
}

static void what_a_full_disk_did_not_take_is_written_later(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store);
    failing = 2;
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":1}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":2}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":3}"));
    auditor_note(auditor, SLICE("{\"kind\":\"noted\",\"n\":4}"));
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    for (int tries = 0; failing > 0 && tries < 2000; tries++) {
        auditor_note(auditor, SLICE("{\"kind\":\"again\"}")); /* each is a turn */
        (void)usleep(1000);
    }
    assert_int_equal(failing, 0);
    auditor_free(auditor);
    for (int n = 1; n <= 4; n++) {
        char words[64];
        (void)snprintf(words, sizeof words, "{\"kind\":\"noted\",\"n\":%d}", n);
        assert_int_equal(count_in_log(store, words), 1);
    }
    assert_int_equal(count_in_log(store, "capability_denied"), 1);
    assert_int_equal(count_in_log(store, "notes_lost"), 0);
    assert_true(check(store).is_good);
    store->ops = good;
    done(store);
}

/* And what none takes until the end is freed. */
static void a_disk_that_stays_full_ends_it_all_the_same(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store);
    failing = INT_MAX;
    auditor_note(auditor, SLICE("{\"kind\":\"noted\"}"));
    auditor_note_denied(auditor, SLICE("a:b"), SLICE("no"));
    auditor_free(auditor);
    failing = 0;
    store->ops = good;
    assert_int_equal(check(store).records, 0);
    done(store);
}

/* -- Floods --------------------------------------------------------------------------------- */

/* A note of a request's, which wait in thousands. */
static void flood(struct auditor *auditor)
{
    char body[128];
    int noted = 0;
    do {
        (void)snprintf(body, sizeof body, "{\"kind\":\"flood\",\"n\":%d}", noted);
        noted++;
    } while (auditor_note_request(auditor, slice_str(body)));
    assert_true(noted > 10000);
}

/* What there is no room for is refused; keys that go are recorded all the same. */
static void requests_leave_room_for_the_server(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store);
    failing = INT_MAX; /* nothing is written, and all waits */
    flood(auditor);
    assert_false(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    assert_false(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    for (int i = 0; i < 1000; i++) {
        auditor_note(auditor, SLICE("{\"kind\":\"key_revoked\"}"));
    }
    failing = 0;
    auditor_free(auditor);
    store->ops = good;
    assert_int_equal(count_in_log(store, "key_revoked"), 1000);
    assert_int_equal(count_in_log(store, "logs_read"), 0);
    assert_int_equal(count_in_log(store, "notes_lost"), 0);
    assert_true(check(store).is_good);
    done(store);
}

/* A turn is of each tenant's, and takes some of what waits. */
static void a_flood_of_one_tenant_holds_up_no_other(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start_hooked(store);
    struct auditor *other = NULL;
    assert_good(auditor_follow(auditor, OTHER, &other));
    failing = INT_MAX;
    flood(auditor);
    auditor_note(other, SLICE("{\"kind\":\"noted\"}"));
    begun = 0;
    begun_before = -1;
    failing = 0;
    auditor_note(auditor, SLICE("{\"kind\":\"again\"}"));
    for (int tries = 0; begun_before < 0 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_in_range(begun_before, 0, 2 * AUDIT_ROWS_MAX);
    for (int tries = 0; begun < 10000 && tries < 20000; tries++) { /* and goes on by itself */
        (void)usleep(1000);
    }
    assert_true(begun >= 10000);
    auditor_free(auditor);
    store->ops = good;
    assert_int_equal(count_in_log(store, "\"again\""), 1);
    assert_true(check(store).is_good);
    char path[128];
    path_of(path, "2.secret");
    assert_int_equal(unlink(path), 0);
    done(store);
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
        add(store, "{\"kind\":\"mutation\"}");
        auditor_free(start(store, 0));
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
        assert_good(audit_checkpoint_read(slice_of(rest.data, size), &is_whole, &checkpoint));
        assert_int_equal(is_whole, number > 1);
        rest = slice_from(rest, size + 1);
    }
    assert_int_equal(rest.size, 0);
    done(store);
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
        .store = store, .tenant = TENANT, .folder = folder, .checkpoint_file = path};
    struct auditor *auditor = NULL;
    (void)alarm(20); /* it would wait for a reader */
    cordon_error *error = auditor_new(&options, &auditor);
    (void)alarm(0);
    assert_non_null(error);
    assert_non_null(strstr(cordon_error_get_message(error), "audit_checkpoint_file"));
    cordon_error_free(error);
    done(store);
}

/* What is too long is cut between two characters. */
static void long_words_are_cut_between_characters(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    char words[400];
    for (size_t i = 0; i + 1 < sizeof words; i += 2) {
        memcpy(words + i, "\xc3\xa9", 2);
    }
    auditor_note_denied(auditor, SLICE("a:b"), slice_of(words, sizeof words));
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, "\xc3\xa9\",\"count\":1}"), 1);
    done(store);
}

/* -- Reads ----------------------------------------------------------------------------------- */

/* The first one at once; what comes after it in a minute is counted. */
static void reads_are_told_and_folded(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    for (int i = 0; i < 5; i++) {
        assert_true(auditor_note_read(auditor, AUDITOR_READS_DOCUMENTS, SLICE("messages"), NULL));
        assert_true(auditor_note_read(auditor, AUDITOR_READS_LOGS, (struct slice){0}, NULL));
    }
    assert_true(auditor_note_read(
        auditor, AUDITOR_READS_RECORD, SLICE("messages"), NULL)); /* another thing */
    static const char first[] = "{\"kind\":\"documents_read\",\"table\":\"messages\"}";
    for (int tries = 0; count_in_log(store, first) == 0 && tries < 20000; tries++) {
        (void)usleep(1000);
    }
    assert_int_equal(count_in_log(store, "documents_read"), 1);
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, first), 1);
    assert_int_equal(
        count_in_log(store, "{\"kind\":\"documents_read\",\"table\":\"messages\",\"count\":4}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"logs_read\"}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"logs_read\",\"count\":4}"), 1);
    assert_int_equal(count_in_log(store, "{\"kind\":\"record_read\",\"record\":\"messages\"}"), 1);
    done(store);
}

/* By whom, apart for each; a request's id is that of the first one alone. */
static void reads_are_told_by_whom(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    static const struct audit_actor actors[] = {
        {.by = "admin key", .key = "0000000000000001", .request_id = "first"},
        {.by = "admin key", .key = "0000000000000002"},
        {.by = "admin key", .key = "0000000000000001", .request_id = "second"},
        {.by = "uid 7 with the data folder"},
    };
    for (size_t i = 0; i < sizeof actors / sizeof actors[0]; i++) {
        assert_true(auditor_note_read(auditor, AUDITOR_READS_ENV, (struct slice){0}, &actors[i]));
    }
    auditor_free(auditor);
#define BY_KEY(digit) ",\"by\":\"admin key\",\"by_key\":\"000000000000000" digit "\""
    static const char *const wanted[] = {
        "{\"kind\":\"env_read\"" BY_KEY("1") ",\"request_id\":\"first\"}",
        "{\"kind\":\"env_read\",\"count\":1" BY_KEY("1") "}",
        "{\"kind\":\"env_read\"" BY_KEY("2") "}",
        "{\"kind\":\"env_read\",\"by\":\"uid 7 with the data folder\"}",
    };
    assert_int_equal(count_in_log(store, "env_read"), 4);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_int_equal(count_in_log(store, wanted[i]), 1);
    }
    done(store);
}

/* Where there is no room to fold, none is lost. */
static void reads_of_many_things_are_all_told(void **state)
{
    (void)state;
    struct store *store = new_store();
    struct auditor *auditor = start(store, 0);
    for (int i = 0; i < 200; i++) {
        char record[16];
        (void)snprintf(record, sizeof record, "r%d", i);
        assert_true(auditor_note_read(auditor, AUDITOR_READS_RECORD, slice_str(record), NULL));
    }
    auditor_free(auditor);
    assert_int_equal(count_in_log(store, "record_read"), 200);
    done(store);
}

/* -- Prunes ---------------------------------------------------------------------------------- */

enum { LIVES = 6, RECORDS_PER_LIFE = 10 };

/* Records 1 to 66: ten and a checkpoint, six times. */
static void fill(struct store *store)
{
    for (int life = 0; life < LIVES; life++) {
        for (int i = 0; i < RECORDS_PER_LIFE; i++) {
            add(store, "{\"kind\":\"mutation\"}");
        }
        auditor_free(start(store, 0));
    }
    assert_int_equal(check(store).records, LIVES * (RECORDS_PER_LIFE + 1));
}

static cordon_error *prune(
    struct store *store, struct auditor *auditor, uint64_t before, uint64_t before_ns)
{
    const struct audit_prune_request request = {
        .before = before, .before_ns = before_ns, .actor = {.by = "a test"}};
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, 4096);
    return audit_prune_log(store, auditor, TENANT, &request, &report);
}

static void what_a_prune_leaves_is_good(void **state)
{
    (void)state;
    static const struct {
        uint64_t before;
        uint64_t first; /* that is left */
    } cases[] = {{1, 1}, {10, 1}, {11, 11}, {12, 11}, {22, 22}, {60, 55}, {66, 66}, {1000, 66}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = new_store();
        fill(store);
        struct auditor *auditor = start(store, 0);
        assert_good(prune(store, auditor, cases[i].before, 0));
        struct audit_verdict verdict = check(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.first, cases[i].first);
        assert_int_equal(verdict.pruned_at > 0, cases[i].first > 1);
        assert_true(verdict.pruned_at <= verdict.signed_to);
        if (cases[i].first > 1) {
            assert_string_equal(verdict.prune.actor.by, "a test");
            assert_int_equal(verdict.prune.records, cases[i].first - 1);
        }
        assert_good(prune(store, auditor, UINT64_MAX, 0)); /* and again, over the last one */
        verdict = check(store);
        assert_true(verdict.is_good);
        assert_true(verdict.first > (uint64_t)LIVES * RECORDS_PER_LIFE);
        auditor_free(auditor);
        auditor_free(start(store, 0)); /* it goes on behind what is left */
        add(store, "{\"kind\":\"mutation\"}");
        auditor_free(start(store, 0));
        verdict = check(store);
        assert_true(verdict.is_good);
        assert_int_equal(verdict.signed_to, verdict.last - 1);
        done(store);
    }
}

static void a_time_prunes_what_is_older(void **state)
{
    (void)state;
    struct store *store = new_store();
    fill(store);
    const uint64_t now_ns = clock_wall_ns() + 1000000000;
    struct auditor *auditor = start(store, 0);
    assert_good(prune(store, auditor, 0, 1));
    assert_int_equal(check(store).first, 1);
    assert_good(prune(store, auditor, 0, now_ns));
    assert_int_equal(check(store).first, 66);
    assert_true(check(store).is_good);
    auditor_free(auditor);
    done(store);
}

/* Of a store, whose record 5 is another than was written. */
static struct store_txn_ops lying;
static const struct store_txn_ops *honest;
static struct store_ops lying_store;

static cordon_error *read_changed(
    struct store_txn *txn,
    uint64_t sequence,
    enum store_step *out_step,
    bool *out_found,
    struct audit_record *out_record)
{
    cordon_error *error = honest->audit_read(txn, sequence, out_step, out_found, out_record);
    if (error == NULL && *out_found && out_record->sequence == 5) {
        out_record->body = SLICE("{\"kind\":\"mutatiom\"}");
    }
    return error;
}

static cordon_error *begin_changed(
    struct store *store, uint32_t tenant, struct store_wake wake, struct store_txn **out_txn)
{
    cordon_error *error = good->begin(store, tenant, wake, out_txn);
    if (error == NULL) {
        honest = (*out_txn)->ops;
        lying = *honest;
        lying.audit_read = read_changed;
        (*out_txn)->ops = &lying;
    }
    return error;
}

/* What somebody has changed does not go unseen by being pruned. */
static void a_log_with_a_fault_is_not_pruned(void **state)
{
    (void)state;
    struct store *store = new_store();
    fill(store);
    struct auditor *auditor = start(store, 0);
    good = store->ops;
    lying_store = *good;
    lying_store.begin = begin_changed;
    store->ops = &lying_store;
    cordon_error *error = prune(store, auditor, 40, 0);
    assert_non_null(error);
    assert_non_null(strstr(
        cordon_error_get_message(error), "nothing was pruned: record 5: it was "
                                         "changed"));
    cordon_error_free(error);
    store->ops = good;
    assert_int_equal(check(store).first, 1);
    assert_int_equal(count_in_log(store, "prune"), 0);
    auditor_free(auditor);
    done(store);
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
            assert_good(audit_rows_last(store, TENANT, from, &last));
            assert_int_equal(last.sequence, count);
        }
        cordon_error *beyond = audit_rows_last(store, TENANT, count + 1, &last);
        assert_non_null(beyond);
        assert_int_equal(cordon_error_get_code(beyond), CORDON_E_STORE);
        cordon_error_free(beyond);
        add(store, "{\"kind\":\"mutation\"}");
    }
    assert_false(last.is_checkpoint);
    done(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_signs_what_is_new),
        cmocka_unit_test(an_empty_log_is_left_empty),
        cmocka_unit_test(no_secret_signs_twice),
        cmocka_unit_test(checkpoints_come_in_intervals),
        cmocka_unit_test(reads_are_told_and_folded),
        cmocka_unit_test(reads_are_told_by_whom),
        cmocka_unit_test(reads_of_many_things_are_all_told),
        cmocka_unit_test(what_a_prune_leaves_is_good),
        cmocka_unit_test(a_time_prunes_what_is_older),
        cmocka_unit_test(a_log_with_a_fault_is_not_pruned),
        cmocka_unit_test(denials_are_counted_together),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(the_secret_is_private_and_damage_is_named),
        cmocka_unit_test(keys_begin_anew_where_there_is_no_secret),
        cmocka_unit_test(secrets_that_were_are_overwritten),
        cmocka_unit_test(a_secret_that_could_not_be_replaced_is_later),
        cmocka_unit_test(a_log_that_was_cut_is_not_signed),
        cmocka_unit_test(denials_that_never_end_are_one_record),
        cmocka_unit_test(what_a_full_disk_did_not_take_is_written_later),
        cmocka_unit_test(a_disk_that_stays_full_ends_it_all_the_same),
        cmocka_unit_test(requests_leave_room_for_the_server),
        cmocka_unit_test(a_flood_of_one_tenant_holds_up_no_other),
        cmocka_unit_test(a_line_that_was_cut_is_alone),
        cmocka_unit_test(a_pipe_without_a_reader_is_refused),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(the_last_record_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
