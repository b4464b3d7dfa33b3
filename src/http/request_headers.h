/*
 * What headers of a request mean that say whom it is for and which request it is. Pure.
 */
#ifndef HTTP_REQUEST_HEADERS_H
#define HTTP_REQUEST_HEADERS_H

#include "base/slice.h"

/*
 * True if the Host header names this server: loopback addresses and `localhost` with any port, or
 * one of `names` exactly. A request without one (HTTP/1.0) is for nobody.
 */
bool http_host_accepted(struct slice host, const char *const *names, size_t name_count);

/* What a Host header names, without the port. Borrows from it. */
struct slice http_host_name(struct slice host);

/* A client's request id is taken if it is short and plain; it is never a secret or a seed. */
bool http_request_id_accepted(struct slice id);

/*
 * The part of a `traceparent` (W3C Trace Context) that every version has: version, trace, parent
 * and flags. Empty for what is none. Borrows.
 */
struct slice http_traceparent(struct slice header);

#endif
