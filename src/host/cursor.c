/*
 * Cursors; see cursor.h. What is sealed is `format u8 ‖ kind u8 ‖ fingerprint ‖ key`. A run that
 * is recorded writes what was sealed to its tape, and its replay, which has no key, plays it from
 * there.
 * Room is made first in both, as what a run holds counts for it.
 */
#include "host/cursor.h"

#include "base/hash.h"
#include "base/seal.h"
#include "store/tape.h"
#include "value/base64.h"
#include "value/sortkey.h"

#include <stdio.h>

#define CURSOR_FORMAT 1

enum { KIND_AFTER = 0, KIND_END = 1, HEAD_BYTES = 2 + CURSOR_FINGERPRINT_BYTES };

/* A key of an index, sealed and as text: its fields are those of a document of at most 1 MiB. */
#define CURSOR_BYTES_MAX ((size_t)32 << 20)

/* -- Fingerprints --------------------------------------------------------------------------- */

/* With its length in front, so that two texts are never taken for two others. */
static cordon_error *add_text(struct buffer *out, struct slice text)
{
    TRY(buffer_printf(out, "%zu:", text.size));
    return buffer_append(out, text);
}

static cordon_error *add_bound(struct buffer *out, const struct query_bound *bound)
{
    TRY(buffer_printf(out, "%d ", (int)bound->op));
    TRY(add_text(out, bound->path));
    return sortkey_write(out, &bound->value);
}

/*
 * Of names and conditions, and not of numbers: a table may come after the cursor, and a table or an
 * index may come again under another number, without another order of its keys.
 */
cordon_error *cursor_fingerprint(
    const struct open_query *open, uint8_t out_fingerprint[CURSOR_FINGERPRINT_BYTES])
{
    const struct query *query = &open->query;
    CORDON_CLEANUP_BUFFER struct buffer words;
    buffer_init(&words, CURSOR_BYTES_MAX);
    TRY(buffer_printf(
        &words, "%d %zu %zu ", query->descending, open->index.field_count, query->bound_count));
    TRY(add_text(&words, query->table));
    TRY(add_text(&words, query->index));
    for (size_t i = 0; i < open->index.field_count; i++) {
        TRY(add_text(&words, open->index.fields[i]));
    }
    for (size_t i = 0; i < query->bound_count; i++) {
        TRY(add_bound(&words, &query->bounds[i]));
    }
    TRY(query_write_operators(query, &words));
    uint8_t hash[SHA256_BYTES];
    const struct slice part = buffer_slice(&words);
    hash_sha256(&part, 1, hash);
    memcpy(out_fingerprint, hash, CURSOR_FINGERPRINT_BYTES);
    return NULL;
}

/* -- Sealing -------------------------------------------------------------------------------- */

static struct slice context_of(const struct host *host, char *out, size_t size)
{
    const int written = snprintf(out, size, "cordon cursor, tenant %u", host->options.tenant);
    return slice_of(out, (size_t)written);
}

/* Seals, or plays what was sealed. */
static cordon_error *seal(struct host *host, struct slice text, struct buffer *out)
{
    const struct host_options *options = &host->options;
    const struct tape_question question = {.op = TAPE_SEAL, .text = {text}};
    struct tape_answer answer = {0};
    TRY(buffer_reserve(out, SEAL_TAG_BYTES + text.size));
    if (options->player != NULL) {
        TRY(tape_play(options->player, &question, &answer));
        return buffer_append(out, answer.text[0]);
    }
    char context[64];
    const size_t before = out->size;
    TRY(seal_close(options->cursor_key, context_of(host, context, sizeof context), text, out));
    if (options->tape != NULL) {
        answer.text[0] = slice_from(buffer_slice(out), before);
        tape_write(options->tape, &question, &answer, NULL);
    }
    return NULL;
}

static cordon_error *unseal(
    struct host *host, struct slice sealed, struct buffer *out, bool *out_good)
{
    const struct host_options *options = &host->options;
    const struct tape_question question = {.op = TAPE_UNSEAL, .text = {sealed}};
    struct tape_answer answer = {0};
    TRY(buffer_reserve(out, sealed.size));
    if (options->player != NULL) {
        TRY(tape_play(options->player, &question, &answer));
        *out_good = answer.found;
        return buffer_append(out, answer.text[0]);
    }
    char context[64];
    const size_t before = out->size;
    TRY(seal_open(
        options->cursor_key, context_of(host, context, sizeof context), sealed, out, out_good));
    if (options->tape != NULL) {
        answer.found = *out_good;
        answer.text[0] = slice_from(buffer_slice(out), before);
        tape_write(options->tape, &question, &answer, NULL);
    }
    return NULL;
}

/* -- Cursors -------------------------------------------------------------------------------- */

cordon_error *cursor_write(
    struct host *host,
    const uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES],
    const struct cursor_position *position,
    struct buffer *out)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    CORDON_CLEANUP_BUFFER struct buffer sealed;
    buffer_init_charged(&text, CURSOR_BYTES_MAX, host->options.account);
    buffer_init_charged(&sealed, CURSOR_BYTES_MAX, host->options.account);
    TRY(buffer_append_byte(&text, CURSOR_FORMAT));
    TRY(buffer_append_byte(&text, position->is_end ? KIND_END : KIND_AFTER));
    TRY(buffer_append(&text, slice_of(fingerprint, CURSOR_FINGERPRINT_BYTES)));
    if (!position->is_end) {
        TRY(buffer_append(&text, position->key));
    }
    TRY(seal(host, buffer_slice(&text), &sealed));
    return base64_write(out, buffer_slice(&sealed), BASE64_URL);
}

/* What was unsealed was written here, though perhaps by another version. */
static enum cursor_verdict take_apart(
    const uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES],
    struct slice text,
    struct cursor_position *out_position)
{
    if (text.size < HEAD_BYTES || text.data[0] != CURSOR_FORMAT || text.data[1] > KIND_END) {
        return CURSOR_MALFORMED;
    }
    if (memcmp(text.data + 2, fingerprint, CURSOR_FINGERPRINT_BYTES) != 0) {
        return CURSOR_ELSEWHERE;
    }
    *out_position = (struct cursor_position){
        .is_end = text.data[1] == KIND_END,
        .key = slice_from(text, HEAD_BYTES),
    };
    return out_position->is_end || out_position->key.size > 0 ? CURSOR_GOOD : CURSOR_MALFORMED;
}

cordon_error *cursor_read(
    struct host *host,
    const uint8_t fingerprint[CURSOR_FINGERPRINT_BYTES],
    struct slice text,
    struct buffer *out,
    enum cursor_verdict *out_verdict,
    struct cursor_position *out_position)
{
    CORDON_CLEANUP_BUFFER struct buffer sealed;
    buffer_init_charged(&sealed, CURSOR_BYTES_MAX, host->options.account);
    bool good = false;
    size_t size = 0;
    *out_verdict = CURSOR_MALFORMED;
    TRY(buffer_reserve(&sealed, base64_decoded_size_max(text.size)));
    if (!base64_decode(text, BASE64_URL, sealed.data, &size)) {
        return NULL;
    }
    sealed.size = size;
    buffer_clear(out);
    TRY(unseal(host, buffer_slice(&sealed), out, &good));
    if (good) {
        *out_verdict = take_apart(fingerprint, buffer_slice(out), out_position);
    }
    return NULL;
}
