/*
 * Debug information made by hand, for tests of its reader: sections written as hexadecimal digits,
 * and the parts that most of them share.
 */
#ifndef UNIT_DWARF_WORLD_H
#define UNIT_DWARF_WORLD_H

#include "debug/dwarf.h"

#include "base/memory.h"
#include "support/expect.h"
#include "unit/wasm_build.h"

#define SECTION_BYTES_MAX ((size_t)64 << 20)
#define ARENA_BYTES ((size_t)4 << 20)

static inline void put(struct buffer *out, const char *hex)
{
    for (; *hex != '\0'; hex++) {
        unsigned byte = 0;
        if (*hex == ' ') {
            continue;
        }
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        expect_ok(buffer_append_byte(out, (uint8_t)byte));
        hex++;
    }
}

static inline void put_u32(struct buffer *out, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        expect_ok(buffer_append_byte(out, (uint8_t)(number >> (8 * i))));
    }
}

static inline void put_text(struct buffer *out, const char *text)
{
    expect_ok(buffer_append(out, slice_of(text, strlen(text) + 1)));
}

static inline void repeat(struct buffer *out, const char *hex, size_t times)
{
    CORDON_CLEANUP_BUFFER struct buffer once;
    buffer_init(&once, SECTION_BYTES_MAX);
    put(&once, hex);
    for (size_t i = 0; i < times; i++) {
        expect_ok(buffer_append(out, buffer_slice(&once)));
    }
}

/*
 * The sections of a test. Each place for a part of them is a buffer, so that cases can add to it.
 */
struct world {
    struct buffer info, abbrev, line, str, line_str, str_offsets, addr, ranges, rnglists;
};

static inline void world_init(struct world *w)
{
    struct buffer *all = &w->info;
    for (size_t i = 0; i < sizeof *w / sizeof *all; i++) {
        buffer_init(&all[i], SECTION_BYTES_MAX);
    }
}

static inline void world_done(struct world *w)
{
    struct buffer *all = &w->info;
    for (size_t i = 0; i < sizeof *w / sizeof *all; i++) {
        buffer_done(&all[i]);
    }
}

static inline struct dwarf_sections sections_of(const struct world *w)
{
    return (struct dwarf_sections){
        .info = buffer_slice(&w->info),
        .abbrev = buffer_slice(&w->abbrev),
        .line = buffer_slice(&w->line),
        .str = buffer_slice(&w->str),
        .line_str = buffer_slice(&w->line_str),
        .str_offsets = buffer_slice(&w->str_offsets),
        .addr = buffer_slice(&w->addr),
        .ranges = buffer_slice(&w->ranges),
        .rnglists = buffer_slice(&w->rnglists),
    };
}

/* A unit with its header; `entries` are its bytes. */
static inline void put_unit(struct world *w, unsigned version, const struct buffer *entries)
{
    const uint32_t header = version >= 5 ? 8 : 7;
    put_u32(&w->info, header + (uint32_t)entries->size);
    expect_ok(buffer_append_byte(&w->info, (uint8_t)version));
    put(&w->info, version >= 5 ? "00 01 04 00000000" : "00 00000000 04");
    expect_ok(buffer_append(&w->info, buffer_slice(entries)));
}

/* A unit whose entries are these, and then those so many times. */
static inline void put_entries(
    struct world *w, unsigned version, const char *first, const char *again, size_t times)
{
    CORDON_CLEANUP_BUFFER struct buffer entries;
    buffer_init(&entries, SECTION_BYTES_MAX);
    put(&entries, first);
    repeat(&entries, again, times);
    put_unit(w, version, &entries);
}

static inline void resolve_one(
    const struct world *w, struct arena *arena, uint32_t address, struct dwarf_place *place)
{
    arena_init(arena, ARENA_BYTES);
    *place = (struct dwarf_place){.address = address};
    const struct dwarf_sections sections = sections_of(w);
    dwarf_resolve(&sections, arena, place, 1);
}

/*
 * The world of most cases: the root's addresses are 0x10 to 0x90, and what values refer to is
 * there: texts "alpha" at 1 and "beta" at 7, addresses 0x10, 0x20, -1 and 0x30, lists of ranges.
 */
static inline void fill(struct world *w)
{
    put(&w->str, "00");
    put_text(&w->str, "alpha");
    put_text(&w->str, "beta");
    put(&w->line_str, "00");
    put_text(&w->line_str, "alpha");
    put(&w->str_offsets, "0c000000 05000000 01000000 07000000");
    put(&w->addr, "14000000 05000400 10000000 20000000 ffffffff 30000000");
}

/*
 * Abbreviations of a tree. Those with children: 1 the root, 2 a function, 3 an inlined call, 4 a
 * namespace. Those without: 5 a function that refers to another, 6 one with a linker's name, 7 one
 * that says where it is declared. Code is given by address and size.
 */
static inline void put_tree_abbrevs(struct world *w)
{
    put(&w->abbrev, "01 11 01 11 01 12 06 10 17 1b 08 00 00");
    put(&w->abbrev, "02 2e 01 11 01 12 06 03 08 00 00");
    put(&w->abbrev, "03 1d 01 11 01 12 06 31 13 58 0b 59 0b 57 0b 00 00");
    put(&w->abbrev, "04 39 01 00 00");
    put(&w->abbrev, "05 2e 00 03 08 47 13 00 00");
    put(&w->abbrev, "06 2e 00 6e 08 00 00");
    put(&w->abbrev, "07 2e 00 03 08 3a 0b 3b 0b 00 00 00");
}

/* Entries begin at 0x1a, where the first function is "f" if there is no other. */
#define ROOT "01 10000000 80000000 00000000 2f00"
#define IN_F "02 20000000 10000000 6600"

/* What stands before the lists of a line table. */
#define LINE_HEADER "01 01 01 fb 0e 0d 00 01 01 01 01 00 00 00 01 00 00 01"

#endif
