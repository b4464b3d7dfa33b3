/* Line tables of DWARF 4 and 5 made by hand: each opcode, and what compilers never write. */
#include "unit/dwarf_world.h"

/*
 * A unit whose function holds everything from 0x10 to 0x90, with a line table of its own: a header
 * without its sizes and lists, and a program.
 */
struct line_case {
    const char *what;
    unsigned version;
    const char *lists;
    const char *program;
    const char *position; /* of 0x25: FOLDER FILE LINE COLUMN */
};

/* Folder "d", files "a.c" in the compiler's folder and "b.c" in "d". */
#define LISTS4 "6400 00 612e6300 000000 622e6300 010000 00"
#define LISTS5 "01 01 08 02 2f00 6400 02 01 08 02 0b 02 612e6300 00 622e6300 01"
#define AT_20 "00 05 02 20000000 03 02"
#define END "02 20 00 01 01"

static const struct line_case lines[] = {
    {"copy", 4, LISTS4, AT_20 "01" END, " a.c 3 0"},
    {"copy in DWARF 5", 5, LISTS5, AT_20 "01" END, "d b.c 3 0"},
    {"file 0 in DWARF 5", 5, LISTS5, AT_20 "04 00 01" END, "/ a.c 3 0"},
    {"set_file", 4, LISTS4, AT_20 "04 02 01" END, "d b.c 3 0"},
    {"set_column", 4, LISTS4, AT_20 "05 8101 01" END, " a.c 3 129"},
    {"advance_line back", 4, LISTS4, AT_20 "03 7f 01" END, " a.c 2 0"},
    {"the last row before it", 4, LISTS4, AT_20 "01 02 05 03 01 01 02 01 03 01 01" END, " a.c 4 0"},
    {"of rows for one address the last", 4, LISTS4, AT_20 "01 03 01 01" END, " a.c 4 0"},
    {"special", 4, LISTS4, AT_20 "01 5a" END, " a.c 5 0"}, /* 5 bytes and 7 - 5 lines on */
    {"const_add_pc", 4, LISTS4, AT_20 "08 01" END, ""},    /* 17 bytes on: behind it */
    {"fixed_advance_pc", 4, LISTS4, AT_20 "01 09 0500 03 01 01" END, " a.c 4 0"},
    {"negate, block, prologue, epilogue, isa", 4, LISTS4, AT_20 "06 07 0a 0b 0c 8001 01" END,
     " a.c 3 0"},
    {"an extended opcode that is unknown", 4, LISTS4, AT_20 "00 04 80 010101 01" END, " a.c 3 0"},
    {"one without a size", 4, LISTS4, AT_20 "00 00 01" END, ""},
    {"one past the end", 4, LISTS4, AT_20 "00 7f 80 01" END, ""},
    {"an address of 8 bytes", 4, LISTS4, "00 09 02 2000000000000000 01" END, ""},
    {"a sequence left out", 4, LISTS4,
     "00 05 02 ffffffff 03 01 01 02 27 01 02 20 00 01 01" AT_20 "01" END, " a.c 3 0"},
    {"a sequence left out long ago", 4, LISTS4, "03 01 01 02 30 00 01 01" AT_20 "01" END,
     " a.c 3 0"},
    {"the second sequence", 4, LISTS4, "00 05 02 10000000 01 02 08 00 01 01" AT_20 "01" END,
     " a.c 3 0"},
    {"rows that go back", 4, LISTS4, "00 05 02 30000000 01" AT_20 "01" END, " a.c 3 0"},
    {"no end of the sequence", 4, LISTS4, AT_20 "01", ""},
    {"cut off", 4, LISTS4, AT_20 "01 02", ""},
    {"no such file", 4, LISTS4, AT_20 "04 03 01" END, ""},
    {"file 0 in DWARF 4", 4, LISTS4, AT_20 "04 00 01" END, ""},
    {"no such file in DWARF 5", 5, LISTS5, AT_20 "04 02 01" END, ""},
    {"a file number over 32 bits", 4, LISTS4, AT_20 "04 ffffffff7f 01" END, ""},
    /* Lists. */
    {"no such folder", 4, "00 612e6300 050000 00", AT_20 "01" END, " a.c 3 0"},
    {"no file", 4, "6400 00 00", AT_20 "01" END, ""},
    {"folders without an end", 4, "6400", AT_20 "01" END, ""},
    {"line_strp", 5, "01 01 1f 01 01000000 01 01 1f 02 01000000 01000000", AT_20 "01" END,
     "alpha alpha 3 0"},
    {"strp", 5, "00 00 02 01 0e 05 1e 01 01000000 000102030405060708090a0b0c0d0e0f",
     AT_20 "04 00 01" END, " alpha 3 0"},
    {"a source's text and a time", 5,
     "00 00 04 01 08 02 0b 03 06 8140 1f 01 612e6300 00 00000000 01000000", AT_20 "04 00 01" END,
     " a.c 3 0"},
    {"a form that is none", 5, "00 00 02 01 08 02 02 01 612e6300 00", AT_20 "04 00 01" END, ""},
    {"very many files of nothing", 5, "00 00 00 ffffffffffffffff7f", AT_20 "04 7f 01" END, ""},
    {"very many folders of nothing", 5, "00 ffffffffffffffff7f 00 00", AT_20 "01" END, ""},
    {"fewer files than told", 5, "00 00 01 01 08 40 612e6300", AT_20 "04 08 01" END, ""},
};

/* The table, and where its version, sizes and so on are broken. */
static void put_lines(struct buffer *out, const struct line_case *c, const char *header)
{
    CORDON_CLEANUP_BUFFER struct buffer program;
    CORDON_CLEANUP_BUFFER struct buffer rest;
    buffer_init(&program, SECTION_BYTES_MAX);
    buffer_init(&rest, SECTION_BYTES_MAX);
    put(&program, c->program);
    put(&rest, header);
    put(&rest, c->lists);
    put_u32(out, (uint32_t)(rest.size + program.size) + (c->version >= 5 ? 8 : 6));
    put(out, c->version >= 5 ? "0500 04 00" : "0400");
    put_u32(out, (uint32_t)rest.size);
    expect_ok(buffer_append(out, buffer_slice(&rest)));
    expect_ok(buffer_append(out, buffer_slice(&program)));
}

static void make_lines(struct world *w, const struct line_case *c, const char *header)
{
    world_init(w);
    fill(w);
    put_tree_abbrevs(w);
    put_lines(&w->line, c, header);
    put_entries(w, c->version, ROOT "02 10000000 80000000 6600 00 00", "", 0);
}

static void expect_position(const struct world *w, const char *wanted, const char *what)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    struct dwarf_place place;
    resolve_one(w, &arena, 0x25, &place);
    assert_int_equal(place.frame_count, 1);
    const struct dwarf_frame *frame = &place.frames[0];
    char text[256] = "";
    if (frame->line > 0) {
        (void)snprintf(
            text, sizeof text, "%.*s %.*s %u %u", SLICE_FMT(frame->file.directory),
            SLICE_FMT(frame->file.name), frame->line, frame->column);
    }
    if (strcmp(text, wanted) != 0) {
        fail_msg("%s: \"%s\", wanted \"%s\"", what, text, wanted);
    }
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct world w;
        make_lines(&w, &lines[i], LINE_HEADER);
        expect_position(&w, lines[i].position, lines[i].what);
        world_done(&w);
    }
}

/* What stands in front of the lists. */
static void test_line_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *position;
    } cases[] = {
        {"04 01 01 fb 0e 0d 00 01 01 01 01 00 00 00 01 00 00 01", " a.c 3 0"},    /* 4 bytes each */
        {"01 01 01 fb 0e 0e 00 01 01 01 01 00 00 00 01 00 00 01 00", " a.c 3 0"}, /* one more */
        {"01 01 01 fb 00 0d 00 01 01 01 01 00 00 00 01 00 00 01", ""}, /* no range of lines */
        {"01 01 01 fb 0e 00", ""},                                     /* no opcodes */
        {"01 01 01 fb 0e ff 00 01 01 01 01 00 00 00 01 00 00 01", ""}, /* more than there are */
        {"01 01 01", ""},
    };
    const struct line_case plain = {"", 4, LISTS4, AT_20 "01 02 01" END, ""};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        make_lines(&w, &plain, cases[i].header);
        expect_position(&w, cases[i].position, cases[i].header);
        world_done(&w);
    }
}

/* Tables whose first bytes are changed. */
static void test_broken_lines(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
    } cases[] = {{0, 0xff}, {3, 0xff}, {4, 3}, {4, 6}, {5, 1}, {6, 0xff}, {9, 0xff}};
    const struct line_case plain = {"", 4, LISTS4, AT_20 "01 02 01" END, ""};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        make_lines(&w, &plain, LINE_HEADER);
        w.line.data[cases[i].at] = cases[i].byte;
        expect_position(&w, "", "a broken table");
        w.line.size = cases[i].at;
        expect_position(&w, "", "a table cut off");
        world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_line_headers),
        cmocka_unit_test(test_broken_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
