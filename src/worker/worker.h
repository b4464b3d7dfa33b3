/*
 * The parts of cordon-compile: the keeper, which lives as long as the program that spawned it, the
 * starter, which does too unless somebody kills it, and the worker, which lives for one module.
 * engine/keeper.h has the picture, engine/protocol.h what they say.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "base/error.h"

/*
 * Sanitizers map terabytes before main(), so that a worker built with one has no limit on its
 * address space. Nothing else differs.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORKER_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WORKER_IS_SANITIZED 1
#endif
#endif
#ifndef WORKER_IS_SANITIZED
#define WORKER_IS_SANITIZED 0
#endif

/*
 * Forks starters, one after the other, until the program at the other end of STARTER_FD_SOCKET is
 * gone. Returns in the keeper and in each starter, with its exit code.
 */
CORDON_MUST_USE int keeper_run(void);

/* How a starter ends by itself; anything else is its death. */
enum starter_exit {
    STARTER_EXIT_DONE = 0,  /* the program is gone */
    STARTER_EXIT_ALONE = 2, /* there was none to say hello to */
};

/* How a starter ended. */
struct starter_end {
    int code;
    unsigned signal; /* 0: by itself, with the code */
};

/*
 * Serves requests until that program is gone. `before` tells how the starter before this one died;
 * NULL: this is the first. One of enum starter_exit.
 */
CORDON_MUST_USE int starter_run(const struct starter_end *before);

/* Compiles the module in WORKER_FD_MODULE into WORKER_FD_ARTIFACT. One of enum worker_exit. */
CORDON_MUST_USE int worker_run(void);

/*
 * Gives up every right but to take memory, to read the module, to write the artifact and to end:
 * any other system call ends the process. False: this kernel can't do that.
 */
CORDON_MUST_USE bool confine(void);

/* From now on an allocation that fails ends the process with WORKER_EXIT_MEMORY. */
void allocation_must_succeed(void);

#endif
