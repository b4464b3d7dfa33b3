/* Holding arguments, results and documents against what is declared of them. */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include "store/store.h"
#include "value/validator.h"

/* Names of tables that validators of ids have asked for; each is asked of the store once. */
struct check_table {
    struct check_table *next;
    uint32_t number;
    bool found;
    struct slice name;
};

struct checker {
    struct store_txn *txn; /* answers which table a number is of */
    struct arena *arena;   /* the names live here */
    struct check_table *tables;
    cordon_error *error; /* of a lookup, on its way out */
    uint64_t steps;      /* that the last check took */
};

enum check_verdict { CHECK_GOOD, CHECK_BAD, CHECK_PENDING };

/*
 * Checks a value. On CHECK_BAD the words are in `message`; after CHECK_PENDING the same call is
 * made again after the wake of the transaction. Errors: those of the store and of
 * validator_check().
 */
CORDON_MUST_USE cordon_error *check_value(
    struct checker *checker,
    const struct validator *validator,
    const struct value *value,
    struct buffer *message,
    enum check_verdict *out_verdict);

#endif
