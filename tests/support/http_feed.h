/* Bytes for the parser of requests, in pieces. */
#ifndef SUPPORT_HTTP_FEED_H
#define SUPPORT_HTTP_FEED_H

#include "http/parse.h"

/* Feeds up to the end of one request or a refusal; what is left stays in `*rest`. */
static inline enum http_parsed http_feed(
    struct http_parser *parser, struct slice *rest, size_t piece)
{
    enum http_parsed parsed = HTTP_MORE;
    while (rest->size > 0 && parsed != HTTP_COMPLETE && parsed != HTTP_REFUSED) {
        size_t used = 0;
        parsed = http_parser_feed(
            parser, slice_of(rest->data, piece < rest->size ? piece : rest->size), &used);
        *rest = slice_from(*rest, used);
    }
    return parsed;
}

#endif
