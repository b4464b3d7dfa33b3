/*
 * Where `cordon audit` reads the log from: a file of its lines, a running server's operator
 * listener, or the store of a data folder that no server has open.
 */
#ifndef CLI_AUDIT_SOURCE_H
#define CLI_AUDIT_SOURCE_H

#include "cli/cli.h"
#include "cli/text.h"

/*
 * Whole lines of the log, in order; the last of a file perhaps without its newline. Not 0: an exit
 * code, after which no more come.
 */
typedef int audit_visit(void *arg, const char *lines, size_t size);

/*
 * The number of the tenant whose log it is: of a name the server, or the folder, is asked; a file
 * knows none. 0, or an exit code after having said what is wrong.
 */
int audit_source_tenant(const struct cli_options *options, uint32_t *out_number);

/*
 * Gives the whole log to `visit`, piece by piece. 0, what `visit` answered, or an exit code after
 * having said what is wrong.
 */
int audit_source_read(const struct cli_options *options, audit_visit *visit, void *arg);

/*
 * Has the server prune its log, and gives its answer, JSON; `parameter` is what its query string
 * says. 0, or an exit code after having said what is wrong, also where no server runs: who signs
 * the log must say so in it.
 */
int audit_source_prune(
    const struct cli_options *options, const char *parameter, struct text *out_answer);

#endif
