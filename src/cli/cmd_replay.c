/*
 * `cordon replay`: a recorded run once more, from its record alone. It prints what came of it as
 * `run` does and exits as the run did, unless it was another run.
 */
#include "cli/file.h"
#include "cli/flags.h"
#include "cli/local.h"
#include "cli/outcome.h"
#include "cli/terminal.h"
#include "cli/text.h"

#include <string.h>

/* As large as a record gets. */
enum { RECORD_BYTES_MAX = 256 << 20 };

static void free_call(cordon_call **call)
{
    cordon_call_free(*call);
}

static void free_record(cordon_record **record)
{
    cordon_record_free(*record);
}

/* The outcome's object with one more member, `replay`. */
static cordon_error *print_json(const cordon_outcome *outcome, const char *difference)
{
    char *json = NULL;
    cordon_error *const error = cordon_outcome_to_json(outcome, &json);
    if (error != NULL) {
        return error;
    }
    const size_t size = strlen(json);
    (void)fwrite(json, 1, size - 1, stdout); /* all but its last brace */
    cordon_free(json);
    (void)fputs(",\"replay\":{\"same\":", stdout);
    if (difference == NULL) {
        (void)fputs("true}}\n", stdout);
        return NULL;
    }
    char *words = NULL;
    cordon_error *const unquoted = cordon_json_quote(terminal_text(difference), &words);
    if (unquoted != NULL) {
        return unquoted;
    }
    (void)printf("false,\"difference\":%s}}\n", words);
    cordon_free(words);
    return NULL;
}

static void print_text(const cordon_outcome *outcome, const char *difference)
{
    outcome_print_text(outcome);
    if (difference == NULL) {
        (void)fputs("replay: the same run\n", stderr);
        return;
    }
    (void)fputs("replay: another run\n  ", stderr);
    terminal_write_lines(stderr, terminal_text(difference), "  ");
    (void)fputc('\n', stderr);
}

static cordon_error *replay_in(
    cordon_runtime *runtime,
    const struct cli_options *options,
    const cordon_record *record,
    int *out_exit_code)
{
    CLI_CLEANUP(free_call) cordon_call *call = NULL;
    cordon_error *error = cordon_replay_new(runtime, record, NULL, NULL, &call);
    if (error != NULL) {
        return error;
    }
    cordon_call_finish(call);
    const cordon_outcome *const outcome = cordon_call_get_outcome(call);
    char *difference = NULL;
    error = cordon_replay_get_difference(call, &difference);
    if (error != NULL) {
        return error;
    }
    *out_exit_code = difference == NULL ? cordon_outcome_get_exit_code(outcome) : (int)CLI_DIVERGED;
    if (options->format == CLI_TEXT) {
        print_text(outcome, difference);
    } else {
        error = print_json(outcome, difference);
    }
    cordon_free(difference);
    return error;
}

/* Writes where the run spent its fuel. What goes wrong is told beside the outcome, on stderr. */
static int profile_in(
    cordon_runtime *runtime, const struct cli_options *options, const cordon_record *record)
{
    CLI_CLEANUP(file_secret_drop) struct file_secret file = {0};
    const int unwritable = file_secret_begin(&file, options->profile);
    if (unwritable != CLI_OK) {
        return unwritable;
    }
    char *folded = NULL;
    cordon_error *const error = cordon_replay_profile(runtime, record, 0, &folded);
    if (error != NULL) {
        return terminal_error(error);
    }
    const int unwritten = file_secret_finish(&file, folded, strlen(folded));
    cordon_free(folded);
    return unwritten;
}

/* A runtime that allows what the record used, with its modules loaded. */
static cordon_error *open_for(
    const struct cli_options *options, const cordon_record *record, cordon_runtime **out_runtime)
{
    struct cli_options wanted = *options;
    wanted.limits = cordon_record_get_limits(record);
    cordon_error *const error = local_open(&wanted, out_runtime);
    if (error != NULL) {
        return error;
    }
    size_t count = 0;
    const cordon_module *const modules = cordon_record_get_modules(record, &count);
    char *report = NULL;
    cordon_error *const refused = cordon_load(*out_runtime, modules, count, &report);
    cordon_free(report);
    return refused;
}

static int replay(const struct cli_options *options)
{
    TEXT_CLEANUP bytes = {0};
    const int unread = text_read_file(&bytes, options->operands[0], RECORD_BYTES_MAX);
    if (unread != CLI_OK) {
        return unread;
    }
    CLI_CLEANUP(free_record) cordon_record *record = NULL;
    cordon_error *error = cordon_record_read(bytes.data, bytes.size, &record);
    CLI_CLEANUP(local_close) cordon_runtime *runtime = NULL;
    int exit_code = CLI_OK;
    if (error == NULL) {
        error = open_for(options, record, &runtime);
    }
    if (error == NULL) {
        error = replay_in(runtime, options, record, &exit_code);
    }
    if (error == NULL && options->profile != NULL && exit_code != CLI_DIVERGED) {
        const int failed = profile_in(runtime, options, record);
        exit_code = failed == CLI_OK ? exit_code : failed;
    }
    return error == NULL ? exit_code : local_fail(options, error);
}

static const struct cli_flag flags[] = {
    {"profile", "FILE", "writes where the run spent its fuel, as folded stacks", flags_set_profile},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_replay = {
    .name = "replay",
    .operands = "RECORD",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "runs a recorded run again",
    .details =
        "Runs what `cordon run --record` wrote to RECORD once more, with the modules, arguments,\n"
        "seed, times, limits and database answers that stand in it and nothing else, and prints\n"
        "what came of it. If it is not the same run, to the last unit of fuel, it says where it\n"
        "first differs.\n"
        "\n"
        "With --profile it is run again to some hundred places spread over its fuel, and FILE "
        "gets\n"
        "a line for each stack found there, outermost function first, with the fuel that it "
        "stands\n"
        "for: what tools for flame graphs read.\n"
        "\n"
        "Exit code: as the run's; 2 for a damaged or foreign record; 6 if the run was another.",
    .example =
        "  cordon run --record lost.rec messages.wasm math:fib '{\"n\": 20}'\n"
        "  cordon replay lost.rec\n"
        "  cordon replay --profile lost.folded lost.rec && flamegraph.pl lost.folded > lost.svg",
    .flags = flags,
    .run = replay,
};
