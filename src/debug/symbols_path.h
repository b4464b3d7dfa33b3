/*
 * How the file of a frame is shown: as its author would name it, not as the machine that built it.
 *
 * Debug information names files by where they were when they were compiled. What stands before the
 * author's project says nothing to who reads the trace, and things about the builder that need not
 * be told. So a file is shown
 *
 *   relative to the folder in which the compiler ran for the function, or to the first folder that
 *   both are in: what is built in /build/x/app/build from /build/x/app/src/a.c is src/a.c;
 *   as library/core/src/option.rs if it is of Rust's standard library, which is named by a hash or
 *   by where a toolchain is installed;
 *   as serde-1.0.200/src/lib.rs if it is of a crate that cargo fetched;
 *   else, as for headers of the system, by its last three names.
 *
 * This is about what is worth showing, and no secret: the module holds the whole path.
 */
#ifndef DEBUG_SYMBOLS_PATH_H
#define DEBUG_SYMBOLS_PATH_H

#include "debug/dwarf.h"
#include "debug/symbols.h"

/*
 * Writes the path into `buffer`, which the result borrows. Parts that are too long for it are left
 * out, from the front. Empty for a file without a name.
 */
struct slice symbols_path_show(const struct dwarf_file *file, char buffer[SYMBOLS_PATH_BYTES_MAX]);

#endif
