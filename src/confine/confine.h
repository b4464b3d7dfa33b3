/*
 * A process that gives up, for good, what it will not need: so that whoever gets out of a guest, or
 * into the parser of a request, finds no more than a server that already serves has use for.
 *
 * Three things of the kernel, each for all threads and for what they start from then on:
 *   no new privileges    programs with special rights give none
 *   Landlock             files are reached below the paths named here alone, each as is said there
 *   seccomp              a list of calls, with no program run, no process made, no socket opened,
 *                        and no memory that can be both written and run
 *
 * What the process has open stays open: sockets that listen, the store's files, the sockets to
 * processes that were started before and are not confined by this.
 */
#ifndef CONFINE_CONFINE_H
#define CONFINE_CONFINE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum confine_access {
    CONFINE_READ,   /* what is there is read */
    CONFINE_APPEND, /* files are made, written and read, and none is removed */
    CONFINE_UNLINK, /* files are removed */
    CONFINE_CHANGE, /* files and folders are made, read, written, renamed and removed */
};

/* A folder and all below it, or a file. One that is not there is passed over. */
struct confine_path {
    const char *path;
    enum confine_access access;
};

struct confine_options {
    const struct confine_path *paths;
    size_t path_count;
    bool hide; /* no core dump, and no other process of this user looks into this one */
};

/* What was applied, and in words what was not; `missing` is "" if all was. */
struct confine_report {
    bool no_new_privileges;
    int landlock; /* its version, 0: not applied */
    bool seccomp;
    char missing[768];
};

/*
 * Confines the process. What the kernel does not have is in the report, and no error. One thread at
 * a time, once in the life of a process; more narrows it further. Errors: CORDON_E_NO_MEMORY, and
 * CORDON_E_SYSTEM of everywhere_call(): some of it may be applied then.
 */
CORDON_MUST_USE cordon_error *confine_process(
    const struct confine_options *options, struct confine_report *out_report);

/* -- The parts ------------------------------------------------------------------------------ */

/* What a thread takes: the ruleset of Landlock, or none, and what came of it in all threads. */
#define CONFINE_NO_RULESET (-1)

/* Whose rules. They hold back all that the kernel's version can, but for what is said here. */
enum landlock_of {
    LANDLOCK_OF_SERVER,  /* ends the keeper of compile workers by a signal */
    LANDLOCK_OF_FETCHER, /* connects to wherever */
};

/*
 * Makes the rules. `*out_ruleset` is a descriptor of the caller's, or CONFINE_NO_RULESET where the
 * kernel has no Landlock; then `*out_failed` is its errno. `*out_version` is Landlock's.
 */
void landlock_make(
    const struct confine_path *paths,
    size_t path_count,
    enum landlock_of whose,
    int *out_ruleset,
    int *out_version,
    int *out_failed);

/* Room for what it says. */
#define LANDLOCK_WORDS_BYTES 256

/*
 * What the Landlock of a version cannot hold back, of what newer ones can, in words; "" if that is
 * nothing, or where there is no Landlock at all (0).
 */
void landlock_lacks(int version, enum landlock_of whose, char out_words[LANDLOCK_WORDS_BYTES]);

/* Has the calling thread follow the rules; errno, or 0. As a signal handler may. */
int landlock_restrict(int ruleset);

/* Loads the list of calls for all threads; errno, or 0. */
int syscalls_restrict(void);

#endif
