/*
 * Whether rows that speak of each other agree, in the state after one commit: names and numbers of
 * tables, each document in each enabled index exactly once, no index entry without its document.
 */
#ifndef UPKEEP_AGREEMENT_H
#define UPKEEP_AGREEMENT_H

#include "store/kv.h"

struct agreement {
    struct kv *kv; /* every row of it is sound by itself */
    uint64_t ts;   /* of the commit */
    void *arg;
    /* `key` is of the row that has no counterpart. Both are borrowed. */
    cordon_error *(*damage)(void *arg, struct slice key, const char *words);
    uint64_t tables;
    uint64_t documents;
    uint64_t entries;
};

/* Errors: those of the callback; CORDON_E_STORE for a row that cannot be read; no memory. */
CORDON_MUST_USE cordon_error *agreement_check(struct agreement *agreement);

#endif
