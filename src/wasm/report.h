/*
 * The admission report: what `cordon check` and the answer to a deploy say about a module, as JSON.
 */
#ifndef WASM_REPORT_H
#define WASM_REPORT_H

#include "base/buffer.h"
#include "value/schema.h"
#include "wasm/callgraph.h"
#include "wasm/metadata.h"
#include "wasm/module.h"

/*
 * Appends one JSON object:
 *
 *     bytes       of the module
 *     functions   [{"path", "export", "kind", "visibility", "args", "returns", and what its calls
 *                 can come to}] of the metadata; not there if `metadata` is NULL
 *     schema      {"tables": [{"tableName", "indexes", "documentType"}], "schemaValidation"} as the
 *                 module brings it, tables by name; null if it brings none
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
 *     initialization  what the calls of that code can come to; null if there is none
 *     sections    [{"name", "bytes"}], custom ones by their own name
 *     debug       {"names", "dwarf", "sourceMap", "fault"}: which debug information is there, and
 *                 why the name section could not be read to its end, or null
 *
 * What calls can come to is by the call graph, so it is never less than what a run does:
 *
 *     capabilities  names of the import modules that it can reach: ["convex/core", ...]
 *     recursive     true if a function that it reaches can come to call itself
 *     callDepth     functions of the module that can be active at one time, itself included; null
 *                   if it is recursive
 *
 * Errors: those of buffer_append().
 */
CORDON_MUST_USE cordon_error *wasm_report_json(
    const struct wasm_module *module,
    const struct wasm_callgraph *graph,
    const struct wasm_metadata *metadata,
    const struct schema *schema,
    struct buffer *buffer);

#endif
