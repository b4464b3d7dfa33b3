/* Every case with every maker; see cases.h. */
#include "contract/cases.h"

#include <stdio.h>

enum { TESTS_MAX = 1000, NAME_BYTES = 100 };

/* One case on one store. */
struct pairing {
    const struct contract_case *contract_case;
    const struct backend_maker *maker;
    char name[NAME_BYTES];
};

static void run_pairing(void **state)
{
    const struct pairing *pairing = *state;
    struct world world;
    world_open(&world, pairing->maker);
    pairing->contract_case->run(&world);
    world_close(&world);
}

static struct CMUnitTest pair(
    struct pairing *pairing, const struct contract_case *one, const struct backend_maker *maker)
{
    *pairing = (struct pairing){.contract_case = one, .maker = maker};
    (void)snprintf(pairing->name, sizeof pairing->name, "store/%s/%s", maker->name, one->name);
    return (struct CMUnitTest){
        .name = pairing->name, .test_func = run_pairing, .initial_state = pairing};
}

int contract_run(const char *group, const struct contract_case *cases, size_t count)
{
    static struct pairing pairings[TESTS_MAX];
    static struct CMUnitTest tests[TESTS_MAX];
    size_t done = 0;
    REQUIRE(backend_maker_count * count <= TESTS_MAX);
    for (size_t m = 0; m < backend_maker_count; m++) {
        for (size_t c = 0; c < count; c++, done++) {
            tests[done] = pair(&pairings[done], &cases[c], &backend_makers[m]);
        }
    }
    return _cmocka_run_group_tests(group, tests, done, NULL, NULL);
}
