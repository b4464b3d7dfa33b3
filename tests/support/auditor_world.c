/* Stores and keepers of their logs; see auditor_world.h. */
#include "support/auditor_world.h"

#include "run/audit/audit_rows.h"
#include "support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

char auditor_folder[64];

struct store *new_store(void)
{
    const struct store_options options = {.flusher_thread = true};
    struct store *store = NULL;
    expect_ok(store_open_memory(&options, &store));
    (void)snprintf(auditor_folder, sizeof auditor_folder, "/tmp/cordon-auditor-XXXXXX");
    assert_non_null(mkdtemp(auditor_folder));
    return store;
}

void path_of(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", auditor_folder, name);
}

void end_store(struct store *store)
{
    char path[128];
    static const char *const names[] = {"1.secret", "1.draft", "checkpoints"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(auditor_folder), 0);
    store_close(store);
}

struct auditor *start_auditor(struct store *store, uint32_t interval_ms)
{
    char checkpoints[128];
    path_of(checkpoints, "checkpoints");
    const struct auditor_options options = {
        .store = store,
        .tenant = TENANT,
        .folder = auditor_folder,
        .checkpoint_file = checkpoints,
        .interval_ms = interval_ms,
    };
    struct auditor *auditor = NULL;
    expect_ok(auditor_new(&options, &auditor));
    return auditor;
}

void add_record(struct store *store, const char *body)
{
    expect_ok(audit_rows_add(store, TENANT, slice_str(body)));
}

/* All of the log, as lines. */
void read_log(struct store *store, struct buffer *out)
{
    uint64_t from = 0;
    uint64_t next = 1;
    do {
        from = next;
        expect_ok(audit_rows_page(store, TENANT, from, 300, out, &next));
    } while (next > from);
}

struct audit_verdict check_log(struct store *store)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    struct audit_chain *chain = NULL;
    expect_ok(audit_chain_new(&chain));
    for (struct slice rest = buffer_slice(&lines); rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        assert_non_null(end);
        const size_t size = (size_t)(end - rest.data);
        struct audit_record record;
        assert_true(audit_record_read(slice_of(rest.data, size), &record));
        expect_ok(audit_chain_add(chain, &record));
        rest = slice_from(rest, size + 1);
    }
    const struct audit_verdict verdict = audit_chain_end(chain);
    audit_chain_free(chain);
    return verdict;
}

size_t count_in_log(struct store *store, const char *words)
{
    CORDON_CLEANUP_BUFFER struct buffer lines;
    buffer_init(&lines, (size_t)16 << 20);
    read_log(store, &lines);
    expect_ok(buffer_append_byte(&lines, '\0'));
    size_t count = 0;
    for (const char *at = (const char *)lines.data; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}
