/*
 * Who writes log lines, once all places are taken: whose place is given to another and whose is
 * not, and that nothing untold is lost.
 */
#include "observe/log_sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/expect.h"

enum { NOW = 1000, ROUND = 7 };

static const char *const events[] = {"call_log", LOG_SHARES};

/* Sources with a place for each name that there can be, and which one it is. */
struct world {
    struct log_sources *sources;
    const char *event;
    struct log_source **places;
};

struct name {
    char text[32];
};

static struct name name_of(size_t i)
{
    struct name name;
    (void)snprintf(name.text, sizeof name.text, "name%zu", i);
    return name;
}

static struct log_source *find(const struct world *world, size_t i, uint64_t now_s, uint64_t round)
{
    const struct name name = name_of(i);
    return log_sources_find(world->sources, world->event, 1, slice_str(name.text), now_s, round);
}

static void begin(struct world *world, const char *event)
{
    world->sources = MEM_NEW(struct log_sources);
    world->event = event;
    world->places = mem_new_array(LOG_SOURCES_MAX, sizeof(struct log_source *));
    assert_non_null(world->sources);
    assert_non_null(world->places);
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        world->places[i] = find(world, i, NOW, ROUND);
        assert_string_equal(world->places[i]->name, name_of(i).text);
        assert_ptr_equal(world->places[i]->event, event);
    }
}

static void end(struct world *world)
{
    mem_free(world->places);
    mem_free(world->sources);
}

static bool is_other(const struct world *world, const struct log_source *source)
{
    return source == &world->sources->others[world->event == LOG_SHARES ? 1 : 0] &&
           strcmp(source->name, "other") == 0;
}

/* At a time when nothing is idle, which changes nothing. */
static bool has_place(const struct world *world, size_t i)
{
    const struct log_source *const found = find(world, i, NOW, ROUND);
    if (i < LOG_SOURCES_MAX && found == world->places[i]) {
        return true;
    }
    assert_true(is_other(world, found));
    return false;
}

static void of_one_second_no_place_is_given_away(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(events); e++) {
        struct world world;
        begin(&world, events[e]);
        assert_true(is_other(&world, find(&world, LOG_SOURCES_MAX, NOW, ROUND)));
        for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
            assert_true(has_place(&world, i));
        }
        assert_false(has_place(&world, LOG_SOURCES_MAX));
        end(&world);
    }
}

static void a_new_name_takes_the_place_of_one_that_is_idle(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(events); e++) {
        struct world world;
        begin(&world, events[e]);
        struct log_source *const taken = find(&world, LOG_SOURCES_MAX, NOW + 1, ROUND);
        assert_string_equal(taken->name, name_of(LOG_SOURCES_MAX).text);
        assert_int_equal(taken->second, NOW + 1);
        assert_ptr_equal(find(&world, LOG_SOURCES_MAX, NOW, ROUND), taken);
        size_t replaced = 0;
        for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
            const bool is_replaced = world.places[i] == taken;
            replaced += is_replaced;
            world.places[i] = is_replaced ? NULL : world.places[i];
            assert_int_equal(has_place(&world, i), !is_replaced);
        }
        assert_int_equal(replaced, 1);
        end(&world);
    }
}

/* Wherever in its chain a place stands. */
static void all_places_can_be_given_to_others(void **state)
{
    (void)state;
    struct world world;
    begin(&world, events[0]);
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        world.places[i] = find(&world, LOG_SOURCES_MAX + i, NOW + 1, ROUND);
        assert_string_equal(world.places[i]->name, name_of(LOG_SOURCES_MAX + i).text);
    }
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        assert_true(is_other(&world, find(&world, i, NOW, ROUND)));
        assert_ptr_equal(find(&world, LOG_SOURCES_MAX + i, NOW, ROUND), world.places[i]);
    }
    end(&world);
}

static void what_is_untold_keeps_its_place(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(events); e++) {
        struct world world;
        begin(&world, events[e]);
        for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
            log_sources_note(world.sources, world.places[i], 1 + i % 3);
        }
        for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
            struct log_source *const other = find(&world, LOG_SOURCES_MAX + i, NOW + 1, ROUND);
            assert_true(is_other(&world, other));
            log_sources_note(world.sources, other, 1);
        }
        assert_int_equal(world.sources->others[e].untold, LOG_SOURCES_MAX);
        size_t listed = 0;
        const struct log_source *at =
            events[e] == LOG_SHARES ? world.sources->lost : world.sources->dropped;
        for (; at != NULL; at = at->next_untold) {
            listed++;
        }
        assert_int_equal(listed, LOG_SOURCES_MAX + 1);
        for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
            assert_true(has_place(&world, i));
            assert_int_equal(world.places[i]->untold, 1 + i % 3);
        }
        end(&world);
    }
}

/* Told but still in the list of whoever tells, or out of it and not told yet. */
static void what_is_being_told_keeps_its_place(void **state)
{
    (void)state;
    struct world world;
    begin(&world, events[0]);
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        log_sources_note(world.sources, world.places[i], 1);
        if (i % 2 == 0) {
            world.places[i]->untold = 0;
        } else {
            world.places[i]->is_listed = false;
        }
    }
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        assert_true(is_other(&world, find(&world, LOG_SOURCES_MAX + i, NOW + 1, ROUND)));
        assert_true(has_place(&world, i));
    }
    end(&world);
}

static void what_has_bytes_of_this_round_keeps_its_place(void **state)
{
    (void)state;
    struct world world;
    begin(&world, LOG_SHARES);
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        world.places[i]->bytes = 1;
        world.places[i]->round = ROUND;
    }
    assert_true(is_other(&world, find(&world, LOG_SOURCES_MAX, NOW + 1, ROUND)));
    for (size_t i = 0; i < LOG_SOURCES_MAX; i++) {
        assert_true(has_place(&world, i));
    }
    assert_false(is_other(&world, find(&world, LOG_SOURCES_MAX, NOW + 1, ROUND + 1)));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_second_no_place_is_given_away),
        cmocka_unit_test(a_new_name_takes_the_place_of_one_that_is_idle),
        cmocka_unit_test(all_places_can_be_given_to_others),
        cmocka_unit_test(what_is_untold_keeps_its_place),
        cmocka_unit_test(what_is_being_told_keeps_its_place),
        cmocka_unit_test(what_has_bytes_of_this_round_keeps_its_place),
    };
    return cmocka_run_group_tests_name("observe/log_sources", tests, NULL, NULL);
}
