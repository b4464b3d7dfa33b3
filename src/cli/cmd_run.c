/*
 * `cordon run`: one function of one module, once, in a runtime of its own. The value goes to
 * stdout, everything else people read to stderr, so that a value can be piped on. With JSON the
 * whole outcome is one object on stdout, whatever came of the run.
 */
#include "cli/file.h"
#include "cli/flags.h"
#include "cli/local.h"
#include "cli/outcome.h"
#include "cli/terminal.h"

static void free_call(cordon_call **call)
{
    cordon_call_free(*call);
}

/* 0, or CLI_MACHINE after having said why there is no record. */
static int save_record(
    struct file_secret *file, const cordon_call *call, const struct text *module_bytes)
{
    const cordon_module module = {.data = module_bytes->data, .size = module_bytes->size};
    char *bytes = NULL;
    size_t size = 0;
    cordon_error *const error = cordon_call_get_record(call, &module, 1, &bytes, &size);
    if (error != NULL) {
        (void)terminal_error(error);
        (void)fputs("  No record was written.\n", stderr);
        return CLI_MACHINE;
    }
    const int failed = file_secret_finish(file, bytes, size);
    cordon_free(bytes);
    return failed;
}

static cordon_error *run_in(
    cordon_runtime *runtime,
    const struct cli_options *options,
    const struct text *module_bytes,
    struct file_secret *record,
    int *out_exit_code)
{
    const cordon_request request = {
        .size = sizeof request,
        .path = options->operands[1],
        .tenant = options->tenant,
        .args = options->operand_count > 2 ? options->operands[2] : NULL,
        .internal = true,
        .seed = options->has_seed ? options->seed : NULL,
        .has_time = options->has_time,
        .time_ms = options->time_ms,
        .record = options->record != NULL,
        .identity = options->identity,
    };
    CLI_CLEANUP(free_call) cordon_call *call = NULL;
    cordon_error *const error = cordon_call_new(runtime, &request, NULL, NULL, &call);
    if (error != NULL) {
        return error;
    }
    cordon_call_finish(call);
    const cordon_outcome *const outcome = cordon_call_get_outcome(call);
    *out_exit_code = cordon_outcome_get_exit_code(outcome);
    if (options->record != NULL) {
        const int unsaved = save_record(record, call, module_bytes);
        *out_exit_code = *out_exit_code == CLI_OK ? unsaved : *out_exit_code;
    }
    return outcome_print(options, outcome);
}

static cordon_error *load(
    cordon_runtime *runtime, const struct cli_options *options, const struct text *bytes)
{
    const cordon_module module = {
        .name = local_module_name(options->operands[0]),
        .data = bytes->data,
        .size = bytes->size,
    };
    char *report = NULL;
    cordon_error *const error = cordon_load_of(runtime, options->tenant, &module, 1, &report);
    cordon_free(report);
    return error;
}

static int run(const struct cli_options *options)
{
    const int wrong = options->operand_count > 2 ? flags_check_args(options->operands[2]) : CLI_OK;
    if (wrong != CLI_OK) {
        return wrong;
    }
    if (options->tenant != NULL && options->data == NULL) {
        return terminal_usage(
            options->command, "--tenant is for a data folder; name that with --data, too");
    }
    TEXT_CLEANUP bytes = {0};
    const int unread = local_read_module(options, options->operands[0], &bytes);
    if (unread != CLI_OK) {
        return unread;
    }
    CLI_CLEANUP(local_close) cordon_runtime *runtime = NULL;
    int exit_code = CLI_OK;
    cordon_error *error = local_open(options, &runtime);
    if (error == NULL) {
        error = load(runtime, options, &bytes);
    }
    CLI_CLEANUP(file_secret_drop) struct file_secret record = {0};
    if (error == NULL && options->record != NULL) {
        const int unwritable = file_secret_begin(&record, options->record);
        if (unwritable != CLI_OK) {
            return unwritable;
        }
    }
    if (error == NULL) {
        error = run_in(runtime, options, &bytes, &record, &exit_code);
    }
    return error == NULL ? exit_code : local_fail(options, error);
}

static const struct cli_flag flags[] = {
    {"limit", "NAME=VALUE", "changes a limit, up or down; may be repeated", flags_set_limit},
    {"data", "DIR", "the data to run on (default: an empty store in memory)", flags_set_data},
    FLAG_TENANT_OF_DATA,
    {"seed", "HEX64", "what randomness is drawn from (default: a new one)", flags_set_seed},
    {"time", "MS", "the time the function sees, since 1970 (default: now)", flags_set_time},
    {"identity", "JSON", "who has signed in: {\"issuer\", \"subject\", …}", flags_set_identity},
    {"record", "FILE", "writes a record of the run, for `cordon replay`", flags_set_record},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_run = {
    .name = "run",
    .operands = "MODULE PATH [ARGS-JSON]",
    .operands_min = 2,
    .operands_max = 3,
    .summary = "runs one function of a module, once",
    .details =
        "Runs the function PATH of the WebAssembly file MODULE with the arguments ARGS-JSON, one\n"
        "JSON object (default {}), and prints its value. Internal functions may be called too. "
        "Log\n"
        "lines and errors go to stderr. With --data the module's functions run on the data of "
        "that\n"
        "folder, or of its tenant that --tenant names, whatever is deployed there; what a "
        "mutation\n"
        "writes stays. A server must not be using the folder: call it with `cordon call` "
        "instead.\n"
        "\n"
        "With the same --seed and --time and the same data a query or mutation does the same "
        "again.\n"
        "--identity says who has signed in, as the function sees it: Convex's UserIdentity, with "
        "an\n"
        "issuer and a subject at least; without it nobody has.\n"
        "\n"
        "With --record a file keeps all that the run depended on, the module and what it read\n"
        "included; `cordon replay` runs it again from there alone.\n"
        "\n"
        "Exit code: 0 success; 1 the function failed; 2 wrong usage; 3 a limit ended the run;\n"
        "4 the module was refused; 5 Cordon or the machine failed, or a run that went well has no\n"
        "record. A file that can't be written is told before the function runs.",
    .example =
        "  cordon run messages.wasm math:fib '{\"n\": 20}'\n"
        "  cordon run --limit fuel=1000000 --format json messages.wasm math:fib '{\"n\": 30}'",
    .flags = flags,
    .run = run,
};
