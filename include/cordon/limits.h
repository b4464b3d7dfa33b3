/*
 * The limit table: every limit a run or a module is held to, with its default for each kind of
 * function. One X-macro; the enum, the command `cordon limits`, the error texts and docs/limits.md
 * are made from it. Every limit is on by default.
 */
#ifndef CORDON_LIMITS_H
#define CORDON_LIMITS_H

#include <cordon/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function is one of three kinds; what it may do and how long follows from it. */
typedef enum cordon_kind {
    CORDON_QUERY,    /* reads one snapshot, deterministic, writes nothing */
    CORDON_MUTATION, /* a query that also writes, in one transaction */
    CORDON_ACTION,   /* no transaction; may wait and have effects outside */
} cordon_kind;

#define CORDON_KIND_COUNT 3

/* Who may change a limit. A request or a module only lowers; the operator may raise. */
typedef enum cordon_limit_scope {
    CORDON_SCOPE_RUN,     /* per run: operator settings, then deployment, function, request */
    CORDON_SCOPE_PROCESS, /* per process: fixed when the engine starts */
    CORDON_SCOPE_TENANT,  /* of all that a tenant has: operator settings, then the tenant's */
} cordon_limit_scope;

/*
 * id, name, unit, query, mutation, action, scope, code, text.
 *
 * Sources: user_time_ms, memory_bytes and fuel are the mission's own numbers. system_time_ms,
 * the sizes and the transaction limits are Convex's (its tunables DATABASE_UDF_SYSTEM_TIMEOUT,
 * FUNCTION_MAX_ARGS_SIZE, TRANSACTION_MAX_*, its log line caps). stack_bytes is the engine's
 * default. Limits of documents are 0 for actions, which have no transaction of their own.
 */
#define CORDON_LIMITS(X)                                                                           \
    X(USER_TIME_MS, "user_time_ms", "ms", 30000, 30000, 300000, RUN, "TimedOut",                   \
      "time in which the function itself runs; it stands still while the host works for it")       \
    X(SYSTEM_TIME_MS, "system_time_ms", "ms", 15000, 15000, 300000, RUN, "SystemTimedOut",         \
      "time the host spends working for the function")                                             \
    X(FUEL, "fuel", "units", 10000000000, 10000000000, 100000000000, RUN, "OutOfFuel",             \
      "work done: one unit for each WebAssembly operator, 150,000 for each page that the memory "  \
      "grows by, and the price of each host call")                                                 \
    X(MEMORY_BYTES, "memory_bytes", "bytes", 268435456, 268435456, 268435456, RUN, "OutOfMemory",  \
      "size of the linear memory")                                                                 \
    X(TABLE_ELEMENTS, "table_elements", "elements", 100000, 100000, 100000, RUN,                   \
      "TooManyTableElements", "elements of all tables together")                                   \
    X(STACK_BYTES, "stack_bytes", "bytes", 524288, 524288, 524288, PROCESS, "StackOverflow",       \
      "machine stack of the function's own calls")                                                 \
    X(CALL_DEPTH, "call_depth", "calls", 8, 8, 8, RUN, "MaximumCallDepthExceeded",                 \
      "functions calling functions; the outermost counts as one")                                  \
    X(HOST_BYTES, "host_bytes", "bytes", 134217728, 134217728, 134217728, RUN, "TooManyHostBytes", \
      "memory the host holds for the function: arguments, calls as they are read, replies, "       \
      "result, logs, pending writes")                                                              \
    X(ARGS_BYTES, "args_bytes", "bytes", 16777216, 16777216, 16777216, RUN,                        \
      "TooLargeFunctionArguments", "size of the arguments")                                        \
    X(RESULT_BYTES, "result_bytes", "bytes", 16777216, 16777216, 16777216, RUN,                    \
      "TooLargeFunctionResult", "size of the return value")                                        \
    X(LOG_LINES, "log_lines", "lines", 256, 256, 256, RUN, "LogOverflow",                          \
      "log lines of one run; later ones are dropped with one mark")                                \
    X(LOG_LINE_BYTES, "log_line_bytes", "bytes", 32768, 32768, 32768, RUN, "LogLineTooLong",       \
      "size of one log line; a longer one is cut with a mark")                                     \
    X(DOCUMENTS_READ, "documents_read", "documents", 32000, 32000, 0, RUN, "TooManyDocumentsRead", \
      "documents read")                                                                            \
    X(BYTES_READ, "bytes_read", "bytes", 16777216, 16777216, 0, RUN, "TooManyBytesRead",           \
      "size of the documents read")                                                                \
    X(INDEX_RANGES, "index_ranges", "ranges", 4096, 4096, 0, RUN, "TooManyReads",                  \
      "index ranges read; a get counts as one")                                                    \
    X(DOCUMENTS_WRITTEN, "documents_written", "documents", 0, 16000, 0, RUN, "TooManyWrites",      \
      "documents written")                                                                         \
    X(BYTES_WRITTEN, "bytes_written", "bytes", 0, 16777216, 0, RUN, "TooManyBytesWritten",         \
      "size of the documents written")                                                             \
    X(DOCUMENT_BYTES, "document_bytes", "bytes", 1048576, 1048576, 1048576, RUN,                   \
      "ValueTooLargeError", "size of one document")                                                \
    X(ERROR_BYTES, "error_bytes", "bytes", 65536, 65536, 65536, RUN, "ErrorTooLong",               \
      "size of an error message of the function; a longer one is cut")                             \
    X(MODULE_BYTES, "module_bytes", "bytes", 20971520, 20971520, 20971520, PROCESS,                \
      "ModuleRefused", "size of a module")                                                         \
    X(COMPILE_TIME_MS, "compile_time_ms", "ms", 60000, 60000, 60000, PROCESS, "ModuleRefused",     \
      "time the compile worker may take for one module")                                           \
    X(COMPILE_BYTES, "compile_bytes", "bytes", 2147483648, 2147483648, 2147483648, PROCESS,        \
      "ModuleRefused",                                                                             \
      "memory the compile worker may take for one module; it has 64 MiB beside for itself")        \
    X(TENANT_BYTES, "tenant_bytes", "bytes", 1099511627776, 1099511627776, 1099511627776, TENANT,  \
      "TenantFull",                                                                                \
      "size of all documents of a tenant, and of results that are kept under idempotency keys; "   \
      "the default is what a data folder can hold")                                                \
    X(AUDIT_BYTES, "audit_bytes", "bytes", 1099511627776, 1099511627776, 1099511627776, TENANT,    \
      "AuditFull",                                                                                 \
      "size of a tenant's audit log: of the text of its records and 128 bytes for each")

typedef enum cordon_limit {
#define CORDON_LIMIT_ENUM(id, name, unit, q, m, a, scope, code, text) CORDON_LIMIT_##id,
    CORDON_LIMITS(CORDON_LIMIT_ENUM)
#undef CORDON_LIMIT_ENUM
} cordon_limit;

#define CORDON_LIMIT_COUNT 24

/* Places in a cordon_limit_set, so that limits to come move nothing in a compiled program. */
#define CORDON_LIMIT_PLACES 64

/* A row of the table. */
typedef struct cordon_limit_info {
    const char *name; /* as in `--limit NAME=VALUE` */
    const char *unit;
    uint64_t defaults[CORDON_KIND_COUNT]; /* by cordon_kind */
    cordon_limit_scope scope;
    const char *code; /* the error code of a run that this limit ended */
    const char *text; /* what is counted, in words */
} cordon_limit_info;

/* The row of a limit. Static, any thread. */
CORDON_API const cordon_limit_info *cordon_limit_get_info(cordon_limit limit);

/* Finds a limit by its name; false if there is none. Any thread. */
CORDON_API bool cordon_limit_find(const char *name, cordon_limit *out_limit);

/*
 * A bound on what a module may carry. All are fixed, whoever asks: a module over one is refused as
 * ModuleRefused before any code is generated.
 */
typedef struct cordon_module_bound {
    const char *name; /* "module_types", ... */
    const char *unit; /* "count" or "bytes" */
    uint32_t most;
    const char *text; /* what is counted, in words */
} cordon_module_bound;

/* The bounds one by one, from 0; NULL behind the last. Static, any thread. */
CORDON_API const cordon_module_bound *cordon_module_bound_get(size_t index);

/* "query", "mutation" or "action". Static. */
CORDON_API const char *cordon_kind_name(cordon_kind kind);

#ifdef __cplusplus
}
#endif

#endif
