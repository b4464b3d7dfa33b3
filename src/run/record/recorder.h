/*
 * The recorder: what becomes of runs that the operator wants recorded.
 *
 * - Those of functions that the setting `record_functions` names are kept in the folder of records.
 * - Of queries and mutations a share, `replay_sample`, is replayed in the background at once, which
 *   proves that they are deterministic, or finds the one that is not: a replay that is another run
 *   than the recorded one raises a metric, leaves an audit record and a line in the log, and its
 *   record is kept.
 *
 * It never delays a run. A run that is done is handed over as it is, without a copy, after its
 * answer; all else happens on one thread, of the lowest priority, which has 1 % of one processor
 * for replays, no slot and no permit, and gives way while the memory of the process is short. What
 * comes faster than that is let go and counted: queues are short. What waits to be replayed has
 * 16 MiB beside the memory of the process.
 *
 * The priority is the lowest that shares (nice 19) and not that of an idle processor alone: a
 * thread of that kind might hold a lock of the allocator or the engine for as long as others keep
 * the processors busy, and they would wait for it.
 */
#ifndef RUN_RECORDER_H
#define RUN_RECORDER_H

#include "run/deploy/deployment.h"
#include "run/record/records.h"
#include "run/runner.h"

struct recorder;
struct run;

/* What a run is recorded for. */
enum recorder_purpose { RECORDER_KEEPS = 1, RECORDER_REPLAYS = 2 };

/* Most of a run that is replayed; one that has used more is let go. */
#define RECORDER_REPLAY_USER_MS 100
#define RECORDER_REPLAY_MEMORY_BYTES ((uint64_t)64 << 20)

/*
 * As the runner's options say, which it borrows. A thread is started if there is something for it
 * to do. Errors: those of records_open(), CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *recorder_new(struct runner *runner, struct recorder **out_recorder);

/* Ends the thread, and lets go of what waits. NULL accepted. */
void recorder_free(struct recorder *recorder);

/*
 * What a call of a function that begins now is recorded for: purposes, or 0. `*out_tape_bytes_max`
 * is what it may write at most. Any thread, as all below.
 */
unsigned recorder_choose(
    struct recorder *recorder,
    const struct deployed_function *function,
    size_t *out_tape_bytes_max);

/* Takes over a run that is done, for the purposes that it was chosen for. Never blocks. */
void recorder_take(struct recorder *recorder, struct run *run);

/*
 * Keeps the record of a run that is done and was recorded. Blocks for the store and the disk.
 * Errors: those of run_get_record() and records_put(); CORDON_E_INVALID if there is no folder, or
 * the bytes of a module of it are gone.
 */
CORDON_MUST_USE cordon_error *recorder_keep(
    struct recorder *recorder, const struct run *run, struct record_id *out_id);

/* The records that are kept; NULL without a folder. Borrowed. */
struct records *recorder_records(struct recorder *recorder);

/* Those of a runner. Borrowed. */
struct recorder *runner_recorder(const struct runner *runner);

#endif
