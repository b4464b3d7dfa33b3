/*
 * What is wrong with a query: a code and words that the guest is refused with, Convex's where it
 * has them. The words of InvalidArgument come behind the name of the argument and of the call.
 * Functions of this layer return false with a fault.
 */
#ifndef QUERY_FAULT_H
#define QUERY_FAULT_H

#include "value/value.h"

#define QUERY_FAULT_BYTES 3072

struct query_fault {
    const char *code;             /* static; NULL: there is no memory, or none for this run */
    char text[QUERY_FAULT_BYTES]; /* cut where it is longer */
};

/* Fills in a fault and returns false. */
CORDON_PRINTF(3, 4) bool query_fail(
    struct query_fault *fault, const char *code, const char *format, ...);

/* The arena of the query is full. */
bool query_fail_memory(struct query_fault *fault);

/* From an error about a value, which is freed. */
bool query_fail_error(struct query_fault *fault, cordon_error *error);

/* A value with its type for such words, `1 (type Int64)`, cut at a length that leaves room. */
#define QUERY_SHOWN_BYTES 320
struct query_shown {
    char text[QUERY_SHOWN_BYTES];
};
struct query_shown query_show(const struct value *value);

/* The same without its type. */
struct query_shown query_show_alone(const struct value *value);

#endif
