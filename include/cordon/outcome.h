/*
 * What came of a run: codes, exit codes, and reading an outcome.
 */
#ifndef CORDON_OUTCOME_H
#define CORDON_OUTCOME_H

#include <cordon/limits.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* id, name, exit code of `cordon run`, text. CORDON_OUTCOME_LIMIT takes its name from the limit. */
#define CORDON_OUTCOMES(X)                                                                         \
    X(SUCCESS, "Success", 0, "the function returned")                                              \
    X(FAILED, "Failed", 1, "the function reported an error of its own")                            \
    X(TRAPPED, "Trapped", 1, "the function's code trapped")                                        \
    X(CAPABILITY_DENIED, "CapabilityDenied", 1, "a function of this kind may not make that call")  \
    X(INVALID_HOST_CALL, "InvalidHostCall", 1, "a host call with arguments that cannot be right")  \
    X(INVALID_ARGUMENTS, "InvalidArguments", 1, "the arguments do not fit the function")           \
    X(INVALID_RETURN, "InvalidReturn", 1, "the result does not fit the function")                  \
    X(FUNCTION_NOT_FOUND, "FunctionNotFound", 1, "there is no such function for this caller")      \
    X(CANCELLED, "Cancelled", 1, "the caller went away or the server is stopping")                 \
    X(LIMIT, "Limit", 3, "a limit of the table ended the run")                                     \
    X(MODULE_REFUSED, "ModuleRefused", 4, "the module was not admitted")                           \
    X(CONFLICT, "OptimisticConcurrencyControlFailure", 5, "other commits were faster every time")  \
    X(OVERLOADED, "Overloaded", 5, "no room now; the message says what was run")                   \
    X(DISK_FULL, "DiskFull", 5, "the disk is full or nearly so; nothing was written")              \
    X(INTERNAL, "Internal", 5, "a fault of ours; the log has the details")

typedef enum cordon_outcome_code {
#define CORDON_OUTCOME_ENUM(id, name, exit_code, text) CORDON_OUTCOME_##id,
    CORDON_OUTCOMES(CORDON_OUTCOME_ENUM)
#undef CORDON_OUTCOME_ENUM
} cordon_outcome_code;

/* An outcome is read through this; it lives as long as its call (see runtime.h). */
typedef struct cordon_outcome cordon_outcome;

/* A borrowed text of `size` bytes, not NUL-terminated. */
typedef struct cordon_text {
    const char *data;
    size_t size;
} cordon_text;

/* How the run ended. */
CORDON_API cordon_outcome_code cordon_outcome_get_code(const cordon_outcome *outcome);

/* The stable name: "Success", "Failed", or the limit's code such as "OutOfFuel". Static. */
CORDON_API const char *cordon_outcome_get_name(const cordon_outcome *outcome);

/* The exit code of `cordon run` for this outcome. */
CORDON_API int cordon_outcome_get_exit_code(const cordon_outcome *outcome);

/* On success the value in encoded JSON; otherwise empty. */
CORDON_API cordon_text cordon_outcome_get_value(const cordon_outcome *outcome);

/* On anything but success the message for the developer. */
CORDON_API cordon_text cordon_outcome_get_message(const cordon_outcome *outcome);

/* The data of the function's own error in encoded JSON, or empty. */
CORDON_API cordon_text cordon_outcome_get_data(const cordon_outcome *outcome);

/* How many lines the run has logged. */
CORDON_API size_t cordon_outcome_get_log_line_count(const cordon_outcome *outcome);

/* One of them, in their order, by index from 0; empty where there is no such line. */
CORDON_API cordon_text cordon_outcome_get_log_line(const cordon_outcome *outcome, size_t index);

/*
 * Frames of the guest's stack where it was stopped, innermost first, 64 at most. Calls that the
 * compiler inlined are frames too, if the module has debug information. What is asked of a frame
 * that there is not is empty, 0 or false.
 */
CORDON_API size_t cordon_outcome_get_frame_count(const cordon_outcome *outcome);

/* The name of a frame's function. */
CORDON_API cordon_text cordon_outcome_get_frame_function(
    const cordon_outcome *outcome, size_t index);

/*
 * Where the frame stands in the function's sources: a path in the project that it was built from,
 * and a line from 1 on. Empty and 0 if the module has no debug information that says so.
 */
CORDON_API cordon_text cordon_outcome_get_frame_file(const cordon_outcome *outcome, size_t index);

/* The line there; see the file. */
CORDON_API uint32_t cordon_outcome_get_frame_line(const cordon_outcome *outcome, size_t index);

/* Whether the compiler put this call into the function of the next frame. */
CORDON_API bool cordon_outcome_is_frame_inlined(const cordon_outcome *outcome, size_t index);

/* What was used of a limit, in the limit's unit. */
CORDON_API uint64_t cordon_outcome_get_used(const cordon_outcome *outcome, cordon_limit limit);

/* True if a limit ended the run: which, what was (or would have been) used, what was allowed. */
CORDON_API bool cordon_outcome_get_limit(
    const cordon_outcome *outcome,
    cordon_limit *out_limit,
    uint64_t *out_used,
    uint64_t *out_allowed);

#ifdef __cplusplus
}
#endif

#endif
