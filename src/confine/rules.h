/*
 * What the lists of system calls of our processes have in common: what every one of them needs, and
 * what only somebody would try who has taken it over. Each adds what is its own.
 *
 * `filter` is a scmp_filter_ctx of the caller's. Results are libseccomp's: 0, or a negative errno.
 */
#ifndef CONFINE_RULES_H
#define CONFINE_RULES_H

#include <stddef.h>
#include <stdint.h>

/* One rule for each of these calls, with any arguments. */
int rules_add(void *filter, uint32_t action, const int *calls, size_t count);

/* Allows what all need, and has the rest end the process. */
int rules_add_common(void *filter);

#endif
