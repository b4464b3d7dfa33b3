/*
 * A matcher of patterns that goes back to try again, with the pattern and the text for which that
 * takes twice as long with each letter: (a?) n times, then a n times, against a n times.
 */
#include "attacks.h"

enum { LETTERS_MAX = 64 };

/* `maybe` letters that may be there, then `sure` ones that must be, against `left` of them. */
static bool matches(int maybe, int sure, int left)
{
    if (maybe > 0) {
        return (left > 0 && matches(maybe - 1, sure, left - 1)) || matches(maybe - 1, sure, left);
    }
    return sure == left;
}

cordon_value *pattern_match(void)
{
    const int n = (int)attack_size();
    return cordon_boolean(matches(n < LETTERS_MAX ? n : LETTERS_MAX, n, n));
}
