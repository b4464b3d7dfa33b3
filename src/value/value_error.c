/* Refusals of the data model; see value_error.h. */
#include "value/value_error.h"

#include "value/value.h"

cordon_error *value_too_large(size_t size, size_t size_max)
{
    char size_text[VALUE_SIZE_TEXT_BYTES];
    char max_text[VALUE_SIZE_TEXT_BYTES];
    value_size_text(size, size_text);
    value_size_text(size_max, max_text);
    return cordon_error_new(
        CORDON_E_VALUE_TOO_LARGE, "Value is too large (%s > maximum size %s)", size_text, max_text);
}

cordon_error *value_too_nested(unsigned nesting, unsigned nesting_max)
{
    return cordon_error_new(
        CORDON_E_TOO_NESTED, "Value is too nested (nested %u levels deep > maximum nesting %u)",
        nesting, nesting_max);
}

cordon_error *value_too_many_fields(size_t count)
{
    return cordon_error_new(
        CORDON_E_TOO_MANY_FIELDS, "Object has too many fields (%zu > maximum number %d)", count,
        VALUE_OBJECT_FIELDS_MAX);
}
