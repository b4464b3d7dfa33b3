/*
 * The lines of a request's head, held to RFC 9112 more strictly than llhttp does: each ends with CR
 * LF, and each but the first begins with a header's name. llhttp takes a lone LF for the end of the
 * head, a line that begins with a space for more of the header before it, and a header without a
 * name for one that says nothing. Another server on the way may read each of them as something
 * else, and then two servers see different requests in the same bytes.
 *
 * Pure: bytes go in, however they are cut.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/slice.h"

/* Zero at the start of a request. */
struct head_lines {
    bool begun;    /* its first letter has come; empty lines before it are none of it */
    bool at_start; /* of a line that is not the first */
    bool is_last;  /* this line is empty */
    bool after_cr; /* the last byte was CR */
    bool over;     /* what follows is no head */
};

/* Reads on, up to the end of the head; false: it is none. What comes after it is not looked at. */
bool head_lines_feed(struct head_lines *lines, struct slice bytes);

#endif
