/*
 * Doing something in every thread of the process: what the kernel keeps for each thread alone, such
 * as the rights that a thread gives up, is otherwise kept by threads that were there before.
 *
 * Each thread is interrupted by a signal and makes the call in its handler; those that come
 * meanwhile are found by looking again. The signal is taken for the time of the call alone.
 */
#ifndef BASE_EVERYWHERE_H
#define BASE_EVERYWHERE_H

#include "base/error.h"

#include <signal.h>
#include <stdint.h>

/* Whoever blocks all signals in a thread leaves this one. */
#define EVERYWHERE_SIGNAL (SIGRTMAX - 1)

/*
 * Calls `call` once in each thread, the calling one included; it may do what a signal handler may.
 * `*out_missed` is the number of threads that did not make it within a second: they block the
 * signal. One at a time in a process. Errors: CORDON_E_SYSTEM if the threads can't be listed, or
 * the program uses the signal itself.
 */
CORDON_MUST_USE cordon_error *everywhere_call(
    void (*call)(void *arg), void *arg, uint32_t *out_missed);

#endif
