/*
 * Symbols: what a place in a module is called, for people. Asked when a run fails, about all frames
 * of its stack at once.
 *
 * The best answer that the module holds is given: functions, files and lines from its debug
 * information (debug/dwarf.h), with a frame for each inlined call; else the function's name from
 * the name section; else "func[12]".
 *
 * Nothing here fails and nothing is kept. Whatever is wrong with the debug information, a frame is
 * shown with less, and the failure that is being reported is not lost behind another. The module's
 * bytes are needed for the call alone, so they may be read from where they are stored just then.
 */
#ifndef DEBUG_SYMBOLS_H
#define DEBUG_SYMBOLS_H

#include "base/arena.h"
#include "base/slice.h"

/* Of a function's name and of a file's; longer ones are cut. Mangled names of Rust reach 2,000. */
#define SYMBOLS_NAME_BYTES_MAX 4096
#define SYMBOLS_PATH_BYTES_MAX 1024

#define SYMBOLS_NO_OFFSET UINT64_MAX

/* Memory of its own that symbols_resolve() takes at most, while it lasts. */
#define SYMBOLS_WORK_BYTES ((size_t)3 << 20)

/* As the engine knows a frame. */
struct symbols_place {
    uint32_t function;      /* index among all functions of the module, imported ones first */
    uint64_t module_offset; /* of the instruction, from the start of the module, or NO_OFFSET */
};

/* Texts are UTF-8 without control characters. */
struct symbols_frame {
    struct slice function; /* never empty */
    bool is_named;         /* false: nothing names it, and `function` is its number: "func[12]" */
    bool is_linkage_name;  /* `function` is the linker's name: to be demangled before it is shown */
    bool is_inlined;       /* into the function of the next frame */
    struct slice file;     /* empty: not known; see symbols_path.h for how it is shown */
    uint32_t line;         /* from 1; 0: not known, as is the column then */
    uint32_t column;       /* from 1; 0: not known */
};

/*
 * Writes the frames of the places, in their order and innermost first, at most `frames_max`;
 * returns how many. That is at least one for each place, unless there is no room or memory is out.
 * The texts live in `arena`. Any thread.
 */
size_t symbols_resolve(
    struct slice module,
    const struct symbols_place *places,
    size_t place_count,
    struct arena *arena,
    struct symbols_frame *out_frames,
    size_t frames_max);

#endif
