/*
 * The engine's signal handlers under cmocka.
 *
 * Traps of guests are signals. The engine installs its handlers once, with the first engine of the
 * process; cmocka sets its own before each test and the default ones after it. So a test that
 * runs guests calls engine_signals_restore() whenever it has made an engine (or a runtime).
 */
#ifndef SUPPORT_SIGNALS_H
#define SUPPORT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* The first call of the process keeps the handlers that are there, later ones bring them back. */
static inline void engine_signals_restore(void)
{
    static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS};
    enum { COUNT = sizeof signals / sizeof signals[0] };
    static struct sigaction kept[COUNT];
    static bool are_kept;
    for (size_t i = 0; i < COUNT; i++) {
        (void)sigaction(signals[i], are_kept ? &kept[i] : NULL, are_kept ? NULL : &kept[i]);
    }
    are_kept = true;
}

#endif
