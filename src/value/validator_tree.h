/* What a validator is made of; shared by the files that parse, check and show it. */
#ifndef VALUE_VALIDATOR_TREE_H
#define VALUE_VALIDATOR_TREE_H

#include "value/validator.h"

enum validator_kind {
    VALIDATOR_ANY,
    VALIDATOR_NULL,
    VALIDATOR_FLOAT64,
    VALIDATOR_INT64,
    VALIDATOR_BOOL,
    VALIDATOR_STRING,
    VALIDATOR_BYTES,
    VALIDATOR_LITERAL,
    VALIDATOR_ID,
    VALIDATOR_ARRAY,
    VALIDATOR_OBJECT,
    VALIDATOR_RECORD,
    VALIDATOR_UNION,
};

struct validator {
    enum validator_kind kind;
    uint32_t count; /* fields of an object, members of a union */
    union {
        struct value literal;
        struct slice table;                   /* VALIDATOR_ID */
        const struct validator *item;         /* VALIDATOR_ARRAY */
        const struct validator_field *fields; /* VALIDATOR_OBJECT: sorted, each name once */
        const struct validator *members;      /* VALIDATOR_UNION */
        struct {
            const struct validator *keys;
            const struct validator *values;
        } record;
    } as;
};

struct validator_field {
    struct slice name;
    bool optional;
    struct validator type;
};

#endif
