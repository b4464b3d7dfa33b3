/*
 * Files that are part of the executable: what `cordon new` writes. cmake/Embed.cmake makes the
 * tables from sdk/, so that a new project needs no path back to where Cordon was built.
 */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *path; /* within the project, with slashes; NULL ends a table */
    const unsigned char *data;
    size_t size;
};

extern const struct embedded_file embedded_rust[];
extern const struct embedded_file embedded_c[];

#endif
