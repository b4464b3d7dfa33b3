/*
 * A growing run of bytes with a NUL behind it. Memory that is out ends the command with words and
 * an exit code: nothing it could do instead would help.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "cli/cli.h"

struct text {
    char *data;  /* NULL as long as it is empty */
    size_t size; /* without the NUL */
    size_t capacity;
};

void text_append(struct text *text, const void *bytes, size_t size);
CORDON_PRINTF(2, 3) void text_printf(struct text *text, const char *format, ...);

/* Appends words as JSON. 0, or the exit code after having said what is wrong. */
int text_append_quoted(struct text *text, cordon_text words);

/* Frees the bytes; the text may be used again. */
void text_done(struct text *text);

#define TEXT_CLEANUP CLI_CLEANUP(text_done) struct text

/*
 * Reads a whole file, or of a larger one `size_max` + 1 bytes, so that the caller sees that it is
 * too large. 0, or the exit code after having said what is wrong.
 */
int text_read_file(struct text *text, const char *path, size_t size_max);

/* The same, but says nothing: false, and the words in `out_why`. */
bool text_try_file(struct text *text, const char *path, size_t size_max, struct text *out_why);

#endif
