/*
 * Programs that end themselves as C programs do, if `n` is 0: abort, a failed assertion, after a
 * write.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "attacks.h"

cordon_value *abort_aborts(void)
{
    if (attack_size() == 0) {
        (void)fputs("going down\n", stderr);
        abort();
    }
    return cordon_number(1);
}

cordon_value *abort_asserts(void)
{
    assert(attack_size() != 0);
    return cordon_number(1);
}

cordon_value *abort_after_write(void)
{
    (void)cordon_db_insert("c_abort", cordon_object());
    if (attack_size() == 0) {
        abort();
    }
    return cordon_number((double)cordon_count(cordon_db_list("c_abort")));
}
