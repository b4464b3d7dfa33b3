/* Plain and brotli bodies; see body.h. */
#include "http/body.h"

#include <brotli/decode.h>

/* -- Memory for the decoder ----------------------------------------------------------------- */

/* A block knows its size: it is given back to the account, and brotli does not tell. */
union block {
    size_t size;
    max_align_t aligned;
};

static void *decoder_alloc(void *account, size_t size)
{
    if (size > SIZE_MAX - sizeof(union block)) {
        return NULL;
    }
    union block *block = account_realloc(account, NULL, 0, sizeof(union block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->size = sizeof(union block) + size;
    return block + 1;
}

static void decoder_free(void *account, void *memory)
{
    if (memory != NULL) {
        union block *block = (union block *)memory - 1;
        account_free(account, block, block->size);
    }
}

static void decoder_freep(BrotliDecoderState **state)
{
    BrotliDecoderDestroyInstance(*state);
}

/* -- Unpacking ------------------------------------------------------------------------------ */

static size_t unpacked_max(size_t packed, size_t size_max)
{
    const size_t most = packed > (SIZE_MAX - HTTP_UNPACKED_BYTES_BASE) / HTTP_UNPACKED_RATIO_MAX
                            ? SIZE_MAX
                            : packed * HTTP_UNPACKED_RATIO_MAX + HTTP_UNPACKED_BYTES_BASE;
    return most < size_max ? most : size_max;
}

/* True when the end has come; false while there may be more. Errors: those of buffer_append(). */
static cordon_error *unpack(
    BrotliDecoderState *state, struct slice packed, struct buffer *out, bool *out_good)
{
    const uint8_t *next = packed.data;
    size_t left = packed.size;
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        size_t room = 0;
        result = BrotliDecoderDecompressStream(state, &left, &next, &room, NULL, NULL);
        size_t size = 0;
        const uint8_t *plain = BrotliDecoderTakeOutput(state, &size);
        TRY(buffer_append(out, slice_of(plain, size)));
    }
    *out_good = result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
    return NULL;
}

/* Whether the decoder ended because it was given no memory. */
static bool is_out_of_memory(const BrotliDecoderState *state)
{
    const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state);
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
           code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static bool refuse(struct http_refusal *out_refusal, struct http_refusal refusal)
{
    *out_refusal = refusal;
    return false;
}

static bool unpack_brotli(
    struct slice packed, size_t size_max, struct buffer *unpacked, struct http_refusal *out_refusal)
{
    CORDON_CLEANUP(decoder_freep) BrotliDecoderState *state =
        BrotliDecoderCreateInstance(decoder_alloc, decoder_free, unpacked->account);
    if (state == NULL) {
        return refuse(out_refusal, http_no_memory);
    }
    buffer_clear(unpacked);
    unpacked->size_max = unpacked_max(packed.size, size_max);
    bool good = false;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = unpack(state, packed, unpacked, &good);
    if (good) {
        return true;
    }
    if (error == NULL && !is_out_of_memory(state)) {
        return refuse(
            out_refusal,
            (struct http_refusal){
                400, "BadBody",
                "The body is not brotli; pack it again, or send it without Content-Encoding."});
    }
    if (error == NULL || cordon_error_get_code(error) != CORDON_E_TOO_LARGE) {
        return refuse(out_refusal, http_no_memory);
    }
    if (unpacked->size_max == size_max) {
        return refuse(
            out_refusal, (struct http_refusal){413, "RequestTooLarge",
                                               "The body, unpacked, is larger than this server "
                                               "takes."});
    }
    return refuse(
        out_refusal,
        (struct http_refusal){413, "RequestTooLarge",
                              "A packed body may become 64 times as large, and 64 KiB more; send "
                              "this one without Content-Encoding."});
}

bool http_body_read(
    const struct http_request *request,
    size_t size_max,
    struct buffer *unpacked,
    struct slice *out_body,
    struct http_refusal *out_refusal)
{
    const struct slice encoding = request->headers[HTTP_CONTENT_ENCODING];
    if (encoding.data == NULL || http_token_is(encoding, "identity")) {
        *out_body = request->body;
        return true;
    }
    if (!http_token_is(encoding, "br")) {
        return refuse(
            out_refusal,
            (struct http_refusal){415, "UnsupportedEncoding",
                                  "A body is plain or brotli (Content-Encoding: br)."});
    }
    if (!unpack_brotli(request->body, size_max, unpacked, out_refusal)) {
        return false;
    }
    *out_body = buffer_slice(unpacked);
    return true;
}
