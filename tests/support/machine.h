/*
 * A machine that fails, for tests: what the program, LMDB and libuv ask of the kernel, and what the
 * program asks of LMDB, passes through here, and the nth of these calls fails.
 *
 * This is a shared library that stands before the C library and LMDB, and its functions have their
 * names. Until it is armed it passes everything on. The program itself has no hook for it.
 *
 * Not failed are calls that a working kernel does not fail, or whose failure the one who asks
 * cannot answer: closing, the C library's own, unmapping, mapping without a file (the allocator's
 * and the engine's), the engine's own draws of randomness, epoll and writes to an eventfd (libuv
 * stops the process there; see its uv__io_poll and uv__async_send).
 */
#ifndef SUPPORT_MACHINE_H
#define SUPPORT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum machine_fault {
    MACHINE_REFUSES,    /* the call fails with a code that it may have */
    MACHINE_INTERRUPTS, /* a call that a signal may interrupt is, before it did anything */
    MACHINE_CUTS,       /* a call that transfers more than a byte transfers half */
};

/*
 * From here on the nth call to which this can happen fails, 1 being the next; the ones after it
 * pass. `*name` is set to the call's name before that; it is borrowed until machine_disarm(), and
 * the name is a literal of this library. Any thread may call; those that have been spared are not
 * seen.
 */
void machine_arm(enum machine_fault fault, uint64_t nth, const char *_Atomic *name);

/* Ends it. Returns how many calls there were to which it could have happened. */
uint64_t machine_disarm(void);

/* Whether what this thread calls is the test's own, from here on. */
void machine_spare_thread(bool is_spared);

#endif
