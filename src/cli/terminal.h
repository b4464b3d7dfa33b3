/*
 * What people read. Everything that did not come from our own source passes through the escaping
 * here, so that no log line, message, file name or answer can move the cursor, recolour the screen
 * or pass itself off as a line of ours.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdio.h>

#include "cli/cli.h"

/*
 * Writes a text with control characters (C0, DEL, C1), marks that reorder text, and bytes that are
 * no UTF-8 escaped as \u001b. In JSON text the escapes mean the characters they stand for.
 */
void terminal_write(FILE *file, cordon_text text);

/* As many characters as terminal_write() writes for a text. */
size_t terminal_width(cordon_text text);

/* As terminal_write(), but a line break stays one and what follows is indented under `indent`. */
void terminal_write_lines(FILE *file, cordon_text text, const char *indent);

/*
 * Colours what is written next, or ends that; nothing where `file` is no terminal, where it can't
 * show colours, or where $NO_COLOR is set.
 */
enum terminal_colour { TERMINAL_PLAIN, TERMINAL_DIM, TERMINAL_RED, TERMINAL_GREEN };
void terminal_paint(FILE *file, enum terminal_colour colour);

/* A C string as a text. */
cordon_text terminal_text(const char *string);

/* Writes "cordon: " and the words to stderr, escaped as above, and returns `exit_code`. */
CORDON_PRINTF(2, 3) int terminal_fail(int exit_code, const char *format, ...);

/* As terminal_fail(CLI_USAGE, …), with a last line that says where to read more. */
CORDON_PRINTF(2, 3) int terminal_usage(const struct cli_command *command, const char *format, ...);

/*
 * The same of an error by its name, such as "NotFound", unless that is empty: `cordon: NotFound:`
 * and the words, as one write, so that what two programs say at one terminal is not mixed.
 */
void terminal_complain(cordon_text name, cordon_text words);

/* The exit code that an error of the library stands for. */
int terminal_exit_code(cordon_error_code code);

/* Says what an error says, frees it, and returns its exit code. */
int terminal_error(cordon_error *error);

/* Writes the words and a time since 1970, as 2026-01-31T12:00:00Z; nothing for 0. */
void terminal_print_time(FILE *file, const char *before, uint64_t ms);

/* Prints a text the library gave us and a line break to stdout, and frees it. */
int terminal_print_json(char *json);

#endif
