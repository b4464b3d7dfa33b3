/* Sort keys from any bytes: refused, or a value whose key is exactly the bytes that were read. */
#include "value/sortkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 26);
    CORDON_CLEANUP_BUFFER struct buffer again;
    buffer_init(&again, SIZE_MAX);
    struct slice rest = slice_of(data, size);
    while (rest.size > 0) {
        const struct slice before = rest;
        struct value value = {0};
        cordon_error *error = sortkey_read(&rest, &arena, &value);
        if (error != NULL) {
            CORDON_ASSERT(rest.data == before.data && rest.size == before.size);
            cordon_error_free(error);
            return 0;
        }
        buffer_clear(&again);
        error = sortkey_write(&again, &value);
        CORDON_ASSERT(error == NULL);
        const struct slice taken = slice_of(before.data, before.size - rest.size);
        CORDON_ASSERT(slice_equal(buffer_slice(&again), taken));
        CORDON_ASSERT(value_nesting(&value) <= VALUE_NESTING_MAX);
    }
    return 0;
}
