/* A text for an error, cut after a number of characters; shared by values and validators. */
#ifndef VALUE_DISPLAY_H
#define VALUE_DISPLAY_H

#include "value/value.h"

struct display {
    struct buffer *buffer;
    size_t chars_left;
    bool cut; /* something had no room: a writer may stop */
};

static inline struct display display_begin(struct buffer *buffer)
{
    return (struct display){.buffer = buffer, .chars_left = VALUE_DISPLAY_CHARS_MAX};
}

/* Appends as many characters as there is room for. */
CORDON_MUST_USE cordon_error *display_put(struct display *display, struct slice text);

/* A string in quotes, with what can't be read escaped. */
CORDON_MUST_USE cordon_error *display_put_string(struct display *display, struct slice string);

/* The name of a field: bare if it is an identifier, else as a string. */
CORDON_MUST_USE cordon_error *display_put_name(struct display *display, struct slice name);

CORDON_MUST_USE cordon_error *display_put_value(struct display *display, const struct value *value);

/* Appends the mark if the text was cut. */
CORDON_MUST_USE cordon_error *display_end(struct display *display);

#endif
