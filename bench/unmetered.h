/*
 * Metering off, to measure what it costs. Nothing in Cordon can switch it off: no option, no
 * setting. So the linker does it, in the one program that is linked with this file: it sends the
 * engine's calls that make and count fuel through here (--wrap, see CMakeLists.txt). All else is
 * our engine as it always is: the same settings, pool, fibers and gate.
 *
 * An engine made while metering is off compiles code without a counter. It refuses code that was
 * compiled with one, and the other way round, as an engine compares such settings itself.
 */
#ifndef BENCH_UNMETERED_H
#define BENCH_UNMETERED_H

enum metering {
    METERING_ON,
    /* Fuel is counted, but a run is one slice. For engines that were made with METERING_ON. */
    METERING_UNSLICED,
    METERING_OFF,
};

/*
 * Sets how engines are made, and how runs begin, from now on; METERING_ON at first. A run must end
 * under the setting it began with, and begin under that of its engine. One thread.
 */
void metering_set(enum metering metering);

#endif
