/* A suite that every way to make a store has to pass, case by case. */
#ifndef CONTRACT_CASES_H
#define CONTRACT_CASES_H

#include "contract/harness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct contract_case {
    const char *name;
    void (*run)(struct world *world);
};

/* Runs each case with a world of each maker, as "store/MAKER/CASE". What main() returns. */
int contract_run(const char *group, const struct contract_case *cases, size_t count);

#endif
