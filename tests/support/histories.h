/*
 * Histories for tests of the checker: correct ones, made by doing transactions one after the other
 * and giving them times that overlap; changes that leave a history correct; and anomalies that are
 * planted into one. Everything follows from a seed.
 */
#ifndef SUPPORT_HISTORIES_H
#define SUPPORT_HISTORIES_H

#include "base/random.h"
#include "history/report.h"

struct histories {
    struct random_stream random;
    uint64_t next_value;
    uint64_t next_key; /* for what is planted: a key of its own */
};

void histories_init(struct histories *histories, uint64_t seed);

/* A number below `below`. */
uint64_t histories_draw(struct histories *histories, uint64_t below);

/*
 * Adds a correct history of `count` transactions by `processes` clients that work at the same time.
 * Some are aborted, and of some the outcome is unknown. Half of all histories have timestamps.
 */
void histories_make(
    struct histories *histories, struct history *history, size_t count, size_t processes);

/* Ways to change a history so that it stays correct. */
enum histories_change {
    CHANGE_ORDER,    /* of the transactions in it */
    CHANGE_TIMES,    /* began earlier, answered later */
    CHANGE_NAMES,    /* of keys and values */
    CHANGE_READS,    /* some are left out */
    CHANGE_OUTCOMES, /* committed becomes unknown */
    CHANGE_COUNT
};
void histories_change(
    struct histories *histories, struct history *history, enum histories_change change);

/*
 * Adds transactions that make up one anomaly, somewhere among the others in time. Returns how often
 * it is then to be found; `*also` is set to an anomaly that such a history has of necessity, too,
 * or to HISTORY_ANOMALY_COUNT.
 */
void histories_plant(
    struct histories *histories,
    struct history *history,
    enum history_anomaly anomaly,
    enum history_anomaly *also);

#endif
