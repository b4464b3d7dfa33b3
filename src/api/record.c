/* What cordon/record.h promises. */
#include <cordon/record.h>

#include "api/api.h"
#include "base/memory.h"
#include "run/record/profile.h"
#include "run/record/recording.h"

/* Both lists at their longest. */
#define MODULE_LISTS_BYTES_MAX                                                                     \
    ((size_t)RECORDING_MODULES_MAX *                                                               \
     (2 * sizeof(struct recorded_module) + 2 * sizeof(cordon_module)))

struct cordon_record {
    struct arena arena; /* the lists of modules */
    struct recording recording;
    cordon_module *modules;
};

cordon_error *cordon_call_get_record(
    const cordon_call *call,
    const cordon_module *modules,
    size_t count,
    char **out_bytes,
    size_t *out_size)
{
    TRY(api_need(call, "call"));
    TRY(api_need_modules(modules, count));
    TRY(api_need(out_bytes, "out_bytes"));
    TRY(api_need(out_size, "out_size"));
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    CORDON_CLEANUP_ARENA struct arena arena;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    arena_init(&arena, SIZE_MAX);
    struct slice *list = arena_alloc(&arena, (count + 1) * sizeof *list);
    if (list == NULL) {
        return arena_error(&arena);
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = slice_of(modules[i].data, modules[i].size);
    }
    TRY(run_get_record(api_run_of(call), list, count, &bytes));
    *out_bytes = (char *)buffer_take(&bytes, out_size);
    return NULL;
}

static cordon_error *read_record(struct slice bytes, cordon_record *record)
{
    TRY(recording_read(bytes, &record->arena, &record->recording));
    const struct recording *recording = &record->recording;
    record->modules =
        arena_alloc(&record->arena, recording->module_count * sizeof *record->modules);
    if (record->modules == NULL) {
        return arena_error(&record->arena);
    }
    for (size_t i = 0; i < recording->module_count; i++) {
        const struct slice wasm = recording->modules[i].wasm;
        record->modules[i] =
            (cordon_module){.name = "the record's module", .data = wasm.data, .size = wasm.size};
    }
    return NULL;
}

cordon_error *cordon_record_read(const void *bytes, size_t size, cordon_record **out_record)
{
    TRY(api_need_items(bytes, size, "bytes"));
    TRY(api_need(out_record, "out_record"));
    cordon_record *record = MEM_NEW(struct cordon_record);
    if (record == NULL) {
        return error_no_memory();
    }
    arena_init(&record->arena, MODULE_LISTS_BYTES_MAX);
    cordon_error *error = read_record(slice_of(bytes, size), record);
    if (error != NULL) {
        cordon_record_free(record);
        return error;
    }
    *out_record = record;
    return NULL;
}

void cordon_record_free(cordon_record *record)
{
    if (record == NULL) {
        return;
    }
    arena_done(&record->arena);
    mem_free(record);
}

const cordon_module *cordon_record_get_modules(const cordon_record *record, size_t *out_count)
{
    *out_count = record->recording.module_count;
    return record->modules;
}

cordon_limit_set cordon_record_get_limits(const cordon_record *record)
{
    cordon_limit_set set = {0};
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        set.set[i] = true;
        set.value[i] = record->recording.allowed[i];
    }
    return set;
}

cordon_error *cordon_replay_new(
    cordon_runtime *runtime,
    const cordon_record *record,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(record, "record"));
    TRY(api_need(out_call, "out_call"));
    TRY(recording_check_engine(&record->recording, runtime->runner));
    const struct run_request request = recording_request(&record->recording);
    return api_call_new(runtime, &request, wake, arg, out_call);
}

cordon_error *cordon_replay_get_difference(const cordon_call *call, char **out_difference)
{
    TRY(api_need(call, "call"));
    TRY(api_need(out_difference, "out_difference"));
    char words[1024];
    bool differs = false;
    TRY(run_replay_differs(api_run_of(call), WORDS_WITH_VALUES, words, sizeof words, &differs));
    *out_difference = NULL;
    if (!differs) {
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, sizeof words);
    TRY(buffer_append(&text, slice_str(words)));
    return api_give_text(&text, out_difference);
}

cordon_error *cordon_replay_profile(
    cordon_runtime *runtime, const cordon_record *record, uint32_t cuts, char **out_folded)
{
    TRY(api_need_runtime(runtime));
    TRY(api_need(record, "record"));
    TRY(api_need(out_folded, "out_folded"));
    CORDON_CLEANUP_BUFFER struct buffer folded;
    buffer_init(&folded, SIZE_MAX);
    TRY(profile_write(runtime->runner, &record->recording, cuts, &folded));
    return api_give_text(&folded, out_folded);
}
