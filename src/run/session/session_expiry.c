/* Results that are old go; see session_expiry.h. */
#include "run/session/session_expiry.h"

#include "run/await.h"
#include "run/internal.h"
#include "run/session/session.h"
#include "run/tenant/tenant_quota.h"

/* Of one commit: rows, and bytes of those that are looked at. */
#define PART_ROWS 128
#define PART_BYTES ((uint64_t)32 << 20)

/*
 * The row that says how far results without a time have been given one: its value is the key of the
 * last that was looked at, empty once all were. It sorts behind those with times.
 */
#define MARK "sessions"

/* A row's key, as far as one is needed here. */
#define KEY_BYTES_MAX 512

struct pass {
    struct tenant *tenant;
    uint64_t now_ns;
    struct buffer edge; /* the key of the last row that was looked at; empty: the beginning */
    struct session_time part[PART_ROWS];
    size_t count;
    bool more; /* behind this part */
};

static void pass_done(struct pass *pass)
{
    buffer_done(&pass->edge);
}

/* In a transaction of its own; `*out_conflict`: it is to be done again. NULL: it only reads. */
static cordon_error *in_txn(
    struct pass *pass,
    cordon_error *(*work)(struct pass *pass, struct rows *rows),
    bool *out_conflict)
{
    const struct store_commit_facts facts = {.quota = &pass->tenant->quota};
    struct rows rows;
    cordon_error *error =
        rows_begin(runner_store(pass->tenant->runner), pass->tenant->number, &rows);
    if (error == NULL) {
        error = work(pass, &rows);
    }
    if (error == NULL && out_conflict != NULL) {
        error = rows_commit(&rows, &facts, out_conflict);
    }
    rows_end(&rows);
    return error;
}

static cordon_error *set_edge(struct pass *pass, struct slice key)
{
    buffer_clear(&pass->edge);
    return buffer_append(&pass->edge, key);
}

/* -- What is due ---------------------------------------------------------------------------- */

static bool is_due(const struct session_time *time, uint64_t now_ns)
{
    return now_ns > SESSION_KEPT_NS && time->time_ns <= now_ns - SESSION_KEPT_NS;
}

static cordon_error *find_due(struct pass *pass, struct rows *rows)
{
    CORDON_CLEANUP_BUFFER struct buffer from;
    buffer_init(&from, KEY_BYTES_MAX);
    const bool is_first = pass->edge.size == 0;
    TRY(buffer_append(&from, is_first ? SLICE(SESSION_TIME_PREFIX) : buffer_slice(&pass->edge)));
    pass->count = 0;
    pass->more = false;
    while (pass->count < PART_ROWS) {
        enum store_step step = STORE_DONE;
        bool found = false;
        struct slice key = {0};
        struct slice value = {0};
        const bool after = !is_first || pass->count > 0;
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, KEYSPACE_SCHEDULE, buffer_slice(&from), after, &step, &found, &key,
                &value));
        struct session_time *time = &pass->part[pass->count];
        if (!found || !session_time_read(key, time) || !is_due(time, pass->now_ns)) {
            return NULL;
        }
        pass->count++;
        buffer_clear(&from);
        TRY(buffer_append(&from, key));
    }
    pass->more = true;
    return NULL;
}

/*
 * A result, if it is the one that the row with its time is about: a key that was used again since
 * has a row of its own.
 */
static cordon_error *remove_result(
    struct rows *rows, const struct session_time *time, uint64_t *bytes)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice row = {0};
    uint64_t time_ns = 0;
    const struct slice key = slice_of(time->key, sizeof time->key);
    AWAIT(rows, step, store_row_get(rows->txn, KEYSPACE_SESSION, key, &step, &found, &row));
    if (!found || (session_has_time(row, &time_ns) && time_ns != time->time_ns)) {
        return NULL;
    }
    *bytes += row.size;
    return store_row_remove(rows->txn, KEYSPACE_SESSION, key);
}

/* As much of the part as one commit takes. */
static cordon_error *remove_due(struct pass *pass, struct rows *rows)
{
    uint64_t bytes = 0;
    size_t done = 0;
    uint8_t row[SESSION_TIME_KEY_BYTES] = {0};
    while (done < pass->count && bytes < PART_BYTES) {
        const struct session_time *time = &pass->part[done++];
        session_time_write(time, row);
        TRY(remove_result(rows, time, &bytes));
        TRY(store_row_remove(rows->txn, KEYSPACE_SCHEDULE, slice_of(row, sizeof row)));
    }
    pass->more = pass->more || done < pass->count;
    return set_edge(pass, slice_of(row, sizeof row));
}

static cordon_error *remove_all_due(struct pass *pass, const atomic_bool *stops)
{
    do {
        TRY(in_txn(pass, find_due, NULL));
        if (pass->count == 0) {
            return NULL;
        }
        bool conflict = false;
        TRY(in_txn(pass, remove_due, &conflict));
        if (conflict) { /* nothing was removed of what was passed over */
            buffer_clear(&pass->edge);
            pass->more = true;
        }
    } while (pass->more && !atomic_load(stops));
    return NULL;
}

/* -- What has no time ----------------------------------------------------------------------- */

/* How far it has come: the edge, and whether there may be more. */
static cordon_error *read_mark(struct pass *pass, struct rows *rows)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(
        rows, step,
        store_row_get(rows->txn, KEYSPACE_SCHEDULE, SLICE(MARK), &step, &found, &value));
    pass->more = !found || value.size > 0;
    return set_edge(pass, value);
}

/* Some results that have no time, and in `more` whether there are others behind. */
static cordon_error *find_untimed(struct pass *pass, struct rows *rows)
{
    uint64_t bytes = 0;
    size_t seen = 0;
    pass->count = 0;
    for (; seen < PART_ROWS && bytes < PART_BYTES; seen++) {
        enum store_step step = STORE_DONE;
        struct slice key = {0};
        struct slice row = {0};
        uint64_t time_ns = 0;
        const struct slice edge = buffer_slice(&pass->edge);
        AWAIT(
            rows, step,
            store_row_next(
                rows->txn, KEYSPACE_SESSION, edge, edge.size > 0, &step, &pass->more, &key, &row));
        if (!pass->more) {
            return NULL;
        }
        bytes += row.size;
        if (key.size == SHA256_BYTES && !session_has_time(row, &time_ns)) {
            struct session_time *time = &pass->part[pass->count++];
            time->time_ns = pass->now_ns;
            memcpy(time->key, key.data, key.size);
        }
        TRY(set_edge(pass, key));
    }
    return NULL;
}

static cordon_error *put_times(struct pass *pass, struct rows *rows)
{
    for (size_t i = 0; i < pass->count; i++) {
        uint8_t row[SESSION_TIME_KEY_BYTES];
        session_time_write(&pass->part[i], row);
        TRY(store_row_put(
            rows->txn, KEYSPACE_SCHEDULE, slice_of(row, sizeof row), (struct slice){0}));
    }
    const struct slice mark = pass->more ? buffer_slice(&pass->edge) : (struct slice){0};
    return store_row_put(rows->txn, KEYSPACE_SCHEDULE, SLICE(MARK), mark);
}

static cordon_error *time_all(struct pass *pass, const atomic_bool *stops)
{
    TRY(in_txn(pass, read_mark, NULL));
    while (pass->more && !atomic_load(stops)) {
        bool conflict = false;
        TRY(in_txn(pass, find_untimed, NULL));
        if (pass->edge.size == 0) {
            return NULL; /* there are no results, and nothing to be noted */
        }
        TRY(in_txn(pass, put_times, &conflict));
        if (conflict) {
            TRY(in_txn(pass, read_mark, NULL));
        }
    }
    return NULL;
}

cordon_error *session_expiry_run(struct tenant *tenant, uint64_t now_ns, const atomic_bool *stops)
{
    CORDON_CLEANUP(pass_done) struct pass pass = {.tenant = tenant, .now_ns = now_ns};
    buffer_init(&pass.edge, KEY_BYTES_MAX);
    TRY(time_all(&pass, stops));
    buffer_clear(&pass.edge);
    return remove_all_due(&pass, stops);
}
