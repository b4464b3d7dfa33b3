/*
 * The operator's listener of a server, from the command line: by its URL, or by the socket that a
 * server has in its data folder.
 */
#ifndef CLI_OPERATOR_H
#define CLI_OPERATOR_H

#include "cli/cli.h"
#include "cli/text.h"

/*
 * The options for requests to it. `*out_socket` is the path of its socket, in `path`, or NULL where
 * --url names it. False: no URL is named, and no server uses the data folder, which then is
 * `out_options->data`.
 */
bool operator_find(
    const struct cli_options *options,
    struct text *path,
    struct cli_options *out_options,
    const char **out_socket);

/*
 * Whether a process uses the folder whose server operator_find() has not found: then it says so,
 * and how such a server is reached.
 */
bool operator_is_elsewhere(const char *folder);

#endif
