/* `cordon audit show`: the records that are asked for, a line each. */
#ifndef CLI_AUDIT_SHOW_H
#define CLI_AUDIT_SHOW_H

#include "cli/cli.h"

/* Reads the log and prints. 0, or an exit code after having said what is wrong. */
int audit_show(const struct cli_options *options);

/* The name of a flag that only `show` has, if it was given; NULL: none was. Static. */
const char *audit_show_filter(const struct cli_options *options);

#endif
