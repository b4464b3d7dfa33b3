/* What most tests ask of an error. */
#ifndef SUPPORT_EXPECT_H
#define SUPPORT_EXPECT_H

#include "base/buffer.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* No error; an unexpected one is printed and freed. */
static inline void expect_ok(cordon_error *error)
{
    if (error != NULL) {
        print_error("%s\n", cordon_error_get_message(error));
        cordon_error_free(error);
        fail();
    }
}

/* An error with that code whose words contain `part`; frees it. */
static inline void expect_error(cordon_error *error, cordon_error_code code, const char *part)
{
    if (error == NULL) {
        print_error("no error where \"%s\" was expected\n", part);
        fail();
        return;
    }
    if (cordon_error_get_code(error) != code ||
        strstr(cordon_error_get_message(error), part) == NULL) {
        print_error(
            "%s \"%s\" where %s \"%s\" was expected\n",
            cordon_error_code_name(cordon_error_get_code(error)), cordon_error_get_message(error),
            cordon_error_code_name(code), part);
        cordon_error_free(error);
        fail();
        return;
    }
    cordon_error_free(error);
}

static inline void expect_slice(struct slice found, struct slice wanted)
{
    if (!slice_equal(found, wanted)) {
        print_error("found:  %.*s\nwanted: %.*s\n", SLICE_FMT(found), SLICE_FMT(wanted));
        fail();
    }
}

static inline void expect_text(const struct buffer *found, const char *wanted)
{
    expect_slice(buffer_slice(found), slice_str(wanted));
}

#endif
