/*
 * The admission report: what `cordon check` and the answer to a deploy say about a module, as JSON.
 */
#ifndef WASM_REPORT_H
#define WASM_REPORT_H

#include "base/buffer.h"
#include "wasm/metadata.h"
#include "wasm/module.h"

/*
 * Appends one JSON object:
 *
 *     bytes       of the module
 *     functions   [{"path", "export", "kind", "visibility", "args", "returns"}] of the metadata;
 *                 not there if `metadata` is NULL
 *     imports     [{"module", "name", "kind", "type"}]; "type" of functions: "(i32) -> (i64)"
 *     exports     [{"name", "kind"}]
 *     memory      {"initialBytes", "maximumBytes"}; the maximum is null where none is stated;
 *                 null without a memory
 *     tables      [{"initialElements", "maximumElements"}]
 *     counts      {"types", "functions", "globals", "elementSegments", "dataSegments"}; functions
 *                 are those that the module defines
 *     code        {"bytes", "largest": {"index", "name", "bytes"}}; largest is null without code
 *     data        {"bytes"}
 *     start       true if code runs before any function: a start section or `_initialize`
 *     sections    [{"name", "bytes"}], custom ones by their own name
 *     debug       {"names", "dwarf", "sourceMap", "fault"}: which debug information is there, and
 *                 why the name section could not be read to its end, or null
 *
 * Errors: those of buffer_append().
 */
CORDON_MUST_USE cordon_error *wasm_report_json(
    const struct wasm_module *module, const struct wasm_metadata *metadata, struct buffer *buffer);

#endif
