/*
 * Looks for another process that keeps the server's data file from using its free pages again.
 *
 * `cordon backup` and `cordon verify` read a snapshot of the file beside the server, and LMDB gives
 * no page that the snapshot needs to anybody. One that stalls, or that somebody has stopped, so
 * makes the file grow by all that is written, until the disk is full. The server can't end the
 * snapshot of a process that lives: it says so, with the process and what to do, and by a metric.
 */
#ifndef RUN_PIN_WATCH_H
#define RUN_PIN_WATCH_H

#include "observe/log.h"
#include "observe/metrics.h"
#include "store/store.h"

/* From then on it is told, and again each hour. A backup of a large folder may take as long. */
#define PIN_WATCH_TOLD_NS ((uint64_t)600 * 1000000000)

/* All zeros: nothing was seen. Of one thread. */
struct pin_watch {
    uint32_t pid; /* 0: nobody */
    uint64_t snapshot;
    uint64_t since_ns; /* monotonic: when it was first seen */
    uint64_t tell_ns;
};

/*
 * Looks, and tells in the log, NULL for none, what is to be told. `now_ns` is monotonic. Returns
 * for how long the oldest snapshot of another process has been seen, in seconds; 0: there is none,
 * or it is new.
 */
uint64_t pin_watch_look(
    struct pin_watch *watch, struct store *store, struct log *log, uint64_t now_ns);

#endif
