/*
 * One turn of a run on another thread: what is handed to the threads that poll runs which compute
 * (http/compute.c), and comes back from them.
 */
#ifndef RUN_TURN_H
#define RUN_TURN_H

#include "run/run.h"

struct turn {
    struct turn *next;           /* guarded by the lock of who has it */
    struct run *run;             /* not to be touched by others until it is back */
    enum run_state state;        /* what run_poll() said */
    void (*worked)(void *owner); /* it is back; called on the other thread */
    void *owner;
};

#endif
