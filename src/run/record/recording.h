/*
 * The record of one run: all that it depended on, and what came of it, in one file. A replay needs
 * no store, no network and no clock: it loads the modules anew, gives the run the same seed, times,
 * limits and answers, and compares. The calls inside its transaction are part of the run, and made
 * again: each module that one of them asked for is in the record, once.
 *
 * What is compared is the result: code, value, words, log lines, the places of its stack, fuel and
 * every count but those of time. On the way, each question to the store must be the recorded one
 * (store/tape.h). Places and not names: whether a stack's names were looked up in the module's
 * debug information depends on how busy the server was.
 *
 * A record holds what the run saw and is as secret as that; it is hostile input to whoever reads
 * it: each length and number is checked, and the checksum only tells damage from difference.
 */
#ifndef RUN_RECORDING_H
#define RUN_RECORDING_H

#include "base/hash.h"
#include "host/host.h"
#include "run/outcome.h"
#include "run/runner.h"
#include "store/tape.h"

/* What a tape may take. A run reads and writes 16 MiB each, and says as much about it. */
#define RECORDING_TAPE_BYTES_MAX ((size_t)64 << 20)

/* A record: tape, module, arguments and result, each at its largest. */
#define RECORDING_BYTES_MAX ((size_t)256 << 20)

/* All that a deployment can have. */
#define RECORDING_MODULES_MAX DEPLOY_MODULES_MAX

/* A module that ran, or one of whose functions was asked for. */
struct recorded_module {
    uint8_t hash[SHA256_BYTES];
    uint8_t import_seed[RANDOM_SEED_BYTES];
    struct slice wasm; /* empty in a recording that is not to be written */
};

/* Slices are borrowed, from the run or from the bytes of the record; so are the modules. */
struct recording {
    struct slice path;
    cordon_kind kind;
    uint64_t depth;                        /* of calls: 1 for one from outside */
    struct slice args;                     /* canonical encoded JSON, an array */
    const struct recorded_module *modules; /* each once; the first is that of the function */
    size_t module_count;
    uint8_t fingerprint[32];
    uint8_t seed[RANDOM_SEED_BYTES];
    uint64_t time_ns;
    uint64_t import_time_ns;
    uint64_t allowed[CORDON_LIMIT_COUNT];
    struct slice tape;
    uint64_t tape_count; /* entries when it was stopped from outside */
    struct host_cut cut;
    uint64_t cut_call;   /* whose: 0: the run's; n: of the nth call inside its transaction */
    struct slice result; /* as recording_write_result() */
};

CORDON_MUST_USE cordon_error *recording_write(
    const struct recording *recording, struct buffer *out);

/*
 * The list of modules is made in `arena`, all else borrows from `bytes`. Errors: CORDON_E_INVALID
 * for bytes that are no record, damaged, or made by a version that this one does not read; those of
 * the arena.
 */
CORDON_MUST_USE cordon_error *recording_read(
    struct slice bytes, struct arena *arena, struct recording *out_recording);

/* The module with that hash; NULL: the record has none. */
const struct recorded_module *recording_find_module(
    const struct recording *recording, const uint8_t hash[SHA256_BYTES]);

/* The places of a stack as the engine has it, before its names are looked up: one a line. */
CORDON_MUST_USE cordon_error *recording_write_places(
    const struct outcome *outcome, struct buffer *out);

/* What of an outcome must be the same each time, one fact a line; `places` as written above. */
CORDON_MUST_USE cordon_error *recording_write_result(
    const struct outcome *outcome, struct slice places, struct buffer *out);

/* How much words about a difference tell. */
enum recording_words {
    WORDS_WITH_VALUES, /* for whoever may read the record */
    WORDS_ALONE,       /* for logs: which fact it is; of what the run saw, nothing */
};

/* NUL-terminated words about the first line that differs; false if none does. */
CORDON_MUST_USE bool recording_differs(
    struct slice recorded,
    struct slice replayed,
    enum recording_words how,
    char *out_words,
    size_t words_size);

#endif
