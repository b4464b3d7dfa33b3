/*
 * Mangled names for people: what Rust and C++ make of `handlers::list` for the linker, back again.
 *
 * The names are a stranger's, and both ways of mangling can refer back to parts of the name: 200
 * bytes can stand for more text than there is memory. Rust's present way is read by a reader of our
 * own, with its work counted; libiberty reads C++ and Rust's old way, where a name that refers back
 * more often than real ones do is shown as it is.
 */
#ifndef DEBUG_DEMANGLE_H
#define DEBUG_DEMANGLE_H

#include "base/slice.h"
#include "wasm/module.h"

/*
 * The name as its author wrote it, or as it is if it is not mangled, cut to what is shown. Lies in
 * `buffer`. Takes less than a millisecond whatever the name is.
 */
struct slice demangle(struct slice name, char buffer[WASM_NAME_SHOWN_MAX]);

/*
 * The same for Rust's way of today, of a name that begins with "_R"; false: it is none. Of names
 * that are longer than the buffer the first part is written.
 */
bool demangle_rust(struct slice name, char buffer[WASM_NAME_SHOWN_MAX], size_t *out_size);

#endif
