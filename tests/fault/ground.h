/*
 * What roads stand on: guests, a runtime over the folder of the test, and what mutations of
 * `documents:insert` have left in its store. Whatever is not as it must be stops the child.
 */
#ifndef FAULT_GROUND_H
#define FAULT_GROUND_H

#include "api/api.h"
#include "fault/torture.h"

enum { GUESTS_MAX = 6, DOCUMENTS = 3 };

struct guests {
    cordon_module modules[GUESTS_MAX];
    size_t count;
};

/* Up to the first NULL. Freed by ground_free(). */
struct guests ground_read(const char *const names[GUESTS_MAX]);
void ground_free(struct guests *guests);

/* With a function of the program, `price` of `shop`, for actions. */
CORDON_MUST_USE cordon_error *ground_open(
    const struct torture *torture, cordon_runtime **out_runtime);
CORDON_MUST_USE cordon_error *ground_deploy(cordon_runtime *runtime, const struct guests *guests);

/* That no run is alive and nothing is held for one. */
void ground_require_rest(const struct torture *torture, const cordon_runtime *runtime);

uint64_t ground_audit_records(struct store *store);

/*
 * That each mutation has all its DOCUMENTS and its audit record, and that one which failed has at
 * most the record; `memo` records were there before.
 */
void ground_check(const struct torture *torture, struct store *store);

#endif
