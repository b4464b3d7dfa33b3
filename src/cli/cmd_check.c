/*
 * `cordon check`: would this module be admitted, and what is in it? Everything a deploy does is
 * done, compilation included, and nothing is kept.
 */
#include "cli/flags.h"
#include "cli/local.h"
#include "cli/report.h"
#include "cli/terminal.h"

static int run(const struct cli_options *options)
{
    TEXT_CLEANUP bytes = {0};
    const int unread = local_read_module(options, options->operands[0], &bytes);
    if (unread != CLI_OK) {
        return unread;
    }
    const cordon_module module = {
        .name = local_module_name(options->operands[0]),
        .data = bytes.data,
        .size = bytes.size,
    };
    CLI_CLEANUP(local_close) cordon_runtime *runtime = NULL;
    char *report = NULL;
    cordon_error *error = local_open(options, &runtime);
    if (error == NULL) {
        error = cordon_check(runtime, &module, &report);
    }
    if (error != NULL) {
        return local_fail(options, error);
    }
    const int exit_code = report_print(options, terminal_text(report));
    cordon_free(report);
    return exit_code;
}

static const struct cli_flag flags[] = {
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_check = {
    .name = "check",
    .operands = "MODULE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "says whether a module would be admitted",
    .details =
        "Reads, checks and compiles the WebAssembly file MODULE as a deploy would, keeps nothing,\n"
        "and prints what is in it, or why it is refused, where, and what to do. What a function\n"
        "reaches is told by the calls in its code: a run never reaches more. An indirect call may\n"
        "mean every function of its type whose address is taken.\n"
        "\n"
        "Exit code: 0 it would be admitted; 2 wrong usage; 4 it is refused; 5 Cordon failed.",
    .example = "  cordon check messages.wasm",
    .flags = flags,
    .run = run,
};
