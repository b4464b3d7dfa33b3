/* CoDel on a clock of the test's own: what RFC 8289 says of a standing queue, and what follows. */
#include "run/permits/codel.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS ((uint64_t)1000000)

static const struct codel_options options = {.target_ns = 5 * MS, .interval_ns = 100 * MS};

/* At `at_ms` the oldest has waited for `waited_ms`; negative: nobody waits. */
struct look {
    uint64_t at_ms;
    int64_t waited_ms;
    bool is_congested;
};

struct story {
    const char *name;
    struct look looks[10]; /* the one at 0 ms ends them */
};

static const struct story stories[] = {
    {"a burst is what a queue is for",
     {{1, 0, false}, {40, 39, false}, {99, 90, false}, {105, -1, false}, {300, 5, false}}},
    {"always above the target for an interval",
     {{10, 6, false}, {60, 20, false}, {109, 30, false}, {110, 30, true}}},
    {"the target itself is still good", {{10, 5, false}, {60, 5, false}, {200, 5, false}}},
    {"once below it the interval begins anew",
     {{10, 6, false},
      {100, 50, false},
      {105, 5, false},
      {111, 6, false},
      {210, 6, false},
      {211, 6, true}}},
    {"an empty queue begins anew, too",
     {{10, 6, false}, {100, -1, false}, {111, 6, false}, {210, 50, false}, {211, 50, true}}},
    {"it stays congested as long as anybody waits, however short",
     {{10, 6, false}, {110, 6, true}, {111, 0, true}, {500, 1, true}, {900, 0, true}}},
    {"and is not when it is empty",
     {{10, 6, false},
      {110, 6, true},
      {120, -1, false},
      {121, 50, false},
      {220, 50, false},
      {221, 50, true}}},
};

static void a_standing_queue_is_told_from_a_burst(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct codel codel = {0};
        for (const struct look *look = stories[i].looks; look->at_ms != 0; look++) {
            const bool is_empty = look->waited_ms < 0;
            codel_look(
                &codel, &options, is_empty, is_empty ? 0 : (uint64_t)look->waited_ms * MS,
                look->at_ms * MS);
            if (codel.is_congested != look->is_congested) {
                fail_msg("%s, at %llu ms", stories[i].name, (unsigned long long)look->at_ms);
            }
        }
    }
}

static void only_congestion_turns_anybody_away(void **state)
{
    (void)state;
    struct codel codel = {0};
    assert_false(codel_expires(&codel, &options, 10000 * MS));
    codel_look(&codel, &options, false, 6 * MS, 10 * MS);
    assert_false(codel_expires(&codel, &options, 10000 * MS));
    codel_look(&codel, &options, false, 6 * MS, 110 * MS);
    assert_false(codel_expires(&codel, &options, 5 * MS));
    assert_true(codel_expires(&codel, &options, 5 * MS + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standing_queue_is_told_from_a_burst),
        cmocka_unit_test(only_congestion_turns_anybody_away),
    };
    return cmocka_run_group_tests_name("codel", tests, NULL, NULL);
}
