/* Rows of documents; see row.h. */
#include "value/row.h"

cordon_error *row_write(struct buffer *buffer, const struct value *document, size_t size)
{
    const uint8_t header[ROW_HEADER_BYTES] = {
        ROW_FORMAT,
        (uint8_t)size,
        (uint8_t)(size >> 8),
        (uint8_t)(size >> 16),
        (uint8_t)(size >> 24),
    };
    TRY(buffer_append(buffer, slice_of(header, sizeof header)));
    return value_write_encoded(buffer, document);
}

cordon_error *row_read(struct slice bytes, struct row *out_row)
{
    if (bytes.size < ROW_HEADER_BYTES || bytes.data[0] != ROW_FORMAT) {
        return cordon_error_new(
            CORDON_E_STORE, "a document is stored in a format that this version can't read; start "
                            "the one that wrote it");
    }
    *out_row = (struct row){
        .size = (uint64_t)bytes.data[1] | (uint64_t)bytes.data[2] << 8 |
                (uint64_t)bytes.data[3] << 16 | (uint64_t)bytes.data[4] << 24,
        .json = slice_from(bytes, ROW_HEADER_BYTES),
    };
    return NULL;
}
