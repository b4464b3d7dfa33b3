/*
 * Source maps, version 3: from positions in generated text to those in the sources it was made of.
 * For WebAssembly the generated text is one line, and its columns are bytes of the module.
 *
 * A map is a stranger's text. All of it is checked when it is read: its JSON, each number of its
 * mappings, each source and name they refer to. So what is resolved later cannot fail, and whoever
 * supplied a broken map is told what is wrong with it and where. Maps made of maps ("sections") are
 * refused; generators for WebAssembly and bundlers of one file don't write them.
 *
 * Like symbols, the positions of a whole trace are resolved in one go: mappings are a stream of
 * differences, and one walk over it costs less than a table of it would, which would have to be
 * kept.
 */
#ifndef DEBUG_SOURCE_MAP_H
#define DEBUG_SOURCE_MAP_H

#include "base/error.h"
#include "base/slice.h"

/* Memory that a map takes at most, its text included: sources of 10 MB, written out in it. */
#define SOURCE_MAP_BYTES_MAX ((size_t)64 << 20)

/* Sources and names, each. */
#define SOURCE_MAP_ITEMS_MAX 1000000u

struct source_map;

struct source_map_place {
    /* Asked for: counted from 0, as maps do. */
    uint32_t line;
    uint32_t column;
    /* Found by source_map_resolve(); texts are borrowed from the map. */
    struct slice source;    /* as the map names it, behind its root; empty: nothing is known */
    uint32_t source_line;   /* from 1, as people count */
    uint32_t source_column; /* from 1, in UTF-16 units */
    struct slice name;      /* what is called so in the source; often empty */
};

/*
 * Reads a map. `*out_map` is the caller's, freed with source_map_free(); it does not need the text.
 * Errors: CORDON_E_BAD_JSON (no JSON, or no map, with what and where), CORDON_E_TOO_LARGE,
 * CORDON_E_NO_MEMORY. Any thread.
 */
CORDON_MUST_USE cordon_error *source_map_read(struct slice json, struct source_map **out_map);

/* NULL accepted. */
void source_map_free(struct source_map *map);

static inline void source_map_freep(struct source_map **map)
{
    source_map_free(*map);
    *map = NULL;
}

/*
 * Finds for each place the mapping at or last before it on its line. The places are in ascending
 * order of line and column. Any number of threads at a time.
 */
void source_map_resolve(
    const struct source_map *map, struct source_map_place *places, size_t count);

#endif
