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

/* Allows a call where one argument, numbered from 0, is one of these values under a mask. */
int rules_allow_if(
    void *filter, int call, unsigned argument, uint64_t mask, const uint64_t *values, size_t count);

#define RULES_WHOLE UINT64_MAX

/* One rule for each of these calls, with any arguments. */
int rules_add(void *filter, uint32_t action, const int *calls, size_t count);

/*
 * Allows what all need, and has what nobody needs end the process. No other process is reached by
 * what is allowed, with one exception: sendmsg() names its destination in memory, which no list
 * sees, so whoever has a Unix socket for datagrams can send to any such socket that its user may
 * write to. Those with abstract names Landlock keeps out of reach, from its version 6 on.
 */
int rules_add_common(void *filter);

#endif
