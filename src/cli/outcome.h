/* What came of a run, printed. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "cli/cli.h"

/*
 * Text: the value to stdout, log lines and errors to stderr. JSON: the whole outcome as one object
 * on stdout. Errors: as cordon_outcome_to_json().
 */
cordon_error *outcome_print(const struct cli_options *options, const cordon_outcome *outcome);

/* The text form alone. */
void outcome_print_text(const cordon_outcome *outcome);

#endif
