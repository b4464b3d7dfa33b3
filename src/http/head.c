/* Where lines of a head begin and end; see head.h. */
#include "http/head.h"

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n';
}

static size_t skip_empty_lines(struct head_lines *lines, struct slice bytes)
{
    size_t at = 0;
    while (!lines->begun && at < bytes.size) {
        lines->begun = !is_line_end(bytes.data[at]);
        at += lines->begun ? 0 : 1;
    }
    return at;
}

/* The first byte of a line: of a header's name, or of the empty line's end. */
static bool begin_line(struct head_lines *lines, uint8_t first)
{
    lines->at_start = false;
    lines->is_last = first == '\r';
    return first != ' ' && first != '\t' && first != ':' && first != '\n';
}

bool head_lines_feed(struct head_lines *lines, struct slice bytes)
{
    size_t at = skip_empty_lines(lines, bytes);
    while (at < bytes.size && !lines->over) {
        if (lines->at_start && !begin_line(lines, bytes.data[at])) {
            return false;
        }
        const uint8_t *newline = memchr(bytes.data + at, '\n', bytes.size - at);
        if (newline == NULL) {
            lines->after_cr = bytes.data[bytes.size - 1] == '\r';
            return true;
        }
        const size_t end = (size_t)(newline - bytes.data);
        if (end > at ? bytes.data[end - 1] != '\r' : !lines->after_cr) {
            return false;
        }
        lines->over = lines->is_last;
        lines->at_start = true;
        at = end + 1;
    }
    return true;
}
