/*
 * Escaping for terminals, and the few shapes in which failures are told. UTF-8 is read strictly
 * (no overlong forms, no surrogates), as a terminal that decodes sloppily could otherwise be handed
 * a control character in disguise.
 */
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOT_UTF8 = -1 };

/* The code point that `bytes` begin with, and its length; NOT_UTF8 with length 1 for none. */
static int32_t decode(const unsigned char *bytes, size_t size, size_t *out_length)
{
    static const struct {
        unsigned char mask, lead;
        int32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    *out_length = 1;
    for (size_t more = 0; more < sizeof forms / sizeof forms[0]; more++) {
        if ((bytes[0] & forms[more].mask) != forms[more].lead) {
            continue;
        }
        if (more >= size) {
            return NOT_UTF8;
        }
        int32_t point = bytes[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return NOT_UTF8;
            }
            point = point << 6 | (bytes[i] & 0x3f);
        }
        const bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < forms[more].least || point > 0x10ffff || surrogate) {
            return NOT_UTF8;
        }
        *out_length = more + 1;
        return point;
    }
    return NOT_UTF8;
}

/* Control characters, line and paragraph separators, and what turns the direction of text. */
static bool is_dangerous(int32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x061c || point == 0x200e ||
           point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

static void write_escaped(FILE *file, cordon_text text, const char *indent)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    for (size_t at = 0; at < text.size;) {
        size_t length = 0;
        const int32_t point = decode(bytes + at, text.size - at, &length);
        if (point == '\n' && indent != NULL) {
            (void)fprintf(file, "\n%s", indent);
        } else if (point == NOT_UTF8) {
            (void)fprintf(file, "\\x%02x", bytes[at]);
        } else if (is_dangerous(point)) {
            (void)fprintf(file, "\\u%04x", (unsigned)point);
        } else {
            (void)fwrite(bytes + at, 1, length, file);
        }
        at += length;
    }
}

size_t terminal_width(cordon_text text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t width = 0;
    for (size_t at = 0; at < text.size;) {
        size_t length = 0;
        const int32_t point = decode(bytes + at, text.size - at, &length);
        width += point == NOT_UTF8 ? strlen("\\x00") : is_dangerous(point) ? strlen("\\u0000") : 1;
        at += length;
    }
    return width;
}

void terminal_write(FILE *file, cordon_text text)
{
    write_escaped(file, text, NULL);
}

void terminal_write_lines(FILE *file, cordon_text text, const char *indent)
{
    write_escaped(file, text, indent);
}

void terminal_paint(FILE *file, enum terminal_colour colour)
{
    static const char *const codes[] = {
        [TERMINAL_PLAIN] = "\033[0m",
        [TERMINAL_DIM] = "\033[2m",
        [TERMINAL_RED] = "\033[31m",
        [TERMINAL_GREEN] = "\033[32m",
    };
    const char *const none = getenv("NO_COLOR");
    const char *const kind = getenv("TERM");
    const bool can_show = kind != NULL && strcmp(kind, "dumb") != 0;
    if (isatty(fileno(file)) && can_show && (none == NULL || none[0] == '\0')) {
        (void)fputs(codes[colour], file);
    }
}

cordon_text terminal_text(const char *string)
{
    return (cordon_text){string, strlen(string)};
}

static void write_complaint(FILE *file, cordon_text name, cordon_text words)
{
    (void)fputs("cordon: ", file);
    if (name.size > 0) {
        terminal_write(file, name);
        (void)fputs(": ", file);
    }
    terminal_write_lines(file, words, "  ");
    (void)fputc('\n', file);
}

void terminal_complain(cordon_text name, cordon_text words)
{
    char *line = NULL;
    size_t size = 0;
    FILE *const memory = open_memstream(&line, &size);
    if (memory == NULL) {
        write_complaint(stderr, name, words);
        return;
    }
    write_complaint(memory, name, words);
    if (fclose(memory) == 0) {
        (void)fwrite(line, 1, size, stderr);
    }
    free(line);
}

/* They quote what was typed; of a very long quote the start will do. */
static CORDON_PRINTF(1, 0) void complain(const char *format, va_list args)
{
    static const char cut[] = "… (cut)";
    enum { SHOWN = 4095 };
    char words[SHOWN + sizeof cut];
    const int wanted = vsnprintf(words, SHOWN + 1, format, args);
    if (wanted > SHOWN) {
        memcpy(words + SHOWN, cut, sizeof cut);
    }
    terminal_complain((cordon_text){NULL, 0}, terminal_text(wanted < 0 ? format : words));
}

int terminal_fail(int exit_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
    return exit_code;
}

int terminal_usage(const struct cli_command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(format, args);
    va_end(args);
    (void)fprintf(stderr, "`cordon %s --help` says more.\n", command->name);
    return CLI_USAGE;
}

int terminal_exit_code(cordon_error_code code)
{
    if (code == CORDON_E_MODULE_REFUSED) {
        return CLI_REFUSED;
    }
    return cordon_error_code_http_status(code) < 500 ? CLI_USAGE : CLI_MACHINE;
}

int terminal_error(cordon_error *error)
{
    const cordon_error_code code = cordon_error_get_code(error);
    terminal_complain(
        terminal_text(cordon_error_code_name(code)),
        terminal_text(cordon_error_get_message(error)));
    cordon_error_free(error);
    return terminal_exit_code(code);
}

int terminal_print_json(char *json)
{
    (void)puts(json);
    cordon_free(json);
    return CLI_OK;
}

void terminal_print_time(FILE *file, const char *before, uint64_t ms)
{
    char when[32] = "";
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (ms > 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
        (void)fprintf(file, "%s%s", before, when);
    }
}
