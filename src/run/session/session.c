/*
 * Rows of idempotent calls; see session.h. A result is a format byte, SHA-256 over who calls, path
 * and arguments, the time, and the value in canonical encoded JSON. Format 2, of versions before,
 * has no time.
 */
#include "run/session/session.h"

#include "base/buffer.h"
#include "store/layout.h"

#define FORMAT_UNTIMED 2
#define FORMAT 3

#define UNTIMED_BYTES (1 + SHA256_BYTES)
#define TIME_BYTES 8
#define HEADER_BYTES (UNTIMED_BYTES + TIME_BYTES)

#define PREFIX_BYTES (sizeof SESSION_TIME_PREFIX - 1)

/*
 * Neither a path nor a role nor a user has a zero, and a role has no space; so no two calls have
 * the same bytes. Where nobody has signed in they are those of versions that knew no users.
 */
static void hash_call(const struct session_call *call, uint8_t out[SHA256_BYTES])
{
    const struct slice zero = slice_of("", 1);
    const struct slice space = call->user.size > 0 ? SLICE(" ") : slice_of(NULL, 0);
    const struct slice parts[] = {call->role, space, call->user, zero,
                                  call->path, zero,  call->args};
    hash_sha256(parts, sizeof parts / sizeof parts[0], out);
}

void session_key(struct slice idempotency_key, uint8_t out_key[SHA256_BYTES])
{
    hash_sha256(&idempotency_key, 1, out_key);
}

static cordon_error *put_result(
    struct store_txn *txn,
    const struct session_time *time,
    const struct session_call *call,
    struct slice value)
{
    uint8_t header[HEADER_BYTES] = {FORMAT};
    hash_call(call, header + 1);
    layout_store64(header + UNTIMED_BYTES, time->time_ns);
    CORDON_CLEANUP_BUFFER struct buffer row;
    buffer_init(&row, sizeof header + value.size);
    TRY(buffer_append(&row, slice_of(header, sizeof header)));
    TRY(buffer_append(&row, value));
    return store_row_put(
        txn, KEYSPACE_SESSION, slice_of(time->key, sizeof time->key), buffer_slice(&row));
}

cordon_error *session_put(
    struct store_txn *txn,
    const uint8_t key[SHA256_BYTES],
    uint64_t time_ns,
    const struct session_call *call,
    struct slice value)
{
    struct session_time time = {.time_ns = time_ns};
    uint8_t row[SESSION_TIME_KEY_BYTES];
    memcpy(time.key, key, sizeof time.key);
    session_time_write(&time, row);
    TRY(store_row_put(txn, KEYSPACE_SCHEDULE, slice_of(row, sizeof row), (struct slice){0}));
    return put_result(txn, &time, call, value);
}

/* How many bytes stand before the value; 0: the row is of no format that is known. */
static size_t header_bytes(struct slice row)
{
    const uint8_t format = row.size == 0 ? 0 : row.data[0];
    const size_t bytes = format == FORMAT           ? HEADER_BYTES
                         : format == FORMAT_UNTIMED ? UNTIMED_BYTES
                                                    : 0;
    return row.size < bytes ? 0 : bytes;
}

cordon_error *session_read(
    struct slice row, const struct session_call *call, bool *out_same, struct slice *out_value)
{
    const size_t header = header_bytes(row);
    if (header == 0) {
        return cordon_error_new(
            CORDON_E_STORE, "a session record has a format that this version can't read; start the "
                            "one that wrote it");
    }
    uint8_t hash[SHA256_BYTES];
    hash_call(call, hash);
    *out_same = memcmp(hash, row.data + 1, sizeof hash) == 0;
    *out_value = slice_from(row, header);
    return NULL;
}

/* -- When it ends --------------------------------------------------------------------------- */

void session_time_write(const struct session_time *time, uint8_t out_row[SESSION_TIME_KEY_BYTES])
{
    memcpy(out_row, SESSION_TIME_PREFIX, PREFIX_BYTES);
    layout_store64(out_row + PREFIX_BYTES, time->time_ns);
    memcpy(out_row + PREFIX_BYTES + TIME_BYTES, time->key, sizeof time->key);
}

bool session_time_read(struct slice row, struct session_time *out_time)
{
    if (row.size != SESSION_TIME_KEY_BYTES || !slice_starts_with(row, SLICE(SESSION_TIME_PREFIX))) {
        return false;
    }
    out_time->time_ns = layout_load64(row.data + PREFIX_BYTES);
    memcpy(out_time->key, row.data + PREFIX_BYTES + TIME_BYTES, sizeof out_time->key);
    return true;
}

bool session_has_time(struct slice row, uint64_t *out_time_ns)
{
    if (header_bytes(row) != HEADER_BYTES) {
        return false;
    }
    *out_time_ns = layout_load64(row.data + UNTIMED_BYTES);
    return true;
}
