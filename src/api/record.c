/* What cordon/record.h promises. */
#include <cordon/record.h>

#include "api/api.h"
#include "base/memory.h"
#include "run/profile.h"
#include "run/recording.h"

struct cordon_record {
    struct recording recording;
};

cordon_error *cordon_call_get_record(
    const cordon_call *call, const cordon_module *module, char **out_bytes, size_t *out_size)
{
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    buffer_init(&bytes, RECORDING_BYTES_MAX);
    TRY(run_get_record(api_run_of(call), slice_of(module->data, module->size), &bytes));
    *out_bytes = (char *)buffer_take(&bytes, out_size);
    return NULL;
}

cordon_error *cordon_record_read(const void *bytes, size_t size, cordon_record **out_record)
{
    struct recording recording;
    TRY(recording_read(slice_of(bytes, size), &recording));
    cordon_record *record = MEM_NEW(struct cordon_record);
    if (record == NULL) {
        return error_no_memory();
    }
    record->recording = recording;
    *out_record = record;
    return NULL;
}

void cordon_record_free(cordon_record *record)
{
    mem_free(record);
}

cordon_module cordon_record_get_module(const cordon_record *record)
{
    const struct slice module = record->recording.module;
    return (cordon_module){.data = module.data, .size = module.size};
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
    TRY(recording_check_engine(&record->recording, runtime->runner));
    const struct run_request request = recording_request(&record->recording);
    return api_call_new(runtime, &request, wake, arg, out_call);
}

cordon_error *cordon_replay_get_difference(const cordon_call *call, char **out_difference)
{
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
    CORDON_CLEANUP_BUFFER struct buffer folded;
    buffer_init(&folded, SIZE_MAX);
    TRY(profile_write(runtime->runner, &record->recording, cuts, &folded));
    return api_give_text(&folded, out_folded);
}
