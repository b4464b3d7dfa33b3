/*
 * Memory that a burst of calls has left is given back to the system: allocation is the program's
 * business, and no library's. Left to itself, the C library takes the first large block that is
 * freed for a sign of more to come, and keeps up to 64 MiB for each of its arenas from then on;
 * and of what lies between blocks that live on, it gives back nothing by itself.
 */
#ifndef CLI_GIVE_BACK_H
#define CLI_GIVE_BACK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <cordon/runtime.h>

struct give_back {
    cordon_runtime *runtime; /* borrowed */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ends; /* guarded by the lock */
};

/* How large blocks are kept. Before there are threads. */
void give_back_configure(void);

/* Starts the thread that looks now and then; without it there is less given back. */
void give_back_start(struct give_back *give_back);
void give_back_end(struct give_back *give_back);

#endif
