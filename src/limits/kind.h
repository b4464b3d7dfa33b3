/* Kinds of functions inside the library: the public enum, its count and its names. */
#ifndef LIMITS_KIND_H
#define LIMITS_KIND_H

#include <cordon/limits.h>

#include "base/slice.h"

enum { KIND_COUNT = CORDON_KIND_COUNT };

/* "query", "mutation", "action"; false for anything else. */
bool kind_parse(struct slice name, cordon_kind *out_kind);

/* "Query", "Mutation", "Action", as Convex's texts write them. Static. */
const char *kind_title(cordon_kind kind);

#endif
