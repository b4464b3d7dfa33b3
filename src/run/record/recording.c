/*
 * The file: a magic, the format's version, the fields in a fixed order, a SHA-256 over all before
 * it. Limits go by name, so that a table with more of them reads older records.
 */
#include "run/record/recording.h"

#include "base/hash.h"
#include "base/pack.h"
#include "value/json.h"
#include "value/printable.h"

#include <inttypes.h>
#include <stdio.h>

#define MAGIC SLICE("CORDON record\n")

/* 6: several modules; 5: how deep the call was; 3: a stack is its places, without names. */
enum { VERSION = 7 };

/* -- Writing -------------------------------------------------------------------------------- */

static cordon_error *write_limits(const uint64_t *allowed, struct buffer *out)
{
    TRY(pack_number(out, CORDON_LIMIT_COUNT));
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        TRY(pack_text(out, slice_str(cordon_limit_get_info((cordon_limit)i)->name)));
        TRY(pack_number(out, allowed[i]));
    }
    return NULL;
}

static cordon_error *write_cut(const struct host_cut *cut, struct buffer *out)
{
    TRY(pack_number(out, cut->is_set));
    if (!cut->is_set) {
        return NULL;
    }
    TRY(pack_number(out, cut->waiting));
    TRY(pack_number(out, cut->code == CORDON_OUTCOME_LIMIT));
    TRY(pack_text(out, slice_str(cordon_limit_get_info(cut->limit)->name)));
    TRY(pack_number(out, cut->used));
    TRY(pack_number(out, cut->place.yields));
    return pack_number(out, cut->place.looks);
}

static cordon_error *write_modules(const struct recording *recording, struct buffer *out)
{
    TRY(pack_number(out, recording->module_count));
    for (size_t i = 0; i < recording->module_count; i++) {
        const struct recorded_module *module = &recording->modules[i];
        TRY(buffer_append(out, slice_of(module->import_seed, sizeof module->import_seed)));
        TRY(pack_text(out, module->wasm));
    }
    return NULL;
}

static cordon_error *write_fields(const struct recording *recording, struct buffer *out)
{
    TRY(pack_text(out, recording->path));
    TRY(pack_number(out, recording->kind));
    TRY(pack_number(out, recording->depth));
    TRY(pack_text(out, recording->args));
    TRY(write_modules(recording, out));
    TRY(buffer_append(out, slice_of(recording->fingerprint, sizeof recording->fingerprint)));
    TRY(buffer_append(out, slice_of(recording->seed, sizeof recording->seed)));
    TRY(pack_number(out, recording->time_ns));
    TRY(pack_number(out, recording->import_time_ns));
    TRY(write_limits(recording->allowed, out));
    TRY(pack_text(out, recording->tape));
    TRY(pack_number(out, recording->tape_count));
    TRY(write_cut(&recording->cut, out));
    TRY(pack_number(out, recording->cut_call));
    return pack_text(out, recording->result);
}

cordon_error *recording_write(const struct recording *recording, struct buffer *out)
{
    TRY(buffer_append(out, MAGIC));
    TRY(pack_number(out, VERSION));
    TRY(write_fields(recording, out));
    const struct slice all = buffer_slice(out);
    uint8_t hash[SHA256_BYTES];
    hash_sha256(&all, 1, hash);
    return buffer_append(out, slice_of(hash, sizeof hash));
}

/* -- Reading -------------------------------------------------------------------------------- */

static bool limit_by_name(struct slice name, cordon_limit *out_limit)
{
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (slice_equal(name, slice_str(cordon_limit_get_info((cordon_limit)i)->name))) {
            *out_limit = (cordon_limit)i;
            return true;
        }
    }
    return false;
}

static bool read_flag(struct slice *from, bool *out_flag)
{
    uint64_t number = 0;
    if (!unpack_number(from, &number) || number > 1) {
        return false;
    }
    *out_flag = number == 1;
    return true;
}

static bool read_array(struct slice *from, uint8_t *out, size_t size)
{
    struct slice bytes;
    if (!unpack_bytes(from, size, &bytes)) {
        return false;
    }
    memcpy(out, bytes.data, size);
    return true;
}

/* Every limit of a run must be there; others hold for none. */
static bool read_limits(struct slice *from, uint64_t *out_allowed)
{
    uint64_t count = 0;
    bool seen[CORDON_LIMIT_COUNT] = {false};
    if (!unpack_number(from, &count) || count > CORDON_LIMIT_COUNT) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct slice name;
        uint64_t value = 0;
        cordon_limit limit = CORDON_LIMIT_FUEL;
        if (!unpack_text(from, &name) || !unpack_number(from, &value) ||
            !limit_by_name(name, &limit) || seen[limit]) {
            return false;
        }
        seen[limit] = true;
        out_allowed[limit] = value;
    }
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit_info *info = cordon_limit_get_info((cordon_limit)i);
        if (!seen[i] && info->scope == CORDON_SCOPE_RUN) {
            return false;
        }
        out_allowed[i] = seen[i] ? out_allowed[i] : info->defaults[CORDON_QUERY];
    }
    return true;
}

static bool read_cut(struct slice *from, struct host_cut *out_cut)
{
    if (!read_flag(from, &out_cut->is_set)) {
        return false;
    }
    if (!out_cut->is_set) {
        return true;
    }
    bool is_limit = false;
    struct slice name;
    if (!read_flag(from, &out_cut->waiting) || !read_flag(from, &is_limit) ||
        !unpack_text(from, &name) || !limit_by_name(name, &out_cut->limit)) {
        return false;
    }
    out_cut->code = is_limit ? CORDON_OUTCOME_LIMIT : CORDON_OUTCOME_CANCELLED;
    return unpack_number(from, &out_cut->used) && unpack_number(from, &out_cut->place.yields) &&
           unpack_number(from, &out_cut->place.looks);
}

static bool read_kind(struct slice *from, cordon_kind *out_kind)
{
    uint64_t number = 0;
    if (!unpack_number(from, &number) || number >= KIND_COUNT) {
        return false;
    }
    *out_kind = (cordon_kind)number;
    return true;
}

/* Its hash is that of its bytes, whatever a record might say. */
static bool read_module(struct slice *from, struct recorded_module *out)
{
    if (!read_array(from, out->import_seed, sizeof out->import_seed) ||
        !unpack_text(from, &out->wasm)) {
        return false;
    }
    hash_sha256(&out->wasm, 1, out->hash);
    return true;
}

static bool read_fields_before_modules(struct slice *from, struct recording *out)
{
    return unpack_text(from, &out->path) && read_kind(from, &out->kind) &&
           unpack_number(from, &out->depth) && unpack_text(from, &out->args);
}

/* At least one, each once; `*out_good` is false for others. */
static cordon_error *read_modules(
    struct slice *from, struct arena *arena, struct recording *out, bool *out_good)
{
    uint64_t count = 0;
    *out_good = unpack_number(from, &count) && count > 0 && count <= RECORDING_MODULES_MAX;
    if (!*out_good) {
        return NULL;
    }
    struct recorded_module *modules = arena_alloc(arena, (size_t)count * sizeof *modules);
    if (modules == NULL) {
        return arena_error(arena);
    }
    out->modules = modules;
    for (; *out_good && out->module_count < count; out->module_count++) {
        struct recorded_module *module = &modules[out->module_count];
        *out_good = read_module(from, module) && recording_find_module(out, module->hash) == NULL;
    }
    return NULL;
}

static bool read_fields_behind_modules(struct slice *from, struct recording *out)
{
    return read_array(from, out->fingerprint, sizeof out->fingerprint) &&
           read_array(from, out->seed, sizeof out->seed) && unpack_number(from, &out->time_ns) &&
           unpack_number(from, &out->import_time_ns) && read_limits(from, out->allowed) &&
           unpack_text(from, &out->tape) && unpack_number(from, &out->tape_count) &&
           read_cut(from, &out->cut) && unpack_number(from, &out->cut_call) &&
           unpack_text(from, &out->result) && from->size == 0;
}

static cordon_error *read_fields(
    struct slice *from, struct arena *arena, struct recording *out, bool *out_good)
{
    *out_good = read_fields_before_modules(from, out);
    if (*out_good) {
        TRY(read_modules(from, arena, out, out_good));
    }
    *out_good = *out_good && read_fields_behind_modules(from, out);
    return NULL;
}

const struct recorded_module *recording_find_module(
    const struct recording *recording, const uint8_t hash[SHA256_BYTES])
{
    for (size_t i = 0; i < recording->module_count; i++) {
        if (memcmp(recording->modules[i].hash, hash, SHA256_BYTES) == 0) {
            return &recording->modules[i];
        }
    }
    return NULL;
}

cordon_error *recording_read(
    struct slice bytes, struct arena *arena, struct recording *out_recording)
{
    if (bytes.size < MAGIC.size + SHA256_BYTES || !slice_starts_with(bytes, MAGIC)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "this is no record of a run; make one with `cordon run --record FILE`");
    }
    const struct slice body = slice_of(bytes.data, bytes.size - SHA256_BYTES);
    uint8_t hash[SHA256_BYTES];
    hash_sha256(&body, 1, hash);
    if (memcmp(hash, body.data + body.size, SHA256_BYTES) != 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "the record is damaged: its checksum does not match its bytes; make "
                              "it anew, or copy it again");
    }
    struct slice from = slice_from(body, MAGIC.size);
    uint64_t version = 0;
    if (!unpack_number(&from, &version) || version != VERSION) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the record has format version %" PRIu64 "; this Cordon reads version %d. Replay it "
            "with the Cordon that made it",
            version, VERSION);
    }
    struct recording recording = {0};
    bool good = false;
    TRY(read_fields(&from, arena, &recording, &good));
    if (!good) {
        return cordon_error_new(
            CORDON_E_INVALID, "the record was not made by this version of Cordon: its fields are "
                              "others. Replay it with the Cordon that made it");
    }
    *out_recording = recording;
    return NULL;
}

/* -- Results -------------------------------------------------------------------------------- */

static cordon_error *write_words(struct buffer *out, const char *name, struct slice words)
{
    TRY(buffer_printf(out, "%s ", name));
    TRY(json_write_string(out, words));
    return buffer_append_byte(out, '\n');
}

cordon_error *recording_write_places(const struct outcome *outcome, struct buffer *out)
{
    for (size_t i = 0; i < outcome->frame_count; i++) {
        const struct outcome_frame *frame = &outcome->frames[i];
        TRY(buffer_printf(
            out, "frame %" PRIu32 " at %" PRIu64 "\n", frame->function_index,
            frame->module_offset));
    }
    return NULL;
}

cordon_error *recording_write_result(
    const struct outcome *outcome, struct slice places, struct buffer *out)
{
    TRY(buffer_printf(out, "code %s\n", outcome_code_name(outcome)));
    TRY(write_words(out, "value", outcome->value));
    TRY(write_words(out, "message", outcome->message));
    TRY(write_words(out, "data", outcome->data));
    /* Without its warnings: those of time are other ones each time, the rest follows from use. */
    for (size_t i = 0; i < outcome->log_line_count - outcome->warning_count; i++) {
        TRY(write_words(out, "log line", outcome->log_lines[i]));
    }
    TRY(buffer_append(out, places));
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (!limit_is_time((cordon_limit)i)) {
            TRY(buffer_printf(
                out, "%s %" PRIu64 "\n", cordon_limit_get_info((cordon_limit)i)->name,
                outcome->used[i]));
        }
    }
    return NULL;
}

/* Of a line in a message: a record is as hostile as any file. */
#define LINE_SHOWN_BYTES 204

/* What a line is about: of a text its name alone, of a number the whole line. */
static struct slice without_value(struct slice line)
{
    const uint8_t *quote = line.size == 0 ? NULL : memchr(line.data, '"', line.size);
    return quote == NULL ? line : slice_of(line.data, (size_t)(quote - line.data));
}

static void write_difference(
    struct slice was, struct slice is, enum recording_words how, char *out_words, size_t words_size)
{
    char before[LINE_SHOWN_BYTES];
    char now[LINE_SHOWN_BYTES];
    const bool alone = how == WORDS_ALONE;
    const struct slice old = alone ? without_value(was) : was;
    const struct slice new = alone ? without_value(is) : is;
    if (slice_equal(old, new)) {
        (void)snprintf(
            out_words, words_size, "another %s", printable_write(old, before, sizeof before));
        return;
    }
    (void)snprintf(
        out_words, words_size, "recorded: %s; replayed: %s",
        printable_write(old, before, sizeof before), printable_write(new, now, sizeof now));
}

bool recording_differs(
    struct slice recorded,
    struct slice replayed,
    enum recording_words how,
    char *out_words,
    size_t words_size)
{
    while (recorded.size > 0 || replayed.size > 0) {
        struct slice was = {0};
        struct slice is = {0};
        (void)slice_take_line(&recorded, &was); /* empty where one of them has no more */
        (void)slice_take_line(&replayed, &is);
        if (!slice_equal(was, is)) {
            write_difference(was, is, how, out_words, words_size);
            return true;
        }
    }
    return false;
}
