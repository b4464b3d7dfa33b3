/* `cordon verify`: whether everything that a data folder holds is sound. */
#include <inttypes.h>
#include <string.h>

#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"

static uint64_t number(const cordon_json_value *report, const char *name)
{
    uint64_t value = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(report, name), &value);
    return value;
}

static void print_damage(const cordon_json_value *damage)
{
    const cordon_json_value *const row = cordon_json_get_member(damage, "row");
    const cordon_json_value *const key = cordon_json_get_member(damage, "key");
    uint64_t offset = 0;
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(damage, "file")));
    if (cordon_json_get_u64(cordon_json_get_member(damage, "offset"), &offset)) {
        (void)printf(", byte %" PRIu64, offset);
    }
    (void)fputs(": ", stdout);
    if (row != NULL) {
        terminal_write(stdout, cordon_json_get_text(row));
        (void)fputs(": ", stdout);
    }
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(damage, "message")));
    if (key != NULL) {
        (void)fputs(" (key ", stdout);
        terminal_write(stdout, cordon_json_get_text(key));
        (void)fputc(')', stdout);
    }
    (void)fputc('\n', stdout);
}

static void print_counts(const cordon_json_value *report)
{
    (void)printf(
        "%" PRIu64 " pages, %" PRIu64 " rows, %" PRIu64 " documents in %" PRIu64 " tables, %" PRIu64
        " index entries, %" PRIu64 " audit records in the data file.\n",
        number(report, "pages"), number(report, "rows"), number(report, "documents"),
        number(report, "tables"), number(report, "indexEntries"), number(report, "auditRecords"));
    if (number(report, "logRecords") > 0) {
        (void)printf(
            "%" PRIu64 " records of %" PRIu64
            " rows in the log, checked each by itself; what of them the data file does not have "
            "is\nnot among its documents.\n",
            number(report, "logRecords"), number(report, "logRows"));
    }
    if (number(report, "logUnfinished") > 0) {
        (void)puts(
            "The log ends in a record that is not whole: one that is being written, that a power "
            "cut\nbroke off before it was acknowledged, or a damaged one. It will be left out.");
    }
}

/* The report as text. */
static int print_report(const char *folder, const char *text, bool sound)
{
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(text, strlen(text), &json);
    if (error != NULL) {
        return terminal_error(error);
    }
    const cordon_json_value *const report = cordon_json_get_root(json);
    const cordon_json_value *const list = cordon_json_get_member(report, "damage");
    cordon_json_walk walk = cordon_json_walk_begin(list);
    const uint64_t listed = walk.left;
    for (const cordon_json_value *item; (item = cordon_json_walk_next(&walk, NULL)) != NULL;) {
        print_damage(item);
    }
    const uint64_t damages = number(report, "damages");
    if (damages > listed) {
        (void)printf("and %" PRIu64 " more\n", damages - listed);
    }
    if (!cordon_json_is_true(cordon_json_get_member(report, "agreement"))) {
        (void)puts("Whether documents and indexes agree was not checked, because of the damage.");
    }
    print_counts(report);
    terminal_write(stdout, terminal_text(folder));
    (void)puts(sound ? " is sound." : " is damaged: restore it from a backup (`cordon restore`).");
    return sound ? CLI_OK : CLI_DAMAGED;
}

static int run(const struct cli_options *options)
{
    const char *const folder = flags_folder(options);
    const cordon_progress progress = progress_shown();
    char *report = NULL;
    bool sound = false;
    cordon_error *const error = cordon_folder_verify(folder, &progress, &sound, &report);
    progress_end();
    if (error != NULL) {
        return terminal_error(error);
    }
    if (options->format == CLI_JSON) {
        (void)terminal_print_json(report);
        return sound ? CLI_OK : CLI_DAMAGED;
    }
    const int code = print_report(folder, report, sound);
    cordon_free(report);
    return code;
}

static const struct cli_flag flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_verify = {
    .name = "verify",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "checks everything that a data folder holds",
    .details =
        "Reads every page, row and log record of the data folder, and holds documents, indexes\n"
        "and tables against each other. Each damage is a line with its place. Nothing is mended.\n"
        "A server may be running on the folder, and loses nothing but the reading of the disk.\n"
        "Exits with 0 if all is sound, 7 if anything is damaged, 5 if it cannot be told.",
    .example = "  cordon verify --data ./cordon-data",
    .flags = flags,
    .run = run,
};
