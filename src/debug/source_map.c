/*
 * Mappings are digits of base 64, five bits each with a sixth that says whether there are more,
 * the lowest bit of a number its sign. A segment is 1, 4 or 5 numbers, differences to the ones
 * before: the generated column, and if the code comes from a source which one, its line, its
 * column, a name. Segments end with "," and lines with ";".
 */
#include "debug/source_map.h"

#include "base/arena.h"
#include "base/memory.h"
#include "value/json.h"

#include <stdio.h>

struct source_map {
    struct arena arena; /* the text of the JSON, with all strings, and the two lists */
    struct slice mappings;
    struct slice *sources;
    struct slice *names;
    uint32_t source_count;
    uint32_t name_count;
};

/* What a number of a segment is. */
enum field { COLUMN, SOURCE, SOURCE_LINE, SOURCE_COLUMN, NAME, FIELD_COUNT };

/* -- Mappings ------------------------------------------------------------------------------- */

enum event { EVENT_SEGMENT, EVENT_END, EVENT_BAD };

struct walk {
    const struct source_map *map;
    size_t at;
    uint32_t line; /* of the generated text */
    int64_t fields[FIELD_COUNT];
    unsigned field_count; /* of the last segment: 1, 4 or 5 */
    const char *fault;    /* of EVENT_BAD: what is wrong at `at` */
};

static int digit_of(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return byte - 'A';
    }
    if (byte >= 'a' && byte <= 'z') {
        return byte - 'a' + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return byte - '0' + 52;
    }
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* One number, of which there is at least a digit. False: it is none, or has more than 32 bits. */
static bool take_number(struct walk *w, int64_t *out_number)
{
    const struct slice text = w->map->mappings;
    uint64_t number = 0;
    int digit = 0x20;
    for (unsigned shift = 0; (digit & 0x20) != 0; shift += 5) {
        digit = w->at < text.size ? digit_of(text.data[w->at]) : -1;
        if (digit < 0 || shift > 30) {
            return false;
        }
        number |= (uint64_t)(digit & 0x1f) << shift;
        w->at++;
    }
    const int64_t size = (int64_t)(number >> 1);
    *out_number = (number & 1) != 0 ? -size : size;
    return size <= UINT32_MAX;
}

/* Reads the segment at hand, which is not empty. Returns what is wrong with it, or NULL. */
static const char *take_segment(struct walk *w)
{
    const struct slice text = w->map->mappings;
    const int64_t last_column = w->fields[COLUMN];
    w->field_count = 0;
    do {
        int64_t difference = 0;
        if (w->field_count == FIELD_COUNT || !take_number(w, &difference)) {
            return w->field_count == FIELD_COUNT ? "a segment has more than 5 numbers"
                                                 : "no number of 32 bits in base 64";
        }
        int64_t *field = &w->fields[w->field_count++];
        *field += difference;
        if (*field < 0 || *field > UINT32_MAX) {
            return "a position or an index is not in the range of 32 bits";
        }
    } while (w->at < text.size && text.data[w->at] != ',' && text.data[w->at] != ';');
    if (w->field_count != 1 && w->field_count < 4) {
        return "a segment has 2 or 3 numbers, not 1, 4 or 5";
    }
    if (w->fields[COLUMN] < last_column) {
        return "the columns of a line go back";
    }
    if (w->field_count >= 4 && w->fields[SOURCE] >= w->map->source_count) {
        return "there is no such source";
    }
    if (w->field_count == 5 && w->fields[NAME] >= w->map->name_count) {
        return "there is no such name";
    }
    return NULL;
}

static enum event next_segment(struct walk *w)
{
    const struct slice text = w->map->mappings;
    while (w->at < text.size && (text.data[w->at] == ',' || text.data[w->at] == ';')) {
        if (text.data[w->at++] == ';') {
            w->line++; /* a text has fewer than 2^32 bytes */
            w->fields[COLUMN] = 0;
        }
    }
    if (w->at == text.size) {
        return EVENT_END;
    }
    w->fault = take_segment(w);
    return w->fault == NULL ? EVENT_SEGMENT : EVENT_BAD;
}

/* -- Reading -------------------------------------------------------------------------------- */

static cordon_error *bad_map(const char *what)
{
    return cordon_error_new(
        CORDON_E_BAD_JSON,
        "No source map: %s. Pass a map of version 3, as compilers and bundlers write it.", what);
}

static cordon_error *check_mappings(const struct source_map *map)
{
    struct walk walk = {.map = map};
    enum event event = EVENT_SEGMENT;
    while (event == EVENT_SEGMENT) {
        event = next_segment(&walk);
    }
    if (event == EVENT_END) {
        return NULL;
    }
    char what[128];
    (void)snprintf(
        what, sizeof what, "\"mappings\" at byte %zu, line %u: %s", walk.at, walk.line, walk.fault);
    return bad_map(what);
}

/* A source behind the root of all sources; empty if the map does not name it. */
static cordon_error *join_root(
    struct arena *arena, struct slice root, struct slice source, struct slice *out_source)
{
    if (root.size == 0 || source.size == 0) {
        *out_source = source;
        return NULL;
    }
    const bool needs_slash = root.data[root.size - 1] != '/';
    const size_t size = root.size + needs_slash + source.size;
    uint8_t *bytes = arena_alloc(arena, size);
    if (bytes == NULL) {
        return arena_error(arena);
    }
    memcpy(bytes, root.data, root.size);
    bytes[root.size] = '/';
    memcpy(bytes + size - source.size, source.data, source.size);
    *out_source = slice_of(bytes, size);
    return NULL;
}

/* A list of strings; null is an empty one, as bundlers write it for what has no file. */
static cordon_error *read_list(
    struct arena *arena,
    const struct json_node *list,
    const char *fault,
    struct slice **out_items,
    uint32_t *out_count)
{
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY || count > SOURCE_MAP_ITEMS_MAX) {
        return bad_map(fault);
    }
    struct slice *items = arena_alloc(arena, count * sizeof *items);
    if (items == NULL) {
        return arena_error(arena);
    }
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        const struct json_node *item = json_next_item(&walk);
        if (json_kind(item) != JSON_STRING && json_kind(item) != JSON_NULL) {
            return bad_map(fault);
        }
        items[i] = json_string(item);
    }
    *out_items = items;
    *out_count = (uint32_t)count;
    return NULL;
}

static cordon_error *check_kind(const struct json_node *root)
{
    uint64_t version = 0;
    if (json_kind(root) != JSON_OBJECT) {
        return bad_map("the text is no object");
    }
    if (json_get(root, SLICE("sections")) != NULL) {
        return bad_map("it has \"sections\", that is, it is made of several maps");
    }
    if (!json_u64(json_get(root, SLICE("version")), &version) || version != 3) {
        return bad_map("its \"version\" is not 3");
    }
    if (json_kind(json_get(root, SLICE("mappings"))) != JSON_STRING) {
        return bad_map("it has no \"mappings\"");
    }
    return NULL;
}

static cordon_error *read_map(struct source_map *map, const struct json_node *root)
{
    TRY(check_kind(root));
    map->mappings = json_string(json_get(root, SLICE("mappings")));
    TRY(read_list(
        &map->arena, json_get(root, SLICE("sources")), "\"sources\" is no list of names",
        &map->sources, &map->source_count));
    const struct json_node *names = json_get(root, SLICE("names"));
    if (names != NULL) {
        TRY(read_list(
            &map->arena, names, "\"names\" is no list of names", &map->names, &map->name_count));
    }
    const struct slice source_root = json_string(json_get(root, SLICE("sourceRoot")));
    for (uint32_t i = 0; i < map->source_count; i++) {
        TRY(join_root(&map->arena, source_root, map->sources[i], &map->sources[i]));
    }
    return check_mappings(map);
}

cordon_error *source_map_read(struct slice json, struct source_map **out_map)
{
    CORDON_CLEANUP(source_map_freep) struct source_map *map = MEM_NEW(struct source_map);
    if (map == NULL) {
        return error_no_memory();
    }
    arena_init(&map->arena, SOURCE_MAP_BYTES_MAX);
    const struct json_limits limits = {.bytes_max = SOURCE_MAP_BYTES_MAX, .depth_max = 16};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse_in_arena(json, &limits, &map->arena, &doc));
    TRY(read_map(map, json_root(doc)));
    *out_map = CORDON_TAKE(map);
    return NULL;
}

void source_map_free(struct source_map *map)
{
    if (map != NULL) {
        arena_done(&map->arena);
        mem_free(map);
    }
}

/* -- Resolving ------------------------------------------------------------------------------ */

static bool is_before(const struct source_map_place *place, uint32_t line, uint32_t column)
{
    return place->line < line || (place->line == line && place->column < column);
}

/* What the walk's last segment says about a place, which is on its line. */
static void fill(struct source_map_place *place, const struct walk *w)
{
    if (w->field_count < 4 || w->map->sources[w->fields[SOURCE]].size == 0) {
        return;
    }
    place->source = w->map->sources[w->fields[SOURCE]];
    place->source_line = (uint32_t)w->fields[SOURCE_LINE] + 1;
    place->source_column = (uint32_t)w->fields[SOURCE_COLUMN] + 1;
    if (w->field_count == 5) {
        place->name = w->map->names[w->fields[NAME]];
    }
}

void source_map_resolve(const struct source_map *map, struct source_map_place *places, size_t count)
{
    struct walk walk = {.map = map};
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct source_map_place){.line = places[i].line, .column = places[i].column};
        CORDON_ASSERT(i == 0 || !is_before(&places[i], places[i - 1].line, places[i - 1].column));
    }
    while (next < count) {
        const struct walk last = walk;
        const bool is_end = next_segment(&walk) != EVENT_SEGMENT;
        /* The places up to this segment have what the last one says, if that is on their line. */
        while (next < count &&
               (is_end || is_before(&places[next], walk.line, (uint32_t)walk.fields[COLUMN]))) {
            struct source_map_place *place = &places[next++];
            if (last.field_count > 0 && last.line == place->line) {
                fill(place, &last);
            }
        }
    }
}
