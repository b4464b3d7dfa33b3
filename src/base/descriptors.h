/*
 * Descriptors 0 to 2, which any code writes messages to. Where a program was started without them
 * the next file that is opened would get their numbers, and then those messages.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>

/*
 * For programs: opens /dev/null where they are not open, so that what is read or written there
 * fails as before. One thread.
 */
void descriptors_open_standard(void);

/* Which of them are held. */
struct descriptors_held {
    bool is_held[3];
};

/*
 * For the library, which leaves them as they are: keeps those that are not open from being given to
 * what is opened until they are released. Where there is no descriptor left nothing is held.
 */
void descriptors_hold(struct descriptors_held *out_held);
void descriptors_release(struct descriptors_held *held);

/* The same file by another number if that is one of these; `fd` itself where there is none. */
int descriptors_raise(int fd);

#endif
