/*
 * Telling people what they may have meant: for flags, commands, limits, keys of files, wherever a
 * name comes from a person and must be one of a known set.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/slice.h"

/*
 * The index of the name nearest to `name`, or `count` if none is near: at most a third of its
 * letters may differ (but always one, of names of two letters or more), a letter left out, added,
 * changed or swapped with its neighbour counting as one. Of equally near ones the first.
 */
size_t nearest_name(struct slice name, const char *const *names, size_t count);

#endif
