/* The limit table and the names of kinds, from the X-macro in cordon/limits.h. */
#include "limits/kind.h"

#include <string.h>

static const cordon_limit_info rows[] = {
#define LIMIT_ROW(id, limit_name, limit_unit, q, m, a, limit_scope, limit_code, limit_text)        \
    [CORDON_LIMIT_##id] = {                                                                        \
        .name = limit_name,                                                                        \
        .unit = limit_unit,                                                                        \
        .defaults = {q, m, a},                                                                     \
        .scope = CORDON_SCOPE_##limit_scope,                                                       \
        .code = limit_code,                                                                        \
        .text = limit_text,                                                                        \
    },
    CORDON_LIMITS(LIMIT_ROW)
#undef LIMIT_ROW
};

_Static_assert(
    sizeof rows / sizeof rows[0] == CORDON_LIMIT_COUNT, "CORDON_LIMIT_COUNT must match the table");

static const char *const kind_names[KIND_COUNT] = {"query", "mutation", "action"};
static const char *const kind_titles[KIND_COUNT] = {"Query", "Mutation", "Action"};

const cordon_limit_info *cordon_limit_get_info(cordon_limit limit)
{
    return &rows[limit];
}

bool cordon_limit_find(const char *name, cordon_limit *out_limit)
{
    for (size_t i = 0; name != NULL && i < CORDON_LIMIT_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out_limit = (cordon_limit)i;
            return true;
        }
    }
    return false;
}

const char *cordon_kind_name(cordon_kind kind)
{
    return kind_names[kind];
}

const char *kind_title(cordon_kind kind)
{
    return kind_titles[kind];
}

bool kind_parse(struct slice name, cordon_kind *out_kind)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (slice_equal(name, slice_str(kind_names[kind]))) {
            *out_kind = (cordon_kind)kind;
            return true;
        }
    }
    return false;
}
