/*
 * The keeper of the audit log over a store: checkpoints that a check of the whole log finds good,
 * at each end and over each start, also after a death between the commit and the new secret.
 */
#include "audit/chain.h"
#include "run/audit_rows.h"
#include "run/auditor.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENANT = 1, SECRET_BYTES_MAX = 256 };

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
        cmocka_unit_test(denials_are_counted_together),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(the_secret_is_private_and_damage_is_named),
        cmocka_unit_test(the_last_record_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
