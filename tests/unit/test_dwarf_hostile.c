/* Debug information that asks for more work than its size: the reader ends soon all the same. */
#include "unit/dwarf_world.h"

#include "base/clock.h"

/*
 * Modules that ask for more work than their size: the worst would take minutes without the bound
 * on steps. They take less than 0.1 s each; ten times that is for sanitizers, the rest for busy
 * machines.
 */
#define TIME_NS_MAX ((uint64_t)10 * 1000000000)

/* Many units with one long list of ranges, which never hold the place. */
static void many_ranges(struct world *w)
{
    put(&w->abbrev, "01 11 01 55 17 00 00 00");
    repeat(&w->info, "0c000000 0400 00000000 04 01 00000000", 20000);
    repeat(&w->ranges, "01000000 02000000", 1000000);
}

/* Many units that all look for their root's abbreviation behind many others. */
static void many_abbreviations(struct world *w)
{
    repeat(&w->abbrev, "02 34 00 00 00", 1000000);
    put(&w->abbrev, "01 11 01 55 17 00 00 00");
    repeat(&w->info, "0c000000 0400 00000000 04 01 00000000", 20000);
}

/* Many units that claim the place, each with the same long line table that says nothing of it. */
static void many_lines(struct world *w)
{
    put(&w->abbrev, "01 11 00 11 01 12 06 10 17 00 00 00");
    repeat(&w->info, "14000000 0400 00000000 04 01 10000000 80000000 00000000", 20000);
    put_u32(&w->line, 6 + 20 + 4000000);
    put(&w->line, "0400 14000000 " LINE_HEADER "00 00");
    repeat(&w->line, "01", 4000000);
}

/* Files that are looked up behind many others, for calls inlined deeply. */
static void many_files(struct world *w)
{
    put_tree_abbrevs(w);
    put_u32(&w->line, 6 + 20 + 8000000);
    put(&w->line, "0400");
    put_u32(&w->line, 20 + 8000000);
    put(&w->line, LINE_HEADER "00");
    repeat(&w->line, "61000000 00", 1600000);
    put(&w->line, "00");
    put_entries(w, 4, ROOT IN_F, "03 20000000 10000000 1a000000 ff 07 00", 64);
}

/* Many entries that all hold all places, each by a long list. */
static void many_claims(struct world *w)
{
    put(&w->abbrev, "01 11 01 11 01 12 06 00 00 02 2e 01 11 01 12 06 00 00");
    put(&w->abbrev, "03 1d 00 55 17 00 00 00");
    put_entries(w, 4, "01 10000000 80000000 02 10000000 80000000", "03 00000000", 500000);
    repeat(&w->ranges, "10000000 80000000", 1000000);
}

/* Functions that refer to and fro between units behind very many others. */
static void many_units(struct world *w)
{
    put(&w->abbrev, "01 11 01 11 01 12 06 00 00 02 2e 01 11 01 12 06 31 10 00 00 00");
    CORDON_CLEANUP_BUFFER struct buffer entries;
    buffer_init(&entries, SECTION_BYTES_MAX);
    put(&entries, "01 10000000 80000000");
    for (uint32_t i = 0; i < 64; i++) {
        put(&entries, "02");
        put_u32(&entries, 0x10 + i);
        put_u32(&entries, 1);
        put_u32(&entries, i % 2 == 0 ? 10000000 : 11000000);
        put(&entries, "00");
    }
    put_unit(w, 4, &entries);
    repeat(&w->info, "00000000", 3000000);
}

/* Names that are searched for their end through megabytes, again and again. */
static void long_names(struct world *w)
{
    put(&w->abbrev, "01 11 01 11 01 12 06 00 00 02 2e 01 11 01 12 06 03 0e 00 00");
    put(&w->abbrev, "03 1d 01 11 01 12 06 03 0e 00 00 00");
    put_entries(
        w, 4, "01 10000000 80000000 02 10000000 80000000 00000000", "03 10000000 80000000 00000000",
        64);
    repeat(&w->str, "78", 20000000);
}

/* A tree that is deeper than any stack. */
static void deep_tree(struct world *w)
{
    put(&w->abbrev, "01 11 01 11 01 12 06 00 00 02 39 01 00 00 00");
    put_entries(w, 4, "01 10000000 80000000", "02", 20000000);
}

static const struct {
    const char *what;
    void (*make)(struct world *w);
} hostile[] = {
    {"many ranges", many_ranges}, {"many abbreviations", many_abbreviations},
    {"many lines", many_lines},   {"many files", many_files},
    {"many claims", many_claims}, {"many units", many_units},
    {"long names", long_names},   {"deep tree", deep_tree},
};

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct world w;
        world_init(&w);
        hostile[i].make(&w);
        struct dwarf_place places[64];
        for (uint32_t k = 0; k < COUNT(places); k++) {
            places[k] = (struct dwarf_place){.address = 0x10 + k};
        }
        CORDON_CLEANUP_ARENA struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        const struct dwarf_sections sections = sections_of(&w);
        const uint64_t started = clock_monotonic_ns();
        dwarf_resolve(&sections, &arena, places, COUNT(places));
        const uint64_t taken = clock_monotonic_ns() - started;
        if (taken > TIME_NS_MAX) {
            fail_msg("%s: %.1f s", hostile[i].what, (double)taken / 1e9);
        }
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
