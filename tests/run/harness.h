/*
 * What the tests of runs share: a runner over a memory store, perhaps with a delay before each
 * answer, the guests of tests/guests in it, and a call that polls until it is done.
 */
#ifndef RUN_HARNESS_H
#define RUN_HARNESS_H

#include "run/run.h"
#include "store/delay.h"
#include "store/fault.h"

#include <pthread.h>

enum { HARNESS_GUESTS_MAX = 16 };

struct harness {
    struct store *store;
    struct metrics *metrics;
    struct runner *runner;
    const char *names[HARNESS_GUESTS_MAX];
    struct slice modules[HARNESS_GUESTS_MAX]; /* the guests' bytes, for records */
    size_t module_count;
};

struct harness_options {
    const char *guests[HARNESS_GUESTS_MAX]; /* names of modules; the first NULL ends them */
    unsigned delay_ms;                      /* 0: no delaying store */
    uint64_t window_ms;                     /* 0: the store's default */
    bool flusher; /* commits are made durable by a thread, so that they are pending */
    bool faulty;  /* the store is one of store/fault.h */
    struct limit_changes limits;
    uint32_t permits;         /* 0: 4 */
    uint32_t processors;      /* 0: as many as there are */
    uint64_t short_run_ns;    /* 0: the runner's default */
    uint32_t slots;           /* 0: 64 */
    uint64_t turns_ns;        /* 0: 300 s */
    uint64_t memory_bytes;    /* 0: 4 GiB */
    uint64_t queue_target_ns; /* 0: the runner's default */
    uint64_t queue_interval_ns;
    const char *record_folder;
    const char *const *record_functions;
    size_t record_function_count;
    uint32_t replay_sample; /* of REPLAY_SAMPLE_ALL */
};

/* Stops the test on any error. */
void harness_open(struct harness *harness, const struct harness_options *options);
/* Deploys the same guests for another tenant; which is made. */
void harness_deploy(struct harness *harness, uint32_t tenant);
void harness_add_tenant(struct harness *harness, uint32_t number);

void harness_close(struct harness *harness); /* asserts that every count is at rest */

/* The bytes of a guest; freed by mem_free(). Stops the test if it is missing. */
struct slice harness_read_guest(const char *name);

/* Stops the test with the words of an error. */
void assert_good(cordon_error *error);

/* Sets a limit in a set of changes. */
void change(struct limit_changes *changes, cordon_limit limit, uint64_t value);

/* A run and the way to wait for it. */
struct called {
    struct run *run;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
};

void called_begin(
    struct called *called, struct harness *harness, const struct run_request *request);

/* Polls once and says how it stands. */
enum run_state called_poll(struct called *called);

/* Waits for the wake or the time the run named. */
void called_wait(struct called *called);

/* Polls and waits to the end. */
const struct outcome *called_finish(struct called *called);

void called_end(struct called *called);

/* A request for a public function with one object as arguments. */
struct run_request request_of(const char *path, const char *args);

/* Calls to the end; the outcome lives until called_end(). */
const struct outcome *call(
    struct called *called, struct harness *harness, const char *path, const char *args);

#endif
