/* The record of a run that was recorded, and whether a replay was the same: see recording.h. */
#include "base/memory.h"
#include "run/record/recorder.h"
#include "run/state.h"

#include <stdio.h>

/* Of a stack, with room to spare for each frame. */
#define PLACES_BYTES_MAX ((size_t)OUTCOME_FRAMES_MAX * 64)

static struct taped_run *taped_new(struct run *run, size_t tape_bytes_max)
{
    struct taped_run *taped = MEM_NEW(struct taped_run);
    if (taped == NULL) {
        return NULL;
    }
    const struct account_source memory = run_tenant_memory(run);
    account_init(&taped->account, UINT64_MAX, &memory);
    tape_init(&taped->tape, tape_bytes_max, &taped->account);
    buffer_init(&taped->places, PLACES_BYTES_MAX);
    return taped;
}

cordon_error *run_tape_new(struct run *run, const struct run_request *request)
{
    const struct recording *replay = request->replay;
    if (run_is_inner(run)) {
        run->taped = run->caller->taped;
        run->call_number = run->taped == NULL ? 0 : ++run->taped->calls;
        return NULL;
    }
    if (!request->record && replay == NULL) {
        return NULL;
    }
    run->taped = taped_new(run, RECORDING_TAPE_BYTES_MAX);
    if (run->taped == NULL) {
        return error_no_memory();
    }
    run->taped->replay = replay;
    run->taped->fuel_stop = request->fuel_stop;
    if (replay != NULL) {
        const bool waits = replay->cut.is_set && replay->cut.waiting;
        tape_player_init(
            &run->taped->player, replay->tape, waits ? replay->tape_count : TAPE_WAITS_NEVER);
    }
    return NULL;
}

void run_tape_choose(struct run *run)
{
    if (run_is_replay(run) || run_is_inner(run) || run->is_probe) {
        return;
    }
    size_t tape_bytes_max = 0;
    const unsigned purposes =
        recorder_choose(run->runner->recorder, run->function, &tape_bytes_max);
    if (purposes == 0) {
        return;
    }
    if (run->taped == NULL) {
        run->taped = taped_new(run, tape_bytes_max);
    }
    if (run->taped != NULL) {
        run->taped->purposes = purposes;
    }
}

static void give_tape_memory(struct run *run)
{
    const struct account *account = &run->taped->account;
    if (account->source.give != NULL && account->taken > 0) {
        run_give_tenant_memory(run, account->taken);
    }
}

void run_tape_leave_memory(struct run *run)
{
    give_tape_memory(run);
    account_leave_source(&run->taped->account);
}

void run_tape_free(struct run *run)
{
    if (run->taped != NULL && !run_is_inner(run)) {
        tape_done(&run->taped->tape);
        buffer_done(&run->taped->places);
        mem_free(run->taped->modules);
        give_tape_memory(run);
        mem_free(run->taped);
        run->taped = NULL;
    }
}

void run_tape_begin(struct run *run)
{
    struct taped_run *taped = run->taped;
    if (taped == NULL) {
        return;
    }
    tape_clear(&taped->tape);
    buffer_clear(&taped->places);
    taped->module_count = 0;
    taped->calls = 0;
    taped->cut = (struct host_cut){0};
    taped->cut_call = 0;
    taped->tape_count = 0;
    taped->unfit = false;
    run_tape_add_module(run, run->function->module);
}

static bool has_module(const struct taped_run *taped, const struct deployed_module *module)
{
    const struct recording list = {.modules = taped->modules, .module_count = taped->module_count};
    return recording_find_module(&list, module->hash) != NULL;
}

/* Room for one more, or what is there of a record is of no use. */
static bool has_room(struct taped_run *taped)
{
    if (taped->module_count < taped->module_room) {
        return true;
    }
    const size_t room = taped->module_room == 0 ? 1 : 2 * taped->module_room;
    struct recorded_module *more = mem_realloc(taped->modules, room * sizeof *more);
    if (more == NULL) {
        taped->unfit = true;
        return false;
    }
    taped->modules = more;
    taped->module_room = room;
    return true;
}

void run_tape_add_module(struct run *run, const struct deployed_module *module)
{
    struct taped_run *taped = run->taped;
    if (taped == NULL || taped->replay != NULL || has_module(taped, module) || !has_room(taped)) {
        return;
    }
    struct recorded_module *added = &taped->modules[taped->module_count++];
    *added = (struct recorded_module){0};
    memcpy(added->hash, module->hash, sizeof added->hash);
    const bool is_action = run->function != NULL && !run_is_transactional(run);
    memcpy(
        added->import_seed, is_action ? run->seed : module->import_seed, sizeof added->import_seed);
}

/* The innermost has ended first; those that it ended with it follow from that. */
static void keep_cut(struct run *run)
{
    struct taped_run *taped = run->taped;
    const struct host_cut cut = host_get_cut(&run->host);
    if (cut.is_set && !taped->cut.is_set) {
        taped->cut = cut;
        taped->cut_call = run->call_number;
        taped->tape_count = taped->tape.count;
    }
}

void run_tape_end_inner(struct run *run)
{
    if (run->taped != NULL) {
        keep_cut(run);
    }
}

void run_tape_end(struct run *run)
{
    struct taped_run *taped = run->taped;
    if (taped == NULL) {
        return;
    }
    keep_cut(run);
    buffer_clear(&taped->places);
    cordon_error *error = recording_write_places(&run->outcome, &taped->places);
    if (error != NULL) { /* no memory: there is nothing to compare with */
        cordon_error_free(error);
        taped->unfit = true;
    }
}

/* -- Recording ------------------------------------------------------------------------------ */

/* What a repeat could not bring about again: the state of the machine, or of other runs. */
static bool is_repeatable(cordon_outcome_code code)
{
    switch (code) {
    case CORDON_OUTCOME_SUCCESS:
    case CORDON_OUTCOME_FAILED:
    case CORDON_OUTCOME_TRAPPED:
    case CORDON_OUTCOME_CAPABILITY_DENIED:
    case CORDON_OUTCOME_INVALID_HOST_CALL:
    case CORDON_OUTCOME_INVALID_ARGUMENTS:
    case CORDON_OUTCOME_INVALID_RETURN:
    case CORDON_OUTCOME_LIMIT:
    case CORDON_OUTCOME_CANCELLED:
        return true;
    case CORDON_OUTCOME_FUNCTION_NOT_FOUND:
    case CORDON_OUTCOME_MODULE_REFUSED:
    case CORDON_OUTCOME_CONFLICT:
    case CORDON_OUTCOME_OVERLOADED:
    case CORDON_OUTCOME_DISK_FULL:
    case CORDON_OUTCOME_INTERNAL:
        return false;
    }
    return false;
}

bool run_is_repeatable(const struct run *run)
{
    const bool began = run->function != NULL && run->attempts > 0;
    return began && !run->taped->unfit && is_repeatable(run->outcome.code);
}

cordon_error *run_check_recorded(const struct run *run)
{
    if (run->taped == NULL || run_is_replay(run) || run->stage != STAGE_DONE) {
        return cordon_error_new(
            CORDON_E_INVALID, "the run was not recorded: ask for that when it begins");
    }
    if (!run_is_repeatable(run)) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "there is nothing to replay: the call ended as %s before its "
            "function ran, or for a reason that lies outside of it; record one that ran",
            outcome_code_name(&run->outcome));
    }
    if (run->taped->tape.full) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE,
            "the run read and wrote more than a record holds (at most %zu bytes), or than there is "
            "memory for",
            run->taped->tape.entries.size_max);
    }
    return NULL;
}

cordon_error *run_get_recording(
    const struct run *run, struct buffer *result, struct recording *out_recording)
{
    TRY(run_check_recorded(run));
    const struct taped_run *taped = run->taped;
    TRY(recording_write_result(&run->outcome, buffer_slice(&taped->places), result));
    const struct deployed_function *function = run->function;
    struct recording recording = {
        .path = run->path,
        .kind = function->metadata->kind,
        .depth = run->depth,
        .args = run->args.json,
        .time_ns = run->time_ns,
        .import_time_ns = run->deployment->time_ms * 1000000,
        .modules = taped->modules,
        .module_count = taped->module_count,
        .tape = buffer_slice(&taped->tape.entries),
        .tape_count = taped->tape_count,
        .cut = taped->cut,
        .cut_call = taped->cut_call,
        .result = buffer_slice(result),
    };
    memcpy(
        recording.fingerprint, engine_fingerprint(run->runner->engine),
        sizeof recording.fingerprint);
    memcpy(recording.seed, run->seed, sizeof recording.seed);
    memcpy(recording.allowed, run->budget->allowed, sizeof recording.allowed);
    *out_recording = recording;
    return NULL;
}

/* Gives the module with that hash its bytes, if there is one. */
static void give_bytes(struct recorded_module *modules, size_t count, struct slice wasm)
{
    uint8_t hash[SHA256_BYTES];
    hash_sha256(&wasm, 1, hash);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(modules[i].hash, hash, sizeof hash) == 0) {
            modules[i].wasm = wasm;
        }
    }
}

static cordon_error *check_bytes(const struct recorded_module *modules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (modules[i].wasm.size == 0) {
            return cordon_error_new(
                CORDON_E_INVALID, "a module that the run used is not among those that were given: "
                                  "give all that were loaded when it ran");
        }
    }
    return NULL;
}

cordon_error *run_get_record(
    const struct run *run, const struct slice *modules, size_t count, struct buffer *out)
{
    CORDON_CLEANUP_BUFFER struct buffer result;
    CORDON_CLEANUP_ARENA struct arena arena;
    buffer_init(&result, RECORDING_BYTES_MAX);
    arena_init(&arena, (size_t)2 * RECORDING_MODULES_MAX * sizeof(struct recorded_module));
    struct recording recording;
    TRY(run_get_recording(run, &result, &recording));
    const size_t used = recording.module_count;
    struct recorded_module *with_bytes = arena_alloc(&arena, used * sizeof *with_bytes);
    if (with_bytes == NULL) {
        return arena_error(&arena);
    }
    memcpy(with_bytes, recording.modules, used * sizeof *with_bytes);
    for (size_t i = 0; i < count; i++) {
        give_bytes(with_bytes, used, modules[i]);
    }
    TRY(check_bytes(with_bytes, used));
    recording.modules = with_bytes;
    return recording_write(&recording, out);
}

/* -- Replaying ------------------------------------------------------------------------------ */

struct run_request recording_request(const struct recording *recording)
{
    return (struct run_request){
        .tenant = TENANT_DEFAULT,
        .path = recording->path,
        .args = recording->args,
        .caller = CALLER_ADMIN,
        .kind = recording->kind,
        .seed = recording->seed,
        .has_time = true,
        .time_ns = recording->time_ns,
        .replay = recording,
    };
}

cordon_error *recording_check_engine(const struct recording *recording, struct runner *runner)
{
    const uint8_t *ours = engine_fingerprint(runner->engine);
    if (memcmp(recording->fingerprint, ours, sizeof recording->fingerprint) != 0) {
        return cordon_error_new(
            CORDON_E_INVALID, "the record was made with another engine, or other settings of it, "
                              "and would use other fuel here; replay it with the Cordon that made "
                              "it");
    }
    return NULL;
}

/* No run that was recorded ends so: it says nothing about the run, only about this machine. */
static bool lies_outside(cordon_outcome_code code)
{
    return code == CORDON_OUTCOME_OVERLOADED || code == CORDON_OUTCOME_INTERNAL;
}

cordon_error *run_replay_differs(
    const struct run *run,
    enum recording_words how,
    char *out_words,
    size_t words_size,
    bool *out_differs)
{
    if (!run_is_replay(run) || run->stage != STAGE_DONE) {
        return cordon_error_new(CORDON_E_INVALID, "only a replay that is done can be compared");
    }
    const struct taped_run *taped = run->taped;
    if (taped->player.diverged) {
        (void)snprintf(out_words, words_size, "%s", taped->player.words);
        *out_differs = true;
        return NULL;
    }
    if (lies_outside(run->outcome.code)) {
        return cordon_error_new(
            CORDON_E_INTERNAL, "the replay ended for a reason that lies outside of the run: %.*s",
            SLICE_FMT(run->outcome.message));
    }
    if (taped->player.rest.size > 0) {
        (void)snprintf(
            out_words, words_size, "it ended after %llu calls of the host; the record goes on",
            (unsigned long long)taped->player.played);
        *out_differs = true;
        return NULL;
    }
    CORDON_CLEANUP_BUFFER struct buffer result;
    buffer_init(&result, RECORDING_BYTES_MAX);
    TRY(recording_write_result(&run->outcome, buffer_slice(&run->taped->places), &result));
    *out_differs =
        recording_differs(taped->replay->result, buffer_slice(&result), how, out_words, words_size);
    return NULL;
}
