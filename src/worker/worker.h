/*
 * The parts of cordon-compile: the starter, which lives as long as the program that spawned it, and
 * the worker, which lives for one module. engine/compiler.h has the picture, engine/protocol.h
 * what they say.
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

/* Serves requests until the program at the other end of STARTER_FD_SOCKET is gone. Exit code. */
CORDON_MUST_USE int starter_run(void);

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
