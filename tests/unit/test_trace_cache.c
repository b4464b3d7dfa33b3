/* Traces that were resolved before: found again by module and places, the oldest left out. */
#include "run/trace_cache.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t module_a[SHA256_BYTES] = {1};
static const uint8_t module_b[SHA256_BYTES] = {2};

/* An outcome with one frame at that offset, as the engine has it. */
static void begin(struct outcome *outcome, struct outcome_frame *frame, uint64_t offset)
{
    outcome_init(outcome);
    *frame = (struct outcome_frame){.function = SLICE("func[1]"), .module_offset = offset};
    outcome->frames = frame;
    outcome->frame_count = 1;
}

static void put(struct trace_cache *cache, uint64_t offset, struct slice file)
{
    struct outcome outcome;
    struct outcome_frame frame;
    begin(&outcome, &frame, offset);
    const struct trace_key key = trace_key_of(&outcome, module_a);
    frame = (struct outcome_frame){.function = SLICE("f"), .file = file, .line = 7};
    trace_cache_put(cache, &key, &outcome);
    outcome_done(&outcome);
}

/* The line of the frame that is found; 0: none is. */
static uint32_t get(struct trace_cache *cache, uint64_t offset, const uint8_t *module)
{
    struct outcome outcome;
    struct outcome_frame frame;
    begin(&outcome, &frame, offset);
    const struct trace_key key = trace_key_of(&outcome, module);
    const bool has = trace_cache_get(cache, &key, &outcome);
    assert_int_equal(outcome.frame_count, 1);
    const uint32_t line = outcome.frames[0].line;
    assert_true(slice_equal(outcome.frames[0].function, has ? SLICE("f") : SLICE("func[1]")));
    assert_true(slice_equal(outcome.frames[0].file, has ? SLICE("a.c") : SLICE("")));
    outcome_done(&outcome);
    return line;
}

static void what_was_put_is_found(void **state)
{
    (void)state;
    struct trace_cache cache;
    trace_cache_init(&cache);
    assert_int_equal(get(&cache, 1, module_a), 0);
    put(&cache, 1, SLICE("a.c"));
    put(&cache, 1, SLICE("a.c")); /* by two runs at once */
    assert_int_equal(get(&cache, 1, module_a), 7);
    assert_int_equal(get(&cache, 2, module_a), 0);
    assert_int_equal(get(&cache, 1, module_b), 0);
    trace_cache_done(&cache);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct trace_cache cache;
    trace_cache_init(&cache);
    for (uint64_t i = 0; i < TRACE_CACHE_ENTRIES; i++) {
        put(&cache, i, SLICE("a.c"));
    }
    assert_int_equal(get(&cache, 0, module_a), 7); /* used again: 1 is the oldest now */
    put(&cache, 100, SLICE("a.c"));
    assert_int_equal(get(&cache, 0, module_a), 7);
    assert_int_equal(get(&cache, 1, module_a), 0);
    assert_int_equal(get(&cache, 100, module_a), 7);
    trace_cache_done(&cache);
}

static void large_ones_are_not_kept(void **state)
{
    (void)state;
    struct trace_cache cache;
    trace_cache_init(&cache);
    uint8_t *large = mem_new(TRACE_CACHE_ENTRY_BYTES);
    assert_non_null(large);
    put(&cache, 1, slice_of(large, TRACE_CACHE_ENTRY_BYTES));
    assert_int_equal(get(&cache, 1, module_a), 0);
    put(&cache, 1, SLICE("a.c"));
    assert_int_equal(get(&cache, 1, module_a), 7);
    mem_free(large);
    trace_cache_done(&cache);
}

/* A share of one processor and no more, saved up to a bound. */
static void new_stacks_have_a_share_of_a_processor(void **state)
{
    (void)state;
    enum { SECOND = 1000000000 };
    struct trace_cache cache;
    trace_cache_init(&cache);
    uint64_t now = SECOND;
    assert_true(trace_cache_has_time(&cache, now));
    trace_cache_spend(&cache, TRACE_PURSE_NS - 1);
    assert_true(trace_cache_has_time(&cache, now));
    trace_cache_spend(&cache, SECOND / 10); /* what was begun ends */
    assert_false(trace_cache_has_time(&cache, now));
    now += SECOND;
    assert_true(trace_cache_has_time(&cache, now));
    trace_cache_spend(&cache, SECOND / TRACE_PURSE_SHARE - 1);
    assert_true(trace_cache_has_time(&cache, now));
    trace_cache_spend(&cache, 1);
    assert_false(trace_cache_has_time(&cache, now));
    now += (uint64_t)1000 * SECOND; /* a quiet night saves no more than the purse holds */
    assert_true(trace_cache_has_time(&cache, now));
    trace_cache_spend(&cache, TRACE_PURSE_NS);
    assert_false(trace_cache_has_time(&cache, now));
    trace_cache_done(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(large_ones_are_not_kept),
        cmocka_unit_test(new_stacks_have_a_share_of_a_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
