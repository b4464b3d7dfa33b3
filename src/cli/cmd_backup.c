/* `cordon backup` and `cordon restore`: one file of a data folder, and a data folder of one. */
#include <inttypes.h>
#include <string.h>

#include "cli/flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"

/* "Backed up to NAME: 12345 bytes.", or the report as it is. Takes it over. */
static int print_report(
    const struct cli_options *options, const char *words, const char *member, char *text)
{
    if (options->format == CLI_JSON) {
        return terminal_print_json(text);
    }
    JSON_CLEANUP json = NULL;
    cordon_error *const error = cordon_json_parse(text, strlen(text), &json);
    cordon_free(text);
    if (error != NULL) {
        return terminal_error(error);
    }
    const cordon_json_value *const report = cordon_json_get_root(json);
    uint64_t bytes = 0;
    (void)cordon_json_get_u64(cordon_json_get_member(report, "bytes"), &bytes);
    (void)fputs(words, stdout);
    terminal_write(stdout, cordon_json_get_text(cordon_json_get_member(report, member)));
    (void)printf(": the backup has %" PRIu64 " bytes.\n", bytes);
    return CLI_OK;
}

static int back_up(const struct cli_options *options)
{
    const cordon_backup_options wanted = {
        .size = sizeof wanted,
        .data_folder = flags_folder(options),
        .file = options->operands[0],
        .replace = options->replace,
        .progress = progress_shown(),
    };
    char *report = NULL;
    cordon_error *const error = cordon_folder_backup(&wanted, &report);
    progress_end();
    return error == NULL ? print_report(options, "Backed up to ", "file", report)
                         : terminal_error(error);
}

static int restore(const struct cli_options *options)
{
    const char *const folder = flags_folder(options);
    const cordon_progress progress = progress_shown();
    char *report = NULL;
    cordon_error *const error =
        cordon_folder_restore(folder, options->operands[0], &progress, &report);
    progress_end();
    if (error != NULL) {
        return terminal_error(error);
    }
    const int code = print_report(options, "Restored ", "folder", report);
    if (code == CLI_OK && options->format != CLI_JSON) {
        (void)puts(
            "It has no admin keys: `cordon keygen admin --data` with this folder makes one.");
    }
    return code;
}

static const struct cli_flag backup_flags[] = {
    {"data", "DIR", "the data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    {"replace", NULL, "replaces a FILE that is there", flags_set_replace},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_backup = {
    .name = "backup",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "writes a data folder into one file, also while a server runs",
    .details =
        "Writes what the data folder holds into FILE, or into a new file in FILE if that is a\n"
        "folder. A server may be running on the data folder: the backup is its state after one\n"
        "commit, with everything that was acknowledged before this command began. A damaged\n"
        "folder is refused. The file has its name when it is whole, checked and on the disk.\n"
        "\n"
        "It holds all data and secrets of the store: keep it as safe as the folder. Admin keys\n"
        "and records of runs are not in it.",
    .example = "  cordon backup --data ./cordon-data ./backups/today.backup",
    .flags = backup_flags,
    .run = back_up,
};

static const struct cli_flag restore_flags[] = {
    {"data", "DIR", "the new data folder (default " CLI_DEFAULT_DATA ")", flags_set_data},
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_restore = {
    .name = "restore",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "makes a data folder of a backup",
    .details =
        "Makes the data folder DIR of the backup FILE. DIR must not be there, or be empty. The\n"
        "backup's checksums and every row of it are checked before; DIR is there whole, or not\n"
        "at all. Commits go on with later times than any in the backup.",
    .example = "  cordon restore --data ./cordon-restored ./backups/today.backup",
    .flags = restore_flags,
    .run = restore,
};
