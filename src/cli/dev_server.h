/*
 * The server that `cordon dev` deploys to: one that runs already and accepts our key, or one of the
 * project's own, with its data and an admin key below the project's folder `.cordon`.
 */
#ifndef CLI_DEV_SERVER_H
#define CLI_DEV_SERVER_H

#include "cli/child.h"
#include "cli/text.h"

struct dev_server {
    const struct cli_options *options; /* borrowed */
    const char *project;               /* borrowed: its folder */
    struct child child;                /* the project's own; none if another one is used */
    struct text url;                   /* empty until it is there */
    struct text key;
    struct text data; /* of its own */
    struct text output_line;
    struct text error_line;
};

void dev_server_init(
    struct dev_server *server, const struct cli_options *options, const char *project);

/* Its own must not run any more. */
void dev_server_done(struct dev_server *server);

/*
 * Looks for one that runs, as the options say; where there is none, starts one. 0, or the exit code
 * after having said what is wrong.
 */
int dev_server_open(struct dev_server *server);

/* Reads what its own says: where it is reached, warnings, errors. Does not wait. */
void dev_server_read_output(struct dev_server *server);
void dev_server_read_errors(struct dev_server *server);

/* Whether it can be deployed to. */
bool dev_server_is_ready(const struct dev_server *server);

/*
 * Once it is ready: sees that it has a key that the server accepts, and makes one for its own. 0,
 * or the exit code after having said what is wrong.
 */
int dev_server_take_key(struct dev_server *server);

#endif
