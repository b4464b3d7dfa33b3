/*
 * Errors of libcordon: one type, owned by whoever receives it.
 *
 * A function that can fail returns `cordon_error *`; NULL is success. The error carries a code and
 * words together. When memory is out a static error is returned, so reporting never allocates its
 * way into a second failure. What a *guest* did wrong is never an error: it is an outcome
 * (see outcome.h).
 */
#ifndef CORDON_ERROR_H
#define CORDON_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CORDON_API __attribute__((visibility("default")))
#define CORDON_MUST_USE __attribute__((warn_unused_result))
#define CORDON_PRINTF(format_index, first_index)                                                   \
    __attribute__((format(printf, format_index, first_index)))
#else
#define CORDON_API
#define CORDON_MUST_USE
#define CORDON_PRINTF(format_index, first_index)
#endif

/*
 * Every code, once: name, HTTP status, whether repeating the same request is safe and may help,
 * and the text that explains the code in docs/error-codes.md. HTTP statuses follow Convex's table
 * (facts on Convex's error kinds: BadRequest 400, Overloaded and OCC 503, internal 500).
 */
#define CORDON_ERROR_CODES(X)                                                                      \
    X(INVALID, "InvalidArgument", 400, false, "the caller passed something it must not pass")      \
    X(USAGE, "Usage", 400, false, "the command line is wrong")                                     \
    X(BAD_JSON, "BadJson", 400, false, "a text that should be JSON is not")                        \
    X(BAD_VALUE, "InvalidValue", 400, false, "JSON that is no value of the data model")            \
    X(TOO_LARGE, "TooLarge", 413, false, "something is over a fixed size cap")                     \
    X(VALUE_TOO_LARGE, "ValueTooLargeError", 400, false, "a value over its size limit")            \
    X(TOO_NESTED, "TooNestedError", 400, false, "a value or document nested too deeply")           \
    X(TOO_MANY_FIELDS, "TooManyFieldsError", 400, false, "an object with too many fields")         \
    X(MODULE_REFUSED, "ModuleRefused", 400, false, "a module was not admitted")                    \
    X(NOT_FOUND, "NotFound", 404, false, "the thing named does not exist")                         \
    X(UNAUTHENTICATED, "Unauthenticated", 401, false, "no key, or a key that is not accepted")     \
    X(FORBIDDEN, "Forbidden", 403, false, "the key is valid but may not do this")                  \
    X(CONFLICT, "OptimisticConcurrencyControlFailure", 503, true,                                  \
      "other commits changed what this one had read, on every retry")                              \
    X(OVERLOADED, "Overloaded", 503, true, "no room now; the message says what was run")           \
    X(SYSTEM, "System", 500, true, "the operating system refused something")                       \
    X(STORE, "Store", 500, false, "the store is damaged, foreign or in use")                       \
    X(DISK_FULL, "DiskFull", 503, true,                                                            \
      "the disk is full or nearly so; nothing was written: free some space and try again")         \
    X(ENGINE, "Engine", 500, false, "the sandbox engine failed")                                   \
    X(NO_MEMORY, "NoMemory", 500, true, "the process is out of memory")                            \
    X(INTERNAL, "Internal", 500, false, "a fault of ours; the log has the details")                \
    X(ENV_NAME_INVALID, "EnvironmentVariableNameInvalid", 400, false,                              \
      "an environment variable cannot have that name")                                             \
    X(ENV_NAME_TOO_LONG, "EnvironmentVariableNameTooLong", 400, false,                             \
      "the name of an environment variable over its size limit")                                   \
    X(ENV_VALUE_TOO_LARGE, "EnvironmentVariableValueTooLarge", 400, false,                         \
      "the value of an environment variable over its size limit")                                  \
    X(ENV_LIMIT_MET, "EnvVarLimitMet", 400, false, "more environment variables than there may be") \
    X(ENV_TOTAL_SIZE_LIMIT_MET, "EnvVarTotalSizeLimitMet", 400, false,                             \
      "all environment variables together over their size limit")                                  \
    X(TENANT_FULL, "TenantFull", 413, false,                                                       \
      "the documents of a tenant would be more than `tenant_bytes` allows; nothing was written")   \
    X(AUDIT_FULL, "AuditFull", 507, false,                                                         \
      "an audit log would be more than `audit_bytes` allows; nothing was done")

typedef enum cordon_error_code {
#define CORDON_ERROR_ENUM(name, text, status, retry, doc) CORDON_E_##name,
    CORDON_ERROR_CODES(CORDON_ERROR_ENUM)
#undef CORDON_ERROR_ENUM
} cordon_error_code;

/* How many there are: codes are the numbers below it. */
#define CORDON_ERROR_ONE(name, text, status, retry, doc) +1
enum { CORDON_ERROR_CODE_COUNT = 0 CORDON_ERROR_CODES(CORDON_ERROR_ONE) };
#undef CORDON_ERROR_ONE

/* What went wrong: a code and words. NULL in its place is success. */
typedef struct cordon_error cordon_error;

/*
 * A new error, for functions of yours that Cordon calls: a code, and words as by printf, which say
 * what is wrong and what to do. It is the caller's. Without memory it is a static one that says so.
 * A code that is none of this version's becomes CORDON_E_INTERNAL.
 */
CORDON_PRINTF(2, 3) CORDON_API CORDON_MUST_USE cordon_error *cordon_error_new(
    cordon_error_code code, const char *format, ...);

/* Frees an error. NULL and the static out-of-memory error are accepted. */
CORDON_API void cordon_error_free(cordon_error *error);

/* The code; `error` must not be NULL. */
CORDON_API cordon_error_code cordon_error_get_code(const cordon_error *error);

/* The words, in UTF-8, never NULL. Borrowed: valid until the error is freed. */
CORDON_API const char *cordon_error_get_message(const cordon_error *error);

/* The stable name of a code, such as "ModuleRefused". Static. */
CORDON_API const char *cordon_error_code_name(cordon_error_code code);

/* The HTTP status the server answers with for a code. */
CORDON_API int cordon_error_code_http_status(cordon_error_code code);

/* True when repeating the same request is safe and may succeed. */
CORDON_API bool cordon_error_code_retryable(cordon_error_code code);

/* One sentence on what the code means. Static. */
CORDON_API const char *cordon_error_code_text(cordon_error_code code);

#ifdef __cplusplus
}
#endif

#endif
