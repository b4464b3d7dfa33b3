/*
 * Writing to a pipe or a socket whose reader has gone is an error that is returned, and a signal
 * that ends the process. A library may not ignore the signal for its whole process, so it is
 * blocked on the threads that write, and taken away there before it is let through again.
 */
#ifndef BASE_PIPE_SIGNAL_H
#define BASE_PIPE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

/* On this thread, and those it starts from now on. False: nothing has changed. */
bool pipe_signal_block(sigset_t *out_before);

/* Undoes that on the same thread; `may_have_come`: a write may have failed meanwhile. */
void pipe_signal_unblock(const sigset_t *before, bool may_have_come);

#endif
