/*
 * Every import there is, once: names, types, who may call, how arguments arrive, and the price.
 * The engine's import table, the gate's descriptors and the handlers are made from this list;
 * sdk/abi.md tells guests the same.
 *
 * Capabilities are import modules: a query may use convex/core and convex/db-read, a mutation
 * convex/db-write too, an action convex/core, convex/run and convex/effect. What a kind may not
 * use is bound to a stub.
 *
 * Prices are in fuel; they are fixed, per call and per KiB of the declared range, so that the same
 * run always costs the same. A unit takes plain code about 0.08 ns, and a host call should take
 * within three times of that for each: bench_prices measures it, and `make bench` says what is off.
 *
 * Caps are what a call can need. No byte of a document (1 MiB at most, as limits count it) takes
 * more than 7 bytes of JSON, as encoders write it and without white space: empty bytes, which
 * count 2, are `{"$bytes":""},`; `false,` and `\u0000` take 6. So 8 MiB hold every document and
 * the words around it. A patch may at the same time remove every field there was: 1,024 names, 1
 * MiB in all, each byte escaped and `{"$undefined":null}` behind each, are less than 2 MiB and 32
 * KiB more.
 */
#include "host/operations.h"

#define Q (1u << CORDON_QUERY)
#define M (1u << CORDON_MUTATION)
#define A (1u << CORDON_ACTION)

#define KIB (1u << 10)
#define MIB (1u << 20)

/* clang-format off: rows of a table */
/* id, operation, module, name, params, result, kinds, codec, import, work, wait, max, fuel, /KiB */
#define HOST_IMPORTS(X)                                                                            \
    X(INPUT_READ, core_input_read, "convex/core", "input_read", "ii", "I", Q | M | A, GATE_FILL,   \
      false, GATE_SHORT, false, UINT32_MAX, 150, 200)                                              \
    X(REPLY_READ, core_reply_read, "convex/core", "reply_read", "ii", "I", Q | M | A, GATE_FILL,   \
      false, GATE_SHORT, false, UINT32_MAX, 150, 200)                                              \
    X(OUTPUT_WRITE, core_output_write, "convex/core", "output_write", "ii", "I", Q | M | A,        \
      GATE_BYTES, false, GATE_SHORT, false, UINT32_MAX, 300, 3000)                                 \
    X(FAIL, core_fail, "convex/core", "fail", "ii", "I", Q | M | A, GATE_BYTES, false, GATE_SHORT, \
      false, 32 * MIB, 500, 3000)                                                                  \
    X(LOG, core_log, "convex/core", "log", "ii", "I", Q | M | A, GATE_JSON, true, GATE_SHORT,      \
      false, 4 * MIB, 1000, 12000)                                                                 \
    X(RANDOM_FILL, core_random_fill, "convex/core", "random_fill", "ii", "I", Q | M | A,           \
      GATE_FILL, true, GATE_SHORT, false, 64 * KIB, 300, 10000)                                    \
    X(NOW_MS, core_now_ms, "convex/core", "now_ms", "", "I", Q | M | A, GATE_RAW, true,            \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(LEFT, core_left, "convex/core", "left", "ii", "I", Q | M | A, GATE_NONE, false, GATE_SHORT,  \
      false, 64 * KIB, 3000, 0)                                                                    \
    X(ENV_GET, core_env_get, "convex/core", "env_get", "ii", "I", Q | M | A, GATE_JSON, false,     \
      GATE_SHORT, false, 64 * KIB, 2000, 4000)                                                     \
    X(GET_USER_IDENTITY, core_get_user_identity, "convex/core", "1.0/getUserIdentity", "ii", "I",  \
      Q | M | A, GATE_JSON, false, GATE_SHORT, false, 64 * KIB, 2000, 4000)                        \
    X(GET, db_get, "convex/db-read", "1.0/get", "ii", "I", Q | M, GATE_JSON, false, GATE_LONG,     \
      true, 64 * KIB, 4000, 4000)                                                                  \
    X(QUERY_STREAM, db_query_stream, "convex/db-read", "1.0/queryStream", "ii", "I", Q | M,        \
      GATE_JSON, false, GATE_LONG, true, 1 * MIB, 8000, 4000)                                      \
    X(QUERY_STREAM_NEXT, db_query_stream_next, "convex/db-read", "1.0/queryStreamNext", "ii", "I", \
      Q | M, GATE_JSON, false, GATE_AT_TIMES, true, 64 * KIB, 8000, 4000)                          \
    X(QUERY_CLEANUP, db_query_cleanup, "convex/db-read", "1.0/queryCleanup", "ii", "I", Q | M,     \
      GATE_JSON, false, GATE_LONG, false, 64 * KIB, 2000, 4000)                                    \
    X(QUERY_PAGE, db_query_page, "convex/db-read", "1.0/queryPage", "ii", "I", Q | M, GATE_JSON,   \
      false, GATE_LONG, true, 8 * MIB, 12000, 4000)                                                \
    X(NORMALIZE_ID, db_normalize_id, "convex/db-read", "1.0/db/normalizeId", "ii", "I", Q | M,     \
      GATE_JSON, false, GATE_LONG, true, 64 * KIB, 3000, 4000)                                     \
    X(INSERT, db_insert, "convex/db-write", "1.0/insert", "ii", "I", M, GATE_JSON, false,          \
      GATE_LONG, true, 8 * MIB, 40000, 24000)                                                      \
    X(SHALLOW_MERGE, db_shallow_merge, "convex/db-write", "1.0/shallowMerge", "ii", "I", M,        \
      GATE_JSON, false, GATE_LONG, true, 10 * MIB, 40000, 24000)                                   \
    X(REPLACE, db_replace, "convex/db-write", "1.0/replace", "ii", "I", M, GATE_JSON, false,       \
      GATE_LONG, true, 8 * MIB, 40000, 24000)                                                      \
    X(REMOVE, db_remove, "convex/db-write", "1.0/remove", "ii", "I", M, GATE_JSON, false,          \
      GATE_LONG, true, 64 * KIB, 30000, 4000)                                                      \
    X(RUN_UDF, run_udf, "convex/run", "1.0/runUdf", "ii", "I", Q | M, GATE_JSON, false,            \
      GATE_SHORT, true, 8 * MIB, 30000, 8000)                                                      \
    X(RUN_QUERY, run_query, "convex/run", "1.0/actions/query", "ii", "I", A, GATE_JSON, false,     \
      GATE_SHORT, true, 8 * MIB, 30000, 8000)                                                      \
    X(RUN_MUTATION, run_mutation, "convex/run", "1.0/actions/mutation", "ii", "I", A, GATE_JSON,   \
      false, GATE_SHORT, true, 8 * MIB, 30000, 8000)                                               \
    X(RUN_ACTION, run_action, "convex/run", "1.0/actions/action", "ii", "I", A, GATE_JSON, false,  \
      GATE_SHORT, true, 8 * MIB, 30000, 8000)                                                      \
    X(CRYPTO_RANDOM, effect_crypto_random, "convex/effect", "crypto_random", "ii", "I", A,         \
      GATE_FILL, false, GATE_SHORT, false, 64 * KIB, 3000, 24000)                                  \
    X(SLEEP, effect_sleep, "convex/effect", "sleep", "ii", "I", A, GATE_JSON, false, GATE_SHORT,   \
      true, 1 * KIB, 10000, 4000)                                                                  \
    X(ALIAS_NOW, core_now_ms, "env", "__convex_now_ms", "", "I", Q | M | A, GATE_RAW, true,        \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(ALIAS_RANDOM, core_alias_random, "env", "__convex_random_bytes_deterministic", "ii", "",     \
      Q | M | A, GATE_FILL, true, GATE_SHORT, false, 64 * KIB, 300, 10000)                         \
    X(WASI_ARGS_GET, wasi_args_get, WASI, "args_get", "ii", "i", Q | M | A, GATE_RAW, true,        \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(WASI_ARGS_SIZES_GET, wasi_args_sizes_get, WASI, "args_sizes_get", "ii", "i", Q | M | A,      \
      GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                                \
    X(WASI_ENVIRON_GET, wasi_environ_get, WASI, "environ_get", "ii", "i", Q | M | A, GATE_RAW,     \
      true, GATE_SHORT, false, 0, 150, 0)                                                          \
    X(WASI_ENVIRON_SIZES_GET, wasi_environ_sizes_get, WASI, "environ_sizes_get", "ii", "i",        \
      Q | M | A, GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                     \
    X(WASI_CLOCK_TIME_GET, wasi_clock_time_get, WASI, "clock_time_get", "iIi", "i", Q | M | A,     \
      GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                                \
    X(WASI_CLOCK_RES_GET, wasi_clock_res_get, WASI, "clock_res_get", "ii", "i", Q | M | A,         \
      GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                                \
    X(WASI_RANDOM_GET, wasi_random_get, WASI, "random_get", "ii", "i", Q | M | A, GATE_FILL, true, \
      GATE_SHORT, false, 64 * KIB, 300, 10000)                                                     \
    X(WASI_FD_WRITE, wasi_fd_write, WASI, "fd_write", "iiii", "i", Q | M | A, GATE_RAW, true,      \
      GATE_SHORT, false, 0, 1000, 0)                                                               \
    X(WASI_FD_READ, wasi_fd_read, WASI, "fd_read", "iiii", "i", Q | M | A, GATE_RAW, true,         \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(WASI_FD_CLOSE, wasi_fd_close, WASI, "fd_close", "i", "i", Q | M | A, GATE_RAW, true,         \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(WASI_FD_SEEK, wasi_fd_seek, WASI, "fd_seek", "iIii", "i", Q | M | A, GATE_RAW, true,         \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(WASI_FD_FDSTAT_GET, wasi_fd_fdstat_get, WASI, "fd_fdstat_get", "ii", "i", Q | M | A,         \
      GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                                \
    X(WASI_FD_PRESTAT_GET, wasi_fd_prestat_get, WASI, "fd_prestat_get", "ii", "i", Q | M | A,      \
      GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                                \
    X(WASI_FD_PRESTAT_DIR_NAME, wasi_fd_prestat_dir_name, WASI, "fd_prestat_dir_name", "iii", "i", \
      Q | M | A, GATE_RAW, true, GATE_SHORT, false, 0, 150, 0)                                     \
    X(WASI_PROC_EXIT, wasi_proc_exit, WASI, "proc_exit", "i", "", Q | M | A, GATE_RAW, true,       \
      GATE_SHORT, false, 0, 150, 0)                                                                \
    X(WASI_SCHED_YIELD, wasi_sched_yield, WASI, "sched_yield", "", "i", Q | M | A, GATE_RAW, true, \
      GATE_SHORT, false, 0, 150, 0)
/* clang-format on */

#define WASI "wasi_snapshot_preview1"

enum import_number {
#define IMPORT_NUMBER(id, ...) IMPORT_##id,
    HOST_IMPORTS(IMPORT_NUMBER)
#undef IMPORT_NUMBER
        IMPORT_COUNT,
};

static const struct gate_descriptor descriptors[IMPORT_COUNT];

#define IMPORT_HANDLER(id, ...)                                                                    \
    static enum engine_answer enter_##id(void *run, struct engine_guest *guest, uint64_t *slots)   \
    {                                                                                              \
        return gate_enter(run, guest, slots, &descriptors[IMPORT_##id]);                           \
    }
HOST_IMPORTS(IMPORT_HANDLER)
#undef IMPORT_HANDLER

static const struct engine_import imports[IMPORT_COUNT] = {
#define IMPORT_ROW(id, op, mod, nam, par, res, who, codec, import, work_, wait, max, price, kib)   \
    [IMPORT_##id] = {                                                                              \
        .module = mod,                                                                             \
        .name = nam,                                                                               \
        .params = par,                                                                             \
        .result = res,                                                                             \
        .kinds = who,                                                                              \
        .may_wait = wait,                                                                          \
        .handler = enter_##id,                                                                     \
    },
    HOST_IMPORTS(IMPORT_ROW)
#undef IMPORT_ROW
};

static const struct gate_descriptor descriptors[IMPORT_COUNT] = {
#define DESCRIPTOR_ROW(id, op, mod, nam, par, res, who, cod, import_, work_, wait, max, fee, kib)  \
    [IMPORT_##id] = {                                                                              \
        .operation = op,                                                                           \
        .codec = cod,                                                                              \
        .import_phase = import_,                                                                   \
        .work = work_,                                                                             \
        .size_max = max,                                                                           \
        .fuel = fee,                                                                               \
        .fuel_per_kib = kib,                                                                       \
        .measured_as = IMPORT_##id + 1,                                                            \
        .import = &imports[IMPORT_##id],                                                           \
    },
    HOST_IMPORTS(DESCRIPTOR_ROW)
#undef DESCRIPTOR_ROW
};

const struct engine_import *host_imports(size_t *out_count)
{
    *out_count = IMPORT_COUNT;
    return imports;
}
