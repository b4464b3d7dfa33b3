/* What the files of this folder have in common: functions, and the number they are called with. */
#ifndef ATTACKS_H
#define ATTACKS_H

#include "cordon.h"

static inline double attack_size(void)
{
    return cordon_to_number(cordon_get(cordon_args(), "n"));
}

cordon_value *hoard_blocks(void);
cordon_value *hoard_values(void);
cordon_value *deep_calls(void);
cordon_value *deep_walk(void);
cordon_value *deep_arrays(void);
cordon_value *pattern_match(void);
cordon_value *abort_aborts(void);
cordon_value *abort_asserts(void);
cordon_value *abort_after_write(void);
cordon_value *clock_seconds(void);

#endif
