/*
 * Debug information: which functions and lines of source a place in a module's code is.
 *
 * Reads DWARF 4 and 5 as clang and rustc put it into custom sections of WebAssembly: 32-bit
 * offsets, addresses of four bytes that count from the start of the code section's contents, no
 * separate object files. Inlined calls are told apart, so that one place may be several frames.
 *
 * The bytes are a stranger's. They are read while a failure is reported, so nothing here fails:
 * what is damaged, foreign, cyclic or too large gives fewer frames, or none. The work is bounded
 * by DWARF_STEPS_MAX whatever the bytes say, the memory by the arena.
 *
 * All places of a trace are resolved in one go. Compilers emit no index by address for
 * WebAssembly, and a unit of a program compiled as a whole can be most of its debug information:
 * to walk it once for a trace costs less than to make and keep an index, and nothing has to be
 * kept between failures.
 */
#ifndef DEBUG_DWARF_H
#define DEBUG_DWARF_H

#include "base/arena.h"
#include "base/slice.h"

/*
 * Numbers, texts, ranges and rows that one resolution reads at most. The trace of a Rust panic
 * over 3 to 6 MB takes less than a million; to read all entries of 6 MB, 4 million. A step takes 2
 * to 8 ns, so the most hostile module costs 80 ms.
 */
#define DWARF_STEPS_MAX ((uint64_t)10000000)

/* Functions inlined into each other at one place. An outcome shows 64 frames in all. */
#define DWARF_SCOPES_MAX 64

/* Contents of the custom sections ".debug_info" and so on; empty ones are missing. */
struct dwarf_sections {
    struct slice info;
    struct slice abbrev;
    struct slice line;
    struct slice str;
    struct slice line_str;
    struct slice str_offsets;
    struct slice addr;
    struct slice ranges;   /* DWARF 4 */
    struct slice rnglists; /* DWARF 5 */
};

/* A file as the compiler wrote it down: each part is relative to the one before, or absolute. */
struct dwarf_file {
    struct slice base; /* the folder in which the compiler ran */
    struct slice directory;
    struct slice name; /* empty: the file is not known */
    /*
     * The folder in which the frame's function was compiled. Another than `base` if units were put
     * together at the end, and a function of one was inlined into one of another.
     */
    struct slice home;
};

struct dwarf_frame {
    struct slice function; /* empty: not known */
    bool is_linkage_name;  /* `function` is the linker's name, which most languages mangle */
    bool is_inlined;       /* into the function of the next frame */
    struct dwarf_file file;
    uint32_t line; /* from 1; 0: not known */
    uint32_t
        column; /* from 1; 0: not known, and the line may be the one where the function begins */
};

struct dwarf_place {
    uint32_t address;           /* in bytes from the start of the code section's contents */
    struct dwarf_frame *frames; /* set by dwarf_resolve(); innermost first */
    size_t frame_count;         /* 0: nothing is known about this place */
};

/*
 * Finds the frames of every place. The places are in ascending order of their addresses, each there
 * once. Frames live in the arena; their texts are borrowed from the sections. Any thread, one at a
 * time per arena.
 */
void dwarf_resolve(
    const struct dwarf_sections *sections,
    struct arena *arena,
    struct dwarf_place *places,
    size_t count);

#endif
