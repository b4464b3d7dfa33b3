/*
 * Cursors: a position in a query as clients hold it. It is sealed by a key of the deployment, so
 * that they can neither read nor make one, and the same position gives the same bytes. It is bound
 * to the tenant and to the query: table, index with its fields, direction, range and filters.
 */
#ifndef HOST_CURSOR_H
#define HOST_CURSOR_H

#include "host/queries.h"

#define CURSOR_FINGERPRINT_BYTES 16

struct cursor_position {
    bool is_end;      /* behind the last document */
    struct slice key; /* otherwise behind the document with this key; not empty */
};

/* What a query is, in few bytes. Errors: no memory. */
CORDON_MUST_USE cordon_error *cursor_fingerprint(
    const struct open_query *open, uint8_t out_fingerprint[CURSOR_FINGERPRINT_BYTES]);

/* Appends the cursor, which is text without need of escapes. */
CORDON_MUST_USE cordon_error *cursor_write(
    struct host *host,
    const uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES],
    const struct cursor_position *position,
    struct buffer *out);

enum cursor_verdict {
    CURSOR_GOOD,
    CURSOR_MALFORMED, /* it is none of ours */
    CURSOR_ELSEWHERE, /* it is of another query */
};

/* Opens a cursor; the key is appended to `out`, and the position borrows from there. */
CORDON_MUST_USE cordon_error *cursor_read(
    struct host *host,
    const uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES],
    struct slice text,
    struct buffer *out,
    enum cursor_verdict *out_verdict,
    struct cursor_position *out_position);

#endif
