/*
 * The environment variables of a deployment at one moment: immutable, counted, in order of names. A
 * run takes a reference when it begins, so that a change is seen by runs that begin after it and
 * by no other; to read one no store is asked.
 *
 * Values may be secrets. They are given to the functions of their deployment and to who has an
 * admin key, and stand in no error, log line, metric or audit record. Names may.
 */
#ifndef HOST_ENV_VARS_H
#define HOST_ENV_VARS_H

#include "base/error.h"
#include "base/slice.h"

#include <stdatomic.h>

/* Convex's bounds. */
#define ENV_NAME_BYTES_MAX ((size_t)256)
#define ENV_VALUE_BYTES_MAX ((size_t)8 << 10)
#define ENV_VARS_MAX ((size_t)512)
#define ENV_BYTES_MAX ((size_t)512 << 10) /* of all names and values */

struct env_var {
    struct slice name;
    struct slice value;
};

struct env_vars {
    atomic_uint references;
    size_t count;
    struct env_var vars[]; /* in order of names; the texts are behind them */
};

/*
 * Copies variables, in any order, each name once; the caller has the one reference. Errors:
 * CORDON_E_ENV_LIMIT_MET for too many of them, CORDON_E_ENV_TOTAL_SIZE_LIMIT_MET for too many
 * bytes; CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *env_vars_new(
    const struct env_var *vars, size_t count, struct env_vars **out_vars);

/* The same, with one more reference; NULL for NULL, which is none at all. Any thread. */
struct env_vars *env_vars_ref(struct env_vars *vars);

/* Frees them with the last reference. NULL accepted. Any thread. */
void env_vars_unref(struct env_vars *vars);

/* False if there is none of that name. `vars` may be NULL; the value lives as long as they do. */
CORDON_MUST_USE bool env_vars_find(
    const struct env_vars *vars, struct slice name, struct slice *out_value);

/*
 * Whether a variable may be called so, or have that value. Errors: CORDON_E_ENV_NAME_INVALID,
 * CORDON_E_ENV_NAME_TOO_LONG; CORDON_E_ENV_VALUE_TOO_LARGE.
 */
CORDON_MUST_USE cordon_error *env_check_name(struct slice name);
CORDON_MUST_USE cordon_error *env_check_value(struct slice name, struct slice value);

#endif
