/*
 * The rows of the last deploys of a tenant, inside a transaction: which there are, which of them
 * holds, and how one more takes its place. What is in a row is the business of deploy_rows.c.
 */
#ifndef RUN_DEPLOY_HISTORY_H
#define RUN_DEPLOY_HISTORY_H

#include "run/await.h"
#include "run/deploy/deploy_rows.h"

struct deploy_history_row {
    uint64_t number;
    struct slice text;
};

struct deploy_history {
    uint64_t current; /* the number that holds; 0: nothing was ever deployed */
    struct deploy_history_row rows[DEPLOYS_KEPT]; /* by number; texts live in an arena */
    size_t count;
    bool is_unnumbered; /* there is one alone, and no numbered row of it */
};

/* A row of KEYSPACE_MODULE, copied into the arena; an empty slice if there is none. */
CORDON_MUST_USE cordon_error *deploy_row_get(
    struct rows *rows, struct slice key, struct arena *arena, struct slice *out_value);

/* Errors: CORDON_E_STORE for rows that cannot be, those of the arena and of the store. */
CORDON_MUST_USE cordon_error *deploy_history_read(
    struct rows *rows, struct arena *arena, struct deploy_history *out_history);

/* The highest number; 0: there is none. */
uint64_t deploy_history_newest(const struct deploy_history *history);

/* Errors: CORDON_E_NOT_FOUND, naming those that there are. `*out_text` lives in the arena. */
CORDON_MUST_USE cordon_error *deploy_history_find(
    const struct deploy_history *history, uint64_t number, struct slice *out_text);

/*
 * Makes `text`, which is borrowed as long as the history, what holds, under a number that is there
 * or one more than the highest; the oldest goes where there is no room.
 */
CORDON_MUST_USE cordon_error *deploy_history_put(
    struct rows *rows, struct deploy_history *history, uint64_t number, struct slice text);

#endif
