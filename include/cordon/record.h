/*
 * Records of runs and their replay.
 *
 * A record is one file that holds all a run depended on, and what came of it: the modules, the
 * arguments, seed, times and limits, every answer of the store. A replay runs it again, without a
 * store, a network or a clock, and says whether it was the same run to the last unit of fuel, or
 * where it differed. Records hold what the run saw: keep them as you keep the data.
 */
#ifndef CORDON_RECORD_H
#define CORDON_RECORD_H

#include <cordon/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The record of a call that is DONE and was made with `record` in its request. `modules` are those
 * that were loaded; the bytes of the ones that the call used, by itself or by its calls inside its
 * transaction, become part of the record. `*out_bytes` is the caller's; free it with cordon_free().
 * Errors: CORDON_E_INVALID if the function never ran, the call ended for a reason outside of it
 * (Overloaded, Internal, a lost conflict), or a module that it used is not among those given;
 * CORDON_E_TOO_LARGE.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_call_get_record(
    const cordon_call *call,
    const cordon_module *modules,
    size_t count,
    char **out_bytes,
    size_t *out_size);

/* A record that was read. */
typedef struct cordon_record cordon_record;

/*
 * Reads a record. `bytes` are borrowed for the life of the record. Records are checked as hostile
 * input. Errors: CORDON_E_INVALID for what is damaged, foreign, or of another version.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_record_read(
    const void *bytes, size_t size, cordon_record **out_record);

/* NULL accepted. No replay of it may be alive. */
CORDON_API void cordon_record_free(cordon_record *record);

/*
 * The modules to load into the runtime that replays, all of them at once; at least one. Borrowed.
 */
CORDON_API const cordon_module *cordon_record_get_modules(
    const cordon_record *record, size_t *out_count);

/* The limits that a runtime must allow to replay it, for its options. */
CORDON_API cordon_limit_set cordon_record_get_limits(const cordon_record *record);

/*
 * Begins the replay of a record, which must outlive the call, in a runtime that has its modules
 * loaded. Otherwise as cordon_call_new(). Errors: CORDON_E_INVALID if this engine would use other
 * fuel than the one that made the record.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_replay_new(
    cordon_runtime *runtime,
    const cordon_record *record,
    void (*wake)(void *arg),
    void *arg,
    cordon_call **out_call);

/*
 * Of a replay that is DONE: NULL in `*out_difference` if it was the same run, else words about the
 * first thing that was not, for cordon_free().
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_replay_get_difference(
    const cordon_call *call, char **out_difference);

/*
 * Where the recorded run spent its fuel: folded stacks, a line `PATH;outermost;…;innermost FUEL`
 * for each, as tools for flame graphs read them. The record is replayed to `cuts` places spread
 * over its fuel, and its stack read at each; 0: as many as 20 seconds allow, at least 50 and at
 * most 1,000. The same record and cuts have the same profile each time. The runtime has the
 * record's modules loaded. `*out_folded` is the caller's; free it with cordon_free(). Blocks, on
 * this thread. Errors: as cordon_replay_new(); CORDON_E_INVALID too if the replay is another run,
 * saying where, or for more than 100,000 cuts.
 */
CORDON_API CORDON_MUST_USE cordon_error *cordon_replay_profile(
    cordon_runtime *runtime, const cordon_record *record, uint32_t cuts, char **out_folded);

#ifdef __cplusplus
}
#endif

#endif
