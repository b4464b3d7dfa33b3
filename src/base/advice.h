/*
 * What a failed call of the operating system means for who runs the program: what to do, behind the
 * words for its code.
 */
#ifndef BASE_ADVICE_H
#define BASE_ADVICE_H

/* "; " and what to do about that code. Static; never empty. Any thread. */
const char *advice_on(int code);

#endif
