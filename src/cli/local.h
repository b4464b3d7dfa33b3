/*
 * A runtime of the command's own, for what works without a server: no thread, gone at the end.
 */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "cli/cli.h"
#include "cli/text.h"

/*
 * Opens a runtime with the limits and the data folder of the options (none: an empty store in
 * memory). Modules are compiled by the worker that lies beside this executable, or that
 * $CORDON_COMPILE_WORKER names.
 */
CORDON_MUST_USE cordon_error *local_open(
    const struct cli_options *options, cordon_runtime **out_runtime);

void local_close(cordon_runtime **runtime);

/*
 * The path of the compile worker: $CORDON_COMPILE_WORKER, else `cordon-compile` in the folder of
 * this executable or, as it is installed, in ../libexec/cordon from there. The text owns it.
 */
const char *local_worker(struct text *path);

/* The same for cordon-fetch, which fetches key sets: $CORDON_KEY_FETCHER, else where it lies. */
const char *local_fetcher(struct text *path);

/* What a module is called in reports and refusals: its file's name, without folders. */
const char *local_module_name(const char *path);

/*
 * Reads a module whole, also one over the limit module_bytes, so that its refusal tells its size;
 * what is over that limit and 256 MiB too is not read. 0, or the exit code after having said what
 * is wrong.
 */
int local_read_module(const struct cli_options *options, const char *path, struct text *out_bytes);

/*
 * Tells that the command failed before or beside any run: as words on stderr, or, if JSON was asked
 * for and the command line is not at fault, as an object on stdout. Frees the error, returns its
 * exit code.
 */
int local_fail(const struct cli_options *options, cordon_error *error);

#endif
