/*
 * Memory by the allocator of the C library and by values of the SDK: so many MiB, or so many
 * values.
 */
#include <stdlib.h>
#include <string.h>

#include "attacks.h"

#define MIB ((size_t)1 << 20)

/* Each block is used, so that nothing of it is there in name only. */
cordon_value *hoard_blocks(void)
{
    double blocks = 0;
    while (blocks < attack_size()) {
        char *volatile block = malloc(MIB); /* volatile: the compiler must not do without it */
        if (block == NULL) {
            abort();
        }
        memset(block, 1, MIB);
        blocks++;
    }
    return cordon_number(blocks);
}

cordon_value *hoard_values(void)
{
    cordon_value *array = cordon_array();
    for (double i = 0; i < attack_size(); i++) {
        cordon_push(array, cordon_number(i));
    }
    return cordon_number((double)cordon_count(array));
}
