/* Arrays that double, paid for by an account. */
#ifndef HISTORY_GROW_H
#define HISTORY_GROW_H

#include "base/account.h"

/* The most that an array may hold: what counts them is a uint32_t, and the last one means none. */
#define GROW_ITEMS_MAX ((size_t)UINT32_MAX - 1)

/*
 * Room for `more` items behind `count` ones, in an array that may move. `array` is the address of
 * the pointer to it, of whatever type. What is new is not written to. Errors: CORDON_E_TOO_LARGE
 * (the account is full, or too many items), CORDON_E_NO_MEMORY; nothing has changed then.
 */
CORDON_MUST_USE cordon_error *grow_array(
    struct account *account,
    void *array,
    size_t *capacity,
    size_t count,
    size_t more,
    size_t item_size);

#define GROW(account, array, capacity, count, more)                                                \
    grow_array((account), (array), (capacity), (count), (more), sizeof **(array))

/* An array of exactly `count` zeros. Errors as above. */
CORDON_MUST_USE cordon_error *grow_exact(
    struct account *account, void *out_array, size_t count, size_t item_size);

#define GROW_EXACT(account, out_array, count)                                                      \
    grow_exact((account), (out_array), (count), sizeof **(out_array))

/* Frees what grow_exact() made. */
#define GROW_FREE(account, array, count)                                                           \
    account_free((account), (array), ((count) == 0 ? 1 : (count)) * sizeof *(array))

#endif
