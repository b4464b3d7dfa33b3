/*
 * The error object. Kept alone in this file: in a file that shows its body, gcc's analyser
 * reports leaks that are none.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct cordon_error {
    cordon_error_code code;
    char *message;
};

/* A message is cut here: an error quotes names and numbers, never whole documents. */
#define ERROR_MESSAGE_BYTES_MAX 65536

static struct cordon_error out_of_memory = {
    .code = CORDON_E_NO_MEMORY,
    .message = (char *)(size_t)"out of memory",
};

/* A program that was compiled against a newer header may have others. */
static bool is_known(cordon_error_code code)
{
    return (unsigned)code < CORDON_ERROR_CODE_COUNT;
}

cordon_error *error_no_memory(void)
{
    return &out_of_memory;
}

cordon_error *cordon_error_new(cordon_error_code code, const char *format, ...)
{
    struct cordon_error *error = malloc(sizeof *error);
    if (error == NULL) {
        return &out_of_memory;
    }

    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = wanted < 0 ? 1 : (size_t)wanted + 1;
    if (size > ERROR_MESSAGE_BYTES_MAX) {
        size = ERROR_MESSAGE_BYTES_MAX;
    }
    error->code = is_known(code) ? code : CORDON_E_INTERNAL;
    error->message = malloc(size);
    if (error->message == NULL) {
        va_end(again);
        free(error);
        return &out_of_memory;
    }
    error->message[0] = '\0';
    (void)vsnprintf(error->message, size, format, again);
    va_end(again);
    return error;
}

void cordon_error_free(cordon_error *error)
{
    if (error == NULL || error == &out_of_memory) {
        return;
    }
    free(error->message);
    free(error);
}

cordon_error_code cordon_error_get_code(const cordon_error *error)
{
    return error->code;
}

const char *cordon_error_get_message(const cordon_error *error)
{
    return error->message;
}

struct code_row {
    const char *name;
    int http_status;
    bool retryable;
    const char *text;
};

static const struct code_row code_rows[] = {
#define CODE_ROW(id, name, status, retry, doc) [CORDON_E_##id] = {name, status, retry, doc},
    CORDON_ERROR_CODES(CODE_ROW)
#undef CODE_ROW
};

static const struct code_row *row_of(cordon_error_code code)
{
    return &code_rows[is_known(code) ? code : CORDON_E_INTERNAL];
}

const char *cordon_error_code_name(cordon_error_code code)
{
    return row_of(code)->name;
}

int cordon_error_code_http_status(cordon_error_code code)
{
    return row_of(code)->http_status;
}

bool cordon_error_code_retryable(cordon_error_code code)
{
    return row_of(code)->retryable;
}

const char *cordon_error_code_text(cordon_error_code code)
{
    return row_of(code)->text;
}

_Noreturn void assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "cordon: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
