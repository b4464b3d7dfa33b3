/*
 * Source maps: a map is refused with words, or read; then whatever is asked of it is answered from
 * it. The same text as mappings alone, in a map that is good but for them, reaches the numbers
 * fast.
 */
#include "debug/source_map.h"

#include "base/buffer.h"
#include "value/json.h"
#include "value/utf8.h"

#define PLACES 32

static void expect_error(cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    CORDON_ASSERT(code == CORDON_E_BAD_JSON || code == CORDON_E_TOO_LARGE);
    CORDON_ASSERT(utf8_valid(slice_str(cordon_error_get_message(error))));
    cordon_error_free(error);
}

static void read_and_ask(struct slice json)
{
    CORDON_CLEANUP(source_map_freep) struct source_map *map = NULL;
    cordon_error *error = source_map_read(json, &map);
    if (error != NULL) {
        CORDON_ASSERT(map == NULL);
        expect_error(error);
        return;
    }
    struct source_map_place places[PLACES];
    for (uint32_t i = 0; i < PLACES; i++) {
        places[i] = (struct source_map_place){.line = i / 8, .column = i % 8 * 5};
    }
    source_map_resolve(map, places, PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        CORDON_ASSERT(utf8_valid(places[i].source) && utf8_valid(places[i].name));
        CORDON_ASSERT(places[i].source.size > 0 || places[i].name.size == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_ask(slice_of(data, size));
    CORDON_CLEANUP_BUFFER struct buffer json;
    buffer_init(&json, (size_t)16 << 20);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = buffer_append(
        &json, SLICE("{\"version\":3,\"sources\":[\"a\",null],\"names\":[\"n\"],\"mappings\":"));
    if (error == NULL) {
        error = json_write_string(&json, slice_of(data, size));
    }
    if (error == NULL) {
        error = buffer_append_byte(&json, '}');
    }
    if (error == NULL) {
        read_and_ask(buffer_slice(&json));
    }
    return 0;
}
