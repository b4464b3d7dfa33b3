/*
 * `cordon selftest`: the proof of the store on this machine, and the check of a recorded history.
 * Exit code 0 if there is no anomaly, else 5, with the history in a file.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/flags.h"
#include "cli/terminal.h"
#include "cli/text.h"

#define HISTORY_BYTES_MAX ((size_t)2 << 30)
#define SAVE_DEFAULT "selftest-history.jsonl"

static void free_selftest(cordon_selftest **selftest)
{
    cordon_selftest_free(*selftest);
}

static uint64_t rate(const cordon_selftest_summary *summary)
{
    return summary->work_ms == 0 ? 0 : summary->transactions * 1000 / summary->work_ms;
}

static void print_progress(void *arg, const cordon_selftest_summary *so_far)
{
    (void)arg;
    (void)fprintf(
        stderr, "%" PRIu64 " transactions, %" PRIu64 " a second, %" PRIu64 " conflicts\n",
        so_far->transactions, rate(so_far), so_far->conflicts);
}

/* -- Text -------------------------------------------------------------------------------------- */

static void print_anomalies(const cordon_selftest *selftest)
{
    cordon_selftest_anomaly anomaly;
    const char *finding = NULL;
    for (size_t i = 0; cordon_selftest_get_anomaly(selftest, i, &anomaly); i++) {
        if (anomaly.count > 0) {
            (void)printf("%s: %" PRIu64 " (%s)\n", anomaly.name, anomaly.count, anomaly.meaning);
        }
    }
    for (size_t i = 0; (finding = cordon_selftest_get_finding(selftest, i)) != NULL; i++) {
        (void)putchar('\n');
        (void)puts(finding); /* numbers and words of ours alone */
    }
}

static void print_text(const struct cli_options *options, const cordon_selftest *selftest)
{
    const cordon_selftest_summary summary = cordon_selftest_get_summary(selftest);
    (void)printf("transactions: %" PRIu64 "\n", summary.transactions);
    if (options->check == NULL) {
        (void)printf(
            "conflicts: %" PRIu64 "\nreserved reruns: %" PRIu64 "\ntime: %" PRIu64
            " ms, and %" PRIu64 " ms to check\nrate: %" PRIu64 " a second\nseed: %" PRIu64 "\n",
            summary.conflicts, summary.reserved, summary.work_ms, summary.check_ms, rate(&summary),
            options->number);
    }
    if (summary.anomalies == 0) {
        (void)puts("anomalies: none");
        return;
    }
    (void)printf("anomalies: %" PRIu64 "\n", summary.anomalies);
    print_anomalies(selftest);
}

/* -- JSON -------------------------------------------------------------------------------------- */

static cordon_error *add_quoted(struct text *json, const char *words)
{
    char *quoted = NULL;
    cordon_error *const error = cordon_json_quote(terminal_text(words), &quoted);
    if (error == NULL) {
        text_printf(json, "%s", quoted);
    }
    cordon_free(quoted);
    return error;
}

static cordon_error *add_anomalies(struct text *json, const cordon_selftest *selftest)
{
    cordon_selftest_anomaly anomaly;
    const char *finding = NULL;
    cordon_error *error = NULL;
    const char *comma = "";
    text_printf(json, ",\"anomalies\":{");
    for (size_t i = 0; cordon_selftest_get_anomaly(selftest, i, &anomaly); i++) {
        if (anomaly.count > 0) {
            text_printf(json, "%s\"%s\":%" PRIu64, comma, anomaly.name, anomaly.count);
            comma = ",";
        }
    }
    text_printf(json, "},\"findings\":[");
    for (size_t i = 0;
         error == NULL && (finding = cordon_selftest_get_finding(selftest, i)) != NULL; i++) {
        text_printf(json, "%s", i == 0 ? "" : ",");
        error = add_quoted(json, finding);
    }
    text_printf(json, "]");
    return error;
}

static cordon_error *print_json(
    const struct cli_options *options, const cordon_selftest *selftest, const char *saved)
{
    TEXT_CLEANUP json = {0};
    const cordon_selftest_summary summary = cordon_selftest_get_summary(selftest);
    text_printf(
        &json, "{\"status\":\"%s\",\"transactions\":%" PRIu64,
        summary.anomalies == 0 ? "passed" : "failed", summary.transactions);
    if (options->check == NULL) {
        text_printf(
            &json,
            ",\"conflicts\":%" PRIu64 ",\"reserved\":%" PRIu64 ",\"workMs\":%" PRIu64
            ",\"checkMs\":%" PRIu64 ",\"seed\":%" PRIu64,
            summary.conflicts, summary.reserved, summary.work_ms, summary.check_ms,
            options->number);
    }
    cordon_error *error = add_anomalies(&json, selftest);
    if (error == NULL && saved != NULL) {
        text_printf(&json, ",\"history\":");
        error = add_quoted(&json, saved);
    }
    if (error == NULL) {
        (void)printf("%s}\n", json.data);
    }
    return error;
}

/* -- Running ----------------------------------------------------------------------------------- */

/* Writes the history in which something was found. `*out_path` stays NULL if there is none. */
static int save_history(
    const struct cli_options *options, const cordon_selftest *selftest, const char **out_path)
{
    size_t size = 0;
    const char *const history = cordon_selftest_get_history(selftest, &size);
    if (history == NULL) {
        return CLI_OK;
    }
    const char *const path = options->save == NULL ? SAVE_DEFAULT : options->save;
    CLI_CLEANUP(file_secret_drop) struct file_secret file = {0};
    const int unwritable = file_secret_begin(&file, path);
    if (unwritable != CLI_OK) {
        return unwritable;
    }
    *out_path = path;
    return file_secret_finish(&file, history, size);
}

static int report(const struct cli_options *options, const cordon_selftest *selftest)
{
    const char *saved = NULL;
    cordon_error *error = NULL;
    const int unsaved = save_history(options, selftest, &saved);
    if (options->format == CLI_JSON) {
        error = print_json(options, selftest, saved);
    } else {
        print_text(options, selftest);
    }
    if (error != NULL) {
        return terminal_error(error);
    }
    if (unsaved != CLI_OK || cordon_selftest_get_summary(selftest).anomalies == 0) {
        return unsaved;
    }
    if (saved == NULL) {
        return CLI_MACHINE;
    }
    return terminal_fail(
        CLI_MACHINE,
        "the store is not what it promises; report that, with the file %s\n"
        "`cordon selftest --check %s` says again what is wrong.",
        saved, saved);
}

static int check_history(const struct cli_options *options)
{
    TEXT_CLEANUP lines = {0};
    const int failed = text_read_file(&lines, options->check, HISTORY_BYTES_MAX);
    if (failed != CLI_OK) {
        return failed;
    }
    if (lines.size > HISTORY_BYTES_MAX) {
        return terminal_fail(
            CLI_USAGE, "the history %s is over %zu bytes; check it in parts", options->check,
            HISTORY_BYTES_MAX);
    }
    CLI_CLEANUP(free_selftest) cordon_selftest *selftest = NULL;
    cordon_error *const error = cordon_selftest_check(lines.data, lines.size, &selftest);
    return error == NULL ? report(options, selftest) : terminal_error(error);
}

static int run_selftest(const struct cli_options *options)
{
    const cordon_selftest_options wanted = {
        .size = sizeof wanted,
        .data_folder = options->data,
        .transactions = options->transactions,
        .seconds = (uint32_t)options->seconds,
        .threads = (uint32_t)options->threads,
        .seed = options->number,
        .progress = options->format == CLI_TEXT ? print_progress : NULL,
    };
    CLI_CLEANUP(free_selftest) cordon_selftest *selftest = NULL;
    cordon_error *const error = cordon_selftest_run(&wanted, &selftest);
    return error == NULL ? report(options, selftest) : terminal_error(error);
}

static int run(const struct cli_options *options)
{
    if (options->memory && options->data != NULL) {
        return terminal_usage(
            options->command, "--memory and --data exclude each other: name one of them");
    }
    const bool runs = options->memory || options->data != NULL || options->transactions > 0 ||
                      options->threads > 0 || options->seconds > 0 || options->has_number;
    if (options->check != NULL && runs) {
        return terminal_usage(
            options->command, "--check reads a history and runs nothing; leave out the rest");
    }
    return options->check != NULL ? check_history(options) : run_selftest(options);
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "a new data folder, on the disk to be tested", flags_set_data},
    {"memory", NULL, "a store in memory (the default)", flags_set_memory},
    {"transactions", "N", "how many (default 100000)", flags_set_transactions},
    {"threads", "N", "how many at one time (default 8)", flags_set_threads},
    {"seconds", "N", "ends after so long even so", flags_set_seconds},
    {"seed", "N", "what the threads do (default 0)", flags_set_number},
    {"save", "FILE", "where a failed history goes (default " SAVE_DEFAULT ")", flags_set_save},
    {"check", "FILE", "checks a recorded history instead", flags_set_check},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_selftest = {
    .name = "selftest",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "proves that the store keeps its promises here",
    .details =
        "Many threads read and write a few documents as fast as they can, and what they did and\n"
        "saw is held against what the store promises: that it is as if one transaction had been\n"
        "done after the other. With --data that is done on a disk, whose folder is opened anew\n"
        "on the way; it must not have been used before, and is not removed. Exit code 5 means\n"
        "that the promise was broken; then the history is kept in a file.",
    .example = "  cordon selftest --transactions 20000",
    .flags = flags,
    .run = run,
};
