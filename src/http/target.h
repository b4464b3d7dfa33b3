/*
 * The target of a request (RFC 9112, section 3.2): its path, and names and values in its query
 * string. Pure.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "base/buffer.h"

/* The path of a target, without its query string. */
struct slice http_target_path(struct slice target);

/* The value of a name in a target's query string, as it was sent. Borrows. False: not there. */
bool http_target_find(struct slice target, const char *name, struct slice *out_value);

/*
 * Appends a percent-encoded part to `out`, decoded, a `+` as a space where `plus_is_space`. False:
 * it is malformed, or there is no memory for it.
 */
CORDON_MUST_USE bool http_target_decode(struct buffer *out, struct slice part, bool plus_is_space);

/*
 * The value of a name in a target's query string, decoded, appended to `out`; `*out_found` false
 * if it is not there. False: it is malformed, or there is no memory for it.
 */
CORDON_MUST_USE bool http_target_parameter(
    struct slice target, const char *name, struct buffer *out, bool *out_found);

/* Reads decimal digits and nothing else, a number up to `most`. False: it is none. */
CORDON_MUST_USE bool http_read_number(struct slice text, uint64_t most, uint64_t *out_number);

#endif
