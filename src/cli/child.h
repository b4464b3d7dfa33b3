/*
 * Programs that the command runs beside itself. Each is in a process group of its own, so that
 * Ctrl-C reaches this program alone, which then ends them in order; and each is ended by the kernel
 * should this program end in any other way, kill -9 included.
 */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <sys/types.h>

#include "cli/cli.h"

struct child {
    pid_t pid;  /* 0: none runs */
    int output; /* its stdout and stderr, where they are caught; else -1. Reading does not wait */
    int errors;
};

/* None. */
#define CHILD_NONE {.output = -1, .errors = -1}

struct child_program {
    const char *path;         /* as execvp() takes it; NULL: this very program */
    const char *const *words; /* its arguments, the program's name first; NULL ends them */
    const char *folder;       /* that it runs in; NULL: this one */
    const char *admin_key;    /* its $CORDON_ADMIN_KEY; NULL: it has none */
    bool catches_output;      /* what is not caught goes to where ours goes */
    bool catches_errors;
};

/* Starts a program, without input. 0, or CLI_MACHINE after having said why it cannot. */
int child_start(const struct child_program *program, struct child *out_child);

/*
 * Whether the program has ended; then what waitpid() says of it, and it runs no longer. What was
 * caught of it may still be read.
 */
bool child_has_ended(struct child *child, int *out_status);

/* Sends a signal to it and all that it has started. Nothing if none runs. */
void child_signal(const struct child *child, int signal_number);

/* Closes what it was caught by. It must not run any more. */
void child_done(struct child *child);

#endif
