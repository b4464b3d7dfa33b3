/*
 * The reader of debug information on sections made by hand: every form and kind that compilers may
 * use, and what they never write. Its line tables are in test_dwarf_line.c, those that ask for too
 * much in test_dwarf_hostile.c; what compilers do write is in test_symbols.c.
 */
#include "unit/dwarf_world.h"

/* -- What is found -------------------------------------------------------------------------- */

/* One frame of that name; none if the name is empty. */
static void expect_function(
    const struct world *w, uint32_t address, const char *name, const char *what)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    struct dwarf_place place;
    resolve_one(w, &arena, address, &place);
    const bool is_right =
        name[0] == '\0'
            ? place.frame_count == 0
            : place.frame_count == 1 && slice_equal(place.frames[0].function, slice_str(name));
    if (!is_right) {
        fail_msg(
            "%s: %zu frames, %.*s; wanted %s", what, place.frame_count,
            place.frame_count == 0 ? 0 : (int)place.frames[0].function.size,
            place.frame_count == 0 ? "" : (const char *)place.frames[0].function.data, name);
    }
}

/* The root of a unit of DWARF 5 has bases; that of DWARF 4 has not. */
static void put_root_abbrev(struct world *w, unsigned version)
{
    put(&w->abbrev, version >= 5 ? "01 11 01 11 01 12 06 72 17 73 17 74 17 00 00"
                                 : "01 11 01 11 01 12 06 00 00");
}

static void put_root(struct buffer *entries, unsigned version)
{
    put(entries, "01 10000000 80000000");
    if (version >= 5) {
        put(entries, "08000000 08000000 0c000000");
    }
}

/* A unit of one function, whose attributes and their values are given. */
static void put_function(struct world *w, unsigned version, const char *specs, const char *values)
{
    put_root_abbrev(w, version);
    put(&w->abbrev, "02 2e 00");
    put(&w->abbrev, specs);
    put(&w->abbrev, "00 00 03 34 00"); /* a variable of the same form, which is passed over */
    put(&w->abbrev, specs);
    put(&w->abbrev, "00 00 00");
    CORDON_CLEANUP_BUFFER struct buffer entries;
    buffer_init(&entries, SECTION_BYTES_MAX);
    put_root(&entries, version);
    put(&entries, "03");
    put(&entries, values);
    put(&entries, "02");
    put(&entries, values);
    put(&entries, "00");
    put_unit(w, version, &entries);
}

static const struct {
    const char *what;
    unsigned version;
    const char *specs;
    const char *values;
    const char *name; /* of what is found at 0x25; empty: nothing */
} functions[] = {
    /* An attribute of a number that no one knows, in every form, then what is wanted. */
    {"addr", 4, "ff7f 01 11 01 12 06 03 0e", "01020304 20000000 10000000 01000000", "alpha"},
    {"block2", 4, "ff7f 03 11 01 12 06 03 0e", "0200 aabb 20000000 10000000 01000000", "alpha"},
    {"block4", 4, "ff7f 04 11 01 12 06 03 0e", "01000000 aa 20000000 10000000 01000000", "alpha"},
    {"data2", 4, "ff7f 05 11 01 12 06 03 0e", "aabb 20000000 10000000 01000000", "alpha"},
    {"data8", 4, "ff7f 07 11 01 12 06 03 0e", "0102030405060708 20000000 10000000 01000000",
     "alpha"},
    {"string", 4, "ff7f 08 11 01 12 06 03 0e", "616200 20000000 10000000 01000000", "alpha"},
    {"block", 4, "ff7f 09 11 01 12 06 03 0e", "8100 aa 20000000 10000000 01000000", "alpha"},
    {"block1", 4, "ff7f 0a 11 01 12 06 03 0e", "03 aabbcc 20000000 10000000 01000000", "alpha"},
    {"empty block", 4, "ff7f 0a 11 01 12 06 03 0e", "00 20000000 10000000 01000000", "alpha"},
    {"data1", 4, "ff7f 0b 11 01 12 06 03 0e", "aa 20000000 10000000 01000000", "alpha"},
    {"flag", 4, "ff7f 0c 11 01 12 06 03 0e", "01 20000000 10000000 01000000", "alpha"},
    {"sdata", 4, "ff7f 0d 11 01 12 06 03 0e", "ff80807f 20000000 10000000 01000000", "alpha"},
    {"udata", 4, "ff7f 0f 11 01 12 06 03 0e", "ff80808000 20000000 10000000 01000000", "alpha"},
    {"ref_addr", 4, "ff7f 10 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"ref1", 4, "ff7f 11 11 01 12 06 03 0e", "aa 20000000 10000000 01000000", "alpha"},
    {"ref2", 4, "ff7f 12 11 01 12 06 03 0e", "aabb 20000000 10000000 01000000", "alpha"},
    {"ref4", 4, "ff7f 13 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"ref8", 4, "ff7f 14 11 01 12 06 03 0e", "0102030405060708 20000000 10000000 01000000",
     "alpha"},
    {"ref_udata", 4, "ff7f 15 11 01 12 06 03 0e", "8001 20000000 10000000 01000000", "alpha"},
    {"indirect", 4, "ff7f 16 11 01 12 06 03 0e", "05 aabb 20000000 10000000 01000000", "alpha"},
    {"sec_offset", 4, "ff7f 17 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"exprloc", 4, "ff7f 18 11 01 12 06 03 0e", "02 aabb 20000000 10000000 01000000", "alpha"},
    {"flag_present", 4, "ff7f 19 11 01 12 06 03 0e", "20000000 10000000 01000000", "alpha"},
    {"strx", 5, "ff7f 1a 11 01 12 06 03 0e", "8001 20000000 10000000 01000000", "alpha"},
    {"addrx", 5, "ff7f 1b 11 01 12 06 03 0e", "8001 20000000 10000000 01000000", "alpha"},
    {"ref_sup4", 5, "ff7f 1c 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"strp_sup", 5, "ff7f 1d 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"data16", 5, "ff7f 1e 11 01 12 06 03 0e",
     "000102030405060708090a0b0c0d0e0f 20000000 10000000 01000000", "alpha"},
    {"line_strp", 5, "ff7f 1f 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"ref_sig8", 5, "ff7f 20 11 01 12 06 03 0e", "0102030405060708 20000000 10000000 01000000",
     "alpha"},
    {"implicit_const", 5, "ff7f 21 ff00 11 01 12 06 03 0e", "20000000 10000000 01000000", "alpha"},
    {"loclistx", 5, "ff7f 22 11 01 12 06 03 0e", "8001 20000000 10000000 01000000", "alpha"},
    {"rnglistx", 5, "ff7f 23 11 01 12 06 03 0e", "8001 20000000 10000000 01000000", "alpha"},
    {"ref_sup8", 5, "ff7f 24 11 01 12 06 03 0e", "0102030405060708 20000000 10000000 01000000",
     "alpha"},
    {"strx1", 5, "ff7f 25 11 01 12 06 03 0e", "aa 20000000 10000000 01000000", "alpha"},
    {"strx2", 5, "ff7f 26 11 01 12 06 03 0e", "aabb 20000000 10000000 01000000", "alpha"},
    {"strx3", 5, "ff7f 27 11 01 12 06 03 0e", "aabbcc 20000000 10000000 01000000", "alpha"},
    {"strx4", 5, "ff7f 28 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    {"addrx1", 5, "ff7f 29 11 01 12 06 03 0e", "aa 20000000 10000000 01000000", "alpha"},
    {"addrx2", 5, "ff7f 2a 11 01 12 06 03 0e", "aabb 20000000 10000000 01000000", "alpha"},
    {"addrx3", 5, "ff7f 2b 11 01 12 06 03 0e", "aabbcc 20000000 10000000 01000000", "alpha"},
    {"addrx4", 5, "ff7f 2c 11 01 12 06 03 0e", "aabbccdd 20000000 10000000 01000000", "alpha"},
    /* What no form is. */
    {"form 0", 4, "ff7f 00 11 01 12 06 03 0e", "20000000 10000000 01000000", ""},
    {"form 2", 4, "ff7f 02 11 01 12 06 03 0e", "20000000 10000000 01000000", ""},
    {"form 0x2d", 5, "ff7f 2d 11 01 12 06 03 0e", "20000000 10000000 01000000", ""},
    {"form 0x1f01", 5, "ff7f 813e 11 01 12 06 03 0e", "20000000 10000000 01000000", ""},
    {"twice indirect", 4, "ff7f 16 11 01 12 06 03 0e", "16 05 aabb 20000000 10000000 01000000", ""},
    /* Names in every form of text. */
    {"name: string", 4, "11 01 12 06 03 08", "20000000 10000000 67616d6d6100", "gamma"},
    {"name: line_strp", 5, "11 01 12 06 03 1f", "20000000 10000000 01000000", "alpha"},
    {"name: strx", 5, "11 01 12 06 03 1a", "20000000 10000000 8100", "beta"},
    {"name: strx1", 5, "11 01 12 06 03 25", "20000000 10000000 00", "alpha"},
    {"name: strx2", 5, "11 01 12 06 03 26", "20000000 10000000 0100", "beta"},
    {"name: strx3", 5, "11 01 12 06 03 27", "20000000 10000000 010000", "beta"},
    {"name: strx4", 5, "11 01 12 06 03 28", "20000000 10000000 01000000", "beta"},
    {"name: the linker's", 4, "11 01 12 06 03 0e 6e 0e", "20000000 10000000 01000000 07000000",
     "beta"},
    /* Addresses in every form. */
    {"low: addrx", 5, "11 1b 12 06 03 0e", "01 10000000 01000000", "alpha"},
    {"low: addrx1", 5, "11 29 12 06 03 0e", "01 10000000 01000000", "alpha"},
    {"low: addrx2", 5, "11 2a 12 06 03 0e", "0100 10000000 01000000", "alpha"},
    {"low: addrx3", 5, "11 2b 12 06 03 0e", "010000 10000000 01000000", "alpha"},
    {"low: addrx4", 5, "11 2c 12 06 03 0e", "01000000 10000000 01000000", "alpha"},
    {"low: past the table", 5, "11 2c 12 06 03 0e", "04000000 10000000 01000000", ""},
    {"low: far past it", 5, "11 1b 12 06 03 0e", "ffffffffffffffff01 10000000 01000000", ""},
    {"low: left out", 5, "11 1b 12 06 03 0e", "02 10000000 01000000", ""},
    {"low: left out long ago", 4, "11 01 12 06 03 0e", "00000000 90000000 01000000", ""},
    {"low: no address", 4, "11 06 12 06 03 0e", "20000000 10000000 01000000", ""},
    {"high: an address", 4, "11 01 12 01 03 0e", "20000000 30000000 01000000", "alpha"},
    {"high: addrx", 5, "11 01 12 1b 03 0e", "20000000 03 01000000", "alpha"},
    {"high: data1", 4, "11 01 12 0b 03 0e", "20000000 10 01000000", "alpha"},
    {"high: data2", 4, "11 01 12 05 03 0e", "20000000 1000 01000000", "alpha"},
    {"high: data8", 4, "11 01 12 07 03 0e", "20000000 1000000000000000 01000000", "alpha"},
    {"high: udata", 4, "11 01 12 0f 03 0e", "20000000 9000 01000000", "alpha"},
    {"high: implicit", 5, "11 01 12 21 10 03 0e", "20000000 01000000", "alpha"},
    {"high: too high", 4, "11 01 12 07 03 0e", "20000000 1000000001000000 01000000", ""},
    {"high: round the end", 4, "11 01 12 06 03 0e", "20000000 f0ffffff 01000000", ""},
    {"high: below", 4, "11 01 12 01 03 0e", "20000000 20000000 01000000", ""},
    {"high: just there", 4, "11 01 12 06 03 0e", "20000000 06000000 01000000", "alpha"},
    {"high: just not", 4, "11 01 12 06 03 0e", "20000000 05000000 01000000", ""},
    {"high: missing", 4, "11 01 03 0e", "20000000 01000000", ""},
    {"ranges: not there", 4, "55 17 03 0e", "00000000 01000000", ""},
    /* Texts that are not there: a frame without a name is still one. */
    {"entry cut off", 4, "11 01 12 06 03 0e", "20000000 100000", ""},
};

static void test_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(functions); i++) {
        struct world w;
        world_init(&w);
        fill(&w);
        put_function(&w, functions[i].version, functions[i].specs, functions[i].values);
        expect_function(&w, 0x25, functions[i].name, functions[i].what);
        world_done(&w);
    }
}

/* A function that is found, but not how it is called. */
static void test_nameless(void **state)
{
    (void)state;
    static const struct {
        unsigned version;
        const char *specs;
        const char *values;
    } cases[] = {
        {4, "11 01 12 06", "20000000 10000000"},
        {4, "11 01 12 06 03 0e", "20000000 10000000 0c000000"}, /* the section's end */
        {4, "11 01 12 06 03 0e", "20000000 10000000 ffffffff"}, /* past it */
        {4, "11 01 12 06 03 0e", "20000000 10000000 00000000"}, /* an empty text */
        {4, "11 01 12 06 03 1a", "20000000 10000000 00"},       /* no base */
        {5, "11 01 12 06 03 1a", "20000000 10000000 02"},       /* past the offsets */
        {4, "11 01 12 06 03 0b", "20000000 10000000 01"},       /* no text */
        {4, "11 01 12 06 31 13", "20000000 10000000 ffff0000"}, /* past the unit */
        {4, "11 01 12 06 31 10", "20000000 10000000 ffffffff"}, /* past the section */
        {4, "11 01 12 06 31 10", "20000000 10000000 00000000"}, /* a header */
        {4, "11 01 12 06 31 13", "20000000 10000000 12000000"}, /* in the middle of an entry */
        {4, "11 01 12 06 31 20", "20000000 10000000 0000000000000000"},
        {4, "11 01 12 06 31 13", "20000000 10000000 21000000"}, /* itself */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        world_init(&w);
        fill(&w);
        put_function(&w, cases[i].version, cases[i].specs, cases[i].values);
        CORDON_CLEANUP_ARENA struct arena arena;
        struct dwarf_place place;
        resolve_one(&w, &arena, 0x25, &place);
        assert_int_equal(place.frame_count, 1);
        assert_int_equal(place.frames[0].function.size, 0);
        assert_int_equal(place.frames[0].line, 0);
        world_done(&w);
    }
}

/* -- Ranges --------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    unsigned version;
    const char *list; /* the base is 0x10, the address 0x25 */
    const char *name;
} ranges[] = {
    {"a pair", 4, "10000000 20000000 00000000 00000000", "alpha"},
    {"the second", 4, "01000000 02000000 10000000 20000000 00000000 00000000", "alpha"},
    {"not in it", 4, "00000000 10000000 00000000 00000000", ""},
    {"behind the end", 4, "01000000 02000000 00000000 00000000 10000000 20000000", ""},
    {"another base", 4, "ffffffff 20000000 00000000 10000000 00000000 00000000", "alpha"},
    {"base 0", 4, "ffffffff 00000000 20000000 30000000 00000000 00000000", "alpha"},
    {"a base left out", 4, "ffffffff ffffffff 26000000 30000000 00000000 00000000", ""},
    {"left out", 4, "feffffff feffffff 10000000 20000000 00000000 00000000", "alpha"},
    {"upside down", 4, "20000000 10000000 00000000 00000000", ""},
    {"no end", 4, "10000000 20000000", "alpha"},
    {"cut off", 4, "10000000 200000", ""},
    {"startx_endx", 5, "02 01 03 00", "alpha"},
    {"startx_length", 5, "03 01 10 00", "alpha"},
    {"startx left out", 5, "03 02 8080808008 00", ""},
    {"startx past the table", 5, "03 04 10 03 01 10 00", "alpha"},
    {"offset_pair", 5, "04 10 20 00", "alpha"},
    {"base_address", 5, "05 20000000 04 00 10 00", "alpha"},
    {"base_addressx", 5, "01 01 04 00 10 00", "alpha"},
    {"a base left out", 5, "01 02 04 26 30 00", ""},
    {"start_end", 5, "06 20000000 30000000 00", "alpha"},
    {"start_length", 5, "07 20000000 10 00", "alpha"},
    {"a length over 32 bits", 5, "07 20000000 ffffffffff00 00", ""},
    {"behind the end", 5, "00 07 20000000 10", ""},
    {"no such item", 5, "08 07 20000000 10 00", ""},
    {"the last without an end", 5, "07 20000000 10", "alpha"},
    {"cut off", 5, "07 20000000", ""},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        struct world w;
        world_init(&w);
        fill(&w);
        if (ranges[i].version >= 5) {
            put(&w.rnglists, "00000000 05000400 01000000 04000000");
        }
        put(ranges[i].version >= 5 ? &w.rnglists : &w.ranges, ranges[i].list);
        put_function(
            &w, ranges[i].version, "55 17 03 0e",
            ranges[i].version >= 5 ? "10000000 01000000" : "00000000 01000000");
        expect_function(&w, 0x25, ranges[i].name, ranges[i].what);
        world_done(&w);
    }
}

/* By an index, which counts from the base of the unit, as the offset does that stands there. */
static void test_indexed_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *values;
        const char *name;
    } cases[] = {{"00 01000000", "alpha"}, {"01 01000000", ""}, {"ffff7f 01000000", ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        world_init(&w);
        fill(&w);
        put(&w.rnglists, "00000000 05000400 01000000 04000000 07 20000000 10 00");
        put_function(&w, 5, "55 23 03 0e", cases[i].values);
        expect_function(&w, 0x25, cases[i].name, cases[i].values);
        world_done(&w);
    }
}

/* -- Units ---------------------------------------------------------------------------------- */

/* What may stand before the unit that is looked for; each is passed over. */
static const struct {
    const char *what;
    const char *before;
    bool is_end; /* nothing can be read behind it */
} units[] = {
    {"nothing", "", false},
    {"version 3", "08000000 0300 00000000 04 01", false},
    {"version 6", "09000000 0600 01 04 00000000 01", false},
    {"addresses of 8 bytes", "08000000 0400 00000000 08 01", false},
    {"the same in DWARF 5", "09000000 0500 01 08 00000000 01", false},
    {"a type unit", "15000000 0500 02 04 00000000 0102030405060708 1a000000 00", false},
    {"a skeleton", "11000000 0500 04 04 00000000 0102030405060708 01", false},
    {"no header", "01000000 04", false},
    {"nothing in it", "00000000", false},
    {"no entry", "07000000 0400 00000000 04", false},
    {"an entry without an abbreviation", "08000000 0400 00000000 04 63", false},
    {"abbreviations past the section", "08000000 0400 ffffffff 04 01", false},
    {"a root that is cut off", "0a000000 0400 00000000 04 01 aabb", false},
    {"a number without an end", "0b000000 0400 00000000 04 80808080", false},
    {"the format of 64 bits", "ffffffff 0800000000000000 0400 00000000 04 01", true},
    {"a reserved size", "f0ffffff 0400", true},
    {"a size past the section", "ffffff00 0400", true},
    {"a cut size", "ffff", true},
};

static void test_units(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(units); i++) {
        for (unsigned version = 4; version <= 5; version++) {
            struct world w;
            world_init(&w);
            fill(&w);
            put(&w.info, units[i].before);
            put_function(&w, version, "11 01 12 06 03 0e", "20000000 10000000 01000000");
            expect_function(&w, 0x25, units[i].is_end ? "" : "alpha", units[i].what);
            world_done(&w);
        }
    }
}

/* Abbreviations are read up to a gap in their numbers, and up to a greatest number. */
static void test_abbreviations(void **state)
{
    (void)state;
    static const struct {
        uint32_t count; /* of those without use behind the root's */
        uint32_t first; /* number of the first of them */
        const char *name;
    } cases[] = {{0, 2, "alpha"}, {8190, 2, "alpha"}, {8191, 2, ""}, {1, 3, ""}, {1, 1, ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        world_init(&w);
        fill(&w);
        put_root_abbrev(&w, 4);
        CORDON_CLEANUP_BUFFER struct buffer entries;
        buffer_init(&entries, SECTION_BYTES_MAX);
        put_root(&entries, 4);
        for (uint32_t k = 0; k < cases[i].count; k++) {
            emit_u32(&w.abbrev, cases[i].first + k);
            put(&w.abbrev, "34 00 00 00");
        }
        emit_u32(&w.abbrev, cases[i].first + cases[i].count);
        put(&w.abbrev, "2e 00 11 01 12 06 03 0e 00 00 00");
        emit_u32(&entries, cases[i].first + cases[i].count);
        put(&entries, "20000000 10000000 01000000 00");
        put_unit(&w, 4, &entries);
        expect_function(&w, 0x25, cases[i].name, "abbreviations");
        world_done(&w);
    }
}

/* -- Functions in functions ----------------------------------------------------------------- */

/* A line table of DWARF 4: "a.c", whose line 3 is 0x20 up to 0x40, save that 0x28 is of no line. */
static void put_small_lines(struct world *w)
{
    put(&w->line, "3c000000 0400 1b000000 01 01 01 fb 0e 0d 0001010101000000010000 01 00");
    put(&w->line, "612e6300 000000 00");
    put(&w->line, "00 05 02 20000000 03 02 05 05 01 02 08 03 7d 01 02 01 03 03 01 02 17 00 01 01");
}

#define CALL_IN_F(range, line) "03 " range " 1a000000 01 " line " 02"

static const struct {
    const char *what;
    const char *entries;
    const char *frames; /* at 0x25: name and line of each, innermost first */
} trees[] = {
    {"a function", IN_F "00 00", "f:3"},
    {"in namespaces", "04 04" IN_F "00 00 00 00", "f:3"},
    {"the second", "02 15000000 10000000 6700 00 02 25000000 10000000 6600 00 00", "f:3"},
    {"of two the first", IN_F "00 02 20000000 10000000 6700 00 00", "f:3"},
    {"cut off", IN_F, "f:3"},
    {"too many ends", IN_F "00 00 00 00" IN_F "00", "f:3"},
    {"behind the root", "00" IN_F "00", ":3"},
    {"an inlined call", IN_F CALL_IN_F("24000000 02000000", "07") "00 00 00", "f:3 f:7"},
    {"not here", IN_F CALL_IN_F("26000000 02000000", "07") "00 00 00", "f:3"},
    {"in a block", IN_F "04" CALL_IN_F("24000000 02000000", "07") "00 00 00 00", "f:3 f:7"},
    {"two levels",
     IN_F CALL_IN_F("24000000 02000000", "07") CALL_IN_F("25000000 01000000", "09") "00 00 00 00",
     "f:3 f:9 f:7"},
    {"the second of two",
     IN_F CALL_IN_F("22000000 02000000", "07") "00" CALL_IN_F("25000000 01000000", "09") "00 00 00",
     "f:3 f:9"},
    {"of two that claim it the last",
     IN_F CALL_IN_F("22000000 08000000", "07") "00" CALL_IN_F("25000000 01000000", "09") "00 00 00",
     "f:3 f:9"},
    {"a call in no function", CALL_IN_F("24000000 02000000", "07") "00 00", ":3"},
    {"in a function elsewhere",
     "02 30000000 10000000 6700" CALL_IN_F("24000000 02000000", "07") "00 00" IN_F "00 00", "f:3"},
    {"a function in a function was not inlined",
     IN_F "02 20000000 10000000 6700" CALL_IN_F("24000000 02000000", "07") "00 00 00 00", "f:3"},
    /* What calls refer to. */
    {"a declaration elsewhere",
     "05 6f757400 23000000 06 5f6f757400" IN_F "03 24000000 02000000 1a000000 01 07 02 00 00 00",
     "*_out:3 f:7"},
    {"in circles", "05 6f757400 1a000000" IN_F "03 24000000 02000000 1a000000 01 07 02 00 00 00",
     "out:3 f:7"},
    {"a call that refers to itself", IN_F "03 24000000 02000000 25000000 01 07 02 00 00 00",
     ":3 f:7"},
    {"a file that is not there", IN_F "03 24000000 02000000 1a000000 02 07 02 00 00 00", "f:3 f:0"},
    {"line 0", IN_F "03 24000000 02000000 1a000000 01 00 02 00 00 00", "f:3 f:0"},
};

/* Writes what was found as the cases have it. */
static void describe_place(const struct dwarf_place *place, char text[1024])
{
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < place->frame_count; i++) {
        const struct dwarf_frame *frame = &place->frames[i];
        size += (size_t)snprintf(
            text + size, 1024 - size, "%s%s%.*s:%u", i == 0 ? "" : " ",
            frame->is_linkage_name ? "*" : "", SLICE_FMT(frame->function), frame->line);
        assert_int_equal(frame->is_inlined, i + 1 < place->frame_count);
        if (frame->line > 0) {
            expect_slice(frame->file.name, SLICE("a.c"));
            expect_slice(frame->file.base, SLICE("/"));
        }
    }
}

static void expect_frames(
    const struct world *w, uint32_t address, const char *frames, const char *what)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    struct dwarf_place place;
    resolve_one(w, &arena, address, &place);
    char text[1024];
    describe_place(&place, text);
    if (strcmp(text, frames) != 0) {
        fail_msg("%s: \"%s\", wanted \"%s\"", what, text, frames);
    }
}

static void make_tree(struct world *w, const char *entries)
{
    world_init(w);
    put_tree_abbrevs(w);
    put_small_lines(w);
    put_entries(w, 4, ROOT, entries, 1);
}

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trees); i++) {
        struct world w;
        make_tree(&w, trees[i].entries);
        expect_frames(&w, 0x25, trees[i].frames, trees[i].what);
        world_done(&w);
    }
}

/* A place on no line is shown where its function begins, without a column. */
static void test_no_line(void **state)
{
    (void)state;
    struct world w;
    make_tree(&w, "07 6f757400 01 0b" IN_F "03 20000000 10000000 1a000000 01 07 02 00 00 00");
    CORDON_CLEANUP_ARENA struct arena arena;
    struct dwarf_place place;
    resolve_one(&w, &arena, 0x28, &place);
    assert_int_equal(place.frame_count, 2);
    assert_int_equal(place.frames[0].line, 11);
    assert_int_equal(place.frames[0].column, 0);
    assert_int_equal(place.frames[1].line, 7);
    assert_int_equal(place.frames[1].column, 2);
    expect_frames(&w, 0x25, "out:3 f:7", "on a line");
    expect_frames(&w, 0x29, "out:3 f:7", "on a line again");
    world_done(&w);
}

/* Calls inlined into each other deeper than is kept: the outermost are shown. */
static void test_deep(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    put_tree_abbrevs(&w);
    CORDON_CLEANUP_BUFFER struct buffer entries;
    buffer_init(&entries, SECTION_BYTES_MAX);
    put(&entries, ROOT IN_F);
    for (unsigned i = 0; i < 10000; i++) {
        put(&entries, CALL_IN_F("20000000 10000000", "07"));
    }
    put_unit(&w, 4, &entries);
    CORDON_CLEANUP_ARENA struct arena arena;
    struct dwarf_place place;
    resolve_one(&w, &arena, 0x25, &place);
    assert_int_equal(place.frame_count, DWARF_SCOPES_MAX);
    expect_slice(place.frames[0].function, SLICE("f"));
    world_done(&w);
}

/* A function may refer to one of another unit, before or behind its own. */
enum { MAIN_BYTES = 34, EMPTY_BYTES = 21, OUT_OFFSET = 20 };

static void test_other_units(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 2; at++) {
        struct world w;
        world_init(&w);
        put(&w.abbrev, "01 11 01 11 01 12 06 00 00 02 2e 00 03 08 00 00");
        put(&w.abbrev, "03 2e 01 11 01 12 06 31 10 00 00 00");
        for (unsigned i = 0; i < 3; i++) {
            CORDON_CLEANUP_BUFFER struct buffer entries;
            buffer_init(&entries, SECTION_BYTES_MAX);
            put(&entries, "01 10000000 80000000");
            if (i == 2 * at) {
                put(&entries, "03 20000000 10000000");
                put_u32(&entries, at == 0 ? MAIN_BYTES + EMPTY_BYTES + OUT_OFFSET : OUT_OFFSET);
            } else if (i == 2 - 2 * at) {
                put(&entries, "02 6f757400");
            }
            put(&entries, "00");
            put_unit(&w, 4, &entries);
        }
        expect_function(&w, 0x25, "out", at == 0 ? "behind" : "before");
        world_done(&w);
    }
}

/* Lines alone, without functions: a frame without a name. */
static void test_lines_alone(void **state)
{
    (void)state;
    struct world w;
    make_tree(&w, "00");
    expect_frames(&w, 0x25, ":3", "lines alone");
    expect_frames(&w, 0x28, ":0", "a row of no line");
    expect_frames(&w, 0x45, "", "no row");
    expect_frames(&w, 0x95, "", "another unit's");
    world_done(&w);
}

/* No places, no sections: nothing. */
static void test_nothing(void **state)
{
    (void)state;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct dwarf_sections none = {.info = {NULL, 0}};
    struct dwarf_place place = {.address = 1, .frame_count = 7};
    dwarf_resolve(&none, &arena, &place, 0);
    dwarf_resolve(&none, &arena, &place, 1);
    assert_int_equal(place.frame_count, 0);
    assert_null(place.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),   cmocka_unit_test(test_nameless),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_indexed_ranges),
        cmocka_unit_test(test_units),       cmocka_unit_test(test_abbreviations),
        cmocka_unit_test(test_trees),       cmocka_unit_test(test_no_line),
        cmocka_unit_test(test_deep),        cmocka_unit_test(test_other_units),
        cmocka_unit_test(test_lines_alone), cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
