/*
 * What a zip of documents says by itself, from any bytes: the lines of a `documents.jsonl`, and a
 * `generated_schema.jsonl`. A line of an export is JSON exactly if what is made of it is; the
 * numbers of what we export are all read as Float64 again. A schema is refused with words that name
 * a line, or is one of those that are known, whatever stands in it.
 */
#include "base/error.h"
#include "cli/export_json.h"
#include "cli/generated_schema.h"
#include "cli/terminal.h"

#include <stdarg.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned told; /* how often something was said to be wrong */

/* In the place of the terminal's. */
int terminal_fail(int exit_code, const char *format, ...)
{
    char words[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    CORDON_ASSERT(strstr(words, "line ") != NULL);
    told++;
    return exit_code;
}

/* Of quoting, which none of this does. */
int terminal_error(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
    return CLI_OK;
}

static bool is_json(const struct text *text)
{
    JSON_CLEANUP json = NULL;
    cordon_error *const error =
        cordon_json_parse(text->data == NULL ? "" : text->data, text->size, &json);
    cordon_error_free(error);
    return error == NULL;
}

static bool is_deep(cordon_text line)
{
    size_t opened = 0;
    for (size_t i = 0; i < line.size; i++) {
        opened += line.data[i] == '[' || line.data[i] == '{';
    }
    return opened > 30;
}

static void check_line(cordon_text line)
{
    TEXT_CLEANUP plain = {0};
    TEXT_CLEANUP encoded = {0};
    TEXT_CLEANUP exported = {0};
    TEXT_CLEANUP again = {0};
    text_append(&plain, line.data, line.size);
    export_json_to_encoded(&encoded, line);
    export_json_from_encoded(&exported, line);
    export_json_to_encoded(&again, (cordon_text){exported.data, exported.size});
    CORDON_ASSERT(exported.size == again.size);
    CORDON_ASSERT(exported.size == 0 || memcmp(exported.data, again.data, again.size) == 0);
    CORDON_ASSERT(is_json(&exported) == is_json(&plain));
    /* An Int64 is an object, and so a level more, of which a text has a bounded number. */
    CORDON_ASSERT(!is_json(&plain) || is_deep(line) || is_json(&encoded));
}

/* Bytes without a line break at the end are a file as well. */
static void check_schema(const uint8_t *data, size_t size)
{
    CLI_CLEANUP(lines_close) struct lines lines = {.name = "t/generated_schema.jsonl"};
    text_append(&lines.ahead, data, size);
    lines.ended = true;
    enum generated_schema schema = SCHEMA_NONE;
    uint64_t line = 0;
    told = 0;
    const int failed = generated_schema_read(&lines, &schema, &line);
    CORDON_ASSERT((failed != CLI_OK) == (told > 0));
    CORDON_ASSERT(failed != CLI_OK || (schema != SCHEMA_NONE && line > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_line((cordon_text){(const char *)data, size});
    check_schema(data, size);
    return 0;
}
