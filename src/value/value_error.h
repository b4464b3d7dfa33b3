/*
 * The refusals of the data model that several files of this layer share, in Convex's words. Clients
 * and guests see them as they are.
 */
#ifndef VALUE_VALUE_ERROR_H
#define VALUE_VALUE_ERROR_H

#include "base/error.h"

CORDON_ALWAYS_ERROR cordon_error *value_too_large(size_t size, size_t size_max);
CORDON_ALWAYS_ERROR cordon_error *value_too_nested(unsigned nesting, unsigned nesting_max);
CORDON_ALWAYS_ERROR cordon_error *value_too_many_fields(size_t count);

#endif
