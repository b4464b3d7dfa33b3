/*
 * Histories as text, a JSON object on a line for each transaction, in any order:
 *
 *     {"process":1,"begin":10,"end":15,"status":"committed",
 *      "ops":[["append",5,1],["list",5,[1,2]],["write",7,3],["read",7,null],["remove",7,null],
 *             ["miss",7,2],["undone",7,4]]}
 *
 * `status` is committed, aborted or unknown; only an unknown one has no `end`. A committed one can
 * have a `ts` above 0, the store's timestamp. Numbers are whole, from 0 to 2^64 - 1. Nothing else
 * may stand in a line.
 */
#ifndef HISTORY_LINES_H
#define HISTORY_LINES_H

#include "base/buffer.h"
#include "history/history.h"

/* The longest line, in bytes. */
#define HISTORY_LINE_BYTES_MAX ((size_t)4 << 20)

/* Appends one transaction and a line break. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *history_write_line(
    struct buffer *out, const struct history *history, size_t txn);

/*
 * Adds the transaction of one line, with or without its line break. Errors: CORDON_E_BAD_JSON;
 * CORDON_E_INVALID for JSON that is no such line; CORDON_E_TOO_LARGE, CORDON_E_NO_MEMORY. The
 * history is then to be cleared.
 */
CORDON_MUST_USE cordon_error *history_read_line(struct history *history, struct slice line);

/* Adds all lines of a text; empty ones mean nothing. Errors are the same and name the line. */
CORDON_MUST_USE cordon_error *history_read_lines(struct history *history, struct slice text);

#endif
