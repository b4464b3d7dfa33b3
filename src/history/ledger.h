/*
 * Who wrote what and who read it: the first half of a check, before anything is put in order.
 *
 * Every write makes a *version* of its key, also a removal; beside them each key has an initial
 * one, the empty list or no value. What was undone is a version that is part of no order. A
 * *reading* says which version a transaction found that others had left: what it wrote itself is
 * taken off and compared. What is wrong with a single read is found here, too: aborted, undone and
 * intermediate writes, values from nowhere, lists that contradict each other. A read that only says
 * what was not there, as a miss does, or one without a value where some are removed, is a *vague*
 * one: of which version it was, only the order of timestamps can say (predicates.h).
 *
 * A transaction is *present* if it took place: it was committed, or its outcome is unknown and
 * somebody present has read what it wrote. Of the others nothing counts but that they are not seen.
 */
#ifndef HISTORY_LEDGER_H
#define HISTORY_LEDGER_H

#include "history/lookup.h"
#include "history/report.h"

#define LEDGER_NONE UINT32_MAX

enum ledger_version_kind { LEDGER_VALUE, LEDGER_REMOVED, LEDGER_UNDONE };

struct ledger_version {
    enum ledger_version_kind kind;
    uint64_t value;
    uint32_t key;
    uint32_t writer;   /* LEDGER_NONE: the initial one */
    uint32_t next_own; /* the next version of this key by the same writer, or LEDGER_NONE */
    uint32_t place;    /* in its list, from 1; 0: no read shows it, or the initial one */
};

struct ledger_key {
    uint64_t name;
    bool is_list;
    bool is_removed; /* by some transaction */
    uint32_t initial;
    /* The longest list that others left behind: who read it, by which operation, how long. */
    uint32_t longest_reader;
    uint32_t longest_count;
    size_t longest_op;
    uint32_t order; /* in the ledger's `order`, the first of `longest_count` versions */
    /* Of the transaction that is being walked through. */
    uint32_t walker; /* who that is, plus one */
    uint32_t own_first;
    uint32_t own_last;
    uint32_t own_count;
    uint32_t found; /* LEDGER_NONE: it has read nothing */
};

struct ledger_reading {
    uint32_t txn;
    uint32_t version;
};

/* A read by one transaction that does not name a version. */
struct ledger_vague {
    uint32_t txn;
    uint32_t key;
    size_t op;
};

struct ledger {
    const struct history *history;
    struct account *account;
    struct history_report *report;
    struct lookup key_places;
    struct lookup version_places; /* by key and value */
    struct ledger_key *keys;
    size_t key_count;
    size_t key_capacity;
    struct ledger_version *versions;
    size_t version_count;
    size_t version_capacity;
    uint32_t *order; /* versions of lists, in their order */
    size_t order_count;
    size_t order_capacity;
    /* Of each operation: what was written, or how many items of a list others had left. */
    uint32_t *notes;
    uint32_t *key_of; /* of each operation */
    bool *present;
    struct ledger_reading *readings;
    size_t reading_count;
    size_t reading_capacity;
    /* A register was read and then written by one transaction: `txn` overwrote `version`. */
    struct ledger_reading *overwritings;
    size_t overwriting_count;
    size_t overwriting_capacity;
    struct ledger_vague *vagues;
    size_t vague_count;
    size_t vague_capacity;
};

/*
 * Fills in all of it; what is wrong goes into the report. All are borrowed for the ledger's life.
 * Errors: CORDON_E_INVALID for a history that cannot be checked (a value written twice to a key, a
 * key that is list and register, a transaction that ends before it begins); CORDON_E_TOO_LARGE,
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *ledger_fill(
    struct ledger *ledger,
    const struct history *history,
    struct account *account,
    struct history_report *report);
void ledger_done(struct ledger *ledger);

/* Whether a vague read may have been of this version. */
bool ledger_fits(const struct history_op *op, const struct ledger_version *version);

/* Whether a version is the last that its writer made of its key. */
static inline bool ledger_is_last(const struct ledger_version *version)
{
    return version->next_own == LEDGER_NONE;
}

#endif
