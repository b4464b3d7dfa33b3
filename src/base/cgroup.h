/*
 * The control groups that this process is in, as a service manager or a container makes them: what
 * they allow, which may be less than the machine has.
 */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdint.h>

/*
 * The least memory that this process's group, or one above it, may have, in bytes; UINT64_MAX where
 * none is bounded, or none can be seen. Of either version of control groups. `root` stands before
 * all paths: "". Any thread.
 */
uint64_t cgroup_memory_bytes(const char *root);

/* The least processor time, in thousandths of a processor, so; 0 for less than one of them. */
uint64_t cgroup_processors_milli(const char *root);

#endif
