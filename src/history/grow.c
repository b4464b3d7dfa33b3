/* Arrays that double; see grow.h. */
#include "history/grow.h"

#include <string.h>

static cordon_error *too_many(void)
{
    return cordon_error_new(
        CORDON_E_TOO_LARGE, "the history has more than 2^32 of one thing; check it in parts");
}

cordon_error *grow_array(
    struct account *account,
    void *array,
    size_t *capacity,
    size_t count,
    size_t more,
    size_t item_size)
{
    if (more <= *capacity - count) {
        return NULL;
    }
    if (more > GROW_ITEMS_MAX - count) {
        return too_many();
    }
    size_t wanted = *capacity < 32 ? 32 : *capacity;
    while (wanted < count + more) {
        wanted *= 2;
    }
    void *old = NULL;
    memcpy((void *)&old, array, sizeof old);
    void *grown = account_realloc(account, old, *capacity * item_size, wanted * item_size);
    if (grown == NULL) {
        return account_error(account);
    }
    memcpy(array, (const void *)&grown, sizeof grown);
    *capacity = wanted;
    return NULL;
}

cordon_error *grow_exact(struct account *account, void *out_array, size_t count, size_t item_size)
{
    if (count > 2 * GROW_ITEMS_MAX) {
        return too_many();
    }
    const size_t size = (count == 0 ? 1 : count) * item_size;
    void *array = account_realloc(account, NULL, 0, size);
    if (array == NULL) {
        return account_error(account);
    }
    memset(array, 0, size);
    memcpy(out_array, (const void *)&array, sizeof array);
    return NULL;
}
