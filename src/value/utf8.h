/*
 * UTF-8, where bytes of unknown origin become text: what a guest printed, what a peer sent. Strict
 * as RFC 3629 is: shortest forms only, no surrogates, nothing above U+10FFFF.
 */
#ifndef VALUE_UTF8_H
#define VALUE_UTF8_H

#include "base/slice.h"

/*
 * The character that `text` begins with. Returns its bytes, 1 to 4, and writes the code point; an
 * ill-formed sequence gives 0 and `*out_skip`, the bytes that a decoder replaces by one U+FFFD.
 * `text` must not be empty.
 */
size_t utf8_decode(struct slice text, uint32_t *out_code_point, size_t *out_skip);

/* True if the whole text is well formed. */
bool utf8_valid(struct slice text);

/* The longest beginning of at most `size_max` bytes that does not cut a character in two. */
struct slice utf8_cut(struct slice text, size_t size_max);

#endif
