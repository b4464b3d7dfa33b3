/*
 * The reports of `check` and `deploy`: JSON of the library or of a server, as tables.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/cli.h"

/*
 * Prints a report as text to stdout, or as it is if JSON was asked for. The exit code; a text that
 * is no report is said to be none.
 */
int report_print(const struct cli_options *options, cordon_text report);

#endif
